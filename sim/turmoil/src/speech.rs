//! What a platform brings to an engine that carries bytes: how its words are written, and where they travel by TLS.

use sim::host::Run;
use sim::machine::Platform;
use sim::world::Outcome;
use sim::{Instant, Lineage, NodeId};
use std::sync::Arc;
use tokio_rustls::rustls::{ClientConfig, ServerConfig};

/// One direction between two nodes, now.
pub struct Line<'a, P: Platform> {
    /// The run.
    pub run: &'a Run<P>,
    /// Who speaks.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// Global time.
    pub now: Instant,
}

/// How a word travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// In the clear.
    Plain,
    /// With it the sender shows who it is: on a new TLS connection, or in the clear when the receiver does not believe.
    Shows,
    /// On the TLS connection that stands, or on a new one; in the clear when the receiver did not believe.
    Secured,
}

/// The words of a platform, as bytes.
pub trait Speech<P: Platform>: 'static {
    /// Bytes of a word.
    ///
    /// # Errors
    /// It has none: a mistake of the run.
    fn encode(&self, word: &P::Message) -> Result<Vec<u8>, String>;

    /// The word of some bytes.
    ///
    /// # Errors
    /// They are none.
    fn decode(&self, bytes: &[u8]) -> Result<P::Message, String>;

    /// How a word travels.
    fn manner(&self, _: &Line<'_, P>, _: &P::Message) -> Manner {
        Manner::Plain
    }

    /// What the speaking end brings to a TLS connection, if it can open one now.
    fn client(&self, _: &Line<'_, P>) -> Option<Arc<ClientConfig>> {
        None
    }

    /// What the listening end brings to it.
    fn server(&self, _: &Line<'_, P>) -> Option<Arc<ServerConfig>> {
        None
    }

    /// A word has arrived, by TLS or in the clear. An error keeps it from its machine, and is a mistake of the run.
    ///
    /// # Errors
    /// It must not have come that way.
    fn arrived(&self, _: &Line<'_, P>, _: &P::Message, _: Lineage, _by_tls: bool) -> Result<(), String> {
        Ok(())
    }

    /// The run has ended: where what its machines decided differs from what the transport did is a mistake of the run.
    fn judge(&self, _: &mut Outcome<P>) {}
}
