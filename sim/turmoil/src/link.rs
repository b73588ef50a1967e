//! What one node says to another: a connection in the clear, and one by TLS where the platform wants it.

use crate::engine::{Engine, PLAIN, TLS};
use crate::frame::{self, Frame};
use crate::speech::Manner;
use crate::tls;
use sim::NodeId;
use sim::host::Departure;
use sim::machine::Platform;
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
    /// After how many times that one end showed itself to the other, this end was not believed. Until one does again,
    /// its words go in the clear: who answers is believed anew when the other opens a link anew.
    doubted: Option<u64>,
}

/// A word, and which of the connections between its ends was the present one when it left.
pub type Parcel<P> = (u64, Departure<P>);

/// Why there is no connection.
enum Trouble {
    /// Nobody answers. Words get lost, and nobody brings them back: that the kernel's network does not either.
    Lost,
    /// One end does not believe the other.
    Doubted,
    /// The other end has nothing to show yet, or anew.
    Unready,
}

/// Starts the task that carries words from one node to another.
pub fn open<P: Platform>(engine: Rc<Engine<P>>, from: NodeId, to: NodeId) -> UnboundedSender<Parcel<P>> {
    let (sender, words) = unbounded_channel();
    let link = Link { engine, from, to, plain: None, secured: None, doubted: None };
    spawn_local(link.carry(words));
    sender
}

impl<P: Platform> Link<P> {
    async fn carry(mut self, mut words: UnboundedReceiver<Parcel<P>>) {
        while let Some((then, word)) = words.recv().await {
            let manner = match frame::word(&word.input) {
                Some((.., said)) => self.engine.speech.manner(&self.engine.line(self.from, self.to), said),
                None => continue,
            };
            let frame = Frame { lineage: word.lineage, input: word.input };
            match frame::encode(&*self.engine.speech, &frame) {
                // What gets lost is lost.
                Ok(bytes) => drop(self.send(then, manner, &bytes).await),
                Err(why) => {
                    let [from, to] = [self.from, self.to].map(|n| self.engine.run.role(n));
                    self.engine.run.error(format!("{from} has no bytes for a word to {to}: {why}"));
                }
            }
        }
    }

    /// Whether a word that left by this connection can still arrive: what waits goes down with it.
    fn holds(&self, then: u64) -> Result<(), Trouble> {
        if self.engine.breaks(self.from, self.to) == then { Ok(()) } else { Err(Trouble::Lost) }
    }

    async fn send(&mut self, then: u64, manner: Manner, bytes: &[u8]) -> Result<(), Trouble> {
        self.plain.take_if(|(opened, _)| *opened != then);
        self.secured.take_if(|(opened, _)| *opened != then);
        match manner {
            Manner::Plain => return self.send_plain(then, bytes).await,
            Manner::Shows => {
                self.secured = None;
                self.doubted = None;
            }
            Manner::Secured => {}
        }
        for _ in 0..2 {
            self.holds(then)?;
            if self.secured.is_none() && self.doubted != Some(self.engine.shows(self.from, self.to)) {
                match self.secure().await {
                    Ok(stream) => self.secured = Some((then, stream)),
                    Err(Trouble::Doubted) => self.doubted = Some(self.engine.shows(self.from, self.to)),
                    Err(Trouble::Unready) => return self.send_plain(then, bytes).await,
                    Err(Trouble::Lost) => return Err(Trouble::Lost),
                }
                self.holds(then)?;
            }
            let Some((_, stream)) = &mut self.secured else { return self.send_plain(then, bytes).await };
            if write(stream, bytes).await {
                return Ok(());
            }
            self.secured = None;
        }
        Err(Trouble::Lost)
    }

    async fn send_plain(&mut self, then: u64, bytes: &[u8]) -> Result<(), Trouble> {
        for _ in 0..2 {
            self.holds(then)?;
            if self.plain.is_none() {
                self.plain = Some((then, self.connect(PLAIN).await?));
                self.holds(then)?;
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
        let address = self.engine.address(self.to).ok_or(Trouble::Lost)?;
        match timeout(PATIENCE, TcpStream::connect((address, port))).await {
            Ok(Ok(stream)) => Ok(stream),
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
