//! The Postgres model against PostgreSQL: random programs, answered by both, compared statement by statement.
//!
//! `CELLPROOF_PROGRAMS` says how many (1 000 unless given), `CELLPROOF_SEED` where the seeds begin. Both answer a
//! program from an empty schema; it ends at the first difference, because the two are not in one state after it.

use crate::around::WIDE_FROM;
use crate::deviation;
use crate::difference::compare;
use crate::generate::program;
use crate::interleaved::INTERLEAVED_FROM;
use crate::keyed::KEYED_FROM;
use crate::postgres_server::{Database, make_roles};
use crate::tally::{Tally, number};
use conformance::provision::{postgres, skip};
use models::control::ControlSet;
use models::postgres::rls::{FORCE_RLS, WITH_CHECK};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

/// Programs of a run that is told nothing else.
const PROGRAMS: u64 = 1_000;
/// The same of programs that have more than tables.
const PROGRAMS_WIDE: u64 = 500;
/// The same of programs whose tables refer to each other.
const PROGRAMS_KEYED: u64 = 500;
/// The same of programs whose sessions have transactions open at once.
const PROGRAMS_INTERLEAVED: u64 = 400;
/// Programs that a model without a control gets to be found out.
const PROGRAMS_ABLATED: u64 = 150;
/// Kinds of differences that are made small and shown.
const SHOWN_MAX: usize = 12;

fn server() -> Option<postgres::Server> {
    match postgres::server() {
        Ok(server) => {
            make_roles(&server.url);
            Some(server)
        }
        Err(why) => {
            skip("postgres", &why);
            None
        }
    }
}

/// Compares programs, on as many threads as there are cores, each with a database.
fn sweep(url: &str, name: &str, from: u64, programs: u64, off: ControlSet) -> Tally {
    let next = AtomicU64::new(from);
    let work = &|worker: usize| {
        let mut database = Database::make(url, &format!("{name}_{worker}"));
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + programs {
                return tally;
            }
            tally.add(compare(&program(seed), &mut database, off));
        }
    };
    let workers = thread::available_parallelism().map_or(1, |n| n.get().min(8));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|w| scope.spawn(move || work(w))).collect();
        let mut whole = Tally::default();
        threads.into_iter().for_each(|thread| whole.join(thread.join().expect("a worker ends")));
        whole
    })
}

#[test]
fn the_postgres_model_answers_as_postgresql_does() {
    let Some(server) = server() else { return };
    let (from, programs) = (number("CELLPROOF_SEED", 1), number("CELLPROOF_PROGRAMS", PROGRAMS));
    let begun = Instant::now();
    judge(&server.url, "model", (from, programs), [60, 20, 10]);
    println!("in {:.1} s", begun.elapsed().as_secs_f64());
}

#[test]
fn the_postgres_model_answers_as_postgresql_does_where_there_is_more_than_tables() {
    let Some(server) = server() else { return };
    let programs = number("CELLPROOF_PROGRAMS", PROGRAMS_WIDE);
    // More is refused: changes through views are not modelled, and functions are looked for along a path.
    judge(&server.url, "wide", (WIDE_FROM + number("CELLPROOF_SEED", 1), programs), [55, 15, 5]);
}

#[test]
fn the_postgres_model_answers_as_postgresql_does_where_tables_refer_to_each_other() {
    let Some(server) = server() else { return };
    let programs = number("CELLPROOF_PROGRAMS", PROGRAMS_KEYED);
    judge(&server.url, "keyed", (KEYED_FROM + number("CELLPROOF_SEED", 1), programs), [45, 12, 5]);
}

#[test]
fn the_postgres_model_answers_as_postgresql_does_where_transactions_interleave() {
    let Some(server) = server() else { return };
    let programs = number("CELLPROOF_PROGRAMS", PROGRAMS_INTERLEAVED);
    let from = INTERLEAVED_FROM + number("CELLPROOF_SEED", 1);
    let tally = judge(&server.url, "interleaved", (from, programs), [55, 15, 5]);
    for sqlstate in ["55P03", "40001", "23505"] {
        assert!(tally.errors.contains_key(sqlstate), "no transaction meets another in the way of {sqlstate}");
    }
}

/// Holds the model against the server, and says what was compared. Of the sessions' own statements at least so many in
/// a hundred have to succeed, to have rows, and to be decided by policies: programs that fail early prove little.
fn judge(url: &str, name: &str, (from, programs): (u64, u64), floors: [usize; 3]) -> Tally {
    let mut tally = sweep(url, name, from, programs, ControlSet::EMPTY);
    println!("{tally}");
    let mut database = Database::make(url, &format!("{name}_known"));
    let known = deviation::all();
    let mut unknown = Vec::new();
    for (sort, (count, difference)) in std::mem::take(&mut tally.differences) {
        match known.iter().find(|d| d.covers(&sort)) {
            Some(deviation) => println!("known, {count} times: {}, because {}", deviation.what, deviation.why),
            None => unknown.push((count, difference)),
        }
    }
    let stale: Vec<String> = known.iter().filter_map(|d| d.shows(&mut database).err()).collect();
    unknown.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let kinds = unknown.len();
    for (count, difference) in unknown.into_iter().take(SHOWN_MAX) {
        let (seed, sort) = (difference.program.seed, difference.sort());
        let small = difference.shrunk(&mut database, ControlSet::EMPTY);
        println!("\n{count} times, first with seed {seed}: {sort:?}\n{small}");
    }
    assert_eq!(kinds, 0, "kinds of differences that nobody knows");
    assert_eq!(stale, Vec::<String>::new());
    let [own, succeeded, rows] = tally.own();
    assert!(10 * tally.compared > 8 * tally.statements, "too little is compared");
    for (what, count, floor) in [("succeed", succeeded, 0), ("have rows", rows, 1), ("are decided", tally.decided, 2)] {
        assert!(100 * count > floors[floor] * own, "too few statements {what}: {count} of {own}");
    }
    tally
}

#[test]
fn a_model_without_a_control_is_found_out() {
    let Some(server) = server() else { return };
    for control in [&FORCE_RLS, &WITH_CHECK] {
        let tally = sweep(&server.url, "ablated", 1, PROGRAMS_ABLATED, ControlSet::EMPTY.with(control.slot));
        println!("without {}: {} of {} programs differ", control.id, tally.different(), tally.programs);
        assert!(tally.different() > 0, "{}", control.id);
    }
}
