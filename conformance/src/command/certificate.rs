//! `cellproof certificate`: a certifier's signed word on what bundles of one gate, and assessments, support.

use crate::args::Certificate;
use crate::certify::asks;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::{Paint, say};
use crate::{bundles, certified, input, trust};
use reports::certificate::statement::Assurance;
use reports::certificate::{Case, Outcome, RowStanding, Terms, certificate as concluded, issue};
use reports::evidence::{Role, SigningKey, Trust, Trusted};
use reports::write::write_atomically;

/// Issues.
pub fn certificate(args: &Certificate) -> Done {
    let (now, trust) = trust::load(&args.believe)?;
    let key = input::signing_key(&args.key)?;
    let signer = certifier(&trust, &key, &args.resource, now)?;
    let profile = args.profile.data();
    let probed = asks::probed();
    let mut case = Case::new(profile, &probed, &args.resource);
    bundles::admitted(&args.bundles, &mut case, &trust, now)?;
    bundles::heard(&args.assessment, &mut case, &trust, now)?;
    let assurance = if args.third_party { Assurance::ThirdParty } else { Assurance::SelfAttested };
    let terms = Terms {
        issued_at: now,
        valid_days: args.valid_days.unwrap_or(profile.valid_days),
        assurance,
        tool: concat!("cellproof ", env!("CARGO_PKG_VERSION")),
    };
    if terms.valid_days > profile.valid_days {
        let most = format!("under {} a certificate counts {} days at most", profile.name, profile.valid_days);
        return Err(usage(format!("--valid-days {}: {most}", terms.valid_days)));
    }
    let closed = case.close().map_err(|unfit| usage(format!("nothing can be certified: {unfit}")))?;
    let certificate = concluded(closed, &terms);
    let written = write_atomically(&args.out, &issue(&certificate, &key));
    written.map_err(|e| usage(format!("failed to write {}: {e}", args.out.display())))?;
    let evidence = certified::inputs(args.bundles.len(), args.assessment.len());
    let summary = &certificate.predicate;
    let failed = summary.own.rows.iter().any(|row| row.standing == RowStanding::Failed);
    let exit = match (summary.verification_result, failed) {
        (Outcome::Passed, _) => Exit::Held,
        (Outcome::Failed, true) => Exit::Broken,
        (Outcome::Failed, false) => Exit::Inconclusive,
    };
    let text = certified::text(&certificate, signer, None, &evidence);
    say(&(text + &certified::ending(&certificate, exit, "issued", Paint::stdout())));
    Ok(exit)
}

/// The entry of the key that signs: what nobody would believe is not issued.
fn certifier<'t>(trust: &'t Trust, key: &SigningKey, resource: &str, now: u64) -> Result<&'t Trusted, Refusal> {
    let refused = |what: String| usage(format!("nobody would believe it: {what}"));
    let signer = trust.find(&key.public().id()).map_err(|distrust| refused(distrust.to_string()))?;
    signer.believed(Role::Certifier, now, now).map_err(|distrust| refused(distrust.to_string()))?;
    if !signer.resources.iter().any(|known| known == resource) {
        return Err(refused(format!("{} may not certify {resource:?}", signer.name)));
    }
    Ok(signer)
}
