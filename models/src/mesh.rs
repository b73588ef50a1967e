//! Workload identity: a SPIFFE certificate authority per trust domain, the check of a peer, the sealed link.
//!
//! The order of a connection: [`ca`] issues, [`version`] agrees on what is spoken, [`handshake`] shows and proves,
//! [`verify`] believes or not, [`session`] protects what follows. [`case`] asks from outside. Certificates are real
//! X.509, made by `rcgen` and judged by `rustls-webpki`; only their clock and entropy are ours.

pub mod ca;
pub mod case;
pub mod forge;
pub mod handshake;
pub mod machine;
pub mod session;
pub mod terminal;
pub mod trust;
pub mod usage;
pub mod verify;
pub mod version;
