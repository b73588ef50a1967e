//! The platform's event: whose it is, which request published it, and what it says.
//!
//! The request's id travels inside the event, so that a copy in another cell can still be told from a second one.

use super::schema::{EventWriter, FieldRule, Kind, Schema, field_of};
use crate::ids::Bytes;

/// Id of the schema in the registry.
pub const SCHEMA_ID: u16 = 1;
/// The tenant whose event it is.
pub const TENANT: u8 = 1;
/// The request that published it, 16 hex digits.
pub const REQUEST: u8 = 2;
/// What it says.
pub const DATA: u8 = 3;
/// Which device it is about; only the next version of the schema knows it.
pub const DEVICE: u8 = 4;

/// The schema of every tenant topic.
pub fn schema() -> Schema {
    let rule = |tag| FieldRule { tag, kind: Kind::Text, required: true };
    Schema { id: SCHEMA_ID, fields: vec![rule(TENANT), rule(REQUEST), rule(DATA)] }
}

/// The next version of that schema: compatible, as what was an event before is one still.
pub fn next_schema() -> Schema {
    let mut next = schema();
    next.fields.push(FieldRule { tag: DEVICE, kind: Kind::Text, required: false });
    next
}

/// An event that only the next version of the schema knows.
pub fn next_body(tenant: &str, request: u64, marker: &str) -> Bytes {
    let event = EventWriter::new(SCHEMA_ID).text(TENANT, tenant);
    event.text(REQUEST, &format!("{request:016x}")).text(DATA, marker).text(DEVICE, "device-1").finish()
}

/// An event, as clients publish it.
pub fn event_body(tenant: &str, request: u64, marker: &str) -> Bytes {
    let event = EventWriter::new(SCHEMA_ID).text(TENANT, tenant);
    event.text(REQUEST, &format!("{request:016x}")).text(DATA, marker).finish()
}

/// The request that published an event, if the event says so.
pub fn event_request(event: &[u8]) -> Option<u64> {
    let digits = field_of(event, REQUEST).filter(|d| d.len() == 16 && d.iter().all(u8::is_ascii_hexdigit))?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Controls;
    use crate::kafka::schema::Invalid;

    #[test]
    fn an_event_fits_its_schema_and_names_its_request() {
        let event = event_body("acme", 0xBEEF, "marker");
        assert_eq!(schema().check(&Controls::all_on(), &event), Ok(()));
        assert_eq!(event_request(&event), Some(0xBEEF));
        assert_eq!(field_of(&event, TENANT), Some(&b"acme"[..]));
    }

    #[test]
    fn the_next_version_takes_what_this_one_does_and_more() {
        let (now, next) = (event_body("acme", 1, "marker"), next_body("acme", 1, "marker"));
        assert_eq!(next_schema().validate(&now), Ok(()));
        assert_eq!(next_schema().validate(&next), Ok(()));
        assert_eq!(schema().validate(&next), Err(Invalid::Unexpected(DEVICE)));
    }

    #[test]
    fn what_is_no_event_names_no_request() {
        let signed = EventWriter::new(SCHEMA_ID).text(REQUEST, "+00000000000beef").finish();
        for bytes in [&b""[..], b"{}", &signed, &event_body("acme", 1, "m")[..20]] {
            assert_eq!(event_request(bytes), None);
        }
    }
}
