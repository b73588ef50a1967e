//! Nonsense: a dependency is reached and answers, and what it says is none of its words.
//!
//! It is not malice. Nothing here is a forged permission in good form: that is what signatures are for, and other
//! scenarios. These are error pages, halves, and answers to questions that nobody asked.

use models::ids::Bytes;
use models::wire::Wire;
use models::wire::http::{Reason, Response};
use models::wire::oidc::OidcAnswer;
use models::wire::policy::{BundleContent, Decision, Deny, SignedBundle};
use models::wire::svid::{Chain, Svid, SvidWord, TrustBundle};
use scenarios::actors::{Event, Kit, Script};
use sim::Instant;
use std::sync::Arc;

/// Where nonsense is counted.
pub const GARBLED: &str = "fail-closed.garbled";

const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

/// Stands between a dependency and those who ask it. Outside of its window it passes everything on as it is.
pub struct Garbler {
    /// From when until when it talks nonsense.
    pub window: (Instant, Instant),
    /// Which nonsense, of three.
    pub kind: u64,
}

impl Script for Garbler {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        let Event::Intercepted(from, to, word) = event else { return };
        if !(self.window.0..self.window.1).contains(&kit.ctx.now()) {
            return kit.out.send_as(from, to, word);
        }
        let garbled = garbled(&word, self.kind);
        if garbled.is_some() {
            kit.mark(GARBLED);
        }
        kit.out.send_as(from, to, garbled.unwrap_or(word));
    }
}

/// The word as nonsense; none for a word that is no answer of a dependency's.
fn garbled(word: &Wire, kind: u64) -> Option<Wire> {
    Some(match word {
        Wire::OidcAnswer(id, OidcAnswer::Jwks(keys)) => Wire::OidcAnswer(*id, OidcAnswer::Jwks(text(keys, kind))),
        Wire::OidcAnswer(id, OidcAnswer::Token(token)) => Wire::OidcAnswer(*id, OidcAnswer::Token(text(token, kind))),
        Wire::Bundle(bundle) => Wire::Bundle(Arc::new(signed(bundle, kind))),
        Wire::PolicyAnswer(id, (_, revision), _) => match kind {
            0 => Wire::HttpAnswer(Box::new(Response::new(*id, Reason::Internal).with_body(PAGE.as_bytes().into()))),
            1 => Wire::PolicyAnswer(*id, (Decision::deny(Deny::PolicyError), *revision), None),
            // Of a yes in good form the question is somebody else's.
            _ => Wire::PolicyAnswer(id + (1 << 40), (Decision::ALLOW, *revision), None),
        },
        Wire::Svid(word) => Wire::Svid(Box::new(match &**word {
            SvidWord::Issued(svid) => SvidWord::Issued(Arc::new(issued(svid, kind))),
            SvidWord::Bundle(bundle) => SvidWord::Bundle(Arc::new(trusted(bundle, kind))),
            _ => return None,
        })),
        _ => return None,
    })
}

/// An error page, the first half, or the same without content.
fn text(text: &Arc<str>, kind: u64) -> Arc<str> {
    match kind {
        0 => PAGE.into(),
        1 => text[..text.len() / 2].into(),
        _ => r#"{"keys":[]}"#.into(),
    }
}

/// Half of a policy, a policy without its data, or one whose signature is a page.
fn signed(bundle: &SignedBundle, kind: u64) -> SignedBundle {
    let (policy, data) = (bundle.content.policy(), bundle.content.data());
    let with = |policy: &str, data: &str| SignedBundle {
        content: Arc::new(BundleContent::new(policy, data)),
        ..bundle.clone()
    };
    match kind {
        0 => with(&policy[..policy.len() / 2], data),
        1 => with(policy, "{}"),
        _ => SignedBundle { signature: Some(PAGE.as_bytes().into()), ..bundle.clone() },
    }
}

/// A certificate that is half, without its issuer, or another number's.
fn issued(svid: &Svid, kind: u64) -> Svid {
    let mut svid = svid.clone();
    match kind {
        0 => svid.chain = svid.chain.iter().map(half).collect(),
        1 => svid.chain = svid.chain.iter().take(1).cloned().collect::<Chain>(),
        _ => svid.key.index += 1_000,
    }
    svid
}

/// A bundle whose roots are half, whose revocation lists are half, or that is a page.
fn trusted(bundle: &TrustBundle, kind: u64) -> TrustBundle {
    let mut bundle = bundle.clone();
    match kind {
        0 => bundle.authorities = bundle.authorities.iter().map(half).collect(),
        1 => bundle.revoked = vec![PAGE.as_bytes().into()],
        _ => bundle.authorities = vec![PAGE.as_bytes().into()],
    }
    bundle
}

fn half(der: &Bytes) -> Bytes {
    der[..der.len() / 2].into()
}
