//! The engine against a reference that is too simple to be wrong: a list of rows, and filters.

use super::super::engine::Engine;
use super::super::pool::Pool;
use super::super::recover::recover;
use super::super::reference::{APP, SCHEMA};
use super::super::wal::LOG_START;
use crate::control::Controls;
use crate::ids::TenantId;
use crate::wire::sql::{Reply, Statement, Value};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use std::sync::Arc;

const TENANTS: [&str; 3] = ["acme", "acme-corp", "beta"];

#[derive(Clone, Debug)]
enum Op {
    Insert { tenant: usize, id: i64, level: i64 },
    InsertQuietly { tenant: usize, id: i64 },
    Read { id: i64 },
    Count { level: i64 },
    Raise { least: i64 },
    Renumber { from: i64, to: i64 },
    Give { id: i64, tenant: usize },
    Delete { id: i64 },
    Fail,
}

/// (tenant, id, level), in no order.
type Naive = Vec<(usize, i64, i64)>;

fn op() -> impl Strategy<Value = Op> {
    let (tenant, id, level) = (0..TENANTS.len(), 0i64..6, 0i64..4);
    prop_oneof![
        4 => (tenant.clone(), id.clone(), level.clone())
            .prop_map(|(tenant, id, level)| Op::Insert { tenant, id, level }),
        1 => (tenant.clone(), id.clone()).prop_map(|(tenant, id)| Op::InsertQuietly { tenant, id }),
        2 => id.clone().prop_map(|id| Op::Read { id }),
        2 => level.clone().prop_map(|level| Op::Count { level }),
        1 => level.prop_map(|least| Op::Raise { least }),
        1 => (id.clone(), id.clone()).prop_map(|(from, to)| Op::Renumber { from, to }),
        1 => (id.clone(), tenant).prop_map(|(id, tenant)| Op::Give { id, tenant }),
        1 => id.prop_map(|id| Op::Delete { id }),
        1 => Just(Op::Fail),
    ]
}

/// Who asks (one in ten forgets to say), what, and the pool's draw.
fn transaction() -> impl Strategy<Value = (Option<usize>, Vec<Op>, u64)> {
    (prop::option::weighted(0.9, 0..TENANTS.len()), prop::collection::vec(op(), 1..5), any::<u64>())
}

fn statement(op: &Op) -> Statement {
    let name = |tenant: &usize| Value::text(TENANTS[*tenant]);
    let insert = "insert into records (tenant_id, id, kind, level, label, body) values ($1, $2, 'k', $3, 'l', 'b')";
    match op {
        Op::Insert { tenant, id, level } => {
            Statement::new(insert, vec![name(tenant), Value::Int(*id), Value::Int(*level)])
        }
        Op::InsertQuietly { tenant, id } => {
            let quiet = format!("{insert} on conflict do nothing");
            Statement::new(&quiet, vec![name(tenant), Value::Int(*id), Value::Int(0)])
        }
        Op::Read { id } => Statement::new("select level from records where id = $1", vec![Value::Int(*id)]),
        Op::Count { level } => {
            Statement::new("select count(*) from records where level >= $1", vec![Value::Int(*level)])
        }
        Op::Raise { least } => {
            Statement::new("update records set level = level + 1 where level >= $1", vec![Value::Int(*least)])
        }
        Op::Renumber { from, to } => {
            let params = vec![Value::Int(*to), Value::Int(*from)];
            Statement::new("update records set id = $1 where id = $2", params)
        }
        Op::Give { id, tenant } => {
            let params = vec![name(tenant), Value::Int(*id)];
            Statement::new("update records set tenant_id = $1 where id = $2", params)
        }
        Op::Delete { id } => Statement::new("delete from records where id = $1", vec![Value::Int(*id)]),
        Op::Fail => Statement::new("select nope", Vec::new()),
    }
}

/// What the statement must answer for tenant `me`, and what it does: a number, or a SQLSTATE.
fn naive(rows: &mut Naive, me: Option<usize>, op: &Op) -> Result<i64, &'static str> {
    let mine = |row: &(usize, i64, i64)| Some(row.0) == me;
    match op {
        Op::Insert { tenant, .. } | Op::InsertQuietly { tenant, .. } if Some(*tenant) != me => Err("42501"),
        Op::Insert { tenant, id, level } => {
            if rows.iter().any(|r| (r.0, r.1) == (*tenant, *id)) {
                return Err("23505");
            }
            rows.push((*tenant, *id, *level));
            Ok(1)
        }
        Op::InsertQuietly { tenant, id } => {
            let taken = rows.iter().any(|r| (r.0, r.1) == (*tenant, *id));
            if !taken {
                rows.push((*tenant, *id, 0));
            }
            Ok(i64::from(!taken))
        }
        Op::Read { id } => Ok(rows.iter().filter(|r| mine(r) && r.1 == *id).map(|r| r.2).sum()),
        Op::Count { level } => Ok(rows.iter().filter(|r| mine(r) && r.2 >= *level).count() as i64),
        Op::Raise { least } => {
            let raised = rows.iter_mut().filter(|r| mine(r) && r.2 >= *least);
            Ok(raised.map(|r| r.2 += 1).count() as i64)
        }
        Op::Renumber { from, to } => {
            if !rows.iter().any(|r| mine(r) && r.1 == *from) {
                return Ok(0);
            }
            if from != to && rows.iter().any(|r| mine(r) && r.1 == *to) {
                return Err("23505");
            }
            Ok(rows.iter_mut().filter(|r| mine(r) && r.1 == *from).map(|r| r.1 = *to).count() as i64)
        }
        Op::Give { id, tenant } => {
            let given = rows.iter().filter(|r| mine(r) && r.1 == *id).count() as i64;
            if given > 0 && Some(*tenant) != me { Err("42501") } else { Ok(given) }
        }
        Op::Delete { id } => {
            let before = rows.len();
            rows.retain(|r| !(mine(r) && r.1 == *id));
            Ok((before - rows.len()) as i64)
        }
        Op::Fail => Err("42703"),
    }
}

fn number(reply: &Reply) -> Result<i64, &'static str> {
    match reply {
        Reply::Done(n) => Ok(*n as i64),
        Reply::Rows { rows, .. } => Ok(rows.iter().map(|r| r[0].as_int().unwrap_or_default()).sum()),
        Reply::Error { sqlstate, .. } => Err(sqlstate),
    }
}

fn stored(engine: &Engine) -> Naive {
    let tenant = |v: &Value| TENANTS.iter().position(|t| v.as_text() == Some(t)).expect("a known tenant");
    let row = |r: &[Value]| (tenant(&r[0]), r[1].as_int().unwrap_or_default(), r[3].as_int().unwrap_or_default());
    let mut rows: Naive = engine.scan_store().map(|(_, r)| row(r)).collect();
    rows.sort_unstable();
    rows
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_transaction_answers_and_stores_what_a_list_with_filters_would(
        transactions in prop::collection::vec(transaction(), 1..24),
    ) {
        let mut engine = Engine::default();
        engine.bootstrap(SCHEMA).expect("the schema is valid");
        let base = engine.clone();
        let mut pool = Pool::open(&mut engine, 3, APP).expect("the login exists");
        let controls = Controls::all_on();
        let mut rows = Naive::new();
        for (me, ops, draw) in &transactions {
            let statements: Vec<Statement> = ops.iter().map(statement).collect();
            let tenant: Option<TenantId> = me.map(|t| Arc::from(TENANTS[t]));
            let outcome = pool.run(&mut engine, &controls, *draw, tenant.as_ref(), &statements);
            let before = rows.clone();
            let mut failed = false;
            for (op, reply) in ops.iter().zip(&outcome.replies) {
                let expected = if failed { Err("25P02") } else { naive(&mut rows, *me, op) };
                prop_assert_eq!(number(reply), expected, "{:?} as {:?}", op, me);
                failed |= expected.is_err();
            }
            if failed {
                rows = before;
                prop_assert_eq!(outcome.committed, None);
            }
            let mut sorted = rows.clone();
            sorted.sort_unstable();
            prop_assert_eq!(stored(&engine), sorted);
        }
        let log: Vec<u8> = engine.take_log().iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let recovered = recover(&Controls::all_on(), base, &log, LOG_START).expect("the log is whole");
        prop_assert_eq!(stored(&recovered.engine), stored(&engine));
    }
}
