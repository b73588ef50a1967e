//! The table `[gateway.issuer]`: the judge stands in for the test issuer, so that it can be away.

use super::place::Place;
use models::config::InputError;
use serde::Deserialize;
use std::net::SocketAddr;
use toml::Spanned;

/// Where a gateway asks, and what it does while nobody answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Issuer {
    /// `ADDRESS:PORT`, where the judge listens and the gateway asks, over HTTP without TLS.
    pub listen: Spanned<String>,
    /// The path of the issuer's keys, a JSON Web Key Set (RFC 7517).
    #[serde(default = "keys")]
    pub keys: Spanned<String>,
    /// What paths begin with at which the gateway asks about each request, if it does. The judge says yes to all but
    /// what it revokes, so whatever is denied otherwise was denied by the gateway.
    pub asks: Option<Spanned<String>>,
    /// How long keys that were fetched count while nobody can be asked, in seconds. 0: no request passes then.
    #[serde(default)]
    pub keys_last_s: u32,
    /// How soon honest requests pass again once somebody can be asked, in seconds.
    #[serde(default = "recovers_in_s")]
    pub recovers_in_s: u32,
    /// How soon a revoked token is refused, in seconds, where the gateway asks about each request.
    #[serde(default = "revokes_in_s")]
    pub revokes_in_s: u32,
}

fn keys() -> Spanned<String> {
    Spanned::new(0..0, "/.well-known/jwks.json".to_owned())
}

/// Longer than a client of HTTP waits between its tries, and too short for somebody to come and restart it.
fn recovers_in_s() -> u32 {
    30
}

/// As the reference platform has it.
fn revokes_in_s() -> u32 {
    1
}

/// What TOML and types do not say. Only tokens that the judge signs can be those of an issuer that it is.
pub fn check(issuer: &Spanned<Issuer>, is_minted: bool, place: &Place, found: &mut Vec<InputError>) {
    let mut wrong = |span, what: &str, expected: &str| found.push(place.at(span, what, expected));
    let table = issuer.get_ref();
    if !is_minted {
        wrong(issuer.span(), "an issuer of supplied tokens", "key in [gateway.token]: the judge signs what it issues");
    }
    if table.listen.get_ref().parse::<SocketAddr>().is_err() {
        wrong(table.listen.span(), "no address to listen at", "ADDRESS:PORT, as 127.0.0.1:8181");
    }
    for path in [Some(&table.keys), table.asks.as_ref()].into_iter().flatten() {
        if !path.get_ref().starts_with('/') || path.get_ref().contains(['?', '#']) {
            wrong(path.span(), "no path", "a path without a query, as /.well-known/jwks.json");
        }
    }
}
