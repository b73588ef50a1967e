//! The log and recovery: torn tails, damage, bases.

use super::super::catalog::BOOTSTRAP_NAME;
use super::super::engine::Engine;
use super::super::recover::recover;
use super::super::testing::without;
use super::super::wal::{LOG_START, LogError, WAL_CHECKSUM, read_log};
use super::pool::loaded;
use crate::control::Controls;
use crate::wire::sql::{Lsn, Statement};
use proptest::prelude::{ProptestConfig, prop, prop_assert, proptest};

/// All rows of a store, sorted.
pub fn contents(engine: &Engine) -> Vec<String> {
    let mut rows: Vec<String> = engine.scan_store().map(|(table, row)| format!("{table} {row:?}")).collect();
    rows.sort();
    rows
}

/// An engine after a few transactions, the bytes of its log, and where each record ends.
fn written() -> (Engine, Vec<u8>, Vec<Lsn>) {
    let mut engine = loaded();
    let mut session = engine.connect(BOOTSTRAP_NAME).expect("the bootstrap role may log in");
    for sql in [
        "insert into records values ('acme', 7, 'audit', 1, 'pii', 'seven')",
        "create table notes (id int8 primary key, t text); insert into notes values (1, 'one'), (2, null)",
        "update records set body = 'changed', id = 8 where id = 7",
        "delete from records where tenant_id = 'beta'",
        "begin; truncate notes; insert into notes values (3, 'three'); alter table notes owner to owner; commit",
    ] {
        engine.execute(&mut session, &Controls::all_on(), &Statement::new(sql, Vec::new()), &mut Vec::new());
    }
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    for (start, record) in engine.take_log() {
        assert_eq!(start.0, LOG_START.0 + bytes.len() as u64);
        bytes.extend_from_slice(&record);
        ends.push(Lsn(LOG_START.0 + bytes.len() as u64));
    }
    assert_eq!(ends.last(), Some(&engine.log_end()));
    (engine, bytes, ends)
}

#[test]
fn replay_rebuilds_rows_definitions_and_the_end_of_the_log() {
    let (engine, bytes, _) = written();
    let recovered = recover(&Controls::all_on(), loaded(), &bytes, LOG_START).expect("the log is whole");
    assert_eq!(recovered.cut, 0);
    assert_eq!(contents(&recovered.engine), contents(&engine));
    assert_eq!(recovered.engine.log_end(), engine.log_end());
    let base = Engine::from_base(&engine.to_base());
    assert_eq!(contents(&base.expect("the base is whole")), contents(&engine));
}

#[test]
fn a_torn_tail_is_cut_at_every_length_and_never_served() {
    let (_, bytes, ends) = written();
    for length in 0..bytes.len() {
        let recovered =
            recover(&Controls::all_on(), loaded(), &bytes[..length], LOG_START).expect("a torn tail is no error");
        let whole = ends.iter().rev().find(|e| e.0 <= LOG_START.0 + length as u64).copied().unwrap_or(LOG_START);
        assert_eq!(recovered.engine.log_end(), whole);
        assert_eq!(recovered.cut, LOG_START.0 + length as u64 - whole.0);
    }
}

#[test]
fn damage_that_was_known_durable_is_an_error_wherever_the_knowledge_comes_from() {
    let (_, mut bytes, ends) = written();
    bytes[50] ^= 1;
    let corrupt = |durable| LogError::Corrupt { at: LOG_START, durable };
    let refused = |bytes: &[u8], durable| recover(&Controls::all_on(), loaded(), bytes, durable).err();
    // From a control file or a standby.
    assert_eq!(refused(&bytes, ends[0]), Some(corrupt(ends[0])));
    // From nobody: then it is a tail that was never synced.
    assert_eq!(refused(&bytes, LOG_START), None);
    // From a later record, which was written when the first was already safe.
    let mut engine = loaded();
    let mut bytes = Vec::new();
    let mut session = engine.connect(BOOTSTRAP_NAME).expect("the bootstrap role may log in");
    for id in 10..13 {
        let sql = format!("insert into records values ('acme', {id}, 'audit', 1, 'pii', 'x')");
        engine.execute(&mut session, &Controls::all_on(), &Statement::new(&sql, Vec::new()), &mut Vec::new());
        for (_, record) in engine.take_log() {
            bytes.extend_from_slice(&record);
        }
        engine.mark_durable(engine.log_end());
    }
    let second =
        read_log(&Controls::all_on(), &bytes, LOG_START, LOG_START).expect("it is whole").records[1].header.durable;
    let damaged = second.0 as usize - LOG_START.0 as usize - 3;
    bytes[damaged] ^= 0x40;
    assert!(matches!(refused(&bytes, LOG_START), Some(LogError::Corrupt { at: LOG_START, .. })));
}

#[test]
fn without_the_checksum_a_flipped_bit_is_served() {
    let (engine, mut bytes, _) = written();
    let seven = bytes.windows(5).position(|w| w == b"seven").expect("the body of the first row");
    let changed = bytes.windows(7).position(|w| w == b"changed").expect("what replaced it");
    bytes[changed] ^= 1;
    assert!(seven < changed);
    let off = without(&[&WAL_CHECKSUM]);
    let served = recover(&off, loaded(), &bytes, LOG_START).expect("nobody looked");
    let of = |engine: &Engine| contents(engine).join("\n");
    assert_eq!(of(&served.engine), of(&engine).replace("changed", "bhanged"));
}

#[test]
fn a_damaged_base_is_refused_whole() {
    let base = loaded().to_base();
    for place in (0..base.len()).step_by(7) {
        let mut damaged = base.to_vec();
        damaged[place] ^= 0x10;
        assert_eq!(Engine::from_base(&damaged).err(), Some(LogError::Base), "byte {place}");
    }
    assert_eq!(Engine::from_base(&base[..base.len() - 1]).err(), Some(LogError::Base));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn flipped_bits_never_change_what_is_served(flips in prop::collection::vec((0usize..2000, 0u8..8), 1..4)) {
        let (_, mut bytes, _) = written();
        let good = read_log(&Controls::all_on(), &bytes, LOG_START, LOG_START).expect("the log is whole");
        for (place, bit) in flips {
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
        }
        if let Ok(read) = read_log(&Controls::all_on(), &bytes, LOG_START, LOG_START) {
            prop_assert!(good.records.starts_with(&read.records));
        }
    }
}
