//! Who plays: honest clients with open-loop load, tenants' connectors, and attackers with declared capabilities.

pub mod applicant;
pub mod attacker;
pub mod broker;
pub mod client;
pub mod connector;
pub mod courier;
pub mod defector;
pub mod device;
pub mod event_flood;
pub mod flood;
pub mod hoard;
pub mod insider;
pub mod intruder;
pub mod librarian;
pub mod loot;
pub mod pod;
pub mod presence;
pub mod relations;
pub mod session;
pub mod snoop;
pub mod surfer;
pub mod tenants_file;

pub use applicant::Applicant;
pub use attacker::{Attacker, Event, Kit, Script};
pub use client::{Client, ClientSpec, Habit};
pub use connector::{Connector, ConnectorSpec};
pub use defector::Defector;
pub use event_flood::EventFlood;
pub use flood::Flood;
pub use hoard::Hoard;
pub use insider::{Insider, Wish};
pub use intruder::{Intruder, bearer};
pub use librarian::{Chore, Librarian};
pub use loot::Loot;
pub use pod::{Call, Errand, Pod};
pub use snoop::Snoop;
