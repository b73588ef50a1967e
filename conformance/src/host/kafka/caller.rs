//! Who asks, and where: what every answer depends on beside the question.

use super::estate::Estate;
use models::wire::kafka::{Request, Response};
use std::sync::Arc;

/// Who is at the other end of a connection.
pub struct Caller {
    /// What all share.
    pub estate: Arc<Estate>,
    /// Which listener it came by.
    pub listener: usize,
    /// Which broker it is connected to.
    pub broker: usize,
    /// Who it is; nobody yet, while a password is awaited.
    pub named: Option<Arc<str>>,
}

impl Caller {
    /// Who asks.
    ///
    /// # Panics
    /// Before a login: then nothing is asked.
    pub fn principal(&self) -> &Arc<str> {
        self.named.as_ref().expect("nothing is asked before a login")
    }

    /// Lets the cluster know it.
    pub fn admitted(&self) {
        if let Some(principal) = &self.named {
            let state = &mut *self.estate.state();
            state.cluster.admit(&state.config, principal);
        }
    }

    /// Asks the model, as whoever is connected.
    ///
    /// # Panics
    /// Never: every request is answered while the cluster is there.
    pub async fn ask(&self, request: Request) -> Response {
        let answer = self.estate.state().cluster.ask(self.broker, self.principal(), request);
        answer.await.expect("every request is answered")
    }
}
