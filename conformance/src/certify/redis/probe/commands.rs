//! Commands that no key pattern fences: those that name every key, those that show what others do, and those that
//! change the server for everybody.

use crate::certify::redis::desk::Desk;
use crate::certify::redis::link::text;

/// Name, words, and what it does. Queued in a transaction and discarded.
const CHANGES: &[(&str, &[&str], &str)] = &[
    ("flushall", &["FLUSHALL"], "erases the keys of all tenants"),
    ("flushdb", &["FLUSHDB"], "erases the keys of all tenants"),
    ("swapdb", &["SWAPDB", "0", "1"], "exchanges databases under the feet of all tenants"),
    ("config|set", &["CONFIG", "SET", "maxmemory", "1gb"], "configures the server"),
    ("acl|setuser", &["ACL", "SETUSER", "cellproof"], "changes users, itself included"),
    ("function|flush", &["FUNCTION", "FLUSH"], "takes away or replaces functions that others call"),
    ("function|load", &["FUNCTION", "LOAD", "#!lua name=x"], "takes away or replaces functions that others call"),
    ("script|flush", &["SCRIPT", "FLUSH"], "takes away scripts that others call"),
    ("client|kill", &["CLIENT", "KILL", "ID", "1"], "ends connections of others"),
    ("client|pause", &["CLIENT", "PAUSE", "1"], "holds up all clients"),
    ("debug", &["DEBUG", "JMAP"], "debugs the server"),
    ("replicaof", &["REPLICAOF", "NO", "ONE"], "makes the server a copy of another one"),
    ("module|load", &["MODULE", "LOAD", "x"], "loads code into the server"),
    ("migrate", &["MIGRATE", "127.0.0.1", "1", "x", "0", "1"], "sends keys to other servers"),
    ("shutdown", &["SHUTDOWN", "NOSAVE"], "stops the server"),
    ("save", &["SAVE"], "holds up all clients"),
    ("bgrewriteaof", &["BGREWRITEAOF"], "makes the server work"),
];

/// Name, words, and what it shows. Executed: they change nothing.
const SHOWS: &[(&str, &[&str], &str)] = &[
    ("slowlog|get", &["SLOWLOG", "GET", "128"], "shows commands of others with their keys and values"),
    ("client|list", &["CLIENT", "LIST"], "shows who else is connected"),
    ("acl|list", &["ACL", "LIST"], "shows the users of others"),
    ("config|get", &["CONFIG", "GET", "requirepass"], "shows how the server is configured"),
    ("monitor", &["MONITOR"], "shows every command of every tenant"),
];

/// Tries them.
pub fn run(desk: &mut Desk) {
    let user = desk.link.user(0).to_owned();
    let object = format!("user {user}, commands");
    desk.component.judged("commands that no pattern fences", CHANGES.len() + SHOWS.len() + 3, &["TEN-02"]);
    let mut allowed: Vec<(&str, String, Vec<Vec<String>>, String)> = names(desk);
    let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let mut asked = 0;
    for (name, words, does) in CHANGES {
        match desk.own.would(words) {
            Ok(true) => {
                let steps = vec![owned(&["MULTI"]), owned(words), owned(&["DISCARD"])];
                allowed.push((name, (*does).to_owned(), steps, "the server queued it, and it was discarded".into()));
                asked += 1;
            }
            Ok(false) => asked += 1,
            Err(_) => {}
        }
    }
    if asked == 0 {
        let why = format!("{user} may use no transactions, and asking otherwise would be doing");
        desk.component.not_judged("commands that change the server for everybody (TEN-02)", why);
    }
    for (name, words, shows) in SHOWS {
        // Each on a connection of its own: what follows MONITOR is no answer.
        let Ok(session) = desk.link.enter(0, None) else { continue };
        // Something of the other tenant must be there to be seen.
        let _ = desk.other.ask(&["GET", &desk.key(desk.b)]);
        if session.ask(words).is_ok() {
            allowed.push((name, (*shows).to_owned(), vec![owned(words)], "the server answered".into()));
        }
    }
    let Some((.., steps, saw)) = allowed.first().cloned() else { return };
    let steps: Vec<Vec<&str>> = steps.iter().map(|words| words.iter().map(String::as_str).collect()).collect();
    let steps: Vec<&[&str]> = steps.iter().map(Vec::as_slice).collect();
    let proof = desk.proof(Some(desk.a), &steps, saw);
    let taken: Vec<String> = allowed.iter().map(|(name, ..)| format!("-{name}")).collect();
    let repair = vec![format!("ACL SETUSER {user} {}", taken.join(" "))];
    let all: Vec<String> =
        allowed.iter().map(|(name, does, ..)| format!("{} {does}", name.replace('|', " ").to_uppercase())).collect();
    desk.find(
        &object,
        format!("it may use commands that no pattern fences: {}", all.join("; ")),
        &["TEN-02"],
        proof,
        repair,
    );
}

/// Commands that name keys whatever the patterns say.
fn names(desk: &Desk) -> Vec<(&'static str, String, Vec<Vec<String>>, String)> {
    let theirs = desk.b.fill(&desk.redis.keys);
    let pattern = format!("{theirs}*");
    let tries: [(&str, &[&str]); 3] = [
        ("scan", &["SCAN", "0", "MATCH", &pattern, "COUNT", "100"]),
        ("keys", &["KEYS", &pattern]),
        ("randomkey", &["RANDOMKEY"]),
    ];
    let mut found = Vec::new();
    for (name, words) in tries {
        let Ok(value) = desk.own.ask(words) else { continue };
        let seen = text(&value).lines().filter(|key| !theirs.is_empty() && key.starts_with(&theirs)).count();
        let saw = match seen {
            0 => "the server answered, and no pattern narrows what it may name".to_owned(),
            n => format!("the names of {n} keys of {}", desk.b.id),
        };
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        found.push((name, "names keys of all tenants".to_owned(), vec![words], saw));
    }
    found
}
