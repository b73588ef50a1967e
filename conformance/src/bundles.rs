//! Bundles and assessments from files, opened by every rule; and what of this build and these inputs is not what they
//! were made with.

use crate::args::Files;
use crate::exit::{Refusal, usage};
use crate::input;
use crate::logged::Logged;
use reports::assessment::{self, Assessed, Wanted};
use reports::certificate::{Case, drift};
use reports::evidence::bundle::BUNDLE_MAX;
use reports::evidence::{Opened, Rules, Trust, open};
use scenarios::code::code;
use scenarios::gate;
use sim::record::Profile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Opens a bundle.
///
/// # Errors
/// It cannot be read, or breaks a rule.
pub fn opened(file: &Path, rules: &Rules<'_>) -> Result<Opened, Refusal> {
    let bytes = input::bounded(file, BUNDLE_MAX)?;
    open(&bytes, rules).map_err(|unfit| usage(format!("{} is not to be believed: {unfit}", file.display())))
}

/// Opens bundles one after the other, and reads each into a case.
///
/// # Errors
/// As for [`opened`], or they do not belong together.
pub fn admitted(files: &[PathBuf], case: &mut Case<'_>, trust: &Trust, now: u64) -> Result<(), Refusal> {
    let rules = Rules { trust, now, tenant: None, nonce: None };
    for file in files {
        let bundle = opened(file, &rules)?;
        case.admit(&bundle).map_err(|unfit| usage(format!("{}: {unfit}", file.display())))?;
    }
    Ok(())
}

/// Opens an assessment.
///
/// # Errors
/// It cannot be read, or breaks a rule.
pub fn assessed(file: &Path, wanted: &Wanted<'_>) -> Result<Assessed, Refusal> {
    let logged = Logged::read(file)?;
    let opened = assessment::open(logged.envelope(), logged.proof(), wanted);
    opened.map_err(|unfit| usage(format!("{} is not to be believed: {unfit}", file.display())))
}

/// Opens assessments one after the other, and reads each into a case.
///
/// # Errors
/// As for [`assessed`], or they do not belong into the case.
pub fn heard(files: &[PathBuf], case: &mut Case<'_>, trust: &Trust, now: u64) -> Result<(), Refusal> {
    for file in files {
        let assessed = assessed(file, &Wanted { trust, now, resource: None })?;
        case.assess(&assessed, now).map_err(|unfit| usage(format!("{}: {unfit}", file.display())))?;
    }
    Ok(())
}

/// Refuses what was made with other inputs, or by other code, than there are here; names each that has drifted.
///
/// # Errors
/// Something has; or the inputs cannot be read.
pub fn current(
    file: &Path,
    then: &BTreeMap<String, String>,
    files: &Files,
    profile: Option<&Profile>,
) -> Result<(), Refusal> {
    let inputs = input::inputs(files)?;
    let mut here = gate::pins(&inputs);
    let own = [
        ("code", Some(code())),
        ("configuration", Some(inputs.digest())),
        ("catalogue", Some(models::catalogue::digest())),
        ("profile", profile.map(Profile::digest)),
    ];
    here.extend(own.into_iter().filter_map(|(name, pin)| Some((name.to_owned(), pin?))));
    let drifted = drift(then, &here);
    if drifted.is_empty() {
        return Ok(());
    }
    let (file, drifted) = (file.display(), drifted.join(", "));
    Err(usage(format!("{file} is about something else than there is here: drift in {drifted}")))
}
