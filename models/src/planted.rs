//! The defects that can be planted in the models: each a mistake that somebody could have made.
//!
//! They lie in the controls themselves, in what shares a control's knowledge (a memo, a pool, a flight), and in how
//! components take faults. Most show only when two or three things come together. None of them is in a build without
//! the feature `planted`; see [`sim::planted`].

use sim::planted::Defect;

const fn defect(name: &'static str, conditions: u8, scenario: &'static str, says: &'static str) -> Defect {
    Defect { name, conditions, scenario, says }
}

/// The age of a policy counts from its arrival.
pub const POLICY_FRESH_BY_ARRIVAL: Defect = defect(
    "policy.fresh-by-arrival",
    1,
    "chaos/stale-policy",
    "an agent takes the arrival of a bundle for its age, so whoever repeats old news keeps an old policy in force",
);
/// The floor of revisions is written and not synced.
pub const POLICY_FLOOR_UNSYNCED: Defect = defect(
    "policy.floor-unsynced",
    3,
    "stride/tampering-policy-bundle",
    "the highest revision is written and never synced: an agent that loses power, loses that write, and is then \
     offered an old bundle first takes it",
);
/// A chain that was believed once is not looked at again.
pub const MESH_REMEMBERS_BELIEF: Defect = defect(
    "mesh.remembers-belief",
    2,
    "chaos/ca-outage",
    "the verdict on a chain that was seen before is kept over a change of the revocation list",
);
/// Probes that fail together are not all given back.
pub const BREAKER_LOSES_PROBES: Defect = defect(
    "breaker.loses-probes",
    2,
    "chaos/retry-storm",
    "of two probes that fail at once only the first gives its place back: with a place less, the circuit never closes",
);
/// A connection goes back to the pool before its answer was read.
pub const CACHE_CONNECTION_REUSED: Defect = defect(
    "cache.connection-reused",
    2,
    "chaos/cache-loss",
    "a connection whose answer came too late is used again, and that answer is read as the next one",
);
/// Flights of all tenants share a name.
pub const FLIGHTS_SHARED: Defect = defect(
    "app.flights-shared",
    2,
    "fuzz/cross-tenant",
    "two tenants that miss a record of the same number at once share one answer of the database",
);
/// What was read is cached for whoever owns the id when the answer comes.
pub const APP_CACHES_FOR_THE_NEXT: Defect = defect(
    "app.caches-for-the-next",
    3,
    "stride/disclosure-cache-bleed",
    "a read that is under way while its tenant's id changes hands, and answered late, is cached under the new epoch, \
     for a successor that asks for the same record",
);
/// A service that restarts takes up the life of the producer that it had.
pub const APP_PUBLISHER_LIFE_REUSED: Defect = defect(
    "app.publisher-life-reused",
    2,
    "stride/disclosure-cache-bleed",
    "a service that restarts numbers its events from zero under the name that it had: the broker takes them for old \
     ones, and acknowledges what it does not keep",
);
/// A read that no cache may answer is answered by the cache.
pub const APP_STRONG_READS_FROM_CACHE: Defect = defect(
    "app.strong-reads-from-cache",
    3,
    "fuzz/cross-tenant",
    "a read that asks for no cache is answered by one: a write, the removal of its entry overtaken by an older read's \
     put, and then a strong read",
);
/// A follower does not note the producers of what it copies.
pub const KAFKA_FOLLOWER_FORGETS_PRODUCERS: Defect = defect(
    "kafka.follower-forgets-producers",
    3,
    "chaos/disk-faults",
    "a follower does not note who produced what it copies: elected, it appends again what is retried",
);
/// A producer begins anew at a new leader.
pub const PRODUCER_NEW_AT_NEW_LEADER: Defect = defect(
    "kafka.producer-new-at-new-leader",
    3,
    "chaos/intercell-partition",
    "a producer that is sent to another leader begins a new sequence, also with a batch that the old one had \
     replicated and not acknowledged",
);
/// A quota earns the same time again.
pub const KAFKA_QUOTA_EARNS_AGAIN: Defect = defect(
    "kafka.quota-earns-again",
    1,
    "abuse/event-flood",
    "a quota does not note when it was looked at, and earns all the time since its beginning again with every request",
);
/// What was sent is committed as mirrored.
pub const MIRROR_COMMITS_WHAT_WAS_SENT: Defect = defect(
    "mirror.commits-what-was-sent",
    2,
    "chaos/intercell-partition",
    "the position that a mirror commits is what it has sent: after a restart, what was on its way is skipped",
);
/// The first batch of a source that restarted is not deduplicated.
pub const MIRROR_START_SKIPS_DEDUPE: Defect = defect(
    "mirror.start-skips-dedupe",
    3,
    "chaos/intercell-partition",
    "the first batch of a source that restarted before it heard of an acknowledgement is applied from its first record",
);
/// A hole is passed over when three later batches wait.
pub const MIRROR_GAP_WHEN_THREE_WAIT: Defect = defect(
    "mirror.gap-when-three-wait",
    3,
    "chaos/mirror-loop",
    "a batch that is lost while three later ones arrive is passed over, and recognised as old when it comes again",
);
/// Without a committed position, reading begins at the end.
pub const MIRROR_LATEST_WITHOUT_POSITION: Defect = defect(
    "mirror.latest-without-position",
    3,
    "chaos/intercell-partition",
    "a source that restarts before it has committed anything of a topic begins at the topic's end",
);
/// The tail of the remote log is taken by its first record.
pub const MIRROR_TAIL_BY_FIRST: Defect = defect(
    "mirror.tail-by-first",
    2,
    "chaos/mirror-loop",
    "a sink that restarts takes the first record at the tail of its log for the last one that it applied",
);
/// Reads need no lease.
pub const POSTGRES_READS_WITHOUT_LEASE: Defect = defect(
    "postgres.reads-without-lease",
    2,
    "chaos/primary-failover",
    "a primary without a lease refuses writes and goes on answering reads that its successor has made stale",
);
/// A token that was seen before is not asked for its revocation.
pub const GATEWAY_KNOWN_IS_GOOD: Defect = defect(
    "gateway.known-is-good",
    2,
    "stride/spoofing-stolen-token",
    "a token whose signature was verified before is not looked up among the revoked ones when it comes again",
);
/// A switch that was refused has taken place.
pub const GATEWAY_REFUSED_SWITCH_COUNTS: Defect = defect(
    "gateway.refused-switch-counts",
    2,
    "abuse/tenant-switching",
    "a switch that is refused makes the tenant the active one, so that asking again for it is no switch",
);
/// Retries that were spent below come back.
pub const RETRY_REFUNDS_THE_SPENT: Defect = defect(
    "retry.refunds-the-spent",
    2,
    "chaos/retry-storm",
    "retries that were lent to the hop below come back whole, also those that it has spent",
);

/// A hole is passed over when the room for what waits is full.
pub const MIRROR_GAP_WHEN_FULL: Defect = defect(
    "mirror.gap-when-full",
    3,
    "chaos/mirror-loop",
    "a batch that is lost while eight later ones arrive is passed over, because there is no room for a ninth",
);
/// Trouble with the database is taken for leave to answer from the cache.
pub const APP_STALE_IF_ERROR: Defect = defect(
    "app.stale-if-error",
    3,
    "fuzz/cross-tenant",
    "a read that asks for no cache is answered by one while calls to the database fail: a write, the removal of its \
     entry lost or overtaken, and then a strong read in the database's bad moment",
);
/// Of many who wait for one answer, some are left for the next.
pub const FLIGHTS_LEAVE_SOME: Defect = defect(
    "app.flights-leave-some",
    3,
    "chaos/cache-loss",
    "of those who share an answer of the database, the eighth and later ones get the next answer that is shared, \
     whosesoever it is",
);
/// Calls to databases have few numbers.
pub const APP_CALLS_SHARE_NUMBERS: Defect = defect(
    "app.calls-share-numbers",
    3,
    "chaos/primary-failover",
    "a call to a database that waits while 24 later ones are made shares its number with one of them, and the answer \
     goes to the later",
);

/// Every one, by name.
pub const ALL: &[&Defect] = &[
    &APP_CACHES_FOR_THE_NEXT,
    &APP_CALLS_SHARE_NUMBERS,
    &FLIGHTS_LEAVE_SOME,
    &FLIGHTS_SHARED,
    &APP_PUBLISHER_LIFE_REUSED,
    &APP_STALE_IF_ERROR,
    &APP_STRONG_READS_FROM_CACHE,
    &BREAKER_LOSES_PROBES,
    &CACHE_CONNECTION_REUSED,
    &GATEWAY_KNOWN_IS_GOOD,
    &GATEWAY_REFUSED_SWITCH_COUNTS,
    &KAFKA_FOLLOWER_FORGETS_PRODUCERS,
    &PRODUCER_NEW_AT_NEW_LEADER,
    &KAFKA_QUOTA_EARNS_AGAIN,
    &MESH_REMEMBERS_BELIEF,
    &MIRROR_COMMITS_WHAT_WAS_SENT,
    &MIRROR_GAP_WHEN_FULL,
    &MIRROR_GAP_WHEN_THREE_WAIT,
    &MIRROR_LATEST_WITHOUT_POSITION,
    &MIRROR_START_SKIPS_DEDUPE,
    &MIRROR_TAIL_BY_FIRST,
    &POLICY_FLOOR_UNSYNCED,
    &POLICY_FRESH_BY_ARRIVAL,
    &POSTGRES_READS_WITHOUT_LEASE,
    &RETRY_REFUNDS_THE_SPENT,
];

/// The defect of this name.
pub fn find(name: &str) -> Option<&'static Defect> {
    ALL.iter().find(|defect| defect.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_defect_has_a_name_of_its_own_and_most_need_several_conditions() {
        let names: BTreeSet<&str> = ALL.iter().map(|defect| defect.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.is_sorted_by_key(|defect| defect.name));
        assert!(ALL.iter().all(|defect| (1..=3).contains(&defect.conditions) && defect.says.len() > 20));
        assert!(ALL.iter().filter(|defect| defect.conditions > 1).count() * 2 >= ALL.len());
        assert_eq!(ALL.iter().find_map(|defect| find(defect.name)), Some(ALL[0]));
        assert_eq!(find("no.such"), None);
    }

    #[test]
    fn an_ordinary_build_has_no_defect_and_may_sign() {
        sim::planted::before_signing();
        assert!(!ALL.iter().any(|defect| defect.is_planted()));
    }
}
