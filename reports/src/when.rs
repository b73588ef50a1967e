//! Wall clock time as people write it (RFC 3339), and as seconds since 1970. It comes from outside: no clock is read.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads `2026-11-25T09:00:00Z`.
///
/// # Errors
/// What was expected.
pub fn parse(text: &str) -> Result<u64, String> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp);
    parsed.and_then(|at| u64::try_from(at).ok()).ok_or_else(|| "expected a time such as 2026-11-25T09:00:00Z".into())
}

/// Reads `2026-11-25T09:00:00.123456789Z` as nanoseconds since 1970.
///
/// # Errors
/// What was expected.
pub fn parse_ns(text: &str) -> Result<u64, String> {
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok().map(OffsetDateTime::unix_timestamp_nanos);
    parsed.and_then(|at| u64::try_from(at).ok()).ok_or_else(|| "expected a time such as 2026-11-25T09:00:00Z".into())
}

/// The same time as text; the number when no calendar has it.
pub fn text(at: u64) -> String {
    let known = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    known.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_as_it_is_written() {
        assert_eq!(parse("1970-01-01T00:00:01Z"), Ok(1));
        assert_eq!(parse("2026-11-25T10:00:00+01:00"), Ok(1_795_597_200));
        assert_eq!(text(1_795_597_200), "2026-11-25T09:00:00Z");
        assert_eq!(parse_ns("2026-11-25T09:00:00.25Z"), Ok(1_795_597_200_250_000_000));
        for text in ["", "2026-11-25", "1969-12-31T23:59:59Z", "tomorrow"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
