//! `cellproof demo`: a small platform of real servers, with chosen defects, to try `certify` on.

use crate::args::{Demo as What, Down, On, Up};
use crate::demo::defects::{self, DEFECTS, Defect};
use crate::demo::{Demo, left};
use crate::exit::{Done, Exit, usage};
use crate::interrupt::asked_to_end;
use crate::provision::docker::{IMAGE, IMAGE_USUAL};
use crate::terminal::say;
use std::env;
use tokio::runtime::Builder;

/// Lists defects, starts the platform and waits, or ends what an earlier one left.
pub fn demo(what: &What) -> Done {
    match what {
        What::Up(args) => up(args),
        What::Down(args) => down(args),
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

/// The image that servers run in: what was typed, else what the environment says, else what `cargo xtask images` makes.
pub fn image(typed: Option<&str>) -> String {
    typed.map(str::to_owned).or_else(|| env::var(IMAGE).ok()).unwrap_or_else(|| IMAGE_USUAL.to_owned())
}

fn down(args: &Down) -> Done {
    let ended = left::down((!args.all).then_some(args.dir.as_path())).map_err(usage)?;
    for what in &ended {
        say(&format!("ended  {what}\n"));
    }
    if ended.is_empty() {
        say("Nothing of it ran.\n");
    }
    Ok(Exit::Held)
}

fn up(args: &Up) -> Done {
    let wanted: Result<Vec<_>, _> = args.defect.iter().map(|name| defects::find(name)).collect();
    let wanted = wanted.map_err(usage)?;
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| usage(e.to_string()))?;
    // Whoever interrupts while it starts is heard when it has started: nothing is left behind.
    let end = {
        let _inside = runtime.enter();
        asked_to_end().map_err(|e| usage(e.to_string()))?
    };
    let image = (args.on == Some(On::Docker)).then(|| image(args.image.as_deref()));
    let demo = Demo::up(&args.dir, &wanted, image.as_deref()).map_err(usage)?;
    for line in &demo.told {
        say(&format!("{line}\n"));
    }
    for defect in wanted {
        say(&told(defect));
    }
    let file = args.dir.join("deployment.toml");
    say(&format!("\ncellproof certify {}\n\nCtrl-C ends it; the directory stays.\n", file.display()));
    runtime.block_on(end);
    drop(demo);
    Ok(Exit::Held)
}
