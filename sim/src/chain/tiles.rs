//! The Merkle tree of RFC 6962 in files that never change (C2SP `tlog-tiles@v1.0.0`): what a static web server needs to
//! serve a log, and what anybody needs to prove something from it.
//!
//! A tile holds up to 256 neighbouring hashes of one level out of eight. A full tile is final; only the last one of a
//! level is *partial*, and a longer one takes its place under another name. Roots and proofs of any size that the log
//! ever had come out of a few tiles each, so neither a publisher nor a verifier holds the log in memory.
//!
//! The crate that implements the same brings second versions of `sha2` and `base64`. Every proof that is made here is
//! checked by the independent arithmetic behind [`Root`].

use super::digest::Digest;
use super::tree::{ConsistencyProof, InclusionProof, Root};
use std::fmt::Write as _;

/// Hashes of a full tile.
pub const FULL: u64 = 256;

/// Levels out of eight that a tile covers.
const HEIGHT: u32 = 8;

/// Which tile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tile {
    /// 0 for hashes of leaves, 1 for hashes of full tiles of level 0, and so on.
    pub level: u8,
    /// Position among the tiles of its level, from zero.
    pub index: u64,
    /// Hashes in it, from 1 to [`FULL`].
    pub width: u64,
}

impl Tile {
    /// Its path below the log: `tile/0/x001/067`, and `.p/112` behind it when it is partial.
    pub fn path(&self) -> String {
        self.path_in(&self.level.to_string())
    }

    /// The path of the entries whose hashes are in it, for a tile of level 0.
    pub fn path_of_entries(&self) -> String {
        self.path_in("entries")
    }

    fn path_in(&self, folder: &str) -> String {
        // Groups of three digits, all but the last behind an `x`, so that no folder grows without end.
        let mut groups = vec![format!("{:03}", self.index % 1_000)];
        let mut rest = self.index / 1_000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1_000));
            rest /= 1_000;
        }
        groups.reverse();
        let mut path = format!("tile/{folder}/{}", groups.join("/"));
        if self.width < FULL {
            write!(path, ".p/{}", self.width).expect("memory takes text");
        }
        path
    }

    /// The tile that holds hash `at` of a level, in a tree of this size.
    fn holding(level: u8, at: u64, size: u64) -> Tile {
        let index = at / FULL;
        let hashes = hashes(level, size);
        Tile { level, index, width: (hashes - index * FULL).min(FULL) }
    }

    /// All tiles of level 0 in a tree of this size, in order.
    pub fn leaves(size: u64) -> impl Iterator<Item = Tile> {
        (0..size.div_ceil(FULL)).map(move |index| Tile::holding(0, index * FULL, size))
    }
}

/// How many hashes a level of tiles has in a tree of this size.
fn hashes(level: u8, size: u64) -> u64 {
    size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
}

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Digest {
    Digest::of_parts(&[&[0], leaf])
}

fn node(left: Digest, right: Digest) -> Digest {
    Digest::of_parts(&[&[1], &left.0, &right.0])
}

/// The hash over neighbours of equal height, and perhaps a lower one at the end.
fn join(hashes: &[Digest]) -> Digest {
    match hashes {
        [] => Root::empty().hash,
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(split(hashes.len() as u64) as usize);
            node(join(left), join(right))
        }
    }
}

/// The largest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The right edge of a growing tree: all that is needed to append, a few hundred hashes a level.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Edge {
    size: u64,
    /// By level: hashes that do not fill a tile yet.
    open: Vec<Vec<Digest>>,
}

impl Edge {
    /// The edge of a tree of this size, whose partial tiles `read` returns.
    ///
    /// # Errors
    /// What `read` says, or it returned a tile of another width.
    pub fn load<E: From<WrongWidth>>(
        size: u64,
        mut read: impl FnMut(Tile) -> Result<Vec<Digest>, E>,
    ) -> Result<Edge, E> {
        let mut open = Vec::new();
        for level in 0.. {
            let count = hashes(level, size);
            if count == 0 {
                break;
            }
            let width = count % FULL;
            open.push(if width == 0 {
                Vec::new()
            } else {
                whole(Tile { level, index: count / FULL, width }, &mut read)?
            });
        }
        Ok(Edge { size, open })
    }

    /// Appends a leaf by its hash; `filled` is handed every tile that it fills.
    pub fn push(&mut self, leaf: Digest, mut filled: impl FnMut(Tile, &[Digest])) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.open.len() == usize::from(level) {
                self.open.push(Vec::new());
            }
            let open = &mut self.open[usize::from(level)];
            open.push(hash);
            if (open.len() as u64) < FULL {
                break;
            }
            filled(Tile { level, index: hashes(level, self.size) / FULL - 1, width: FULL }, open);
            hash = join(open);
            open.clear();
        }
    }

    /// The partial tiles.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Digest])> {
        let levels = (0..).zip(&self.open).filter(|(_, open)| !open.is_empty());
        levels.map(|(level, open)| {
            let index = hashes(level, self.size) / FULL;
            (Tile { level, index, width: open.len() as u64 }, open.as_slice())
        })
    }

    /// The root.
    pub fn root(&self) -> Root {
        let mut below: Option<Digest> = None;
        for open in &self.open {
            let hashes: Vec<Digest> = open.iter().copied().chain(below).collect();
            below = (!hashes.is_empty()).then(|| join(&hashes));
        }
        Root { size: self.size, hash: below.unwrap_or(Root::empty().hash) }
    }
}

/// A tile that has not as many hashes as its name says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongWidth(pub Tile);

/// A tree of some size behind a function that reads its tiles. Nothing of it is believed: its root is compared with a
/// signed one, and its proofs are verified.
pub struct Tiled<R> {
    size: u64,
    read: R,
}

impl<E: From<WrongWidth>, R: FnMut(Tile) -> Result<Vec<Digest>, E>> Tiled<R> {
    /// The tree of this size.
    pub fn new(size: u64, read: R) -> Tiled<R> {
        Tiled { size, read }
    }

    /// The root that the tree has, or had at a smaller size.
    ///
    /// # Errors
    /// A tile cannot be read.
    ///
    /// # Panics
    /// When the tree never had this size.
    pub fn root_at(&mut self, size: u64) -> Result<Root, E> {
        assert!(size <= self.size, "a root at size {size} of {}", self.size);
        let hash = if size == 0 { Root::empty().hash } else { self.range(0, size)? };
        Ok(Root { size, hash })
    }

    /// Proof for a leaf.
    ///
    /// # Errors
    /// A tile cannot be read.
    ///
    /// # Panics
    /// When there is no such leaf.
    pub fn prove_inclusion(&mut self, index: u64) -> Result<InclusionProof, E> {
        assert!(index < self.size, "leaf {index} of {}", self.size);
        let mut path = Vec::new();
        let (mut from, mut until) = (0, self.size);
        while until - from > 1 {
            let middle = from + split(until - from);
            if index < middle {
                path.push(self.range(middle, until)?);
                until = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(InclusionProof { index, size: self.size, path })
    }

    /// Proof that the tree of an earlier size is the beginning of this one (RFC 6962 §2.1.2).
    ///
    /// # Errors
    /// A tile cannot be read.
    ///
    /// # Panics
    /// When the tree never had this size.
    pub fn prove_consistency(&mut self, old_size: u64) -> Result<ConsistencyProof, E> {
        assert!(old_size <= self.size, "growth from {old_size} to {}", self.size);
        let mut path = Vec::new();
        let (mut from, mut until) = (0, self.size);
        // Walks to the right edge of the old tree; what it passes on the way is proved.
        while old_size > 0 && old_size != until {
            let middle = from + split(until - from);
            if old_size <= middle {
                path.push(self.range(middle, until)?);
                until = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        // The old tree's root, where it is a whole subtree from the start, is known to whoever asks.
        if old_size > 0 && from > 0 {
            path.push(self.range(from, until)?);
        }
        path.reverse();
        Ok(ConsistencyProof { old_size, new_size: self.size, path })
    }

    /// The hash over the leaves of a range that is a subtree of some size of this tree.
    fn range(&mut self, from: u64, until: u64) -> Result<Digest, E> {
        let count = until - from;
        if count.is_power_of_two() && from.is_multiple_of(count) {
            return self.subtree(count.ilog2(), from);
        }
        let middle = from + split(count);
        Ok(node(self.range(from, middle)?, self.range(middle, until)?))
    }

    /// The hash of a whole subtree of `1 << height` leaves.
    fn subtree(&mut self, height: u32, from: u64) -> Result<Digest, E> {
        let level = (height / HEIGHT) as u8;
        let first = from >> (HEIGHT * u32::from(level));
        let count = 1_usize << (height % HEIGHT);
        let tile = whole(Tile::holding(level, first, self.size), &mut self.read)?;
        let at = (first % FULL) as usize;
        Ok(join(&tile[at..at + count]))
    }
}

fn whole<E: From<WrongWidth>>(
    tile: Tile,
    read: &mut impl FnMut(Tile) -> Result<Vec<Digest>, E>,
) -> Result<Vec<Digest>, E> {
    let hashes = read(tile)?;
    if hashes.len() as u64 == tile.width { Ok(hashes) } else { Err(WrongWidth(tile).into()) }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;
    use std::collections::BTreeMap;

    fn leaf(n: u64) -> [u8; 8] {
        n.to_be_bytes()
    }

    /// A tree of so many leaves, in memory, and in tiles as a publisher would leave them after every append.
    fn both(size: u64) -> (Tree, BTreeMap<String, Vec<Digest>>, Edge) {
        let (mut tree, mut files, mut edge) = (Tree::new(), BTreeMap::new(), Edge::default());
        for n in 0..size {
            tree.append(leaf(n).as_slice());
            edge.push(leaf_hash(&leaf(n)), |tile, hashes| drop(files.insert(tile.path(), hashes.to_vec())));
        }
        files.extend(edge.partial().map(|(tile, hashes)| (tile.path(), hashes.to_vec())));
        (tree, files, edge)
    }

    fn reader(files: &BTreeMap<String, Vec<Digest>>) -> impl FnMut(Tile) -> Result<Vec<Digest>, WrongWidth> {
        |tile| files.get(&tile.path()).cloned().ok_or(WrongWidth(tile))
    }

    #[test]
    fn a_path_is_that_of_the_specification() {
        let path = |level, index, width| Tile { level, index, width }.path();
        assert_eq!(path(0, 0, 256), "tile/0/000");
        assert_eq!(path(2, 1_234_067, 256), "tile/2/x001/x234/067");
        assert_eq!(path(1, 273, 112), "tile/1/273.p/112");
        assert_eq!(Tile { level: 0, index: 70_000, width: 1 }.path_of_entries(), "tile/entries/x070/000.p/1");
    }

    #[test]
    fn tiles_give_the_roots_and_proofs_of_the_tree_in_memory() {
        for size in [1, 2, 3, 7, 255, 256, 257, 511, 512, 700, 65_536, 65_793] {
            let (tree, files, edge) = both(size);
            assert_eq!(edge.root(), tree.root(), "{size}");
            assert_eq!(Edge::load(size, reader(&files)), Ok(edge), "{size}");
            let mut tiled = Tiled::new(size, reader(&files));
            for at in [0, 1, size / 3, size / 2, size - 1].into_iter().filter(|at| *at < size) {
                assert_eq!(tiled.prove_inclusion(at).ok(), tree.prove_inclusion(at), "{at} of {size}");
            }
            for old in [0, 1, 2, 3, 128, 255, 256, 257, size / 2, size - 1, size] {
                if old > size {
                    continue;
                }
                let old_root = tree.root_at(old).expect("a size that it had");
                assert_eq!(tiled.root_at(old), Ok(old_root), "{old} of {size}");
                let proof = tiled.prove_consistency(old).expect("every tile is there");
                assert_eq!(tree.root().verify_consistency(&old_root, &proof), Ok(()), "{old} to {size}");
                assert_eq!(Some(proof), tree.prove_consistency(old), "{old} to {size}");
            }
        }
    }

    #[test]
    fn a_tree_that_is_loaded_from_its_edge_grows_as_one_that_was_never_put_away() {
        let (_, mut files, _) = both(700);
        let (tree, expected, _) = both(1_500);
        let mut edge = Edge::load(700, reader(&files)).expect("every tile is there");
        for n in 700..1_500 {
            edge.push(leaf_hash(&leaf(n)), |tile, hashes| drop(files.insert(tile.path(), hashes.to_vec())));
        }
        files.extend(edge.partial().map(|(tile, hashes)| (tile.path(), hashes.to_vec())));
        assert_eq!(edge.root(), tree.root());
        assert!(expected.iter().all(|(path, hashes)| files.get(path) == Some(hashes)));
    }

    #[test]
    fn a_tile_that_is_missing_or_short_is_an_error_and_never_a_hash() {
        let (_, mut files, _) = both(700);
        files.get_mut("tile/0/002.p/188").expect("a partial tile").pop();
        let short = Err(WrongWidth(Tile { level: 0, index: 2, width: 188 }));
        assert_eq!(Tiled::new(700, reader(&files)).root_at(700), short);
        assert_eq!(Edge::load(700, reader(&files)).map(|edge| edge.root()), short);
        files.remove("tile/1/000.p/2");
        let gone = Tiled::new(700, reader(&files)).root_at(512);
        assert_eq!(gone, Err(WrongWidth(Tile { level: 1, index: 0, width: 2 })));
    }
}
