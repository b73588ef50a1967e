//! HTTP towards a deployment: a [`request`] is bytes and so is an [`answer`], in HTTP/2 by way of [`frames`] and
//! [`hpack`], and a [`route`] carries them.

pub mod answer;
mod frames;
mod hpack;
pub mod request;
pub mod route;

use std::time::Duration;

/// Longest wait for a connection or an answer, in milliseconds.
pub const PATIENCE_MS: u32 = 5_000;

/// The same.
pub const PATIENCE: Duration = Duration::from_millis(PATIENCE_MS as u64);
