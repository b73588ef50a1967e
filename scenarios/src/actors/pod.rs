//! A pod that was broken into: it stands in the cluster's network, dials a workload directly, and shows a certificate.
//!
//! It opens the link as any peer would and believes whatever answers, since it has no reason to be careful. Past the
//! handshake it speaks as those do who may: to the service as the gateway, which shows no token and names a tenant; to
//! a broker, a database or a cache as the service.

use super::attacker::{Event, Kit, Script};
use super::broker::{content, spell, status};
use models::ids::{Bytes, TenantId};
use models::luck;
use models::mesh::handshake::Identity;
use models::mesh::version::{Hellos, OFFERED};
use models::postgres::sqlstate::UNIQUE_VIOLATION;
use models::wire::Wire;
use models::wire::http::{Headers, Method};
use models::wire::kafka::{Fetch, Request, TopicName};
use models::wire::resp::{self, ConnectionId};
use models::wire::sql::{Outcome, Transaction, Value};
use models::wire::svid::Handshake;
use models::wire::tls::Versions;
use sim::seed::below;
use sim::{Duration, NodeId};

/// What such a pod is.
pub struct Pod {
    /// The workload that it dials.
    pub door: NodeId,
    /// What it shows, and the key that it holds.
    pub identity: Identity,
    /// What its TLS library speaks.
    pub versions: Versions,
    /// What it wants, past the door.
    pub errand: Errand,
    /// The mark of standing before the door.
    pub mark: &'static str,
    /// When it begins.
    pub wait: Duration,
    /// How often it dials.
    pub tries: u32,
    /// Between two attempts.
    pub gap: Duration,
    /// The nonce of the handshake under way.
    pub nonce: u64,
    /// Whether its last hello had no answer yet.
    unanswered: bool,
    /// What it asked a store for last, in its own words.
    pub asked: String,
    /// The door that it has a link to, if it goes on talking on one.
    pub linked: Option<NodeId>,
}

/// What a pod wants.
pub enum Errand {
    /// Records of a tenant, of the service.
    Records(TenantId),
    /// Something of a broker.
    Broker(Request),
    /// A call to an API.
    Call(Call),
    /// Transactions of its own making, of a database: one of them at a time.
    Statements(Vec<Transaction>),
    /// Commands of its own making, of a cache: one batch at a time, each on a connection of its own.
    Commands(Vec<resp::Request>),
    /// What somebody with a mind of its own says to databases.
    Caller(Box<dyn Caller>),
}

/// Somebody who talks to databases, past the door.
pub trait Caller {
    /// Where it goes next, if anywhere now; and whether the link that it has there will not do any more.
    fn door(&mut self, kit: &mut Kit<'_, '_>) -> Option<(NodeId, bool)>;
    /// What it says there, under this number.
    fn say(&mut self, kit: &mut Kit<'_, '_>, id: u64) -> Wire;
    /// What came of it.
    fn hear(&mut self, kit: &mut Kit<'_, '_>, id: u64, outcome: &Outcome);
}

/// A call that is made again and again.
#[derive(Clone)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Path.
    pub path: &'static str,
    /// For which tenant the pod says that it asks, if for one.
    pub tenant: Option<&'static str>,
    /// Content.
    pub body: Bytes,
}

const DIAL: u64 = 1;
const SPEAK: u64 = 2;
/// Between two hellos of a caller.
const DIAL_GAP: Duration = Duration::millis(250);
/// After its proof left, until it speaks.
const BREATH: Duration = Duration::millis(20);

impl Pod {
    /// A pod with this identity at this door, which will ask for records of `tenant`.
    pub fn new(door: NodeId, identity: Identity, tenant: &str, mark: &'static str) -> Pod {
        Pod::with(door, identity, Errand::Records(tenant.into()), mark)
    }

    /// A pod with this identity that will make a call.
    pub fn calling(door: NodeId, identity: Identity, call: Call, mark: &'static str) -> Pod {
        Pod::with(door, identity, Errand::Call(call), mark)
    }

    /// A pod with this identity at the door of a broker, which will read a topic.
    pub fn at_broker(door: NodeId, identity: Identity, topic: TopicName, mark: &'static str) -> Pod {
        let (wait, bytes_max) = (Duration::ZERO, 1 << 16);
        let fetch = Fetch { topic, partition: 0, offset: 0, bytes_max, wait };
        Pod::with(door, identity, Errand::Broker(Request::Fetch(fetch)), mark)
    }

    /// A pod with this identity at the door of a store, which speaks for itself there.
    pub fn at_store(door: NodeId, identity: Identity, errand: Errand, mark: &'static str) -> Pod {
        Pod::with(door, identity, errand, mark)
    }

    fn with(door: NodeId, identity: Identity, errand: Errand, mark: &'static str) -> Pod {
        let (wait, gap) = (Duration::millis(2_500), Duration::millis(350));
        let (asked, linked, unanswered) = (String::new(), None, false);
        Pod {
            door,
            identity,
            versions: OFFERED,
            errand,
            mark,
            wait,
            tries: 12,
            gap,
            nonce: 0,
            unanswered,
            asked,
            linked,
        }
    }

    fn dial(&mut self, kit: &mut Kit<'_, '_>) {
        if self.tries == 0 {
            return;
        }
        self.tries -= 1;
        let mut gap = self.gap;
        if let Errand::Caller(caller) = &mut self.errand {
            let Some((door, dials)) = caller.door(kit) else { return kit.after(self.gap, DIAL) };
            if self.linked == Some(door) && !dials {
                self.nonce = kit.draw(luck::NONCE);
                self.speak(kit);
                return kit.after(self.gap, DIAL);
            }
            (self.door, self.linked, gap) = (door, None, DIAL_GAP);
        }
        // A hello that nobody answered is said again: what is answered late is then the answer to both.
        if !self.unanswered {
            self.nonce = kit.draw(luck::NONCE);
        }
        if kit.goes(u64::from(self.tries)) {
            let hello = Handshake::ClientHello { nonce: self.nonce, versions: self.versions };
            // What is older than everybody else's is the attack itself; other pods stand at the door when it opens.
            if self.versions != OFFERED {
                kit.mark(self.mark);
            }
            say(kit, self.door, hello);
            self.unanswered = true;
        }
        kit.after(gap, DIAL);
    }

    fn speak(&mut self, kit: &mut Kit<'_, '_>) {
        match &mut self.errand {
            Errand::Caller(caller) => {
                let word = caller.say(kit, self.nonce);
                kit.out.send(self.door, word);
            }
            Errand::Statements(all) => {
                let one = &all[below(kit.draw(luck::ATTACK), all.len() as u64) as usize];
                self.asked = one.statements.iter().map(|s| &*s.text).collect::<Vec<_>>().join("; ");
                kit.out.send(self.door, Wire::Sql(self.nonce, Box::new(one.clone())));
            }
            Errand::Commands(all) => {
                let one = &all[below(kit.draw(luck::ATTACK), all.len() as u64) as usize];
                self.asked = format!("{} commands of a cache", one.len());
                kit.out.send(self.door, Wire::Resp(self.nonce, ConnectionId(self.nonce), one.clone()));
            }
            Errand::Records(tenant) => {
                let record = below(kit.draw(luck::ATTACK), 4);
                let headers = Headers { tenant_id: Some(tenant.clone()), ..Headers::default() };
                kit.ask(self.door, Method::Get, &format!("/v1/records/{record}"), headers, b"");
            }
            Errand::Call(call) => {
                let headers = Headers { tenant_id: call.tenant.map(TenantId::from), ..Headers::default() };
                kit.ask(self.door, call.method, call.path, headers, &call.body);
            }
            Errand::Broker(request) => kit.out.send(self.door, Wire::Kafka(self.nonce, Box::new(request.clone()))),
        }
    }
}

fn say(kit: &mut Kit<'_, '_>, to: NodeId, word: Handshake) {
    kit.out.send(to, Wire::Handshake(Box::new(word)));
}

/// What came of statements: the rows, or the first error's SQLSTATE. An error about a value shows the value; what
/// another one says was in the question. That a key is taken is a conflict.
fn rows(outcome: &Outcome) -> (u16, &'static str, Bytes) {
    if let Some(models::wire::sql::Reply::Error { sqlstate, message }) = outcome.error() {
        return match *sqlstate {
            UNIQUE_VIOLATION => (409, sqlstate, (*b"").into()),
            _ if sqlstate.starts_with("22") => (403, sqlstate, message.as_bytes().into()),
            _ => (403, sqlstate, (*b"").into()),
        };
    }
    let text = |value: &Value| match value {
        Value::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    };
    let row = |row: &models::wire::sql::Row| row.iter().map(text).collect::<Vec<_>>().join("|");
    let all: Vec<String> = outcome.replies.iter().flat_map(|reply| reply.rows()).map(row).collect();
    (200, "ROWS", all.join("\n").into_bytes().into())
}

/// What came of commands: the values, or the first error.
fn values(response: &resp::Response) -> (u16, &'static str, Bytes) {
    let mut found = Vec::new();
    for reply in response {
        match reply {
            resp::Reply::Error(code) => return (403, code.text(), (*b"").into()),
            resp::Reply::Value(Some(value)) => found.extend_from_slice(value),
            _ => {}
        }
    }
    (200, "VALUES", found.into())
}

impl Script for Pod {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(self.wait), DIAL),
            Event::Tick(DIAL) => self.dial(kit),
            Event::Tick(SPEAK) => self.speak(kit),
            Event::Word(from, Wire::Handshake(word)) if from == self.door => {
                if let Handshake::ServerProof { nonce: server, version: chosen, .. } = *word {
                    kit.mark(self.mark);
                    self.unanswered = false;
                    let hellos = Hellos { client: self.nonce, server, offered: self.versions, chosen };
                    say(kit, from, self.identity.client_proof(&hellos));
                    // A caller speaks when it is its turn: an answer to a hello may come twice.
                    if matches!(self.errand, Errand::Caller(_)) {
                        self.linked = Some(from);
                    } else {
                        kit.after(BREATH, SPEAK);
                    }
                }
            }
            Event::Word(_, Wire::SqlAnswer(id, outcome)) => {
                if let Errand::Caller(caller) = &mut self.errand {
                    return caller.hear(kit, id, &outcome);
                }
                let (status, reason, body) = rows(&outcome);
                kit.heard(&self.asked, status, reason, body);
            }
            Event::Word(_, Wire::RespAnswer(_, response)) => {
                let (status, reason, body) = values(&response);
                kit.heard(&self.asked, status, reason, body);
            }
            Event::Word(_, Wire::KafkaAnswer(_, response)) => {
                if let Errand::Broker(request) = &self.errand {
                    let (status, reason) = status(&response);
                    kit.heard(&spell(request), status, reason, content(&response));
                }
            }
            _ => {}
        }
    }

    fn identity(&self) -> Option<&Identity> {
        Some(&self.identity)
    }
}
