//! The SIEM: where decisions are kept, out of the reach of those who made them (POL-04).
//!
//! It says how far it has everything, and no further: who sends learns from that what to send again.

pub mod machine;
