//! One seed, many independent draws.
//!
//! A draw is a pure function of (seed, purpose, cause, n): there is no generator to advance, so nothing that is removed
//! from a run (a request, an attack step, a control) can shift anybody else's luck. ChaCha derives one key per purpose;
//! SipHash-1-3 under that key yields the draw. Both are published functions with pinned crates, the same on every
//! machine.

use crate::chain::Digest;
use crate::choice::{Choice, Choices};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

/// The first seed of a plan whose verifier gave a nonce: who runs it cannot have picked the seeds. Below 2^63,
/// so that a range that begins there does not wrap round.
pub fn base(nonce: &str) -> u64 {
    let digest = Digest::of_parts(&[b"cellproof seed base v1\n", nonce.as_bytes()]);
    let (first, _) = digest.0.split_first_chunk::<8>().expect("a digest is longer");
    u64::from_be_bytes(*first) >> 1
}

/// How many purposes there can be. The first half is the kernel's.
pub const PURPOSES_MAX: usize = 64;

/// What a draw is for. Two purposes never share luck.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Purpose {
    /// Unique number below [`PURPOSES_MAX`].
    pub id: u16,
    /// Name for choice logs.
    pub name: &'static str,
}

impl Purpose {
    /// A purpose; `id` must be unique in the product.
    pub const fn new(id: u16, name: &'static str) -> Purpose {
        assert!((id as usize) < PURPOSES_MAX);
        Purpose { id, name }
    }
}

/// Message latency on a link.
pub const NETWORK: Purpose = Purpose::new(0, "network");
/// What a network fault does to a message.
pub const FAULT: Purpose = Purpose::new(1, "fault");
/// Which faults are on, where, when and how strong.
pub const PLAN: Purpose = Purpose::new(2, "plan");
/// What a crash leaves of unsynced writes, and how long a sync takes.
pub const DISK: Purpose = Purpose::new(3, "disk");
/// Which nodes are healed for the liveness act.
pub const CORE: Purpose = Purpose::new(4, "core");
/// Whether a node is there at all: see [`crate::absence`].
pub const NODE: Purpose = Purpose::new(5, "node");
/// Whether a fault strikes after all, when, and for how long: see [`crate::absence`].
pub const STRIKE: Purpose = Purpose::new(6, "strike");
/// When a run ends: see [`crate::absence`].
pub const END: Purpose = Purpose::new(7, "end");

/// Every purpose of the kernel.
pub const KERNEL: &[Purpose] = &[NETWORK, FAULT, PLAN, DISK, CORE, NODE, STRIKE, END];

/// The causal position of an input: which request started it, and where in the tree of its consequences it stands.
///
/// Both are hashes of structure, never of time or order of arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Lineage {
    /// The request, attack step or background task that started it.
    pub cause: u64,
    /// The branch in the tree of what followed.
    pub path: u64,
}

impl Lineage {
    /// The root of what (`name`, `index`) starts: a client's k-th request, a node's k-th tick.
    pub fn root(name: u64, index: u64) -> Lineage {
        Lineage { cause: mix(name, index), path: 0 }
    }
    /// The k-th consequence.
    #[inline]
    pub fn child(self, k: u64) -> Lineage {
        Lineage { cause: self.cause, path: mix(self.path, k.wrapping_add(1)) }
    }
}

/// Mixes two words (SplitMix64's finaliser): a structural hash, not a draw.
#[inline]
pub const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(25) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A structural hash of a name (FNV-1a, then mixed): the same on every machine.
pub const fn name_hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        h = (h ^ bytes[i] as u64).wrapping_mul(0x0100_0000_01b3);
        i += 1;
    }
    mix(h, bytes.len() as u64)
}

/// All draws of one run.
#[derive(Debug)]
pub struct Draws {
    seed: u64,
    keys: Box<[(u64, u64)]>,
    choices: Choices,
}

impl Draws {
    /// The draws of `seed`, as `choices` overrides them.
    pub fn new(seed: u64, choices: Choices) -> Draws {
        let mut bytes = [0u8; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..17].copy_from_slice(b"cellproof");
        let keys = (0..PURPOSES_MAX as u64).map(|purpose| {
            let mut rng = ChaCha8Rng::from_seed(bytes);
            rng.set_stream(purpose);
            (rng.next_u64(), rng.next_u64())
        });
        Draws { seed, keys: keys.collect(), choices }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Overrides and, when kept, the log of what was drawn.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The draw at (purpose, cause, n): 64 uniform bits, or what the choice map says instead.
    #[inline]
    pub fn draw(&self, purpose: Purpose, cause: u64, n: u64) -> u64 {
        let (k0, k1) = self.keys[purpose.id as usize];
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        hasher.write_u64(cause);
        hasher.write_u64(n);
        let raw = hasher.finish();
        if self.choices.is_idle() { raw } else { self.choices.resolve(Choice { purpose: purpose.id, cause, n }, raw) }
    }

    /// What is no luck and can still be overridden: the choice map's value at this address, or else the usual one.
    #[inline]
    pub fn choose(&self, at: Choice, usual: u64) -> u64 {
        if self.choices.is_idle() { usual } else { self.choices.resolve(at, usual) }
    }
}

/// Scales 64 uniform bits to `0..n` without a division (Lemire). `n` = 0 yields 0.
#[inline]
pub const fn below(draw: u64, n: u64) -> u64 {
    ((draw as u128 * n as u128) >> 64) as u64
}

/// The smallest draw that [`below`] maps to `k` of `n`: what an override must hold to force a pick.
pub const fn forced(k: u64, n: u64) -> u64 {
    (((k as u128) << 64).div_ceil(n as u128)) as u64
}

/// Whether a draw falls within `ppm` parts per million.
#[inline]
pub const fn chance_ppm(draw: u64, ppm: u64) -> bool {
    below(draw, 1_000_000) < ppm
}

/// An integer distribution: values at equally spaced quantiles, interpolated between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quantiles(Box<[u64]>);

impl Quantiles {
    /// A distribution through `values` (ascending, at least one) at quantiles 0, 1/(n-1), …, 1.
    ///
    /// # Panics
    /// When `values` is empty or not ascending.
    pub fn new(values: &[u64]) -> Quantiles {
        assert!(!values.is_empty() && values.is_sorted(), "quantiles must be ascending and not empty");
        Quantiles(values.into())
    }
    /// Always `value`.
    pub fn constant(value: u64) -> Quantiles {
        Quantiles([value].into())
    }
    /// The value at the quantile that 64 uniform bits name.
    #[inline]
    pub fn sample(&self, draw: u64) -> u64 {
        let steps = self.0.len() as u64 - 1;
        if steps == 0 {
            return self.0[0];
        }
        let position = draw as u128 * steps as u128;
        let i = (position >> 64) as usize;
        let fraction = (position as u64) >> 32;
        let (low, high) = (self.0[i], self.0[i + 1]);
        low + (((high - low) as u128 * fraction as u128) >> 32) as u64
    }
    /// The largest value.
    pub fn max(&self) -> u64 {
        self.0[self.0.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nonce_decides_where_seeds_begin_in_a_way_that_anybody_can_compute() {
        assert_eq!(base("n-17"), 7_252_217_174_425_836_844);
        assert_ne!(base("n-17"), base("n-18"));
        assert!((0..1_000).all(|n: u32| base(&n.to_string()) < 1 << 63));
    }

    #[test]
    fn draws_are_pinned_across_versions() {
        let draws = Draws::new(7, Choices::default());
        let got = [draws.draw(NETWORK, 1, 2), draws.draw(FAULT, 1, 2), draws.draw(NETWORK, 2, 1)];
        let again = Draws::new(7, Choices::default());
        assert_eq!(got, [again.draw(NETWORK, 1, 2), again.draw(FAULT, 1, 2), again.draw(NETWORK, 2, 1)]);
        assert_eq!(got[0], PINNED, "the draw function changed: every token of earlier versions is void");
    }
    const PINNED: u64 = 4_156_917_266_384_014_374;

    #[test]
    fn a_quantile_table_stays_inside_its_ends() {
        let q = Quantiles::new(&[10, 20, 100]);
        assert_eq!(q.sample(0), 10);
        assert_eq!(q.sample(1 << 63), 20);
        assert!(q.sample(u64::MAX) <= 100);
        assert_eq!(Quantiles::constant(5).sample(u64::MAX), 5);
    }

    proptest! {
        #[test]
        fn a_forced_pick_is_the_pick(n in 1u64..1_000_000, k in 0u64..1_000_000) {
            prop_assume!(k < n);
            prop_assert_eq!(below(forced(k, n), n), k);
        }
    }
}
