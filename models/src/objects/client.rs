//! What a service is linked with: it reads names of objects, asks the store in the name of one tenant, and signs links.

use super::path::{self, Refused, key_of, prefix_of};
use super::url::{Link, Secret, expiry};
use crate::control::Controls;
use crate::crypto::base64url_decode;
use crate::ids::{Bytes, TenantId};
use crate::wire::http::{Headers, Method, Peer, Request};
use sim::{Duration, Instant, NodeId};

/// What somebody wants of the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Errand {
    /// `GET`, `PUT` or `DELETE` of an object.
    Object {
        /// Which of these.
        method: Method,
        /// Its name, as it came.
        name: String,
        /// Which version is read; the newest, where none is named.
        version: Option<u32>,
    },
    /// The names that begin like this one, as it came.
    List(String),
    /// A link to an object, whose name is as it came. The content says for what and for whom.
    Link(String),
}

/// What comes of an errand.
#[derive(Debug)]
pub enum Prepared {
    /// The store is asked this.
    Ask(Box<Request>),
    /// Here is a link.
    Link(String),
    /// The content of a request for a link says neither method nor client.
    Malformed,
}

/// A service's way to the store of its cell.
#[derive(Clone, Debug)]
pub struct Library {
    /// The store.
    pub store: NodeId,
    /// What links are signed with.
    pub secret: Secret,
    /// How long a link lives.
    pub link_life: Duration,
}

impl Library {
    /// Prepares an errand of `tenant`; a request to the store gets the number `id`.
    ///
    /// # Errors
    /// The name is refused.
    pub fn prepare(
        &self,
        (now, controls): (Instant, &Controls),
        tenant: &TenantId,
        errand: &Errand,
        body: &Bytes,
        id: u64,
    ) -> Result<Prepared, Refused> {
        let ask = |method, path: String, body: Bytes| {
            let headers = Headers { tenant_id: Some(tenant.clone()), ..Headers::default() };
            Prepared::Ask(Box::new(Request { id, method, path: path.into(), headers, peer: Peer::default(), body }))
        };
        let empty = Bytes::default;
        Ok(match errand {
            Errand::Object { method, name, version } => {
                let key = key_of(controls, tenant, name)?;
                let query = version.map(|n| format!("?version={n}")).unwrap_or_default();
                let content = if *method == Method::Put { body.clone() } else { empty() };
                ask(*method, format!("/{key}{query}"), content)
            }
            Errand::List(prefix) => {
                let prefix = prefix_of(controls, tenant, prefix)?;
                ask(Method::Get, format!("/?prefix={prefix}"), empty())
            }
            Errand::Link(name) => {
                let key = key_of(controls, tenant, name)?;
                let Some((method, client)) = wanted(body) else { return Ok(Prepared::Malformed) };
                let link = Link { method, key, expires: expiry(now, self.link_life), client };
                Prepared::Link(self.secret.sign(controls, &link))
            }
        })
    }
}

/// Content of a request for a link: `{method} {certificate}`, the certificate as SHA-256 in base64url.
fn wanted(body: &[u8]) -> Option<(Method, [u8; 32])> {
    let (method, client) = std::str::from_utf8(body).ok()?.split_once(' ')?;
    let method = [Method::Get, Method::Put, Method::Delete].into_iter().find(|m| m.name() == method)?;
    Some((method, base64url_decode(client)?.try_into().ok()?))
}

/// Whether what is put under this key is kept.
pub(super) fn is_archive(key: &str) -> bool {
    key.split('/').nth(1) == Some(path::ARCHIVE)
}
