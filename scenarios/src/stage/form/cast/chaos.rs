//! Who is there in the engine forms of scenarios in which something fails.

use super::super::groups::{
    CANARY_NODES, DOOR_A, DOOR_B, LOAD_NODES, LOG_A, OFFLINE, PIPELINES_NODES, PUBLISHED, REPLICA_NODES,
    SPILLOVER_NODES, STALE_A, STALE_B, TWO_CLUSTERS,
};
use super::super::{Form, Part, Row};
use super::{form, part};

/// In order of name.
pub(super) const ROWS: &[Row] = &[
    (
        "chaos/agent-crash",
        form(&[part(
            "crash",
            &[DOOR_A, &["cell-a/siem", "client/acme", "attacker/unsent"]],
            &["agent-crash.answered-shortly-before"],
        )]),
    ),
    (
        "chaos/ca-outage",
        form(&[
            part(
                "home",
                &[DOOR_A, &["client/acme", "attacker/revoked-at-home"]],
                &["ca-outage.dialled-at-home", "ca-outage.certificate-died"],
            ),
            part(
                "abroad",
                &[DOOR_B, &["client/beta", "cell-a/mesh-ca", "attacker/revoked-abroad"]],
                &["ca-outage.dialled-abroad"],
            ),
        ]),
    ),
    (
        "chaos/cache-loss",
        form(&[
            part("lost", &[DOOR_A, &["cell-a/cache", "client/acme", "client/acme-corp"]], &["cache-loss.read-lost"]),
            part("slow", &[DOOR_B, &["cell-b/cache", "client/beta", "client/delta"]], &["cache-loss.read-slow"]),
        ]),
    ),
    ("chaos/canary-rollback", Err(CANARY_NODES)),
    (
        "chaos/cell-loss",
        form(&[part(
            "lost",
            &[DOOR_A, &["client/acme", "cell-b/app-1", "attacker/failover-abroad"]],
            &["cell-loss.noticed", "cell-loss.asked"],
        )]),
    ),
    (
        "chaos/clock-skew",
        form(&[part(
            "clocks",
            &[DOOR_A, &["client/acme", "attacker/kept"]],
            &["clock-skew.token-from-ahead", "clock-skew.certificate-renewed", "clock-skew.old-token-shown"],
        )]),
    ),
    (
        "chaos/config-partition",
        Ok(Form {
            parts: &[part(
                "withdrawn",
                &[DOOR_B, &["cell-b/gitops", "cell-a/mesh-ca", "cell-a/gitops", "attacker/withdrawn"]],
                &["config.withdrawal-approved", "config.refused-past-bound"],
            )],
            lacks: &[("config.granted-served", PIPELINES_NODES)],
        }),
    ),
    (
        "chaos/disk-faults",
        form(&[
            part(
                "rotten-log",
                &[DOOR_A, &["cell-a/postgres-2", "client/acme", "client/acme-corp"]],
                &["disk-faults.rotten-log"],
            ),
            part(
                "lost-sync",
                &[DOOR_B, &["cell-b/postgres-2", "client/beta", "client/delta"]],
                &["disk-faults.lost-sync"],
            ),
            part("rotten-events", &[DOOR_A, LOG_A, &["cell-a/kafka-2", "client/acme"]], &["disk-faults.rotten-events"])
                .sparing(&["cell-a/postgres-1"]),
        ]),
    ),
    ("chaos/event-spillover", Err(SPILLOVER_NODES)),
    (
        "chaos/graph-loss",
        form(&[
            part(
                "told-late",
                &[DOOR_A, &["cell-a/graph", "cell-a/graph-sync", "client/acme"]],
                &["graph-loss.graph-was-down", "graph-loss.redelivered"],
            ),
            part(
                "lost-sync",
                &[DOOR_B, &["cell-b/graph", "cell-b/graph-sync", "client/beta"]],
                &["graph-loss.drifted"],
            ),
        ]),
    ),
    (
        "chaos/graph-replica",
        Ok(Form {
            parts: &[part(
                "asks",
                &[DOOR_B, &["cell-b/graph-replica", "client/beta"], &["attacker/foreign", "attacker/writer"]],
                &["replica.foreign-asked", "replica.write-tried", "replica.read"],
            )],
            lacks: &[
                ("replica.bound-changed", REPLICA_NODES),
                ("replica.behind", REPLICA_NODES),
                ("replica.database-came-back", REPLICA_NODES),
            ],
        }),
    ),
    (
        "chaos/idp-outage",
        form(&[
            part(
                "down",
                &[DOOR_A, &["client/acme", "attacker/broken-proxy", "attacker/unheard"]],
                &["idp-outage.stolen-key-shown", "idp-outage.garbage-answered"],
            ),
            part("late", &[DOOR_B, &["client/beta", "attacker/late"]], &["idp-outage.stolen-key-shown-to-late"]),
        ]),
    ),
    (
        "chaos/intercell-partition",
        Ok(Form {
            parts: &[part(
                "leader",
                &[DOOR_A, LOG_A, &["cell-a/kafka-2", "client/acme"]],
                &["partition.event-retried", "partition.event-at-lonely-leader"],
            )],
            lacks: &[("partition.mirror-behind", TWO_CLUSTERS)],
        }),
    ),
    (
        "chaos/key-rotation",
        form(&[part(
            "keys",
            &[DOOR_A, &["client/acme", "client/acme-corp", "attacker/retired"]],
            &["rotation.key-announced", "rotation.retired-key-shown"],
        )]),
    ),
    ("chaos/load-ramp", Err(LOAD_NODES)),
    ("chaos/logical-replica", form(LOGICAL_REPLICA)),
    ("chaos/mirror-loop", Err(TWO_CLUSTERS)),
    (
        "chaos/offline-bundle-attacks",
        form(&[
            part(
                "transfers",
                &[OFFLINE, &["attacker/courier", "attacker/porter", "attacker/uplink", "attacker/guest-courier"]],
                &[
                    "offline.staged-on-a-later-day",
                    "offline.file-altered",
                    "offline.signed-by-a-stranger",
                    "offline.key-self-certified",
                    "offline.key-of-another-day",
                    "offline.replayed",
                    "offline.out-of-order",
                    "offline.file-missing",
                    "offline.of-another-tenant",
                    "offline.released-by-one",
                    "offline.token-self-made",
                    "offline.key-withheld",
                ],
            ),
            part(
                "others",
                &[OFFLINE, &["attacker/courier", "attacker/porter", "attacker/other-courier", "attacker/lone"]],
                &["offline.for-another-cell", "offline.one-at-the-desk"],
            ),
            part(
                "residents",
                &[OFFLINE, &["attacker/courier", "attacker/old", "attacker/report", "attacker/own"]],
                &["offline.backlog-plugged-in", "offline.report-asked", "offline.own-served"],
            ),
            part(
                "bounds",
                &[OFFLINE, &["attacker/courier", "attacker/withdrawn", "attacker/clearance", "attacker/revoked"]],
                &["offline.withdrawn-asked", "offline.above-clearance-asked", "offline.revoked-asked"],
            ),
            part("age", &[OFFLINE, &["attacker/courier", "attacker/stale"]], &["offline.stale-asked"]),
        ]),
    ),
    ("chaos/poison-event", Err(TWO_CLUSTERS)),
    (
        "chaos/primary-failover",
        form(&[
            part(
                "deposed",
                &[DOOR_A, &["cell-a/postgres-2", "client/acme", "client/acme-corp"]],
                &["failover.asked-deposed"],
            ),
            part(
                "unshipped",
                &[DOOR_B, &["cell-b/postgres-2", "client/beta", "client/delta"]],
                &["failover.asked-unshipped"],
            ),
        ]),
    ),
    (
        "chaos/retry-storm",
        form(&[
            part("late", &[DOOR_A, &["client/acme", "client/acme-corp"]], &["retry-storm.waited-in-vain"]),
            part("lost", &[DOOR_B, &["client/beta", "attacker/lost-answers"]], &["retry-storm.write-repeated"]),
        ]),
    ),
    ("chaos/rotten-standby", form(ROTTEN_STANDBY)),
    (
        "chaos/slow-dependency",
        form(&[
            part(
                "graph",
                &[DOOR_B, &["cell-b/graph", "client/beta", "client/delta", "attacker/neighbours"]],
                &["slow-dependency.waited-for-graph", "slow-dependency.customer-waited"],
            ),
            part("agent", &[DOOR_A, &["client/acme", "attacker/late-agent"]], &["slow-dependency.undecided"]),
        ]),
    ),
    (
        "chaos/stale-policy",
        form(&[
            part("cut-off", &[DOOR_A, &STALE_A], &["stale.asked-when-cut-off"]),
            part("old-news", &[DOOR_B, &STALE_B], &["stale.asked-on-old-news"]),
            part("unanswered", &[DOOR_B, &["client/delta", "attacker/unanswered"]], &["stale.unanswered"]),
        ]),
    ),
];

/// A standby that is alone with a rotten log.
const ROTTEN_STANDBY: &[Part] =
    &[part("alone", &[DOOR_A, &["cell-a/postgres-2", "client/acme", "client/acme-corp"]], &["rotten-standby.alone"])];

/// A replica of another cell's devices: those who read it, and a successor of its publisher.
const LOGICAL_REPLICA: &[Part] = &[
    part(
        "reports",
        &[PUBLISHED, &["attacker/read", "attacker/stale", "attacker/foreign", "attacker/planted"]],
        &[
            "replica.bound-written",
            "replica.moved-out",
            "replica.all-asked",
            "replica.row-planted",
            "replica.asked-while-apart",
            "replica.lagged",
            "replica.slot-given-up",
            "replica.served",
        ],
    )
    .sparing(&["cell-a/postgres-1"]),
    part(
        "successor",
        &[PUBLISHED, &["cell-a/postgres-2", "attacker/read"]],
        &["replica.unshipped-written", "replica.successor-asked"],
    ),
];
