//! Eviction: a server has one memory for all tenants, so a policy that evicts lets one tenant's load push another's
//! working set out. No floor for a tenant exists in the server itself.

use crate::certify::redis::desk::{Desk, field};

/// Reads the policy in force.
pub fn run(desk: &mut Desk) {
    let read = |name: &str| desk.info.as_deref().and_then(|info| field(info, name)).map(str::to_owned);
    let (Some(bound), Some(policy)) = (read("maxmemory"), read("maxmemory_policy")) else {
        return desk.component.not_judged("eviction (CAC-02)", "no tenant's user may ask INFO");
    };
    desk.component.judged("memory and eviction", 2, &["CAC-02"]);
    let info: &[&str] = &["INFO", "memory"];
    if bound == "0" {
        let proof = desk.proof(Some(desk.a), &[info], "maxmemory:0");
        let what = "memory has no bound: one tenant's load ends the server for all".to_owned();
        let repair = vec!["CONFIG SET maxmemory BYTES".to_owned()];
        desk.find("maxmemory", what, &["CAC-02", "TEN-05"], proof, repair);
    } else if policy.starts_with("allkeys-") {
        let proof = desk.proof(Some(desk.a), &[info], format!("maxmemory_policy:{policy}"));
        let what = format!("{policy} evicts any tenant's keys for the load of another one");
        let repair = vec!["CONFIG SET maxmemory-policy noeviction".to_owned()];
        desk.find("maxmemory-policy", what, &["CAC-02", "TEN-05"], proof, repair);
    } else if policy.starts_with("volatile-") {
        let what = format!("{policy} evicts any tenant's keys that expire, for the load of another one");
        desk.suspect("maxmemory-policy", &what, &["CAC-02", "TEN-05"], "filling the memory would be felt");
    }
}
