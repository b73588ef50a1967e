//! The gateway and the autoscaler of its cell: how large the load is, and who takes it.

use super::Gateway;
use crate::saas::Saas;
use crate::wire::Wire;
use crate::wire::scaling::Scaling;
use sim::{Ctx, NodeId, Outbox};

/// Slots of the shedder for each worker of an instance: one request at work, one at hand, and one on its way or at a
/// store. Fewer leave workers idle where the load is uneven; more make those wait who are admitted.
const SLOTS_PER_WORKER: u32 = 3;

/// Who scales the cell behind a gateway.
#[derive(Clone, Debug)]
pub struct ScaledBy {
    /// The autoscaler.
    pub node: NodeId,
    /// The cell, by index of [`super::GatewaySpec::cells`].
    pub cell: usize,
    /// What one instance works on at once.
    pub workers: u32,
}

/// What a gateway has had for the cell, and heard about it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Scaled {
    /// Requests for it, admitted or refused for load.
    asked: u64,
    /// When the newest word was said that was heard.
    heard: u64,
}

impl Gateway {
    /// A request is for this cell, whether or not there is room for it.
    pub(super) fn counts(&mut self, cell: usize) {
        self.scaled.asked += u64::from(self.spec.scaled_by.as_ref().is_some_and(|by| by.cell == cell));
    }

    /// A word of an autoscaler's. Only that of the cell is listened to.
    pub(super) fn scaling(&mut self, ctx: &Ctx<'_, Saas>, out: &mut Outbox<Saas>, from: NodeId, word: &Scaling) {
        let Some(by) = self.spec.scaled_by.as_ref().filter(|by| by.node == from) else { return };
        match word {
            Scaling::Count(round) => {
                let counted = Scaling::Counted(*round, self.scaled.asked);
                out.send(from, Wire::Scaling(Box::new(counted)));
            }
            Scaling::Ready(at, places) if *at >= self.scaled.heard => {
                self.scaled.heard = *at;
                let ready = self.pools[by.cell].keep(places);
                self.shedder.there_are(ctx.controls(), ready * by.workers * SLOTS_PER_WORKER);
            }
            _ => {}
        }
    }
}
