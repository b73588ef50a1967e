//! Who is there in the engine forms of scenarios of abuse.

use super::super::groups::{BROKERS_A, DOOR_A, DOOR_B, KUBE_A, LOG_A, LOG_B, REVIEWED};
use super::super::{Part, Row};
use super::{form, part};

/// In order of name.
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
];

/// A cache at the edge: what is in its key, sessions, pages, and what the news of both cells change.
const EDGE_CACHE: &[Part] = &[
    part(
        "keys",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/same-path", "attacker/clearance"]],
        &["edge-cache.path-asked", "edge-cache.clearance-asked", "edge-cache.on-again", "edge-cache.shared"],
    ),
    part(
        "sessions",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/private", "attacker/colleague"]],
        &["edge-cache.session-asked"],
    ),
    part(
        "pages",
        &[DOOR_A, &["cell-a/remediation", "client/acme", "attacker/poisoner", "attacker/poisoned"]],
        &["edge-cache.page-asked"],
    ),
    part(
        "withdrawn",
        &[DOOR_A, &["cell-a/remediation", "cell-a/gitops", "client/acme", "attacker/withdrawn"]],
        &["edge-cache.withdrawal-approved"],
    ),
    part(
        "moved",
        &[DOOR_B, &["cell-b/remediation", "cell-b/gitops", "client/beta", "attacker/moved"]],
        &["edge-cache.move-approved"],
    ),
];
