//! Who is there in the engine forms of scenarios of threats by STRIDE.

use super::super::groups::{BROKERS_A, BROKERS_B, DOOR_A, DOOR_B, GATE_A, LOG_A, TWO_CLUSTERS};
use super::super::{Form, Part, Row};
use super::{form, part};

/// In order of name.
pub(super) const ROWS: &[Row] = &[
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
        "stride/disclosure-derived-data",
        form(&[
            part(
                "combined",
                &[DOOR_A, &["client/acme", "attacker/join", "attacker/union", "attacker/cleared"]],
                &["derived.join-asked", "derived.union-asked", "derived.cleared-served"],
            ),
            part(
                "computed",
                &[DOOR_A, &["client/acme", "attacker/aggregate", "attacker/window", "attacker/function"]],
                &["derived.aggregate-asked", "derived.window-asked", "derived.function-asked"],
            ),
            part(
                "chosen",
                &[DOOR_A, &["client/acme", "attacker/choice", "attacker/named"]],
                &["derived.choice-asked", "derived.named-served"],
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
        "stride/disclosure-masked-columns",
        form(&[
            part(
                "columns",
                &[DOOR_A, &["client/acme", "attacker/stored", "attacker/short", "attacker/header"]],
                &["masking.stored-asked", "masking.short-asked", "masking.header-sent"],
            ),
            part(
                "principals",
                &[DOOR_A, &["client/acme", "attacker/unnamed", "attacker/named", "attacker/condition"]],
                &["masking.unnamed-asked", "masking.named-served", "masking.condition-asked"],
            ),
            part(
                "cache",
                &[DOOR_A, &["cell-a/cache", "client/acme", "attacker/cached", "attacker/cleared"]],
                &["masking.after-colleague", "masking.cleared-served"],
            ),
            part(
                "labels",
                &[DOOR_A, &["client/acme", "attacker/unlabelled", "attacker/unmaskable"]],
                &["masking.unlabelled-asked", "masking.unmaskable-asked"],
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
        "stride/disclosure-sql-bypass",
        form(&[
            part(
                "views",
                &[DOOR_A, &["client/acme", "attacker/view", "attacker/condition", "attacker/report"]],
                &["bypass.view-read", "bypass.condition-failed", "bypass.report-read"],
            ),
            part(
                "functions",
                &[DOOR_A, &["client/acme", "attacker/function", "attacker/path", "attacker/own"]],
                &["bypass.function-called", "bypass.path-chosen", "bypass.own-served"],
            ),
            part(
                "tables",
                &[DOOR_A, &["client/acme", "attacker/partition", "attacker/key", "attacker/truncate"]],
                &["bypass.partition-named", "bypass.key-tried", "bypass.truncated"],
            ),
            part("heirs", &[DOOR_A, &["client/acme", "attacker/heir"]], &["bypass.heir-named"]),
            part(
                "references",
                &[DOOR_A, &["client/acme", "attacker/reference", "attacker/cascade", "attacker/eraser"]],
                &["bypass.reference-tried", "bypass.row-entrusted"],
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
    ("stride/tampering-request-log", form(REQUEST_LOG)),
];

/// The log of requests, and those who edit it.
const REQUEST_LOG: &[Part] = &[
    part("rows", &[DOOR_A, &["cell-a/registrar", "client/acme", "attacker/edit"]], &["request-log.edit-begun"]),
    part("end", &[DOOR_A, &["cell-a/registrar", "client/gamma", "attacker/cut"]], &["request-log.cut-begun"]),
    part("order", &[DOOR_A, &["cell-a/registrar", "client/acme-corp", "attacker/swap"]], &["request-log.swap-begun"]),
    part("chain", &[DOOR_B, &["cell-b/registrar", "client/beta", "attacker/made-up"]], &["request-log.made-up-begun"]),
];
