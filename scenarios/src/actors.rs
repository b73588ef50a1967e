//! Who plays: honest clients with open-loop load, and attackers with declared capabilities.

pub mod attacker;
pub mod client;
pub mod defector;
pub mod flood;
pub mod hoard;
pub mod intruder;
pub mod loot;
pub mod pod;

pub use attacker::{Attacker, Event, Kit, Script};
pub use client::{Client, ClientSpec, Habit};
pub use defector::Defector;
pub use flood::Flood;
pub use hoard::Hoard;
pub use intruder::{Intruder, bearer};
pub use loot::Loot;
pub use pod::Pod;
