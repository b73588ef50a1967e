//! What is done and not only asked, in mode destructive, on marked topics: records written to the other tenant, a batch
//! that comes twice, a flood, a topic that comes by itself. All of it is removed.

use crate::certify::kafka::desk::Desk;
use crate::certify::kafka::estate::Estate;
use crate::certify::kafka::marked::{self, ASKED};
use crate::certify::kafka::question::{self, MARK, batch, produce};
use crate::certify::kafka::repair;
use crate::kafka::{Kind, code, error_name, text};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{InitProducerIdRequest, MetadataRequest, TopicName};
use std::thread;
use std::time::Duration;

/// A record of a flood: below the size that any broker takes, and large enough to be a flood soon.
const RECORD_KIB: usize = 256;
/// How long a topic may take to come by itself.
const COMES_MS: u64 = 500;

/// Does it all, and leaves nothing.
pub fn run(desk: &mut Desk) {
    let Some(estate) = desk.estate.take() else { return };
    match marked::make(&estate.session, desk.kafka, [desk.a, desk.b]) {
        Ok([own, other]) => {
            written(desk, &estate, &other);
            twice(desk, &own);
            comes(desk, &estate);
            flood(desk, &own, &other);
        }
        Err(why) => desk.component.not_judged("what is written (EVT-01, EVT-03, EVT-08, TEN-02, TEN-05)", why),
    }
    if let Err(why) = marked::remove(&estate.session, desk.kafka, [desk.a, desk.b]) {
        desk.component.problem = Some(format!("{why}; run certify --clean"));
    }
    desk.estate = Some(estate);
}

/// Writes to the other tenant's marked topic, reads what it wrote there, and empties it.
fn written(desk: &mut Desk, estate: &Estate, other: &str) {
    desk.component.judged("records of the other tenant, written, read and removed", 3, &["EVT-01", "TEN-02"]);
    // What is read must be there.
    let seeded = produce(&desk.other, other, 0, batch(&[MARK], None));
    if !matches!(seeded, Ok((code::NONE, ..))) {
        desk.component
            .not_judged("records of the other tenant, by reading them (EVT-01, TEN-02)", format!("{seeded:?}"));
    }
    let wrote = matches!(produce(&desk.own, other, 0, batch(&[MARK], None)), Ok((code::NONE, ..)));
    let read = matches!(question::fetch(&desk.own, other), Ok((code::NONE, values)) if !values.is_empty());
    let emptied = matches!(question::delete_records(&desk.own, other, 0), Ok(code::NONE));
    let acts = [(wrote, "writes to", 4), (read, "reads", 3), (emptied, "removes records of", 6)];
    let done: Vec<&(bool, &str, i8)> = acts.iter().filter(|(done, ..)| *done).collect();
    if done.is_empty() {
        return;
    }
    let principal = desk.principal().to_owned();
    let verbs: Vec<&str> = done.iter().map(|(_, verb, _)| *verb).collect();
    let requests: Vec<String> =
        verbs.iter().map(|verb| format!("{principal} {verb} topic={other} partition=0")).collect();
    let proof = desk.proof(Some(desk.a), &requests, "the broker did it, on a marked topic");
    let operations: Vec<i8> = done.iter().map(|(.., operation)| *operation).collect();
    let home = desk.prefix(Kind::Topic, desk.a);
    let lines = repair::rules(Some(estate), &principal, (Kind::Topic, other), &operations, &home);
    // Known under this name if the questions have found it.
    let known = [format!("{principal}, everything"), format!("{principal}, all topics")];
    let known = known.into_iter().find(|name| desk.component.findings.iter().any(|f| f.object == *name));
    let object = known.unwrap_or_else(|| format!("{principal}, topics"));
    let what = format!("it {} a topic of {}", verbs.join(" and "), desk.b.id);
    desk.find(&object, what, &["EVT-01", "TEN-02"], proof, lines);
}

/// Sends a batch of an idempotent producer twice, and one that leaves a gap.
fn twice(desk: &mut Desk, own: &str) {
    let asked = InitProducerIdRequest::default().with_transactional_id(None).with_transaction_timeout_ms(60_000);
    let id = match desk.own.ask(&asked) {
        Ok(answer) if answer.error_code == code::NONE => (*answer.producer_id, answer.producer_epoch),
        Ok(answer) => {
            let why = error_name(answer.error_code);
            return desk.component.not_judged("a batch that comes twice (EVT-03)", why);
        }
        Err(wrong) => return desk.component.not_judged("a batch that comes twice (EVT-03)", wrong.told()),
    };
    let send = |sequence: i32| produce(&desk.own, own, 0, batch(&[MARK], Some((id.0, id.1, sequence))));
    let (first, second, gap) = (send(0), send(0), send(7));
    let (Ok((code::NONE, at, _)), Ok((again, there, _)), Ok((after, ..))) = (&first, &second, &gap) else {
        return desk.component.not_judged("a batch that comes twice (EVT-03)", format!("{first:?}"));
    };
    desk.component.judged("a batch that comes twice, and one that leaves a gap", 2, &["EVT-03"]);
    let (is_twice, is_gap) = (*again == code::NONE && there != at, *after == code::NONE);
    if !is_twice && !is_gap {
        return;
    }
    let what = match is_twice {
        true => "a batch that was sent again lies there twice",
        false => "a batch is taken although one before it is missing",
    };
    let requests = [0, 0, 7].map(|n| format!("Produce topic={own} producer={} sequence={n} acks=all", id.0));
    let proof = desk.proof(Some(desk.a), &requests, format!("offsets {at} and {there}, then {}", error_name(*after)));
    let line = "-- brokers that keep to the sequence of an idempotent producer".to_owned();
    desk.find("brokers, idempotent producers", what.to_owned(), &["EVT-03"], proof, vec![line]);
}

/// Asks for a topic that nobody has, as clients do that want it made.
fn comes(desk: &mut Desk, estate: &Estate) {
    let name = marked::name(desk.kafka, desk.a, ASKED);
    let asked = MetadataRequestTopic::default().with_name(Some(TopicName(text(&name))));
    let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(true);
    // What is answered says nothing: a topic comes a moment later.
    let _ = desk.own.ask(&request);
    thread::sleep(Duration::from_millis(COMES_MS));
    desk.component.judged("a topic that is asked for and must not come", 1, &["EVT-03", "EVT-08"]);
    if question::leader(&estate.session, &name).is_some() {
        let property = "auto.create.topics.enable";
        let what = "a topic that is asked for comes into being, with the replicas and retention of no one's choice";
        let proof = desk.proof(Some(desk.a), &[format!("Metadata topic={name} allow-auto-topic-creation")], "it came");
        let line = vec![repair::broker(property, "false")];
        desk.find(&format!("brokers, {property}"), what.to_owned(), &["EVT-03", "EVT-08"], proof, line);
    }
}

/// Floods as one tenant, and writes as the other meanwhile.
fn flood(desk: &mut Desk, own: &str, other: &str) {
    let limit = desk.kafka.flood_kib as usize;
    if limit == 0 {
        return desk.component.not_judged("a flood (EVT-08, TEN-05)", "flood-kib = 0");
    }
    let record = format!("{MARK} {}", "x".repeat(RECORD_KIB * 1024 - MARK.len() - 1));
    let (mut sent, mut held) = (0, 0);
    while sent < limit && held == 0 {
        match produce(&desk.own, own, 0, batch(&[record.as_str()], None)) {
            Ok((code::NONE, _, throttle_ms)) => held = throttle_ms,
            Ok((refused, ..)) => {
                let why = format!("a record of {RECORD_KIB} KiB is refused: {}", error_name(refused));
                return desk.component.not_judged("a flood (EVT-08, TEN-05)", why);
            }
            Err(wrong) => return desk.component.not_judged("a flood (EVT-08, TEN-05)", wrong.told()),
        }
        sent += RECORD_KIB;
    }
    desk.component.judged("a flood of one tenant, and a record of the other meanwhile", 2, &["EVT-08", "TEN-05"]);
    let (principal, words) = (desk.principal().to_owned(), [format!("Produce topic={own}, {sent} KiB")]);
    let user = principal.strip_prefix("User:").unwrap_or(&principal).to_owned();
    if held == 0 {
        let what = format!("{sent} KiB at once are taken, and nobody is told to wait");
        let proof = desk.proof(Some(desk.a), &words, "throttle_time_ms=0, every time");
        let object = format!("{principal}, quota");
        return desk.find(&object, what, &["EVT-08", "TEN-05"], proof, vec![repair::quota(&user)]);
    }
    match produce(&desk.other, other, 0, batch(&[MARK], None)) {
        Ok((code::NONE, _, 0)) => {}
        answer => {
            let what = format!("while {} is held back for its flood, {} is not served", desk.a.id, desk.b.id);
            let proof = desk.proof(Some(desk.b), &words, format!("{answer:?}"));
            let line = repair::quota(desk.other.login.principal.trim_start_matches("User:"));
            desk.find("quotas, neighbours", what, &["TEN-05", "EVT-08"], proof, vec![line]);
        }
    }
}
