//! Programs on a real PostgreSQL: one database a worker, an empty schema `public` a program, one connection a session.
//!
//! A setting that a session has once made exists in it for ever, so no connection is used for two programs. Roles are
//! the server's, and every worker uses them at once: what a program makes a role's default is made one for the worker's
//! database alone.

use crate::answer::{Answer, Cell, cell};
use crate::generate::SCHEMAS;
use crate::program::{ROLES, SUPERUSER, Step};
use bytes::BytesMut;
use models::wire::sql::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls, Row, SimpleQueryMessage, SimpleQueryRow};

/// Programs after which the catalogue of a database is swept: each leaves dead rows in it.
const SWEEP_EVERY: u32 = 400;

/// How long a statement waits for another session, which does nothing meanwhile: there is one thread. The model answers
/// at once what the server answers then.
const LOCK_TIMEOUT_MS: u32 = 40;

/// A database of a server, for one thread.
pub struct Database {
    runtime: Runtime,
    config: Config,
    root: Client,
    programs: u32,
}

/// Makes the roles of all programs.
pub fn make_roles(url: &str) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = Config::from_str(url).expect("a URL");
    runtime.block_on(async {
        let root = connect(&config).await;
        let superuser = format!("create role {SUPERUSER} login superuser");
        for role in [superuser.as_str()].iter().chain(&ROLES) {
            let made = root.batch_execute(role).await;
            // A server of the user's may have them from the last time.
            let known = |e: &tokio_postgres::Error| e.as_db_error().is_some_and(|e| e.code().code() == "42710");
            assert!(made.as_ref().is_ok() || made.as_ref().is_err_and(known), "{role}: {made:?}");
        }
    });
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(async move {
        // Its end shows in the next statement.
        let _ = connection.await;
    });
    client
}

impl Database {
    /// Makes a database, anew, and connects to it by the server's socket, where nobody is asked for a password.
    pub fn make(url: &str, name: &str) -> Database {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut config = Config::from_str(url).expect("a URL");
        let root = runtime.block_on(async {
            let first = connect(&config).await;
            let one = |row: Result<Row, tokio_postgres::Error>| row.expect("a setting").get::<_, String>(0);
            let socket = one(first.query_one("show unix_socket_directories", &[]).await);
            let port = one(first.query_one("show port", &[]).await);
            first.batch_execute(&format!("drop database if exists {name}")).await.expect("no such database");
            first.batch_execute(&format!("create database {name} template template0")).await.expect("a database");
            config = Config::new();
            config.host(socket.split(',').next().unwrap_or_default().trim()).dbname(name).user(SUPERUSER);
            config.port(port.parse().expect("a port"));
            connect(&config).await
        });
        Database { runtime, config, root, programs: 0 }
    }

    /// Runs the statements, in order, on an empty schema: the answers to each. After an error the rest of its
    /// statement's commands has no answer, and those before the error are not known.
    pub fn run(&mut self, steps: &[&Step]) -> Vec<Vec<Answer>> {
        let Database { runtime, config, root, programs } = self;
        *programs += 1;
        let sweep = *programs % SWEEP_EVERY == 0;
        runtime.block_on(async {
            root.batch_execute(&fresh(config)).await.expect("an empty schema");
            if sweep {
                root.batch_execute("vacuum").await.expect("a sweep");
            }
            let mut sessions: BTreeMap<&str, Client> = BTreeMap::new();
            let mut answers = Vec::with_capacity(steps.len());
            for step in steps {
                if !sessions.contains_key(&*step.session) {
                    let mut config = config.clone();
                    config.user(step.login()).options(format!("-c lock_timeout={LOCK_TIMEOUT_MS}"));
                    let client = connect(&config).await;
                    sessions.insert(&step.session, client);
                }
                let client = &sessions[&*step.session];
                answers.push(if step.params.is_empty() {
                    simple(client, &scoped(config, &step.sql)).await
                } else {
                    bound(client, step).await
                });
            }
            answers
        })
    }
}

fn database(config: &Config) -> &str {
    config.get_dbname().expect("it was given one")
}

/// What undoes whatever a program may have done to its database, and leaves an empty schema `public`.
fn fresh(config: &Config) -> String {
    let names = ROLES.map(|role| role.split_whitespace().nth(2).expect("a role has a name"));
    let reset = names.map(|role| format!("alter role {role} in database {} reset all", database(config)));
    format!(
        "drop schema if exists public, {}, nowhere cascade; create schema public; grant usage on schema public to \
         public; grant select on pg_catalog.pg_tables, information_schema.tables to public; {}",
        SCHEMAS.join(", "),
        reset.join("; ")
    )
}

/// A statement that changes a role's defaults, for this database alone.
fn scoped(config: &Config, sql: &str) -> String {
    match sql.strip_prefix("alter role ").and_then(|rest| rest.split_once(" set ")) {
        Some((role, what)) => format!("alter role {role} in database {} set {what}", database(config)),
        None => sql.to_owned(),
    }
}

fn refused(error: &tokio_postgres::Error) -> Answer {
    match error.as_db_error() {
        Some(db) => Answer::Error(db.code().code().into(), db.message().into()),
        // The driver itself: a value that it cannot bring to the type.
        None => Answer::Error("driver".into(), format!("{error}: {:?}", error.source().map(ToString::to_string))),
    }
}

async fn simple(client: &Client, sql: &str) -> Vec<Answer> {
    let messages = match client.simple_query(sql).await {
        Ok(messages) => messages,
        Err(error) => return vec![refused(&error)],
    };
    let (mut answers, mut open) = (Vec::new(), None);
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                open = Some((columns.iter().map(|c| c.name().to_owned()).collect(), Vec::new()));
            }
            SimpleQueryMessage::Row(row) => {
                let cells = |row: &SimpleQueryRow| (0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect();
                open.as_mut().expect("a description comes first").1.push(cells(&row));
            }
            SimpleQueryMessage::CommandComplete(count) => answers.push(match open.take() {
                Some((columns, rows)) => Answer::Rows(columns, rows),
                None => Answer::Done(count),
            }),
            _ => {}
        }
    }
    answers
}

async fn bound(client: &Client, step: &Step) -> Vec<Answer> {
    let prepared = match client.prepare(&step.sql).await {
        Ok(prepared) => prepared,
        Err(error) => return vec![refused(&error)],
    };
    let values: Vec<Parameter> = step.params.iter().map(Parameter).collect();
    let params: Vec<&(dyn ToSql + Sync)> = values.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
    let answer = if prepared.columns().is_empty() {
        client.execute(&prepared, &params).await.map(Answer::Done)
    } else {
        let columns = prepared.columns().iter().map(|c| c.name().to_owned()).collect();
        client.query(&prepared, &params).await.map(|rows| Answer::Rows(columns, rows.iter().map(decoded).collect()))
    };
    vec![answer.unwrap_or_else(|error| refused(&error))]
}

fn decoded(row: &Row) -> Vec<Cell> {
    let cell = |at: usize| match *row.columns()[at].type_() {
        Type::BOOL => row.get::<_, Option<bool>>(at).map(|b| if b { "t" } else { "f" }.to_owned()),
        Type::INT4 => row.get::<_, Option<i32>>(at).map(|n| n.to_string()),
        Type::INT8 => row.get::<_, Option<i64>>(at).map(|n| n.to_string()),
        _ => row.get::<_, Option<String>>(at),
    };
    (0..row.len()).map(cell).collect()
}

/// A value of the model, sent as text: so it is the server that says whether it is one of the type that it has found.
#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = cell(self.0) else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }
    to_sql_checked!();
}
