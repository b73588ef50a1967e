//! The engine: catalog, tables, and the end of the log; runs the statements of sessions.
//!
//! Transactions of several sessions may be open at once: `versions.rs` has what each sees, `wait.rs` what they would
//! wait for. One that has changed the catalog or emptied a table keeps all others from rows until it ends (`0A000`),
//! and cannot do so beside another that has looked at rows, because there are no versions of these. A pooled
//! transaction never meets any of this.

use super::bind::bind;
use super::catalog::{BOOTSTRAP, Catalog, PUBLIC, Table};
use super::ddl::Definer;
use super::execute::Cx;
use super::expr::Env;
use super::namespace::Asker;
use super::plan::{Plan, Prepared, Select};
use super::plan_cache::{Made, PlanCache};
use super::prepare::{parse, prepare};
use super::session::{Block, Change, Session};
use super::setting::{Names, ROLE, Scope};
use super::sqlstate::{
    ACTIVE_TRANSACTION, FAILED_TRANSACTION, INSUFFICIENT_PRIVILEGE, INVALID_AUTHORIZATION, NOT_SUPPORTED, SYNTAX_ERROR,
    SqlError,
};
use super::store::Store;
use super::versions::Versions;
use super::wal::{LOG_START, Writer};
use crate::control::Controls;
use crate::ids::Bytes;
use crate::wire::sql::{Lsn, Reply, Row, Statement, Timeline, Value};
use sqlparser::ast;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The database of one node.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) catalog: Arc<Catalog>,
    pub(super) stores: Vec<Store>,
    pub(super) log: Log,
    /// Definitions in order, each with its role and search path: what rebuilds the catalog.
    pub(super) history: Vec<[Arc<str>; 3]>,
    pub(super) names: Names,
    plans: PlanCache,
    /// Changes with the catalog; plans of another generation are stale.
    pub(super) generation: u64,
    /// Open transactions of sessions, and row versions that the stores have not.
    pub(super) versions: Versions,
    sessions: u32,
    /// A hot standby, or a fenced primary: no transaction may write.
    pub(super) read_only: bool,
}

/// The end of the log, and the records that nobody has taken yet.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub end: Lsn,
    pub previous: Lsn,
    pub timeline: Timeline,
    pub durable: Lsn,
    pub fresh: Vec<(Lsn, Bytes)>,
    pub writer: Writer,
}

impl Default for Engine {
    fn default() -> Engine {
        let writer = Writer::default();
        let fresh = Vec::new();
        Engine {
            catalog: Arc::new(Catalog::of_server()),
            stores: Vec::new(),
            log: Log { end: LOG_START, previous: Lsn(0), timeline: Timeline(1), durable: LOG_START, fresh, writer },
            history: Vec::new(),
            names: Names::default(),
            plans: PlanCache::default(),
            generation: 0,
            versions: Versions::default(),
            sessions: 0,
            read_only: false,
        }
    }
}

impl Engine {
    /// Opens a session for a role, as a connection that has been authenticated.
    ///
    /// # Errors
    /// `28000` when there is no such role, or it may not log in.
    pub fn connect(&mut self, login: &str) -> Result<Session, SqlError> {
        self.connect_as(login, true)
    }

    /// The same; `defaults` says whether the role's own defaults are taken.
    pub(super) fn connect_as(&mut self, login: &str, defaults: bool) -> Result<Session, SqlError> {
        let refused = |message: String| SqlError::new(INVALID_AUTHORIZATION, message);
        let id = self.catalog.role_id(login).ok_or_else(|| refused(format!("role \"{login}\" does not exist")))?;
        let role = self.catalog.role(id);
        if !role.attributes.login {
            return Err(refused(format!("role \"{login}\" is not permitted to log in")));
        }
        self.sessions += 1;
        let defaults = if defaults { &role.defaults[..] } else { &[] };
        Ok(Session::new(self.sessions, id, Arc::clone(&role.name), defaults))
    }

    /// Whether a password opens sessions of a role; `asked` says whether it is asked for. A role that does not exist,
    /// or may not log in, has none.
    pub(super) fn admits(&self, login: &str, password: &str, asked: bool) -> bool {
        let role = self.catalog.role_id(login).map(|id| self.catalog.role(id));
        let shows = |held: Option<&str>| !asked || held == Some(password);
        role.is_some_and(|role| role.attributes.login && shows(role.password.as_deref()))
    }

    /// Runs a statement and appends its replies, one a command. After an error the rest of its commands is skipped.
    pub fn execute(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        statement: &Statement,
        replies: &mut Vec<Reply>,
    ) {
        self.execute_watched(session, controls, statement, replies, |_, _, _| {});
    }

    /// The same, and shows each command, analysed, before it runs. One that analysis refuses is not shown.
    pub(super) fn execute_watched(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        statement: &Statement,
        replies: &mut Vec<Reply>,
        watch: impl FnMut(&Engine, &Session, &Plan),
    ) {
        self.resume(session);
        self.run(session, controls, statement, replies, watch);
        self.park(session);
    }

    /// The same for a session whose transaction nobody else meets: it ends before another session runs a statement.
    pub(super) fn run(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        statement: &Statement,
        replies: &mut Vec<Reply>,
        mut watch: impl FnMut(&Engine, &Session, &Plan),
    ) {
        if let Some(prepared) = self.plans.get(&statement.text, &self.made(session)) {
            watch(self, session, &prepared.plan);
            return replies.push(self.attempt(session, controls, &prepared, &statement.params));
        }
        let commands = match parse(&statement.text) {
            Ok(commands) => commands,
            Err(e) => return replies.push(self.fail(session, e)),
        };
        if commands.len() > 1 && !statement.params.is_empty() {
            let message = "cannot insert multiple commands into a prepared statement";
            return replies.push(self.fail(session, SqlError::new(SYNTAX_ERROR, message)));
        }
        let several = commands.len() > 1;
        for command in commands {
            if several && session.block == Block::Idle {
                // The commands of one simple query are one transaction.
                session.block = Block::Implicit;
            }
            // A utility command is refused before its names are looked for.
            let truncates = matches!(command, ast::Statement::Truncate(_)) && session.block != Block::Failed;
            if truncates && self.is_read_only(session) {
                return replies.push(self.fail(session, SqlError::read_only("TRUNCATE TABLE")));
            }
            if let Err(e) = self.look_first(session, &command) {
                return replies.push(self.fail(session, e));
            }
            let made = self.made(session);
            let asker = Asker { role: made.role, path: &made.path, controls };
            let prepared = match prepare(&self.catalog, &mut self.names, asker, command) {
                Ok(prepared) => Arc::new(prepared),
                Err(_) if session.block == Block::Failed => return replies.push(failed_block()),
                // Analysis waits for the end of a transaction that has changed what it looks at.
                Err(e) if e.sqlstate() != NOT_SUPPORTED => {
                    let e = self.versions.unbarred().err().unwrap_or(e);
                    return replies.push(self.fail(session, e));
                }
                Err(e) => return replies.push(self.fail(session, e)),
            };
            if !several {
                self.plans.put(&statement.text, &made, &prepared);
            }
            watch(self, session, &prepared.plan);
            match self.attempt(session, controls, &prepared, &statement.params) {
                error @ Reply::Error { .. } => return replies.push(error),
                reply => replies.push(reply),
            }
        }
        if several && session.block == Block::Implicit {
            self.commit(session);
        }
    }

    /// What a name means to a session now.
    fn made(&self, session: &Session) -> Made {
        let (role, path) = (session.role(&self.catalog), Arc::clone(session.path()));
        Made { generation: self.generation, role, path }
    }

    /// Runs one command; on an error the transaction fails.
    fn attempt(&mut self, session: &mut Session, controls: &Controls, prepared: &Prepared, params: &[Value]) -> Reply {
        let ends = matches!(prepared.plan, Plan::Commit | Plan::Rollback | Plan::RollbackTo(_));
        if session.block == Block::Failed && !ends {
            return failed_block();
        }
        let single = session.block == Block::Idle;
        if single {
            session.block = Block::Implicit;
        }
        let result = bind(&prepared.params, params).and_then(|params| match &prepared.doomed {
            Some(error) => self.rewrite(session, controls, &prepared.plan, &params).and(Err(error.clone())),
            None => self.command(session, controls, &prepared.plan, &params),
        });
        match result {
            Ok(reply) => {
                if single && session.block == Block::Implicit {
                    self.commit(session);
                }
                reply
            }
            Err(e) => self.fail(session, e),
        }
    }

    /// A transaction with one snapshot takes it before its first query is analysed.
    fn look_first(&mut self, session: &mut Session, command: &ast::Statement) -> Result<(), SqlError> {
        use ast::Statement::{Delete, Insert, Query, Update};
        let looks = matches!(command, Query(_) | Insert(_) | Update { .. } | Delete(_));
        if looks && session.block != Block::Failed { self.look(&mut session.txn) } else { Ok(()) }
    }

    fn fail(&mut self, session: &mut Session, error: SqlError) -> Reply {
        match session.block {
            Block::Open => self.abort(session),
            Block::Failed => {}
            Block::Idle | Block::Implicit => self.rollback(session),
        }
        error.into()
    }

    fn command(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        plan: &Plan,
        params: &[Value],
    ) -> Result<Reply, SqlError> {
        match plan {
            Plan::Select(select) if select.search.is_none() => self.select_values(session, select, params),
            Plan::Select(_) | Plan::Insert(_) | Plan::Update(_) | Plan::Delete(_) | Plan::Truncate { .. } => {
                self.query(session, controls, plan, params)
            }
            Plan::Begin { read_only, isolation } => {
                if session.block == Block::Implicit {
                    session.block = Block::Open;
                    session.txn.read_only = *read_only;
                    session.txn.isolation = *isolation;
                }
                Ok(Reply::Done(0))
            }
            Plan::Commit => {
                if session.block == Block::Failed {
                    self.rollback(session);
                } else {
                    self.commit(session);
                }
                Ok(Reply::Done(0))
            }
            Plan::Rollback => {
                self.rollback(session);
                Ok(Reply::Done(0))
            }
            Plan::Savepoint(name) => {
                session.in_block("SAVEPOINT")?;
                session.savepoint(name);
                Ok(Reply::Done(0))
            }
            Plan::RollbackTo(name) => {
                session.in_block("ROLLBACK TO SAVEPOINT")?;
                let mark = session.rewind(name)?;
                self.undo(&mut session.txn, mark);
                session.block = Block::Open;
                Ok(Reply::Done(0))
            }
            Plan::Release(name) => {
                session.in_block("RELEASE SAVEPOINT")?;
                session.release(name)?;
                Ok(Reply::Done(0))
            }
            Plan::Set(id, value, scope) => {
                self.set(session, *id, value.as_ref(), *scope)?;
                Ok(Reply::Done(0))
            }
            Plan::ResetAll => {
                session.settings.reset_all();
                Ok(Reply::Done(0))
            }
            Plan::DiscardAll if session.block != Block::Implicit => {
                Err(SqlError::new(ACTIVE_TRANSACTION, "DISCARD ALL cannot run inside a transaction block"))
            }
            Plan::DiscardAll => {
                session.settings.reset_all();
                session.settings.reset(ROLE, Scope::Session);
                Ok(Reply::Done(0))
            }
            Plan::Show(id) => {
                let name = self.names.name(*id);
                let value = session.settings.get(*id).ok_or_else(|| SqlError::no_setting(name))?;
                let row: Row = Arc::from([Value::Text(Arc::clone(value))]);
                Ok(Reply::Rows { columns: Arc::from([Arc::clone(name)]), rows: vec![row] })
            }
            Plan::Define(definition) => Ok(Reply::Done(self.define(session, controls, definition)?)),
        }
    }

    /// A statement that touches tables.
    fn query(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        plan: &Plan,
        params: &[Value],
    ) -> Result<Reply, SqlError> {
        self.versions.unbarred()?;
        let role = session.role(&self.catalog);
        self.look(&mut session.txn)?;
        session.txn.used = true;
        let read_only = self.is_read_only(session);
        if let Plan::Truncate { .. } = plan {
            // A utility command is refused before anything is looked at, a planned one after planning.
            self.writable(session, "TRUNCATE TABLE")?;
            self.versions.sole()?;
            session.txn.exclusive = true;
        }
        let called = match plan {
            Plan::Select(Select { call: Some(call), .. }) => Some(self.called(session, controls, call, params)?),
            _ => None,
        };
        let Session { settings, login_name, txn, .. } = session;
        let env = Env { row: &[], params, settings, session_user: login_name };
        let (next, given) = (self.log.end, called.as_ref());
        let sight = self.versions.sight(txn);
        let cx = Cx { catalog: &self.catalog, controls, role, env, next, read_only, given, sight: sight.as_ref() };
        match plan {
            Plan::Select(select) => cx.select(&self.stores, txn, select),
            Plan::Insert(insert) => cx.insert(&mut self.stores, txn, insert),
            Plan::Update(update) => cx.update(&mut self.stores, txn, update),
            Plan::Delete(delete) => cx.delete(&mut self.stores, txn, delete),
            Plan::Truncate { tables, cascade } => cx.truncate(&mut self.stores, txn, (tables, *cascade)),
            _ => unreachable!("the caller sorts plans"),
        }
    }

    /// Looks for what comes before planning, where planning fails.
    fn rewrite(&self, session: &Session, controls: &Controls, plan: &Plan, params: &[Value]) -> Result<(), SqlError> {
        let env = Env { row: &[], params, settings: &session.settings, session_user: &session.login_name };
        let (role, next) = (session.role(&self.catalog), self.log.end);
        let catalog = &self.catalog;
        Cx { catalog, controls, role, env, next, read_only: true, given: None, sight: None }.rewrite(plan)
    }

    /// Runs a definition; says how many rows came with it.
    fn define(
        &mut self,
        session: &mut Session,
        controls: &Controls,
        definition: &ast::Statement,
    ) -> Result<u64, SqlError> {
        self.versions.unbarred()?;
        self.writable(session, "a definition")?;
        self.versions.sole()?;
        (session.txn.used, session.txn.exclusive) = (true, true);
        let Made { role, path, .. } = self.made(session);
        let before = Arc::clone(&self.catalog);
        if let Err(error) = self.define_as(Asker { role, path: &path, controls }, definition) {
            // Whoever lacks a place for the rows of a query is told so when it has been planned.
            if let ast::Statement::CreateView(ast::CreateView { materialized: true, query, .. }) = definition
                && error.sqlstate() == INSUFFICIENT_PRIVILEGE
            {
                self.foresee(session, controls, query)?;
            }
            return Err(error);
        }
        let role = Arc::clone(&before.role(role).name);
        let text: Arc<str> = definition.to_string().into();
        self.history.push([&role, &path, &text].map(Arc::clone));
        let first = before.tables.len();
        session.txn.changes.push(Change::Define { before, role, path, text });
        self.materialize(session, controls, first)
    }

    /// Runs a definition, and makes room for the tables that it creates.
    pub(super) fn define_as(&mut self, asker: Asker<'_>, definition: &ast::Statement) -> Result<(), SqlError> {
        let mut catalog = Catalog::clone(&self.catalog);
        Definer { catalog: &mut catalog, names: &mut self.names, asker }.define(definition)?;
        for table in &catalog.tables[self.stores.len()..] {
            self.stores.push(Store::new(table));
        }
        self.catalog = Arc::new(catalog);
        self.generation += 1;
        Ok(())
    }

    /// Records that were written and not yet taken, each with where it starts.
    pub fn take_log(&mut self) -> Vec<(Lsn, Bytes)> {
        std::mem::take(&mut self.log.fresh)
    }
    /// End of the log.
    pub fn log_end(&self) -> Lsn {
        self.log.end
    }
    /// From now on, no transaction may write, or all may again.
    pub fn set_read_only(&mut self, read_only: bool) {
        self.read_only = read_only;
    }
    /// Tables of this name by their place, each with the schema that it lies in; `None` is `public`.
    pub fn slices_of(&self, name: &str) -> BTreeMap<u16, Option<Arc<str>>> {
        let all = self.catalog.tables.iter().enumerate().filter(|(_, table)| !table.dropped && *table.name == *name);
        let schema = |table: &Table| match table.schema {
            PUBLIC => None,
            other => Some(Arc::clone(&self.catalog.schema(other).name)),
        };
        all.map(|(at, table)| (at as u16, schema(table))).collect()
    }

    fn known_as<'a>(&'a self, table: &'a Table) -> Cow<'a, str> {
        match table.schema {
            PUBLIC => Cow::Borrowed(&table.name),
            other => Cow::Owned(format!("{}.{}", self.catalog.schema(other).name, table.name)),
        }
    }

    /// Everything that is committed here, by table: what an oracle at the store sees, policies notwithstanding. Tables
    /// outside of `public` carry the name of their schema.
    pub fn scan_store(&self) -> impl Iterator<Item = (Cow<'_, str>, &Row)> {
        let tables = self.catalog.tables[..self.stores.len()].iter().zip(0..).filter(|(table, _)| !table.dropped);
        tables
            .flat_map(move |(table, at)| self.committed(at).map(move |(_, stored)| (self.known_as(table), &stored.row)))
    }

    /// Runs a script as the bootstrap superuser, outside of the log: how a base is made.
    ///
    /// # Errors
    /// The first error; what ran before it stays.
    pub fn bootstrap(&mut self, script: &str) -> Result<(), SqlError> {
        let controls = Controls::all_on();
        let mut session = Session::new(0, BOOTSTRAP, Arc::clone(&self.catalog.role(BOOTSTRAP).name), &[]);
        let mut replies = Vec::new();
        // Rows of the base are older than the log.
        self.log.end = Lsn(0);
        self.execute(&mut session, &controls, &Statement::new(script, Vec::new()), &mut replies);
        (self.log.end, self.log.previous) = (LOG_START, Lsn(0));
        self.log.fresh.clear();
        match replies.pop() {
            Some(Reply::Error { sqlstate, message }) => Err(SqlError::new(sqlstate, message)),
            _ => Ok(()),
        }
    }
}

fn failed_block() -> Reply {
    let message = "current transaction is aborted, commands ignored until end of transaction block";
    SqlError::new(FAILED_TRANSACTION, message).into()
}
