//! Signed links to objects: who holds one may do one thing, to one object, for a while, on one connection.
//!
//! HMAC-SHA-256 by the library over every word of the link, under a secret that service and store share. Whether the
//! time is over, and whether it is this request that the link is for, no library checks: that is done here.

use crate::control;
use crate::control::{Control, Controls};
use crate::crypto::{base64url, base64url_decode, whole_seconds};
use crate::wire::http::Method;
use aws_lc_rs::hmac;
use sim::time::EPOCH_UNIX_S;
use sim::{Duration, Instant};

/// The signature of a link is verified.
pub const URL_SIGNATURE: Control = control!(
    "objects.url-signature",
    upholds: ["STO-08"],
    off: "a link is read and its signature is not, as when a proxy answers for the store",
);

/// A link ends.
pub const URL_EXPIRY: Control = control!(
    "objects.url-expiry",
    upholds: ["STO-08"],
    off: "the end of a link is signed and never compared with a clock",
);

/// A link is for one method.
pub const URL_METHOD: Control = control!(
    "objects.url-method",
    upholds: ["STO-08"],
    off: "whoever has a link to an object may do everything to it, as with a capability that names no right",
);

/// A link is for one object.
pub const URL_PATH: Control = control!(
    "objects.url-path",
    upholds: ["STO-08"],
    off: "the signature covers the tenant's prefix, as with signed cookies for a path: any other object fits as well",
);

/// A link is for one client.
pub const URL_CLIENT: Control = control!(
    "objects.url-client",
    upholds: ["STO-08"],
    off: "a link is good in anybody's hands, as signed URLs usually are: in a log, in a chat, with another tenant",
);

/// Between the path and the words of a link.
const QUERY: char = '?';
const DOMAIN: &str = "cellproof object link v1";

/// What a link permits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link {
    /// What may be done.
    pub method: Method,
    /// To which object.
    pub key: String,
    /// Until when, in seconds since the Unix epoch; not after.
    pub expires: u64,
    /// On connections that show this certificate, by SHA-256 of its DER.
    pub client: [u8; 32],
}

/// Why a link opens nothing. Codes are stable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is no link.
    Malformed,
    /// The signature is not ours over these words.
    Signature,
    /// Its time is over.
    Expired,
    /// It is for something else than this request.
    Method,
    /// It was made for somebody else.
    Client,
}

impl Refused {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Refused::Malformed => "LINK_MALFORMED",
            Refused::Signature => "LINK_SIGNATURE",
            Refused::Expired => "LINK_EXPIRED",
            Refused::Method => "LINK_METHOD",
            Refused::Client => "LINK_CLIENT",
        }
    }
}

/// The secret that service and store of a cell share.
#[derive(Clone, Debug)]
pub struct Secret(hmac::Key);

impl Secret {
    /// The secret of these bytes.
    pub fn new(bytes: &[u8; 32]) -> Secret {
        Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Signs a link: path and query of a request to the store.
    pub fn sign(&self, controls: &Controls, link: &Link) -> String {
        let tag = hmac::sign(&self.0, link.signed(controls).as_bytes());
        link.written(&base64url(tag.as_ref()))
    }
}

/// When a link that is made now and lives so long ends.
pub fn expiry(now: Instant, life: Duration) -> u64 {
    EPOCH_UNIX_S + whole_seconds(now.since(Instant::ZERO) + life)
}

impl Link {
    /// The words under the signature, a line each. None of them can hold a line end.
    fn signed(&self, controls: &Controls) -> String {
        let tenant = self.key.split('/').next().unwrap_or_default();
        let covered = if controls.on(&URL_PATH) { &*self.key } else { tenant };
        let client = base64url(&self.client);
        format!("{DOMAIN}\n{}\n{covered}\n{}\n{client}\n", self.method.name(), self.expires)
    }

    fn written(&self, signature: &str) -> String {
        let (method, expires, client) = (self.method.name(), self.expires, base64url(&self.client));
        format!("/{}{QUERY}method={method}&expires={expires}&client={client}&signature={signature}", self.key)
    }

    /// Reads a link, in the one spelling that it has.
    fn read(target: &str) -> Option<(Link, Vec<u8>)> {
        let (path, query) = target.strip_prefix('/')?.split_once(QUERY)?;
        let mut words = query.split('&');
        let mut word = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
        let method = word("method")?;
        let method = Method::ALL.into_iter().find(|m| m.name() == method)?;
        let expires = word("expires")?.parse().ok()?;
        let client = base64url_decode(word("client")?)?.try_into().ok()?;
        let text = word("signature")?;
        let link = Link { method, key: path.to_owned(), expires, client };
        (link.written(text) == target).then_some((link, base64url_decode(text)?))
    }
}

/// What a request with a link may do, at `now`, on a connection that shows this certificate.
///
/// # Errors
/// Says why it may do nothing.
pub fn open(
    (now, controls): (Instant, &Controls),
    secret: &Secret,
    (method, target): (Method, &str),
    certificate: Option<&[u8; 32]>,
) -> Result<Link, Refused> {
    let (link, signature) = Link::read(target).ok_or(Refused::Malformed)?;
    let words = link.signed(controls);
    if controls.on(&URL_SIGNATURE) && hmac::verify(&secret.0, words.as_bytes(), &signature).is_err() {
        return Err(Refused::Signature);
    }
    if controls.on(&URL_EXPIRY) && expiry(now, Duration::ZERO) > link.expires {
        return Err(Refused::Expired);
    }
    if controls.on(&URL_METHOD) && method != link.method {
        return Err(Refused::Method);
    }
    if controls.on(&URL_CLIENT) && certificate != Some(&link.client) {
        return Err(Refused::Client);
    }
    Ok(link)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::ControlSet;

    const NOW: Instant = Instant(3_000_000_000);
    const CLIENT: [u8; 32] = [7; 32];

    fn link() -> Link {
        let key = "acme/documents/reports/7".into();
        Link { method: Method::Get, key, expires: expiry(NOW, Duration::secs(2)), client: CLIENT }
    }

    fn secret() -> Secret {
        Secret::new(&[1; 32])
    }

    fn check(target: &str, method: Method, now: Instant, client: [u8; 32], expected: (Refused, &Control)) {
        let ask = |controls: &Controls| open((now, controls), &secret(), (method, target), Some(&client));
        assert_eq!(ask(&Controls::all_on()), Err(expected.0), "{target}");
        let off = Controls::with_off(ControlSet::EMPTY.with(expected.1.slot));
        assert!(ask(&off).is_ok(), "{target}: {:?}", ask(&off));
    }

    #[test]
    fn a_link_opens_what_it_is_for_until_it_ends() {
        let target = secret().sign(&Controls::all_on(), &link());
        let at = |seconds: u64| (NOW + Duration::secs(seconds), Controls::all_on());
        for (seconds, opens) in [(0, true), (2, true), (3, false)] {
            let (now, on) = at(seconds);
            let opened = open((now, &on), &secret(), (Method::Get, &target), Some(&CLIENT));
            assert_eq!(opened, if opens { Ok(link()) } else { Err(Refused::Expired) });
        }
        assert_eq!(open((NOW, &Controls::all_on()), &secret(), (Method::Get, &target), None), Err(Refused::Client));
    }

    #[test]
    fn each_check_alone_stands_between_a_link_and_what_it_is_not_for() {
        let on = Controls::all_on();
        let target = secret().sign(&on, &link());
        let late = NOW + Duration::secs(9);
        check(&target, Method::Get, late, CLIENT, (Refused::Expired, &URL_EXPIRY));
        check(&target, Method::Delete, NOW, CLIENT, (Refused::Method, &URL_METHOD));
        check(&target, Method::Get, NOW, [8; 32], (Refused::Client, &URL_CLIENT));
        let extended = target.replace(&link().expires.to_string(), &(link().expires + 60).to_string());
        check(&extended, Method::Get, late, CLIENT, (Refused::Signature, &URL_SIGNATURE));
        let forged = Secret::new(&[2; 32]).sign(&on, &link());
        check(&forged, Method::Get, NOW, CLIENT, (Refused::Signature, &URL_SIGNATURE));
        let moved = target.replace("reports/7", "reports/8");
        check(&moved, Method::Get, NOW, CLIENT, (Refused::Signature, &URL_SIGNATURE));
    }

    #[test]
    fn without_its_path_a_link_fits_every_object_of_the_tenant_and_no_other_tenants() {
        let off = Controls::with_off(ControlSet::EMPTY.with(URL_PATH.slot));
        let target = secret().sign(&off, &link());
        let ask = |target: &str| open((NOW, &off), &secret(), (Method::Get, target), Some(&CLIENT));
        assert!(ask(&target.replace("reports/7", "reports/8")).is_ok());
        assert_eq!(ask(&target.replace("/acme/", "/acme-corp/")), Err(Refused::Signature));
    }

    #[test]
    fn a_link_has_one_spelling() {
        let on = Controls::all_on();
        let target = secret().sign(&on, &link());
        for broken in [
            target.replace("expires=", "expires=0"),
            target.replace("&client", "&x=1&client"),
            target.clone() + "&x=1",
            target.replace('?', "??"),
            target.replacen('/', "", 1),
            target.replace("GET", "get"),
        ] {
            let opened = open((NOW, &on), &secret(), (Method::Get, &broken), Some(&CLIENT));
            assert_eq!(opened, Err(Refused::Malformed), "{broken}");
        }
    }
}
