//! How long a message is on its way: quantile tables in integers, so that two machines draw the same latency.

use super::read::{Reader, Table};
use super::tree::{At, Node};
use serde::Serialize;
use sim::Duration;

/// One-way latencies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Links {
    /// Between two nodes of a cell.
    pub intra_cell: Quantiles,
    /// Between two cells.
    pub inter_cell: Quantiles,
    /// Between a client and its edge gateway.
    pub edge: Quantiles,
}

impl Links {
    pub(super) fn read(r: &mut Reader, mut t: Table) -> Links {
        let intra_cell = Quantiles::read(r, &mut t, "intra_cell");
        let inter_cell = Quantiles::read(r, &mut t, "inter_cell");
        let edge = Quantiles::read(r, &mut t, "edge");
        t.finish(r);
        Links { intra_cell, inter_cell, edge }
    }
}

/// A distribution as points of its quantile function, straight lines in between.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Quantiles(Vec<(u64, u64)>);

impl Quantiles {
    /// The latency for one draw: `draw` is uniform over all 64-bit numbers.
    pub fn sample(&self, draw: u64) -> Duration {
        // A 32-bit position between 0 and 1 leaves room for the products below.
        let position = (draw >> 32) * 1_000_000;
        let above = self.0.partition_point(|(ppm, _)| *ppm << 32 <= position);
        let (low, high) = (self.0[above - 1], self.0[above]);
        let (run, rise) = ((high.0 - low.0) << 32, (high.1 - low.1) * 1_000);
        let along = u128::from(position - (low.0 << 32)) * u128::from(rise) / u128::from(run);
        Duration::micros(low.1) + Duration::nanos(along as u64)
    }

    /// No draw gives less.
    pub fn least(&self) -> Duration {
        Duration::micros(self.0[0].1)
    }

    /// No draw gives more.
    pub fn most(&self) -> Duration {
        Duration::micros(self.0[self.0.len() - 1].1)
    }

    fn read(r: &mut Reader, t: &mut Table, key: &'static str) -> Quantiles {
        let mut points: Vec<(u64, u64)> = Vec::new();
        let Some(node) = t.get(r, key) else { return Quantiles(points) };
        for item in r.list(node, key) {
            let Some(point) = read_point(r, item) else { continue };
            if let Some(last) = points.last()
                && (point.0 <= last.0 || point.1 < last.1)
            {
                let found = format!("[{}, {}] after [{}, {}]", point.0, point.1, last.0, last.1);
                r.problem(
                    (item.line, item.column),
                    found,
                    "rising parts per million, and microseconds that do not fall",
                );
            }
            points.push(point);
        }
        let ends = (points.first().map(|p| p.0), points.last().map(|p| p.0));
        if ends != (Some(0), Some(1_000_000)) {
            let found = format!("quantiles `{key}` from {:?} to {:?} ppm", ends.0.unwrap_or(0), ends.1.unwrap_or(0));
            r.problem((node.line, node.column), found, "points from 0 to 1000000 ppm");
        }
        Quantiles(points)
    }
}

fn read_point(r: &mut Reader, item: &At<Node>) -> Option<(u64, u64)> {
    let expected = "[parts per million, microseconds]";
    match r.list(item, expected) {
        [ppm, us] => Some((r.integer(ppm, "ppm", 0..=1_000_000), r.integer(us, "µs", 1..=60_000_000))),
        other => {
            if !other.is_empty() {
                r.problem((item.line, item.column), format!("a list of {}", other.len()), expected);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_meets_the_points_of_the_table_and_the_line_between_them() {
        let table = Quantiles(vec![(0, 100), (500_000, 200), (1_000_000, 1_000)]);
        let quarter = 1 << 62;
        assert_eq!(table.sample(0), Duration::micros(100));
        assert_eq!(table.sample(quarter), Duration::micros(150));
        assert_eq!(table.sample(2 * quarter), Duration::micros(200));
        assert_eq!(table.sample(3 * quarter), Duration::micros(600));
        assert!(table.sample(u64::MAX) <= table.most() && table.sample(u64::MAX) > Duration::micros(999));
        assert_eq!((table.least(), table.most()), (Duration::micros(100), Duration::micros(1_000)));
    }
}
