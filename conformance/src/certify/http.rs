//! HTTP/1.1 towards a deployment: [`wire`] writes requests by the byte and reads answers, [`route`] carries them.

pub mod route;
pub mod wire;

use std::time::Duration;

/// Longest wait for a connection or an answer, in milliseconds.
pub const PATIENCE_MS: u32 = 5_000;

/// The same.
pub const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS as u64);
