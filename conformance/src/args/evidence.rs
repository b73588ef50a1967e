//! What can be typed about evidence: keys, trust, bundles and their verification.

use super::{Files, Profile};
use clap::{Args as Group, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What is done with keys.
#[derive(Subcommand, Debug)]
pub enum Keys {
    /// Make a key: PATH.key.pem, which only its owner may read, and PATH.pub.pem.
    New(NewKey),
}

/// What a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum KeyKind {
    /// What a gate found.
    Run,
    /// Certificates on what was found.
    Certifier,
    /// What was found in a real deployment.
    Assessor,
    /// The log of what was sealed and issued.
    Log,
    /// The list of keys that verifiers believe.
    Root,
}

/// Arguments of `keys new`.
#[derive(Group, Debug)]
pub struct NewKey {
    /// Where it goes, without an ending. Not inside a repository, and never over another key.
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// What it will sign; each key signs one kind of thing.
    #[arg(long, value_enum, default_value_t = KeyKind::Run)]
    pub role: KeyKind,
    /// ECDSA on P-256 instead of Ed25519; not for a log, whose checkpoints are Ed25519.
    #[arg(long)]
    pub p256: bool,
}

/// What is done with the list of keys that verifiers believe.
#[derive(Subcommand, Debug)]
pub enum Edition {
    /// Sign a list, and check it first: what `verify --trust` takes.
    Sign(SignTrust),
    /// Print a signed list as it was written, if it counts.
    Show(Believe),
}

/// Arguments of `trust sign`.
#[derive(Group, Debug)]
pub struct SignTrust {
    /// The list: what `keys new --role root` prints, and an entry for each key.
    pub list: PathBuf,
    /// The private root key, made by `keys new --role root`.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where the signed list goes.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Check as of this time instead of now: `2026-11-25T09:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse)]
    pub now: Option<u64>,
}

/// Whose word counts, for every command that verifies.
#[derive(Group, Clone, Debug)]
pub struct Believe {
    /// Whose keys are believed: a list that `trust sign` signed.
    #[arg(long, value_name = "FILE")]
    pub trust: PathBuf,
    /// The public key that signed the list. It has to come by another way than the list does.
    #[arg(long, value_name = "FILE")]
    pub root: PathBuf,
    /// Refuse an earlier edition of the list than this: somebody may hold back the one that revokes a key.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub trust_serial: u64,
    /// Verify as of this time instead of now: `2026-11-25T09:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse)]
    pub now: Option<u64>,
}

/// What is done with a log.
#[derive(Subcommand, Debug)]
pub enum Log {
    /// Begin a log: a directory of static files that any web server can publish.
    New(NewLog),
    /// Log bundles, assessments and certificates, and give each its proof.
    Append(AppendLog),
    /// Renew the proofs of files that are in the log; or print that it grew from an older checkpoint.
    Proof(ProveLog),
    /// Read a whole log: every entry under its signature, grown and never rewritten, and these files in it.
    Check(CheckLog),
}

/// Arguments of `log new`.
#[derive(Group, Debug)]
pub struct NewLog {
    /// Where it begins.
    pub log: PathBuf,
    /// Its name for ever, and that of its key in lists of keys: a URL without scheme, such as example.com/exports.
    #[arg(long, value_name = "NAME")]
    pub origin: String,
    /// The private key of the log, made by `keys new --role log`.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where to keep what the key signed last: with the key, not with the log.
    #[arg(long, value_name = "FILE")]
    pub seen: PathBuf,
}

/// Arguments of `log append`.
#[derive(Group, Debug)]
pub struct AppendLog {
    /// The log.
    pub log: PathBuf,
    /// Bundles, assessments and certificates. Those that carry a proof already are passed over.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The private key of the log.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// What the key signed last. A log that shrank or was rewritten since is refused.
    #[arg(long, value_name = "FILE")]
    pub seen: PathBuf,
    /// Fill up with entries that commit to nothing, to a multiple of this: what is published does not show how many
    /// tenants there are.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub pad: u16,
    /// Log at this time instead of now: `2026-11-25T09:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse)]
    pub now: Option<u64>,
}

/// Arguments of `log proof`.
#[derive(Group, Debug)]
pub struct ProveLog {
    /// The log.
    pub log: PathBuf,
    /// Bundles and certificates that are in it: each gets a proof under its newest checkpoint.
    #[arg(required_unless_present = "since", conflicts_with = "since")]
    pub files: Vec<PathBuf>,
    /// Print that the log grew out of this checkpoint, in the form that witnesses take (C2SP tlog-witness).
    #[arg(long, value_name = "CHECKPOINT")]
    pub since: Option<PathBuf>,
}

/// Arguments of `log check`.
#[derive(Group, Debug)]
pub struct CheckLog {
    /// The log; or a file that `log proof --since` printed.
    pub log: PathBuf,
    /// Bundles and certificates that have to be in it, and checkpoints that it has to have grown from.
    pub files: Vec<PathBuf>,
    /// The checkpoint that was seen last. A log that shrank or was rewritten since is refused; otherwise what is seen
    /// now is kept here.
    #[arg(long, value_name = "FILE")]
    pub seen: Option<PathBuf>,
    /// Whose word counts.
    #[command(flatten)]
    pub believe: Believe,
}

/// Arguments of `bundle`.
#[derive(Group, Debug)]
pub struct Bundle {
    /// A directory (or URL, as for `gate`) with the `report.json` of a gate.
    pub dir: PathBuf,
    /// The private key of the run, made by `keys new`.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Where TENANT.bundle.tar goes: a directory, or a URL as for `gate`.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Only for this tenant; may be given more than once. All tenants by default.
    #[arg(long, value_name = "TENANT")]
    pub tenant: Vec<String>,
    /// How long it counts.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub valid_days: u16,
    /// Seal at this time instead of now: `2026-11-25T09:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = crate::when::parse)]
    pub now: Option<u64>,
    /// Input files of the gate: they name everybody who must not stand in a bundle of somebody else.
    #[command(flatten)]
    pub files: Files,
}

/// Arguments of `certificate`.
#[derive(Group, Debug)]
#[command(after_help = "Exit codes: 0 the profile is met, 1 a requirement is broken, 2 wrong usage or input, 3 too \
                  little was proved. A certificate that says so is issued in all cases but 2.")]
pub struct Certificate {
    /// Bundles of one gate. It lists each by its digest and names no tenant.
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// What `certify` signed about the same resource; may be given more than once. What it found breaks its row, and
    /// without one the level `conformant` is not reached.
    #[arg(long, value_name = "FILE")]
    pub assessment: Vec<PathBuf>,
    /// The private key of the certifier, made by `keys new --role certifier`. Its entry in the list of keys says what
    /// it may certify.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// What may be trusted because of it: a URI for a deployment or an environment, so that a certificate on a test
    /// environment opens nothing else.
    #[arg(long, value_name = "URI")]
    pub resource: String,
    /// Which rows it speaks of, and what it has to reach.
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
    /// Where it goes.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How long it counts, at most as long as the profile says [default: as long]. It never outlasts a bundle.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=366))]
    pub valid_days: Option<u16>,
    /// The certifier is not who runs the platform.
    #[arg(long)]
    pub third_party: bool,
    /// Whose word counts.
    #[command(flatten)]
    pub believe: Believe,
}

/// Arguments of `verify`.
#[derive(Group, Debug)]
#[command(after_help = "Exit codes: 0 authentic and passed, 1 authentic and not passed, 2 not authentic, expired, \
                  drifted or incomplete.")]
pub struct Verify {
    /// A bundle, an assessment or a certificate.
    pub file: PathBuf,
    /// Whose word counts.
    #[command(flatten)]
    pub believe: Believe,
    /// A bundle must be for this tenant.
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// The seeds must come from this nonce, which was given to `gate --nonce`.
    #[arg(long, value_name = "TEXT")]
    pub nonce: Option<String>,
    /// A certificate or an assessment must be about this.
    #[arg(long, value_name = "URI")]
    pub resource: Option<String>,
    /// A certificate must be under this profile.
    #[arg(long, value_enum)]
    pub profile: Option<Profile>,
    /// A bundle that the certificate must rest on; may be given more than once. With all of them, its conclusion is
    /// drawn once more.
    #[arg(long, value_name = "BUNDLE")]
    pub bundle: Vec<PathBuf>,
    /// An assessment that the certificate must rest on, likewise.
    #[arg(long, value_name = "FILE")]
    pub assessment: Vec<PathBuf>,
    /// The report that an assessment must be about: the certify.json beside it.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// It must be about the code of this cellproof, the platform and the tenants that are here; names what has drifted.
    #[arg(long)]
    pub current: bool,
    /// What is here, with --current.
    #[command(flatten)]
    pub files: Files,
    /// Print what it says as JSON.
    #[arg(long)]
    pub json: bool,
}
