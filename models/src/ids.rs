//! Names that more than one component needs.

use std::sync::Arc;

/// A tenant's id as it stands in tokens, headers, topics and rows (`acme`). Text on purpose: prefixes, delimiters and
/// encodings of this name are where isolation breaks.
pub type TenantId = Arc<str>;

/// Immutable bytes, shared between a message, its copies and the journal.
pub type Bytes = Arc<[u8]>;
