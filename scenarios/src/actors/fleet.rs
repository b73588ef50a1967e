//! What keeps a tenant's devices in a database, and what reads them in another cell for the tenant's reports.
//!
//! Both are workloads of the mesh with a certificate each. The first has one change under way at a time, and goes to
//! the other node of the pair when one does not answer; what became of a change then it learns by the next one of the
//! same device, whose version the database counts. The second says how old an answer may be.

use super::attacker::Kit;
use super::pod::Caller;
use models::ids::{Bytes, TenantId};
use models::luck;
use models::marker::Marker;
use models::oracles::logical_replica::{READS, Told, WRITES};
use models::platform::replica::{ANYWHERE, MARKED_FROM};
use models::wire::Wire;
use models::wire::sql::{Outcome, Reply, Row, Statement, Transaction, Value};
use sim::seed::below;
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

/// A change has no answer by then: nobody knows what became of it.
const PATIENCE: Duration = Duration::millis(500);
/// Hellos without an answer, after which the other node is tried.
const HELLOS_MAX: u32 = 2;
/// Devices that a tenant has.
const DEVICES: usize = 8;
/// Changes of a device in its life, at most.
const CHANGES_MAX: u16 = 1_000;

/// A device as its keeper knows it.
struct Device {
    key: i64,
    is_bound: bool,
    changes: u16,
}

/// A change under way.
struct Pending {
    id: u64,
    what: String,
    key: i64,
    verb: usize,
    since: Instant,
    marker: Marker,
    binds: bool,
}

/// What keeps a tenant's devices.
pub struct Fleet {
    tenant: TenantId,
    index: u32,
    /// The region that its bound devices are bound to.
    region: Arc<str>,
    doors: Vec<NodeId>,
    at: usize,
    devices: Vec<Device>,
    next: i64,
    pending: Option<Pending>,
    /// Hellos that nobody has answered.
    hellos: u32,
    until: Instant,
}

impl Fleet {
    /// A keeper that begins without a device, and changes nothing from an instant on.
    pub fn new((tenant, index): (&str, u32), region: &str, doors: Vec<NodeId>, until: Instant) -> Fleet {
        let (devices, next) = (Vec::new(), 1);
        let (tenant, region, pending) = (tenant.into(), region.into(), None);
        Fleet { tenant, index, region, doors, at: 0, devices, next, pending, hellos: 0, until }
    }

    /// Who is not answered goes elsewhere.
    fn give_up(&mut self, kit: &mut Kit<'_, '_>, reason: (u16, &'static str)) {
        let Some(pending) = self.pending.take() else { return };
        kit.heard_of(&pending.what, pending.since, reason, (*b"").into());
        self.at += 1;
    }

    /// The next change: which verb, of which device, and whether it is bound afterwards.
    fn choose(&mut self, kit: &mut Kit<'_, '_>) -> (usize, i64, u16, bool) {
        let drawn = kit.draw(luck::OPERATION);
        let (what, which) = (drawn % 100, drawn >> 32);
        if self.devices.len() < DEVICES {
            self.next += 1;
            let is_bound = what < 20;
            return (0, self.next - 1, 1, is_bound);
        }
        let device = &mut self.devices[below(which << 32, DEVICES as u64) as usize];
        device.changes += 1;
        match what {
            _ if device.changes >= CHANGES_MAX => (3, device.key, device.changes, device.is_bound),
            0..10 => (3, device.key, device.changes, device.is_bound),
            10..25 => (2, device.key, device.changes, !device.is_bound),
            _ => (1, device.key, device.changes, device.is_bound),
        }
    }

    fn statement(&self, verb: usize, key: i64, marker: &Marker, binds: bool) -> Statement {
        let residency = if binds { self.region.clone() } else { ANYWHERE.into() };
        let (tenant, body) = (Value::Text(self.tenant.clone()), Value::text(marker.encode().as_str()));
        let shown = "RETURNING id, residency, version, body";
        let (text, params) = match verb {
            0 => (
                "INSERT INTO devices (tenant_id, id, residency, body) VALUES ($1, $2, $3, $4)",
                vec![tenant, Value::Int(key), Value::Text(residency), body],
            ),
            1 => (
                "UPDATE devices SET body = $3, version = version + 1 WHERE tenant_id = $1 AND id = $2",
                vec![tenant, Value::Int(key), body],
            ),
            2 => (
                "UPDATE devices SET residency = $3, body = $4, version = version + 1 WHERE tenant_id = $1 AND id = $2",
                vec![tenant, Value::Int(key), Value::Text(residency), body],
            ),
            _ => ("DELETE FROM devices WHERE tenant_id = $1 AND id = $2", vec![tenant, Value::Int(key)]),
        };
        Statement::new(&format!("{text} {shown}"), params)
    }

    /// What the keeper knows of a device after a change was done.
    fn done(&mut self, pending: &Pending) {
        match pending.verb {
            0 => self.devices.push(Device { key: pending.key, is_bound: pending.binds, changes: 1 }),
            3 => self.devices.retain(|device| device.key != pending.key),
            _ => {
                let device = self.devices.iter_mut().find(|device| device.key == pending.key);
                device.into_iter().for_each(|device| device.is_bound = pending.binds);
            }
        }
    }
}

impl Caller for Fleet {
    fn door(&mut self, kit: &mut Kit<'_, '_>) -> Option<(NodeId, bool)> {
        let now = kit.ctx.now();
        let waits = self.pending.as_ref().is_some_and(|pending| now.since(pending.since) < PATIENCE);
        if waits || now >= self.until {
            return None;
        }
        let dials = self.pending.is_some();
        self.give_up(kit, (0, "gave-up"));
        if self.hellos >= HELLOS_MAX {
            (self.hellos, self.at) = (0, self.at + 1);
        }
        self.hellos += 1;
        Some((self.doors[self.at % self.doors.len()], dials))
    }

    fn say(&mut self, kit: &mut Kit<'_, '_>, id: u64) -> Wire {
        self.hellos = 0;
        let (verb, key, change, binds) = self.choose(kit);
        let drawn = u128::from(kit.draw(luck::DATUM));
        let marker = Marker::new(self.index, 1, MARKED_FROM + key as u32, change, drawn);
        let what = match verb {
            2 if binds => format!("{}{key} to {}", WRITES[verb], self.region),
            _ => format!("{}{key}", WRITES[verb]),
        };
        let statements = vec![self.statement(verb, key, &marker, binds)];
        self.pending = Some(Pending { id, what, key, verb, since: kit.ctx.now(), marker, binds });
        let tenant = Some(self.tenant.clone());
        Wire::Sql(id, Box::new(Transaction { tenant, login: None, statements }))
    }

    fn hear(&mut self, kit: &mut Kit<'_, '_>, id: u64, outcome: &Outcome) {
        if self.pending.as_ref().is_none_or(|pending| pending.id != id) {
            return;
        }
        if let Some(sqlstate) = outcome.error().and_then(Reply::sqlstate) {
            // A connection that broke says nothing of what it carried.
            let status = if sqlstate == "57P01" { 0 } else { 503 };
            return self.give_up(kit, (status, sqlstate));
        }
        let Some(pending) = self.pending.take() else { return };
        let told = outcome.replies.iter().flat_map(Reply::rows).find_map(told);
        let Some(told) = told else {
            // The device is not there: its database has lost what it was never told to be safe.
            self.devices.retain(|device| device.key != pending.key);
            return kit.heard_of(&pending.what, pending.since, (404, "no-row"), (*b"").into());
        };
        debug_assert!(pending.verb == 3 || told.marker == pending.marker, "a row is what it was made");
        kit.heard_of(&pending.what, pending.since, (200, "ROWS"), told.line().into_bytes().into());
        self.done(&pending);
    }
}

/// A row of a database, in the order in which both ask for it.
fn told(row: &Row) -> Option<Told> {
    let [Value::Int(key), Value::Text(residency), Value::Int(version), Value::Text(body)] = &row[..] else {
        return None;
    };
    let marker = Marker::decode(body.as_bytes())?;
    Some(Told { key: *key, residency: residency.clone(), version: *version, marker })
}

/// What reads a replica for a tenant.
pub struct Reports {
    tenant: TenantId,
    door: NodeId,
    /// How old an answer may be.
    at_most: Duration,
    /// What it says.
    statement: Statement,
    /// The mark of asking, and from when until when it is one.
    mark: (&'static str, Instant, Instant),
    asked: Option<(u64, Instant)>,
}

impl Reports {
    /// A report of the tenant's devices.
    pub fn new(tenant: &str, door: NodeId, at_most: Duration, mark: (&'static str, Instant, Instant)) -> Reports {
        let text = "SELECT id, residency, version, body FROM devices WHERE tenant_id = $1 ORDER BY id";
        let statement = Statement::new(text, vec![Value::text(tenant)]);
        Reports { tenant: tenant.into(), door, at_most, statement, mark, asked: None }
    }

    /// The same with a statement of its own making.
    #[must_use]
    pub fn saying(self, statement: Statement) -> Reports {
        Reports { statement, ..self }
    }
}

impl Caller for Reports {
    fn door(&mut self, kit: &mut Kit<'_, '_>) -> Option<(NodeId, bool)> {
        let now = kit.ctx.now();
        let late = self.asked.is_some_and(|(_, at)| now.since(at) >= PATIENCE);
        if self.asked.is_some() && !late {
            return None;
        }
        self.asked = None;
        Some((self.door, late))
    }

    fn say(&mut self, kit: &mut Kit<'_, '_>, id: u64) -> Wire {
        let now = kit.ctx.now();
        let (mark, from, until) = self.mark;
        if (from..until).contains(&now) {
            kit.mark(mark);
        }
        self.asked = Some((id, now));
        let (tenant, statements) = (Some(self.tenant.clone()), vec![self.statement.clone()]);
        Wire::SqlAtMost(id, self.at_most, Box::new(Transaction { tenant, login: None, statements }))
    }

    fn hear(&mut self, kit: &mut Kit<'_, '_>, id: u64, outcome: &Outcome) {
        let Some((_, asked)) = self.asked.take_if(|(asked, _)| *asked == id) else { return };
        let what = format!("{READS}{}", self.at_most.as_millis());
        if let Some(sqlstate) = outcome.error().and_then(Reply::sqlstate) {
            return kit.heard_of(&what, asked, (503, sqlstate), (*b"").into());
        }
        let lines: Vec<String> =
            outcome.replies.iter().flat_map(Reply::rows).filter_map(told).map(|t| t.line()).collect();
        let body: Bytes = lines.join("\n").into_bytes().into();
        kit.heard_of(&what, asked, (200, "ROWS"), body);
    }
}
