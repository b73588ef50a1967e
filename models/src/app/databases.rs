//! What the application keeps about its databases: which node leads, and a circuit for each.

use super::circuit::Circuit;
use crate::breaker::{FastFail, Outcome, Settings};
use crate::control::Controls;
use sim::{Duration, Instant, NodeId};

/// The database nodes of a cell, and which one is believed to lead. Each has a circuit of its own: when the primary is
/// lost, its successor must not be kept waiting for its sake.
#[derive(Clone, Debug)]
pub struct Databases {
    nodes: Vec<(NodeId, Circuit)>,
    primary: usize,
    patience: Duration,
}

impl Databases {
    /// The first node leads until it says otherwise.
    pub fn new(nodes: Vec<NodeId>, patience: Duration, breaker: Settings) -> Databases {
        let nodes = nodes.into_iter().map(|node| (node, Circuit::new(breaker))).collect();
        Databases { nodes, primary: 0, patience }
    }
    /// Who is believed to lead.
    pub fn primary(&self) -> NodeId {
        self.nodes[self.primary].0
    }
    /// How long an answer may take.
    pub fn patience(&self) -> Duration {
        self.patience
    }
    /// How near the worst of the circuits is to its next opening.
    pub fn pressure(&self) -> u64 {
        self.nodes.iter().map(|(_, circuit)| circuit.pressure()).max().unwrap_or(0)
    }
    /// Whom to ask for a request: who is believed to lead, or else the next whose circuit is not open.
    ///
    /// # Errors
    /// When every circuit is open: how soon one of them may be tried.
    pub fn ask(&mut self, now: Instant, key: u64) -> Result<NodeId, FastFail> {
        let mut soonest = FastFail(Duration(u64::MAX));
        for i in 0..self.nodes.len() {
            let at = (self.primary + i) % self.nodes.len();
            let (node, circuit) = &mut self.nodes[at];
            match circuit.ask(now, key) {
                Ok(()) => return Ok(*node),
                Err(FastFail(after)) => soonest.0 = soonest.0.min(after),
            }
        }
        Err(soonest)
    }
    /// A node answered the request, as a primary does or to say that it is none.
    pub fn answered(&mut self, (now, controls): (Instant, &Controls), key: u64, by: NodeId, leads: bool) {
        self.settle((now, controls), key, by, Outcome::Succeeded);
        if !leads {
            self.turn_from(by);
        } else if let Some(i) = self.nodes.iter().position(|(node, _)| *node == by) {
            self.primary = i;
        }
    }
    /// A node did not answer the request, or could not be reached.
    pub fn failed(&mut self, (now, controls): (Instant, &Controls), key: u64, node: NodeId) {
        self.settle((now, controls), key, node, Outcome::Failed);
        self.turn_from(node);
    }
    /// The next is asked, unless somebody found out before.
    fn turn_from(&mut self, node: NodeId) {
        if self.primary() == node {
            self.primary = (self.primary + 1) % self.nodes.len();
        }
    }
    fn settle(&mut self, at: (Instant, &Controls), key: u64, node: NodeId, outcome: Outcome) {
        if let Some((_, circuit)) = self.nodes.iter_mut().find(|(asked, _)| *asked == node) {
            circuit.settle(at, key, outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NodeId = NodeId(1);
    const TWO: NodeId = NodeId(2);

    /// Plays a story on two nodes, of which `1` leads: a digit asks and expects that node, `x` asks and expects that
    /// nobody is to be asked; `-` the last one asked does not answer, `+` it answers and leads, `>` it answers that it
    /// does not; `s` a second passes.
    fn check(story: &str) {
        let controls = Controls::all_on();
        let mut databases = Databases::new(vec![ONE, TWO], Duration::millis(500), Settings::DEFAULT);
        let (mut now, mut key, mut asked) = (Instant::ZERO, 0, ONE);
        for (at, act) in story.chars().enumerate() {
            match act {
                's' => now += Duration::secs(1),
                '-' => databases.failed((now, &controls), key, asked),
                '+' | '>' => databases.answered((now, &controls), key, asked, act == '+'),
                '1' | '2' | 'x' => {
                    key += 1;
                    let found = databases.ask(now, key).ok();
                    let expected = act.to_digit(10).map(NodeId);
                    assert_eq!(found, expected, "{story} at {at}");
                    asked = found.unwrap_or(asked);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn who_answers_as_a_primary_is_asked_again_and_who_does_not_is_left() {
        check("1+ 1+ 1- 2+ 2+");
        check("1> 2+ 2+ 2> 1>");
    }

    #[test]
    fn a_dead_primary_is_passed_over_once_its_circuit_is_open_and_its_successor_is_not() {
        check("1- 2> 1- 2> 1- 2> 1- 2> 1- 2> 2> 2+ 2+");
    }

    #[test]
    fn when_no_node_answers_nobody_is_asked_until_it_is_time_to_probe() {
        check("1- 2- 1- 2- 1- 2- 1- 2- 1- 2- x x sssss 1+ 1+ 1+ 1- 2+");
    }
}
