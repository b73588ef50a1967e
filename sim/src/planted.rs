//! Defects that are planted on purpose, to see whether they are found.
//!
//! They exist only in a build with the feature `planted`, of which one defect at most is chosen for a whole process.
//! Such a build has another code digest and signs nothing; without the feature every question is answered *no* at
//! compile time, and nothing of a defect is left in the program.

/// A defect that somebody could have written, and that a gate or an exploration has to find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defect {
    /// How it is chosen: `breaker.late-failures`.
    pub name: &'static str,
    /// How many things must come together before it shows: 1 is a plain mistake, from 2 on it takes an unlucky moment.
    pub conditions: u8,
    /// The scenario whose story comes nearest to it. Says where an experiment looks; a search is told nothing of it.
    pub scenario: &'static str,
    /// What goes wrong, in a sentence.
    pub says: &'static str,
}

/// Whether anything may be signed by this build.
pub const MAY_SIGN: bool = !cfg!(feature = "planted");

/// Called by whoever is about to sign.
///
/// # Panics
/// In a build with planted defects: what it proves is not for anybody else.
pub fn before_signing() {
    if !MAY_SIGN {
        panic!("a build with planted defects signs nothing");
    }
}

#[cfg(feature = "planted")]
mod chosen {
    use super::Defect;
    use std::sync::OnceLock;

    static CHOSEN: OnceLock<&'static Defect> = OnceLock::new();

    impl Defect {
        /// Whether this process has it.
        pub fn is_planted(&self) -> bool {
            CHOSEN.get().is_some_and(|chosen| chosen.name == self.name)
        }
    }

    /// Plants a defect in this process, before anything runs. The first one stays.
    pub fn plant(defect: &'static Defect) {
        CHOSEN.get_or_init(|| defect);
    }

    /// The defect of this process.
    pub fn planted() -> Option<&'static Defect> {
        CHOSEN.get().copied()
    }
}

#[cfg(not(feature = "planted"))]
mod chosen {
    use super::Defect;

    impl Defect {
        /// Whether this process has it: a build without the feature has none.
        #[inline(always)]
        pub const fn is_planted(&self) -> bool {
            false
        }
    }

    /// The defect of this process: a build without the feature has none.
    pub const fn planted() -> Option<&'static Defect> {
        None
    }
}

#[cfg(feature = "planted")]
pub use chosen::plant;
pub use chosen::planted;
