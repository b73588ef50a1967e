//! Mergeable measurements: latency histograms, windows, burn rates and exact bounds.

use serde::{Deserialize, Serialize};

/// A mergeable latency histogram, in microseconds.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Latency(Vec<(u64, u64)>);
