//! How a command of the workshop ends. The numbers are those of `cellproof` itself, so that a script needs one table.

use std::process::ExitCode;

/// What a command found; an `Err` is bad usage or an unreadable checkout, and exits 2.
pub type Done = Result<Exit, String>;

/// The end of a command that could do its work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Nothing to complain about: 0.
    Fine,
    /// Something is wrong and was printed: 1.
    Wrong,
    /// Nothing ran, so nothing is proved: 3.
    Nothing,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Wrong => 1,
            Exit::Nothing => 3,
        })
    }
}
