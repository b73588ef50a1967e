//! Connections, by one of a deployment's doors, and requests on them.

use super::PATIENCE;
use super::answer::{Answer, Outcome, answer};
use super::frames::Frames;
use super::request::{Protocol, Request};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::client::Resumption;
use url::Url;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// Sessions of TLS that a door may go on with.
const SESSIONS: usize = 32;

/// A door: where it is, and what is spoken there.
#[derive(Clone)]
pub struct Route {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
    protocol: Protocol,
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// A connection.
pub struct Connection {
    stream: Box<dyn Both>,
    scheme: &'static str,
    talk: Talk,
    /// Whether the server chose what is spoken among what it was offered (ALPN).
    is_chosen: bool,
    ended: Option<String>,
}

/// What was read, as what is spoken has it.
enum Talk {
    Lines(Vec<u8>),
    Frames(Box<Frames>),
}

impl Talk {
    fn take(&mut self, bytes: &[u8]) {
        match self {
            Talk::Lines(read) => read.extend_from_slice(bytes),
            Talk::Frames(frames) => frames.take(bytes),
        }
    }

    fn next(&mut self, ended: bool) -> Result<Option<Answer>, String> {
        match self {
            Talk::Frames(frames) => frames.next(ended),
            Talk::Lines(read) => {
                while let Some((answer, taken)) = answer(read, ended)? {
                    read.drain(..taken);
                    // What is said on the way is not the answer; that the protocol changes is.
                    if answer.status >= 200 || answer.status == 101 {
                        return Ok(Some(answer));
                    }
                }
                Ok(None)
            }
        }
    }
}

impl Route {
    /// Without TLS, in HTTP/1.1.
    pub fn plain(url: &Url) -> Route {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        Route { host, port, tls: None, protocol: Protocol::One }
    }

    /// The same door, spoken to without TLS.
    pub fn in_clear(&self) -> Route {
        Route { tls: None, ..self.clone() }
    }

    /// The same door, with TLS of this kind.
    pub fn with_tls(&self, mut tls: ClientConfig) -> Route {
        tls.alpn_protocols = match self.protocol {
            Protocol::One => Vec::new(),
            Protocol::Two => vec![Protocol::Two.id().to_vec()],
        };
        // A server may have another door for another protocol, and what was agreed at one is nothing to the other.
        tls.resumption = Resumption::in_memory_sessions(SESSIONS);
        Route { tls: Some(Arc::new(tls)), ..self.clone() }
    }

    /// The same door, spoken to in this protocol: agreed in TLS, or else because one knows.
    pub fn over(&self, protocol: Protocol) -> Route {
        let route = Route { protocol, ..self.clone() };
        match &self.tls {
            Some(tls) => route.with_tls(ClientConfig::clone(tls)),
            None => route,
        }
    }

    /// Whether TLS is spoken there.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What is spoken there.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// What comes of a request on a connection of its own.
    pub async fn ask(&self, request: &Request) -> Outcome {
        match self.connect().await {
            Err(outcome) => outcome,
            Ok(mut connection) => {
                connection.send(request).await;
                connection.answer().await
            }
        }
    }

    /// A connection.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn connect(&self) -> Result<Connection, Outcome> {
        match tokio::time::timeout(PATIENCE, self.connected()).await {
            Err(_) => Err(Outcome::Silent),
            Ok(Err(e)) => Err(Outcome::Closed(e.to_string())),
            Ok(Ok(connection)) => Ok(connection),
        }
    }

    async fn connected(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        let talk = match self.protocol {
            Protocol::One => Talk::Lines(Vec::new()),
            Protocol::Two => Talk::Frames(Box::default()),
        };
        let Some(tls) = &self.tls else {
            return Ok(Connection { stream: Box::new(stream), scheme: "http", talk, is_chosen: false, ended: None });
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls.clone()).connect(name, stream).await?;
        let is_chosen = stream.get_ref().1.alpn_protocol() == Some(self.protocol.id());
        Ok(Connection { stream: Box::new(stream), scheme: "https", talk, is_chosen, ended: None })
    }
}

impl Connection {
    /// Whether the server chose what is spoken among what it was offered.
    pub fn is_chosen(&self) -> bool {
        self.is_chosen
    }

    /// Makes a request. That nobody takes it shows in the answer.
    pub async fn send(&mut self, request: &Request) {
        let bytes = match &mut self.talk {
            Talk::Lines(_) => request.bytes(),
            Talk::Frames(frames) => frames.request(request, self.scheme),
        };
        self.write(&bytes).await;
    }

    async fn write(&mut self, bytes: &[u8]) {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        // A gateway may refuse what is too long before it has read it, and says so in an answer.
        let _ = tokio::time::timeout(PATIENCE, sent).await;
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Outcome {
        match tokio::time::timeout(PATIENCE, self.next()).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::Silent,
        }
    }

    async fn next(&mut self) -> Outcome {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match self.talk.next(self.ended.is_some()) {
                Err(why) => return Outcome::Closed(why),
                Ok(Some(answer)) => return Outcome::Answer(answer),
                Ok(None) => {}
            }
            if let Some(why) = &self.ended {
                return Outcome::Closed(why.clone());
            }
            if let Talk::Frames(frames) = &mut self.talk {
                let owed = frames.owed();
                if !owed.is_empty() {
                    self.write(&owed).await;
                }
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) => self.ended = Some("closed without an answer".to_owned()),
                Ok(n) => self.talk.take(&buffer[..n]),
                Err(e) => self.ended = Some(e.to_string()),
            }
        }
    }
}

impl Outcome {
    /// The answer, if there is one.
    pub fn answered(&self) -> Option<&Answer> {
        match self {
            Outcome::Answer(answer) => Some(answer),
            _ => None,
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match self {
            Outcome::Answer(answer) => format!("status {}", answer.status),
            Outcome::Closed(why) => format!("the connection ended: {why}"),
            Outcome::Silent => format!("no answer in {} s", PATIENCE.as_secs()),
        }
    }
}
