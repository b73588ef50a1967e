//! What attackers can have stolen. An honest client drops a copy of its token here when a scenario declares that
//! capability; nobody else reads it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Stolen things, by whom they were stolen from.
#[derive(Clone, Debug, Default)]
pub struct Loot(Rc<RefCell<BTreeMap<Arc<str>, Arc<str>>>>);

impl Loot {
    /// Drops a token.
    pub fn drop_token(&self, owner: &Arc<str>, token: &Arc<str>) {
        self.0.borrow_mut().insert(owner.clone(), token.clone());
    }
    /// The last token that was stolen from `owner`.
    pub fn token_of(&self, owner: &str) -> Option<Arc<str>> {
        self.0.borrow().get(owner).cloned()
    }
}
