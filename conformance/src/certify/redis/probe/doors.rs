//! The door: nobody is no tenant, a password counts, and so does TLS.

use crate::certify::redis::desk::{Desk, field};

/// A password that nobody has.
const WRONG: &str = "cellproof: not the password";

/// Knocks with less than is due.
pub fn run(desk: &mut Desk) {
    desk.component.judged(
        "connections without a user, with a wrong password, and without TLS",
        4,
        &["CAC-01", "IDN-05"],
    );
    nobody(desk);
    for tenant in [0, 1] {
        let user = desk.link.user(tenant).to_owned();
        if desk.link.enter(tenant, Some(WRONG)).is_ok() {
            let proof = desk.proof(None, &[&["AUTH", &user, "(a wrong password)"]], "the server said OK");
            let repair = vec![format!("ACL SETUSER {user} resetpass >PASSWORD")];
            let what = "it takes any password".to_owned();
            desk.find(&format!("user {user}, password"), what, &["IDN-05", "CAC-01"], proof, repair);
        }
    }
    let port = desk.info.as_deref().and_then(|i| field(i, "tcp_port")?.parse::<u16>().ok()).filter(|port| *port != 0);
    if !desk.link.has_tls() {
        return desk
            .component
            .not_judged("TLS between application and cache (IDN-05)", "the deployment has no table [redis.tls]");
    }
    let Some(port) = port else { return };
    if desk.link.plain(port).enter(0, None).is_ok() {
        let proof = desk.proof(None, &[&["AUTH", "(as the application, without TLS)"]], "the server said OK");
        let repair = vec!["-- in redis.conf: port 0".to_owned()];
        desk.find("port", format!("it admits connections without TLS at port {port}"), &["IDN-05"], proof, repair);
    }
}

/// Reads and would write as the default user.
fn nobody(desk: &mut Desk) {
    let key = desk.key(desk.b);
    let Ok(session) = desk.link.open() else { return };
    if session.ask(&["GET", &key]).is_err() {
        return;
    }
    let proof = desk.proof(None, &[&["GET", &key]], "the server answered, without a user and a password");
    let repair = vec!["ACL SETUSER default off".to_owned()];
    let what = "whoever connects is the default user, and may read every tenant's keys".to_owned();
    desk.find("user default", what, &["CAC-01", "TEN-02"], proof, repair);
}
