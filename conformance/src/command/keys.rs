//! `cellproof keys new`: a key that signs evidence. Keys are made by this command and by nothing else.

use crate::args::{KeyKind, Keys, NewKey};
use crate::exit::{Done, Exit, Refusal, usage};
use crate::terminal::say;
use crate::{trust, when};
use reports::evidence::key::Algorithm;
use reports::evidence::{Role, SigningKey};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Makes a key.
pub fn keys(args: &Keys) -> Done {
    let Keys::New(new) = args;
    if new.p256 && new.role == KeyKind::Log {
        return Err(usage("the key of a log signs checkpoints, and is an Ed25519 key: leave --p256 away"));
    }
    let (private, public) = names(new)?;
    let algorithm = if new.p256 { Algorithm::P256 } else { Algorithm::Ed25519 };
    let (key, pem) = SigningKey::generate(algorithm);
    write_new(&private, pem.as_bytes(), true)?;
    if let Err(refusal) = write_new(&public, key.public().pem().as_bytes(), false) {
        // Half a pair is of no use, and in the way of the next try.
        let _ = fs::remove_file(&private);
        return Err(refusal);
    }
    let name = new.out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let entry = |role| trust::entry(&name, key.public(), role, when::now());
    let told = match new.role {
        KeyKind::Run => format!("Who is to believe it adds to the list of keys:\n\n{}", entry(Role::Run)),
        KeyKind::Certifier => format!(
            "Who is to believe it adds to the list of keys, with the URIs of what it may certify:\n\n{}",
            entry(Role::Certifier)
        ),
        KeyKind::Assessor => format!(
            "Who is to believe it adds to the list of keys, with the URIs of what it may assess:\n\n{}",
            entry(Role::Assessor)
        ),
        KeyKind::Log => format!(
            "Who is to believe it adds to the list of keys, with the log's origin for its name:\n\n{}",
            entry(Role::Log)
        ),
        KeyKind::Root => format!(
            "It signs lists of keys with `trust sign`, and whoever verifies needs its public half by another way. A \
             list begins with:\n\n{}",
            trust::head(when::now())
        ),
    };
    let (private, public) = (private.display(), public.display());
    say(&format!("Key {} written to {private} (keep it secret) and {public}.\n{told}", key.public().id()));
    Ok(Exit::Held)
}

/// The files of a pair, where none is yet, and no repository could take the private one along.
fn names(new: &NewKey) -> Result<(PathBuf, PathBuf), Refusal> {
    let with = |end: &str| {
        let mut name = new.out.clone().into_os_string();
        name.push(end);
        PathBuf::from(name)
    };
    let (private, public) = (with(".key.pem"), with(".pub.pem"));
    if let Some(there) = [&private, &public].into_iter().find(|file| file.exists()) {
        return Err(usage(format!("{} is there already; a key is never written over", there.display())));
    }
    let parent = new.out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = parent.canonicalize().map_err(|e| usage(format!("failed to find {}: {e}", parent.display())))?;
    if let Some(repository) = dir.ancestors().find(|dir| dir.join(".git").exists()) {
        let message = format!("{} is a repository; a private key does not belong in one", repository.display());
        return Err(usage(message));
    }
    Ok((private, public))
}

fn write_new(file: &Path, bytes: &[u8], is_secret: bool) -> Result<(), Refusal> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if is_secret { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = is_secret;
    let written = options.open(file).and_then(|mut open| {
        open.write_all(bytes)?;
        open.sync_all()
    });
    written.map_err(|e| usage(format!("failed to write {}: {e}", file.display())))
}
