//! `traceparent` and `traceresponse` (W3C Trace Context, level 1 §3.2): which story a request belongs to.
//!
//! One spelling: version 00, lower case, sampled. What is spelled otherwise is no trace, and whoever needs one begins
//! anew, as §4.3 of the specification has it.

use serde::{Deserialize, Serialize};

/// The name of a story, the same at every hop; both halves zero is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct TraceId(pub u64, pub u64);

/// A step of a story.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// The story.
    pub id: TraceId,
    /// The step, at whoever wrote this.
    pub span: u64,
}

/// Length of the one spelling.
const LEN: usize = 55;

impl Trace {
    /// Reads the value of a header; `None` when it is no trace.
    pub fn parse(text: &str) -> Option<Trace> {
        let bytes = text.as_bytes();
        if bytes.len() != LEN || !text.starts_with("00-") || bytes[35] != b'-' || bytes[52] != b'-' {
            return None;
        }
        let (high, low) = (hex(&bytes[3..19])?, hex(&bytes[19..35])?);
        let (span, _) = (hex(&bytes[36..52])?, hex(&bytes[53..])?);
        ((high, low) != (0, 0) && span != 0).then_some(Trace { id: TraceId(high, low), span })
    }

    /// The value of a header.
    pub fn text(self) -> String {
        format!("00-{:016x}{:016x}-{:016x}-01", self.id.0, self.id.1, self.span)
    }
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace { id: TraceId(0x4bf9_2f35_77b3_4da6, 0xa3ce_929d_0e0e_4736), span: 0x00f0_67aa_0ba9_02b7 };
        assert_eq!(Trace::parse(text), Some(trace));
        assert_eq!(trace.text(), text);
    }

    #[test]
    fn what_is_spelled_otherwise_is_no_trace() {
        for text in [
            "",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::parse(text), None, "{text}");
        }
    }
}
