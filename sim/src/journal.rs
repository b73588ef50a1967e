//! The ordered facts of a run: a running digest always, the facts themselves on demand.
//!
//! The digest is BLAKE3 over canonical fact bytes, taken in blocks of 64 KiB; the digest after each block is kept, so
//! that a first difference is found by bisection. Not digested: wall time, host, thread, paths.

use crate::id::NodeId;
use crate::machine::{Fact, Platform};
use crate::record::Vantage;
use crate::time::Instant;

/// Version of the encoding: the first byte of every encoded journal.
pub const JOURNAL_VERSION: u8 = 1;

const BLOCK_BYTES: usize = 64 * 1024;

/// A fact, with where and when it was seen and what caused it.
#[derive(Clone, Debug)]
pub struct Entry<P: Platform> {
    /// Global time.
    pub at: Instant,
    /// The node at which it was seen.
    pub node: NodeId,
    /// Causal id of the request that led to it.
    pub cause: u64,
    /// The fact.
    pub fact: P::Fact,
}

/// A message delivery or another step of the world, kept for timelines only.
#[derive(Clone, Debug)]
pub struct Step {
    /// Global time.
    pub at: Instant,
    /// Causal id.
    pub cause: u64,
    /// Sender, if it was a message.
    pub from: Option<NodeId>,
    /// The node that handled it.
    pub node: NodeId,
    /// What it was.
    pub text: String,
    /// Slots of the controls that were asked for while it was handled, each once, in the order of the last question.
    pub asked: Vec<u16>,
    /// How many facts of the run came before it: those from here on, up to the next step's, followed from it or from
    /// what happened to nodes meanwhile.
    pub facts_before: u64,
}

/// The digest after a number of facts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Facts so far.
    pub facts: u64,
    /// Digest so far.
    pub digest: [u8; 32],
}

/// The journal of one run.
pub struct Journal<P: Platform> {
    hasher: blake3::Hasher,
    block: Vec<u8>,
    checkpoints: Vec<Checkpoint>,
    facts: u64,
    kept: Option<Vec<Entry<P>>>,
    steps: Option<Vec<Step>>,
}

impl<P: Platform> Journal<P> {
    /// An empty journal; `keep` also keeps every fact and step.
    pub fn new(keep: bool) -> Journal<P> {
        Journal {
            hasher: blake3::Hasher::new(),
            block: Vec::with_capacity(BLOCK_BYTES + 4096),
            checkpoints: Vec::new(),
            facts: 0,
            kept: keep.then(Vec::new),
            steps: keep.then(Vec::new),
        }
    }

    /// Appends a fact.
    #[inline]
    pub fn append(&mut self, at: Instant, node: NodeId, cause: u64, fact: &P::Fact) {
        encode::<P>(&mut self.block, at, node, cause, fact);
        self.facts += 1;
        if self.block.len() >= BLOCK_BYTES {
            self.end_block();
        }
        if let Some(kept) = &mut self.kept {
            kept.push(Entry { at, node, cause, fact: fact.clone() });
        }
    }

    /// Keeps a step, when steps are kept. How many facts came before it, it is told here.
    pub(crate) fn step(&mut self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step { facts_before: self.facts, ..step() });
        }
    }

    /// Notes which controls were asked for while the last step was handled.
    pub(crate) fn asked(&mut self, asked: Vec<u16>) {
        if let Some(step) = self.steps.as_mut().and_then(|steps| steps.last_mut()) {
            step.asked = asked;
        }
    }

    fn end_block(&mut self) {
        self.hasher.update(&self.block);
        self.block.clear();
        self.checkpoints.push(Checkpoint { facts: self.facts, digest: *self.hasher.finalize().as_bytes() });
    }

    /// Ends the journal.
    pub fn finish(mut self) -> Finished<P> {
        self.end_block();
        Finished {
            digest: *self.hasher.finalize().as_bytes(),
            facts: self.facts,
            checkpoints: self.checkpoints,
            entries: self.kept.unwrap_or_default(),
            steps: self.steps.unwrap_or_default(),
        }
    }
}

/// A journal that has ended.
#[derive(Clone, Debug)]
pub struct Finished<P: Platform> {
    /// Digest of all facts.
    pub digest: [u8; 32],
    /// How many there were.
    pub facts: u64,
    /// The digest after each block.
    pub checkpoints: Vec<Checkpoint>,
    /// The facts, when kept.
    pub entries: Vec<Entry<P>>,
    /// Deliveries and the like, when kept.
    pub steps: Vec<Step>,
}

impl<P: Platform> Finished<P> {
    /// The facts as bytes: version, then per fact its length and its canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![JOURNAL_VERSION];
        let mut one = Vec::new();
        for entry in &self.entries {
            one.clear();
            encode::<P>(&mut one, entry.at, entry.node, entry.cause, &entry.fact);
            varint(&mut out, one.len() as u64);
            out.extend_from_slice(&one);
        }
        out
    }
}

/// Canonical bytes of a fact in its place.
fn encode_place(out: &mut Vec<u8>, at: Instant, node: NodeId, cause: u64, vantage: Vantage) {
    out.extend_from_slice(&at.0.to_le_bytes());
    out.extend_from_slice(&node.0.to_le_bytes());
    out.extend_from_slice(&cause.to_le_bytes());
    out.push(vantage as u8);
}

#[inline]
fn encode<P: Platform>(out: &mut Vec<u8>, at: Instant, node: NodeId, cause: u64, fact: &P::Fact) {
    encode_place(out, at, node, cause, fact.vantage());
    fact.encode(out);
}

/// LEB128.
pub fn varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Splits an encoded journal into its facts' bytes.
///
/// # Errors
/// The version is unknown, or the bytes end in the middle of a fact.
pub fn decode(bytes: &[u8]) -> Result<Vec<&[u8]>, String> {
    let (version, mut rest) = bytes.split_first().ok_or("an empty journal has no version")?;
    if *version != JOURNAL_VERSION {
        return Err(format!("journal of version {version}, expected {JOURNAL_VERSION}"));
    }
    let mut facts = Vec::new();
    while !rest.is_empty() {
        let mut length = 0u64;
        let mut shift = 0;
        loop {
            let (byte, tail) = rest.split_first().ok_or("the journal ends within a length")?;
            rest = tail;
            if shift > 56 {
                return Err("a length has too many bytes".into());
            }
            length |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > rest.len() {
            return Err("the journal ends within a fact".into());
        }
        let (fact, tail) = rest.split_at(length);
        facts.push(fact);
        rest = tail;
    }
    Ok(facts)
}

/// The first fact in which two kept journals differ, in words.
pub fn first_difference<P: Platform>(left: &Finished<P>, right: &Finished<P>) -> Option<String> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let show = |e: &Entry<P>| format!("{} node {} cause {:016x} {}", e.at, e.node.0, e.cause, e.fact.describe());
    for (i, pair) in left.entries.iter().zip(&right.entries).enumerate() {
        a.clear();
        b.clear();
        encode::<P>(&mut a, pair.0.at, pair.0.node, pair.0.cause, &pair.0.fact);
        encode::<P>(&mut b, pair.1.at, pair.1.node, pair.1.cause, &pair.1.fact);
        if a != b {
            return Some(format!("fact {i}: {} | {}", show(pair.0), show(pair.1)));
        }
    }
    let shorter = left.entries.len().min(right.entries.len());
    let rest = left.entries.get(shorter).or_else(|| right.entries.get(shorter))?;
    Some(format!("fact {shorter}: only one run has {}", show(rest)))
}
