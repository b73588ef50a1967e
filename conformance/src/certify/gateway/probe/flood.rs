//! One tenant floods: it is told to wait, and the other one is served meanwhile.

use crate::certify::deployment::Mode;
use crate::certify::gateway::desk::{Attack, Desk, Kind};
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::Request;
use crate::certify::http::route::Route;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Connections that flood at once.
const CONNECTIONS: u32 = 8;
/// Honest requests of the other tenant meanwhile.
const MEANWHILE: usize = 10;
/// Of these, so many have to be answered while the flood still goes on: after it a limit that both share is gone.
const MEANWHILE_MIN: usize = 5;
/// Time between them.
const PACE: Duration = Duration::from_millis(50);
/// The longest that a connection of the flood waits once it was told to.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// What came of a flood.
#[derive(Default)]
struct Flood {
    let_through: u32,
    limited: u32,
    without_retry_after: u32,
    failed: u32,
    /// Of the other tenant: outcomes of its requests, since the first was limited.
    meanwhile: Vec<Outcome>,
    /// How many of these were answered before the flood was over.
    beside: usize,
}

impl Flood {
    fn requests(&self) -> u32 {
        self.let_through + self.limited + self.failed
    }
}

/// What the connections of a flood share.
struct Shared {
    /// Requests that are left.
    left: AtomicU32,
    /// Answers that told to wait.
    limited: AtomicU32,
    /// The other tenant has asked often enough.
    enough: AtomicBool,
}

impl Shared {
    /// How long a connection waits that was told to. Of a fast flood nothing would be left while the other tenant
    /// asks: what is left is spread over as long as that takes.
    fn pause(&self) -> Duration {
        let left = self.left.load(Ordering::Relaxed).max(1);
        (PACE * MEANWHILE as u32 * 2 * CONNECTIONS / left).min(PAUSE_MAX)
    }
}

/// Floods, in mode `destructive`.
pub fn run(desk: &mut Desk, mode: Mode) {
    let what = "limits on one tenant's requests, and what they leave to the other (SRV-04, TEN-05)";
    let requests = *desk.gateway.flood.get_ref();
    if mode != Mode::Destructive {
        return desk.component.not_judged(what, "that takes load: mode = \"destructive\", on staging");
    }
    if requests == 0 {
        return desk.component.not_judged(what, "the deployment says flood = 0");
    }
    let (Ok(loud), Ok(quiet)) = (desk.request(0), desk.request(1)) else { return };
    let route = desk.link.own.clone();
    let flood = desk.link.runtime.block_on(flood(route, loud.clone(), quiet.clone(), requests));
    let asked = flood.requests() as usize + flood.meanwhile.len();
    desk.link.count(asked as u64);
    desk.tried(asked);
    judge(desk, &flood, loud, quiet);
    desk.judged("requests of a flood, and of the other tenant meanwhile", &["SRV-04", "TEN-05"]);
}

async fn flood(route: Route, loud: Request, quiet: Request, requests: u32) -> Flood {
    let shared =
        Arc::new(Shared { left: AtomicU32::new(requests), limited: AtomicU32::new(0), enough: AtomicBool::new(false) });
    let tasks: Vec<_> =
        (0..CONNECTIONS).map(|_| tokio::spawn(pour(route.clone(), loud.clone(), shared.clone()))).collect();
    let is_over = || tasks.iter().all(tokio::task::JoinHandle::is_finished);
    let mut whole = Flood::default();
    while whole.meanwhile.len() < MEANWHILE {
        tokio::time::sleep(PACE).await;
        if shared.limited.load(Ordering::Relaxed) > 0 {
            whole.meanwhile.push(route.ask(&quiet).await);
            whole.beside += usize::from(!is_over());
        } else if is_over() {
            break;
        }
    }
    shared.enough.store(true, Ordering::Relaxed);
    for task in tasks {
        let Ok(part) = task.await else { continue };
        whole.let_through += part.let_through;
        whole.limited += part.limited;
        whole.without_retry_after += part.without_retry_after;
        whole.failed += part.failed;
    }
    whole
}

/// Requests on one connection, and on another one when that ends.
async fn pour(route: Route, request: Request, shared: Arc<Shared>) -> Flood {
    let mut part = Flood::default();
    let mut connection = None;
    let is_next = || {
        let take = |n: u32| n.checked_sub(1);
        !shared.enough.load(Ordering::Relaxed)
            && shared.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    };
    while is_next() {
        if connection.is_none() {
            connection = route.connect().await.ok();
        }
        let Some(open) = &mut connection else {
            part.failed += 1;
            continue;
        };
        open.send(&request).await;
        match open.answer().await {
            Outcome::Answer(answer) => {
                match answer.status {
                    429 => {
                        shared.limited.fetch_add(1, Ordering::Relaxed);
                        part.limited += 1;
                        part.without_retry_after += u32::from(answer.header("retry-after").next().is_none());
                        tokio::time::sleep(shared.pause()).await;
                    }
                    500.. => part.failed += 1,
                    _ => part.let_through += 1,
                }
                if answer.header("connection").any(|v| v.eq_ignore_ascii_case("close")) {
                    connection = None;
                }
            }
            _ => {
                part.failed += 1;
                connection = None;
            }
        }
    }
    part
}

fn judge(desk: &mut Desk, flood: &Flood, loud: Request, quiet: Request) {
    let id = desk.tenants[0].id.clone();
    let told = format!(
        "{} requests of {id} on {CONNECTIONS} connections{}: {} let through, {} answered with 429, {} failed",
        flood.requests(),
        desk.over(),
        flood.let_through,
        flood.limited,
        flood.failed
    );
    desk.component.notes.push(told.clone());
    let repair: &[&str] =
        &["Envoy: local_ratelimit or ratelimit with a descriptor for the verified tenant, and retry-after among its \
         response_headers_to_add; HAProxy: a stick-table by tenant, and http-request deny deny_status 429 \
         hdr retry-after 1"];
    let requirements = &["SRV-04", "TEN-05"];
    let attack = |what, request, tenant| Attack {
        object: "rate limit",
        what,
        requirements,
        repair,
        request,
        tenant: Some(tenant),
        kind: Kind::Right,
    };
    if flood.limited == 0 {
        if flood.failed > 0 {
            let what = "one tenant's flood is not told to wait";
            return desk.suspect("rate limit", what, requirements, &told);
        }
        return desk.find(&attack("one tenant's flood is not told to wait", loud, 0), told);
    }
    if flood.without_retry_after > 0 {
        let saw = format!("{told}; {} of the 429 without retry-after", flood.without_retry_after);
        desk.find(&attack("429 does not say when to come back", loud, 0), saw);
    }
    let other = desk.tenants[1].id.clone();
    let served = |outcome: &&Outcome| outcome.answered().is_some_and(|answer| desk.passed(&quiet, answer));
    let refused: Vec<String> = flood.meanwhile.iter().filter(|o| !served(o)).map(Outcome::words).collect();
    if let Some(first) = refused.first() {
        let saw = format!(
            "{told}; meanwhile {} of {} of {other} were refused: {first}",
            refused.len(),
            flood.meanwhile.len()
        );
        desk.find(&attack("one tenant's flood is the other tenant's limit", quiet, 1), saw);
    } else if flood.beside < MEANWHILE_MIN {
        let why =
            format!("{told}; {other} was answered {} times before that was over: give a larger flood", flood.beside);
        desk.suspect("rate limit", "one tenant's flood may be the other tenant's limit", requirements, &why);
    }
}
