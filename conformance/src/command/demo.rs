//! `cellproof demo`: a small platform of real servers, with chosen defects, to try `certify` on.

use crate::args::{Demo as What, Up};
use crate::demo::Demo;
use crate::demo::defects::{self, DEFECTS, Defect};
use crate::exit::{Done, Exit, usage};
use crate::terminal::say;
use std::future::poll_fn;
use std::task::Poll;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Lists defects, or starts the platform and waits.
pub fn demo(what: &What) -> Done {
    match what {
        What::Up(args) => up(args),
        What::Defects => {
            for defect in DEFECTS {
                say(&told(defect));
            }
            Ok(Exit::Held)
        }
    }
}

/// A defect in two lines that fit a terminal.
fn told(defect: &Defect) -> String {
    format!("{}, breaks {}\n    {}\n", defect.name, defect.breaks, defect.what)
}

fn up(args: &Up) -> Done {
    let wanted: Result<Vec<_>, _> = args.defect.iter().map(|name| defects::find(name)).collect();
    let wanted = wanted.map_err(usage)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| usage(e.to_string()))?;
    let demo = Demo::up(&args.dir, &wanted).map_err(usage)?;
    for line in &demo.told {
        say(&format!("{line}\n"));
    }
    for defect in wanted {
        say(&told(defect));
    }
    let file = args.dir.join("deployment.toml");
    say(&format!("\ncellproof certify {}\n\nCtrl-C ends it; the directory stays.\n", file.display()));
    runtime.block_on(asked_to_end()).map_err(|e| usage(e.to_string()))?;
    drop(demo);
    Ok(Exit::Held)
}

/// Waits for Ctrl-C, for whoever ends services, or for the end of the terminal.
async fn asked_to_end() -> std::io::Result<()> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals = kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?;
    poll_fn(|task| match signals.iter_mut().any(|signal| signal.poll_recv(task).is_ready()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    Ok(())
}
