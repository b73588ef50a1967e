//! What one node says to another: a connection in the clear, and one by TLS where the platform wants it.

use crate::engine::{Engine, PLAIN, TLS};
use crate::frame::{self, Frame};
use crate::speech::Manner;
use crate::tls;
use sim::NodeId;
use sim::host::Departure;
use sim::machine::{Input, Platform};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use turmoil::net::TcpStream;

/// How long an end waits for the other to answer while a connection is opened: less than a sidecar waits for a
/// handshake.
const PATIENCE: Duration = Duration::from_millis(300);

/// One direction between two nodes.
struct Link<P: Platform> {
    engine: Rc<Engine<P>>,
    from: NodeId,
    to: NodeId,
    plain: Option<(u64, TcpStream)>,
    secured: Option<(u64, TlsStream<TcpStream>)>,
    /// The other end did not believe this one; until it shows itself again, its words go in the clear.
    doubted: bool,
}

/// Why there is no connection.
enum Trouble {
    /// Nobody listens there.
    Refused,
    /// What was sent gets lost.
    Lost,
    /// One end does not believe the other.
    Doubted,
    /// The other end has nothing to show yet, or anew.
    Unready,
}

/// Starts the task that carries words from one node to another.
pub fn open<P: Platform>(engine: Rc<Engine<P>>, from: NodeId, to: NodeId) -> UnboundedSender<Departure<P>> {
    let (sender, words) = unbounded_channel();
    let link = Link { engine, from, to, plain: None, secured: None, doubted: false };
    spawn_local(link.carry(words));
    sender
}

impl<P: Platform> Link<P> {
    async fn carry(mut self, mut words: UnboundedReceiver<Departure<P>>) {
        while let Some(word) = words.recv().await {
            let manner = match frame::word(&word.input) {
                Some((.., said)) => self.engine.speech.manner(&self.engine.line(self.from, self.to), said),
                None => continue,
            };
            let frame = Frame { lineage: word.lineage, input: word.input };
            match frame::encode(&*self.engine.speech, &frame) {
                Ok(bytes) => {
                    if let Err(Trouble::Refused) = self.send(manner, &bytes).await {
                        self.give_back(frame);
                    }
                }
                Err(why) => {
                    let [from, to] = [self.from, self.to].map(|n| self.engine.run.role(n));
                    self.engine.run.error(format!("{from} has no bytes for a word to {to}: {why}"));
                }
            }
        }
    }

    /// The network brings a message back.
    fn give_back(&self, frame: Frame<P>) {
        if let Input::Message { from, message } = frame.input
            && from == self.from
        {
            let refused = Input::Refused { to: self.to, message };
            self.engine.arrive(self.from, frame.lineage.child(u64::MAX), refused);
        }
    }

    async fn send(&mut self, manner: Manner, bytes: &[u8]) -> Result<(), Trouble> {
        let present = self.engine.breaks(self.from, self.to);
        self.plain.take_if(|(then, _)| *then != present);
        self.secured.take_if(|(then, _)| *then != present);
        match manner {
            Manner::Plain => return self.send_plain(bytes).await,
            Manner::Shows => {
                self.secured = None;
                self.doubted = false;
            }
            Manner::Secured => {}
        }
        for _ in 0..2 {
            if self.secured.is_none() && !self.doubted {
                match self.secure().await {
                    Ok(stream) => self.secured = Some((present, stream)),
                    Err(Trouble::Doubted) => self.doubted = true,
                    Err(Trouble::Unready) => return self.send_plain(bytes).await,
                    Err(trouble) => return Err(trouble),
                }
            }
            let Some((_, stream)) = &mut self.secured else { return self.send_plain(bytes).await };
            if write(stream, bytes).await {
                return Ok(());
            }
            self.secured = None;
        }
        Err(Trouble::Lost)
    }

    async fn send_plain(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        for _ in 0..2 {
            if self.plain.is_none() {
                let present = self.engine.breaks(self.from, self.to);
                self.plain = Some((present, self.connect(PLAIN).await?));
            }
            if let Some((_, stream)) = &mut self.plain
                && write(stream, bytes).await
            {
                return Ok(());
            }
            self.plain = None;
        }
        Err(Trouble::Lost)
    }

    async fn connect(&self, port: u16) -> Result<TcpStream, Trouble> {
        let address = self.engine.address(self.to).ok_or(Trouble::Refused)?;
        match timeout(PATIENCE, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => Ok(stream),
            // turmoil tells whoever is cut off at once; no network does.
            Ok(Err(why)) if why.kind() == ErrorKind::ConnectionRefused && !self.engine.is_cut(self.from, self.to) => {
                Err(Trouble::Refused)
            }
            _ => Err(Trouble::Lost),
        }
    }

    async fn secure(&self) -> Result<TlsStream<TcpStream>, Trouble> {
        let line = self.engine.line(self.from, self.to);
        let config = self.engine.speech.client(&line).ok_or(Trouble::Unready)?;
        let stream = self.connect(TLS).await?;
        match timeout(PATIENCE, tls::connect(config, stream)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(why)) if why.kind() == ErrorKind::InvalidData => Err(Trouble::Doubted),
            Ok(Err(_)) => Err(Trouble::Unready),
            Err(_) => Err(Trouble::Lost),
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}
