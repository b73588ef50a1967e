//! A visit: one transaction on a connection, in which the application is one tenant or nobody. It is rolled back.
//!
//! Only [`Visit::leave`] commits, and only what was read: to see what stays behind on a connection that goes back to
//! its pool.

use super::link::{Rows, Session, Wrong};
use crate::certify::deployment::{Act, Tenant};
use postgres_protocol::escape::{escape_identifier, escape_literal};

/// A transaction as one tenant.
pub struct Visit<'s> {
    session: &'s Session,
    done: Vec<String>,
    over: bool,
}

/// What a visit may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hands {
    /// The server refuses every write.
    Bound,
    /// Writes are undone at the end.
    Free,
}

/// The statements by which the application becomes `tenant`.
pub fn entering(act: &Act, tenant: &Tenant) -> Vec<String> {
    let role = act.role.iter().map(|role| format!("SET LOCAL ROLE {}", escape_identifier(&tenant.fill(role))));
    let setting = |(name, value): (&String, &String)| setting(name, &tenant.fill(value));
    let statements = act.statements.iter().map(|statement| tenant.fill(statement));
    role.chain(act.settings.iter().map(setting)).chain(statements).collect()
}

/// The statement that sets `name` until the end of the transaction.
pub fn setting(name: &str, value: &str) -> String {
    format!("SELECT set_config({}, {}, true)", escape_literal(name).trim(), escape_literal(value).trim())
}

impl<'s> Visit<'s> {
    /// Begins, and does `entering`.
    ///
    /// # Errors
    /// What the server refused.
    pub fn begin(session: &'s Session, hands: Hands, entering: &[String]) -> Result<Visit<'s>, Wrong> {
        let mut visit = Visit { session, done: Vec::new(), over: false };
        session.run(if hands == Hands::Bound { "BEGIN READ ONLY" } else { "BEGIN" })?;
        for statement in entering {
            visit.session.run(statement)?;
            visit.done.push(statement.clone());
        }
        Ok(visit)
    }

    /// Rows of a statement; one that fails is undone, and the visit goes on.
    ///
    /// # Errors
    /// What the server refused.
    pub fn rows(&mut self, sql: &str) -> Result<Rows, Wrong> {
        self.guarded(sql, |session| session.rows(sql))
    }

    /// Rows that a statement touched; one that fails is undone, and the visit goes on.
    ///
    /// # Errors
    /// What the server refused.
    pub fn run(&mut self, sql: &str) -> Result<u64, Wrong> {
        self.guarded(sql, |session| session.run(sql))
    }

    fn guarded<T>(&mut self, sql: &str, work: impl FnOnce(&Session) -> Result<T, Wrong>) -> Result<T, Wrong> {
        self.session.run("SAVEPOINT cellproof")?;
        self.session.heard();
        let answer = work(self.session);
        match &answer {
            Ok(_) => {
                self.done.push(sql.to_owned());
                self.session.run("RELEASE SAVEPOINT cellproof")?;
            }
            Err(_) => {
                self.session.run("ROLLBACK TO SAVEPOINT cellproof")?;
            }
        }
        answer
    }

    /// What the server said beside its last answer.
    pub fn heard(&self) -> Vec<String> {
        self.session.heard()
    }

    /// Undoes what was done since [`Visit::mark`].
    ///
    /// # Errors
    /// What the server refused.
    pub fn back(&mut self) -> Result<(), Wrong> {
        self.session.run("ROLLBACK TO SAVEPOINT cellproof_mark").map(|_| ())
    }

    /// A place to come back to.
    ///
    /// # Errors
    /// What the server refused.
    pub fn mark(&mut self) -> Result<(), Wrong> {
        self.session.run("SAVEPOINT cellproof_mark").map(|_| ())
    }

    /// What was done, as a reader would type it.
    pub fn statements(&self) -> Vec<String> {
        self.done.clone()
    }

    /// Ends the transaction as an application does, for its traces to stay on the connection.
    ///
    /// # Errors
    /// What the server refused.
    pub fn leave(mut self) -> Result<(), Wrong> {
        self.over = true;
        self.session.run("COMMIT").map(|_| ())
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if !self.over {
            // A connection that is gone has rolled back by itself.
            let _ = self.session.run("ROLLBACK");
        }
    }
}
