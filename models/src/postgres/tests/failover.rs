//! Replication, acknowledgement, and failover.

use super::super::arbiter::{Arbiter, Ruling};
use super::super::primary::{FENCING, Primary, REJOIN_CHECK, SYNCHRONOUS_COMMIT, Step};
use super::super::recover::recover;
use super::super::reference::APP;
use super::super::reign::Reign;
use super::super::standby::Standby;
use super::super::testing::{render, without};
use super::super::wal::LOG_START;
use super::log::contents;
use super::pool::loaded;
use crate::control::{Control, Controls};
use crate::wire::sql::{Lease, Lsn, Outcome, Replication, Statement, Timeline, Transaction, Value, WalSend};
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

const TERM: Duration = Duration::secs(2);
/// The node that leads at first, and its standby.
const FIRST: NodeId = NodeId(1);
const SECOND: NodeId = NodeId(2);

fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::millis(ms)
}

fn put(id: i64) -> Transaction {
    let sql = "insert into records values ('acme', $1, 'audit', 1, 'pii', 'x')";
    let statements = vec![Statement::new(sql, vec![Value::Int(id)])];
    Transaction { tenant: Some(Arc::from("acme")), login: None, statements }
}

fn get(id: i64) -> Transaction {
    let statements = vec![Statement::new("select id from records where id = $1", vec![Value::Int(id)])];
    Transaction { tenant: Some(Arc::from("acme")), login: None, statements }
}

/// A primary and a standby joined by wires that a test can cut.
struct Pair {
    primary: Primary,
    standby: Standby,
    arbiter: Arbiter,
    controls: Controls,
    released: Vec<(u64, Outcome)>,
}

impl Pair {
    fn new(off: &[&Control]) -> Pair {
        let primary = Primary::new(loaded(), 4, APP, TERM).expect("the login exists");
        let standby = Standby::new(loaded(), 4, APP).expect("the login exists");
        let arbiter = Arbiter::new(Timeline(1), TERM);
        let mut pair = Pair { primary, standby, arbiter, controls: without(off), released: Vec::new() };
        pair.renew(at(0));
        pair
    }
    fn renew(&mut self, now: Instant) {
        let answer = self.arbiter.handle(now, FIRST, &self.primary.renew(now)).expect("it answers");
        let step = self.primary.arbiter_said(now, &self.controls, &answer);
        self.take(step);
    }
    fn take(&mut self, step: Step) -> Step {
        self.released.extend(step.released.iter().map(|r| (r.token, r.outcome.clone())));
        step
    }
    fn submit(&mut self, now: Instant, token: u64, transaction: Transaction) -> Step {
        let step = self.primary.submit(now, &self.controls, (token, 0), transaction);
        self.take(step)
    }
    fn sync(&mut self, now: Instant) -> Step {
        let end = self.primary.engine().log_end();
        let step = self.primary.synced(now, &self.controls, end);
        self.take(step)
    }
    /// A write that is on the primary's disk: the log that leaves for the standby.
    fn put(&mut self, now: Instant, token: u64, id: i64) -> WalSend {
        self.submit(now, token, put(id));
        wal(&self.sync(now))
    }
    fn said(&mut self, now: Instant, word: &Replication) -> Step {
        let step = self.primary.standby_said(now, &self.controls, word);
        self.take(step)
    }
    fn deliver(&mut self, send: &WalSend) -> Option<Replication> {
        let received = self.standby.receive(&self.controls, send);
        let end = self.standby.engine().log_end();
        if received.writes.is_empty() { received.answer } else { Some(self.standby.synced(end)) }
    }
    fn tokens(&self) -> Vec<u64> {
        self.released.iter().map(|(token, _)| *token).collect()
    }
    fn last(&self) -> String {
        let (_, outcome) = self.released.last().expect("something was released");
        outcome.replies.iter().map(render).collect::<Vec<_>>().join(" / ")
    }
}

fn wal(step: &Step) -> WalSend {
    match &step.standby {
        Some(Replication::Send(send)) => send.clone(),
        other => panic!("log for the standby was expected, not {other:?}"),
    }
}

#[test]
fn a_commit_is_acknowledged_when_both_disks_have_it() {
    let mut pair = Pair::new(&[]);
    let step = pair.submit(at(1), 1, put(7));
    assert_eq!((step.writes.len(), &step.standby), (1, &None), "log leaves when it is on the primary's disk");
    let step = pair.sync(at(2));
    assert!(pair.tokens().is_empty());
    let ack = pair.deliver(&wal(&step)).expect("an acknowledgement");
    pair.said(at(3), &ack);
    assert_eq!(pair.tokens(), [1]);
    assert_eq!(contents(pair.standby.engine()), contents(pair.primary.engine()));
}

#[test]
fn without_synchronous_commit_it_is_acknowledged_before_any_disk_has_it() {
    let mut pair = Pair::new(&[&SYNCHRONOUS_COMMIT]);
    pair.submit(at(1), 1, put(7));
    assert_eq!(pair.tokens(), [1]);
}

#[test]
fn a_reader_of_an_unsafe_commit_waits_with_it_and_others_do_not() {
    let mut pair = Pair::new(&[]);
    pair.submit(at(1), 1, put(7));
    pair.submit(at(1), 2, get(7));
    pair.submit(at(1), 3, get(1));
    assert_eq!(pair.tokens(), [3]);
    let step = pair.sync(at(2));
    let ack = pair.deliver(&wal(&step)).expect("an acknowledgement");
    pair.said(at(3), &ack);
    let mut tokens = pair.tokens();
    tokens.sort_unstable();
    assert_eq!(tokens, [1, 2, 3]);
}

#[test]
fn clients_queue_in_order_while_commits_hold_the_sessions() {
    let mut pair = Pair::new(&[]);
    for token in 1..=6 {
        pair.submit(at(1), token, put(100 + token as i64));
    }
    assert_eq!(pair.primary.backlog(), (4, 2));
    for round in 0..4 {
        pair.sync(at(2 + round));
        let hello = pair.standby.hello();
        let step = pair.said(at(2 + round), &hello);
        if let Some(Replication::Send(send)) = &step.standby
            && let Some(ack) = pair.deliver(send)
        {
            pair.said(at(3 + round), &ack);
        }
    }
    assert_eq!(pair.tokens(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_standby_asks_again_for_log_that_is_missing_or_damaged() {
    let mut pair = Pair::new(&[]);
    let first = pair.put(at(1), 1, 7);
    let second = pair.put(at(1), 2, 8);
    let from = LOG_START;
    let again = Replication::Resend { timeline: Timeline(1), from };
    assert_eq!(pair.deliver(&second).as_ref(), Some(&again));
    let mut damaged = first.clone();
    let mut bytes = damaged.records[0].to_vec();
    bytes[60] ^= 1;
    damaged.records[0] = bytes.into();
    assert_eq!(pair.deliver(&damaged).as_ref(), Some(&again));
    let step = pair.said(at(2), &again);
    let ack = pair.deliver(&wal(&step)).expect("an acknowledgement");
    assert!(matches!(&ack, Replication::Ack(ack) if ack.lsn == pair.primary.engine().log_end()));
    assert_eq!(pair.deliver(&first), Some(ack), "old log is acknowledged again, and not applied twice");
    assert_eq!(contents(pair.standby.engine()), contents(pair.primary.engine()));
}

#[test]
fn a_standby_reads_and_does_not_write() {
    let mut pair = Pair::new(&[]);
    let controls = Controls::all_on();
    let mut run =
        |t: Transaction| render(&pair.standby.read(&controls, 0, t.tenant.as_ref(), &t.statements).replies[0]);
    assert_eq!(run(get(1)), "(1)");
    assert_eq!(run(put(9)), "25006");
}

/// The primary is cut off; the standby is promoted as soon as the arbiter lets it; the old primary takes a write.
fn split(off: &[&Control]) -> (Pair, Primary) {
    let mut pair = Pair::new(off);
    let first = pair.put(at(1), 1, 7);
    let ack = pair.deliver(&first).expect("an acknowledgement");
    pair.said(at(2), &ack);
    let step = pair.primary.standby_lost(at(500), &pair.controls);
    pair.take(step);
    let ask = pair.standby.ask_promotion();
    assert_eq!(pair.arbiter.handle(at(1_000), SECOND, &ask), Some(Lease::Wait));
    let promoted = pair.arbiter.handle(at(2_300), SECOND, &ask);
    assert_eq!(promoted, Some(Lease::Promoted { timeline: Timeline(2) }));
    let standby = std::mem::replace(&mut pair.standby, Standby::new(loaded(), 1, APP).expect("the login exists"));
    let successor = standby.promote(Timeline(2), TERM);
    pair.submit(at(2_400), 2, put(8));
    pair.sync(at(2_401));
    pair.submit(at(2_402), 3, get(1));
    (pair, successor)
}

#[test]
fn a_fenced_primary_serves_nobody_after_its_lease_and_the_acknowledged_write_survives() {
    let (pair, successor) = split(&[]);
    assert_eq!(pair.tokens(), [1, 2, 3]);
    assert!(pair.released[1..].iter().all(|(_, outcome)| render(&outcome.replies[0]) == "57P03"));
    assert!(contents(successor.engine()).iter().any(|row| row.contains("Int(7)")));
}

#[test]
fn without_fencing_a_deposed_primary_acknowledges_a_write_that_its_successor_lacks() {
    let (pair, successor) = split(&[&FENCING]);
    assert_eq!(pair.tokens(), [1, 2, 3]);
    assert_eq!(render(&pair.released[1].1.replies[0]), "1");
    assert!(!contents(successor.engine()).iter().any(|row| row.contains("Int(8)")));
}

#[test]
fn a_primary_that_hears_of_its_successor_breaks_its_connections_and_can_be_rewound() {
    let mut pair = Pair::new(&[]);
    let kept = pair.put(at(1), 1, 7);
    pair.deliver(&kept);
    let fork = pair.standby.engine().log_end();
    let lost = pair.put(at(2), 2, 8);
    let controls = Controls::all_on();
    let standby = std::mem::replace(&mut pair.standby, Standby::new(loaded(), 1, APP).expect("the login exists"));
    let mut successor = standby.promote(Timeline(2), TERM);
    let granted = Lease::Granted { timeline: Timeline(2), asked: at(5_000), synchronous: false, safe: Lsn(0) };
    successor.arbiter_said(at(5_000), &controls, &granted);
    successor.submit(at(5_001), &controls, (9, 0), put(9));
    let end = successor.engine().log_end();
    let step = successor.synced(at(5_001), &controls, end);
    pair.said(at(5_002), &step.standby.clone().expect("log for a standby"));
    assert_eq!(pair.tokens(), [1, 2]);
    assert_eq!(pair.last(), "57P01");
    pair.submit(at(5_003), 3, put(10));
    assert_eq!(pair.last(), "57P03");

    let mut disk = kept.records[0].to_vec();
    disk.extend_from_slice(&lost.records[0]);
    let recovered = recover(&Controls::all_on(), loaded(), &disk, LOG_START).expect("the log is whole");
    let mut old = Standby::new(recovered.engine, 1, APP).expect("the login exists");
    assert_eq!(old.receive(&Controls::all_on(), &wal(&step)).answer, Some(Replication::Diverged { at: fork }));
    let mut old = Standby::rewind(&Controls::all_on(), loaded(), &disk, fork, (1, APP)).expect("the rest is whole");
    assert_eq!(old.receive(&Controls::all_on(), &wal(&step)).writes.len(), 1);
    assert_eq!(contents(old.engine()), contents(successor.engine()));
}

#[test]
fn a_primary_that_goes_on_alone_has_made_its_standby_ineligible_first() {
    let mut pair = Pair::new(&[]);
    pair.submit(at(1), 1, put(7));
    pair.sync(at(2));
    let early = pair.primary.renew(at(500));
    pair.primary.standby_lost(at(500), &pair.controls);
    assert!(pair.tokens().is_empty(), "the arbiter has not answered");
    let answer = pair.arbiter.handle(at(501), FIRST, &pair.primary.renew(at(500))).expect("an answer");
    assert_eq!(pair.arbiter.handle(at(501), FIRST, &early), None, "what was overtaken says nothing");
    let step = pair.primary.arbiter_said(at(502), &pair.controls, &answer);
    pair.take(step);
    assert_eq!(pair.tokens(), [1]);
    assert_eq!(pair.arbiter.handle(at(9_000), SECOND, &pair.standby.ask_promotion()), Some(Lease::Ineligible));
    // It catches up: commits wait for it again, and the next renewal makes it eligible.
    let hello = pair.standby.hello();
    let step = pair.said(at(600), &hello);
    let ack = pair.deliver(&wal(&step)).expect("an acknowledgement");
    pair.said(at(601), &ack);
    pair.renew(at(602));
    pair.put(at(604), 2, 8);
    assert_eq!(pair.tokens(), [1], "it waits for the standby again");
    let promotion = pair.arbiter.handle(at(9_000), SECOND, &pair.standby.ask_promotion());
    assert_eq!(promotion, Some(Lease::Promoted { timeline: Timeline(2) }));
}

#[test]
fn a_primary_that_crashed_sends_its_standby_what_it_missed() {
    let mut pair = Pair::new(&[]);
    let step = pair.submit(at(1), 1, put(7));
    let disk = step.writes[0].bytes.to_vec();
    let recovered = recover(&Controls::all_on(), loaded(), &disk, LOG_START).expect("the log is whole");
    let reign = Reign { timeline: Timeline(1), began: LOG_START };
    pair.primary = Primary::resume(&pair.controls, recovered, reign, (2, APP), TERM).expect("the login exists");
    assert!(!pair.primary.may_renew(), "it does not know whether its log is whole");
    let question = wal(&pair.primary.look(at(99), &pair.controls));
    let hello = pair.deliver(&question).expect("an answer");
    pair.said(at(99), &hello);
    assert!(pair.primary.may_renew() && !pair.primary.is_behind());
    assert!(
        matches!(pair.primary.renew(at(99)), Lease::Renew { synchronous: false, .. }),
        "the standby lacks a commit"
    );
    pair.renew(at(100));
    pair.submit(at(101), 2, get(7));
    assert_eq!(pair.last(), "(7)", "visible, although nobody was promised it");
    let next = pair.put(at(102), 3, 8);
    let hello = pair.deliver(&next).expect("it lacks what came before");
    let step = pair.said(at(104), &hello);
    assert_eq!(pair.tokens(), [2]);
    let ack = pair.deliver(&wal(&step)).expect("an acknowledgement");
    pair.said(at(105), &ack);
    assert_eq!(pair.tokens(), [2, 3]);
    assert_eq!(contents(pair.standby.engine()), contents(pair.primary.engine()));
}

#[test]
fn a_promotion_that_got_lost_is_said_again_and_only_to_the_one_it_was_said_to() {
    let mut pair = Pair::new(&[]);
    let ask = pair.standby.ask_promotion();
    let promoted = Some(Lease::Promoted { timeline: Timeline(2) });
    assert_eq!(pair.arbiter.handle(at(3_000), FIRST, &ask), Some(Lease::Ineligible), "a leader that lost its log");
    assert_eq!(pair.arbiter.handle(at(3_000), SECOND, &ask), promoted);
    let mut back = Arbiter::resume(Ruling::decode(&pair.arbiter.ruling().encode()).expect("whole"), TERM, at(3_100));
    assert_eq!(back.handle(at(3_200), FIRST, &ask), Some(Lease::Ineligible));
    assert_eq!(back.handle(at(3_200), SECOND, &ask), promoted);
    let renew = Lease::Renew { timeline: Timeline(2), asked: at(3_300), synchronous: false, safe: Lsn(7) };
    assert!(matches!(back.handle(at(3_300), SECOND, &renew), Some(Lease::Granted { .. })));
    assert_eq!(back.handle(at(9_000), SECOND, &ask), Some(Lease::Ineligible), "it has led since");
    let ruling = Ruling { eligible: true, ..back.ruling() };
    let mut back = Arbiter::resume(ruling, TERM, at(9_000));
    let ask = Lease::Promote { timeline: Timeline(2) };
    assert_eq!(back.handle(at(10_000), FIRST, &ask), Some(Lease::Wait), "a lease may be out that it forgot");
}

#[test]
fn a_primary_that_was_alone_is_told_how_far_its_log_was_safe() {
    let mut pair = Pair::new(&[]);
    pair.primary.standby_lost(at(10), &pair.controls);
    pair.renew(at(11));
    pair.put(at(12), 1, 7);
    pair.renew(at(100));
    assert_eq!(pair.tokens(), [1], "nobody else has what it acknowledged");
    let had = pair.primary.engine().log_end();
    // Both lose power, and the primary's disk had kept nothing of what it said it had.
    let recovered = recover(&pair.controls, loaded(), &[], LOG_START).expect("an empty log is whole");
    let reign = Reign { timeline: Timeline(1), began: LOG_START };
    pair.primary = Primary::resume(&pair.controls, recovered, reign, (2, APP), TERM).expect("the login exists");
    let ruling = Ruling::decode(&pair.arbiter.ruling().encode()).expect("whole");
    pair.arbiter = Arbiter::resume(ruling, TERM, at(3_000));
    for ms in [3_001, 3_002] {
        let answer = pair.arbiter.handle(at(ms), FIRST, &pair.primary.renew(at(ms)));
        assert!(matches!(answer, Some(Lease::Granted { safe, .. }) if safe == had), "{answer:?}");
    }
    let promotion = pair.arbiter.handle(at(9_000), SECOND, &pair.standby.ask_promotion());
    assert_eq!(promotion, Some(Lease::Ineligible), "nor may the other one lead, which never had it");
}

/// A primary whose disk kept nothing of a write that was acknowledged comes back and hears of its standby.
fn forgetful(off: &[&Control]) -> Pair {
    let mut pair = Pair::new(off);
    let first = pair.put(at(1), 1, 7);
    let ack = pair.deliver(&first).expect("an acknowledgement");
    pair.said(at(2), &ack);
    let recovered = recover(&pair.controls, loaded(), &[], LOG_START).expect("nothing is to be read");
    let reign = Reign { timeline: Timeline(1), began: LOG_START };
    pair.primary = Primary::resume(&pair.controls, recovered, reign, (2, APP), TERM).expect("the login exists");
    let hello = pair.standby.hello();
    pair.said(at(100), &hello);
    if pair.primary.may_renew() {
        pair.renew(at(101));
    }
    pair.submit(at(102), 2, get(7));
    pair
}

#[test]
fn a_primary_that_lost_what_it_promised_leaves_the_lead_to_its_standby() {
    let pair = forgetful(&[]);
    assert!(pair.primary.is_behind());
    assert_eq!(pair.last(), "57P03");
}

#[test]
fn without_the_check_it_serves_what_its_disk_kept() {
    let pair = forgetful(&[&REJOIN_CHECK]);
    assert_eq!(pair.last(), "none");
}

#[test]
fn a_standby_that_lost_more_than_is_kept_for_it_gets_it_from_the_archive() {
    let mut pair = Pair::new(&[]);
    let step = pair.submit(at(1), 1, put(7));
    let archive = [(step.writes[0].at, step.writes[0].bytes.clone())];
    let first = wal(&pair.sync(at(1)));
    let ack = pair.deliver(&first).expect("an acknowledgement");
    pair.said(at(2), &ack);
    pair.standby = Standby::new(loaded(), 4, APP).expect("the login exists");
    let hello = pair.standby.hello();
    assert!(matches!(pair.said(at(3), &hello).standby, Some(Replication::Gone { .. })));
    assert_eq!(pair.primary.send_archived(&archive, LOG_START), Replication::Send(first));
}

#[test]
fn a_session_of_the_old_primary_leaves_nothing_in_the_new_one() {
    let mut pair = Pair::new(&[]);
    let set = Statement::new("select set_config('app.tenant_id', 'beta', false)", Vec::new());
    pair.standby.read(&Controls::all_on(), 0, None, &[set]);
    let standby = std::mem::replace(&mut pair.standby, Standby::new(loaded(), 1, APP).expect("the login exists"));
    let mut successor = standby.promote(Timeline(2), TERM);
    let granted = Lease::Granted { timeline: Timeline(2), asked: at(0), synchronous: false, safe: Lsn(0) };
    successor.arbiter_said(at(0), &Controls::all_on(), &granted);
    let count = vec![Statement::new("select count(*) from records", Vec::new())];
    for draw in 0..4 {
        let transaction = Transaction { tenant: None, login: None, statements: count.clone() };
        let step = successor.submit(at(1), &Controls::all_on(), (draw, draw), transaction);
        assert_eq!(render(&step.released[0].outcome.replies[0]), "(0)");
    }
}
