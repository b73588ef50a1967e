//! Connections to a PostgreSQL server, and statements on them, one after the other.
//!
//! Everything goes by the simple protocol: all values come as text, which is what secrets are searched in. Each
//! connection carries the limits that spare the server, and says who it is in `pg_stat_activity`.

use crate::certify::deployment::{Postgres, Secret};
use crate::certify::tls;
use std::cell::Cell;
use std::future::poll_fn;
use std::path::Path;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, SimpleQueryMessage, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Who the judge is, on the server.
pub const APPLICATION: &str = "cellproof-certify";
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for an answer that the server should have cut off: a server that hangs must not hang us.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where a server is and as whom it is entered.
#[derive(Clone)]
pub struct Link {
    config: Config,
    tls: Option<Arc<tokio_rustls::rustls::ClientConfig>>,
    runtime: Rc<Runtime>,
    statements: Rc<Cell<u64>>,
    limits: (u32, u32),
}

/// A statement that failed.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// SQLSTATE; empty when the connection is gone.
    pub code: String,
    /// Message and detail, as the server told them.
    pub message: String,
    /// The constraint that refused, if one did.
    pub constraint: Option<String>,
}

/// Rows as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// One connection.
pub struct Session {
    client: Client,
    runtime: Rc<Runtime>,
    statements: Rc<Cell<u64>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Link {
    /// Reads secrets and certificates; connects nowhere.
    ///
    /// # Errors
    /// A secret or certificate that is not where the deployment says.
    pub fn new(postgres: &Postgres, home: &Path) -> Result<Link, String> {
        let mut config = Config::from_str(postgres.url.get_ref()).map_err(|e| e.to_string())?;
        config.application_name(APPLICATION).connect_timeout(CONNECT);
        if let Some(secret) = &postgres.password {
            config.password(secret.reveal(home)?);
        }
        let tls = match &postgres.tls {
            Some(files) => Some(Arc::new(tls::client(files.get_ref(), home)?)),
            None => None,
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let limits = (postgres.statement_timeout_ms, postgres.lock_timeout_ms);
        Ok(Link { config, tls, runtime: Rc::new(runtime), statements: Rc::default(), limits })
    }

    /// The same server as another role.
    ///
    /// # Errors
    /// A secret that is not where the deployment says.
    pub fn as_role(&self, user: &str, password: Option<&Secret>, home: &Path) -> Result<Link, String> {
        let mut link = self.clone();
        link.config.user(user);
        if let Some(secret) = password {
            link.config.password(secret.reveal(home)?);
        }
        Ok(link)
    }

    /// The same server and role with `password`, and perhaps without TLS: to see whether it asks at all.
    pub fn weaker(&self, password: Option<&str>, tls: bool) -> Link {
        let mut link = self.clone();
        if let Some(password) = password {
            link.config.password(password);
        }
        if !tls {
            link.config.ssl_mode(SslMode::Disable);
            link.tls = None;
        }
        link
    }

    /// Whether connections are by TLS.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The role.
    pub fn user(&self) -> &str {
        self.config.get_user().unwrap_or_default()
    }

    /// The database.
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// Where, and as whom: never with a secret.
    pub fn place(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(tokio_postgres::config::Host::Tcp(name)) => name.clone(),
            Some(other) => format!("{other:?}"),
            None => "localhost".to_owned(),
        };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}/{} as {}", self.database(), self.user())
    }

    /// How many statements were sent, by all connections.
    pub fn statements(&self) -> u64 {
        self.statements.get()
    }

    /// A fresh connection.
    ///
    /// # Errors
    /// Says what refused it: network, TLS, or the server.
    pub fn open(&self) -> Result<Session, String> {
        let session = match &self.tls {
            Some(tls) => self.connect(MakeRustlsConnect::new(tls.as_ref().clone())),
            None => self.connect(NoTls),
        }?;
        let (statement, lock) = self.limits;
        let limits = format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = 60000"
        );
        session.run(&limits).map_err(|wrong| wrong.message)?;
        Ok(session)
    }

    fn connect<T>(&self, tls: T) -> Result<Session, String>
    where
        T: MakeTlsConnect<Socket> + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let connected = self.runtime.block_on(async { tokio::time::timeout(CONNECT, self.config.connect(tls)).await });
        let (client, connection) = connected.map_err(|_| "no answer in 10 s".to_owned())?.map_err(|e| told(&e))?;
        self.runtime.spawn(drive(connection, heard.clone()));
        Ok(Session { client, runtime: self.runtime.clone(), statements: self.statements.clone(), heard })
    }
}

/// Carries a connection, and keeps what the server says beside its answers.
async fn drive<S, T>(mut connection: Connection<S, T>, heard: Arc<Mutex<Vec<String>>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notice(notice) = message
            && let Ok(mut heard) = heard.lock()
        {
            heard.push(notice.message().to_owned());
        }
    }
}

/// An error with what caused it, in one line.
fn told(error: &tokio_postgres::Error) -> String {
    let mut text =
        error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{} ({})", e.message(), e.code().code()));
    let mut cause = std::error::Error::source(error).filter(|_| error.as_db_error().is_none());
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text
}

impl Session {
    /// Rows of a statement.
    ///
    /// # Errors
    /// What the server refused.
    pub fn rows(&self, sql: &str) -> Result<Rows, Wrong> {
        Ok(self.send(sql)?.0)
    }

    /// How many rows a statement touched, the last one if they are several.
    ///
    /// # Errors
    /// What the server refused.
    pub fn run(&self, sql: &str) -> Result<u64, Wrong> {
        Ok(self.send(sql)?.1)
    }

    /// What the server said beside its answers since the last time.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().map(|mut heard| std::mem::take(&mut *heard)).unwrap_or_default()
    }

    fn send(&self, sql: &str) -> Result<(Rows, u64), Wrong> {
        self.statements.set(self.statements.get() + 1);
        let answer =
            self.runtime.block_on(async { tokio::time::timeout(PATIENCE, self.client.simple_query(sql)).await });
        let gone = |message: String| Wrong { code: String::new(), message, constraint: None };
        let messages =
            answer.map_err(|_| gone("no answer in 30 s".to_owned()))?.map_err(|e| match e.as_db_error() {
                Some(db) => Wrong {
                    code: db.code().code().to_owned(),
                    message: [Some(db.message()), db.detail()].into_iter().flatten().collect::<Vec<_>>().join(": "),
                    constraint: db.constraint().map(str::to_owned),
                },
                None => gone(told(&e)),
            })?;
        let (mut rows, mut touched) = (Vec::new(), 0);
        for message in messages {
            match message {
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect())
                }
                SimpleQueryMessage::CommandComplete(n) => touched = n,
                _ => {}
            }
        }
        Ok((rows, touched))
    }
}
