//! Arbitrary text as SQL of the service's role: the engine answers, never panics, and keeps the neighbour's row.
//!
//! Whoever can run SQL can name another tenant with `SET` or `set_config`; row security cannot know better. So the
//! promise holds for text that sets nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use models::control::Controls;
use models::postgres::{engine::Engine, pool::Pool, reference};
use models::wire::sql::{Reply, Statement, Value};
use std::sync::{Arc, LazyLock};

/// One character, so that no text puts it together from pieces: a fuzzer sees what is compared, and quotes it.
const SECRET: char = '\u{e000}';

static BASE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::reference();
    let [kind, label, contact] = ["audit", "us", ""].map(Arc::from);
    for (tenant, body) in [("acme", 'a'), ("beta", SECRET)] {
        let (tenant, body) = (&Arc::from(tenant), &Arc::from(body.to_string()));
        engine.load(
            reference::SHARED,
            reference::Seed { tenant, id: 1, kind: &kind, level: 1, label: &label, body, contact: &contact },
        );
    }
    engine
});

fuzz_target!(|text: &str| {
    let mut engine = BASE.clone();
    let mut pool = Pool::open(&mut engine, 1, reference::APP).expect("the reference role may log in");
    let statement = Statement { text: Arc::from(text), params: Vec::new() };
    let acme = Arc::from("acme");
    let outcome = pool.run(&mut engine, &Controls::all_on(), 0, Some(&acme), &[statement]);
    if !text.to_uppercase().contains("SET") && !text.contains(SECRET) {
        let secret = |value: &Value| matches!(value, Value::Text(text) if text.contains(SECRET));
        for reply in &outcome.replies {
            assert!(!matches!(reply, Reply::Rows { rows, .. } if rows.iter().flat_map(|r| r.iter()).any(secret)));
        }
    }
});
