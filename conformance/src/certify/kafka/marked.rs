//! Topics that a judge makes to write to: marked by name, and removed by whoever made them, or by `certify --clean`.

use super::desk;
use super::link::{Link, Login, Session};
use super::question::{create_topic, delete_topic, leader};
use crate::certify::deployment::{Deployment, Kafka, Tenant};
use crate::kafka::{Kind, code, error_name};
use std::thread;
use std::time::{Duration, Instant};

/// The rest of the name of a topic that is written to.
pub const WRITTEN: &str = "cellproof-written";
/// The rest of the name of a topic that is asked for, and must not come by itself.
pub const ASKED: &str = "cellproof-asked";
/// How long a new topic may take to have a leader.
const PATIENCE: Duration = Duration::from_secs(10);

/// A marked topic of a tenant.
pub fn name(kafka: &Kafka, tenant: &Tenant, rest: &str) -> String {
    desk::prefix(kafka, Kind::Topic, tenant) + rest
}

/// Makes the topics of both tenants that are written to.
///
/// # Errors
/// Says what refused it. What was made is removed by [`remove`].
pub fn make(operator: &Session, kafka: &Kafka, tenants: [&Tenant; 2]) -> Result<[String; 2], String> {
    let names = tenants.map(|tenant| name(kafka, tenant, WRITTEN));
    for name in &names {
        // As many as there are brokers for: how many there should be is another probe's question.
        let mut made = create_topic(operator, name, (kafka.replicas_min as i16, false));
        if made.as_ref().is_ok_and(|made| *made == code::INVALID_REPLICATION_FACTOR) {
            made = create_topic(operator, name, (1, false));
        }
        match made {
            Ok(code::NONE | code::TOPIC_ALREADY_EXISTS) => {}
            Ok(refused) => return Err(format!("the operator may not make {name}: {}", error_name(refused))),
            Err(wrong) => return Err(wrong.told()),
        }
        let until = Instant::now() + PATIENCE;
        while leader(operator, name).is_none() {
            if Instant::now() > until {
                return Err(format!("{name} has no leader after 10 s"));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(names)
}

/// Removes every marked topic; how many there were.
///
/// # Errors
/// Says what is still there.
pub fn remove(operator: &Session, kafka: &Kafka, tenants: [&Tenant; 2]) -> Result<usize, String> {
    let mut removed = 0;
    for tenant in tenants {
        for rest in [WRITTEN, ASKED] {
            let name = name(kafka, tenant, rest);
            match delete_topic(operator, &name) {
                Ok(code::NONE) => removed += 1,
                Ok(code::UNKNOWN_TOPIC_OR_PARTITION) => {}
                Ok(refused) => return Err(format!("failed to remove {name}: {}", error_name(refused))),
                Err(wrong) => return Err(format!("failed to remove {name}: {}", wrong.told())),
            }
        }
    }
    Ok(removed)
}

/// Removes what a judge that was killed left behind.
///
/// # Errors
/// Says what is in the way.
pub fn clean(deployment: &Deployment, kafka: &Kafka) -> Result<usize, String> {
    let link = Link::new(kafka.url.get_ref())?;
    let Some(login) = Login::of_operator(deployment, kafka)? else {
        // Without one nothing was ever made.
        return Ok(0);
    };
    let failed = |why| format!("failed to connect to {}: {why}", link.place());
    let (a, b) = deployment.tenants();
    remove(&link.enter(&login).map_err(failed)?, kafka, [a, b])
}
