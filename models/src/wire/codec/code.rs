//! Codes that words say by name: one table for all protocols, written as a place in it.
//!
//! The words hold codes as text of the program itself, so bytes can only say what the table has; a code that is
//! missing here is an error of the writer, never a truncated answer. New codes go to the end.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// Every code of SQLSTATE (PostgreSQL 15, appendix A), of the mesh, and of OAuth (RFC 6749 §5.2, RFC 8628 §3.5, RFC
/// 8707 §2) that a component says.
pub const CODES: &[&str] = &[
    "08P01",
    "0A000",
    "2201W",
    "2201X",
    "22003",
    "22004",
    "22023",
    "22025",
    "22P02",
    "23502",
    "23505",
    "25001",
    "25006",
    "25P01",
    "25P02",
    "28000",
    "3B001",
    "42501",
    "42601",
    "42701",
    "42703",
    "42704",
    "42710",
    "42803",
    "42804",
    "42846",
    "42883",
    "42P01",
    "42P02",
    "42P07",
    "42P10",
    "42P16",
    "53300",
    "53400",
    "54001",
    "55P03",
    "57P01",
    "57P03",
    "access_denied",
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "chain-length",
    "expired",
    "intermediate-expired",
    "lifetime",
    "malformed",
    "no-path",
    "no-session",
    "no-spiffe-id",
    "not-attested",
    "not-registered",
    "not-yet-valid",
    "possession",
    "revoked",
    "spiffe-id",
    "svid-chain",
    "trust-domain",
    "invalid_grant",
    "authorization_pending",
    "expired_token",
    "unauthorized_client",
    "42725",
    "protocol-version",
    "55000",
    "0LP01",
    "28P01",
    "2BP01",
    "3F000",
    "42939",
    "42P06",
    "23514",
    "42809",
    "42723",
    "42P13",
    "42P17",
    "23503",
    "42830",
    "40001",
];

/// Writes the place of a code.
pub fn serialize<S: Serializer>(code: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
    let place = CODES.iter().position(|known| known == code);
    let place = place.and_then(|place| u8::try_from(place).ok());
    serializer.serialize_u8(place.ok_or_else(|| S::Error::custom("a code that is not in the table"))?)
}

/// Reads a code by its place.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let place = u8::deserialize(deserializer)?;
    CODES.get(usize::from(place)).copied().ok_or_else(|| D::Error::custom("a place in the table of codes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_a_database_says_has_a_place_and_nothing_has_two() {
        let constants =
            include_str!("../../postgres/sqlstate.rs").lines().filter(|line| line.starts_with("pub const "));
        let codes: Vec<&str> = constants.filter_map(|line| line.split('"').nth(1)).collect();
        assert!(codes.len() > 40, "{codes:?}");
        let missing: Vec<&&str> = codes.iter().filter(|code| !CODES.contains(code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        for (place, code) in CODES.iter().enumerate() {
            assert_eq!(CODES.iter().position(|known| known == code), Some(place), "{code}");
        }
    }
}
