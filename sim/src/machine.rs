//! A machine: a sans-IO model that gets inputs and leaves effects.
//!
//! It knows its node's local clock, its draws, its disk and the run's controls, all through [`Ctx`]. It knows no
//! runtime, no socket, no other machine, and not the global time.

use crate::choice::Choice;
use crate::control::{Control, Controls};
use crate::disk::{Disk, FileId, Write};
use crate::id::NodeId;
use crate::record::Vantage;
use crate::seed::{Draws, Lineage, Purpose, mix};
use crate::time::{Duration, Instant};
use std::any::Any;
use std::fmt;

/// The words of one product: what its machines say to each other, and what can be observed of them.
pub trait Platform: Clone + fmt::Debug + 'static {
    /// What travels between nodes.
    type Message: Message;
    /// What can be observed.
    type Fact: Fact;
}

/// What travels between nodes.
pub trait Message: Clone + fmt::Debug + 'static {
    /// Bytes on the wire, for bandwidth.
    fn size_bytes(&self) -> u32;
    /// Damages the message as a bad link would. Returns false when damage is always noticed by the transport, which
    /// then drops it.
    fn corrupt(&mut self, draw: u64) -> bool;
    /// Whether a bad link can deliver it twice. False when the transport always notices and drops the second.
    fn repeats(&self) -> bool {
        true
    }
    /// A cheap hash of its kind and identity, for the determinism check.
    fn fingerprint(&self) -> u64;
    /// One line for a timeline.
    fn describe(&self) -> String;
}

/// Something observable that happened.
pub trait Fact: Clone + fmt::Debug + 'static {
    /// Where it can be seen from.
    fn vantage(&self) -> Vantage;
    /// Canonical bytes: the same fact, the same bytes, in every version of the format.
    fn encode(&self, out: &mut Vec<u8>);
    /// One line for a timeline.
    fn describe(&self) -> String;
}

/// What a machine is given.
#[derive(Clone, Debug)]
pub enum Input<P: Platform> {
    /// A message arrived.
    Message {
        /// Who sent it, as the network tells it.
        from: NodeId,
        /// The message.
        message: P::Message,
    },
    /// A timer that this machine set has run out.
    Timer {
        /// The machine's own word for it.
        token: u64,
    },
    /// A sync has ended.
    Synced {
        /// The machine's own word for it.
        token: u64,
        /// Whether the disk said it was kept.
        ok: bool,
    },
    /// A message between two others passed a network position that this node holds.
    Intercepted {
        /// Who sent it.
        from: NodeId,
        /// Whom it was for.
        to: NodeId,
        /// The message.
        message: P::Message,
    },
    /// A message of this node was refused: the queue of its receiver is full. What is sent to a node without power is
    /// lost, and nobody says so.
    Refused {
        /// Whom it was for.
        to: NodeId,
        /// The message, back.
        message: P::Message,
    },
}

/// A model. It forgets everything in a crash, except what its disk kept.
pub trait Machine<P: Platform> {
    /// Takes one input and leaves effects in `out`.
    fn handle(&mut self, ctx: &mut Ctx<'_, P>, input: Input<P>, out: &mut Outbox<P>);
    /// What an engine may look at that brings a layer of its own, such as the certificates of a node whose connections
    /// it opens. Nothing, for most.
    fn aspect(&self) -> Option<&dyn Any> {
        None
    }
}

/// What a machine may know while it handles an input.
pub struct Ctx<'a, P: Platform> {
    pub(crate) node: NodeId,
    pub(crate) name: u64,
    pub(crate) now: Instant,
    pub(crate) lineage: Lineage,
    pub(crate) drawn: u64,
    pub(crate) draws: &'a Draws,
    pub(crate) controls: &'a Controls,
    pub(crate) disk: &'a Disk,
    pub(crate) words: std::marker::PhantomData<P>,
}

impl<P: Platform> Ctx<'_, P> {
    /// This node.
    pub fn node(&self) -> NodeId {
        self.node
    }
    /// This node's local clock. It may be skewed, and drift.
    pub fn now(&self) -> Instant {
        self.now
    }
    /// Where the input stands in the tree of its cause.
    pub fn lineage(&self) -> Lineage {
        self.lineage
    }
    /// The root of this node's k-th own undertaking (a tick, a flush), which belongs to no request.
    pub fn own(&self, k: u64) -> Lineage {
        Lineage::root(self.name, k)
    }
    /// A draw of this input: 64 uniform bits, the same in every run in which this input happens.
    pub fn draw(&mut self, purpose: Purpose) -> u64 {
        self.drawn += 1;
        self.draws.draw(purpose, self.lineage.cause, mix(self.lineage.path, self.drawn))
    }
    /// The draw at an explicit address, for things that exist before any input (the k-th record of a tenant).
    pub fn draw_at(&self, purpose: Purpose, cause: u64, n: u64) -> u64 {
        self.draws.draw(purpose, cause, n)
    }
    /// What is no luck and can still be overridden, at an explicit address: `usual` unless the choice map says
    /// otherwise.
    pub fn choose(&self, purpose: Purpose, cause: u64, n: u64, usual: u64) -> u64 {
        self.draws.choose(Choice { purpose: purpose.id, cause, n }, usual)
    }
    /// Whether `control` is on in this run. Ask only where the answer decides something.
    #[inline]
    pub fn on(&self, control: &Control) -> bool {
        self.controls.on(control)
    }
    /// The control set, for cores that ask by themselves.
    pub fn controls(&self) -> &Controls {
        self.controls
    }
    /// What this node's disk kept.
    pub fn disk(&self) -> &Disk {
        self.disk
    }
}

/// An effect of handling an input; it takes place when the input's service time is over.
#[derive(Debug)]
pub enum Effect<P: Platform> {
    /// A message leaves.
    Send {
        /// Receiver.
        to: NodeId,
        /// Its place in the tree of its cause.
        lineage: Lineage,
        /// The message.
        message: P::Message,
    },
    /// A message leaves under another's name: only on a link whose position this node holds.
    SendAs {
        /// The sender that the receiver will see.
        from: NodeId,
        /// Receiver.
        to: NodeId,
        /// Its place in the tree of its cause.
        lineage: Lineage,
        /// The message.
        message: P::Message,
    },
    /// A timer is set on the local clock.
    Timer {
        /// From now on the local clock.
        after: Duration,
        /// The machine's own word for it.
        token: u64,
        /// Its place in the tree of its cause.
        lineage: Lineage,
    },
    /// A write is issued; it is kept only once a later sync has ended.
    Write {
        /// Which file.
        file: FileId,
        /// What changes.
        write: Write,
    },
    /// A sync of everything written so far begins.
    Sync {
        /// The machine's own word for it.
        token: u64,
        /// Its place in the tree of its cause.
        lineage: Lineage,
    },
}

/// Where a machine leaves what it does.
pub struct Outbox<P: Platform> {
    pub(crate) effects: Vec<Effect<P>>,
    pub(crate) facts: Vec<(u64, P::Fact)>,
    pub(crate) marks: Vec<&'static str>,
    pub(crate) gauges: Vec<(&'static str, u64)>,
    pub(crate) is_gauged: bool,
    pub(crate) busy: Duration,
    pub(crate) lineage: Lineage,
    pub(crate) sent: u64,
}

impl<P: Platform> Outbox<P> {
    pub(crate) fn new() -> Outbox<P> {
        Outbox {
            effects: Vec::new(),
            facts: Vec::new(),
            marks: Vec::new(),
            gauges: Vec::new(),
            is_gauged: false,
            busy: Duration::ZERO,
            lineage: Lineage::default(),
            sent: 0,
        }
    }

    /// Starts afresh for an input of this lineage; the room it has is used again.
    pub(crate) fn begin(&mut self, lineage: Lineage) {
        self.lineage = lineage;
        self.sent = 0;
        self.busy = Duration::ZERO;
    }

    fn next(&mut self) -> Lineage {
        self.sent += 1;
        self.lineage.child(self.sent)
    }

    /// Sends `message` as a consequence of this input.
    #[inline]
    pub fn send(&mut self, to: NodeId, message: P::Message) {
        let lineage = self.next();
        self.effects.push(Effect::Send { to, lineage, message });
    }
    /// Sends `message` as a consequence of something else: an earlier input that waited, or an own undertaking.
    #[inline]
    pub fn send_for(&mut self, lineage: Lineage, to: NodeId, message: P::Message) {
        self.sent += 1;
        let lineage = lineage.child(0x100 + self.sent);
        self.effects.push(Effect::Send { to, lineage, message });
    }
    /// Sends `message` so that it seems to come from `from`. Works only where this node holds the network position.
    pub fn send_as(&mut self, from: NodeId, to: NodeId, message: P::Message) {
        let lineage = self.next();
        self.effects.push(Effect::SendAs { from, to, lineage, message });
    }
    /// Sets a timer; when it runs out the machine gets [`Input::Timer`] with `token`.
    pub fn timer(&mut self, after: Duration, token: u64) {
        let lineage = self.next();
        self.effects.push(Effect::Timer { after, token, lineage });
    }
    /// Sets a timer that starts `lineage`: the k-th request of a client, a tick that belongs to no request.
    pub fn timer_for(&mut self, lineage: Lineage, after: Duration, token: u64) {
        self.effects.push(Effect::Timer { after, token, lineage });
    }
    /// Writes to a file of this node.
    pub fn write(&mut self, file: FileId, write: Write) {
        self.effects.push(Effect::Write { file, write });
    }
    /// Begins a sync; when it ends the machine gets [`Input::Synced`] with `token`.
    pub fn sync(&mut self, token: u64) {
        let lineage = self.next();
        self.effects.push(Effect::Sync { token, lineage });
    }
    /// Takes a worker of this node for `span`: queueing behind it is where latency under load comes from.
    #[inline]
    pub fn busy(&mut self, span: Duration) {
        self.busy += span;
    }
    /// States a fact.
    #[inline]
    pub fn fact(&mut self, fact: P::Fact) {
        self.facts.push((self.lineage.cause, fact));
    }
    /// States a fact that belongs to another cause.
    pub fn fact_for(&mut self, lineage: Lineage, fact: P::Fact) {
        self.facts.push((lineage.cause, fact));
    }
    /// How many effects there are so far: a decorator notes it, lets the machine that it wraps act, and then looks at
    /// what came after with [`Outbox::hold_sends`].
    #[inline]
    pub fn mark_effects(&self) -> usize {
        self.effects.len()
    }
    /// Takes back every `Send` after the first `from` effects whose receiver `hold` names, in order. Allocates nothing
    /// when nothing is held; `hold` is asked once a message.
    #[inline]
    pub fn hold_sends(
        &mut self,
        from: usize,
        mut hold: impl FnMut(NodeId) -> bool,
    ) -> Vec<(NodeId, Lineage, P::Message)> {
        let mut is_held = |effect: &Effect<P>| matches!(effect, Effect::Send { to, .. } if hold(*to));
        let Some(first) = self.effects[from..].iter().position(&mut is_held) else { return Vec::new() };
        let mut held = Vec::new();
        for (i, effect) in self.effects.split_off(from + first).into_iter().enumerate() {
            let takes = i == 0 || is_held(&effect);
            match effect {
                Effect::Send { to, lineage, message } if takes => held.push((to, lineage, message)),
                other => self.effects.push(other),
            }
        }
        held
    }
    /// Sends `message` with exactly this lineage: what was held leaves as if it had never waited.
    #[inline]
    pub fn resend(&mut self, to: NodeId, lineage: Lineage, message: P::Message) {
        self.effects.push(Effect::Send { to, lineage, message });
    }
    /// Shows how far some state of this machine has come: how much waits, how often in a row something failed.
    /// Exploring looks for runs that get further; nobody judges it, it is in no digest, and `value` is asked for only
    /// where somebody looks.
    #[inline]
    pub fn gauge(&mut self, name: &'static str, value: impl FnOnce() -> u64) {
        if self.is_gauged {
            self.gauges.push((name, value()));
        }
    }
    /// Says that a place was reached which a scenario must reach.
    pub fn mark(&mut self, mark: &'static str) {
        self.marks.push(mark);
    }
}
