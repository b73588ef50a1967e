//! What stands between two parts of a demonstration in containers, so that a drill can slow the answers of one of them
//! or take it away: connections that are passed on, byte by byte.
//!
//! The kernel's own means are no help: not every kernel can delay packets, and to shape a connection's rate changes
//! nothing for one that carries a few hundred bytes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinHandle as Task, LocalSet, spawn_local};
use tokio::time::sleep;

/// Bytes that are passed on at once.
const READ_BYTES: usize = 16 * 1024;

/// What a drill does to a relay.
#[derive(Debug, Default)]
pub struct Brake {
    delay_us: AtomicU64,
    is_away: AtomicBool,
    changed: Notify,
}

impl Brake {
    /// Lets every answer wait so long; zero ends it.
    pub fn slow(&self, by: Duration) {
        self.delay_us.store(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Ends every connection and takes no other, or takes them again.
    pub fn away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
        self.changed.notify_one();
    }
}

/// A relay, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub port: u16,
    /// What may be done to it.
    pub brake: Arc<Brake>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Listens at an address of the machine, and passes what comes on to a port of its loopback.
    ///
    /// # Errors
    /// There is no such address.
    pub fn start(at: IpAddr, port: u16) -> Result<Relay, String> {
        let listener = TcpListener::bind((at, 0)).map_err(|e| format!("failed to listen at {at}: {e}"))?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        let listens = listener.local_addr().map_err(|e| e.to_string())?.port();
        let brake = Arc::new(Brake::default());
        let (stop, stopped) = oneshot::channel();
        let (to, its) = (SocketAddr::from(([127, 0, 0, 1], port)), brake.clone());
        let thread = thread::spawn(move || {
            let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
            LocalSet::new().block_on(&runtime, async move {
                let open = Rc::default();
                spawn_local(part(its.clone(), Rc::clone(&open)));
                spawn_local(listen(listener, to, its, open));
                // Whoever is gone wants it no longer either.
                let _ = stopped.await;
            });
        });
        Ok(Relay { port: listens, brake, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // A panic has said so itself.
            let _ = thread.join();
        }
    }
}

type Open = Rc<RefCell<Vec<Task<()>>>>;

/// Ends what is open as soon as the other end is to be away.
async fn part(brake: Arc<Brake>, open: Open) {
    loop {
        brake.changed.notified().await;
        if brake.is_away.load(Ordering::Relaxed) {
            open.borrow_mut().drain(..).for_each(|task| task.abort());
        }
    }
}

async fn listen(listener: TcpListener, to: SocketAddr, brake: Arc<Brake>, open: Open) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((near, _)) = listener.accept().await {
        if brake.is_away.load(Ordering::Relaxed) {
            continue;
        }
        let brake = brake.clone();
        let task = spawn_local(async move {
            let Ok(far) = TcpStream::connect(to).await else { return };
            // What is passed on at once is measured as it is, not as packets are gathered.
            let _ = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
            let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
            let mut asked = pin!(pass(from_near, to_far, None));
            let mut answered = pin!(pass(from_far, to_near, Some(&brake)));
            // Either end may end it, and nobody here is to be told how.
            let _ = poll_fn(|task| match asked.as_mut().poll(task) {
                Poll::Ready(ended) => Poll::Ready(ended),
                Poll::Pending => answered.as_mut().poll(task),
            })
            .await;
        });
        let mut open = open.borrow_mut();
        open.retain(|task| !task.is_finished());
        open.push(task);
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    brake: Option<&Brake>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let n = from.read(&mut bytes).await?;
        if n == 0 {
            return to.shutdown().await;
        }
        let delay_us = brake.map_or(0, |brake| brake.delay_us.load(Ordering::Relaxed));
        if delay_us > 0 {
            sleep(Duration::from_micros(delay_us)).await;
        }
        to.write_all(&bytes[..n]).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::Ipv4Addr;
    use std::time::Instant;

    /// Whether a byte comes back, and when.
    fn echo(stream: &mut std::net::TcpStream) -> Option<Duration> {
        let start = Instant::now();
        stream.write_all(b"x").ok()?;
        stream.read_exact(&mut [0]).ok().map(|()| start.elapsed())
    }

    #[test]
    fn answers_come_late_or_not_at_all_while_the_brake_says_so() {
        let far = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = far.local_addr().expect("an address").port();
        thread::spawn(move || {
            for stream in far.incoming().flatten() {
                thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
        });
        let relay = Relay::start(Ipv4Addr::LOCALHOST.into(), port).expect("it listens");
        let near = || std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port)).expect("a connection");
        let mut stream = near();
        assert!(echo(&mut stream).is_some());
        relay.brake.slow(Duration::from_millis(80));
        assert!(echo(&mut stream).is_some_and(|took| took >= Duration::from_millis(80)));
        relay.brake.slow(Duration::ZERO);
        relay.brake.away(true);
        assert_eq!(echo(&mut stream), None);
        assert_eq!(echo(&mut near()), None);
        relay.brake.away(false);
        assert!(echo(&mut near()).is_some());
    }
}
