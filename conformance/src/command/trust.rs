//! `cellproof trust`: signs the list of keys that verifiers believe, and shows one that counts.

use crate::args::{Believe, Edition, SignTrust};
use crate::exit::{Done, Exit, usage};
use crate::terminal::say;
use crate::{input, trust, when};
use reports::evidence::trust::{TEXT_MAX, seal};
use reports::text::plural;
use reports::write::write_atomically;

/// Signs or shows.
pub fn trust(edition: &Edition) -> Done {
    match edition {
        Edition::Sign(args) => sign(args),
        Edition::Show(args) => show(args),
    }
}

fn sign(args: &SignTrust) -> Done {
    let key = input::signing_key(&args.key)?;
    let name = args.list.display().to_string();
    let text = input::read(&args.list)?;
    if text.len() > TEXT_MAX {
        return Err(usage(format!("{name} is larger than {} KiB", TEXT_MAX >> 10)));
    }
    // What nobody would believe is not signed.
    let trust = trust::counting(&name, &text, key.public(), args.now.unwrap_or_else(when::now), 1)?;
    let written = write_atomically(&args.out, &seal(&text, &key));
    written.map_err(|e| usage(format!("failed to write {}: {e}", args.out.display())))?;
    say(&format!(
        "Written to {}: edition {}, {}, until {}, signed by root key {}.\n",
        args.out.display(),
        trust.serial,
        plural(trust.keys.len() as u64, "key"),
        when::text(trust.expires_at),
        key.public().id(),
    ));
    Ok(Exit::Held)
}

fn show(args: &Believe) -> Done {
    trust::load(args)?;
    say(&trust::signed_text(args)?.0);
    Ok(Exit::Held)
}
