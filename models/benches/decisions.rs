//! What a decision at the front door costs: attribute-based access natively and by Rego, and an access token that was
//! seen before. The hit rate of each memo is printed beside its figures: a memo that misses is another bench.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use models::config::Inputs;
use models::control::Controls;
use models::gateway::token::{TokenMemo, TokenPolicy, TokenVerifier};
use models::idp::clients::{Client, ClientAuth, Subject};
use models::idp::{Idp, IdpConfig};
use models::policy::judge::space::Space;
use models::policy::{PolicyData, RegoPolicy, abac};
use models::wire::oidc::{ClientProof, TokenRequest};
use models::wire::policy::{Decision, Deny, Input};
use sim::{Duration, Instant};
use std::hint::black_box;
use std::sync::Arc;

/// Questions of one round, spread over the whole small space.
const QUESTIONS: usize = 1_000;
/// Sessions that are active at once; each shows its token again and again.
const SESSIONS: usize = 1_000;
const ISSUER: &str = "https://id.cell-a.test";
const NOW: Instant = Instant(3_600_000_000_000);

/// Whole questions only, every second one permitted: a gap is refused before anything is compared.
fn questions(data: &PolicyData) -> Vec<Input> {
    let space = Space::new(data);
    let inputs = (0..space.len()).map(|n| Input::from_json(&space.question(n)));
    let decided = inputs.map(|input| (abac::decide(&Controls::all_on(), data, &input), input));
    let (yes, no): (Vec<_>, Vec<_>) = decided.partition(|(decision, _)| decision.allow);
    let no: Vec<_> = no.into_iter().filter(|(decision, _)| !decision.denies.contains(Deny::Malformed)).collect();
    let pick = |from: &[(Decision, Input)], n: usize| from[n * 7 % from.len()].1.clone();
    (0..QUESTIONS).map(|n| if n % 2 == 0 { pick(&yes, n) } else { pick(&no, n) }).collect()
}

fn access(c: &mut Criterion) {
    let data = PolicyData::from_tenants(&Inputs::embedded().tenants);
    let (controls, questions) = (Controls::all_on(), questions(&data));
    let mut group = c.benchmark_group("abac");
    group.throughput(Throughput::Elements(QUESTIONS as u64));
    let allowed = questions.iter().filter(|q| abac::decide(&controls, &data, q).allow).count();
    println!("abac: {allowed} of {QUESTIONS} questions are permitted");
    let native = |q: &Input| u64::from(abac::decide(&controls, &data, black_box(q)).allow);
    group.bench_function("native", |b| b.iter(|| questions.iter().map(native).sum::<u64>()));
    let mut rego = RegoPolicy::reference(&data);
    group.bench_function("rego-memoised", |b| {
        b.iter(|| questions.iter().map(|q| u64::from(rego.decide(&controls, black_box(q)).allow)).sum::<u64>());
    });
    println!("abac/rego-memoised: {}", rate(rego.calls().real, rego.calls().hits));
    group.sample_size(10).throughput(Throughput::Elements(10));
    let mut rego = RegoPolicy::reference(&data);
    let json: Vec<_> = questions.iter().step_by(QUESTIONS / 10).map(Input::to_json).collect();
    group.bench_function("rego-evaluated", |b| {
        b.iter(|| json.iter().map(|q| u64::from(rego.decide_json(&controls, black_box(q)).allow)).sum::<u64>());
    });
    group.finish();
}

fn tokens(idp: &mut Idp) -> Vec<Arc<str>> {
    let request = |n: usize| TokenRequest {
        client_id: "portal".into(),
        proof: ClientProof::Secret("s".into()),
        subject: format!("user-{n}").into(),
        tenant: "acme".into(),
        audience: "api".into(),
        region: "EU".into(),
        scopes: vec!["read".into()],
        client_binding: Some([1; 32]),
        clearance: "internal".into(),
        lifetime: Duration::secs(300),
        valid_after: Duration::ZERO,
    };
    (0..SESSIONS)
        .map(|n| {
            let (tenants, clearances) = (vec!["acme".into()], vec!["internal".into()]);
            idp.register_subject(Subject { id: format!("user-{n}").into(), tenants, region: "EU".into(), clearances });
            idp.issue(NOW, &request(n)).expect("a token")
        })
        .collect()
}

fn token(c: &mut Criterion) {
    let mut idp = Idp::new(IdpConfig::new(ISSUER));
    let (audiences, scopes) = (vec!["api".into()], vec!["read".into()]);
    let auth = ClientAuth::secret("s");
    idp.register_client(Client { id: "portal".into(), auth, audiences, scopes, binding_required: false });
    let tokens = tokens(&mut idp);
    let keys = idp.jwks(NOW, &Controls::all_on());
    let fresh = |memo: TokenMemo| {
        let mut verifier = TokenVerifier::new(TokenPolicy::new(ISSUER, "api"), memo);
        verifier.set_jwks(NOW, &Controls::all_on(), ISSUER, &keys).expect("keys");
        verifier
    };
    let controls = Controls::all_on();
    let mut group = c.benchmark_group("jwt");
    group.throughput(Throughput::Elements(SESSIONS as u64));
    let mut verifier = fresh(TokenMemo::default());
    let mut ask = |token: &Arc<str>| verifier.verify(NOW, &controls, black_box(token), Some(&[1; 32])).is_ok();
    assert!(tokens.iter().all(&mut ask), "every token is good");
    group.bench_function("memoised", |b| b.iter(|| tokens.iter().filter(|t| ask(t)).count()));
    let calls = verifier.calls().jwt_verify;
    println!("jwt/memoised: {}", rate(calls.real, calls.hits));
    group.sample_size(10).throughput(Throughput::Elements(10));
    group.bench_function("first-time", |b| {
        b.iter(|| {
            let mut verifier = fresh(TokenMemo::default());
            tokens[..10].iter().filter(|t| verifier.verify(NOW, &controls, t, Some(&[1; 32])).is_ok()).count()
        });
    });
    group.finish();
}

fn rate(real: u64, hits: u64) -> String {
    let all = (real + hits).max(1);
    let (whole, part) = (hits * 100 / all, hits * 1_000_000 / all % 10_000);
    format!("{real} library calls, {hits} answers from the memo: hit rate {whole}.{part:04} %")
}

criterion_group!(benches, access, token);
criterion_main!(benches);
