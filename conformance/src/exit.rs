//! Exit codes, and the one way to refuse.

use std::process::ExitCode;

/// How a command ends. Ordered by precedence: what comes later outweighs what comes before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// All held.
    Held,
    /// Nothing was proved, in either direction.
    Inconclusive,
    /// A requirement is broken.
    Broken,
    /// Wrong usage or input; nothing was done.
    Usage,
}

impl Exit {
    /// The code of the process.
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Broken => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
        }
    }

    /// The inverse of [`Exit::code`]; what is unknown proves nothing.
    pub fn of(code: u8) -> Exit {
        [Exit::Held, Exit::Broken, Exit::Usage].into_iter().find(|e| e.code() == code).unwrap_or(Exit::Inconclusive)
    }

    /// What the code means.
    pub fn words(self) -> &'static str {
        match self {
            Exit::Held => "exit 0: everything that ran held",
            Exit::Broken => "exit 1: a requirement is broken",
            Exit::Usage => "exit 2: wrong usage or input",
            Exit::Inconclusive => "exit 3: inconclusive",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A command that could not do what it was asked, and says why in full.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// How the process ends.
    pub exit: Exit,
    /// For standard error: one line a problem.
    pub message: String,
}

/// How a command ends, or why it could not begin.
pub type Done = Result<Exit, Refusal>;

/// Refuses for wrong usage or input.
pub fn usage(message: impl Into<String>) -> Refusal {
    Refusal { exit: Exit::Usage, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_outweighs_broken_outweighs_inconclusive_outweighs_held() {
        let mut all = [Exit::Held, Exit::Usage, Exit::Inconclusive, Exit::Broken];
        all.sort_by(|a, b| b.cmp(a));
        assert_eq!(all.map(Exit::code), [2, 1, 3, 0]);
        assert!(all.iter().all(|e| Exit::of(e.code()) == *e));
        assert_eq!(Exit::of(77), Exit::Inconclusive);
    }
}
