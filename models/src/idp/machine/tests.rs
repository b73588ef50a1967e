//! A provider and two clients, one of which speaks of the other's certificate.

use super::*;
use crate::crypto::sha256;
use crate::wire::oidc::parse;
use sim::choice::Choices;
use sim::control::ControlSet;
use sim::network::LinkSpec;
use sim::node::{Boot, NodeSpec};
use sim::seed::{Draws, Quantiles};
use sim::world::{World, WorldSpec};
use std::rc::Rc;

const ISSUER: &str = "https://id.partner.test";
const API: &str = "https://api.cellproof.test";

struct Client;

fn request(name: &str, tenant: &str, audience: &str) -> TokenRequest {
    TokenRequest {
        client_id: name.into(),
        proof: ClientProof::Certificate(sha256(b"client/ann")),
        subject: name.into(),
        tenant: tenant.into(),
        audience: audience.into(),
        region: "eu".into(),
        scopes: vec!["records".into(), "events".into()],
        client_binding: Some(sha256(b"client/ann")),
        clearance: "confidential".into(),
        lifetime: Duration::secs(300),
        valid_after: Duration::ZERO,
    }
}

impl Machine<Saas> for Client {
    fn handle(&mut self, _: &mut Ctx<'_, Saas>, input: Input<Saas>, out: &mut Outbox<Saas>) {
        match input {
            Input::Timer { .. } => {
                let asks = [("acme", API), ("initech", ANALYTICS_AUDIENCE), ("globex", API)];
                for (id, (tenant, audience)) in asks.into_iter().enumerate() {
                    let asked = OidcRequest::Token(Arc::new(request("client/ann", tenant, audience)));
                    out.send(NodeId(0), Wire::Oidc(id as u64, Box::new(asked)));
                }
                out.send(NodeId(0), Wire::Oidc(9, Box::new(OidcRequest::Jwks)));
            }
            Input::Message { message: Wire::OidcAnswer(value, answer), .. } => {
                let about: Arc<str> = match answer {
                    OidcAnswer::Token(token) => {
                        let claims = parse(&token).unwrap().claims;
                        assert_eq!(&*claims.iss, ISSUER);
                        assert_eq!(claims.cnf.as_ref().map(|c| c.certificate), Some(sha256(b"client/ann")));
                        format!("token {}", claims.tenant).into()
                    }
                    OidcAnswer::Refused(why) => why.into(),
                    OidcAnswer::Login(_) => "login".into(),
                    OidcAnswer::Jwks(keys) => format!("{} keys", keys.matches("\"kid\"").count()).into(),
                };
                out.fact(Fact::Reported { by: "toy", what: "answer", about, value });
            }
            _ => {}
        }
    }
}

#[test]
fn a_certificate_is_what_the_connection_shows_and_not_what_the_request_says() {
    let certificate = sha256(b"client/ann");
    let mut idp = IdpMachineSpec::new(ISSUER);
    idp.thumbprints = BTreeMap::from([(NodeId(1), certificate), (NodeId(2), sha256(b"client/eve"))]);
    idp.principals = vec![Principal::new("client/ann", certificate, &["acme".into(), "initech".into()], "eu", API)];
    idp.rotate_every = Some(Duration::millis(500));
    let client: Boot<Saas> = Rc::new(|_, out| {
        out.timer(Duration::secs(1), 1);
        Box::new(Client)
    });
    let boot: Boot<Saas> = Rc::new(move |ctx, out| Box::new(IdpMachine::boot(&idp, ctx, out)));
    let node = |role: &str, boot: Boot<Saas>| NodeSpec {
        role: role.into(),
        group: "g".into(),
        zone: "z".into(),
        workers: 1,
        queue_max: 99,
        sync_ns: Quantiles::constant(1),
        boot,
    };
    let link = LinkSpec { latency_ns: Quantiles::constant(1_000_000) };
    let spec = WorldSpec {
        nodes: vec![
            node("partner/idp", boot),
            node("ann", client.clone()),
            node("eve", client.clone()),
            node("nobody", client),
        ],
        local: link.clone(),
        remote: link,
        links: vec![],
        faults: vec![],
        positions: vec![],
        spares: vec![],
        safety_until: Instant(2_000_000_000),
        end: Instant(2_000_000_000),
        oracles: vec![],
        keep: true,
    };
    let outcome = World::new(spec, Draws::new(1, Choices::default()), ControlSet::EMPTY).run();
    let answers = |node: u32| {
        let said = |fact: &Fact| match fact {
            Fact::Reported { about, .. } => Some(about.to_string()),
            _ => None,
        };
        let of_node = outcome.journal.entries.iter().filter(|e| e.node == NodeId(node));
        of_node.filter_map(|e| said(&e.fact)).collect::<Vec<_>>()
    };
    assert_eq!(answers(1), ["token acme", "token initech", "access_denied", "3 keys"]);
    let refused = ["invalid_client", "invalid_client", "invalid_client", "3 keys"];
    assert_eq!(answers(2), refused, "a stolen thumbprint is no certificate");
    assert_eq!(answers(3), refused);
}
