//! The application of the demonstration: it answers a tenant's query from the tenant's cache, else from the database,
//! as a role that row security applies to, in a transaction that names the tenant. To a probe it repeats what arrived.
//!
//! It is as patient with its stores as the reference platform is, and a connection that broke is made anew by the next
//! request that needs it: what it refuses while a store is away, it refuses no longer when the store is back.

use super::{PASSWORD, TENANTS};
use httparse::{EMPTY_HEADER, Status};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{Mutex, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls};

/// The largest head of a request that is read, in bytes; the gateway lets none through that is as large.
const HEAD_MAX: usize = 64 * 1024;
/// How long an answer is kept, in seconds.
const KEPT_S: u64 = 2;
/// How long the cache may take, as `[dependencies]` of the reference platform has it.
const CACHE_PATIENCE: Duration = Duration::from_millis(50);
/// How long a cache is left alone that did not answer.
const CACHE_REST: Duration = Duration::from_millis(500);
/// How long the database may take, with the wait for it, as above.
const DATABASE_PATIENCE: Duration = Duration::from_millis(500);

/// The application at work, until it is dropped.
pub struct Service {
    /// Where it listens, on loopback.
    pub port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Stores {
    config: Config,
    /// For each tenant, so that nobody waits for another one's question.
    databases: BTreeMap<&'static str, Mutex<Database>>,
    /// As each tenant's user.
    caches: BTreeMap<&'static str, Cache>,
}

/// The database, for one tenant.
struct Database {
    /// A connection, unless the last one broke.
    client: Option<Client>,
    /// What it said last, and when.
    said: Option<(Instant, String)>,
}

/// A cache, as one tenant's user.
struct Cache {
    client: redis::Client,
    /// A connection, unless the last one broke.
    connection: RefCell<Option<MultiplexedConnection>>,
    /// Until when it is left alone.
    rests_until: Cell<Option<Instant>>,
}

impl Service {
    /// Starts it on a database, by a URL and a role, and on a cache at a port.
    ///
    /// # Errors
    /// Says which store does not let it in.
    pub fn start(database: Config, cache: u16) -> Result<Service, String> {
        let told = |e: std::io::Error| e.to_string();
        let listener = TcpListener::bind("127.0.0.1:0").map_err(told)?;
        listener.set_nonblocking(true).map_err(told)?;
        let port = listener.local_addr().map_err(told)?.port();
        let (stop, stopped) = oneshot::channel();
        let (ready, when) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            LocalSet::new().block_on(&runtime, async move {
                match open(database, cache).await {
                    Ok(stores) => {
                        // Whoever started it waits for this.
                        let _ = ready.send(Ok(()));
                        spawn_local(listen(listener, Rc::new(stores)));
                        // Whoever is gone wants it no longer either.
                        let _ = stopped.await;
                    }
                    Err(why) => drop(ready.send(Err(why))),
                }
            });
        });
        when.recv().map_err(|_| "the application did not start".to_owned())??;
        Ok(Service { port, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic has said so itself.
            let _ = thread.join();
        }
    }
}

async fn open(config: Config, cache: u16) -> Result<Stores, String> {
    let (mut databases, mut caches) = (BTreeMap::new(), BTreeMap::new());
    for tenant in TENANTS {
        let client = connect(&config).await.map_err(|e| format!("the database: {e}"))?;
        databases.insert(tenant, Mutex::new(Database { client: Some(client), said: None }));
        let url = format!("redis://t_{tenant}:{tenant}-{PASSWORD}@127.0.0.1:{cache}/");
        let client = redis::Client::open(url).map_err(|e| format!("the cache: {e}"))?;
        let connection = client.get_multiplexed_async_connection().await.map_err(|e| format!("the cache: {e}"))?;
        let (connection, rests_until) = (RefCell::new(Some(connection)), Cell::new(None));
        caches.insert(tenant, Cache { client, connection, rests_until });
    }
    Ok(Stores { config, databases, caches })
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    spawn_local(async move {
        // Its end shows in the next query.
        let _ = connection.await;
    });
    Ok(client)
}

impl Cache {
    /// What comes of asking it; nothing, when it does not answer in time or rests.
    async fn ask<T>(&self, ask: impl AsyncFnOnce(MultiplexedConnection) -> redis::RedisResult<T>) -> Option<T> {
        if self.rests_until.get().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let asked = timeout(CACHE_PATIENCE, async {
            let open = self.connection.borrow().clone();
            let connection = match open {
                Some(connection) => connection,
                None => self.client.get_multiplexed_async_connection().await?,
            };
            *self.connection.borrow_mut() = Some(connection.clone());
            ask(connection).await
        });
        match asked.await {
            Ok(Ok(answer)) => Some(answer),
            _ => {
                self.connection.take();
                self.rests_until.set(Some(Instant::now() + CACHE_REST));
                None
            }
        }
    }
}

async fn listen(listener: TcpListener, stores: Rc<Stores>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let stores = stores.clone();
        spawn_local(async move {
            // Whoever hangs up has heard enough.
            let _ = serve(stream, &stores).await;
        });
    }
}

/// A request, as far as the application looks at it.
struct Asked {
    length: usize,
    tenant: Option<String>,
    is_query: bool,
    has_body: bool,
    /// Whether a judge asks, who wants to see what arrived.
    is_probe: bool,
}

/// The request at the beginning of `read`; nothing, while it is not all there.
fn asked(read: &[u8]) -> Result<Option<Asked>, httparse::Error> {
    let mut headers = [EMPTY_HEADER; 128];
    let mut request = httparse::Request::new(&mut headers);
    let Status::Complete(length) = request.parse(read)? else { return Ok(None) };
    let header = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let path = request.path.unwrap_or_default();
    Ok(Some(Asked {
        length,
        tenant: header("x-tenant-id").map(str::to_owned),
        is_query: request.method == Some("GET") && path.split('?').next() == Some("/v1/query"),
        is_probe: header("x-cellproof-probe").is_some(),
        has_body: header("content-length").is_some_and(|n| n.trim() != "0") || header("transfer-encoding").is_some(),
    }))
}

async fn serve(mut stream: TcpStream, stores: &Stores) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let asked = match asked(&read) {
            Ok(Some(asked)) => asked,
            Ok(None) if read.len() < HEAD_MAX => {
                if stream.read_buf(&mut read).await? == 0 {
                    return Ok(());
                }
                continue;
            }
            _ => return answer(&mut stream, 400, "", true).await,
        };
        // A query has no body, and what follows one that claims to is nobody's.
        if asked.has_body {
            return answer(&mut stream, 400, "", true).await;
        }
        let head: Vec<u8> = read.drain(..asked.length).collect();
        let (status, mut body) = match asked.tenant.as_deref().filter(|_| asked.is_query) {
            None => (404, String::new()),
            Some(tenant) => match query(stores, tenant).await {
                Ok(Some(body)) => (200, body),
                Ok(None) => (403, String::new()),
                Err(_) => (503, String::new()),
            },
        };
        if asked.is_probe {
            body = format!("{body}\n{}", String::from_utf8_lossy(&head));
        }
        answer(&mut stream, status, &body, false).await?;
    }
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str, last: bool) -> std::io::Result<()> {
    let end = if last { "connection: close\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    stream.write_all(format!("{head}{end}\r\n{body}").as_bytes()).await
}

/// What a tenant is told; nothing, when there is no such tenant.
async fn query(stores: &Stores, tenant: &str) -> Result<Option<String>, String> {
    let (Some(cache), Some(database)) = (stores.caches.get(tenant), stores.databases.get(tenant)) else {
        return Ok(None);
    };
    let key = format!("t:{tenant}:query");
    // Without its cache it is slower, and as right.
    let kept = cache.ask(async |mut open| open.get::<_, Option<String>>(&key).await).await;
    if let Some(kept) = kept.flatten() {
        return Ok(Some(kept));
    }
    let asked = timeout(DATABASE_PATIENCE, orders(&stores.config, database, tenant)).await;
    let body = asked.map_err(|_| "the database takes too long".to_owned())?.map_err(|e| e.to_string())?;
    // As above.
    let _: Option<()> = cache.ask(async |mut open| open.set_ex(&key, &body, KEPT_S).await).await;
    Ok(Some(body))
}

/// A tenant's orders, from the database. Who waits meanwhile for the same question takes its answer: a database that
/// lost its cache is asked no more often than it answers. A connection is put back only when all went well, so that a
/// request that is given up takes one in an unknown state with it.
async fn orders(config: &Config, database: &Mutex<Database>, tenant: &str) -> Result<String, tokio_postgres::Error> {
    let asked = Instant::now();
    let mut database = database.lock().await;
    if let Some((_, said)) = database.said.as_ref().filter(|(at, _)| *at >= asked) {
        return Ok(said.clone());
    }
    let mut client = match database.client.take().filter(|client| !client.is_closed()) {
        Some(client) => client,
        None => connect(config).await?,
    };
    let began = Instant::now();
    let transaction = client.transaction().await?;
    transaction.execute("SELECT set_config('app.tenant_id', $1, true)", &[&tenant]).await?;
    let rows = transaction.query("SELECT note, total FROM orders ORDER BY id", &[]).await?;
    transaction.commit().await?;
    database.client = Some(client);
    let order = |row: &tokio_postgres::Row| json!({ "note": row.get::<_, &str>(0), "total": row.get::<_, i32>(1) });
    let orders: Vec<_> = rows.iter().map(order).collect();
    let body = json!({ "tenant": tenant, "orders": orders }).to_string();
    database.said = Some((began, body.clone()));
    Ok(body)
}
