//! Programs on the model.

use crate::answer::Answer;
use crate::program::{ROLES, Step};
use models::control::{ControlSet, Controls};
use models::postgres::engine::Engine;
use models::postgres::rls::ROW_LEVEL_SECURITY;
use models::postgres::session::{Block, Session};
use models::postgres::setting::TENANT;
use models::wire::sql::{Reply, Statement};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Valid SQL that the model lacks.
const NOT_SUPPORTED: &str = "0A000";

/// An engine with the roles of every program.
static ROLES_ONLY: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::default();
    engine.bootstrap(&ROLES.join("; ")).expect("the roles are valid");
    engine
});

/// A model with the sessions of one program.
#[derive(Debug)]
pub struct Model {
    engine: Engine,
    sessions: BTreeMap<String, Session>,
    controls: Controls,
    /// The same, and row security off.
    open: Controls,
}

/// What the model says of one statement.
pub struct Said {
    /// Its answers; `None` when the statement, or a part of it, is not modelled.
    pub answers: Option<Vec<Answer>>,
    /// What is not modelled, in the model's words.
    pub lacking: Option<String>,
    /// Whether policies decided the answer: without row security it would have been another.
    pub decided: bool,
}

impl Model {
    /// A model without these controls, and without tables.
    pub fn new(off: ControlSet) -> Model {
        let (controls, open) = (Controls::with_off(off), Controls::with_off(off.with(ROW_LEVEL_SECURITY.slot)));
        Model { engine: ROLES_ONLY.clone(), sessions: BTreeMap::new(), controls, open }
    }

    /// Runs a statement. One that is not modelled leaves no trace.
    pub fn run(&mut self, step: &Step) -> Said {
        let (engine, before) = (self.engine.clone(), self.session(step).clone());
        let statement = Statement::new(&step.sql, step.params.clone());
        let mut replies = Vec::new();
        let session = self.sessions.get_mut(&step.session).expect("just opened");
        self.engine.execute(session, &self.controls, &statement, &mut replies);
        if let Some(Reply::Error { message, .. }) = replies.iter().find(|r| r.sqlstate() == Some(NOT_SUPPORTED)) {
            let lacking = Some(message.to_string());
            (self.engine, *session) = (engine, before);
            return Said { answers: None, lacking, decided: false };
        }
        Said { answers: Some(replies.iter().map(Answer::of).collect()), lacking: None, decided: false }
    }

    /// The same, and looks whether policies decided.
    pub fn judged(&mut self, step: &Step) -> Said {
        let (mut engine, mut session) = (self.engine.clone(), self.session(step).clone());
        let said = self.run(step);
        let mut replies = Vec::new();
        engine.execute(&mut session, &self.open, &Statement::new(&step.sql, step.params.clone()), &mut replies);
        let others: Vec<Answer> = replies.iter().map(Answer::of).collect();
        let decided = said.answers.as_ref().is_some_and(|answers| *answers != others);
        Said { decided, ..said }
    }

    fn session(&mut self, step: &Step) -> &Session {
        let open = || self.engine.connect(step.login()).expect("every role may log in");
        self.sessions.entry(step.session.clone()).or_insert_with(open)
    }

    /// State of a session's transaction block.
    pub fn block(&self, session: &str) -> Block {
        self.sessions.get(session).map_or(Block::Idle, Session::block)
    }

    /// The tenant that a session has set.
    pub fn tenant(&self, session: &str) -> Option<&str> {
        self.sessions.get(session)?.settings().get(TENANT).map(|tenant| &**tenant)
    }
}
