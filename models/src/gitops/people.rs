//! Accounts, and the people behind them.
//!
//! An account proves itself by its key. That two accounts are two pairs of eyes it does not prove: people have aliases,
//! and jobs have accounts.

use crate::crypto::{Key, base64url, base64url_decode};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An account of the repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its name.
    pub name: Arc<str>,
    /// Whose it is; of a service account, who answers for it.
    pub person: Arc<str>,
    /// Whether a human stands behind each of its actions.
    pub is_human: bool,
    /// Its Ed25519 public key (RFC 8032).
    pub public: [u8; 32],
}

/// Everybody with an account.
#[derive(Clone, Default, Debug)]
pub struct People(BTreeMap<Arc<str>, Account>);

impl People {
    /// These accounts.
    pub fn new(accounts: impl IntoIterator<Item = Account>) -> People {
        People(accounts.into_iter().map(|account| (account.name.clone(), account)).collect())
    }

    /// The account of a name.
    pub fn account(&self, name: &str) -> Option<&Account> {
        self.0.get(name)
    }

    /// The account that signed a statement, if it is the one that is named; a signature is base64url.
    pub fn signer(&self, name: &str, statement: &[u8], signature: &str) -> Option<&Account> {
        let account = self.account(name)?;
        let signature = base64url_decode(signature)?;
        UnparsedPublicKey::new(&ED25519, &account.public).verify(statement, &signature).ok().map(|()| account)
    }
}

/// A signature as statements carry it.
pub fn sign(key: &Key, statement: &[u8]) -> Arc<str> {
    base64url(&key.sign(statement)).into()
}
