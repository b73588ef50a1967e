//! Connections to a Redis server, as one of its users or as nobody, and commands on them.
//!
//! The library takes any stream, so TLS is the one that everything else here speaks.

use crate::certify::deployment::{Deployment, Redis, Tenant};
use crate::certify::tls;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, Value, cmd};
use rustls_pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

/// Longest wait for a connection or an answer.
const PATIENCE: Duration = Duration::from_millis(super::PATIENCE_MS as u64);

/// Where a server is, and who enters it.
#[derive(Clone)]
pub struct Link {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    place: String,
    /// User and password of each tenant.
    logins: [(String, String); 2],
    runtime: Rc<Runtime>,
    commands: Rc<Cell<u64>>,
}

/// A command that failed: the code of the error, and what it says.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// `NOPERM`, `WRONGPASS`, `ERR`; empty when the connection is gone.
    pub code: String,
    /// The text, which differs between versions and forks.
    pub message: String,
}

/// One connection.
pub struct Session {
    connection: RefCell<MultiplexedConnection>,
    runtime: Rc<Runtime>,
    commands: Rc<Cell<u64>>,
}

impl Link {
    /// Reads secrets and certificates; connects nowhere.
    ///
    /// # Errors
    /// A secret or certificate that is not where the deployment says.
    pub fn new(redis: &Redis, deployment: &Deployment) -> Result<Link, String> {
        let url = Url::parse(redis.url.get_ref()).map_err(|e| e.to_string())?;
        let host = url.host_str().unwrap_or("127.0.0.1").to_owned();
        let port = url.port().unwrap_or(6379);
        let login = |tenant: &Tenant| -> Result<(String, String), String> {
            let password = match &redis.password {
                Some(secret) => secret.filled(tenant).reveal(&deployment.home)?,
                None => String::new(),
            };
            Ok((tenant.fill(&redis.user), password))
        };
        let (a, b) = deployment.tenants();
        let tls = match &redis.tls {
            Some(files) => Some(Arc::new(tls::client(files.get_ref(), &deployment.home)?)),
            None => None,
        };
        let place = format!("{host}:{port} as {}", redis.user);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let logins = [login(a)?, login(b)?];
        Ok(Link { host, port, tls, place, logins, runtime: Rc::new(runtime), commands: Rc::default() })
    }

    /// Where, and as whom: never with a secret.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether connections are by TLS.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The same server without TLS, at another port.
    pub fn plain(&self, port: u16) -> Link {
        Link { tls: None, port, ..self.clone() }
    }

    /// How many commands were sent, by all connections.
    pub fn commands(&self) -> u64 {
        self.commands.get()
    }

    /// The user of tenant 0 or 1.
    pub fn user(&self, tenant: usize) -> &str {
        &self.logins[tenant].0
    }

    /// A connection as nobody.
    ///
    /// # Errors
    /// Says what refused it.
    pub fn open(&self) -> Result<Session, String> {
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        let connected = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| e.to_string())?;
                // The future that carries the connection has a type that depends on the stream.
                match &self.tls {
                    Some(tls) => {
                        let connector = TlsConnector::from(tls.clone());
                        let stream = connector.connect(name, stream).await.map_err(|e| e.to_string())?;
                        let made = MultiplexedConnection::new_with_config(&info, stream, AsyncConnectionConfig::new())
                            .await
                            .map_err(|e| e.to_string())?;
                        tokio::spawn(made.1);
                        Ok::<_, String>(made.0)
                    }
                    None => {
                        let made = MultiplexedConnection::new_with_config(&info, stream, AsyncConnectionConfig::new())
                            .await
                            .map_err(|e| e.to_string())?;
                        tokio::spawn(made.1);
                        Ok(made.0)
                    }
                }
            })
            .await
        });
        let connection = connected.map_err(|_| "no answer in 5 s".to_owned())??;
        let (runtime, commands) = (self.runtime.clone(), self.commands.clone());
        Ok(Session { connection: RefCell::new(connection), runtime, commands })
    }

    /// A connection as tenant 0 or 1, perhaps with another password.
    ///
    /// # Errors
    /// Says what refused it.
    pub fn enter(&self, tenant: usize, password: Option<&str>) -> Result<Session, String> {
        let session = self.open()?;
        let (user, own) = &self.logins[tenant];
        let answer = session.ask(&["AUTH", user, password.unwrap_or(own)]);
        answer.map_err(|wrong| format!("{user}: {}", wrong.message))?;
        Ok(session)
    }
}

impl Session {
    /// The answer to a command.
    ///
    /// # Errors
    /// What the server refused.
    pub fn ask(&self, words: &[&str]) -> Result<Value, Wrong> {
        self.commands.set(self.commands.get() + 1);
        let mut command = cmd(words[0]);
        words[1..].iter().for_each(|word| {
            command.arg(*word);
        });
        let mut connection = self.connection.borrow_mut();
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, connection.send_packed_command(&command)).await });
        let gone = |message: &str| Wrong { code: String::new(), message: message.to_owned() };
        match answer {
            Err(_) => Err(gone("no answer in 5 s")),
            Ok(Ok(Value::ServerError(error))) => {
                let details = error.details().unwrap_or_default();
                Err(Wrong { code: error.code().to_owned(), message: format!("{} {details}", error.code()) })
            }
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let code = error.code().unwrap_or_default().to_owned();
                Err(Wrong { message: format!("{code} {}", error.detail().unwrap_or(&error.to_string())), code })
            }
        }
    }

    /// Whether the server would do a command, which it does not: it is queued and discarded.
    ///
    /// # Errors
    /// What the server refused, or that it cannot be asked in this way.
    pub fn would(&self, words: &[&str]) -> Result<bool, Wrong> {
        self.ask(&["MULTI"])?;
        let queued = self.ask(words);
        let discarded = self.ask(&["DISCARD"]);
        match (queued, discarded) {
            (Ok(_), Ok(_)) => Ok(true),
            (Err(wrong), _) if wrong.code == "NOPERM" => Ok(false),
            (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
        }
    }
}

/// Everything that an answer says, as one text.
pub fn text(value: &Value) -> String {
    let join = |values: &[Value]| values.iter().map(text).collect::<Vec<_>>().join("\n");
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::Int(n) => n.to_string(),
        Value::Array(values) | Value::Set(values) => join(values),
        Value::Map(pairs) => {
            pairs.iter().map(|(k, v)| format!("{} {}", text(k), text(v))).collect::<Vec<_>>().join("\n")
        }
        Value::Okay => "OK".to_owned(),
        _ => String::new(),
    }
}
