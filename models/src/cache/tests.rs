//! Attacks on the cache, client library and server together: each told once, run with every control on and off.

use super::envelope::EPOCH_FENCE;
use super::keys::{self, KEY_ENCODING, KEY_NAMESPACE};
use super::{Account, CacheClient, CacheServer, Key, Memory, Owner, Read, User, acl::ACL_PATTERN};
use crate::control::{Control, ControlSet, Controls};
use crate::ids::Bytes;
use crate::wire::resp::{Command, ConnectionId, ErrorCode, Reply};
use sim::{Duration, Instant};

struct Stage {
    controls: Controls,
    server: CacheServer,
    client: CacheClient,
}

/// One server, one service; tenants `acme`, `globex` and `acme:corp`, each with its own ACL user and password `pw`.
fn stage(off: &[&Control]) -> Stage {
    let controls = Controls::with_off(off.iter().fold(ControlSet::EMPTY, |set, c| set.with(c.slot)));
    let mut server = CacheServer::new(Memory::new(16, 1 << 20));
    let account = |user: &str| Account { user: user.into(), password: (*b"pw").into(), database: 0 };
    let mut client = CacheClient::new(account("platform"), 0, Duration::secs(60));
    let mut add = |name: &str, pattern: &[u8]| {
        let mut user = User::parse(name, "on >pw +get +set +del +exists +select").expect("valid rules");
        user.allow_keys(pattern);
        server.set_user(user);
    };
    add("platform", &keys::platform_pattern());
    for tenant in ["acme", "globex", "acme:corp"] {
        add(tenant, &keys::tenant_pattern(&controls, tenant));
        client.set_account(tenant.into(), account(tenant));
    }
    Stage { controls, server, client }
}

impl Stage {
    fn put(&mut self, key: Key<'_>, payload: &str) -> Read {
        let call = self.client.put(&self.controls, key, payload.as_bytes()).expect("has an account");
        let response = self.server.handle(Instant(1), &self.controls, call.connection, call.request);
        self.client.settle(&self.controls, call.ticket, response)
    }
    fn get(&mut self, key: Key<'_>) -> Option<String> {
        let call = self.client.get(&self.controls, key).expect("has an account");
        let response = self.server.handle(Instant(2), &self.controls, call.connection, call.request);
        match self.client.settle(&self.controls, call.ticket, response) {
            Read::Hit(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        }
    }
    /// An attacker with the credentials of `user`, without the client library.
    fn raw(&mut self, user: &str, command: Command) -> Reply {
        let login = Command::Auth { user: user.into(), password: (*b"pw").into() };
        let mut replies = self.server.handle(Instant(3), &self.controls, ConnectionId(1 << 40), vec![login, command]);
        replies.pop().expect("a reply per command")
    }
}

fn owner(tenant: &str, epoch: u64) -> Owner {
    Owner { tenant: tenant.into(), epoch }
}

/// globex caches a profile, acme asks the service for the same id: does acme get globex's bytes?
fn plain_read_leaks(off: &[&Control]) -> bool {
    let mut stage = stage(off);
    stage.put(Key::Tenant { owner: &owner("globex", 1), family: "profile", id: "7" }, "globex secret");
    stage.get(Key::Tenant { owner: &owner("acme", 1), family: "profile", id: "7" }).is_some()
}

#[test]
fn a_plain_cross_tenant_read_needs_both_layers_off() {
    assert!(!plain_read_leaks(&[]));
    assert!(!plain_read_leaks(&[&KEY_NAMESPACE]));
    assert!(!plain_read_leaks(&[&ACL_PATTERN]));
    assert!(plain_read_leaks(&[&KEY_NAMESPACE, &ACL_PATTERN]));
}

#[test]
fn stolen_credentials_read_another_tenants_key_only_without_acl_patterns() {
    let leaks = |off: &[&Control]| {
        let mut stage = stage(off);
        stage.put(Key::Tenant { owner: &owner("globex", 1), family: "profile", id: "7" }, "globex secret");
        let reply = stage.raw("acme", Command::Get((*b"globex:profile:7").into()));
        matches!(reply, Reply::Value(Some(_)))
    };
    assert!(!leaks(&[]));
    assert!(leaks(&[&ACL_PATTERN]));
}

#[test]
fn a_crafted_page_name_reads_a_session_only_without_encoding() {
    let leaks = |off: &[&Control]| {
        let mut stage = stage(off);
        stage.put(Key::Session { owner: &owner("globex", 1), id: "7" }, "globex session");
        stage.get(Key::Public { name: "session:globex:7" }).is_some()
    };
    assert!(!leaks(&[]));
    assert!(!leaks(&[&KEY_NAMESPACE]) && !leaks(&[&ACL_PATTERN]) && !leaks(&[&EPOCH_FENCE]));
    assert!(leaks(&[&KEY_ENCODING]));
}

#[test]
fn a_tenant_named_with_a_delimiter_lies_under_its_neighbours_pattern_only_without_encoding() {
    let leaks = |off: &[&Control]| {
        let mut stage = stage(off);
        stage.put(Key::Tenant { owner: &owner("acme:corp", 1), family: "profile", id: "7" }, "corp secret");
        let names: [&[u8]; 2] = [b"acme:corp:profile:7", b"acme%3Acorp:profile:7"];
        names.iter().any(|n| matches!(stage.raw("acme", Command::Get((*n).into())), Reply::Value(Some(_))))
    };
    assert!(!leaks(&[]));
    assert!(leaks(&[&KEY_ENCODING]));
}

#[test]
fn the_successor_of_a_deleted_tenant_reads_its_entries_only_without_the_fence() {
    let leaks = |off: &[&Control]| {
        let mut stage = stage(off);
        stage.put(Key::Tenant { owner: &owner("acme", 1), family: "profile", id: "7" }, "former acme");
        // The tenant is deleted and its name given away; the pool still holds the former tenant's connection.
        stage.client.remove_account("acme");
        let account = Account { user: "acme".into(), password: (*b"pw").into(), database: 0 };
        stage.client.set_account("acme".into(), account);
        stage.get(Key::Tenant { owner: &owner("acme", 2), family: "profile", id: "7" }).is_some()
    };
    assert!(!leaks(&[]));
    assert!(!leaks(&[&KEY_NAMESPACE]) && !leaks(&[&ACL_PATTERN]));
    assert!(leaks(&[&EPOCH_FENCE]));
}

#[test]
fn honest_tenants_read_what_they_wrote_over_a_pooled_connection() {
    let mut stage = stage(&[]);
    let acme = owner("acme", 1);
    let key = Key::Tenant { owner: &acme, family: "profile", id: "7" };
    assert_eq!(stage.get(key), None);
    assert_eq!(stage.put(key, "mine"), Read::Done);
    assert_eq!(stage.get(key).as_deref(), Some("mine"));
    let second = stage.client.get(&stage.controls, key).expect("has an account");
    assert_eq!((second.connection, second.request.len()), (ConnectionId(1), 1));
}

#[test]
fn a_refused_auth_leaves_the_connection_with_its_former_user() {
    let mut stage = stage(&[]);
    let connection = ConnectionId(77);
    let auth = |user: &str, password: &[u8]| Command::Auth { user: user.into(), password: password.into() };
    let get: Bytes = (*b"acme:profile:7").into();
    let request = vec![Command::Get(get.clone()), auth("acme", b"pw"), auth("globex", b"wrong"), Command::Get(get)];
    let replies = stage.server.handle(Instant(1), &stage.controls, connection, request);
    let expected = [Reply::Error(ErrorCode::NoAuth), Reply::Ok, Reply::Error(ErrorCode::WrongPass), Reply::Value(None)];
    assert_eq!(replies, expected);
    assert_eq!(stage.server.delete_user("acme"), [connection]);
}

#[test]
fn scan_shows_other_tenants_key_names_to_a_user_that_may_scan() {
    // True of Redis 7: key patterns do not apply to SCAN. The reference never grants it to tenants.
    let mut stage = stage(&[]);
    stage.put(Key::Tenant { owner: &owner("globex", 1), family: "profile", id: "7" }, "globex secret");
    stage.server.set_user(User::parse("acme", "on >pw ~acme:* +get +scan").expect("valid rules"));
    let scan = |count| Command::Scan { cursor: 0, pattern: (*b"*").into(), count };
    let keys = vec![Bytes::from(*b"globex:profile:7")];
    assert_eq!(stage.raw("acme", scan(10)), Reply::Page { cursor: 0, keys });
    assert_eq!(stage.raw("globex", scan(10)), Reply::Error(ErrorCode::NoPermCommand));
}
