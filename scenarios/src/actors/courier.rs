//! Couriers: the two custodians of a tenant's bundles, who take them out of the building on a token and plug them in
//! where no line leads.
//!
//! Both are honest and together; whoever carries the token between them need not be. A simulated second stands for a
//! day or so of carrying.

use super::Loot;
use super::attacker::{Event, Kit, Script};
use models::crypto::base64url;
use models::ids::{Bytes, TenantId};
use models::offline::bundle::{Bundle, statement};
use models::offline::cell::TRANSFER;
use models::offline::custody::{Custody, attest, maker_key, release};
use models::offline::exporter::DESK;
use models::offline::loader::Transfer;
use models::wire::http::{Headers, Method, Response};
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

/// The custodians of the reference platform.
pub const CUSTODIANS: [&str; 2] = ["custodian-1", "custodian-2"];
/// Their token.
pub const TOKEN: &str = "token-1";

/// What accompanies a bundle that these custodians release, on a token of this maker.
pub fn custody_of(cell: &str, tenant: &str, sequence: u64, custodians: &[&str]) -> Custody {
    let statement = statement(cell, tenant, sequence);
    let releases = custodians.iter().map(|name| release(name, &statement)).collect();
    Custody { releases, attestation: attest(&maker_key(), TOKEN, &statement) }
}

/// Couriers at work.
pub struct Courier {
    /// Where bundles are given out.
    pub desk: NodeId,
    /// Where they are plugged in; whoever has none only fetches.
    pub loader: Option<NodeId>,
    /// For which cell.
    pub cell: &'static str,
    /// Of which tenant.
    pub tenant: TenantId,
    /// So many bundles lie fetched before the first of them is plugged in.
    pub lag: usize,
    /// When they begin.
    pub wait: Duration,
    /// When they stop.
    pub until: Instant,
    /// Where copies of what they fetched lie about, and under which name: `latest` of them, or the first one.
    pub loot: (Loot, &'static str, bool),
    fetched: Vec<Bytes>,
    plugged: usize,
    asked: Option<(u64, bool)>,
}

const WORK: u64 = 51;
const BREATH: Duration = Duration::millis(90);

impl Courier {
    /// Couriers who have fetched nothing yet.
    pub fn new(
        desk: NodeId,
        loader: Option<NodeId>,
        (cell, tenant): (&'static str, &str),
        loot: (Loot, &'static str, bool),
    ) -> Courier {
        Courier {
            desk,
            loader,
            cell,
            tenant: tenant.into(),
            lag: 0,
            wait: Duration::millis(900),
            until: Instant::NEVER,
            loot,
            fetched: Vec::new(),
            plugged: 0,
            asked: None,
        }
    }

    fn work(&mut self, kit: &mut Kit<'_, '_>) {
        if kit.ctx.now() > self.until || kit.is_over() {
            return;
        }
        kit.after(BREATH, WORK);
        if self.asked.is_some() {
            return;
        }
        let takes_place = kit.will_ask();
        let next =
            self.loader.zip(self.fetched.get(self.plugged)).filter(|_| self.plugged + self.lag < self.fetched.len());
        let asked = match next {
            Some((loader, transfer)) => (kit.ask(loader, Method::Put, TRANSFER, Headers::default(), transfer), true),
            None => {
                let sequence = self.fetched.len() as u64 + 1;
                let custody = custody_of(self.cell, &self.tenant, sequence, &CUSTODIANS);
                let path = format!("{DESK}{}/{}/{sequence}", self.cell, self.tenant);
                (kit.ask(self.desk, Method::Post, &path, Headers::default(), &custody.encode()), false)
            }
        };
        // Where the choice map takes a request away there is no answer to wait for.
        self.asked = takes_place.then_some(asked);
    }

    fn heard(&mut self, plugs: bool, response: Option<&Response>) {
        self.asked = None;
        let Some(response) = response.filter(|response| (200..300).contains(&response.status)) else { return };
        if plugs {
            self.plugged += 1;
            return;
        }
        let Some(bundle) = Bundle::decode(&response.body) else { return };
        let sequence = self.fetched.len() as u64 + 1;
        let custody = custody_of(self.cell, &self.tenant, sequence, &CUSTODIANS);
        let transfer = Transfer { bundle, custody }.encode();
        let (loot, name, latest) = &self.loot;
        if *latest || self.fetched.is_empty() {
            loot.drop_token(&Arc::from(*name), &Arc::from(base64url(&transfer)));
        }
        self.fetched.push(transfer.into());
    }
}

impl Script for Courier {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.wait), WORK),
            Event::Tick(WORK) => self.work(kit),
            Event::Answer(id, response) => {
                if let Some((_, plugs)) = self.asked.filter(|(asked, _)| *asked == id) {
                    self.heard(plugs, response);
                }
            }
            _ => {}
        }
    }
}
