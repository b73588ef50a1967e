//! What can be typed about the demonstration: starting it, where, and ending what is left of it.

use clap::{Args as Group, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What to do with the demonstration.
#[derive(Subcommand, Debug)]
pub enum Demo {
    /// Start it: a gateway, an application, a database, a cache and brokers, all on loopback. Ctrl-C ends it.
    Up(Up),
    /// End whatever still runs of it, also after it was killed: processes and containers.
    Down(Down),
    /// List the defects that it may have, with the requirement that each breaks.
    Defects,
}

/// Arguments of `demo up`.
#[derive(Group, Debug)]
pub struct Up {
    /// A defect to start with; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub defect: Vec<String>,
    /// Where to write the deployment that names it, with its keys and passwords: a directory that is not there yet.
    #[arg(long, value_name = "DIR", default_value = "cellproof-demo")]
    pub dir: PathBuf,
    /// Run gateway, database and cache in containers, on a network of their own.
    #[arg(long, value_name = "ENGINE")]
    pub on: Option<On>,
    /// With --on: the image, which `cargo xtask images` makes [default: $CELLPROOF_IMAGE, else cellproof-demo].
    #[arg(long, value_name = "NAME", requires = "on")]
    pub image: Option<String>,
}

/// Arguments of `demo down`.
#[derive(Group, Debug)]
pub struct Down {
    /// The directory that it was started with.
    #[arg(long, value_name = "DIR", default_value = "cellproof-demo")]
    pub dir: PathBuf,
    /// Remove the containers and networks of every demonstration and drill instead, whoever started it.
    #[arg(long, conflicts_with = "dir")]
    pub all: bool,
}

/// What runs containers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum On {
    /// The engine of Docker on this machine.
    Docker,
}
