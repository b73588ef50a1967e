//! Abuse: somebody wants tokens of a person who never gave them: by a refresh token that was found, by a device code
//! that was mailed, or by asking the provider outright.

use crate::actors::Intruder;
use crate::actors::device::{Device, Whose};
use crate::scenario::{Scenario, Variant, sole};
use crate::stage::Stage;
use models::idp::login::{DEVICE_CODE_LIFE, REFRESH_REUSE};
use models::idp::machine::DELEGATION;
use sim::Duration;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "abuse/token-theft",
    title: "A refresh token is good once, a device's code for a while, and nobody gets a token in another's name",
    threat: "One of a tenant's people uses the command line: she types the code that her device shows, and her device \
             goes on by refresh tokens. A copy of one is found after it was used. A device code was mailed to her by \
             somebody who waits, and she reads the mail when the code should be dead. And a registered client asks the \
             provider for a token in the name of somebody else.",
    stride: None,
    requirements: &["IDN-02", "IDN-03"],
    variants: &[
        Variant { name: "found-refresh", mark: "token-theft.refresh-shown", controls: &[sole(&REFRESH_REUSE)] },
        Variant { name: "mailed-code", mark: "token-theft.mailed-code-typed", controls: &[sole(&DEVICE_CODE_LIFE)] },
        Variant { name: "other-subject", mark: "token-theft.other-subject-asked", controls: &[sole(&DELEGATION)] },
    ],
    canary: false,
    build,
};

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    // A device's code outlives the typing of it, and is dead when the mail is read.
    stage.platform(|platform| platform.tokens.device_code = Duration::secs(2));
    stage.usual_weather();
    device(stage, "person", Whose::Hers, "token-theft.mailed-code-typed");
    device(stage, "found-refresh", Whose::Thief, "token-theft.refresh-shown");
    device(stage, "mailed-code", Whose::Phisher, "token-theft.mailed-code-waited-for");
    stage.attacker("other-subject", Some("acme-corp"), "IDN-03", false, |d| {
        let (idp, door) = (d.node("cell-a/idp"), d.node("edge-a"));
        let mut client = Intruder::new(idp, door, "acme", "EU", "token-theft.other-subject-let-in");
        client.subject = Some("client/acme".into());
        client.login_mark = Some("token-theft.other-subject-asked");
        Box::new(client)
    });
}

fn device(stage: &mut Stage<'_>, name: &'static str, whose: Whose, mark: &'static str) {
    let loot = stage.loot.clone();
    let tenant = if whose == Whose::Hers { "acme" } else { "acme-corp" };
    stage.attacker(name, Some(tenant), "IDN-03", false, move |d| {
        Box::new(Device::new(whose, (d.node("cell-a/idp"), d.node("edge-a")), loot.clone(), mark))
    });
}
