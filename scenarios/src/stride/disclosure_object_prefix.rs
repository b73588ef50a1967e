//! Information disclosure: a tenant's objects, by names that lead out of one's own prefix, and by links.
//!
//! The neighbour's id begins with the attacker's, so one character stands between their prefixes. A name is attacked
//! at the service and judged at the store as well; archives are attacked by their own tenant, whose token was stolen.

use crate::actors::attacker::{Event, Kit, Script};
use crate::actors::client::thumbprint;
use crate::actors::{Chore, Intruder, Librarian, Loot, bearer};
use crate::scenario::{Scenario, Variant, layered, sole};
use crate::stage::Stage;
use models::control::Controls;
use models::luck;
use models::objects::grant::GRANT;
use models::objects::path::{ARCHIVE, PATH, PREFIX};
use models::objects::shelf::{RETENTION, WRITE_ONCE};
use models::objects::url::{Link, Secret, URL_CLIENT, URL_EXPIRY, URL_METHOD, URL_PATH, URL_SIGNATURE};
use models::platform::Directory;
use models::platform::objects::{DOCUMENTS, FIRST_OBJECTS, first_key};
use models::wire::http::{Headers, Method};
use sim::fault::Target;
use sim::seed::below;
use sim::swarm::Allowance;
use sim::time::EPOCH_UNIX_S;
use sim::{Duration, Instant, NodeId};
use std::sync::Arc;

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "stride/disclosure-object-prefix",
    title: "No name and no link leads to another tenant's objects, and nobody empties an archive",
    threat: "A tenant names objects by dots, escapes, escapes of escapes and look-alikes that lead out of its prefix \
             and into its neighbour's, whose id begins with its own; it names the neighbour's objects outright, and \
             lists what begins like itself. Somebody with an archive's own token overwrites it and deletes from it. \
             And links go astray: forged, extended, used when they have ended, for another method, for another object, \
             and by another client than they were made for.",
    stride: Some('I'),
    requirements: &["STO-08", "TEN-02"],
    variants: &[
        // Two layers: the service reads the name, and the store grants the session one prefix.
        Variant {
            name: "traversal",
            mark: "object.out-of-prefix",
            controls: &[layered(&PATH, &GRANT), layered(&GRANT, &PATH)],
        },
        Variant {
            name: "neighbour",
            mark: "object.neighbour-asked",
            controls: &[layered(&PREFIX, &GRANT), layered(&GRANT, &PREFIX)],
        },
        Variant {
            name: "list",
            mark: "object.neighbours-listed",
            controls: &[layered(&PREFIX, &GRANT), layered(&GRANT, &PREFIX)],
        },
        Variant { name: "overwrite", mark: "object.overwritten", controls: &[sole(&WRITE_ONCE)] },
        Variant { name: "delete", mark: "object.deleted", controls: &[sole(&RETENTION)] },
        Variant { name: "forged", mark: "object.link-forged", controls: &[sole(&URL_SIGNATURE)] },
        Variant { name: "extended", mark: "object.link-extended", controls: &[sole(&URL_SIGNATURE)] },
        Variant { name: "late", mark: "object.link-late", controls: &[sole(&URL_EXPIRY)] },
        Variant { name: "other-method", mark: "object.link-for-other-method", controls: &[sole(&URL_METHOD)] },
        Variant { name: "other-object", mark: "object.link-moved", controls: &[sole(&URL_PATH)] },
        Variant { name: "leaked", mark: "object.link-leaked", controls: &[sole(&URL_CLIENT)] },
        // What is permitted is served: the store is no wall.
        Variant { name: "own", mark: "object.own-served", controls: &[] },
        Variant { name: "own-link", mark: "object.own-link-served", controls: &[] },
    ],
    canary: false,
    build,
};

/// The neighbour, whose id begins with the attacker's.
const VICTIM: &str = "acme-corp";
const ATTACKER: &str = "acme";
/// How long a link lives here.
const LINK_LIFE: Duration = Duration::secs(2);
/// The librarian gives out links until then.
const LENT_UNTIL: Instant = Instant(6_000_000_000);
/// Then the last of them has ended.
const ENDED: Instant = Instant(9_000_000_000);

/// Ways from the attacker's prefix into its neighbour's: `{}` is the rest of the name.
const WAYS_OUT: [&str; 12] = [
    "acme/../acme-corp/{}",
    "acme/documents/../../acme-corp/{}",
    "acme//..//acme-corp/{}",
    "acme/./../acme-corp/{}",
    "acme/..%2Facme-corp/{}",
    "acme/%2e%2e/acme-corp/{}",
    "acme/%2E%2E%2Facme-corp/{}",
    "acme/%252e%252e/acme-corp/{}",
    "acme/%25252e%25252e%25252facme-corp/{}",
    "acme/%c0%ae%c0%ae/acme-corp/{}",
    "acme/%EF%BC%8E%EF%BC%8E%EF%BC%8Facme-corp/{}",
    "acme/..%5cacme-corp/{}",
];

fn build(stage: &mut Stage<'_>) {
    stage.tenants("acme acme-corp beta", Duration::millis(80));
    stage.objects();
    stage.platform(|platform| platform.tokens.signed_url = LINK_LIFE);
    stage.usual_weather();
    stage.allow(Allowance {
        kind: "crash",
        targets: vec![Target::Node("cell-a/objects".into())],
        length: (Duration::millis(200), Duration::millis(1_200)),
        strength: (0, 0),
        on_ppm: 300_000,
        takes_copy: false,
    });
    names(stage);
    archives(stage);
    librarian(stage);
    for how in [How::Forged, How::Extended, How::Late, How::OtherMethod, How::OtherObject, How::Leaked] {
        thief(stage, how);
    }
}

/// Those who name what is not theirs.
fn names(stage: &mut Stage<'_>) {
    let planted = stage.own_marker(ATTACKER);
    let objects = |n: u32| first_key(VICTIM, DOCUMENTS, n);
    let out = WAYS_OUT.iter().enumerate().map(|(i, way)| {
        let rest = objects(i as u32 % FIRST_OBJECTS);
        way.replace("{}", rest.strip_prefix("acme-corp/").expect("a key begins with its tenant"))
    });
    let reads = |names: Vec<String>| names.into_iter().map(|name| (Method::Get, format!("/v1/objects/{name}"), ""));
    let mut traversal: Vec<(Method, String, &str)> = reads(out.collect()).collect();
    let outside = "acme/documents/%2e%2e/../acme-corp/documents/reports/planted";
    traversal.push((Method::Put, format!("/v1/objects/{outside}"), &planted));
    let mut neighbour: Vec<(Method, String, &str)> = reads((0..FIRST_OBJECTS).map(objects).collect()).collect();
    neighbour.push((Method::Put, format!("/v1/objects/{}", objects(77)), &planted));
    let list = ["acme", "acme-", "acme-corp/", "acme-corp/documents/names/"];
    let list: Vec<(Method, String, &str)> =
        list.iter().map(|prefix| (Method::Get, format!("/v1/objects?prefix={prefix}"), "")).collect();
    intruder(stage, ("traversal", ATTACKER), "object.out-of-prefix", (40, 120), traversal);
    intruder(stage, ("neighbour", ATTACKER), "object.neighbour-asked", (16, 250), neighbour);
    intruder(stage, ("list", ATTACKER), "object.neighbours-listed", (16, 250), list);
}

/// Somebody with an archive's own token, who wants what is in it to be gone.
fn archives(stage: &mut Stage<'_>) {
    let path = format!("/v1/objects/{}", first_key(VICTIM, ARCHIVE, 0));
    let over = vec![(Method::Put, path.clone(), "nothing happened here")];
    intruder(stage, ("overwrite", VICTIM), "object.overwritten", (12, 300), over);
    intruder(stage, ("delete", VICTIM), "object.deleted", (12, 300), vec![(Method::Delete, path, "")]);
}

fn intruder(
    stage: &mut Stage<'_>,
    (name, tenant): (&'static str, &'static str),
    mark: &'static str,
    (tries, gap_ms): (u32, u64),
    asks: Vec<(Method, String, &str)>,
) {
    let asks: Vec<(Method, String, Vec<u8>)> =
        asks.into_iter().map(|(method, path, body)| (method, path, body.as_bytes().to_vec())).collect();
    stage.attacker(name, Some(tenant), "STO-08", false, move |d| {
        let mut intruder = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), tenant, "EU", mark)
            .crafting(|token| Some(bearer(token)));
        intruder.asks.clone_from(&asks);
        (intruder.tries, intruder.gap) = (tries, Duration::millis(gap_ms));
        Box::new(intruder)
    });
}

/// The neighbour's own librarian, with objects, a leaflet for everybody, and links for some.
fn librarian(stage: &mut Stage<'_>) {
    let own = stage.own_marker(VICTIM).into_bytes();
    let loot = stage.loot.clone();
    let me = "attacker/librarian";
    stage.attacker("librarian", Some(VICTIM), "STO-08", false, move |d| {
        let desk = Intruder::new(d.node("cell-a/idp"), d.node("edge-a"), VICTIM, "EU", "object.librarian");
        let desk = Intruder { wait: Duration::millis(1_000), ..desk };
        let mut librarian = Librarian::new(desk, d.node("cell-a/objects"), loot.clone(), LENT_UNTIL);
        let fresh = first_key(VICTIM, DOCUMENTS, 50);
        librarian.first = vec![
            Chore::Put(fresh.clone(), own.clone()),
            Chore::Read(fresh, own.clone(), "object.own-served"),
            Chore::Put(leaflet(), b"everybody may read this".to_vec()),
        ];
        let report = |n| first_key(VICTIM, DOCUMENTS, n);
        librarian.then = vec![
            Chore::Lend(Method::Get, report(0), me),
            Chore::Use("object.own-link-served"),
            Chore::Lend(Method::Get, leaflet(), How::OtherObject.role()),
            Chore::Lend(Method::Put, report(1), How::OtherMethod.role()),
            Chore::Lend(Method::Get, report(1), How::Late.role()),
            Chore::Lend(Method::Get, report(2), How::Extended.role()),
        ];
        Box::new(librarian)
    });
}

/// Holds nothing of anybody's, and lies where the other reports of the tenant lie.
fn leaflet() -> String {
    first_key(VICTIM, DOCUMENTS, 60)
}

/// What is done with a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum How {
    Forged,
    Extended,
    Late,
    OtherMethod,
    OtherObject,
    Leaked,
}

impl How {
    const fn role(self) -> &'static str {
        match self {
            How::Forged => "attacker/forged",
            How::Extended => "attacker/extended",
            How::Late => "attacker/late",
            How::OtherMethod => "attacker/other-method",
            How::OtherObject => "attacker/other-object",
            How::Leaked => "attacker/leaked",
        }
    }

    const fn mark(self) -> &'static str {
        match self {
            How::Forged => "object.link-forged",
            How::Extended => "object.link-extended",
            How::Late => "object.link-late",
            How::OtherMethod => "object.link-for-other-method",
            How::OtherObject => "object.link-moved",
            How::Leaked => "object.link-leaked",
        }
    }
}

fn thief(stage: &mut Stage<'_>, how: How) {
    let (loot, name) = (stage.loot.clone(), how.role().strip_prefix("attacker/").expect("it is one"));
    let script = move |d: &Directory| -> Box<dyn Script> {
        let store = d.node("cell-a/objects");
        Box::new(Thief { how, loot: loot.clone(), store, tries: 14 })
    };
    match how {
        // What these hold was theirs for a while.
        How::Late | How::Extended => stage.renegade(name, VICTIM, "STO-08", ENDED, script),
        // Nobody's, who was given one link for one thing.
        How::OtherMethod | How::OtherObject => stage.attacker(name, None, "STO-08", false, script),
        How::Forged | How::Leaked => stage.attacker(name, Some(ATTACKER), "STO-08", true, script),
    }
}

/// Somebody with a link that is for something else.
struct Thief {
    how: How,
    loot: Loot,
    store: NodeId,
    tries: u32,
}

const TRY: u64 = 1;

impl Thief {
    /// What it asks the store for, once there is something to make it from.
    fn target(&self, kit: &mut Kit<'_, '_>) -> Option<String> {
        let has_ended = kit.ctx.now() >= ENDED;
        let given = |role: &str| self.loot.token_of(role);
        match self.how {
            How::Forged => Some(self.forged(kit, given("attacker/librarian").as_deref())),
            How::Leaked => given("attacker/librarian").map(|link| link.to_string()),
            How::OtherMethod => given(self.how.role()).map(|link| link.to_string()),
            How::OtherObject => {
                let link = given(self.how.role())?;
                Some(link.replace(&leaflet(), &first_key(VICTIM, DOCUMENTS, 0)))
            }
            How::Late => given(self.how.role()).filter(|_| has_ended).map(|link| link.to_string()),
            How::Extended => given(self.how.role()).filter(|_| has_ended).and_then(|link| extended(&link)),
        }
    }

    /// A link of its own making: under its own secret, under none, or with the signature of another one.
    fn forged(&self, kit: &mut Kit<'_, '_>, other: Option<&str>) -> String {
        let client = thumbprint(&kit.principal());
        let key = first_key(VICTIM, DOCUMENTS, 1);
        let link = Link { method: Method::Get, key, expires: EPOCH_UNIX_S + 86_400, client };
        let own = Secret::new(&[66; 32]).sign(&Controls::all_on(), &link);
        let (words, _) = own.rsplit_once('=').expect("a link ends in its signature");
        let signature = other.and_then(|other| other.rsplit_once('=')).map_or("", |(_, signature)| signature);
        match below(kit.draw(luck::ATTACK), 3) {
            0 => own,
            1 => format!("{words}="),
            _ => format!("{words}={signature}"),
        }
    }

    fn goes(&mut self, kit: &mut Kit<'_, '_>) {
        if self.tries == 0 || kit.is_over() {
            return;
        }
        let Some(target) = self.target(kit) else { return kit.after(Duration::millis(100), TRY) };
        self.tries -= 1;
        if kit.will_ask() {
            kit.mark(self.how.mark());
        }
        kit.ask(self.store, Method::Get, &target, Headers::default(), b"");
        kit.after(Duration::millis(230), TRY);
    }
}

/// The link with an end that lies a day later.
fn extended(link: &Arc<str>) -> Option<String> {
    let (before, rest) = link.split_once("expires=")?;
    let (expires, after) = rest.split_once('&')?;
    let expires: u64 = expires.parse().ok()?;
    Some(format!("{before}expires={}&{after}", expires + 86_400))
}

impl Script for Thief {
    fn step(&mut self, kit: &mut Kit<'_, '_>, event: Event<'_>) {
        match event {
            Event::Start => kit.after(kit.wait(Duration::millis(1_800)), TRY),
            Event::Tick(TRY) => self.goes(kit),
            _ => {}
        }
    }
}
