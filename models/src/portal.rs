//! The portal: a backend for browsers, which logs people in, keeps their tokens, and asks the gateway for them
//! (IDN-03).
//!
//! A browser holds a session and nothing else. What it takes as a cookie stands in the first line of an answer's
//! content here, where no script of a page can read it; what stands behind that line, a script can.

pub mod machine;
pub mod sessions;
