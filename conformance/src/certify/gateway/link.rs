//! The gateway's doors, and what was asked at them: one connection a request, unless a probe wants more on one.
//!
//! A request goes out in the protocol of its door: whoever makes one need not know which that is.

use crate::certify::deployment::Gateway;
use crate::certify::http::answer::Outcome;
use crate::certify::http::request::{Protocol, Request};
use crate::certify::http::route::Route;
use crate::certify::tls::{Identity, client, client_as};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use url::Url;

/// Time between requests that are timed: slower than what limits are for.
const PACE: Duration = Duration::from_millis(25);

/// A gateway.
pub struct Link {
    /// The door for everybody.
    pub own: Route,
    /// What stands in `host`.
    pub authority: String,
    /// The request that every tenant may make.
    pub target: String,
    /// Runs what waits.
    pub runtime: Runtime,
    requests: Cell<u64>,
}

impl Link {
    /// Reads certificates; connects nowhere.
    ///
    /// # Errors
    /// A certificate that is not where the deployment says.
    pub fn new(gateway: &Gateway, home: &Path) -> Result<Link, String> {
        let url = Url::parse(gateway.url.get_ref()).map_err(|e| e.to_string())?;
        let plain = Route::plain(&url).over(gateway.first());
        let own = match &gateway.tls {
            Some(files) => plain.with_tls(client(files.get_ref(), home)?),
            None => plain,
        };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let authority = format!("{}{port}", url.host_str().unwrap_or_default());
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        let target = format!("{}{query}", url.path());
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        Ok(Link { own, authority, target, runtime, requests: Cell::new(0) })
    }

    /// Where, in words.
    pub fn place(&self) -> String {
        let scheme = if self.own.has_tls() { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.target)
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Counts requests that were sent elsewhere.
    pub fn count(&self, requests: u64) {
        self.requests.set(self.requests.get() + requests);
    }

    /// What comes of a request on a connection of its own.
    pub fn ask(&self, route: &Route, request: &Request) -> Outcome {
        self.ask_all(route, request, 1).pop().unwrap_or(Outcome::Silent)
    }

    /// Whether the server chooses a protocol that it is offered (ALPN).
    pub fn offers(&self, protocol: Protocol) -> bool {
        let route = self.own.over(protocol);
        route.has_tls() && self.runtime.block_on(route.connect()).is_ok_and(|connection| connection.is_chosen())
    }

    /// What comes of what may be several requests, on one connection.
    pub fn ask_all(&self, route: &Route, request: &Request, answers: usize) -> Vec<Outcome> {
        self.ask_in_turn(route, &[request], answers)
    }

    /// What comes of requests in turn on one connection, each of which may be several: as far as they are answered.
    pub fn ask_in_turn(&self, route: &Route, requests: &[&Request], answers: usize) -> Vec<Outcome> {
        self.count(requests.len() as u64);
        self.runtime.block_on(async {
            let mut connection = match route.connect().await {
                Ok(connection) => connection,
                Err(outcome) => return vec![outcome],
            };
            let mut outcomes = Vec::new();
            for request in requests {
                connection.send(request).await;
                for _ in 0..answers {
                    let outcome = connection.answer().await;
                    let is_last = !matches!(outcome, Outcome::Answer(_));
                    outcomes.push(outcome);
                    if is_last {
                        return outcomes;
                    }
                }
            }
            outcomes
        })
    }

    /// How long two requests take, in turn on one connection, so many times; which is first changes each time.
    ///
    /// # Errors
    /// One was not answered, or refused for there being too many.
    pub fn timed(&self, route: &Route, both: [&Request; 2], times: usize) -> Result<Vec<[Duration; 2]>, String> {
        self.count(2 * times as u64);
        self.runtime.block_on(async {
            let mut connection = route.connect().await.map_err(|outcome| outcome.words())?;
            let mut all = Vec::with_capacity(times);
            for n in 0..times {
                let mut took = [Duration::ZERO; 2];
                for which in [n % 2, 1 - n % 2] {
                    tokio::time::sleep(PACE).await;
                    let began = Instant::now();
                    connection.send(both[which]).await;
                    let outcome = connection.answer().await;
                    took[which] = began.elapsed();
                    match outcome.answered() {
                        Some(answer) if answer.status != 429 => {}
                        _ => return Err(outcome.words()),
                    }
                }
                all.push(took);
            }
            Ok(all)
        })
    }

    /// The same door, by TLS 1.2.
    ///
    /// # Errors
    /// As `tls::client`.
    pub fn older(&self, gateway: &Gateway, home: &Path) -> Result<Route, String> {
        let files = gateway.tls.as_ref().ok_or("no table [gateway.tls]")?;
        Ok(self.own.with_tls(client_as(files.get_ref(), home, Identity::Own, &TLS12)?))
    }

    /// The same door, with another certificate or none.
    ///
    /// # Errors
    /// As `tls::client`.
    pub fn shown(&self, gateway: &Gateway, home: &Path, identity: Identity) -> Result<Route, String> {
        let files = gateway.tls.as_ref().ok_or("no table [gateway.tls]")?;
        Ok(self.own.with_tls(client_as(files.get_ref(), home, identity, &TLS13)?))
    }
}
