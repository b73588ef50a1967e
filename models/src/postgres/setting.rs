//! Run-time settings (`SET`, `SET LOCAL`, `RESET`, `set_config`) of one server session, transactional as in the server.
//!
//! A custom setting (`app.tenant_id`) does not exist until a session first sets it, and then for ever: after a
//! `SET LOCAL` whose transaction is over, and even after its rollback, it reads as the empty string, no longer as NULL.

use super::sqlstate::{LIMIT_EXCEEDED, SqlError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A setting by its place in [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SettingId(pub u16);

/// `role`: the role that `SET ROLE` chose; `none` when it chose none.
pub const ROLE: SettingId = SettingId(0);
/// `row_security`: off makes a query that a policy would filter fail instead.
pub const ROW_SECURITY: SettingId = SettingId(1);
/// `app.tenant_id`: the tenant that the policies of the reference schema ask for.
pub const TENANT: SettingId = SettingId(2);

/// `search_path`: the schemas in which a name without one is looked for.
pub const SEARCH_PATH: SettingId = SettingId(4);

/// Built-in settings with their defaults, and the platform's own. Other built-ins of the server are not modelled and
/// read as unrecognised.
const KNOWN: [(&str, Option<&str>); 5] = [
    ("role", Some("none")),
    ("row_security", Some("on")),
    ("app.tenant_id", None),
    ("application_name", Some("")),
    ("search_path", Some("\"$user\", public")),
];

/// More names than this are refused: a client may invent names, and they are never forgotten.
const NAMES_MAX: usize = 4096;

/// Names of settings, shared by all sessions of an engine, so that a compiled expression knows its setting by number.
#[derive(Clone, Debug)]
pub struct Names {
    ids: BTreeMap<Arc<str>, SettingId>,
    names: Vec<Arc<str>>,
}

impl Default for Names {
    fn default() -> Names {
        let mut names = Names { ids: BTreeMap::new(), names: Vec::new() };
        for (name, _) in KNOWN {
            names.push(name);
        }
        names
    }
}

impl Names {
    fn push(&mut self, name: &str) -> SettingId {
        let id = SettingId(self.names.len() as u16);
        let name: Arc<str> = Arc::from(name);
        self.ids.insert(Arc::clone(&name), id);
        self.names.push(name);
        id
    }
    /// The setting called `name` (case is ignored), or `None` for a name without a dot that is no built-in.
    ///
    /// # Errors
    /// `53400` when clients have invented too many names.
    pub fn intern(&mut self, name: &str) -> Result<Option<SettingId>, SqlError> {
        let name = name.to_ascii_lowercase();
        if let Some(id) = self.ids.get(name.as_str()) {
            return Ok(Some(*id));
        }
        if !name.contains('.') {
            return Ok(None);
        }
        if self.names.len() == NAMES_MAX {
            return Err(SqlError::new(LIMIT_EXCEEDED, "too many custom configuration parameters"));
        }
        Ok(Some(self.push(&name)))
    }
    /// The name of a setting.
    pub fn name(&self, id: SettingId) -> &Arc<str> {
        &self.names[id.0 as usize]
    }
}

/// How long a new value lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// `SET`: until the session ends, if the transaction commits.
    Session,
    /// `SET LOCAL`: until the transaction ends.
    Transaction,
}

#[derive(Clone, Debug, Default)]
struct Slot {
    /// What the session sees now; `None` while the setting does not exist.
    now: Option<Arc<str>>,
    /// What stays after a commit.
    stays: Option<Arc<str>>,
}

/// The settings of one session.
#[derive(Clone, Debug)]
pub struct Settings {
    slots: Vec<Slot>,
    /// What the open transaction has overwritten, oldest first.
    undo: Vec<(SettingId, Slot)>,
    /// What the session began with, beside the server's own defaults: `RESET` brings it back.
    began: Vec<(SettingId, Arc<str>)>,
    empty: Arc<str>,
}

impl Default for Settings {
    fn default() -> Settings {
        let slot = |default: Option<&str>| default.map(Arc::from);
        let slots = KNOWN.iter().map(|(_, d)| Slot { now: slot(*d), stays: slot(*d) }).collect();
        Settings { slots, undo: Vec::new(), began: Vec::new(), empty: Arc::from("") }
    }
}

impl Settings {
    /// The settings of a session whose role has defaults of its own.
    pub fn beginning_with(defaults: &[(SettingId, Arc<str>)]) -> Settings {
        let mut settings = Settings { began: defaults.to_vec(), ..Settings::default() };
        for (id, value) in defaults {
            *settings.slot(*id) = Slot { now: Some(Arc::clone(value)), stays: Some(Arc::clone(value)) };
        }
        settings
    }
    /// The present value; `None` while the setting does not exist in this session.
    #[inline]
    pub fn get(&self, id: SettingId) -> Option<&Arc<str>> {
        self.slots.get(id.0 as usize)?.now.as_ref()
    }
    /// Sets a value, undone by [`Settings::rollback_to`].
    pub fn set(&mut self, id: SettingId, value: Arc<str>, scope: Scope) {
        let slot = self.slot(id);
        let before = slot.clone();
        if scope == Scope::Session {
            slot.stays = Some(Arc::clone(&value));
        }
        slot.now = Some(value);
        self.undo.push((id, before));
    }
    /// `RESET`: back to what the session began with: its role's default, or the server's, which for a custom setting is
    /// the empty string.
    pub fn reset(&mut self, id: SettingId, scope: Scope) {
        let default = KNOWN.get(id.0 as usize).and_then(|(_, d)| *d);
        let began = self.began.iter().find(|(of, _)| *of == id).map(|(_, value)| Arc::clone(value));
        let value = began.unwrap_or_else(|| default.map_or_else(|| Arc::clone(&self.empty), Arc::from));
        self.set(id, value, scope);
    }
    /// `RESET ALL`: every setting but `role`, which `RESET ROLE` resets.
    pub fn reset_all(&mut self) {
        for id in (0..self.slots.len() as u16).map(SettingId).filter(|id| *id != ROLE) {
            if self.get(id).is_some() {
                self.reset(id, Scope::Session);
            }
        }
    }
    /// A mark to come back to.
    pub fn mark(&self) -> usize {
        self.undo.len()
    }
    /// Undoes everything since `mark`.
    pub fn rollback_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let (id, before) = self.undo.pop().expect("longer than the mark");
            self.restore(id, before);
        }
    }
    /// The transaction committed: local values go, the others stay.
    pub fn commit(&mut self) {
        while let Some((id, _)) = self.undo.pop() {
            let stays = self.slot(id).stays.clone();
            self.restore(id, Slot { now: stays.clone(), stays });
        }
    }
    fn restore(&mut self, id: SettingId, to: Slot) {
        let empty = Arc::clone(&self.empty);
        let slot = self.slot(id);
        *slot = to;
        // Once a custom setting exists it is never forgotten, only emptied.
        slot.now.get_or_insert_with(|| Arc::clone(&empty));
        slot.stays.get_or_insert(empty);
    }
    fn slot(&mut self, id: SettingId) -> &mut Slot {
        let at = id.0 as usize;
        if at >= self.slots.len() {
            self.slots.resize(at + 1, Slot::default());
        }
        &mut self.slots[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps: `s:v` is SET, `l:v` SET LOCAL, `(` a savepoint, `)` ROLLBACK TO it, `c` COMMIT, `r` ROLLBACK.
    fn check(steps: &str, expected: Option<&str>) {
        let mut settings = Settings::default();
        let mut mark = 0;
        for step in steps.split_whitespace() {
            match step.split_once(':') {
                Some(("s", v)) => settings.set(TENANT, Arc::from(v), Scope::Session),
                Some((_, v)) => settings.set(TENANT, Arc::from(v), Scope::Transaction),
                None if step == "(" => mark = settings.mark(),
                None if step == ")" => settings.rollback_to(mark),
                None if step == "c" => settings.commit(),
                None => settings.rollback_to(0),
            }
        }
        assert_eq!(settings.get(TENANT).map(|s| &**s), expected, "{steps}");
    }

    #[test]
    fn a_local_value_ends_with_its_transaction_and_leaves_an_empty_string() {
        check("", None);
        check("l:a", Some("a"));
        check("l:a c", Some(""));
        check("l:a r", Some(""));
        check("s:a c", Some("a"));
        check("s:a r", Some(""));
        check("s:a c l:b", Some("b"));
        check("s:a c l:b c", Some("a"));
        check("s:a c s:b r", Some("a"));
    }

    #[test]
    fn set_and_set_local_in_one_transaction_follow_the_last_word_now_and_the_set_afterwards() {
        check("s:a l:b", Some("b"));
        check("s:a l:b c", Some("a"));
        check("l:b s:a", Some("a"));
        check("l:b s:a c", Some("a"));
    }

    #[test]
    fn a_savepoint_restores_the_settings_it_saw() {
        check("l:a ( l:b", Some("b"));
        check("l:a ( l:b )", Some("a"));
        check("( l:b )", Some(""));
        check("s:q ( l:z ) c", Some("q"));
        check("( s:z ) c", Some(""));
    }
}
