//! The door itself: the server must ask for the password, and for TLS where the deployment speaks it.

use crate::certify::postgres::bench::Bench;
use crate::certify::report::{Finding, Proof};

/// A password that nobody has.
const WRONG: &str = "cellproof: not the password";

/// Knocks with less than is due.
pub fn run(bench: &mut Bench) {
    let has_password = bench.postgres.password.is_some();
    bench.component.judged("connections with a wrong password, and without TLS", 2, &["IDN-05"]);
    let object = format!("pg_hba.conf, for role {}", bench.link.user());
    let line = format!("hostssl {} {} all scram-sha-256", bench.link.database(), bench.link.user());
    let repair = vec![format!("-- in pg_hba.conf, before every line that admits it otherwise: {line}")];
    let proof = |did: &str| Proof {
        tenant: None,
        connection: "fresh",
        statements: vec![did.to_owned()],
        saw: "the server let it in".to_owned(),
    };
    let requirements = vec!["IDN-05"];
    if bench.link.has_tls() {
        if bench.link.weaker(None, false).open().is_ok() {
            let what = "it admits connections without TLS".to_owned();
            let proof = proof("connect, without TLS");
            bench.component.find(Finding {
                object: object.clone(),
                what,
                requirements: requirements.clone(),
                proof,
                repair: repair.clone(),
                also: Vec::new(),
            });
        }
    } else {
        bench
            .component
            .not_judged("TLS between application and server (IDN-05)", "the deployment has no table [postgres.tls]");
    }
    let has_certificate = bench.postgres.tls.as_ref().is_some_and(|t| t.get_ref().certificate.is_some());
    if has_password && !has_certificate {
        if bench.link.weaker(Some(WRONG), true).open().is_ok() {
            let what = "it admits any password: the line that answers says trust".to_owned();
            let proof = proof("connect, with a wrong password");
            bench.component.find(Finding { object, what, requirements, proof, repair, also: Vec::new() });
        }
    } else {
        bench.component.not_judged(
            "whether the server asks for the password (IDN-05)",
            "the deployment has none, or a client certificate besides",
        );
    }
}
