//! Whether each tenant has a quota: without one a flood fills disks and starves the others.

use crate::certify::kafka::desk::Desk;
use crate::certify::kafka::estate::Quota;
use crate::certify::kafka::repair;

/// A rate that holds nobody back: Kafka's own way of saying none is the largest number that it has.
const NONE: f64 = 9e15;

/// Looks for the tenants' users.
pub fn run(desk: &mut Desk) {
    let Some(estate) = &desk.estate else {
        return desk.component.not_judged("quotas (EVT-08, TEN-05)", "no operator may read them");
    };
    let quotas = match &estate.quotas {
        Ok(quotas) => quotas,
        Err(why) => {
            let why = why.clone();
            return desk.component.not_judged("quotas (EVT-08, TEN-05)", why);
        }
    };
    let mut lacking = Vec::new();
    for session in [&desk.own, &desk.other] {
        let principal = session.login.principal.clone();
        let user = principal.strip_prefix("User:").unwrap_or(&principal).to_owned();
        let own = quotas.iter().find(|quota| quota.user.as_ref() == Some(&user) && quota.producer.is_some());
        let of = own.or_else(|| quotas.iter().find(|quota| quota.user.is_none()));
        let is_held = |quota: &Quota| quota.producer.is_some_and(|rate| rate < NONE);
        if !of.is_some_and(is_held) && !lacking.iter().any(|(known, _)| *known == principal) {
            lacking.push((principal, user));
        }
    }
    desk.component.judged("quotas of the tenants", 2, &["EVT-08", "TEN-05"]);
    for (principal, user) in lacking {
        let what = "it has no producer_byte_rate: what it floods nobody bounds".to_owned();
        let proof = desk.proof(None, &["DescribeClientQuotas user=any".to_owned()], "no entry for it, and no default");
        desk.find(&format!("{principal}, quota"), what, &["EVT-08", "TEN-05"], proof, vec![repair::quota(&user)]);
    }
}
