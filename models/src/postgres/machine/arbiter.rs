//! The arbiter as a machine: what it has ruled is on its disk before anybody is told.
//!
//! It stands for a quorum that does not fail as one: a crash silences it for a while, and it forgets nothing.

use crate::postgres::arbiter::{Arbiter, Ruling};
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::sql::{Lease, Timeline};
use sim::disk::Write;
use sim::seed::Lineage;
use sim::{Ctx, Duration, Input, Machine, NodeId, Outbox};
use std::collections::VecDeque;

const RULINGS: u8 = 0;

/// An arbiter at work.
pub struct ArbiterNode {
    arbiter: Arbiter,
    /// Answers that wait for the sync of this number.
    held: VecDeque<(u64, Lineage, NodeId, Lease)>,
    syncs: u64,
}

impl ArbiterNode {
    /// An arbiter with the rulings that its disk kept; at first, of a pair that is in step.
    pub fn boot(term: Duration, ctx: &Ctx<'_, Saas>) -> ArbiterNode {
        let kept = ctx.disk().read(RULINGS).iter().rev().find_map(|record| Ruling::decode(record));
        let arbiter = match kept {
            Some(ruling) => Arbiter::resume(ruling, term, ctx.now()),
            None => Arbiter::new(Timeline(1), term),
        };
        ArbiterNode { arbiter, held: VecDeque::new(), syncs: 0 }
    }

    fn asked(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, word: &Lease) {
        let before = self.arbiter.ruling();
        let answer = self.arbiter.handle(ctx.now(), from, word);
        let ruling = self.arbiter.ruling();
        if ruling != before {
            self.syncs += 1;
            out.write(RULINGS, Write::Append(ruling.encode().into()));
            out.sync(self.syncs);
        }
        let Some(answer) = answer else { return };
        if ruling == before && self.held.is_empty() {
            out.send(from, Wire::Lease(answer));
        } else {
            self.held.push_back((self.syncs, ctx.lineage(), from, answer));
        }
    }
}

impl Machine<Saas> for ArbiterNode {
    fn handle(&mut self, ctx: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Message { from, message: Wire::Lease(word) } => self.asked(ctx, out, from, &word),
            Input::Synced { token, ok: true } => {
                while self.held.front().is_some_and(|(sync, ..)| *sync <= token) {
                    let Some((_, lineage, to, answer)) = self.held.pop_front() else { break };
                    out.send_for(lineage, to, Wire::Lease(answer));
                }
            }
            // A full disk: nobody is told anything until it has room.
            Input::Synced { token, ok: false } => out.sync(token),
            _ => {}
        }
    }
}
