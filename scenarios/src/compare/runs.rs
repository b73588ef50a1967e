//! Which runs an engine is to make for a comparison: every part of the forms that are wanted, calm, under the script,
//! and once with a control off, so that engines must also agree on a breach.

use super::{Told, on_kernel, tell};
use crate::catalogue;
use crate::scenario::Scenario;
use crate::stage::form::{self, Part, Set, Weather};
use models::config::Inputs;
use models::saas::Saas;
use sim::control::{Control, ControlSet};
use sim::host::Defect;
use sim::record::AblationVerdict;
use sim::world::Outcome;

/// What is wanted of an engine.
pub struct Wanted {
    /// Scenarios, in order.
    pub scenarios: Vec<&'static Scenario>,
    /// The seed.
    pub seed: u64,
    /// What is to be wrong with the adapter.
    pub defect: Option<Defect>,
}

/// One run that an engine is to make.
pub struct Job {
    /// The world and its luck.
    pub set: Set,
    /// Controls that are off.
    pub off: ControlSet,
    /// The seed.
    pub seed: u64,
    /// What is to be wrong with the adapter.
    pub defect: Option<Defect>,
}

/// A part, the weather, and controls that are off.
type Pass<'a> = ((&'a Scenario, &'a Part), Weather, Vec<&'static Control>);

impl Wanted {
    /// Reads `[SCENARIO…] [--seed N] [--defect lose:N|swap:N] [--planted NAME]`; a scenario may be given by the
    /// beginning of its name. A defect that is named is planted in this process at once.
    ///
    /// # Errors
    /// Says which argument is wrong, and what was expected.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Wanted, String> {
        let mut wanted = Wanted { scenarios: Vec::new(), seed: 1, defect: None };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--seed" => {
                    let text = value()?;
                    wanted.seed = text.parse().map_err(|_| format!("seed `{text}` is no number"))?;
                }
                "--defect" => wanted.defect = Some(value()?.parse()?),
                "--planted" => plant(&value()?)?,
                flag if flag.starts_with('-') => {
                    return Err(format!("there is no option `{flag}`; there are --seed, --defect and --planted"));
                }
                name => match catalogue::ALL.iter().filter(|s| s.name.starts_with(name)).collect::<Vec<_>>() {
                    found if found.is_empty() => return Err(catalogue::find(name).err().unwrap_or_default()),
                    found => wanted.scenarios.extend(found),
                },
            }
        }
        if wanted.scenarios.is_empty() {
            wanted.scenarios.extend(catalogue::ALL);
        }
        Ok(wanted)
    }

    /// Has `run` make every run, and passes on what each told.
    ///
    /// # Errors
    /// A part cannot be set up.
    pub fn each(
        &self,
        engine: &str,
        mut run: impl FnMut(Job) -> Outcome<Saas>,
        mut told: impl FnMut(Told),
    ) -> Result<(), String> {
        let inputs = Inputs::embedded();
        for (who, weather, off) in self.passes() {
            let set = who.1.set(&inputs, who.0, weather, self.seed)?;
            let controls = off.iter().fold(ControlSet::EMPTY, |set, control| set.with(control.slot));
            let job = Job { set, off: controls, seed: self.seed, defect: self.defect };
            told(tell(who, weather, (self.seed, &off), engine, run(job)));
        }
        Ok(())
    }

    /// Makes every run on the kernel, and passes on what each told.
    ///
    /// # Errors
    /// A part cannot be set up.
    pub fn each_on_kernel(&self, mut told: impl FnMut(Told)) -> Result<(), String> {
        let inputs = Inputs::embedded();
        for (who, weather, off) in self.passes() {
            told(on_kernel(&inputs, who, weather, self.seed, &off)?);
        }
        Ok(())
    }

    fn passes(&self) -> impl Iterator<Item = Pass<'_>> {
        let forms = self.scenarios.iter().filter_map(|scenario| Some((*scenario, form::of(scenario).ok()?)));
        let parts = forms.flat_map(|(scenario, form)| form.parts.iter().map(move |part| (scenario, part)));
        parts.flat_map(|who| passes(who.0, who.1).into_iter().map(move |(weather, off)| (who, weather, off)))
    }
}

/// Plants the defect of this name, where the build has any.
fn plant(name: &str) -> Result<(), String> {
    let defect = models::planted::find(name).ok_or_else(|| format!("there is no defect `{name}` to plant"))?;
    #[cfg(feature = "planted")]
    sim::planted::plant(defect);
    if sim::planted::planted().is_some_and(|planted| planted.name == defect.name) {
        return Ok(());
    }
    Err(format!("`{name}` cannot be planted: this needs a build with the feature `planted`"))
}

/// The passes of a part: calm, scripted, and calm without the first control that alone stops one of its attacks.
fn passes(scenario: &Scenario, part: &Part) -> Vec<(Weather, Vec<&'static Control>)> {
    let reached = scenario.variants.iter().filter(|variant| part.marks.contains(&variant.mark));
    let mut sole = reached.flat_map(|variant| variant.controls);
    let sole = sole.find(|expected| expected.verdict == AblationVerdict::SoleBlocker).map(|e| e.control);
    let mut passes = vec![(Weather::Calm, Vec::new()), (Weather::Scripted, Vec::new())];
    passes.extend(sole.map(|control| (Weather::Calm, vec![control])));
    passes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str], expected: Result<usize, &str>) {
        let wanted = Wanted::parse(args.iter().map(|a| (*a).to_owned())).map(|w| w.scenarios.len());
        match (wanted, expected) {
            (Ok(n), Ok(expected)) => assert_eq!(n, expected, "{args:?}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (wanted, expected) => panic!("{args:?}: {wanted:?}, not {expected:?}"),
        }
    }

    #[test]
    fn what_is_wanted_is_read_or_refused_with_a_reason() {
        check(&[], Ok(catalogue::ALL.len()));
        check(&["fuzz/cross-tenant", "--seed", "3", "--defect", "lose:7"], Ok(1));
        check(&["stride/spoofing"], Ok(2));
        check(&["fuzz/cross-tennant"], Err("did you mean \"fuzz/cross-tenant\""));
        check(&["--defect", "eat:7"], Err("lose:N"));
        check(&["--seed"], Err("needs a value"));
        check(&["--sede", "1"], Err("no option"));
        check(&["--planted", "no.such"], Err("no defect `no.such`"));
        if sim::planted::MAY_SIGN {
            check(&["--planted", models::planted::ALL[0].name], Err("feature `planted`"));
        }
    }
}
