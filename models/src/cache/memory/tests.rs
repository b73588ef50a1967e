//! Recency, time to live, floors: on small memories, and against a plain map.

use super::*;
use crate::control::ControlSet;
use proptest::prelude::*;

const NOW: Instant = Instant::ZERO;

fn set(memory: &mut Memory, controls: &Controls, key: &str) {
    let value: Bytes = vec![0; 100].into();
    memory.set(controls, NOW, 0, key.as_bytes().into(), value, Instant::NEVER).expect("fits");
}
fn holds(memory: &mut Memory, key: &str) -> bool {
    memory.exists(NOW, 0, key.as_bytes().into())
}

/// acme keeps ten entries under its floor, then globex writes a flood; how many of acme's are left?
fn acme_entries_after_a_flood(controls: &Controls) -> usize {
    let mut memory = Memory::new(16, 20_000);
    memory.set_floor(b"acme", 4_000);
    memory.set_floor(b"globex", 4_000);
    for i in 0..10 {
        set(&mut memory, controls, &format!("acme:{i}"));
    }
    for i in 0..1_000 {
        set(&mut memory, controls, &format!("globex:{i}"));
    }
    assert!(memory.used() <= 20_000);
    (0..10).filter(|i| holds(&mut memory, &format!("acme:{i}"))).count()
}

#[test]
fn a_flood_evicts_only_its_own_tenant_below_the_others_floor() {
    assert_eq!(acme_entries_after_a_flood(&Controls::all_on()), 10);
}

#[test]
fn without_floors_a_flood_evicts_the_whole_working_set() {
    let off = Controls::with_off(ControlSet::EMPTY.with(TENANT_FLOOR.slot));
    assert_eq!(acme_entries_after_a_flood(&off), 0);
}

#[test]
fn the_least_recently_used_entry_goes_first() {
    let (mut memory, on) = (Memory::new(1, 3 * 175), Controls::all_on());
    for key in ["a:1", "a:2", "a:3"] {
        set(&mut memory, &on, key);
    }
    assert!(holds(&mut memory, "a:1"));
    set(&mut memory, &on, "a:4");
    let left: Vec<bool> = ["a:1", "a:2", "a:3", "a:4"].iter().map(|k| holds(&mut memory, k)).collect();
    assert_eq!(left, [true, false, true, true]);
}

#[test]
fn an_entry_is_gone_at_the_end_of_its_time() {
    let (mut memory, on) = (Memory::new(1, 10_000), Controls::all_on());
    let key: Bytes = (*b"a:1").into();
    memory.set(&on, NOW, 0, key.clone(), key.clone(), Instant(10)).expect("fits");
    assert!(memory.get(Instant(9), 0, key.clone()).is_some());
    assert!(memory.get(Instant(10), 0, key).is_none());
    assert_eq!(memory.used(), 0);
}

#[test]
fn scanning_page_by_page_shows_every_key_once() {
    let (mut memory, on) = (Memory::new(1, 1_000_000), Controls::all_on());
    for i in 0..100 {
        set(&mut memory, &on, &format!("a:{i}"));
    }
    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        let (next, page) = memory.scan(NOW, 0, cursor, 7);
        seen.extend(page);
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn memory_agrees_with_a_plain_map_while_nothing_is_evicted(
        steps in proptest::collection::vec((0..3u8, 0..20u8, 0..4u64), 0..200)
    ) {
        let (mut memory, on) = (Memory::new(2, 1 << 20), Controls::all_on());
        let mut plain: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        for (now, (what, name, life)) in steps.into_iter().enumerate() {
            let now = now as u64;
            plain.retain(|_, (_, until)| *until > now);
            let key: Bytes = format!("{}:{name}", name % 3).into_bytes().into();
            match what {
                0 => {
                    let value: Bytes = now.to_le_bytes().as_slice().into();
                    memory.set(&on, Instant(now), 1, key, value, Instant(now + life * 7 + 1)).expect("fits");
                    plain.insert(name, (now, now + life * 7 + 1));
                }
                1 => {
                    let got = memory.get(Instant(now), 1, key);
                    let expected = plain.get(&name).map(|(v, _)| v.to_le_bytes().to_vec());
                    prop_assert_eq!(got.map(|v| v.to_vec()), expected);
                }
                _ => prop_assert_eq!(memory.remove(Instant(now), 1, key), plain.remove(&name).is_some()),
            }
        }
    }
}
