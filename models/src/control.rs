//! How a component declares a control.
//!
//! A control is a `const` in the file that enforces it. Its slot comes from the generated list of ids, looked up while
//! compiling: a control that is not in the list does not build, and says how to refresh it. The controls themselves are
//! listed in [`crate::registry`], on top of all components.

mod ids;

pub use sim::control::{Control, ControlSet, Controls};

/// Slot of the control `id` in the generated list.
///
/// # Panics
/// While compiling, when the list is stale: run `cargo xtask codegen`.
pub const fn slot(id: &str) -> u16 {
    let mut i = 0;
    while i < ids::IDS.len() {
        if same(ids::IDS[i].as_bytes(), id.as_bytes()) {
            return i as u16;
        }
        i += 1;
    }
    panic!("this control is not in models/src/control/ids.rs: run `cargo xtask codegen`")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Declares a control: its id, the requirements it upholds, and what the system does without it.
#[macro_export]
macro_rules! control {
    ($id:literal, upholds: [$($req:literal),+ $(,)?], off: $off:literal $(,)?) => {
        $crate::control::Control {
            id: $id,
            slot: $crate::control::slot($id),
            upholds: &[$($req),+],
            off: $off,
        }
    };
}
