//! The sample's scenarios: one of each verdict, with the failures that a reader has to understand quickly.

use super::{digest, mix};
use sim::record::AblationVerdict::{NotInvolved, Redundant, SoleBlocker, Void};
use sim::record::{
    AblationRecord, AblationVerdict, FaultFired, Finding, NonInterference, Pass, PassRecord, RunRecord, ScenarioRecord,
    ScenarioVerdict, Vantage,
};

/// All scenarios.
pub fn all() -> Vec<ScenarioRecord> {
    vec![
        stolen_token(),
        cache_bleed(),
        gateway_flood(),
        pod_to_admin(),
        residency_bypass(),
        malicious_query(),
        primary_failover(),
        clock_skew(),
        offline_transfer(),
        canary(),
    ]
}

fn stolen_token() -> ScenarioRecord {
    let mut s = held("stride/spoofing-stolen-token", "A stolen token opens nothing", "S", "IDN-01 IDN-02 TEN-01");
    s.threat = "A token is lifted from a laptop and used from another client, in another region, for another \
                audience, and after it expired. The thief also signs tokens with keys of their own."
        .into();
    s.marks_declared = words("token-stolen token-presented door-binding door-expiry door-audience");
    s.ablations = vec![
        sole("gateway.client-binding", "other-client", "IDN-02", 1),
        sole("gateway.jwt-expiry", "after-expiry", "IDN-02", 1),
        sole("gateway.jwt-audience", "other-audience", "IDN-01", 2),
        sole("gateway.jwt-signature", "own-key", "IDN-01", 1),
        sole("gateway.jwt-algorithm", "alg-none", "IDN-01", 1),
        sole("gateway.jwt-issuer", "foreign-issuer", "IDN-01", 1),
        sole("gateway.tenant-header", "header-smuggled", "TEN-01", 1),
        ablation("policy.tenant-match", "other-client", NotInvolved, NotInvolved),
    ];
    finish(s, 1)
}

fn cache_bleed() -> ScenarioRecord {
    let mut s =
        held("stride/disclosure-cache-bleed", "One cache, many tenants, no bleeding", "I", "CAC-01 CAC-02 TEN-02");
    s.threat = "A tenant guesses, crafts and collides cache keys to be served another tenant's bytes. It also fills \
                the cache until others are evicted, and waits for a key to be re-created."
        .into();
    s.marks_declared = words("foreign-key-asked crafted-delimiter evicted recreated");
    let pair = |control: &str, partner: &str| AblationRecord {
        partner: Some(partner.into()),
        ..breaching(ablation(control, "guessed-key", Redundant(2), Redundant(2)), "CAC-01", 3)
    };
    s.ablations = vec![
        pair("cache.key-namespace", "cache.acl-pattern"),
        pair("cache.acl-pattern", "cache.key-namespace"),
        sole("cache.key-encoding", "delimiter", "CAC-01", 2),
        sole("cache.epoch-fence", "re-created", "CAC-01", 4),
        sole("cache.tenant-floor", "flush-by-volume", "CAC-02", 1),
        ablation("app.tenant-check", "guessed-key", NotInvolved, NotInvolved),
    ];
    finish(s, 2)
}

fn gateway_flood() -> ScenarioRecord {
    let mut s = held("stride/denial-gateway-flood", "A flood drowns only itself", "D", "SRV-02 SRV-04 TEN-05 SLO-01");
    s.threat = "One tenant, then forty stolen clients, send fifty times the usual load; every dependency slows down \
                and every caller is tempted to retry."
        .into();
    s.marks_declared = words("flood-started limiter-hit shed retry-refused");
    s.ablations = vec![
        sole("gateway.rate-limit", "one-tenant", "SRV-04", 1),
        sole("gateway.load-shedding", "many-clients", "SRV-04", 1),
        sole("gateway.retry-budget", "slow-dependency", "SRV-02", 2),
        ablation("breaker.open", "slow-dependency", Redundant(0), Redundant(0)),
    ];
    finish(s, 3)
}

fn pod_to_admin() -> ScenarioRecord {
    let mut s = held("stride/elevation-pod-to-admin", "A pod's identity is not an administrator", "E", "IDN-05 IDN-08");
    s.verdict = ScenarioVerdict::Breach;
    s.threat = "A compromised pod presents its own identity, a forged chain and a foreign trust domain to admin \
                APIs."
        .into();
    s.why = vec![
        "mesh.trust-domain was declared a sole blocker in `foreign-domain`, and was observed redundant-2 with \
         mesh.spiffe-id."
            .into(),
    ];
    s.marks_declared = words("pod-taken admin-called");
    let mut odd = breaching(ablation("mesh.trust-domain", "foreign-domain", SoleBlocker, Redundant(2)), "IDN-08", 1);
    odd.partner = Some("mesh.spiffe-id".into());
    s.ablations = vec![
        sole("mesh.spiffe-id", "own-identity", "IDN-08", 1),
        sole("mesh.svid-chain", "forged-chain", "IDN-05", 1),
        odd,
        ablation("mesh.svid-chain", "foreign-domain", NotInvolved, Void),
    ];
    s.replay = s.ablations[2].token.clone();
    finish(s, 4)
}

fn residency_bypass() -> ScenarioRecord {
    let mut s = held("abuse/residency-bypass", "EU data stays in the EU", "", "POL-06 EVT-05 POL-01");
    s.verdict = ScenarioVerdict::Breach;
    s.threat = "A tenant bound to the EU is pushed abroad: by a forged region claim, by a failover with no EU cell \
                left, and by the mirror to the other cell."
        .into();
    s.marks_declared = words("claim-forged eu-cell-lost mirror-offered");
    s.ablations = vec![
        sole("gateway.residency", "forged-claim", "POL-06", 1),
        sole("mirror.residency-filter", "mirror", "EVT-05", 1),
        sole("edge.residency-failover", "cell-loss", "POL-06", 1),
        ablation("policy.region-match", "forged-claim", Redundant(2), Redundant(2)),
    ];
    s.ablations[3].partner = Some("gateway.residency".into());
    let mut s = finish(s, 5);
    let swarm = &mut s.passes[1];
    swarm.breaches = 3;
    swarm.breach_bound_95 = 0.0597;
    let found = Finding {
        requirement: "POL-06".into(),
        oracle: "residency".into(),
        vantage: Vantage::Store,
        tenant: Some("globex".into()),
        node: "cell-us/postgres".into(),
        at_ns: 23_481_207_118,
        cause: "00000000000a41f7".into(),
        message: "A row of globex (EU only) became durable in cell-us after cell-eu was lost; a 503 was due.".into(),
    };
    let run = &mut swarm.kept[0];
    run.findings = vec![found];
    run.pending = vec!["globex: 2 writes acknowledged by cell-us wait for a return to cell-eu".into()];
    s.why = vec![
        "POL-06: a row of globex (EU only) became durable in cell-us after cell-eu was lost (3 of 128 seeds).".into(),
    ];
    s.replay = Some(run.token.clone());
    s
}

fn malicious_query() -> ScenarioRecord {
    let mut s = held("abuse/malicious-query", "An operator's query cannot carry data out", "", "STO-01 STO-07 TEN-02");
    s.verdict = ScenarioVerdict::Toothless;
    s.threat = "An operator submits SQL that reads past row-level security: owner rights, COPY, functions, \
                catalogue."
        .into();
    s.why = vec!["postgres.force-rls off: the foreign row reached the client, and no oracle noticed.".into()];
    s.marks_declared = words("query-submitted foreign-row-read");
    let mut silent = ablation("postgres.force-rls", "as-owner", SoleBlocker, SoleBlocker);
    silent.token = Some(token("abuse/malicious-query", "ablation", 6, "postgres.force-rls"));
    s.replay = silent.token.clone();
    s.ablations = vec![silent, sole("postgres.row-security", "plain-select", "STO-01", 1)];
    finish(s, 6)
}

fn primary_failover() -> ScenarioRecord {
    let mut s = held("chaos/primary-failover", "Nothing acknowledged is lost with the primary", "", "STO-04");
    s.verdict = ScenarioVerdict::Vacuous;
    s.threat = "The primary dies between acknowledging and replicating; the old one comes back and still thinks it \
                leads."
        .into();
    s.why = vec!["The mark `old-primary-returned` was never reached in 128 seeds.".into()];
    s.marks_declared = words("primary-crashed promoted old-primary-returned");
    s.ablations = vec![ablation("postgres.fencing", "returning-primary", SoleBlocker, Void)];
    let mut s = finish(s, 7);
    for run in s.passes.iter_mut().flat_map(|p| &mut p.kept) {
        run.marks.remove("old-primary-returned");
    }
    s.replay = Some(s.passes[1].kept[0].token.clone());
    s
}

fn clock_skew() -> ScenarioRecord {
    let mut s = held("chaos/clock-skew", "Clocks disagree and nothing opens", "", "IDN-02 IDN-05");
    s.verdict = ScenarioVerdict::Nondeterministic;
    s.threat = "Clocks of gateways, issuers and workloads drift apart by up to two minutes.".into();
    s.why = vec!["Seed 77 gave two digests; the first difference is fact 4 112, `svid-rotated` at mesh-b.".into()];
    s.marks_declared = words("skewed rotated");
    let mut s = finish(s, 8);
    s.replay = Some(s.passes[1].kept[0].token.clone());
    s
}

fn offline_transfer() -> ScenarioRecord {
    let mut s = held("chaos/offline-transfer", "A bundle that was touched is not loaded", "", "CEL-05");
    s.verdict = ScenarioVerdict::Skipped("heavy: needs --full".into());
    s.threat = "A custodian alters, truncates, reorders and replays the daily bundle on its way to the offline \
                cell."
        .into();
    s
}

fn canary() -> ScenarioRecord {
    let mut s = held("canary/open-door", "The judges see an open door", "", "TEN-02");
    s.canary = true;
    s.verdict = ScenarioVerdict::Breach;
    s.threat = "Every control is off. If this does not breach, the judges are blind.".into();
    s.marks_declared = words("door-open");
    let mut s = finish(s, 10);
    s.passes.truncate(1);
    (s.passes[0].breaches, s.passes[0].breach_bound_95) = (1, 1.0);
    s.why = vec!["TEN-02: globex read 12 rows of acme.".into()];
    s
}

fn words(s: &str) -> Vec<String> {
    s.split_whitespace().map(String::from).collect()
}

fn token(scenario: &str, pass: &str, seed: u64, ablations: &str) -> String {
    format!("cp1.{scenario}.{pass}.kernel.{seed}.{ablations}..{}", &digest(seed)[..24])
}

fn held(name: &str, title: &str, stride: &str, requirements: &str) -> ScenarioRecord {
    ScenarioRecord {
        name: name.into(),
        title: title.into(),
        threat: String::new(),
        stride: (!stride.is_empty()).then(|| stride.into()),
        requirements: words(requirements),
        verdict: ScenarioVerdict::Held,
        why: Vec::new(),
        replay: None,
        canary: false,
        marks_declared: Vec::new(),
        passes: Vec::new(),
        ablations: Vec::new(),
        non_interference: Vec::new(),
    }
}

fn ablation(control: &str, variant: &str, expected: AblationVerdict, observed: AblationVerdict) -> AblationRecord {
    AblationRecord {
        control: control.into(),
        variant: variant.into(),
        expected,
        observed,
        partner: None,
        seeds_to_breach: None,
        runs: 8,
        finding: None,
        token: None,
    }
}

fn sole(control: &str, variant: &str, requirement: &str, seeds: u32) -> AblationRecord {
    breaching(ablation(control, variant, SoleBlocker, SoleBlocker), requirement, seeds)
}

fn breaching(mut a: AblationRecord, requirement: &str, seeds: u32) -> AblationRecord {
    let n = mix(a.control.len() as u64 + u64::from(seeds));
    a.seeds_to_breach = Some(seeds);
    a.runs = seeds;
    a.token = Some(token("attack", "ablation", n % 1_000, &a.control));
    a.finding = Some(Finding {
        requirement: requirement.into(),
        oracle: "isolation".into(),
        vantage: Vantage::Client,
        tenant: Some("acme".into()),
        node: "cell-a/gateway".into(),
        at_ns: n % 40_000_000_000,
        cause: format!("{n:016x}"),
        message: format!("globex was served a record of acme by way of `{}`; a refusal was due.", a.variant),
    });
    a
}

/// Adds passes, kept runs and non-interference pairs.
fn finish(mut s: ScenarioRecord, n: u64) -> ScenarioRecord {
    s.passes = vec![pass(&s, Pass::Calm, 1, n), pass(&s, Pass::Swarm, 128, n)];
    let pair = |mode: Pass, tenant: &str| NonInterference {
        mode,
        tenant: tenant.into(),
        facts: 1_804 + n * 13,
        alike: true,
        difference: None,
        token: token(&s.name, mode.as_str(), n, ""),
    };
    if !s.canary {
        s.non_interference = vec![pair(Pass::Value, "acme"), pair(Pass::Presence, "acme")];
    }
    s
}

fn pass(s: &ScenarioRecord, pass: Pass, runs: u64, n: u64) -> PassRecord {
    let swarm = pass == Pass::Swarm;
    let faults = [("partition", 812), ("crash", 97), ("clock-skew", 61), ("slow-node", 44), ("packet-loss", 15_904)];
    let faults = faults.iter().take(if swarm { 5 } else { 0 }).map(|(f, k)| (f.to_string(), k + n * 7)).collect();
    PassRecord {
        pass,
        runs,
        breaches: 0,
        compared: if swarm { 7 } else { 1 },
        stale: 0,
        events: runs * (61_300 + n * 911),
        requests: runs * (212 + n),
        simulated_ns: runs * 13_000_000_000,
        serving: Vec::new(),
        faults,
        breach_bound_95: 1.0 - 0.05_f64.powf(1.0 / runs as f64),
        kept: vec![run(s, pass, n)],
    }
}

fn run(s: &ScenarioRecord, pass: Pass, n: u64) -> RunRecord {
    let fault = |fault: &str, target: &str, from: u64, until: u64, fired: u64| FaultFired {
        fault: fault.into(),
        target: target.into(),
        from_ns: from * 1_000_000_000,
        until_ns: until * 1_000_000_000,
        fired,
    };
    let faults = vec![
        fault("partition", "cell-a → cell-b", 12, 19, 311),
        fault("crash", "cell-a/postgres-1", 21, 24, 1),
        fault("clock-skew", "cell-b/gateway", 5, 40, 58),
    ];
    RunRecord {
        scenario: s.name.clone(),
        pass,
        engine: "kernel".into(),
        seed: format!("{}", 9_007_199_254_740_993 + n),
        ablations: Vec::new(),
        token: token(&s.name, pass.as_str(), 9_007_199_254_740_993 + n, ""),
        digest: digest(n + 40),
        events: 61_300 + n * 911,
        simulated_ns: 60_000_000_000,
        facts: 14_000 + n,
        requests_sent: 212 + n,
        requests_good: 211 + n,
        findings: Vec::new(),
        marks: s.marks_declared.iter().enumerate().map(|(i, m)| (m.clone(), 3 + i as u64 * 4)).collect(),
        faults: if pass == Pass::Swarm { faults } else { Vec::new() },
        consulted: s.ablations.iter().map(|a| a.control.clone()).collect(),
        library_calls: [("jsonwebtoken", (212, 1_907)), ("regorus", (188, 4_410)), ("rustls-webpki", (64, 860))]
            .map(|(name, calls)| (name.to_string(), calls))
            .into(),
        pending: Vec::new(),
        errors: Vec::new(),
        serving: Vec::new(),
    }
}
