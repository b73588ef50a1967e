//! The on/off set of a run's controls: fixed before the run, read through the context, never changed by it.
//!
//! The kernel knows a control only by its slot; what it protects is said where it is enforced. Asking is recorded,
//! because "the control was never consulted" is itself a verdict (*not involved*).

use std::cell::{Cell, RefCell};

/// How many controls a product can have. A set is a plain array of bits, so asking costs a shift and a mask.
pub const CONTROLS_MAX: usize = 256;

/// A mechanism that upholds requirements, and can be switched off.
///
/// Declared as a `const` in the file that enforces it. Off removes exactly one check or one key component; it never
/// becomes *allow all*.
#[derive(Debug)]
pub struct Control {
    /// Stable name, `component.check`.
    pub id: &'static str,
    /// Position in a [`ControlSet`]; derived from the generated list of ids.
    pub slot: u16,
    /// The requirements of the catalogue that it upholds.
    pub upholds: &'static [&'static str],
    /// What the system does without it, and which real misconfiguration that equals.
    pub off: &'static str,
}

/// A set of controls, by slot.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ControlSet([u64; CONTROLS_MAX / 64]);

impl ControlSet {
    /// The empty set.
    pub const EMPTY: ControlSet = ControlSet([0; CONTROLS_MAX / 64]);

    /// The set with one more member.
    #[must_use]
    pub fn with(mut self, slot: u16) -> ControlSet {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
        self
    }
    /// Whether `slot` is a member.
    pub fn contains(&self, slot: u16) -> bool {
        self.0[slot as usize / 64] >> (slot % 64) & 1 == 1
    }
    /// Members in ascending order of slot.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..CONTROLS_MAX as u16).filter(|s| self.contains(*s))
    }
}

/// The controls of one run: which are off, and which were asked for.
#[derive(Debug, Default)]
pub struct Controls {
    off: ControlSet,
    consulted: Cell<ControlSet>,
    asked: Option<RefCell<Vec<u16>>>,
}

impl Controls {
    /// Every control on, except those in `off`.
    pub fn with_off(off: ControlSet) -> Controls {
        Controls { off, ..Controls::default() }
    }
    /// The same, which also notes the order in which controls are asked for: see [`Controls::take_asked`].
    #[must_use]
    pub fn noting(mut self, noting: bool) -> Controls {
        self.asked = noting.then(RefCell::default);
        self
    }
    /// Every control on.
    pub fn all_on() -> Controls {
        Controls::default()
    }
    /// Whether `control` is on in this run. Ask only where the answer decides something: asking is recorded.
    #[inline]
    pub fn on(&self, control: &Control) -> bool {
        self.consulted.set(self.consulted.get().with(control.slot));
        if let Some(asked) = &self.asked {
            asked.borrow_mut().push(control.slot);
        }
        !self.off.contains(control.slot)
    }
    /// The controls that were asked for so far.
    pub fn consulted(&self) -> ControlSet {
        self.consulted.get()
    }
    /// The controls that were asked for since the last call, each once, in the order of the last question; none unless
    /// they are noted.
    pub fn take_asked(&self) -> Vec<u16> {
        let Some(asked) = &self.asked else { return Vec::new() };
        let all = std::mem::take(&mut *asked.borrow_mut());
        let is_last = |(i, slot): &(usize, &u16)| !all[i + 1..].contains(slot);
        all.iter().enumerate().filter(is_last).map(|(_, slot)| *slot).collect()
    }
    /// The controls that are off in this run.
    pub fn off(&self) -> ControlSet {
        self.off
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const FIRST: Control = Control { id: "test.first", slot: 0, upholds: &[], off: "" };
    const LAST: Control = Control { id: "test.last", slot: 255, upholds: &[], off: "" };

    #[test]
    fn off_controls_answer_no_and_every_question_is_recorded() {
        let controls = Controls::with_off(ControlSet::EMPTY.with(LAST.slot));
        assert_eq!(controls.consulted(), ControlSet::EMPTY);
        assert!(controls.on(&FIRST));
        assert!(!controls.on(&LAST));
        assert_eq!(controls.consulted().iter().collect::<Vec<_>>(), [0, 255]);
        assert!(controls.take_asked().is_empty(), "nothing is noted unless it was wanted");
    }

    #[test]
    fn the_order_of_the_last_questions_is_noted_and_taken_once() {
        let controls = Controls::all_on().noting(true);
        assert!(controls.on(&FIRST) && controls.on(&LAST) && controls.on(&FIRST));
        assert_eq!(controls.take_asked(), [255, 0]);
        assert!(controls.take_asked().is_empty());
    }
}
