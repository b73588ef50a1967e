//! Whether a certificate is authentic, in time, about this resource, and supported by the evidence that is at hand.

use crate::args::Verify;
use crate::certify::asks;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::logged::Logged;
use crate::terminal::{Paint, say};
use crate::{bundles, certified};
use models::catalogue::profile;
use reports::certificate::{Believed, Case, Outcome, Wanted, open};
use reports::evidence::Trust;
use serde_json::json;

/// Verifies a certificate, and shows what it says.
pub fn certificate(args: &Verify, trust: &Trust, now: u64) -> Done {
    let name = args.file.display();
    if let Some(tenant) = &args.tenant {
        let say = format!("a certificate names no tenant: verify the bundle of {tenant}, and give it here as --bundle");
        return Err(usage(say));
    }
    if args.report.is_some() {
        return Err(usage(format!("{name} is a certificate: --report is about assessments")));
    }
    let refused = |unfit| usage(format!("{name} is not to be believed: {unfit}"));
    let file = Logged::read(&args.file)?;
    let profile = args.profile.map(|profile| profile.data().name.as_str());
    let nonce = args.nonce.as_deref();
    let wanted = Wanted { trust, now, resource: args.resource.as_deref(), profile, nonce };
    let believed = open(file.envelope(), file.proof(), &wanted).map_err(refused)?;
    let summary = &believed.certificate.predicate;
    let known = profile::find(&summary.own.profile);
    if args.current {
        bundles::current(&args.file, &summary.own.pins, &args.files, known)?;
    }
    let evidence = evidence(args, &believed, trust, now)?;
    let exit = if summary.verification_result == Outcome::Passed { Exit::Held } else { Exit::Broken };
    let (shown, listed, signer) = (&believed.certificate, believed.listed.as_ref(), &believed.signer);
    say(&if args.json {
        let value = json!({
            "version": 1,
            "exit": exit.code(),
            "signer": { "name": signer.name, "key": signer.key.id() },
            "log": super::in_log(listed),
            "evidence": evidence,
            "certificate": shown,
        });
        serde_json::to_string_pretty(&value).expect("a tree of values serialises") + "\n"
    } else {
        certified::text(shown, signer, listed, &evidence)
            + &certified::ending(shown, exit, "authentic", Paint::stdout())
    });
    Ok(exit)
}

/// How much of the evidence is at hand. What is there is opened by every rule and has to be part of it; when all is
/// there, the conclusion is drawn once more.
fn evidence(args: &Verify, believed: &Believed, trust: &Trust, now: u64) -> Result<String, Refusal> {
    let (bundles, assessments) = believed.inputs();
    let (all, what) = (bundles + assessments, certified::inputs(bundles, assessments));
    if args.bundle.is_empty() && args.assessment.is_empty() {
        return Ok(format!("{what} that were not seen"));
    }
    let refused = |unfit| usage(format!("{} is not to be believed: {unfit}", args.file.display()));
    let profile = believed.profile(profile::find(&believed.certificate.predicate.own.profile)).map_err(refused)?;
    let probed = asks::probed();
    let mut case = Case::new(profile, &probed, &believed.certificate.predicate.resource_uri);
    bundles::admitted(&args.bundle, &mut case, trust, now)?;
    bundles::heard(&args.assessment, &mut case, trust, now)?;
    believed.rests_on(&case).map_err(refused)?;
    Ok(match believed.concluded_again(case).map_err(refused)? {
        0 => format!("{what}, all seen: they support what it says"),
        missing if assessments == 0 => format!("{} of {what} were seen, and are part of it", all - missing),
        missing => format!("{} of {all} ({what}) were seen, and are part of it", all - missing),
    })
}
