//! What an attacker makes of workload identities: one forgery a function, each aimed at exactly one check.
//!
//! Certificates that are merely stolen, old or of the wrong service need no forging: they are issued honestly and shown
//! in the wrong place or at the wrong time.

use super::ca::{Ca, Window, leaf_params};
use crate::crypto;
use crate::wire::svid::{Chain, KeyName, SpiffeId, Svid};

/// A leaf that vouches for itself. Stopped by `mesh.svid-chain`.
pub fn self_signed(id: &SpiffeId, key: &KeyName, window: Window) -> Svid {
    let serial = 1;
    let pair = crypto::key(&key.role, key.index);
    let leaf = leaf_params(id, window, serial).self_signed(pair.certifier()).expect("a key signs its own certificate");
    let chain: Chain = [leaf.der().as_ref().into()].into();
    Svid { chain, key: key.clone(), id: id.clone(), serial, not_after: window.not_after }
}

/// A leaf signed by an authority that was broken into: for any id, of another trust domain too, and any window. For
/// another domain's id it is stopped by `mesh.trust-domain`; for one of its own nothing in this house can stop it.
pub fn misissued(by: &mut Ca, id: &SpiffeId, key: &KeyName, window: Window) -> Svid {
    by.sign(id, key, window)
}

/// A genuine leaf without the certificates that connect it to a root. Stopped by `mesh.svid-chain`.
pub fn without_intermediate(svid: &Svid) -> Svid {
    let chain: Chain = svid.chain.iter().take(1).cloned().collect();
    Svid { chain, ..svid.clone() }
}

/// A leaf of an impostor's authority over a genuine intermediate of the same name: the names fit, the signature does
/// not. Stopped by `mesh.svid-chain`.
pub fn spliced(leaf: &Svid, genuine: &Svid) -> Svid {
    let chain: Chain = leaf.chain.iter().take(1).chain(genuine.chain.iter().skip(1)).cloned().collect();
    Svid { chain, ..leaf.clone() }
}
