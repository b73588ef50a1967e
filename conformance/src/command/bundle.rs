//! `cellproof bundle`: a signed evidence bundle for each tenant of a finished gate.

use super::report;
use crate::args::Bundle;
use crate::exit::{Done, Exit, Refusal, usage};
use crate::input;
use crate::place::Place;
use crate::terminal::say;
use crate::when;
use models::config::Tenants;
use models::config::read::is_tenant_id;
use models::marker::Scanner;
use reports::evidence::{Draft, make, project};
use reports::{GateRecord, text};
use std::collections::BTreeSet;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// Makes the bundles, all or none.
pub fn bundle(args: &Bundle) -> Done {
    let key = input::signing_key(&args.key)?;
    let record = report::load(&Place::of(args.dir.as_os_str())?)?;
    let inputs = input::inputs(&args.files)?;
    if inputs.digest() != record.config {
        let given = "give --platform and --tenants as they were given to the gate";
        return Err(usage(format!("the gate ran with another platform or with other tenants than these: {given}")));
    }
    let tenants = inputs.tenants;
    let chosen = chosen(args, &record)?;
    let now = args.now.unwrap_or_else(when::now);
    let until = now + u64::from(args.valid_days) * DAY_S;
    let mut bundles: Vec<(String, Vec<u8>)> = Vec::new();
    for tenant in chosen {
        let others = others(&record, &tenants, tenant);
        let draft = Draft { record: &record, tenant, others: &others, sealed_at: now, expires_at: until };
        let bytes = make(&draft, &key, foreign)
            .map_err(|leak| Refusal { exit: Exit::Broken, message: format!("the bundle of {tenant}: {leak}") })?;
        bundles.push((format!("{tenant}.bundle.tar"), bytes));
    }
    let out = Place::of(args.out.as_os_str())?;
    out.make()?;
    for (name, bytes) in &bundles {
        out.write(name, bytes)?;
    }
    let names: Vec<String> =
        bundles.iter().map(|(name, bytes)| format!("{name} ({} KiB)", bytes.len().div_ceil(1_024))).collect();
    say(&format!(
        "Written to {out}: {}.\nSealed by key {} until {}.\n",
        names.join(", "),
        key.public().id(),
        when::text(until),
    ));
    Ok(Exit::Held)
}

/// Tenants to make bundles for: those that were named, or all of which the record holds figures.
fn chosen<'a>(args: &'a Bundle, record: &'a GateRecord) -> Result<Vec<&'a str>, Refusal> {
    let all = project::tenants(record);
    if all.is_empty() {
        return Err(usage("the record holds figures of no tenant: there is nothing to prove to anybody"));
    }
    if args.tenant.is_empty() {
        // Each becomes the name of a file.
        return match all.iter().find(|tenant| !is_tenant_id(tenant)) {
            Some(strange) => {
                Err(usage(format!("the record holds figures of {strange:?}, which is the id of no tenant")))
            }
            None => Ok(all.into_iter().collect()),
        };
    }
    let known = |tenant: &&String| all.contains(tenant.as_str()) && is_tenant_id(tenant);
    if let Some(unknown) = args.tenant.iter().find(|tenant| !known(tenant)) {
        let all: Vec<&str> = all.into_iter().collect();
        return Err(usage(format!("the record holds nothing of tenant {unknown:?}, only of {}", all.join(", "))));
    }
    let named: BTreeSet<&str> = args.tenant.iter().map(String::as_str).collect();
    Ok(named.into_iter().collect())
}

/// Ids and names of everybody else, by the record and by the tenants' file.
fn others(record: &GateRecord, tenants: &Tenants, own: &str) -> Vec<String> {
    let listed = tenants.tenants.iter().filter(|t| *t.id != *own).flat_map(|t| [t.id.to_string(), t.name.to_string()]);
    let measured = project::tenants(record).into_iter().filter(|tenant| *tenant != own).map(str::to_owned);
    let own_name = tenants.get(own).map(|t| t.name.to_string());
    let mut others: Vec<String> = listed.chain(measured).filter(|name| Some(name) != own_name.as_ref()).collect();
    others.sort();
    others.dedup();
    others
}

/// Leak markers, in every encoding that the judges of a run look for. A report needs none, not even the tenant's own.
fn foreign(bytes: &[u8]) -> Option<String> {
    let hit = Scanner::shared().first(bytes)?;
    Some(format!("a leak marker ({:?}, at byte {})", hit.encoding, text::count(hit.offset as u64)))
}
