//! Tests of the tree against the vectors that Certificate Transparency logs share, and against an RFC 6962 §2.1 of our
//! own, written down as recursion.

use super::*;
use proptest::prelude::*;

/// The eight leaves of the vectors (google/certificate-transparency `merkletree`, transparency-dev/merkle).
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

/// Roots of the first n leaves.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn tree(leaves: &[&[u8]]) -> Tree {
    let mut tree = Tree::new();
    for leaf in leaves {
        tree.append(*leaf);
    }
    tree
}

/// Leaves that differ, as many as wanted.
fn numbered(size: u64) -> Tree {
    let mut tree = Tree::new();
    for n in 0..size {
        tree.append(n.to_le_bytes().as_slice());
    }
    tree
}

/// MTH of RFC 6962 §2.1, letter by letter.
fn merkle_tree_hash(leaves: &[&[u8]]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => Digest::of_parts(&[b"\x00", leaf]),
        _ => {
            let k = (leaves.len() - 1).checked_ilog2().map_or(1, |log| 1 << log);
            let (left, right) = leaves.split_at(k);
            Digest::of_parts(&[b"\x01", &merkle_tree_hash(left).0, &merkle_tree_hash(right).0])
        }
    }
}

#[test]
fn roots_are_those_of_certificate_transparency() {
    let whole = tree(&LEAVES);
    for (n, root) in ROOTS.iter().enumerate() {
        let part = tree(&LEAVES[..n]);
        assert_eq!(part.root().hash.to_string(), *root, "{n} leaves");
        assert_eq!(whole.root_at(n as u64), Some(part.root()));
        assert_eq!(merkle_tree_hash(&LEAVES[..n]), part.root().hash);
    }
    assert_eq!(Tree::new().root(), Root::empty());
    assert_eq!(whole.root_at(9), None);
    assert_eq!(whole.leaf(3).map(|leaf| &leaf[..]), Some(LEAVES[3]));
    assert_eq!(whole.leaf(8), None);
}

#[test]
fn audit_paths_are_those_of_certificate_transparency() {
    let check = |size: usize, index: u64, path: &[&str]| {
        let tree = tree(&LEAVES[..size]);
        let proof = tree.prove_inclusion(index).unwrap();
        assert_eq!(proof.path.iter().map(Digest::to_string).collect::<Vec<_>>(), path, "leaf {index} of {size}");
        assert_eq!(tree.root().verify_inclusion(LEAVES[index as usize], &proof), Ok(()));
    };
    check(1, 0, &[]);
    check(2, 1, &[ROOTS[1]]);
    check(3, 2, &[ROOTS[2]]);
    check(
        8,
        0,
        &[
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    );
    check(
        8,
        5,
        &[
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    );
}

#[test]
fn consistency_paths_are_those_of_certificate_transparency() {
    let check = |old: usize, new: usize, path: &[&str]| {
        let (before, after) = (tree(&LEAVES[..old]), tree(&LEAVES[..new]));
        let proof = after.prove_consistency(old as u64).unwrap();
        assert_eq!(proof.path.iter().map(Digest::to_string).collect::<Vec<_>>(), path, "{old} to {new}");
        assert_eq!(after.root().verify_consistency(&before.root(), &proof), Ok(()));
    };
    check(0, 0, &[]);
    check(0, 8, &[]);
    check(1, 1, &[]);
    check(
        2,
        5,
        &[
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    );
    check(
        6,
        8,
        &[
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    );
}

#[test]
fn a_node_cannot_be_passed_off_as_a_leaf() {
    let four = tree(&LEAVES[..4]);
    let pair = [tree(&LEAVES[..1]).root().hash, Digest::of_parts(&[b"\x00", LEAVES[1]])];
    let right = four.prove_inclusion(0).unwrap().path[1];
    let forged = InclusionProof { index: 0, size: 2, path: vec![right] };
    let root = Root { size: 2, hash: four.root().hash };
    assert_eq!(root.verify_inclusion(&[pair[0].0, pair[1].0].concat(), &forged), Err(ProofError::WrongHash));
}

#[test]
fn proofs_of_nothing_and_of_too_much_are_refused() {
    let five = tree(&LEAVES[..5]);
    assert_eq!(five.prove_inclusion(5), None);
    assert_eq!(five.prove_consistency(6), None);
    let good = five.prove_inclusion(1).unwrap();
    let check = |proof: InclusionProof, root: Root, expected| {
        assert_eq!(root.verify_inclusion(LEAVES[1], &proof), Err(expected), "{proof:?}");
    };
    check(InclusionProof { size: 6, ..good.clone() }, five.root(), ProofError::WrongSize);
    check(InclusionProof { index: 5, ..good.clone() }, five.root(), ProofError::OutOfRange);
    check(InclusionProof { index: u64::MAX, ..good.clone() }, five.root(), ProofError::OutOfRange);
    check(InclusionProof { path: Vec::new(), ..good.clone() }, five.root(), ProofError::WrongLength);
    check(InclusionProof { index: 0, ..good.clone() }, five.root(), ProofError::WrongHash);
    for size in [SIZE_MAX, SIZE_MAX + 1, u64::MAX] {
        let root = Root { size, hash: five.root().hash };
        assert!(root.verify_inclusion(LEAVES[1], &InclusionProof { size, ..good.clone() }).is_err());
        let proof = ConsistencyProof { old_size: 5, new_size: size, path: good.path.clone() };
        assert!(root.verify_consistency(&five.root(), &proof).is_err());
    }
    check(InclusionProof { index: 0, size: 0, path: Vec::new() }, Root::empty(), ProofError::OutOfRange);
}

#[test]
fn a_false_empty_tree_begins_nothing() {
    let forged = Root { size: 0, hash: Digest::ZERO };
    let check = |new: Root, old: Root, path: Vec<Digest>, expected| {
        let proof = ConsistencyProof { old_size: old.size, new_size: new.size, path };
        assert_eq!(new.verify_consistency(&old, &proof), expected);
    };
    check(tree(&LEAVES).root(), forged, Vec::new(), Err(ProofError::WrongHash));
    check(forged, Root::empty(), Vec::new(), Err(ProofError::WrongHash));
    check(forged, forged, Vec::new(), Err(ProofError::WrongHash));
    check(tree(&LEAVES).root(), Root::empty(), vec![Digest::ZERO], Err(ProofError::WrongLength));
    check(Root::empty(), tree(&LEAVES).root(), Vec::new(), Err(ProofError::OutOfRange));
}

/// Flips the bit that `draw` points to among the hashes that make up a proof and its roots.
fn flip(hashes: &mut [&mut Digest], draw: prop::sample::Index) {
    let bit = draw.index(hashes.len() * 256);
    hashes[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn roots_follow_the_recursion_of_the_rfc(size in 0_u64..130) {
        let leaves: Vec<[u8; 8]> = (0..size).map(u64::to_le_bytes).collect();
        let leaves: Vec<&[u8]> = leaves.iter().map(<[u8; 8]>::as_slice).collect();
        prop_assert_eq!(numbered(size).root().hash, merkle_tree_hash(&leaves));
    }

    #[test]
    fn inclusion_holds_for_every_leaf_and_for_no_flipped_bit(
        size in 1_u64..200, at in any::<prop::sample::Index>(), draw in any::<prop::sample::Index>(),
    ) {
        let tree = numbered(size);
        let index = at.index(size as usize) as u64;
        let (mut root, mut proof) = (tree.root(), tree.prove_inclusion(index).unwrap());
        prop_assert_eq!(root.verify_inclusion(&index.to_le_bytes(), &proof), Ok(()));
        prop_assert!(root.verify_inclusion(&(index ^ (1 << draw.index(64))).to_le_bytes(), &proof).is_err());

        let moved = InclusionProof { index: index ^ (1 << draw.index(64)), ..proof.clone() };
        prop_assert!(root.verify_inclusion(&index.to_le_bytes(), &moved).is_err());
        let resized = InclusionProof { size: size ^ (1 << draw.index(64)), ..proof.clone() };
        prop_assert!(root.verify_inclusion(&index.to_le_bytes(), &resized).is_err());

        let mut hashes: Vec<&mut Digest> = proof.path.iter_mut().chain([&mut root.hash]).collect();
        flip(&mut hashes, draw);
        prop_assert_eq!(root.verify_inclusion(&index.to_le_bytes(), &proof), Err(ProofError::WrongHash));
    }

    #[test]
    fn consistency_holds_for_every_prefix_and_for_no_flipped_bit(
        size in 1_u64..200, at in any::<prop::sample::Index>(), draw in any::<prop::sample::Index>(),
    ) {
        let tree = numbered(size);
        let old_size = at.index(size as usize) as u64 + 1;
        let (mut old, mut new) = (tree.root_at(old_size).unwrap(), tree.root());
        let mut proof = tree.prove_consistency(old_size).unwrap();
        prop_assert_eq!(new.verify_consistency(&old, &proof), Ok(()));

        let mut hashes: Vec<&mut Digest> = proof.path.iter_mut().chain([&mut old.hash, &mut new.hash]).collect();
        flip(&mut hashes, draw);
        prop_assert_eq!(new.verify_consistency(&old, &proof), Err(ProofError::WrongHash));
    }

    #[test]
    fn a_log_that_was_rewritten_is_inconsistent(size in 2_u64..100, at in any::<prop::sample::Index>()) {
        let honest = numbered(size);
        let victim = at.index(size as usize - 1) as u64;
        let mut rewritten = Tree::new();
        for n in 0..size {
            rewritten.append((n ^ u64::from(n == victim) << 32).to_le_bytes().as_slice());
        }
        for old_size in victim + 1..size {
            let proof = rewritten.prove_consistency(old_size).unwrap();
            let old = honest.root_at(old_size).unwrap();
            prop_assert_eq!(rewritten.root().verify_consistency(&old, &proof), Err(ProofError::WrongHash));
        }
    }
}
