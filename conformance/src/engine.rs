//! The engines of this program, by name.

use crate::args;
use scenarios::prove::{Engine, KERNEL};

/// Byte streams, real codecs, real TLS.
const TURMOIL: Engine = Engine { name: "turmoil", run: sim_turmoil::mesh::run };

/// In order of what a run costs.
const ALL: [&Engine; 2] = [&KERNEL, &TURMOIL];

/// The engine that was asked for.
pub fn of(asked: args::Engine) -> &'static Engine {
    match asked {
        args::Engine::Kernel => &KERNEL,
        args::Engine::Turmoil => &TURMOIL,
    }
}

/// The engine of this name.
pub fn find(name: &str) -> Option<&'static Engine> {
    ALL.into_iter().find(|engine| engine.name == name)
}

/// All names, for messages.
pub fn names() -> String {
    ALL.map(|engine| format!("`{}`", engine.name)).join(" or ")
}
