//! Who is there in the engine form of each scenario.
//!
//! A front door with all that answers behind it takes eight nodes; a database without its standby goes on alone, as its
//! arbiter permits. What is left of twelve are stores, clients and attackers.

use super::groups::{
    BROKERS_A, BROKERS_B, DOOR_A, DOOR_B, FUZZ_IN_CELL_A, GATE_A, KUBE_A, LOG_A, LOG_B, OFFLINE, READ_ONLY_A,
    READ_ONLY_B, READ_ONLY_MARKS_A, REPLICA_NODES, REVIEWED, STALE_A, STALE_B, TWO_CLUSTERS,
};
use super::parts::{EDGE_CACHE, ROTTEN_STANDBY, part};
use super::{Form, Part, Row};

const fn form(parts: &'static [Part]) -> Result<Form, &'static str> {
    Ok(Form { parts, lacks: &[] })
}

/// A row for every scenario, in order of name.
pub(super) const ROWS: &[Row] = &[
    (
        "abuse/cache-flooding",
        form(&[part(
            "flood",
            &[DOOR_A, &["cell-a/cache", "client/acme", "client/acme-corp", "attacker/large-records"]],
            &["hoard.read"],
        )]),
    ),
    ("abuse/edge-cache-poisoning", form(EDGE_CACHE)),
    (
        "abuse/event-flood",
        form(&[
            part(
                "brokers",
                &[BROKERS_A, &["connector/acme", "connector/acme-corp", "attacker/at-the-brokers"]],
                &["flood.at-the-brokers"],
            ),
            part("door", &[DOOR_B, LOG_B, &["client/beta", "attacker/through-the-door"]], &["flood.through-the-door"]),
            part(
                "garbage",
                &[DOOR_A, LOG_A, &["client/acme", "attacker/malformed"]],
                &["flood.garbage-sent", "flood.dead-letter-kept"],
            ),
        ]),
    ),
    (
        "abuse/event-snooping",
        form(&[part(
            "brokers",
            &[
                BROKERS_A,
                &["connector/acme", "connector/acme-corp", "attacker/produce", "attacker/consume"],
                &["attacker/describe", "attacker/offset-commit", "attacker/self-made-service"],
            ],
            &[
                "snoop.produce-heard",
                "snoop.consume-heard",
                "snoop.describe-heard",
                "snoop.commit-heard",
                "snoop.self-made-shown",
            ],
        )]),
    ),
    (
        "abuse/filtered-lists",
        form(&[
            part(
                "rows",
                &[DOOR_A, &["client/acme", "client/acme-corp", "attacker/rows"]],
                &["filter.rows-asked", "filter.permitted-row-listed", "filter.permitted-column-listed"],
            ),
            part("columns", &[DOOR_B, &["client/beta", "attacker/columns"]], &["filter.columns-asked"]),
        ]),
    ),
    (
        "abuse/insider-disables-policy",
        form(&[
            part(
                "names",
                &[DOOR_A, &["cell-a/gitops", "attacker/alone", "attacker/alias", "attacker/robot"]],
                &["insider.alone-proposed", "insider.alias-approved", "insider.robot-approved"],
            ),
            part(
                "files",
                &[DOOR_A, &["cell-a/gitops", "attacker/untested", "attacker/by-hand", "attacker/operator"]],
                &["insider.untested-approved", "insider.replaced-by-hand"],
            ),
            part("reviewed", &[DOOR_A, &["cell-a/gitops", "attacker/reviewed"]], &["insider.reviewed-served"]),
        ]),
    ),
    (
        "abuse/label-and-level",
        form(&[part(
            "records",
            &[DOOR_A, &["client/gamma", "attacker/label", "attacker/level", "attacker/permitted"]],
            &["label.asked", "level.asked", "permitted.asked", "label.permitted-served"],
        )]),
    ),
    (
        "abuse/login-theft",
        form(&[
            part(
                "leaks",
                &[DOOR_A, &["cell-a/portal", "attacker/person", "attacker/leaked-code", "attacker/planted-link"]],
                &["login.leaked-code-brought", "login.planted-link-followed"],
            ),
            part(
                "plants",
                &[DOOR_A, &["cell-a/portal", "attacker/person", "attacker/planted-session", "attacker/planted-end"]],
                &["login.planted-session-used", "login.planted-end-opened"],
            ),
            part(
                "page",
                &[DOOR_A, &["cell-a/portal", "attacker/person", "attacker/page-script"]],
                &["login.page-read"],
            ),
        ]),
    ),
    (
        "abuse/malicious-query",
        form(&[
            part(
                "sql",
                &[DOOR_A, &["cell-a/siem", "attacker/stacked", "attacker/change", "attacker/trick"]],
                &["console.stacked", "console.change", "console.trick", "console.refused"],
            ),
            part(
                "names",
                &[DOOR_A, &["cell-a/siem", "attacker/function", "attacker/table", "attacker/bulk"]],
                &["console.function", "console.table", "console.bulk"],
            ),
            part(
                "cypher",
                &[DOOR_A, &["cell-a/siem", "cell-a/graph", "attacker/procedure", "attacker/endless"]],
                &["console.procedure", "console.endless"],
            ),
            part(
                "changes",
                &[DOOR_A, &["cell-a/siem", "cell-a/graph", "attacker/graph-change", "attacker/honest"]],
                &["console.graph-change", "console.honest-served"],
            ),
        ]),
    ),
    (
        "abuse/query-explosion",
        form(&[
            part("lists", &[DOOR_A, &["client/acme", "attacker/wide", "attacker/deep"]], &["query.wide", "query.deep"]),
            part(
                "names",
                &[DOOR_A, &["client/acme", "attacker/aliases", "attacker/fragments"]],
                &["query.aliases", "query.fragments"],
            ),
        ]),
    ),
    (
        "abuse/request-smuggling",
        form(&[
            part(
                "headers",
                &[DOOR_A, &["client/acme", "attacker/certificate", "attacker/subject"]],
                &["smuggling.certificate-forged", "smuggling.subject-forged"],
            ),
            part(
                "framing",
                &[DOOR_A, &["client/acme", "attacker/hidden-request", "attacker/swallowed-request"]],
                &["smuggling.request-hidden", "smuggling.beginning-hidden"],
            ),
        ]),
    ),
    (
        "abuse/residency-bypass",
        form(&[
            part(
                "doors",
                &[DOOR_B, &["cell-a/idp", "client/beta", "attacker/door-abroad", "attacker/picker"]],
                &["residency.token-at-door-abroad", "residency.tenant-abroad-selected"],
            ),
            part(
                "gateway",
                &[DOOR_B, &["client/beta", "attacker/gateway-abroad"]],
                &["residency.gateway-abroad-dialled"],
            ),
        ]),
    ),
    (
        "abuse/resource-for-another",
        form(&[
            part(
                "orders",
                &[KUBE_A, &["attacker/missing", "attacker/foreign", "attacker/changed", "attacker/own"]],
                REVIEWED,
            ),
            part("dark", &[KUBE_A, &["attacker/unreviewed"]], &["admission.written-unreviewed"]),
        ]),
    ),
    (
        "abuse/session-theft",
        form(&[
            part(
                "access",
                &[DOOR_A, &["cell-a/sentinel", "client/acme", "attacker/owner-1", "attacker/copied-access"]],
                &["session-theft.access-used", "session-theft.owner-back"],
            ),
            part(
                "machine",
                &[DOOR_A, &["cell-a/sentinel", "edge-c", "attacker/owner-2", "attacker/copied-machine"]],
                &["session-theft.used-at-two-places"],
            ),
            part(
                "refresh",
                &[DOOR_A, &["cell-a/sentinel", "client/acme", "attacker/owner-3", "attacker/first-refresh"]],
                &["session-theft.refresh-used-first"],
            ),
            part(
                "both",
                &[DOOR_A, &["cell-a/sentinel", "client/acme", "attacker/owner-4", "attacker/copied-both"]],
                &["session-theft.both-used"],
            ),
        ]),
    ),
    (
        "abuse/tenant-config",
        form(&[
            part(
                "words",
                &[DOOR_A, &["cell-a/gitops", "attacker/unknown-region", "attacker/unknown-label"]],
                &["tenants.region-approved", "tenants.label-approved", "tenants.mistake-told"],
            ),
            part(
                "entries",
                &[DOOR_A, &["cell-a/gitops", "attacker/duplicate-id", "attacker/no-owner", "attacker/of-nobody"]],
                &["tenants.duplicate-approved", "tenants.no-owner-approved"],
            ),
            part(
                "valid",
                &[DOOR_A, &["cell-a/gitops", "attacker/unknown-class", "attacker/half", "attacker/valid"]],
                &["tenants.class-approved", "tenants.half-approved", "tenants.valid-served"],
            ),
        ]),
    ),
    (
        "abuse/tenant-switching",
        form(&[part(
            "picker",
            &[DOOR_A, &["client/acme", "client/gamma", "attacker/walker", "attacker/name-reader"]],
            &["switching.tenant-selected", "switching.foreign-owner-named"],
        )]),
    ),
    (
        "abuse/token-theft",
        form(&[
            part(
                "devices",
                &[DOOR_A, &["attacker/person", "attacker/found-refresh", "attacker/mailed-code"]],
                &["token-theft.refresh-shown", "token-theft.mailed-code-typed"],
            ),
            part(
                "clients",
                &[DOOR_A, &["client/acme", "attacker/other-subject"]],
                &["token-theft.other-subject-asked"],
            ),
        ]),
    ),
    ("canary/foreign-row", form(&[part("lists", &[DOOR_B, &["client/beta"]], &["canary.listed"])])),
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
        "chaos/stale-policy",
        form(&[
            part("cut-off", &[DOOR_A, &STALE_A], &["stale.asked-when-cut-off"]),
            part("old-news", &[DOOR_B, &STALE_B], &["stale.asked-on-old-news"]),
            part("unanswered", &[DOOR_B, &["client/delta", "attacker/unanswered"]], &["stale.unanswered"]),
        ]),
    ),
    (
        "fuzz/cross-tenant",
        form(&[
            part(
                "reads",
                &[DOOR_A, &["client/acme-corp", "attacker/foreign-read", "attacker/list", "attacker/report"]],
                &["fuzz.foreign-read", "fuzz.list", "fuzz.report"],
            )
            .pinning(FUZZ_IN_CELL_A),
            part(
                "writes",
                &[DOOR_A, &["client/acme-corp", "attacker/planted-row", "attacker/stale-setting"]],
                &["fuzz.planted-row", "fuzz.stale-setting"],
            )
            .pinning(FUZZ_IN_CELL_A),
        ]),
    ),
    (
        "ops/read-only",
        form(&[
            part("writes", &[DOOR_A, &READ_ONLY_A], &READ_ONLY_MARKS_A),
            part("reads", &[DOOR_A, &["cell-a/siem", "client/acme", "attacker/watched"]], &["read-only.decided"]),
            part("begin-and-end", &[DOOR_B, &READ_ONLY_B], &["read-only.under-way", "read-only.end-unheard"]),
        ]),
    ),
    (
        "stride/denial-gateway-flood",
        form(&[part("spike", &[DOOR_A, &["client/acme", "client/acme-corp", "attacker/spike"]], &["flood.shot"])]),
    ),
    (
        "stride/disclosure-cache-bleed",
        form(&[
            part(
                "names",
                &[DOOR_A, &["cell-a/cache", "client/acme", "attacker/same-name", "attacker/page"]],
                &["cache.same-name-asked", "cache.crafted-page-asked"],
            ),
            part(
                "successor",
                &[DOOR_A, &["cell-a/cache", "client/gamma", "attacker/successor"]],
                &["cache.former-record-asked"],
            ),
        ]),
    ),
    (
        "stride/disclosure-graph-traversal",
        form(&[
            part(
                "reads",
                &[DOOR_A, &["cell-a/graph", "client/acme", "attacker/label", "attacker/shared-node"]],
                &["graph.label-matched", "graph.shared-node-crossed", "graph.own-served"],
            ),
            part(
                "counts",
                &[DOOR_A, &["cell-a/graph", "attacker/path-count", "attacker/index", "attacker/serial"]],
                &["graph.paths-counted", "graph.index-searched", "graph.serial-tried"],
            ),
            part(
                "procedure",
                &[DOOR_A, &["cell-a/graph", "client/acme", "attacker/procedure"]],
                &["graph.procedure-called"],
            ),
        ]),
    ),
    (
        "stride/disclosure-object-prefix",
        form(&[
            part(
                "names",
                &[DOOR_A, &["cell-a/objects", "attacker/traversal", "attacker/neighbour", "attacker/list"]],
                &["object.out-of-prefix", "object.neighbour-asked", "object.neighbours-listed"],
            ),
            part(
                "archive",
                &[DOOR_A, &["cell-a/objects", "attacker/overwrite", "attacker/delete", "attacker/librarian"]],
                &["object.overwritten", "object.deleted", "object.own-served", "object.own-link-served"],
            ),
            part(
                "links",
                &[DOOR_A, &["cell-a/objects", "attacker/librarian", "attacker/forged", "attacker/leaked"]],
                &["object.link-forged", "object.link-leaked"],
            ),
            part(
                "uses",
                &[DOOR_A, &["cell-a/objects", "attacker/librarian", "attacker/other-object", "attacker/other-method"]],
                &["object.link-moved", "object.link-for-other-method"],
            ),
            part(
                "times",
                &[DOOR_A, &["cell-a/objects", "attacker/librarian", "attacker/late", "attacker/extended"]],
                &["object.link-late", "object.link-extended"],
            ),
        ]),
    ),
    (
        "stride/disclosure-slice",
        form(&[
            part(
                "inward",
                &[DOOR_A, &["client/gamma", "attacker/qualified", "attacker/own-path", "attacker/guess"]],
                &["slice.row-kept", "slice.named-outright", "slice.put-into-path", "slice.login-guessed"],
            ),
            part(
                "outward",
                &[DOOR_A, &["client/acme", "attacker/outward", "attacker/catalogue", "attacker/path"]],
                &["slice.left", "slice.catalogue-read", "slice.creation-asked"],
            ),
            part(
                "cache",
                &[DOOR_A, &["cell-a/cache", "client/gamma", "attacker/database"]],
                &["slice.entry-kept", "slice.database-chosen"],
            ),
        ]),
    ),
    (
        "stride/disclosure-tls-downgrade",
        form(&[
            part(
                "edge",
                &[DOOR_A, &["client/acme", "attacker/old-client", "attacker/traveller", "attacker/stripped"]],
                &["tls.old-client-at-edge", "tls.offer-stripped"],
            ),
            part(
                "brokers",
                &[BROKERS_A, &["connector/acme", "attacker/old-consumer", "attacker/old-producer"]],
                &["tls.old-consumer-at-broker", "tls.old-producer-at-broker"],
            ),
        ]),
    ),
    (
        "stride/elevation-pod-to-admin",
        form(&[part(
            "certificates",
            &[DOOR_A, &["client/acme", "attacker/app-pod", "attacker/auditor", "attacker/operator"]],
            &["elevation.app-pod-dialled", "elevation.auditor-dialled", "elevation.operator-served"],
        )]),
    ),
    (
        "stride/repudiation-audit-topics",
        form(&[
            part(
                "swapped",
                &[GATE_A, LOG_A, &["cell-a/witness", "client/acme", "connector/acme"]],
                &["repudiation.swapped"],
            ),
            part(
                "erased",
                &[GATE_A, LOG_A, &["cell-a/witness", "client/acme-corp", "connector/acme-corp"]],
                &["repudiation.erased"],
            ),
            part(
                "truncated",
                &[GATE_A, LOG_A, &["cell-a/witness", "client/gamma", "connector/gamma"]],
                &["repudiation.truncated"],
            ),
            part(
                "requests",
                &[BROKERS_B, &["cell-b/witness", "connector/beta", "attacker/delete-by-request"]],
                &["repudiation.delete-heard"],
            ),
        ]),
    ),
    (
        "stride/repudiation-sensitive-query",
        form(&[
            part(
                "lost",
                &[DOOR_A, &["cell-a/siem", "attacker/between", "attacker/dropped"]],
                &["repudiation.decisions-dropped"],
            ),
            part(
                "altered",
                &[DOOR_B, &["cell-b/siem", "attacker/editor", "attacker/altered", "attacker/one-trace"]],
                &["repudiation.decisions-altered", "repudiation.trace-repeated"],
            ),
        ]),
    ),
    (
        "stride/spoofing-rogue-workload",
        form(&[
            part(
                "certificates",
                &[DOOR_A, &["client/acme", "attacker/self-signed", "attacker/dead-svid"]],
                &["rogue.self-signed-shown", "rogue.dead-svid-shown"],
            ),
            part(
                "names",
                &[DOOR_A, &["client/acme", "attacker/other-domain", "attacker/other-service"]],
                &["rogue.other-domain-shown", "rogue.other-service-shown"],
            ),
        ]),
    ),
    (
        "stride/spoofing-stolen-token",
        form(&[
            part(
                "stolen",
                &[DOOR_A, &["client/acme", "attacker/replayed", "attacker/header", "attacker/cookie"]],
                &["spoofing.replayed-token", "spoofing.tenant-header", "spoofing.tenant-cookie"],
            ),
            part(
                "forged",
                &[DOOR_A, &["client/acme", "attacker/edited", "attacker/alg-none", "attacker/hs256"]],
                &["spoofing.edited-token", "spoofing.alg-none-token", "spoofing.hs256-token"],
            ),
            part(
                "misused",
                &[DOOR_A, &["partner/idp", "client/acme", "attacker/partner", "attacker/audience"]],
                &["spoofing.partner-issuer", "spoofing.other-audience"],
            ),
            part(
                "once-genuine",
                &[DOOR_A, &["client/acme", "attacker/expired", "attacker/too-early", "attacker/revoked"]],
                &["spoofing.expired-token", "spoofing.early-token", "spoofing.revoked-token"],
            ),
            part("abroad", &[DOOR_B, &["cell-a/idp", "client/beta", "attacker/abroad"]], &["spoofing.token-abroad"]),
        ]),
    ),
    (
        "stride/tampering-intercell-events",
        Ok(Form {
            parts: &[part(
                "events",
                &[DOOR_A, LOG_A, &["client/acme", "attacker/malformed"]],
                &["tampering.no-event-sent", "tampering.bound-event-kept"],
            )],
            lacks: &[("tampering.batch-altered", TWO_CLUSTERS)],
        }),
    ),
    (
        "stride/tampering-policy-bundle",
        form(&[part(
            "bundles",
            &[DOOR_A, &["attacker/mirror", "attacker/foreign-signed", "attacker/altered", "attacker/rolled-back"]],
            &["bundle.foreign-signed", "bundle.altered", "bundle.rolled-back"],
        )]),
    ),
];
