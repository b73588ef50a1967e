//! `cellproof verify`: whether a bundle, an assessment or a certificate is authentic, and what it says.

mod assessment;
mod certificate;

use crate::args::Verify;
use crate::exit::{Done, Exit, usage};
use crate::terminal::{Paint, Tone, hang, say};
use crate::{bundles, input, trust, when};
use reports::certificate::pins;
use reports::evidence::envelope::{self, ENVELOPE_MAX};
use reports::evidence::log::Listed;
use reports::evidence::{Opened, Role, Rules, Trust, Verdict};
use serde_json::{Value, json};

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Verifies a bundle, an assessment or a certificate, and shows what it says.
pub fn verify(args: &Verify) -> Done {
    let (now, trust) = trust::load(&args.believe)?;
    // A bundle is a tar, which begins with a name; an envelope is JSON, and is what the role of its key may sign.
    if input::bounded(&args.file, 0)?.first() != Some(&b'{') {
        return bundle(args, &trust, now);
    }
    let bytes = input::bounded(&args.file, ENVELOPE_MAX as u64)?;
    let claims = envelope::read(&bytes, "envelope", "it").ok();
    let role = claims.and_then(|sealed| trust.find(sealed.claims()).ok().map(|trusted| trusted.role));
    match role {
        Some(Role::Assessor) => assessment::assessment(args, &trust, now),
        _ => certificate::certificate(args, &trust, now),
    }
}

fn bundle(args: &Verify, trust: &Trust, now: u64) -> Done {
    let evidence = !args.bundle.is_empty() || !args.assessment.is_empty() || args.report.is_some();
    if args.resource.is_some() || args.profile.is_some() || evidence {
        let what = "--resource, --profile, --bundle, --assessment and --report are about other files";
        return Err(usage(format!("{} is a bundle: {what}", args.file.display())));
    }
    let rules = Rules { trust, now, tenant: args.tenant.as_deref(), nonce: args.nonce.as_deref() };
    let opened = bundles::opened(&args.file, &rules)?;
    if args.current {
        bundles::current(&args.file, &pins(&opened.record), &args.files, None)?;
    }
    let exit = if opened.seal.predicate.result == Verdict::Passed { Exit::Held } else { Exit::Broken };
    say(&if args.json { as_json(&opened, exit) } else { as_text(&opened, exit, Paint::stdout()) });
    Ok(exit)
}

/// Where something stands in a log.
fn in_log(listed: Option<&Listed>) -> Value {
    listed.map_or(Value::Null, |listed| {
        json!({
            "origin": listed.origin,
            "index": listed.index.to_string(),
            "at": when::text(listed.at),
            "size": listed.root.size.to_string(),
            "root": listed.root.hash,
        })
    })
}

fn as_json(opened: &Opened, exit: Exit) -> String {
    let value = json!({
        "version": 1,
        "exit": exit.code(),
        "signer": { "name": opened.signer.name, "key": opened.signer.key.id() },
        "log": in_log(opened.listed.as_ref()),
        "seal": opened.seal,
        "files": opened.files.keys().collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&value).expect("a tree of values serialises") + "\n"
}

fn as_text(opened: &Opened, exit: Exit, paint: Paint) -> String {
    let (said, own) = (&opened.seal.predicate, &opened.seal.predicate.cellproof);
    let mut out = String::new();
    let mut line = |name: &str, text: &str| out.push_str(&hang(&format!("{name:<10}"), text, COLUMNS));
    line("for", &own.tenant);
    line("by", &format!("{} (key {})", opened.signer.name, opened.signer.key.id()));
    line("sealed", &format!("{}, until {}", when::text(own.sealed_at), when::text(own.expires_at)));
    if let Some(listed) = &opened.listed {
        line("logged", &format!("{}, entry {} of {}", when::text(listed.at), listed.index, listed.origin));
    }
    line("made with", &own.tool);
    if !own.nonce.is_empty() {
        line("nonce", &own.nonce);
    }
    for resource in &said.configuration {
        let digest = resource.digest.get("sha256").map_or("", String::as_str);
        line(if resource.name == "configuration" { "config" } else { &resource.name }, digest);
    }
    let (held, broken, open) = (said.passed_tests.len(), said.failed_tests.len(), said.warned_tests.len());
    line("scenarios", &format!("{held} held, {broken} broken, {open} proved nothing"));
    for slo in &opened.record.slos {
        if slo.condition == sim::record::CALM {
            line("", &format!("{} {}: {}", slo.requirement, slo.objective, slo.verdict));
        }
    }
    line("files", &format!("{}, all as the seal says", opened.files.len()));
    let (tone, words) = match said.result {
        Verdict::Passed => (Tone::Good, "exit 0: authentic, and everything that ran held"),
        Verdict::Failed => (Tone::Bad, "exit 1: authentic, and a requirement is broken"),
        Verdict::Warned => (Tone::Open, "exit 1: authentic, and too little was proved to pass"),
    };
    debug_assert_eq!(exit == Exit::Held, said.result == Verdict::Passed);
    out.push_str(&format!("\n{}\n", paint.tone(tone, words)));
    out
}
