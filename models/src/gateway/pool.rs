//! Which instances of a cell's service answer: one that is dead is passed over, and takes nobody down with it.
//!
//! An instance is told apart from its cell: the cell is down when nobody in it answers, an instance when it alone does
//! not. Both what is asked of it (a probe) and what it refuses (a connection) count.

use sim::NodeId;
use sim::seed::below;

/// So many failures in a row, and an instance gets no more requests: one lost probe is no outage.
const DOWN_AFTER: u32 = 3;
/// So many answered probes in a row bring it back.
const UP_AFTER: u32 = 2;

#[derive(Clone, Debug)]
struct Instance {
    node: NodeId,
    /// Whether it is there at all: others come and go as an autoscaler orders them.
    is_there: bool,
    is_up: bool,
    /// Results in a row that contradict `is_up`.
    against: u32,
}

/// The instances of a cell's service, as the edge knows them.
#[derive(Clone, Debug)]
pub struct Pool {
    instances: Vec<Instance>,
    turn: usize,
    /// Probes in a row that nobody answered, whoever was asked.
    unanswered: usize,
}

impl Pool {
    /// The first `standing` are there, and count as up until something says otherwise.
    pub fn new(nodes: &[NodeId], standing: usize) -> Pool {
        let instance =
            |(i, node): (usize, &NodeId)| Instance { node: *node, is_there: i < standing, is_up: true, against: 0 };
        Pool { instances: nodes.iter().enumerate().map(instance).collect(), turn: 0, unanswered: 0 }
    }

    /// From now on those at these places are there, and no others. One that comes counts as up: whoever says that it is
    /// there has asked it. Says how many are there; a word that leaves nobody changes nothing.
    pub fn keep(&mut self, places: &[u32]) -> u32 {
        let is_kept = |i: usize| places.iter().any(|place| *place as usize == i);
        if (0..self.instances.len()).any(is_kept) {
            for (i, instance) in self.instances.iter_mut().enumerate() {
                if is_kept(i) && !instance.is_there {
                    (instance.is_up, instance.against) = (true, 0);
                }
                instance.is_there = is_kept(i);
            }
        }
        self.there() as u32
    }

    fn there(&self) -> usize {
        self.instances.iter().filter(|i| i.is_there).count()
    }

    /// Whom to probe next: each in turn.
    pub fn next_probe(&mut self) -> NodeId {
        let next = self.turn % self.there();
        self.turn += 1;
        self.instances.iter().filter(|i| i.is_there).nth(next).expect("somebody is always there").node
    }

    /// What an instance did: answered a probe, or left one unanswered or a connection refused. `true` when it went up
    /// or down by it.
    pub fn saw(&mut self, node: NodeId, answered: bool) -> bool {
        let Some(instance) = self.instances.iter_mut().find(|i| i.node == node) else { return false };
        if answered == instance.is_up {
            instance.against = 0;
            return false;
        }
        instance.against += 1;
        let turns = instance.against >= if answered { UP_AFTER } else { DOWN_AFTER };
        if turns {
            instance.is_up = answered;
            instance.against = 0;
        }
        turns
    }

    /// A probe was answered or not: as [`Pool::saw`].
    pub fn probed(&mut self, node: NodeId, answered: bool) -> bool {
        self.unanswered = if answered { 0 } else { self.unanswered + 1 };
        self.saw(node, answered)
    }

    /// Whether nobody answers: each instance was asked since one last did.
    pub fn is_silent(&self) -> bool {
        self.unanswered >= self.there()
    }

    /// The instance that gets a request with this draw: one that is up, or any when none is, because somebody has to
    /// find out that they are back.
    pub fn pick(&self, draw: u64) -> NodeId {
        let there = || self.instances.iter().filter(|i| i.is_there);
        let some_up = there().any(|i| i.is_up);
        let able = || there().filter(|i| i.is_up || !some_up);
        able().nth(below(draw, able().count() as u64) as usize).expect("a draw below their number").node
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NodeId = NodeId(1);
    const TWO: NodeId = NodeId(2);

    fn picked(pool: &Pool) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = (0..64).map(|n| pool.pick(n << 58)).collect();
        nodes.dedup();
        nodes
    }

    #[test]
    fn a_dead_instance_gets_nothing_until_it_has_answered_twice() {
        let mut pool = Pool::new(&[ONE, TWO], 2);
        assert_eq!(picked(&pool), [ONE, TWO]);
        assert!(!pool.saw(ONE, false), "one failure is no outage");
        assert!(!pool.saw(ONE, false));
        assert!(pool.saw(ONE, false));
        assert_eq!(picked(&pool), [TWO]);
        assert!(!pool.saw(ONE, true));
        assert!(!pool.saw(ONE, false), "a failure starts the count again");
        assert!(!pool.saw(ONE, true));
        assert!(pool.saw(ONE, true));
        assert_eq!(picked(&pool), [ONE, TWO]);
    }

    #[test]
    fn with_nobody_up_everybody_is_tried() {
        let mut pool = Pool::new(&[ONE, TWO], 2);
        for node in [ONE, TWO].repeat(3) {
            pool.saw(node, false);
        }
        assert_eq!(picked(&pool), [ONE, TWO]);
    }

    #[test]
    fn a_cell_is_silent_once_everybody_in_it_was_asked_in_vain() {
        let mut pool = Pool::new(&[ONE, TWO], 2);
        let mut probe = |answered| {
            let node = pool.next_probe();
            pool.probed(node, answered);
            pool.is_silent()
        };
        assert_eq!([false, true, false, true].map(&mut probe), [false; 4], "one of two is dead");
        assert_eq!([false, false, false, true].map(probe), [false, true, true, false]);
    }

    #[test]
    fn only_those_who_are_there_are_asked_and_one_that_comes_counts_as_up() {
        let mut pool = Pool::new(&[ONE, TWO], 1);
        assert_eq!(picked(&pool), [ONE]);
        assert_eq!([(); 2].map(|()| pool.next_probe()), [ONE, ONE]);
        assert_eq!([false; 3].map(|answered| pool.saw(TWO, answered)), [false, false, true]);
        assert_eq!(pool.keep(&[0, 1]), 2);
        assert_eq!(picked(&pool), [ONE, TWO]);
        assert_eq!(pool.keep(&[1]), 1);
        assert_eq!(picked(&pool), [TWO]);
        assert_eq!(pool.keep(&[7]), 1, "a word that leaves nobody");
        assert_eq!(picked(&pool), [TWO]);
    }

    #[test]
    fn probes_go_to_each_in_turn() {
        let mut pool = Pool::new(&[ONE, TWO], 2);
        assert_eq!([(); 4].map(|()| pool.next_probe()), [ONE, TWO, ONE, TWO]);
    }
}
