//! A drill on real containers: the demonstration is started in them, a story's faults strike them by the wall clock
//! while two tenants ask honestly, and what was served is measured as a simulation measures it.
//!
//! The platform belongs to the drill and goes with it, however the drill ends. [`plan`] says which of a story's faults
//! have a counterpart in the demonstration and what they may cost; [`strike`] carries them out; [`traffic`] asks.

pub mod plan;
pub mod strike;
pub mod traffic;

use crate::certify::deployment::Deployment;
use crate::certify::gateway::honest::Honest;
use crate::demo::{Demo, TENANTS};
use crate::interrupt::asked_to_end;
use plan::Plan;
use scenarios::drill::story::Story;
use sim::record::Serving;
use std::env;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::Poll;
use std::{fs, process, thread};
use strike::Clock;
use tokio::runtime::Builder;

/// What was measured.
pub struct Measured {
    /// What was served, tenant by tenant.
    pub serving: Vec<Serving>,
    /// Answers that were not the tenant's own: each breaks a promise, whatever else went on.
    pub wrong: Vec<String>,
    /// What was not done as it was planned.
    pub failed: Vec<String>,
}

/// How a drill ended.
pub enum Ended {
    /// It went to its end.
    Whole(Measured),
    /// Somebody asked for its end; all of it was taken down.
    Interrupted,
}

/// A directory for the keys and passwords of a drill, which go with it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The tenants of a drill, in order.
pub fn tenants() -> [&'static str; 2] {
    TENANTS
}

/// Starts the demonstration in containers of an image, carries a plan out on it, and takes it down. `tell` hears what
/// is done, when it is done.
///
/// # Errors
/// The platform did not start, or serves nobody before anything has happened to it.
pub fn run(
    image: &str,
    (seed, story, plan): (u64, &Story, &Plan),
    tell: impl Fn(&str) + Send + Sync,
) -> Result<Ended, String> {
    let dir = Scratch(env::temp_dir().join(format!("cellproof-drill-{}", process::id())));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    // From here on an interrupt no longer ends the process by itself: what was started has to be taken down first.
    let end = {
        let _inside = runtime.enter();
        asked_to_end().map_err(|e| e.to_string())?
    };
    let demo = Demo::up(&dir.0, &[], Some(image))?;
    let deployment = deployment(&dir.0)?;
    let honest = Honest::new(&deployment)?;
    let clock = Clock::default();
    let levers = strike::levers(&demo);
    let (served, failed) = thread::scope(|scope| {
        let striking = scope.spawn(|| strike::all(plan, &levers, &clock, &tell));
        let mut asked = pin!(traffic::ask(&honest, (seed, story.length), &clock));
        let mut end = pin!(end);
        let served = runtime.block_on(poll_fn(|task| match end.as_mut().poll(task) {
            Poll::Ready(()) => Poll::Ready(Ok(None)),
            Poll::Pending => asked.as_mut().poll(task).map(|served| served.map(Some)),
        }));
        clock.stop();
        // A panic has said so itself.
        (served, striking.join().unwrap_or_else(|_| vec!["the faults were not carried out".to_owned()]))
    });
    Ok(match served? {
        None => Ended::Interrupted,
        Some((mut serving, wrong)) => {
            serving.iter_mut().for_each(|one| one.cell.clone_from(&plan.cell));
            Ended::Whole(Measured { serving, wrong, failed })
        }
    })
}

/// The deployment that a demonstration wrote.
fn deployment(dir: &Path) -> Result<Deployment, String> {
    let path = dir.join("deployment.toml");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let parsed = Deployment::parse(&path.to_string_lossy(), &text);
    parsed.map_err(|problems| problems.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
