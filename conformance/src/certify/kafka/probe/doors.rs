//! The door: TLS 1.3 with certificates on both sides, and a password where one is asked for.

use crate::certify::deployment::Tls;
use crate::certify::kafka::desk::Desk;
use crate::certify::kafka::link::{Link, Login, files};
use crate::certify::kafka::repair;
use crate::certify::tls::{Identity, client_as};
use kafka_protocol::messages::MetadataRequest;
use std::sync::Arc;
use tokio_rustls::rustls::SupportedProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

/// A password that nobody has.
const WRONG: &str = "cellproof: not the password";

/// Knocks with less than is due.
pub fn run(desk: &mut Desk) {
    let what = "connections without TLS, by TLS 1.2, without a certificate, by a stranger's, without a login";
    desk.component.judged(what, 6, &["IDN-05", "IDN-07", "IDN-10"]);
    clear_text(desk);
    if let Some(tls) = files(desk.kafka, desk.a) {
        old_version(desk, &tls);
        certificates(desk, &tls);
    }
    password(desk);
}

/// Whether a login is let in: not only connected, but answered.
fn is_let_in(link: &Link, login: &Login) -> bool {
    let Ok(session) = link.enter(login) else { return false };
    session.ask(&MetadataRequest::default().with_topics(Some(Vec::new()))).is_ok()
}

fn clear_text(desk: &mut Desk) {
    let login = Login { tls: None, ..desk.own.login.clone() };
    let nobody = Login { password: None, ..login.clone() };
    let listed = desk.estate.as_ref().and_then(|estate| estate.property("listeners")).unwrap_or_default().to_owned();
    let mut places: Vec<(String, Link)> = Vec::new();
    if desk.own.login.tls.is_none() {
        places.push((desk.link.place(), desk.link.clone()));
    }
    let given = desk.kafka.plain.as_ref().map(|url| url.get_ref().clone());
    let own_host = desk.link.place();
    let host = own_host.rsplit_once(':').map_or("", |(host, _)| host);
    // What the brokers' own file names, at the host that is known to be reached.
    let told = listed.split(',').filter(|line| is_clear(line)).filter_map(|line| line.rsplit_once(':'));
    let told = told.filter(|(_, port)| *port != "0").map(|(_, port)| format!("kafka://{host}:{port}"));
    for url in given.into_iter().chain(told) {
        if let Ok(link) = desk.link.at(&url) {
            places.push((link.place(), link));
        }
    }
    for (place, link) in places {
        let by = [("nobody", &nobody), ("the tenant", &login)].into_iter().find(|(_, login)| is_let_in(&link, login));
        let Some((who, _)) = by else { continue };
        let words = [format!("connect to {place} without TLS, as {who}"), "Metadata".to_owned()];
        let proof = desk.proof(None, &words, "the broker answered");
        let closed: Vec<&str> = listed.split(',').filter(|line| !is_clear(line) && !line.is_empty()).collect();
        let line = match closed.is_empty() {
            true => "-- in server.properties: listeners=SASL_SSL://… or SSL://…, and no other".to_owned(),
            false => repair::broker("listeners", &closed.join(",")),
        };
        let what = format!("it admits connections in clear text at {place}");
        desk.find("listener, clear text", what, &["IDN-05", "IDN-07"], proof, vec![line]);
    }
}

fn is_clear(listener: &str) -> bool {
    let listener = listener.trim();
    listener.starts_with("PLAINTEXT://") || listener.starts_with("SASL_PLAINTEXT://")
}

fn with(desk: &Desk, tls: &Tls, identity: Identity, version: &'static SupportedProtocolVersion) -> Option<Login> {
    let tls = client_as(tls, &desk.deployment.home, identity, version).ok()?;
    Some(Login { tls: Some(Arc::new(tls)), ..desk.own.login.clone() })
}

fn old_version(desk: &mut Desk, tls: &Tls) {
    let Some(login) = with(desk, tls, Identity::Own, &TLS12) else { return };
    if is_let_in(&desk.link, &login) {
        let proof =
            desk.proof(Some(desk.a), &["connect by TLS 1.2".to_owned(), "Metadata".to_owned()], "the broker answered");
        let what = "it speaks TLS 1.2".to_owned();
        desk.find(
            "listener, version",
            what,
            &["IDN-07"],
            proof,
            vec![repair::broker("ssl.enabled.protocols", "TLSv1.3")],
        );
    }
}

fn certificates(desk: &mut Desk, tls: &Tls) {
    let line = vec![repair::broker("ssl.client.auth", "required")];
    for (identity, shown, what) in [
        (Identity::Nobody, "no certificate", "it admits clients that show no certificate"),
        (Identity::Stranger, "a certificate that nobody but its holder signed", "it admits any certificate"),
    ] {
        let Some(login) = with(desk, tls, identity, &TLS13) else { continue };
        if is_let_in(&desk.link, &login) {
            let words = [format!("connect with {shown}"), "Metadata".to_owned()];
            let proof = desk.proof(None, &words, "the broker answered");
            // Whoever asks for none takes any.
            return desk.find("listener, certificates", what.to_owned(), &["IDN-05", "IDN-10"], proof, line);
        }
    }
}

fn password(desk: &mut Desk) {
    let Some((user, _)) = desk.own.login.password.clone() else { return };
    let wrong = Login { password: Some((user.clone(), WRONG.to_owned())), ..desk.own.login.clone() };
    let none = Login { password: None, ..desk.own.login.clone() };
    for (login, how, what) in [
        (wrong, format!("SaslAuthenticate user={user} (a wrong password)"), "it takes any password"),
        (none, "no SaslHandshake".to_owned(), "it answers before anybody has logged in"),
    ] {
        if is_let_in(&desk.link, &login) {
            let proof = desk.proof(None, &[how, "Metadata".to_owned()], "the broker answered");
            let line = repair::broker("sasl.enabled.mechanisms", "SCRAM-SHA-512");
            return desk.find("listener, login", what.to_owned(), &["IDN-10", "IDN-05"], proof, vec![line]);
        }
    }
}
