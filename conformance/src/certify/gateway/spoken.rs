//! In which protocols a gateway is judged: those that the deployment names, or HTTP/1.1 and what the server chooses in
//! TLS. What is not judged is said, with the reason; what was asked for and does not work is suspicious.

use super::desk::Desk;
use crate::certify::http::request::Protocol;

impl<'d> Desk<'d> {
    /// Whether there is a second protocol to judge: the deployment says so, or else the server.
    pub fn second(&mut self) {
        let named = self.gateway.names(Protocol::Two);
        let offered = named != Some(false) && self.link.offers(Protocol::Two);
        if self.protocols == [Protocol::Two] {
            self.component.not_judged("HTTP/1.1", "the deployment names HTTP/2 alone");
        } else if named == Some(false) {
            self.component.not_judged("HTTP/2", "the deployment names HTTP/1.1 alone");
        } else if named.is_none() && !offered {
            let why = self.unoffered();
            self.component.not_judged("HTTP/2", why);
        } else {
            self.speak(Protocol::Two);
            match self.recovered() {
                Ok(_) => self.protocols.push(Protocol::Two),
                Err(why) => {
                    let what = "honest requests are not let through";
                    self.suspect("HTTP/2", what, &["IDN-01", "TEN-01", "SRV-11"], &why);
                    self.component.not_judged("HTTP/2", "no honest request is let through");
                }
            }
            self.speak(Protocol::One);
        }
        let all: Vec<&str> = self.protocols.iter().map(|protocol| protocol.name()).collect();
        let how = match (self.protocols.contains(&Protocol::Two), offered) {
            (false, _) => "",
            (true, true) => "; the server chooses HTTP/2 in TLS (ALPN)",
            (true, false) if self.link.own.has_tls() => "; HTTP/2 by prior knowledge, because TLS does not offer it",
            (true, false) => "; HTTP/2 by prior knowledge",
        };
        self.component.notes.push(format!("judged over {}{how}", all.join(" and ")));
    }

    /// Why a protocol is not judged that nobody named and that the server does not offer.
    fn unoffered(&mut self) -> &'static str {
        if !self.link.own.has_tls() {
            return "without TLS no server offers it; http = [\"1.1\", \"2\"] has it judged where it is spoken";
        }
        self.speak(Protocol::Two);
        let knows = self.honest(0).is_ok_and(|(_, outcome)| outcome.answered().is_some());
        self.speak(Protocol::One);
        match knows {
            true => {
                "the server does not offer it (ALPN) and takes it from whoever speaks it all the same; \
                 http = [\"1.1\", \"2\"] has it judged"
            }
            false => "the server does not speak it",
        }
    }

    /// Requests go out in this protocol from now on.
    fn speak(&mut self, protocol: Protocol) {
        self.link.own = self.link.own.over(protocol);
    }

    /// Does something in each protocol that is judged.
    pub fn over_each(&mut self, mut all: impl FnMut(&mut Desk<'d>)) {
        for protocol in self.protocols.clone() {
            self.speak(protocol);
            all(self);
        }
        self.speak(self.protocols[0]);
    }

    /// Whether this is the protocol that is judged first.
    pub fn is_first(&self) -> bool {
        self.protocols[0] == self.link.own.protocol()
    }

    /// In which protocol requests go out, where that has to be said.
    pub fn over(&self) -> &'static str {
        self.link.own.protocol().clause()
    }
}
