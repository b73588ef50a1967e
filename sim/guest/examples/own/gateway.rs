//! A gateway as a user might bring it: a hyper server that reads tokens and forwards. It is ordinary tokio code but for
//! where its sockets, its tasks and its clock come from: the example that includes this file says so in its `net`.
//!
//! Two checks differ in one line. The careful one has the token's signature verified; the careless one decodes it, as
//! code does that was written against a test provider.

use super::net::{TcpListener, TcpStream, since_epoch, spawn_local};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, client, server};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, dangerous, decode};
use models::config::Inputs;
use models::crypto::{base64url, key};
use models::platform::{AUDIENCE, ISSUER, idp_key_role};
use models::saas::Saas;
use scenarios::catalogue;
use scenarios::compare::{Told, tell};
use scenarios::stage::form::{self, Set, Weather};
use serde::Deserialize;
use sim::world::Outcome;
use std::convert::Infallible;
use std::net::SocketAddr;

/// What this gateway wants to know of a token.
#[derive(Deserialize)]
pub struct Claims {
    exp: u64,
    tenant: String,
    tenants: Option<Vec<String>>,
    region: String,
}

/// Reads a token, or refuses it.
pub type Check = fn(&str) -> Option<Claims>;

/// The signature is verified, under the one algorithm and the one key that the provider signs with. The library would
/// ask the system's clock for expiry; here time is simulated, so the gateway asks its host.
pub fn careful(token: &str) -> Option<Claims> {
    let provider = key(&idp_key_role(ISSUER), 0);
    let public = DecodingKey::from_ed_components(&base64url(provider.public())).ok()?;
    let mut wanted = Validation::new(Algorithm::EdDSA);
    wanted.set_audience(&[AUDIENCE]);
    wanted.set_issuer(&[ISSUER]);
    wanted.validate_exp = false;
    let claims = decode::<Claims>(token, &public, &wanted).ok()?.claims;
    (since_epoch()?.as_secs() < claims.exp).then_some(claims)
}

/// The signature is not looked at.
pub fn careless(token: &str) -> Option<Claims> {
    Some(dangerous::insecure_decode::<Claims>(token).ok()?.claims)
}

/// The gateway itself.
pub async fn serve(listener: TcpListener, service: SocketAddr, check: Check) {
    while let Ok((stream, _)) = listener.accept().await {
        let handler = service_fn(move |request| handle(request, service, check));
        // No date: a header that hyper would take from the system's clock.
        let mut http = server::conn::http1::Builder::new();
        let connection = http.auto_date_header(false).serve_connection(TokioIo::new(stream), handler);
        spawn_local(connection);
    }
}

type Answer = Response<Full<Bytes>>;

fn refuse(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

async fn handle(request: Request<Incoming>, service: SocketAddr, check: Check) -> Result<Answer, Infallible> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(claims) = header(AUTHORIZATION.as_str()).and_then(check) else {
        return Ok(refuse(StatusCode::UNAUTHORIZED));
    };
    let tenant = header("x-tenant-id").unwrap_or(&claims.tenant).to_owned();
    let granted = claims.tenants.unwrap_or_else(|| vec![claims.tenant.clone()]);
    if !granted.contains(&tenant) {
        return Ok(refuse(StatusCode::FORBIDDEN));
    }
    Ok(forward(request, service, &tenant, &claims.region).await.unwrap_or_else(|| refuse(StatusCode::BAD_GATEWAY)))
}

/// Asks the service behind, in the name of the tenant.
async fn forward(request: Request<Incoming>, service: SocketAddr, tenant: &str, region: &str) -> Option<Answer> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert("x-tenant-id", HeaderValue::from_str(tenant).ok()?);
    head.headers.insert("x-region", HeaderValue::from_str(region).ok()?);
    head.headers.entry(HOST).or_insert(HeaderValue::from_static("service"));
    let stream = TcpStream::connect(service).await.ok()?;
    let (mut sender, connection) = client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    spawn_local(connection);
    let answered = sender.send_request(Request::from_parts(head, Full::new(body))).await.ok()?;
    let (mut head, body) = answered.into_parts();
    head.headers.insert("x-tenant-id", HeaderValue::from_str(tenant).ok()?);
    head.headers.insert("x-region", HeaderValue::from_str(region).ok()?);
    Some(Response::from_parts(head, Full::new(body.collect().await.ok()?.to_bytes())))
}

/// Whom the gateway stands in for: the node, and the cell that it is in front of.
pub const PLACE: (&str, &str) = ("edge-a", "cell-a");
/// The luck of both runs.
pub const SEED: u64 = 7;

/// Sets up the forgers of tokens, lets an engine run them, and tells what came of it.
pub fn attack(engine: &str, run: impl FnOnce(&Inputs, Set) -> Outcome<Saas>) -> Told {
    let inputs = Inputs::embedded();
    let scenario = catalogue::find("stride/spoofing-stolen-token").expect("it is in the catalogue");
    let parts = form::of(scenario).expect("it has an engine form").parts;
    let part = parts.iter().find(|part| part.name == "forged").expect("a part with forgers");
    let set = part.set(&inputs, scenario, Weather::Calm, SEED).expect("the part can be set up");
    tell((scenario, part), Weather::Calm, (SEED, &[]), engine, run(&inputs, set))
}

/// Prints what the scenario finds about each of the two.
pub fn show(attack: impl Fn(Check) -> Told) {
    for (name, check) in [("careful", careful as Check), ("careless", careless)] {
        let told = attack(check);
        println!("{name}: {}", told.verdict);
        told.findings.iter().chain(&told.mistakes).for_each(|found| println!("  {found}"));
    }
}

/// Checks that it finds what is wrong with one, and nothing about the other.
#[cfg(test)]
pub fn check(attack: impl Fn(Check) -> Told) {
    let careful = attack(careful);
    assert_eq!((careful.verdict.as_str(), &careful.findings, &careful.mistakes), ("held", &[].into(), &[].into()));
    let careless = attack(careless);
    assert_eq!(careless.verdict, "breach", "{careless:?}");
    assert!(careless.findings.iter().any(|found| found.starts_with("IDN-01 ")), "{:?}", careless.findings);
    for told in [&careful, &careless] {
        let of_clients = told.lives.values().filter_map(|life| life.said.get("client/acme"));
        let served = of_clients.flatten().filter(|said| said.starts_with("200 ")).count();
        assert!(served >= 20, "only {served} honest requests were served");
    }
}
