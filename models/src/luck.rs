//! What the models draw for. Numbers are part of every token: append, never renumber.

use sim::seed::Purpose;

/// When a client's next request starts.
pub const ARRIVAL: Purpose = Purpose::new(32, "arrival");
/// Which operation it is.
pub const OPERATION: Purpose = Purpose::new(33, "operation");
/// Which record it is about.
pub const RECORD: Purpose = Purpose::new(34, "record");
/// The bits of a datum that nobody can guess.
pub const DATUM: Purpose = Purpose::new(35, "datum");
/// Whether a request or an attack step takes place at all: override it with [`sim::choice::ABSENT`] to remove one.
pub const PRESENCE: Purpose = Purpose::new(36, "presence");
/// What an attacker tries.
pub const ATTACK: Purpose = Purpose::new(37, "attack");
/// Which instance, connection or partition is taken.
pub const SPREAD: Purpose = Purpose::new(38, "spread");
/// Nonces of handshakes.
pub const NONCE: Purpose = Purpose::new(39, "nonce");
/// When an actor begins.
pub const WAIT: Purpose = Purpose::new(40, "wait");
/// How much earlier than usual the acts of a run end.
pub const ACTS: Purpose = Purpose::new(41, "acts");

/// Names of traces.
pub const TRACE: Purpose = Purpose::new(42, "trace");
/// Which requests go to a canary, which of them a bad one fails, and which are recorded.
pub const CANARY: Purpose = Purpose::new(43, "canary");

/// Every purpose of the models.
pub const ALL: &[Purpose] =
    &[ARRIVAL, OPERATION, RECORD, DATUM, PRESENCE, ATTACK, SPREAD, NONCE, WAIT, ACTS, TRACE, CANARY];
