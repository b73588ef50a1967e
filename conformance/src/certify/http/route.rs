//! Connections, by one of a deployment's doors, and requests on them.

use super::PATIENCE;
use super::wire::{Answer, Outcome, Request, answer};
use rustls_pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 * 1024;

/// A door: where it is, and what is spoken there.
#[derive(Clone)]
pub struct Route {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Both for T {}

/// A connection.
pub struct Connection {
    stream: Box<dyn Both>,
    read: Vec<u8>,
    ended: Option<String>,
}

impl Route {
    /// Without TLS.
    pub fn plain(url: &Url) -> Route {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Route { host, port: url.port_or_known_default().unwrap_or_default(), tls: None }
    }

    /// The same door, spoken to without TLS.
    pub fn in_clear(&self) -> Route {
        Route { tls: None, ..self.clone() }
    }

    /// The same door, with TLS of this kind.
    pub fn with_tls(&self, tls: ClientConfig) -> Route {
        Route { tls: Some(Arc::new(tls)), ..self.clone() }
    }

    /// Whether TLS is spoken there.
    pub fn has_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What comes of a request on a connection of its own.
    pub async fn ask(&self, request: &Request) -> Outcome {
        match self.connect().await {
            Err(outcome) => outcome,
            Ok(mut connection) => {
                connection.send(&request.bytes()).await;
                connection.answer().await
            }
        }
    }

    /// A connection.
    ///
    /// # Errors
    /// What came of it instead.
    pub async fn connect(&self) -> Result<Connection, Outcome> {
        let connected = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            let stream: Box<dyn Both> = match &self.tls {
                None => Box::new(stream),
                Some(tls) => {
                    let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
                    Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await?)
                }
            };
            Ok::<_, io::Error>(stream)
        };
        match tokio::time::timeout(PATIENCE, connected).await {
            Err(_) => Err(Outcome::Silent),
            Ok(Err(e)) => Err(Outcome::Closed(e.to_string())),
            Ok(Ok(stream)) => Ok(Connection { stream, read: Vec::new(), ended: None }),
        }
    }
}

impl Connection {
    /// Sends bytes. That nobody takes them shows in the answer.
    pub async fn send(&mut self, bytes: &[u8]) {
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
            match answer(&self.read, self.ended.is_some()) {
                Err(why) => return Outcome::Closed(why),
                Ok(Some((answer, taken))) => {
                    self.read.drain(..taken);
                    // What is said on the way is not the answer; that the protocol changes is.
                    if answer.status >= 200 || answer.status == 101 {
                        return Outcome::Answer(answer);
                    }
                    continue;
                }
                Ok(None) => {}
            }
            if let Some(why) = &self.ended {
                return Outcome::Closed(why.clone());
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) => self.ended = Some("closed without an answer".to_owned()),
                Ok(n) => self.read.extend_from_slice(&buffer[..n]),
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
