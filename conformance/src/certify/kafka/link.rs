//! Connections to a Kafka cluster, as a tenant, as an operator or as nobody, and requests on them.
//!
//! A thin client: it asks what it is told, once, and shows the answer. What a client library does by itself, such as
//! retries and metadata, a judge must see.

use crate::certify::deployment::{Deployment, Kafka, Tenant, Tls};
use crate::certify::tls;
use crate::kafka::{Stream, error_name, read_frame, text, write_frame};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, MetadataRequest, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslHandshakeRequest,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, Request};
use rustls_pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
/// What the judge calls itself.
const CLIENT: &str = "cellproof-certify";
/// Where a broker listens that does not say where.
const PORT: u16 = 9092;

/// The latest versions that are spoken: later ones name topics by ids that a name does not give away. All are known to
/// Apache Kafka from 2.4 to 4.1.
const LATEST: [(ApiKey, i16); 12] = [
    (ApiKey::Produce, 9),
    (ApiKey::Fetch, 11),
    (ApiKey::Metadata, 9),
    (ApiKey::OffsetCommit, 8),
    (ApiKey::OffsetFetch, 7),
    (ApiKey::FindCoordinator, 3),
    (ApiKey::JoinGroup, 6),
    (ApiKey::DeleteTopics, 5),
    (ApiKey::InitProducerId, 4),
    (ApiKey::CreateTopics, 6),
    (ApiKey::ListOffsets, 7),
    (ApiKey::ApiVersions, 3),
];

/// Where a cluster is.
#[derive(Clone)]
pub struct Link {
    host: String,
    port: u16,
    runtime: Rc<Runtime>,
    requests: Rc<Cell<u64>>,
}

/// Who connects, and how.
#[derive(Clone)]
pub struct Login {
    /// As rules name it.
    pub principal: String,
    /// TLS, if any.
    pub tls: Option<Arc<ClientConfig>>,
    /// User and password, if any.
    pub password: Option<(String, String)>,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Wrong {
    /// The broker does not know the request, in any version that is spoken.
    Unknown,
    /// The connection is gone, or the answer is none.
    Gone(String),
}

impl Wrong {
    /// In words.
    pub fn told(&self) -> String {
        match self {
            Wrong::Unknown => "the broker does not know the request".to_owned(),
            Wrong::Gone(why) => why.clone(),
        }
    }
}

/// A cluster, entered as somebody.
pub struct Session {
    link: Link,
    /// Who.
    pub login: Login,
    home: RefCell<Option<Connection>>,
    others: RefCell<BTreeMap<i32, Connection>>,
    places: RefCell<BTreeMap<i32, (String, u16)>>,
}

struct Connection {
    stream: Box<dyn Stream>,
    versions: BTreeMap<i16, (i16, i16)>,
    asked: i32,
}

impl Link {
    /// Connects nowhere.
    ///
    /// # Errors
    /// The URL is none.
    pub fn new(url: &str) -> Result<Link, String> {
        let url = Url::parse(url).map_err(|e| e.to_string())?;
        let host = url.host_str().unwrap_or("127.0.0.1").to_owned();
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        Ok(Link { host, port: url.port().unwrap_or(PORT), runtime: Rc::new(runtime), requests: Rc::default() })
    }

    /// Where.
    pub fn place(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The same cluster by another of its doors.
    ///
    /// # Errors
    /// The URL is none.
    pub fn at(&self, url: &str) -> Result<Link, String> {
        let other = Link::new(url)?;
        Ok(Link { host: other.host, port: other.port, ..self.clone() })
    }

    /// How many requests were sent, by all connections.
    pub fn requests(&self) -> u64 {
        self.requests.get()
    }

    /// Enters as somebody.
    ///
    /// # Errors
    /// Says what refused it.
    pub fn enter(&self, login: &Login) -> Result<Session, String> {
        let home = self.connect(login, (&self.host, self.port))?;
        Ok(Session {
            link: self.clone(),
            login: login.clone(),
            home: RefCell::new(Some(home)),
            others: RefCell::default(),
            places: RefCell::default(),
        })
    }

    fn connect(&self, login: &Login, (host, port): (&str, u16)) -> Result<Connection, String> {
        let opened = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, open(login, host, port)).await });
        let mut connection = opened.map_err(|_| "no answer in 5 s".to_owned())??;
        let request = ApiVersionsRequest::default()
            .with_client_software_name(text(CLIENT))
            .with_client_software_version(text(env!("CARGO_PKG_VERSION")));
        // Before it is known what the broker speaks, version 0 is what everybody does.
        let known = self.exchange(&mut connection, &request, 0).map_err(|w| w.told())?;
        if known.error_code != 0 {
            return Err(format!("it does not say what it speaks: {}", error_name(known.error_code)));
        }
        connection.versions = known.api_keys.iter().map(|k| (k.api_key, (k.min_version, k.max_version))).collect();
        if let Some((user, password)) = &login.password {
            self.log_in(&mut connection, user, password)?;
        }
        Ok(connection)
    }

    fn log_in(&self, connection: &mut Connection, user: &str, password: &str) -> Result<(), String> {
        let shake = SaslHandshakeRequest::default().with_mechanism(text("PLAIN"));
        let shaken = self.ask(connection, &shake).map_err(|w| w.told())?;
        if shaken.error_code != 0 {
            let offered: Vec<&str> = shaken.mechanisms.iter().map(|m| m.as_str()).collect();
            return Err(format!("{user}: no login by PLAIN; it offers {}", offered.join(", ")));
        }
        let bytes = Bytes::from(format!("\0{user}\0{password}"));
        let answer = self.ask(connection, &SaslAuthenticateRequest::default().with_auth_bytes(bytes));
        let answer = answer.map_err(|w| format!("{user}: {}", w.told()))?;
        if answer.error_code == 0 {
            return Ok(());
        }
        let why = answer.error_message.map(|m| m.to_string()).unwrap_or_default();
        Err(format!("{user}: {}: {why}", error_name(answer.error_code)))
    }

    fn ask<R: Request>(&self, connection: &mut Connection, request: &R) -> Result<R::Response, Wrong> {
        let (min, max) = *connection.versions.get(&R::KEY).ok_or(Wrong::Unknown)?;
        let latest = LATEST.iter().find(|(key, _)| *key as i16 == R::KEY).map_or(<R as Message>::VERSIONS.max, |l| l.1);
        let version = max.min(latest);
        if version < min.max(<R as Message>::VERSIONS.min) {
            return Err(Wrong::Unknown);
        }
        self.exchange(connection, request, version)
    }

    fn exchange<R: Request>(&self, on: &mut Connection, request: &R, version: i16) -> Result<R::Response, Wrong> {
        self.requests.set(self.requests.get() + 1);
        on.asked += 1;
        let gone = |why: String| Wrong::Gone(why);
        let unsaid = |e: &dyn std::fmt::Display| Wrong::Gone(format!("a request that cannot be said: {e}"));
        let header = RequestHeader::default().with_request_api_key(R::KEY).with_request_api_version(version);
        let header = header.with_correlation_id(on.asked).with_client_id(Some(text(CLIENT)));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, R::header_version(version)).map_err(|e| unsaid(&e))?;
        request.encode(&mut frame, version).map_err(|e| unsaid(&e))?;
        let answered = self.runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                write_frame(&mut *on.stream, &frame).await?;
                read_frame(&mut *on.stream).await
            })
            .await
        });
        let answered = answered.map_err(|_| gone("no answer in 5 s".to_owned()))?;
        let mut answer = match answered {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(gone("it closed the connection".to_owned())),
            Err(e) => return Err(gone(e.to_string())),
        };
        let wrong = |_| gone("an answer that is none of Kafka".to_owned());
        let header = ResponseHeader::decode(&mut answer, <R::Response as HeaderVersion>::header_version(version));
        if header.map_err(wrong)?.correlation_id != on.asked {
            return Err(gone("an answer to another question".to_owned()));
        }
        R::Response::decode(&mut answer, version).map_err(wrong)
    }
}

/// Opens a stream to a broker.
async fn open(login: &Login, host: &str, port: u16) -> Result<Connection, String> {
    let stream = TcpStream::connect((host, port)).await.map_err(|e| e.to_string())?;
    stream.set_nodelay(true).map_err(|e| e.to_string())?;
    let stream: Box<dyn Stream> = match &login.tls {
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
            let stream = TlsConnector::from(tls.clone()).connect(name, stream).await;
            Box::new(stream.map_err(|e| e.to_string())?)
        }
        None => Box::new(stream),
    };
    Ok(Connection { stream, versions: BTreeMap::new(), asked: 0 })
}

impl Session {
    /// Asks the broker that was connected to first.
    ///
    /// # Errors
    /// There is no answer. A broken connection is made again for the next question.
    pub fn ask<R: Request>(&self, request: &R) -> Result<R::Response, Wrong> {
        let mut home = self.home.borrow_mut();
        if home.is_none() {
            let again = self.link.connect(&self.login, (&self.link.host, self.link.port));
            *home = Some(again.map_err(Wrong::Gone)?);
        }
        let Some(connection) = home.as_mut() else { unreachable!("it was just made") };
        let answer = self.link.ask(connection, request);
        if matches!(answer, Err(Wrong::Gone(_))) {
            *home = None;
        }
        answer
    }

    /// Asks one of the brokers.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask_of<R: Request>(&self, broker: i32, request: &R) -> Result<R::Response, Wrong> {
        if self.places.borrow().is_empty() {
            self.look_around()?;
        }
        let place = self.places.borrow().get(&broker).cloned();
        let place = place.ok_or_else(|| Wrong::Gone(format!("no broker {broker}")))?;
        let mut others = self.others.borrow_mut();
        let connection = match others.entry(broker) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.link.connect(&self.login, (&place.0, place.1)).map_err(Wrong::Gone)?),
        };
        let answer = self.link.ask(connection, request);
        if matches!(answer, Err(Wrong::Gone(_))) {
            others.remove(&broker);
        }
        answer
    }

    fn look_around(&self) -> Result<(), Wrong> {
        let found = self.ask(&MetadataRequest::default().with_topics(Some(Vec::new())))?;
        let places = found.brokers.iter().map(|b| (*b.node_id, (b.host.to_string(), b.port as u16)));
        *self.places.borrow_mut() = places.collect();
        Ok(())
    }
}

impl Login {
    /// A tenant's.
    ///
    /// # Errors
    /// A secret or certificate is not where the deployment says.
    pub fn of_tenant(deployment: &Deployment, kafka: &Kafka, tenant: &Tenant) -> Result<Login, String> {
        let user = kafka.user.as_ref().map(|user| tenant.fill(user));
        let password = match (&user, &kafka.password) {
            (Some(user), Some(secret)) => Some((user.clone(), secret.filled(tenant).reveal(&deployment.home)?)),
            _ => None,
        };
        let tls = match files(kafka, tenant) {
            Some(files) => Some(Arc::new(tls::client(&files, &deployment.home)?)),
            None => None,
        };
        let named = kafka.principal.as_ref().map(|principal| tenant.fill(principal));
        let principal = named.or_else(|| user.map(|user| format!("User:{user}")));
        Ok(Login { principal: principal.unwrap_or_else(|| "User:ANONYMOUS".to_owned()), tls, password })
    }

    /// The operator's, if there is one.
    ///
    /// # Errors
    /// A secret or certificate is not where the deployment says.
    pub fn of_operator(deployment: &Deployment, kafka: &Kafka) -> Result<Option<Login>, String> {
        let Some(operator) = kafka.operator.as_ref().map(toml::Spanned::get_ref) else { return Ok(None) };
        let password = match (&operator.user, &operator.password) {
            (Some(user), Some(secret)) => Some((user.clone(), secret.reveal(&deployment.home)?)),
            _ => None,
        };
        let tls = match &kafka.tls {
            Some(files) => {
                let (certificate, key) = (operator.certificate.clone(), operator.key.clone());
                let own = Tls { ca: files.get_ref().ca.clone(), certificate, key };
                Some(Arc::new(tls::client(&own, &deployment.home)?))
            }
            None => None,
        };
        let principal = operator.user.as_ref().map_or_else(|| "the operator".to_owned(), |user| format!("User:{user}"));
        Ok(Some(Login { principal, tls, password }))
    }
}

/// The files of a tenant's TLS.
pub fn files(kafka: &Kafka, tenant: &Tenant) -> Option<Tls> {
    let tls = kafka.tls.as_ref()?.get_ref();
    let fill = |path: &std::path::PathBuf| tenant.fill(&path.to_string_lossy()).into();
    let (certificate, key) = (tls.certificate.as_ref().map(fill), tls.key.as_ref().map(fill));
    Some(Tls { ca: tls.ca.clone(), certificate, key })
}
