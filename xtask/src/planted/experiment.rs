//! Does exploring find rare defects with fewer runs than plain random seeds do?
//!
//! Each defect is looked for in the scenario nearest to it, from several base seeds, once by each. A search that did
//! not find it in its budget counts as more than that many runs, so a median may be unknown; it is then said so.

use super::{Defect, Workbench};
use crate::exit::{Done, Exit};

/// Base seeds of each search.
const BASES: usize = 5;
/// Runs that a search may make.
const RUNS_MAX: u32 = 2_000;
/// Defects that take so many conditions are rare enough to be worth the question.
const RARE: u32 = 3;

/// Runs that the searches of one kind took; `None` where the budget was not enough.
type Took = Vec<Option<u32>>;

/// Compares the two for the rare defects, or for those that were named.
pub fn run(workbench: &Workbench, defects: &[&Defect], named: bool) -> Done {
    println!("{:<34} {:>18} {:>18} {:>7}", "defect", "explore, median", "random, median", "ratio");
    let mut compared = 0;
    for defect in defects.iter().filter(|defect| named || defect.conditions >= RARE) {
        let (bases, runs) = (BASES.to_string(), RUNS_MAX.to_string());
        let mut hunt = workbench.cellproof();
        hunt.args(["hunt", "--planted", &defect.name, "--experiment", &bases, "--runs", &runs]);
        let said = Workbench::said(&mut hunt)?;
        let rows: Option<Vec<_>> = said.lines().map(parse).collect();
        let rows = rows.filter(|rows| rows.len() == BASES);
        let rows = rows.ok_or_else(|| format!("an experiment on {} said: {said}", defect.name))?;
        let (guided, random): (Took, Took) = rows.into_iter().unzip();
        println!("{}", line(&defect.name, &guided, &random));
        compared += 1;
    }
    Ok(if compared == 0 { Exit::Nothing } else { Exit::Fine })
}

/// Reads what one base seed gave: defect, scenario, base, runs of exploring, runs at random.
fn parse(line: &str) -> Option<(Option<u32>, Option<u32>)> {
    let [_, _, _, guided, random] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
    let took = |text: &str| if text == "-" { Some(None) } else { text.parse().ok().map(Some) };
    Some((took(guided)?, took(random)?))
}

/// The middle one; a search that did not find it took longest.
fn median(took: &[Option<u32>]) -> Option<u32> {
    let mut all: Vec<u32> = took.iter().map(|runs| runs.unwrap_or(u32::MAX)).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().filter(|runs| *runs != u32::MAX)
}

fn line(name: &str, guided: &[Option<u32>], random: &[Option<u32>]) -> String {
    let shown = |took: &[Option<u32>]| {
        let found = took.iter().flatten().count();
        let median = median(took).map_or(format!("> {RUNS_MAX}"), |runs| runs.to_string());
        format!("{median} ({found}/{} found)", took.len())
    };
    let ratio = match (median(guided), median(random)) {
        (Some(guided), Some(random)) => format!("{:.1}", f64::from(random) / f64::from(guided.max(1))),
        (Some(guided), None) => format!("> {:.1}", f64::from(RUNS_MAX) / f64::from(guided.max(1))),
        (None, Some(random)) => format!("< {:.1}", f64::from(random) / f64::from(RUNS_MAX)),
        (None, None) => "unknown".into(),
    };
    format!("{name:<34} {:>18} {:>18} {ratio:>7}", shown(guided), shown(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_found_nothing_took_longest() {
        assert_eq!(parse("a.b\tx/y\t1\t17\t-"), Some((Some(17), None)));
        assert_eq!(parse("a.b\tx/y\t1\t17"), None);
        assert_eq!(median(&[Some(9), None, Some(4)]), Some(9));
        assert_eq!(median(&[None, None, Some(4)]), None);
        let shown = line("a.b", &[Some(10), Some(20), Some(30)], &[Some(100), None, None]);
        assert!(shown.ends_with("20 (3/3 found) > 2000 (1/3 found) > 100.0"), "{shown}");
        assert!(line("a.b", &[Some(40)], &[Some(20)]).ends_with("0.5"));
    }
}
