//! Groups of roles that several engine forms have in common, reasons that several have not, and long lists of marks.

/// The way of a request through cell A: gateway, service, policy, database, and who vouches for them.
pub(super) const DOOR_A: &[&str] = &[
    "edge-a",
    "cell-a/idp",
    "cell-a/mesh-ca",
    "cell-a/app-1",
    "cell-a/policy",
    "cell-a/config",
    "cell-a/postgres-1",
    "cell-a/arbiter",
];

/// The same without a database, for those who only publish.
pub(super) const GATE_A: &[&str] =
    &["edge-a", "cell-a/idp", "cell-a/mesh-ca", "cell-a/app-1", "cell-a/policy", "cell-a/config"];

/// The way of a request through cell B.
pub(super) const DOOR_B: &[&str] = &[
    "edge-b",
    "cell-b/idp",
    "cell-b/mesh-ca",
    "cell-b/app-1",
    "cell-b/policy",
    "cell-b/config",
    "cell-b/postgres-1",
    "cell-b/arbiter",
];

/// The smallest cluster that takes events.
pub(super) const LOG_A: &[&str] = &["cell-a/kafka-1", "cell-a/kafka-controller"];
pub(super) const LOG_B: &[&str] = &["cell-b/kafka-1", "cell-b/kafka-controller"];

/// A whole cluster, for those who go to the brokers themselves.
pub(super) const BROKERS_A: &[&str] =
    &["cell-a/mesh-ca", "cell-a/kafka-controller", "cell-a/kafka-1", "cell-a/kafka-2", "cell-a/kafka-3"];
pub(super) const BROKERS_B: &[&str] =
    &["cell-b/mesh-ca", "cell-b/kafka-controller", "cell-b/kafka-1", "cell-b/kafka-2", "cell-b/kafka-3"];

/// What tenants write resources to, and who acts upon them.
pub(super) const KUBE_A: &[&str] = &[
    "cell-a/mesh-ca",
    "cell-a/kube-api",
    "cell-a/admission",
    "cell-a/reporter",
    "cell-a/postgres-1",
    "cell-a/arbiter",
];

/// What has happened once admission has reviewed a resource of each kind.
pub(super) const REVIEWED: &[&str] = &[
    "admission.no-tenant-written",
    "admission.another-tenant-written",
    "admission.changed-to-another",
    "admission.own-served",
];

/// What makes offline bundles, and the cell that lives on them.
pub(super) const OFFLINE: &[&str] = &[
    "cell-a/mesh-ca",
    "cell-a/postgres-1",
    "cell-a/arbiter",
    "cell-a/kafka-1",
    "cell-a/kafka-controller",
    "cell-a/objects",
    "cell-a/exporter",
    "cell-offline/loader",
];

/// A database whose devices are published to a replica in another cell, and those who change them.
pub(super) const PUBLISHED: &[&str] = &[
    "cell-a/mesh-ca",
    "cell-a/postgres-1",
    "cell-a/arbiter",
    "cell-b/mesh-ca",
    "cell-b/postgres-replica",
    "attacker/fleet",
    "attacker/other-fleet",
];

/// Why what is granted to a cell that follows another is not told on twelve nodes.
pub(super) const PIPELINES_NODES: &str =
    "two pipelines, the front door of one cell, who proposes and who waits for what was granted take 13 nodes";

/// Who asks on an old policy, in each cell.
pub(super) const STALE_A: [&str; 3] = ["client/acme", "client/acme-corp", "attacker/cut-off"];
pub(super) const STALE_B: [&str; 3] = ["client/delta", "attacker/withholder", "attacker/old-news"];

/// Why what a replica follows is not told on twelve nodes.
pub(super) const REPLICA_NODES: &str =
    "a service, its database, graph and outbox, and a replica with its mesh in another cell take 13 nodes";

/// Why a load that outgrows what there is is not told on twelve nodes.
pub(super) const LOAD_NODES: &str =
    "a front door of five instances, one that is ordered, their autoscaler and a customer take 15 nodes";

/// Why a release that is a canary first is not told on twelve nodes.
pub(super) const CANARY_NODES: &str =
    "a front door of two instances, the canary, its controller and checker, and two customers take 13 nodes";

/// Why what happens between two clusters is not told on twelve nodes.
pub(super) const TWO_CLUSTERS: &str =
    "two clusters, their mirror, and the service that publishes into one of them take 14 nodes";

/// Why what spills from one cluster to others is not told on twelve nodes.
pub(super) const SPILLOVER_NODES: &str =
    "three clusters, who vouches for them, a producer, and the drains between them take 14 nodes";

/// Draws that say for whom each of these attackers plays, and whom it attacks: `acme`, and its neighbour in the cell.
pub(super) const FUZZ_IN_CELL_A: &[(&str, u64, u64)] = &[
    ("foreign-read", 1, 0),
    ("foreign-read", 2, 0),
    ("list", 1, 0),
    ("list", 2, 0),
    ("planted-row", 1, 0),
    ("planted-row", 2, 0),
    ("stale-setting", 1, 0),
    ("stale-setting", 2, 0),
    ("report", 1, 0),
    ("report", 2, 0),
];
