//! What work costs: worker time per operation, capacity per component. The only source of load latency.
//!
//! Operations are a closed list, so a cost is an array access; a model asks by name of the operation, never by text.

use super::read::{Reader, Table};
use serde::Serialize;
use sim::Duration;

macro_rules! components {
    ($($(#[$doc:meta])* $component:ident $name:literal { $($(#[$op_doc:meta])* $op:ident $key:literal,)+ })+) => {
        /// A component that does work.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Component { $($(#[$doc])* $component,)+ }

        impl Component {
            /// Every component, in order of name.
            pub const ALL: &[Component] = &[$(Component::$component,)+];

            /// The component as `platform.toml` names it.
            pub const fn name(self) -> &'static str {
                match self { $(Component::$component => $name,)+ }
            }
        }

        /// Something a component does.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Operation { $($($(#[$op_doc])* $op,)+)+ }

        impl Operation {
            /// Every operation, in order of component.
            pub const ALL: &[Operation] = &[$($(Operation::$op,)+)+];

            /// Which component does it.
            pub const fn component(self) -> Component {
                match self { $($(Operation::$op => Component::$component,)+)+ }
            }
            /// Its key in the component's cost table.
            pub const fn key(self) -> &'static str {
                match self { $($(Operation::$op => $key,)+)+ }
            }
        }
    };
}

components! {
    /// The orchestrator API.
    App "app" {
        /// Handling a REST request.
        AppHandle "handle_us",
        /// Handling a GraphQL request.
        AppGraphql "graphql_us",
    }
    /// Redis.
    Cache "cache" {
        /// A read.
        CacheGet "get_us",
        /// A write.
        CacheSet "set_us",
        /// Making room for one entry.
        CacheEvict "evict_us",
    }
    /// The API gateway, at the edge and in the cell.
    Gateway "gateway" {
        /// Choosing a route.
        GatewayRoute "route_us",
        /// Verifying a token.
        GatewayVerifyToken "verify_token_us",
        /// The firewall's look at a request.
        GatewayInspect "inspect_us",
        /// Asking the limiter.
        GatewayLimit "limit_us",
    }
    /// Neo4j.
    Graph "graph" {
        /// A read.
        GraphRead "read_us",
        /// A write.
        GraphWrite "write_us",
    }
    /// The identity provider.
    Idp "idp" {
        /// Issuing a token.
        IdpIssue "issue_us",
        /// Serving the key set.
        IdpKeys "keys_us",
    }
    /// The event backbone.
    Kafka "kafka" {
        /// Appending a record.
        KafkaProduce "produce_us",
        /// Reading a batch.
        KafkaFetch "fetch_us",
        /// Copying a record to a follower.
        KafkaReplicate "replicate_us",
    }
    /// Sidecars and the mesh CA.
    Mesh "mesh" {
        /// A TLS handshake.
        MeshHandshake "handshake_us",
        /// Sealing or opening a message.
        MeshSeal "seal_us",
        /// Issuing a workload's certificate.
        MeshIssueSvid "issue_svid_us",
    }
    /// The mirror between cells.
    Mirror "mirror" {
        /// Building and sending a batch.
        MirrorBatch "batch_us",
        /// Applying a record.
        MirrorApply "apply_us",
    }
    /// The object store.
    ObjectStore "object_store" {
        /// A read.
        ObjectGet "get_us",
        /// A write.
        ObjectPut "put_us",
    }
    /// Policy agents.
    Policy "policy" {
        /// A decision.
        PolicyDecide "decide_us",
        /// Verifying and loading a bundle.
        PolicyLoadBundle "load_bundle_us",
    }
    /// PostgreSQL.
    Postgres "postgres" {
        /// Opening a transaction.
        PostgresBegin "begin_us",
        /// A query.
        PostgresRead "read_us",
        /// A change.
        PostgresWrite "write_us",
        /// A commit.
        PostgresCommit "commit_us",
    }
    /// The analytical serving layer.
    Serving "serving" {
        /// A query.
        ServingQuery "query_us",
        /// Falling to the next tier.
        ServingFallback "fallback_us",
    }
    /// The store of security events.
    Siem "siem" {
        /// Taking in an entry.
        SiemAppend "append_us",
    }
}

/// Worker time of every operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Costs(Vec<Duration>);

impl Costs {
    /// Worker time of one `operation`.
    pub fn of(&self, operation: Operation) -> Duration {
        self.0[operation as usize]
    }

    /// Changes the cost of one operation, as a stage does.
    pub fn set(&mut self, operation: Operation, cost: Duration) {
        self.0[operation as usize] = cost;
    }

    pub(super) fn read(r: &mut Reader, mut t: Table) -> Costs {
        let mut costs = Vec::with_capacity(Operation::ALL.len());
        for component in Component::ALL {
            let mut table = t.table(r, component.name());
            for operation in Operation::ALL.iter().filter(|o| o.component() == *component) {
                costs.push(table.as_mut().map_or(Duration::ZERO, |table| table.span(r, operation.key())));
            }
            if let Some(table) = table {
                table.finish(r);
            }
        }
        t.finish(r);
        Costs(costs)
    }
}

/// How much a component can work on at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Capacity {
    /// Requests worked on at once.
    pub workers: u32,
    /// Requests that may wait; one more is shed.
    pub queue: u32,
}

impl Capacity {
    /// Reads the two keys `workers` and `queue`, and leaves the rest of the table to the caller.
    pub(super) fn read(r: &mut Reader, t: &mut Table) -> Capacity {
        let workers = t.integer(r, "workers", 1..=65_536) as u32;
        Capacity { workers, queue: t.integer(r, "queue", 0..=1_000_000) as u32 }
    }
}

/// The capacity of every component of one cell.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Capacities(Vec<Capacity>);

impl Capacities {
    /// Changes the capacity of one component, as a stage does.
    pub fn set(&mut self, component: Component, capacity: Capacity) {
        self.0[component as usize] = capacity;
    }

    /// The capacity of `component`.
    pub fn of(&self, component: Component) -> Capacity {
        self.0[component as usize]
    }

    pub(super) fn read(r: &mut Reader, mut t: Table) -> Capacities {
        let mut read = |component: &Component| {
            let Some(mut table) = t.table(r, component.name()) else { return Capacity { workers: 1, queue: 0 } };
            let capacity = Capacity::read(r, &mut table);
            table.finish(r);
            capacity
        };
        let capacities = Component::ALL.iter().map(&mut read).collect();
        t.finish(r);
        Capacities(capacities)
    }
}
