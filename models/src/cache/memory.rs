//! The entries of a cache server: logical databases over one bounded memory, evicted least recently used first.
//!
//! Every namespace (the key up to its first `:`) has its own recency list and may have a floor. Redis itself samples
//! keys and knows no tenants; this is exact recency by a logical clock, plus the guardrail that Redis lacks. Lookup
//! goes by a hash of the key, but the whole key decides: a crafted collision costs time, never an answer.

use crate::control;
use crate::control::{Control, Controls};
use crate::ids::Bytes;
use sim::Instant;
use std::collections::{BTreeMap, BTreeSet};

/// Eviction takes from namespaces above their floor first.
pub const TENANT_FLOOR: Control = control!(
    "cache.tenant-floor",
    upholds: ["CAC-02", "TEN-05"],
    off: "plain allkeys-lru over all tenants: whoever writes most evicts everybody else's working set",
);

/// Bytes that Redis needs for an entry beside key and value (dictionary entry, two object headers, allocator slack).
pub const ENTRY_OVERHEAD: u64 = 72;
const NONE: u32 = u32::MAX;

/// All entries of one server.
#[derive(Debug)]
pub struct Memory {
    databases: Vec<BTreeMap<(u64, Bytes), u32>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    owners: Vec<Namespace>,
    owner_of: BTreeMap<Bytes, u32>,
    /// Oldest entry of every namespace above its floor, by age.
    exposed: BTreeSet<(u64, u32)>,
    /// Oldest entry of every namespace at or below its floor, by age.
    sheltered: BTreeSet<(u64, u32)>,
    clock: u64,
    used: u64,
    max: u64,
    sweep: usize,
    evicted: u64,
    /// Evictions since they were last looked at.
    made_room: Vec<Eviction>,
}

/// An entry had to go, because another one came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Eviction {
    /// Namespace of the entry that went.
    pub owner: Bytes,
    /// Namespace of the entry that came.
    pub by: Bytes,
    /// Bytes that the owner held until then.
    pub held: u64,
}

#[derive(Debug)]
struct Slot {
    /// Empty in a free slot.
    key: Option<Bytes>,
    hash: u64,
    value: Bytes,
    expires: Instant,
    database: u16,
    owner: u32,
    used_at: u64,
    older: u32,
    newer: u32,
}

#[derive(Debug)]
struct Namespace {
    name: Bytes,
    floor: u64,
    bytes: u64,
    evicted: u64,
    oldest: u32,
    newest: u32,
    /// Where it stands in `exposed` (true) or `sheltered`.
    rank: Option<(bool, u64)>,
}

/// The value alone does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge;

impl Memory {
    /// Empty memory of `max` bytes with `databases` logical databases (Redis: 16).
    pub fn new(databases: u16, max: u64) -> Memory {
        Memory {
            databases: (0..databases).map(|_| BTreeMap::new()).collect(),
            slots: Vec::new(),
            free: Vec::new(),
            owners: Vec::new(),
            owner_of: BTreeMap::new(),
            exposed: BTreeSet::new(),
            sheltered: BTreeSet::new(),
            clock: 0,
            used: 0,
            max,
            sweep: 0,
            evicted: 0,
            made_room: Vec::new(),
        }
    }

    /// Guarantees `floor` bytes to the namespace `name`. The floors must fit into the memory together; where they do
    /// not, eviction falls back to plain recency.
    pub fn set_floor(&mut self, name: &[u8], floor: u64) {
        let owner = self.namespace(name);
        self.owners[owner as usize].floor = floor;
        self.rank(owner);
    }

    /// Number of logical databases.
    pub fn databases(&self) -> u16 {
        self.databases.len() as u16
    }

    /// The value of `key`, now the most recently used; an entry past its time is removed instead.
    pub fn get(&mut self, now: Instant, database: u16, key: Bytes) -> Option<Bytes> {
        let slot = self.live(now, database, key)?;
        self.touch(slot);
        Some(self.slots[slot as usize].value.clone())
    }

    /// Whether `key` exists. Counts as use, as in Redis.
    pub fn exists(&mut self, now: Instant, database: u16, key: Bytes) -> bool {
        let found = self.live(now, database, key);
        found.inspect(|slot| self.touch(*slot)).is_some()
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&mut self, now: Instant, database: u16, key: Bytes) -> bool {
        self.live(now, database, key).inspect(|slot| self.drop_slot(*slot)).is_some()
    }

    /// Stores `value`, replacing value and time to live, and evicts until memory suffices.
    ///
    /// # Errors
    /// [`TooLarge`] when the entry alone exceeds the memory; nothing has changed then.
    pub fn set(
        &mut self,
        controls: &Controls,
        now: Instant,
        database: u16,
        key: Bytes,
        value: Bytes,
        expires: Instant,
    ) -> Result<(), TooLarge> {
        if cost(&key, &value) > self.max {
            return Err(TooLarge);
        }
        self.expire_one(now);
        let hash = hash(&key);
        let index = (hash, key);
        let slot = match self.databases[database as usize].get(&index) {
            Some(slot) => *slot,
            None => self.insert(database, index),
        };
        let entry = &mut self.slots[slot as usize];
        let (before, after) = (entry.value.len() as u64, value.len() as u64);
        entry.value = value;
        entry.expires = expires;
        let owner = entry.owner;
        self.used = self.used + after - before;
        self.owners[owner as usize].bytes += after;
        self.owners[owner as usize].bytes -= before;
        self.touch(slot);
        while self.used > self.max && self.evict(controls, owner) {}
        Ok(())
    }

    /// Names of the entries in `database` from hash `cursor` on, at most `count`, and where to go on (0: at the end).
    pub fn scan(&self, now: Instant, database: u16, cursor: u64, count: usize) -> (u64, Vec<Bytes>) {
        let empty: Bytes = (*b"").into();
        let mut keys = Vec::new();
        for ((hash, key), slot) in self.databases[database as usize].range((cursor, empty)..) {
            // Keys of one hash stay on one page, since the cursor cannot point between them.
            if keys.len() >= count && cursor_after(&keys) != *hash {
                return (*hash, live_names(keys));
            }
            keys.push((*hash, (self.slots[*slot as usize].expires > now).then(|| key.clone())));
        }
        (0, live_names(keys))
    }

    /// Evictions since the last call, in order.
    pub fn take_evictions(&mut self) -> Vec<Eviction> {
        std::mem::take(&mut self.made_room)
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used
    }
    /// Entries evicted since the start.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }
    /// Bytes held by, and entries evicted from, the namespace `name`.
    pub fn usage(&self, name: &[u8]) -> (u64, u64) {
        self.owner_of.get(name).map_or((0, 0), |o| {
            let owner = &self.owners[*o as usize];
            (owner.bytes, owner.evicted)
        })
    }

    fn live(&mut self, now: Instant, database: u16, key: Bytes) -> Option<u32> {
        let slot = *self.databases[database as usize].get(&(hash(&key), key))?;
        if self.slots[slot as usize].expires <= now {
            self.drop_slot(slot);
            return None;
        }
        Some(slot)
    }

    fn insert(&mut self, database: u16, index: (u64, Bytes)) -> u32 {
        let name_end = index.1.iter().position(|b| *b == b':').unwrap_or(0);
        let owner = self.namespace(&index.1[..name_end]);
        let empty: Bytes = (*b"").into();
        let bytes = cost(&index.1, &empty);
        let slot = Slot {
            key: Some(index.1.clone()),
            hash: index.0,
            value: empty,
            expires: Instant::NEVER,
            database,
            owner,
            used_at: 0,
            older: NONE,
            newer: NONE,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        self.used += bytes;
        self.owners[owner as usize].bytes += bytes;
        self.databases[database as usize].insert(index, at);
        self.append(at);
        at
    }

    fn namespace(&mut self, name: &[u8]) -> u32 {
        if let Some(owner) = self.owner_of.get(name) {
            return *owner;
        }
        let owner = self.owners.len() as u32;
        let name: Bytes = name.into();
        self.owners.push(Namespace {
            name: name.clone(),
            floor: 0,
            bytes: 0,
            evicted: 0,
            oldest: NONE,
            newest: NONE,
            rank: None,
        });
        self.owner_of.insert(name, owner);
        owner
    }

    /// Evicts one entry to make room for one of `by`; false when there is none.
    fn evict(&mut self, controls: &Controls, by: u32) -> bool {
        let (exposed, sheltered) = (self.exposed.first(), self.sheltered.first());
        let victim =
            if controls.on(&TENANT_FLOOR) { exposed.or(sheltered) } else { exposed.into_iter().chain(sheltered).min() };
        let Some((_, owner)) = victim.copied() else { return false };
        let by = self.owners[by as usize].name.clone();
        let namespace = &mut self.owners[owner as usize];
        namespace.evicted += 1;
        self.made_room.push(Eviction { owner: namespace.name.clone(), by, held: namespace.bytes });
        self.evicted += 1;
        self.drop_slot(self.owners[owner as usize].oldest);
        true
    }

    /// One step of the background expiry that Redis runs by sampling.
    fn expire_one(&mut self, now: Instant) {
        if self.slots.is_empty() {
            return;
        }
        self.sweep = (self.sweep + 1) % self.slots.len();
        let slot = &self.slots[self.sweep];
        if slot.key.is_some() && slot.expires <= now {
            self.drop_slot(self.sweep as u32);
        }
    }

    fn touch(&mut self, slot: u32) {
        let owner = self.slots[slot as usize].owner;
        if self.owners[owner as usize].newest != slot {
            self.unlink(slot);
            self.append(slot);
        }
        self.clock += 1;
        self.slots[slot as usize].used_at = self.clock;
        self.rank(owner);
    }

    fn drop_slot(&mut self, slot: u32) {
        self.unlink(slot);
        let empty: Bytes = (*b"").into();
        let entry = &mut self.slots[slot as usize];
        let Some(key) = entry.key.take() else { return };
        let value = std::mem::replace(&mut entry.value, empty);
        let (owner, database, hash) = (entry.owner, entry.database, entry.hash);
        let bytes = cost(&key, &value);
        self.used -= bytes;
        self.owners[owner as usize].bytes -= bytes;
        self.databases[database as usize].remove(&(hash, key));
        self.free.push(slot);
        self.rank(owner);
    }

    fn append(&mut self, slot: u32) {
        let owner = &mut self.owners[self.slots[slot as usize].owner as usize];
        let older = std::mem::replace(&mut owner.newest, slot);
        if older == NONE {
            owner.oldest = slot;
        } else {
            self.slots[older as usize].newer = slot;
        }
        self.slots[slot as usize].older = older;
        self.slots[slot as usize].newer = NONE;
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { older, newer, owner, .. } = self.slots[slot as usize];
        match older {
            NONE => self.owners[owner as usize].oldest = newer,
            _ => self.slots[older as usize].newer = newer,
        }
        match newer {
            NONE => self.owners[owner as usize].newest = older,
            _ => self.slots[newer as usize].older = older,
        }
    }

    /// Keeps the age sets true. Most uses change neither a namespace's oldest entry nor its side of the floor.
    fn rank(&mut self, owner: u32) {
        let namespace = &self.owners[owner as usize];
        let rank = match namespace.oldest {
            NONE => None,
            oldest => Some((namespace.bytes > namespace.floor, self.slots[oldest as usize].used_at)),
        };
        if rank == namespace.rank {
            return;
        }
        if let Some((exposed, age)) = self.owners[owner as usize].rank {
            let set = if exposed { &mut self.exposed } else { &mut self.sheltered };
            set.remove(&(age, owner));
        }
        if let Some((exposed, age)) = rank {
            let set = if exposed { &mut self.exposed } else { &mut self.sheltered };
            set.insert((age, owner));
        }
        self.owners[owner as usize].rank = rank;
    }
}

fn cursor_after(keys: &[(u64, Option<Bytes>)]) -> u64 {
    keys.last().map_or(0, |(hash, _)| *hash)
}

fn live_names(keys: Vec<(u64, Option<Bytes>)>) -> Vec<Bytes> {
    keys.into_iter().filter_map(|(_, key)| key).collect()
}

fn cost(key: &[u8], value: &[u8]) -> u64 {
    key.len() as u64 + value.len() as u64 + ENTRY_OVERHEAD
}

/// Spreads keys; eight bytes at a step. Never zero, because cursor 0 means the start.
fn hash(key: &[u8]) -> u64 {
    let mut state = key.len() as u64;
    let (chunks, rest) = key.as_chunks::<8>();
    let mut mix = |word: u64| state = (state.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for chunk in chunks {
        mix(u64::from_le_bytes(*chunk));
    }
    mix(rest.iter().fold(1, |word, byte| word << 8 | u64::from(*byte)));
    (state ^ state >> 29).max(1)
}

#[cfg(test)]
mod tests;
