//! State per name (tenant, principal), found in a few nanoseconds.
//!
//! An open-addressing table with a fixed, published hash (FNV-1a): unlike the standard map, its layout depends on
//! nothing but the names and the order in which they came, so walking it is deterministic. Names come from verified
//! tokens, not from strangers: a hash that an outsider could flood would need a key.

use std::sync::Arc;

#[derive(Clone, Debug)]
struct Row<V> {
    hash: u64,
    name: Arc<str>,
    value: V,
}

/// Values by name.
#[derive(Clone, Debug)]
pub(super) struct Table<V> {
    /// A power of two, at most three quarters full.
    slots: Vec<Option<Row<V>>>,
    len: usize,
    /// The size at which idle rows are looked for again.
    sweep_at: usize,
}

/// Below this size nobody looks for idle rows: a few dozen KiB are cheaper than dropping and making rows in turn.
pub(super) const SWEEP_MIN: usize = 1024;

impl<V> Table<V> {
    pub(super) fn new() -> Table<V> {
        Table { slots: (0..16).map(|_| None).collect(), len: 0, sweep_at: SWEEP_MIN }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the name stands, or the free slot where it would.
    #[inline]
    fn place(&self, hash: u64, name: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(row) = &self.slots[at] {
            if row.hash == hash && *row.name == *name {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        let at = self.place(hash(name), name);
        self.slots[at].as_mut().map(|row| &mut row.value)
    }

    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<&V> {
        self.slots[self.place(hash(name), name)].as_ref().map(|row| &row.value)
    }

    /// The value of `name`, made if it is missing. Before the table grows, rows that `idle` approves are dropped: it
    /// never holds more than twice the busy rows (or [`SWEEP_MIN`]).
    #[inline]
    pub(super) fn entry(&mut self, name: &Arc<str>, make: impl FnOnce() -> V, idle: impl Fn(&V) -> bool) -> &mut V {
        let hash = hash(name);
        let mut at = self.place(hash, name);
        if self.slots[at].is_none() {
            self.make_room(idle);
            at = self.place(hash, name);
            self.len += 1;
        }
        &mut self.slots[at].get_or_insert_with(|| Row { hash, name: name.clone(), value: make() }).value
    }

    #[cold]
    fn make_room(&mut self, idle: impl Fn(&V) -> bool) {
        if self.len >= self.sweep_at {
            let rows: Vec<_> = self.take().filter(|row| !idle(&row.value)).collect();
            self.sweep_at = (rows.len() * 2).max(SWEEP_MIN);
            self.fill(rows);
        }
        if (self.len + 1) * 4 > self.slots.len() * 3 {
            let rows: Vec<_> = self.take().collect();
            self.fill(rows);
        }
    }

    fn take(&mut self) -> impl Iterator<Item = Row<V>> + use<V> {
        std::mem::take(&mut self.slots).into_iter().flatten()
    }

    fn fill(&mut self, rows: Vec<Row<V>>) {
        let size = ((rows.len() + 1) * 2).next_power_of_two().max(16);
        self.slots = (0..size).map(|_| None).collect();
        self.len = rows.len();
        for row in rows {
            let at = self.place(row.hash, &row.name);
            self.slots[at] = Some(row);
        }
    }
}

/// FNV-1a with a final mix, so that the low bits of short names differ.
#[inline]
fn hash(name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in name.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn idle_rows_go_and_busy_rows_stay() {
        let mut table = Table::new();
        for n in 0..10_000u32 {
            let busy = n % 100 == 0;
            table.entry(&Arc::from(format!("t{n}")), || busy, |busy| !busy);
        }
        assert!(table.len() <= 2 * 100 + SWEEP_MIN, "{} rows for 100 busy ones", table.len());
        assert!((0..100).all(|n| table.get(&format!("t{}", n * 100)).is_some()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn it_remembers_what_an_ordered_map_remembers(names in proptest::collection::vec("[a-z]{1,3}", 0..400)) {
            let (mut table, mut map) = (Table::new(), BTreeMap::new());
            for name in &names {
                *table.entry(&Arc::from(name.as_str()), || 0, |_| false) += 1;
                *map.entry(name.clone()).or_insert(0) += 1;
            }
            prop_assert_eq!(table.len(), map.len());
            prop_assert!(map.iter().all(|(name, count)| table.get(name) == Some(count)));
            prop_assert_eq!(table.get("absent"), None);
        }
    }
}
