//! The command line of `cellproof`, as a library: one subcommand a file.
//!
//! Start at [`args`] (what can be typed) and [`exit`] (what is answered). Only this crate knows terminals, files and
//! the wall clock; what a command finds is a record, and [`summary`] and [`timeline`] are pure functions that show one.
//! A sweep keeps what is finished in a [`log`] at a [`place`], so that it may be killed, continued, and cut into
//! shards. What is published of evidence goes into an [`export_log`].

#![forbid(unsafe_code)]

pub mod args;
pub mod bundles;
pub mod certified;
pub mod certify;
pub mod claim;
pub mod command;
pub mod contained;
pub mod corpus;
pub mod demo;
pub mod desk;
pub mod engine;
pub mod examine;
pub mod exit;
pub mod export_log;
pub mod host;
pub mod input;
pub mod interrupt;
pub mod kafka;
pub mod log;
pub mod logged;
pub mod page;
pub mod place;
pub mod progress;
pub mod provision;
pub mod published;
pub mod shard;
pub mod shrunk;
pub mod summary;
pub mod terminal;
pub mod ticket;
pub mod timeline;
pub mod timings;
pub mod told;
pub mod trace;
pub mod trust;
pub mod when;

use clap::Parser;
use exit::Refusal;
use std::process::ExitCode;

/// Reads the arguments of the process, does what they say, and ends with the code of [`exit::Exit`].
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    #[cfg(feature = "planted")]
    args.planted.into_iter().for_each(sim::planted::plant);
    match command::dispatch(args.command) {
        Ok(exit) => exit.into(),
        Err(Refusal { exit, message }) => {
            terminal::complain(&message);
            exit.into()
        }
    }
}
