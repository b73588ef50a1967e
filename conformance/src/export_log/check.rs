//! Everything that a log shows, checked: entries, tiles, root, index, and what is expected to be in it.
//!
//! Reads one tile after the other and holds the right edge of the tree, the newest entries, and nothing else.

use super::{ExportLog, INDEX, flat, keep};
use crate::exit::{Refusal, usage};
use crate::input;
use reports::evidence::log::{Entry, INDEX_ENTRIES, index};
use sim::chain::tiles::leaf_hash;
use sim::chain::{Edge, Tile};
use std::collections::VecDeque;

/// Bytes of an `index.json`, at most.
const INDEX_MAX: u64 = INDEX_ENTRIES as u64 * 512 + 65_536;

/// An entry that has to be somewhere.
pub struct Wanted {
    /// Who says so, for messages.
    pub whose: String,
    /// Where.
    pub index: u64,
    /// The entry.
    pub entry: Entry,
}

/// Reads the whole log.
///
/// # Errors
/// The first thing that is not as the checkpoint says, or not as wanted.
pub fn check(log: &ExportLog, wanted: &[Wanted]) -> Result<(), Refusal> {
    let root = log.checkpoint().root;
    let (mut edge, mut newest, mut found) = (Edge::default(), VecDeque::new(), 0);
    let mut at = 0;
    for tile in Tile::leaves(root.size) {
        let mut filled: Vec<(Tile, Vec<u8>)> = Vec::new();
        for entry in log.entries(tile)? {
            edge.push(leaf_hash(&entry.bytes()), |tile, hashes| filled.push((tile, flat(hashes))));
            for wanted in wanted.iter().filter(|wanted| wanted.index == at) {
                if wanted.entry != entry {
                    return Err(usage(format!("{}: entry {at} of the log is another one", wanted.whose)));
                }
                found += 1;
            }
            keep(&mut newest, entry);
            at += 1;
        }
        filled.into_iter().try_for_each(|(tile, bytes)| same(log, tile, &bytes))?;
    }
    edge.partial().try_for_each(|(tile, hashes)| same(log, tile, &flat(hashes)))?;
    if edge.root() != root {
        return Err(usage("the log is damaged: its entries do not lead to the root of its checkpoint"));
    }
    if found < wanted.len() {
        let missing = wanted.iter().find(|wanted| wanted.index >= root.size).map_or("something", |w| &w.whose);
        return Err(usage(format!("{missing} is not in the log, which has {} entries", root.size)));
    }
    let published = input::bounded(&log.dir.join(INDEX), INDEX_MAX)?;
    if published != index(log.checkpoint(), log.note(), &newest).into_bytes() {
        return Err(usage(format!("{INDEX} is not as the log is: it shows another root or other entries")));
    }
    Ok(())
}

/// Compares a tile with what its entries make of it.
fn same(log: &ExportLog, tile: Tile, bytes: &[u8]) -> Result<(), Refusal> {
    let path = tile.path();
    let there = input::bounded(&log.dir.join(&path), bytes.len() as u64)?;
    if there == bytes { Ok(()) } else { Err(usage(format!("the log is damaged: {path} is not as its entries are"))) }
}
