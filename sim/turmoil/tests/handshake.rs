//! Mutual TLS with SVIDs on simulated TCP and simulated time: who is refused, and that it happens in the handshake.

use models::crypto::key;
use models::mesh::ca::{Ca, CaConfig};
use models::mesh::handshake::Identity;
use models::mesh::terminal::{Terminal, Trust};
use models::mesh::verify::{ChainMemo, PeerExpectation};
use models::wire::svid::{KeyName, SpiffeId, SvidRequest};
use sim::control::ControlSet;
use sim::{Duration, Instant};
use sim_turmoil::mesh::end;
use sim_turmoil::tls;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration as Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

const HOME: &str = "cell-a.test";
const ABROAD: &str = "cell-b.test";
const LIFETIME: Duration = Duration::secs(60);

/// A certificate of `domain` for `path`, good for a minute from the start.
fn identity(domain: &str, path: &str) -> Identity {
    let mut ca = Ca::new(Instant::ZERO, CaConfig::new(domain));
    let id = SpiffeId::new(domain, path).expect("an id");
    ca.register(path, id.clone());
    let key = KeyName { role: path.into(), index: 0 };
    let asked = SvidRequest { workload: path.into(), spiffe_id: id, key, lifetime: LIFETIME };
    Identity::new(&ca.issue(Instant::ZERO, &asked).expect("it is issued"))
}

/// Whoever shows a certificate of the home domain for `path` is believed. Roots of the other domain are known as well,
/// as in a federation.
fn believing(path: &str, identity: Identity) -> Terminal {
    let bundle = |domain| Ca::new(Instant::ZERO, CaConfig::new(domain)).bundle(Instant::ZERO);
    let trust = Trust {
        bundles: vec![bundle(HOME), bundle(ABROAD)],
        expected: vec![PeerExpectation::exactly(HOME, &[path])],
        memo: ChainMemo::default(),
    };
    Terminal { identity, trust: Some(trust) }
}

fn now() -> Instant {
    Instant(turmoil::sim_elapsed().expect("on a host").as_nanos() as u64)
}

/// Whether a client with this identity gets a word through to the server, `after` the start; and what the server heard.
fn speaks(client: impl Fn() -> Identity + 'static, after: Span) -> (bool, Vec<u8>) {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(1).epoch(std::time::UNIX_EPOCH).simulation_duration(Span::from_secs(200));
    let mut sim = builder.build();
    let kept = heard.clone();
    sim.host("server", move || {
        let kept = kept.clone();
        async move {
            let listener = TcpListener::bind("0.0.0.0:443").await?;
            loop {
                let (stream, _) = listener.accept().await?;
                let terminal = believing("/client", identity(HOME, "/server"));
                let config = end(terminal, now(), ControlSet::EMPTY).server();
                if let Some(mut stream) = tls::accept(config, stream).await {
                    let mut word = [0; 5];
                    stream.read_exact(&mut word).await?;
                    kept.borrow_mut().extend(word);
                }
            }
        }
    });
    let through = Rc::new(RefCell::new(false));
    let told = through.clone();
    sim.client("client", async move {
        tokio::time::sleep(after).await;
        let config = end(believing("/server", client()), now(), ControlSet::EMPTY).client();
        let stream = TcpStream::connect("server:443").await?;
        if let Ok(mut stream) = tls::connect(config, stream).await {
            stream.write_all(b"hello").await?;
            stream.flush().await?;
            *told.borrow_mut() = true;
        }
        // turmoil's own latency is at most a tenth of a second.
        tokio::time::sleep(Span::from_millis(500)).await;
        Ok(())
    });
    sim.run().expect("nobody fails");
    (through.take(), heard.take())
}

#[test]
fn an_svid_of_the_right_domain_is_believed_and_its_words_arrive() {
    assert_eq!(speaks(|| identity(HOME, "/client"), Span::ZERO), (true, b"hello".to_vec()));
    assert_eq!(speaks(|| identity(HOME, "/client"), Span::from_secs(50)), (true, b"hello".to_vec()));
}

#[test]
fn an_svid_of_another_trust_domain_fails_in_the_handshake() {
    assert_eq!(speaks(|| identity(ABROAD, "/client"), Span::ZERO), (false, Vec::new()));
}

#[test]
fn an_svid_of_another_workload_fails_in_the_handshake() {
    assert_eq!(speaks(|| identity(HOME, "/somebody"), Span::ZERO), (false, Vec::new()));
}

#[test]
fn an_svid_that_has_expired_on_simulated_time_fails_in_the_handshake() {
    assert_eq!(speaks(|| identity(HOME, "/client"), Span::from_secs(62)), (false, Vec::new()));
}

#[test]
fn a_stolen_svid_without_its_key_fails_in_the_handshake() {
    let stolen = || identity(HOME, "/client").stolen(key("thief", 0));
    assert_eq!(speaks(stolen, Span::ZERO), (false, Vec::new()));
}
