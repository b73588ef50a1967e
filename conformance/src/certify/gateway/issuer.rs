//! A test issuer that a gateway asks for keys, and about tokens; and that can be away in several ways.
//!
//! It says yes to every token but those that it revoked: what is denied otherwise was denied by the gateway itself.

use crate::certify::deployment::issuer::Issuer as Table;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{self, JoinSet};

/// More of a question is not read.
const QUESTION_BYTES_MAX: usize = 128 * 1024;
/// More headers in a question are not read.
const HEADERS_MAX: usize = 128;

/// How an issuer behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// It answers.
    Answers,
    /// Nobody listens.
    Refuses,
    /// It takes a question, and never answers.
    Hangs,
    /// It answers with 503.
    Fails,
}

impl Way {
    /// The ways to be away.
    pub const AWAY: [Way; 3] = [Way::Refuses, Way::Hangs, Way::Fails];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Way::Answers => "answers",
            Way::Refuses => "refuses connections",
            Way::Hangs => "does not answer",
            Way::Fails => "answers with 503",
        }
    }
}

/// An order, and where to say that it was carried out.
type Order = (Way, mpsc::Sender<Result<(), String>>);

/// A running issuer; gone with the value.
pub struct Issuer {
    desk: Arc<Desk>,
    orders: Option<UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// What it answers by.
struct Desk {
    at: SocketAddr,
    keys: (String, String),
    asks: Option<String>,
    revoked: Mutex<BTreeSet<String>>,
    for_keys: AtomicU64,
    about_tokens: AtomicU64,
}

impl Issuer {
    /// Starts one that has this key.
    ///
    /// # Errors
    /// It cannot listen where it is told to.
    pub fn start(table: &Table, key: Value) -> Result<Issuer, String> {
        let listen = table.listen.get_ref();
        let at = listen.parse().map_err(|_| format!("{listen} is no address to listen at"))?;
        let desk = Arc::new(Desk {
            at,
            keys: (table.keys.get_ref().clone(), json!({ "keys": [key] }).to_string()),
            asks: table.asks.as_ref().map(|path| path.get_ref().clone()),
            revoked: Mutex::default(),
            for_keys: AtomicU64::new(0),
            about_tokens: AtomicU64::new(0),
        });
        let (orders, taken) = unbounded_channel();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let shared = desk.clone();
        let thread = thread::spawn(move || runtime.block_on(obey(shared, taken)));
        let issuer = Issuer { desk, orders: Some(orders), thread: Some(thread) };
        issuer.become_so(Way::Answers)?;
        Ok(issuer)
    }

    /// Behaves so from now on; connections that are open are cut.
    ///
    /// # Errors
    /// It cannot listen any more.
    pub fn become_so(&self, way: Way) -> Result<(), String> {
        let gone = || "the issuer that the judge hosts is gone".to_owned();
        let (done, carried_out) = mpsc::channel();
        self.orders.as_ref().ok_or_else(gone)?.send((way, done)).map_err(|_| gone())?;
        carried_out.recv().map_err(|_| gone())?
    }

    /// Says no to this token from now on.
    pub fn revoke(&self, token: &str) {
        self.desk.revoked.lock().unwrap_or_else(PoisonError::into_inner).insert(token.to_owned());
    }

    /// How often it was asked: for its keys, and about tokens.
    pub fn asked(&self) -> (u64, u64) {
        (self.desk.for_keys.load(Ordering::Relaxed), self.desk.about_tokens.load(Ordering::Relaxed))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has been told of where it was asked.
            let _ = thread.join();
        }
    }
}

async fn obey(desk: Arc<Desk>, mut orders: UnboundedReceiver<Order>) {
    let mut door: Option<task::JoinHandle<()>> = None;
    while let Some((way, done)) = orders.recv().await {
        if let Some(open) = door.take() {
            open.abort();
            // It ends by being told to.
            let _ = open.await;
        }
        let opened = match way {
            Way::Refuses => Ok(()),
            _ => match TcpListener::bind(desk.at).await {
                Ok(listener) => {
                    door = Some(tokio::spawn(serve(desk.clone(), listener, way)));
                    Ok(())
                }
                Err(e) => Err(format!("the judge cannot listen at {}: {e}", desk.at)),
            },
        };
        // Who gave the order may have given up.
        let _ = done.send(opened);
    }
    door.into_iter().for_each(|open| open.abort());
}

/// Connections end with this.
async fn serve(desk: Arc<Desk>, listener: TcpListener, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            connections.spawn(attend(desk.clone(), stream, way));
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers what comes on one connection, one after the other.
async fn attend(desk: Arc<Desk>, mut stream: TcpStream, way: Way) -> Option<()> {
    let mut read = Vec::new();
    let mut buffer = [0; 8 * 1024];
    loop {
        let (path, end) = loop {
            if let Some(whole) = question(&read).ok()? {
                break whole;
            }
            match stream.read(&mut buffer).await.ok()? {
                0 => return None,
                n => read.extend_from_slice(&buffer[..n]),
            }
        };
        let text: Vec<u8> = read.drain(..end).collect();
        let (status, body) = match way {
            Way::Hangs => pending().await,
            Way::Fails => ("503 Service Unavailable", String::new()),
            Way::Answers | Way::Refuses => desk.answer(&path, &String::from_utf8_lossy(&text)),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.ok()?;
    }
}

/// The path of a question at the front of `read`, and where it ends; none while it is not whole.
///
/// # Errors
/// It never will be.
fn question(read: &[u8]) -> Result<Option<(String, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let whole = match request.parse(read).map_err(|e| e.to_string())? {
        httparse::Status::Complete(head) => {
            let length = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("content-length"));
            let length = length.and_then(|h| std::str::from_utf8(h.value).ok()?.trim().parse::<usize>().ok());
            head.saturating_add(length.unwrap_or(0))
        }
        httparse::Status::Partial => read.len() + 1,
    };
    if whole > QUESTION_BYTES_MAX {
        return Err("a question too long".to_owned());
    }
    Ok((whole <= read.len()).then(|| (request.path.unwrap_or_default().to_owned(), whole)))
}

impl Desk {
    fn answer(&self, path: &str, text: &str) -> (&'static str, String) {
        let (keys, set) = &self.keys;
        if path.split('?').next() == Some(keys) {
            self.for_keys.fetch_add(1, Ordering::Relaxed);
            return ("200 OK", set.clone());
        }
        if !self.asks.as_ref().is_some_and(|asks| path.starts_with(asks)) {
            return ("404 Not Found", String::new());
        }
        self.about_tokens.fetch_add(1, Ordering::Relaxed);
        let revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        // In a header, or in a form (RFC 7662, section 2.1).
        match revoked.iter().any(|token| text.contains(token)) {
            true => ("403 Forbidden", json!({"active": false}).to_string()),
            false => ("200 OK", json!({"active": true}).to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    fn table(at: &str) -> Table {
        toml::from_str(&format!("listen = \"{at}\"\nasks = \"/ask\"")).expect("a table")
    }

    /// What comes of a question, or nothing.
    fn ask(at: SocketAddr, target: &str) -> Option<String> {
        let mut stream = std::net::TcpStream::connect(at).ok()?;
        stream.set_read_timeout(Some(std::time::Duration::from_millis(300))).ok()?;
        write!(stream, "GET {target} HTTP/1.1\r\nconnection: close\r\n\r\n").ok()?;
        let mut bytes = [0; 1024];
        let n = stream.read(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..n]).into_owned())
    }

    #[test]
    fn an_issuer_answers_is_away_in_three_ways_and_comes_back() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let issuer = Issuer::start(&table(&free.to_string()), json!({"kid": "a"})).expect("it starts");
        let keys = || ask(free, "/.well-known/jwks.json").expect("an answer");
        assert!(keys().ends_with("{\"keys\":[{\"kid\":\"a\"}]}"));
        assert!(ask(free, "/elsewhere").expect("an answer").starts_with("HTTP/1.1 404"));
        assert!(ask(free, "/ask/v1?token=t").expect("an answer").contains("\"active\":true"));
        issuer.revoke("token=t");
        assert!(ask(free, "/ask/v1?token=t").expect("an answer").starts_with("HTTP/1.1 403"));
        assert_eq!(issuer.asked(), (1, 2));
        issuer.become_so(Way::Refuses).expect("it obeys");
        assert_eq!(ask(free, "/ask"), None);
        issuer.become_so(Way::Hangs).expect("it obeys");
        assert!(std::net::TcpStream::connect(free).is_ok() && ask(free, "/ask").is_none());
        issuer.become_so(Way::Fails).expect("it obeys");
        assert!(ask(free, "/ask").expect("an answer").starts_with("HTTP/1.1 503"));
        issuer.become_so(Way::Answers).expect("it obeys");
        assert!(keys().starts_with("HTTP/1.1 200"));
        assert!(Issuer::start(&table(&free.to_string()), json!({})).is_err_and(|why| why.contains("cannot listen")));
    }
}
