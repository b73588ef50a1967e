//! Honest traffic of two tenants at a gateway, on the wall clock: each request has its moment, whether earlier ones
//! were answered or not, and its latency counts from there.
//!
//! Nobody writes while a drill runs, so a tenant's answer is always the same; one that is another is wrong, and most of
//! all one that is the other tenant's.

use super::strike::Clock;
use crate::certify::gateway::honest::Honest;
use crate::certify::http::answer::{Answer, Outcome};
use crate::certify::http::request::Request;
use crate::certify::http::route::{Connection, Route};
use sim::choice::Choices;
use sim::measure::Latency;
use sim::record::{SERVING_WINDOW_NS, Serving};
use sim::seed::{Draws, NETWORK, below, name_hash};
use sim::{Duration as Span, Instant as Planned};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{sleep, sleep_until, timeout};

/// Time between two requests of a tenant, in milliseconds: the gateway lets 50 in a second through, so that no honest
/// client meets the limit.
const GAP_MS: (u64, u64) = (21, 29);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the platform may take until it serves both tenants, before anything has happened to it.
const READY: Duration = Duration::from_secs(20);

/// A tenant, as far as it asks.
struct Client {
    route: Route,
    /// Connections that nobody uses.
    idle: RefCell<Vec<Connection>>,
    /// What it is told, whenever it is told something.
    told: String,
    seen: RefCell<Serving>,
    wrong: RefCell<Vec<String>>,
}

/// Asks from now on, for so long; what was served, and what was wrong with it.
///
/// # Errors
/// The platform serves nobody before anything has happened to it.
pub async fn ask(
    honest: &Honest<'_>,
    (seed, length): (u64, Planned),
    clock: &Clock,
) -> Result<(Vec<Serving>, Vec<String>), String> {
    let mut clients = Vec::new();
    for tenant in [0, 1] {
        clients.push(Rc::new(ready(honest, tenant).await?));
    }
    if clients[0].told == clients[1].told {
        return Err("both tenants are told the same".into());
    }
    LocalSet::new().run_until(requests(honest, &clients, (seed, length), clock)).await?;
    let wrong = clients.iter().flat_map(|client| client.wrong.take()).collect();
    Ok((clients.iter().map(|client| client.seen.take()).collect(), wrong))
}

/// A client that was served once.
async fn ready(honest: &Honest<'_>, tenant: usize) -> Result<Client, String> {
    let until = Instant::now() + READY;
    loop {
        let outcome = honest.route.ask(&honest.request(tenant)?).await;
        match outcome.answered().filter(|answer| answer.status == 200) {
            Some(answer) => {
                let name = honest.tenant(tenant).to_owned();
                let seen = RefCell::new(Serving { tenant: name, ..Serving::default() });
                let (route, told) = (honest.route.clone(), answer.body.clone());
                return Ok(Client { route, idle: RefCell::default(), told, seen, wrong: RefCell::default() });
            }
            None if Instant::now() > until => {
                return Err(format!("{} is not served to begin with: {}", honest.tenant(tenant), outcome.words()));
            }
            None => sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn requests(
    honest: &Honest<'_>,
    clients: &[Rc<Client>],
    (seed, length): (u64, Planned),
    clock: &Clock,
) -> Result<(), String> {
    let draws = Draws::new(seed, Choices::default());
    let began = clock.start();
    let mut next = vec![(Planned::ZERO, 0_u64); clients.len()];
    let mut asked: Vec<JoinHandle<()>> = Vec::new();
    while let Some((tenant, (at, n))) = next.iter().copied().enumerate().min_by_key(|(_, (at, _))| *at) {
        if at >= length {
            break;
        }
        let client = clients[tenant].clone();
        let gap = below(draws.draw(NETWORK, name_hash(honest.tenant(tenant)), n), GAP_MS.1 - GAP_MS.0 + 1);
        next[tenant] = (at + Span::millis(GAP_MS.0 + gap), n + 1);
        let request = honest.request(tenant)?;
        let due = began + Duration::from_nanos(at.0);
        sleep_until(due.into()).await;
        asked.retain(|task| !task.is_finished());
        asked.push(spawn_local(async move {
            let answered = timeout(PATIENCE, client.once(&request)).await.unwrap_or(Outcome::Silent);
            client.count(at, due.elapsed(), &answered);
        }));
    }
    for task in asked {
        // A panic has said so itself.
        let _ = task.await;
    }
    Ok(())
}

impl Client {
    /// A request on a connection that is open, else on a new one. That an open one was closed meanwhile says nothing.
    async fn once(&self, request: &Request) -> Outcome {
        let idle = self.idle.borrow_mut().pop();
        if let Some(connection) = idle
            && let Some(answered) = self.over(connection, request).await
        {
            return answered;
        }
        match self.route.connect().await {
            Err(outcome) => outcome,
            Ok(connection) => {
                let none = || Outcome::Closed("closed without an answer".to_owned());
                self.over(connection, request).await.unwrap_or_else(none)
            }
        }
    }

    /// The answer on a connection, which is kept; nothing, when it is closed.
    async fn over(&self, mut connection: Connection, request: &Request) -> Option<Outcome> {
        connection.send(request).await;
        match connection.answer().await {
            Outcome::Answer(answer) => {
                let last = answer.header("connection").any(|value| value.eq_ignore_ascii_case("close"));
                if !last {
                    self.idle.borrow_mut().push(connection);
                }
                Some(Outcome::Answer(answer))
            }
            Outcome::Silent => Some(Outcome::Silent),
            Outcome::Closed(_) => None,
        }
    }

    /// Counts a request that was to be made at `at`.
    fn count(&self, at: Planned, took: Duration, answered: &Outcome) {
        let served = |answer: &&Answer| answer.status == 200;
        let answer = answered.answered().filter(served);
        let mut seen = self.seen.borrow_mut();
        if let Some(answer) = answer.filter(|answer| answer.body != self.told) {
            let whose = format!("{} was told {:?}, and not what is its own", seen.tenant, answer.body);
            self.wrong.borrow_mut().push(format!("{:.3} s: {whose}", at.0 as f64 / 1e9));
        }
        let window = (at.0 / SERVING_WINDOW_NS) as usize;
        if seen.windows.len() <= window {
            seen.windows.resize(window + 1, (0, 0));
        }
        if answer.is_some() {
            seen.good += 1;
            seen.windows[window].0 += 1;
            let latency: &mut Latency = &mut seen.latency;
            latency.record(Span(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)));
        } else {
            seen.bad += 1;
            seen.windows[window].1 += 1;
        }
    }
}
