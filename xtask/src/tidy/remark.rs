//! What a rule says. Only a remark that is `wrong` fails the command.

/// Something that a rule has to say about a place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Remark {
    /// Whether it fails the command.
    pub wrong: bool,
    /// `file`, or `file:line`.
    pub place: String,
    /// What is the matter, and what to do.
    pub says: String,
}

impl Remark {
    /// A remark that fails.
    pub fn wrong(place: impl Into<String>, says: impl Into<String>) -> Remark {
        Remark { wrong: true, place: place.into(), says: says.into() }
    }
    /// A remark that asks for a look.
    pub fn look(place: impl Into<String>, says: impl Into<String>) -> Remark {
        Remark { wrong: false, place: place.into(), says: says.into() }
    }
}
