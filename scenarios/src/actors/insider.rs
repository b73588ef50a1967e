//! An insider: somebody with accounts in the repository, who wants the policy or the tenants file to say something
//! else.
//!
//! It proposes and approves as its accounts can, from outside the mesh, and tries what came of it as a tenant's
//! principal: a merged change shows in what that gets.

use super::attacker::{Event, Kit, Script};
use super::intruder::Intruder;
use models::gitops::people::sign;
use models::platform::admin::account_key;
use models::wire::admin::{APPROVALS_PATH, Approval, PROPOSALS_PATH, Proposal, TENANTS_PATH, TenantsProposal};
use models::wire::http::{Headers, Method};
use serde::Serialize;
use sim::{Duration, NodeId};
use std::sync::Arc;

/// What an insider is.
pub struct Insider {
    /// The pipeline.
    pub gitops: NodeId,
    /// What it wants.
    pub wish: Wish,
    /// Accounts that approve it.
    pub approvers: &'static [&'static str],
    /// The mark of having had its say.
    pub mark: &'static str,
    /// When it begins.
    pub wait: Duration,
    /// How it tries what came of it.
    pub intruder: Intruder,
    said: usize,
}

/// Something that somebody wants, signed.
pub struct Wish {
    path: &'static str,
    id: Arc<str>,
    body: Vec<u8>,
}

impl Wish {
    /// Other files of the policy.
    pub fn files(mut proposal: Proposal) -> Wish {
        proposal.signature = sign(&account_key(&proposal.author), &proposal.statement());
        Wish { path: PROPOSALS_PATH, id: proposal.id(), body: json(&proposal) }
    }
    /// Another version of the tenants file.
    pub fn tenants(mut proposal: TenantsProposal) -> Wish {
        proposal.signature = sign(&account_key(&proposal.author), &proposal.statement());
        Wish { path: TENANTS_PATH, id: proposal.id(), body: json(&proposal) }
    }
}

fn json(statement: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(statement).expect("a statement is JSON")
}

/// No token of an intruder's.
const SAY: u64 = 31;
/// Between two statements.
const BREATH: Duration = Duration::millis(150);
/// A lost statement is made again: so often is everything said.
const TIMES: usize = 2;

impl Insider {
    /// An insider that proposes a change under the account that has signed it.
    pub fn new(
        gitops: NodeId,
        wish: Wish,
        approvers: &'static [&'static str],
        mark: &'static str,
        intruder: Intruder,
    ) -> Insider {
        Insider { gitops, wish, approvers, mark, wait: Duration::millis(1_500), intruder, said: 0 }
    }

    /// Proposes, then approves, one account after the other; and all of it once more.
    fn say(&mut self, kit: &mut Kit<'_, '_>) {
        let round = self.approvers.len() + 1;
        if self.said == round * TIMES {
            return;
        }
        let (path, body) = match (self.said % round).checked_sub(1) {
            None => (self.wish.path, self.wish.body.clone()),
            Some(n) => (APPROVALS_PATH, json(&approval(&self.wish.id, self.approvers[n]))),
        };
        self.said += 1;
        if kit.will_ask() && self.said == round {
            kit.mark(self.mark);
        }
        kit.ask(self.gitops, Method::Post, path, Headers::default(), &body);
        kit.after(BREATH, SAY);
    }
}

fn approval(proposal: &Arc<str>, by: &str) -> Approval {
    let mut approval = Approval { proposal: proposal.clone(), by: by.into(), signature: Arc::from("") };
    approval.signature = sign(&account_key(by), &approval.statement());
    approval
}

impl Script for Insider {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Tick(SAY) => self.say(kit),
            Event::Start => {
                kit.after(kit.wait(self.wait), SAY);
                self.intruder.step(kit, Event::Start);
            }
            other => self.intruder.step(kit, other),
        }
    }
}
