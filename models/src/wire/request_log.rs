//! Words between a service and the registrar of its cell: what is to stand in the log of requests (STO-10).

use crate::ids::TenantId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A request that is about to change something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// For which tenant.
    pub tenant: TenantId,
    /// Who asked: the story that the request is part of, or the tenant when nobody said.
    pub actor: Arc<str>,
    /// For what: what is changed, and the SHA-256 of the content.
    pub request: Arc<str>,
}
