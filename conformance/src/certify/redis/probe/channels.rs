//! Channels of the other tenant: heard, and spoken on.

use crate::certify::redis::desk::{Desk, glob};

/// Subscribes, each time on a connection of its own, and would publish.
pub fn run(desk: &mut Desk) {
    let user = desk.link.user(0).to_owned();
    if user == desk.link.user(1) {
        return desk.component.not_judged("channels (TEN-02)", "both tenants are the same user");
    }
    let channel = desk.channel(desk.b);
    let tries: [&[&str]; 3] = [&["SUBSCRIBE", &channel], &["PSUBSCRIBE", "*"], &["PSUBSCRIBE", "__key*__:*"]];
    desk.component.judged("channels of the other tenant", tries.len() + 1, &["TEN-02"]);
    let mut heard = None;
    for words in tries {
        let Ok(session) = desk.link.enter(0, None) else { continue };
        if session.ask(words).is_ok() && heard.is_none() {
            heard = Some(words);
        }
    }
    let publish: &[&str] = &["PUBLISH", &channel, "x"];
    let spoken = desk.own.would(publish).is_ok_and(|would| would);
    let (what, words, saw) = match heard {
        Some(words) => ("it hears channels of another tenant", words, "the server took the subscription"),
        None if spoken => {
            ("it speaks on channels of another tenant", publish, "the server queued it, and it was discarded")
        }
        None => return,
    };
    let proof = desk.proof(Some(desk.a), &[words], saw);
    let own = glob(&desk.a.fill(desk.redis.channels.as_ref().unwrap_or(&desk.redis.keys)));
    let repair = vec![format!("ACL SETUSER {user} resetchannels &{own}*")];
    desk.find(&format!("user {user}, channels"), what.to_owned(), &["TEN-02", "CAC-01"], proof, repair);
}
