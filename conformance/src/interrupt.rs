//! Waiting for somebody who wants an end: Ctrl-C, whoever ends services, or the end of the terminal.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::signal::unix::{SignalKind, signal};

/// Listens from now on, inside a runtime: an interrupt no longer ends the process, but what is returned.
///
/// # Errors
/// The system lets nobody listen.
pub fn asked_to_end() -> io::Result<impl Future<Output = ()>> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?;
    Ok(poll_fn(move |task| match signals.iter_mut().any(|signal| signal.poll_recv(task).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    }))
}
