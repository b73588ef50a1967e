//! Levels as labels of a deployment say them.

use models::wire::policy::Level;

/// The level that is said by its name or by its number; none if it is neither.
pub fn read(said: &str) -> Option<Level> {
    Level::from_name(said).or_else(|| Level::from_rank(said.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_said_by_its_name_or_its_number() {
        assert_eq!((read("confidential"), read("2")), (Some(Level::Confidential), Some(Level::Confidential)));
        for neither in ["", "Confidential", "4", "-1", "2.0", "secret"] {
            assert_eq!(read(neither), None, "{neither}");
        }
    }
}
