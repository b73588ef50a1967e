//! The model of the cache's ACL against Redis: random users, and for each random commands, which `ACL DRYRUN` judges.
//!
//! `CELLPROOF_COMMANDS` says how many (120 000 unless given), `CELLPROOF_SEED` where the seeds begin. Whether a rule is
//! one is compared too, by `ACL SETUSER`.

use crate::luck::Luck;
use crate::tally::{number, percent};
use conformance::provision::{redis, skip};
use models::cache::acl::commands::{Place, Spec, all};
use models::cache::acl::{Denial, Unasked, User};
use models::control::{ControlSet, Controls};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Commands of a run that is told nothing else.
const COMMANDS: u64 = 120_000;
/// Commands for each user.
const COMMANDS_A_USER: u64 = 60;
/// The version whose commands the model has.
const VERSION: &str = "redis_version:7.0.";

/// Globs: what deployments write, and what a matcher may get wrong.
const PATTERNS: &[&str] = &[
    "*",
    "a*",
    "acme:*",
    "acme*",
    "acme-corp:*",
    "b?ta",
    "[a-c]*",
    "[^a]*",
    "*:1",
    "a\\*",
    "a[",
    "[",
    "a[b",
    "[c-a]*",
    "?",
    "",
    "*a*:*",
    "acme:[0-9]",
    "\\",
    "a[]b]",
    "[^",
    "**",
];
const KEYS: &[&str] = &[
    "a",
    "acme:1",
    "acme:2",
    "acme-corp:1",
    "beta",
    "b",
    "c",
    "a*",
    "*",
    "ab",
    "a[b",
    "[",
    "acme:",
    "",
    "get",
    "x:1",
    "]",
    "\\",
];
/// Categories, and one that is none.
const CATEGORIES: &[&str] = &[
    "read",
    "write",
    "all",
    "keyspace",
    "dangerous",
    "fast",
    "slow",
    "string",
    "admin",
    "pubsub",
    "connection",
    "hash",
    "nope",
];
/// Rules that are one word.
const WORDS: &[&str] = &[
    "resetkeys",
    "allkeys",
    "resetchannels",
    "allchannels",
    "nocommands",
    "allcommands",
    "ALLKEYS",
    "reset",
    "clearselectors",
];
/// Commands that every platform uses.
const USUAL: &[&str] =
    &["get", "set", "del", "exists", "keys", "scan", "mget", "mset", "rename", "publish", "psubscribe", "select"];

/// A connection that sends many commands before it reads.
struct Line {
    write: TcpStream,
    read: BufReader<TcpStream>,
}

impl Line {
    fn open(port: u16) -> Line {
        let write = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        let read = BufReader::new(write.try_clone().expect("a second handle"));
        Line { write, read }
    }

    /// Sends commands, and reads their answers: errors begin with `-`.
    fn ask(&mut self, commands: &[Vec<String>]) -> Vec<String> {
        let mut bytes = Vec::new();
        for words in commands {
            bytes.extend(format!("*{}\r\n", words.len()).bytes());
            words.iter().for_each(|w| bytes.extend(format!("${}\r\n{w}\r\n", w.len()).bytes()));
        }
        self.write.write_all(&bytes).expect("commands are sent");
        commands.iter().map(|_| self.answer()).collect()
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.read.read_line(&mut line).expect("an answer");
        let line = line.trim_end();
        match line.split_at(1) {
            ("$", length) => {
                let mut bytes = vec![0; length.parse::<usize>().expect("a length") + 2];
                self.read.read_exact(&mut bytes).expect("as long as was said");
                bytes.truncate(bytes.len() - 2);
                String::from_utf8_lossy(&bytes).into_owned()
            }
            ("+", text) => text.to_owned(),
            _ => line.to_owned(),
        }
    }
}

/// Sums, and the first differences of each kind.
#[derive(Default)]
struct Sums {
    users: usize,
    refused_users: usize,
    commands: usize,
    unasked: usize,
    /// Compared decisions by kind.
    decisions: BTreeMap<&'static str, usize>,
    different: usize,
    shown: Vec<String>,
}

impl Sums {
    fn differ(&mut self, what: String) {
        self.different += 1;
        if self.shown.len() < 20 {
            self.shown.push(what);
        }
    }
    fn compared(&self) -> usize {
        self.decisions.values().sum()
    }
}

fn pattern(luck: &mut Luck) -> &'static str {
    // The first few are what deployments write.
    if luck.percent(60) { PATTERNS[1 + luck.below(6)] } else { PATTERNS[luck.below(PATTERNS.len())] }
}

fn name(luck: &mut Luck) -> &'static str {
    all()[luck.below(all().len())].name
}

fn category(luck: &mut Luck) -> &'static str {
    luck.pick(CATEGORIES)
}

/// One rule of `ACL SETUSER`.
fn rule(luck: &mut Luck) -> String {
    match luck.below(30) {
        0..5 => format!("~{}", pattern(luck)),
        5..8 => format!("%R~{}", pattern(luck)),
        8..11 => format!("%W~{}", pattern(luck)),
        11 => format!("%{}~{}", luck.pick(&["RW", "rw", "", "X", "RR"]), pattern(luck)),
        12..17 => format!("+@{}", category(luck)),
        17..19 => format!("-@{}", category(luck)),
        19..22 => format!("+{}", name(luck)),
        22..24 => format!("-{}", name(luck)),
        24 => format!("+{}|{}", name(luck), luck.pick(&["0", "get", "GET", "list", "help"])),
        25..28 => format!("&{}", pattern(luck)),
        28 => luck.pick(WORDS).into(),
        _ => {
            let rules = (0..1 + luck.below(3)).map(|_| rule(luck));
            let rules: Vec<String> = rules.filter(|rule| !rule.starts_with('(')).collect();
            format!("({})", rules.join(" "))
        }
    }
}

/// Words of a command: as many as it needs, perhaps more.
fn command(luck: &mut Luck) -> Vec<String> {
    let spec: &Spec = match luck.below(3) {
        0 => &all()[luck.below(all().len())],
        1 => {
            let name = luck.pick(USUAL);
            all().iter().find(|spec| spec.name == name).expect("a usual command")
        }
        _ => {
            let keyed: Vec<&Spec> = all().iter().filter(|s| s.keys.as_ref().is_some_and(|k| !k.is_empty())).collect();
            keyed[luck.below(keyed.len())]
        }
    };
    let mut words: Vec<String> = spec.name.split('|').map(str::to_owned).collect();
    let least = spec.arity.unsigned_abs() as usize;
    let wanted = if spec.arity < 0 { least + luck.below(4) } else { least };
    while words.len() < wanted {
        let word = match luck.below(12) {
            0 => "1".into(),
            1 => "2".into(),
            _ => KEYS[luck.below(KEYS.len())].to_owned(),
        };
        words.push(word);
    }
    if luck.percent(2) {
        words.pop();
    }
    words
}

fn decided(user: &User, controls: &Controls, words: &[String]) -> Result<(&'static str, String), Unasked> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match user.decide(controls, words)? {
        Ok(()) => ("allowed", String::new()),
        Err(Denial::Command) => ("no command", String::new()),
        Err(Denial::Key(key)) => ("no key", text(&key)),
        Err(Denial::Channel(channel)) => ("no channel", text(&channel)),
    })
}

/// What Redis says, in the same words.
fn said(answer: &str) -> (&'static str, String) {
    let between = |end: &str| answer.strip_prefix("This user has no permissions to access the '")?.strip_suffix(end);
    if answer == "OK" {
        ("allowed", String::new())
    } else if answer.starts_with("This user has no permissions to run the '") {
        ("no command", String::new())
    } else if let Some(key) = between("' key") {
        ("no key", key.into())
    } else if let Some(channel) = between("' channel") {
        ("no channel", channel.into())
    } else {
        ("error", answer.into())
    }
}

fn one_user(seed: u64, line: &mut Line, controls: &Controls, sums: &mut Sums) {
    let mut luck = Luck::new(seed);
    // Most users may run most commands, so that keys decide.
    let broad = luck.pick(&["+@all", "+@all", "+@read", "+@write", "-@all", "-@all"]).to_owned();
    let rules = (0..1 + luck.below(9)).map(|_| rule(&mut luck));
    let rules: Vec<String> = std::iter::once(broad).chain(rules).collect();
    let text = rules.join(" ");
    let set = [vec!["ACL".into(), "SETUSER".into(), "u".into(), "reset".into()], rules].concat();
    let answer = line.ask(&[set]).remove(0);
    sums.users += 1;
    let user = match (User::parse("u", &text), answer == "OK") {
        (Ok(user), true) => user,
        (Err(_), false) => {
            sums.refused_users += 1;
            return;
        }
        (ours, _) => return sums.differ(format!("ACL SETUSER u reset {text}\n  model: {ours:?}\n  Redis: {answer}")),
    };
    let commands: Vec<Vec<String>> = (0..COMMANDS_A_USER).map(|_| command(&mut luck)).collect();
    let dry = |words: &Vec<String>| [vec!["ACL".into(), "DRYRUN".into(), "u".into()], words.clone()].concat();
    let answers = line.ask(&commands.iter().map(dry).collect::<Vec<_>>());
    for (words, answer) in commands.iter().zip(answers) {
        sums.commands += 1;
        let theirs = said(&answer);
        match decided(&user, controls, words) {
            Ok(ours) if ours == theirs => *sums.decisions.entry(ours.0).or_default() += 1,
            Err(Unasked::Words) if theirs.0 == "error" => *sums.decisions.entry("error").or_default() += 1,
            Err(Unasked::Unknown) if theirs.0 == "error" => *sums.decisions.entry("error").or_default() += 1,
            Err(Unasked::Keys) => sums.unasked += 1,
            ours => sums.differ(format!("{text}\n  {words:?}\n  model: {ours:?}\n  Redis: {answer}")),
        }
    }
}

fn server() -> Option<redis::Server> {
    if let Err(why) = redis::binary() {
        skip("redis", &why);
        return None;
    }
    let server = redis::server("", &[]).expect("a server");
    let version = Line::open(server.port).ask(&[vec!["INFO".into(), "server".into()]]).remove(0);
    if version.contains(VERSION) {
        return Some(server);
    }
    let found = version.lines().find(|l| l.starts_with("redis_version")).unwrap_or("no version").to_owned();
    skip("redis", &format!("the model has the commands of {VERSION}*, and this is {found}"));
    None
}

#[test]
fn the_model_of_the_acl_decides_as_redis_does() {
    let Some(server) = server() else { return };
    let (from, commands) = (number("CELLPROOF_SEED", 1), number("CELLPROOF_COMMANDS", COMMANDS));
    let (mut line, mut sums) = (Line::open(server.port), Sums::default());
    let mut seed = from;
    while (sums.commands as u64) < commands {
        one_user(seed, &mut line, &Controls::all_on(), &mut sums);
        seed += 1;
    }
    println!("{} users, of whom both refused {}", sums.users, sums.refused_users);
    println!("{} commands, compared: {} ({})", sums.commands, sums.compared(), percent(sums.compared(), sums.commands));
    println!("keys that the model does not find: {}", sums.unasked);
    println!("decisions: {:?}", sums.decisions);
    println!("differences: {}", sums.different);
    sums.shown.iter().for_each(|shown| println!("{shown}"));
    assert_eq!(sums.different, 0);
    let share = |kind: &str| sums.decisions.get(kind).copied().unwrap_or(0) * 100 / sums.compared();
    assert!(share("allowed") >= 15 && share("no key") >= 10, "{:?}", sums.decisions);
    assert!(sums.unasked * 20 < sums.commands, "too little is compared");
}

#[test]
fn a_model_of_the_acl_without_patterns_is_found_out() {
    let Some(server) = server() else { return };
    let without = Controls::with_off(ControlSet::EMPTY.with(models::cache::acl::ACL_PATTERN.slot));
    let (mut line, mut sums) = (Line::open(server.port), Sums::default());
    (1..50).for_each(|seed| one_user(seed, &mut line, &without, &mut sums));
    assert!(sums.different > 20, "{}", sums.different);
}

#[test]
fn the_commands_of_the_model_are_those_of_the_server() {
    let Some(server) = server() else { return };
    let mut line = Line::open(server.port);
    let known = line.ask(&[vec!["COMMAND".into(), "COUNT".into()]]).remove(0);
    let whole = all().iter().filter(|spec| !spec.name.contains('|')).count();
    assert_eq!(known, format!(":{whole}"));
    for category in ["keyspace", "read", "write", "dangerous", "admin", "fast", "pubsub", "scripting"] {
        let bit = models::cache::acl::commands::category(category).expect("a category");
        let places = (0..all().len() as u16).map(Place).filter(|p| p.spec().categories & bit != 0);
        let mut ours: Vec<&str> = places.map(|p| p.spec().name).collect();
        line.write.write_all(format!("ACL CAT {category}\r\n").as_bytes()).expect("a command");
        let count: usize = line.answer()[1..].parse().expect("a number");
        let mut theirs: Vec<String> = (0..count).map(|_| line.answer()).collect();
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs, "{category}");
    }
}
