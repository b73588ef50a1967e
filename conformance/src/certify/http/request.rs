//! Requests by the byte, which no decent client would send: a client library mends or refuses what is malformed. They
//! are lines for HTTP/1.1, and fields for HTTP/2.

use super::hpack::Field;
use aws_lc_rs::rand;
use serde::Deserialize;
use std::fmt::Write;

/// The header that every request carries: whoever echoes its value has seen the request.
pub const PROBE: &str = "x-cellproof-probe";
/// What is longer is told cut.
const SHOWN_CHARS_MAX: usize = 700;
/// More lines are told by their number.
const SHOWN_LINES_MAX: usize = 40;

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1: lines.
    #[serde(rename = "1.1")]
    One,
    /// HTTP/2: frames.
    #[serde(rename = "2")]
    Two,
}

impl Protocol {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::One => "HTTP/1.1",
            Protocol::Two => "HTTP/2",
        }
    }

    /// What is added to a sentence about requests in it, where that has to be said.
    pub fn clause(self) -> &'static str {
        match self {
            Protocol::One => "",
            Protocol::Two => ", over HTTP/2",
        }
    }

    /// As TLS has it (ALPN).
    pub fn id(self) -> &'static [u8] {
        match self {
            Protocol::One => b"http/1.1",
            Protocol::Two => b"h2",
        }
    }
}

/// A request, in lines, with what is told of each.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    /// What is told of the target, where that is not the target.
    told: Option<String>,
    head: Vec<Line>,
    body: String,
    /// What the request is recognised by.
    pub marker: String,
}

#[derive(Clone, Debug)]
struct Line {
    /// As HTTP/1.1 has it.
    sent: Vec<u8>,
    shown: String,
    kind: Kind,
}

/// What becomes of a line in HTTP/2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// A field whose name stands before the first colon, in lower case.
    Line,
    /// A field as it is, whose name has so many bytes.
    Field(usize),
    /// The same among the pseudo fields, behind those that everybody sends.
    Pseudo(usize),
}

impl Line {
    fn plain(text: impl Into<String>, kind: Kind) -> Line {
        let text = text.into();
        let visible: String = text.chars().map(visible).collect();
        let shown = match visible.char_indices().nth(SHOWN_CHARS_MAX) {
            Some((at, _)) => format!("{}… ({} bytes)", &visible[..at.min(40)], text.len()),
            None => visible,
        };
        Line { sent: text.into_bytes(), shown, kind }
    }

    fn field(&self) -> Field {
        let colon = match self.kind {
            Kind::Field(length) | Kind::Pseudo(length) => length,
            Kind::Line => self.sent.iter().position(|byte| *byte == b':').unwrap_or(self.sent.len()),
        };
        let (name, rest) = self.sent.split_at(colon);
        let value = rest.strip_prefix(b":").unwrap_or(rest);
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        let name = if self.kind == Kind::Line { name.to_ascii_lowercase() } else { name.to_vec() };
        (name, value)
    }

    /// Whether it says which host is meant, as everybody says it.
    fn is_host(&self) -> bool {
        self.kind == Kind::Line && self.sent.starts_with(b"host:")
    }
}

/// Characters that a terminal would act upon are told by their names.
fn visible(c: char) -> String {
    match c {
        ' ' => " ".to_owned(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    }
}

/// A name that nothing else has.
pub fn marker() -> String {
    let mut bytes = [0; 8];
    // Without randomness it is a poor name and still one.
    let _ = rand::fill(&mut bytes);
    bytes.iter().fold("cellproof-".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Request {
    /// A GET with what everybody sends.
    pub fn get(target: &str, host: &str) -> Request {
        let marker = marker();
        let (method, target) = ("GET".to_owned(), target.to_owned());
        let (head, body) = (Vec::new(), String::new());
        let request = Request { method, target, told: None, head, body, marker: marker.clone() };
        request.with(&format!("host: {host}")).with("user-agent: cellproof").with(&format!("{PROBE}: {marker}"))
    }

    /// With a line that is told otherwise than it is sent: it holds a secret.
    pub fn secret(mut self, sent: &str, shown: &str) -> Request {
        self.head.push(Line { sent: sent.as_bytes().to_vec(), shown: shown.to_owned(), kind: Kind::Line });
        self
    }

    /// With a line more, as it is.
    pub fn with(mut self, line: &str) -> Request {
        self.head.push(Line::plain(line, Kind::Line));
        self
    }

    /// With a field of HTTP/2 more, as it is.
    pub fn field(mut self, name: &str, value: &str) -> Request {
        self.head.push(Line::plain(format!("{name}: {value}"), Kind::Field(name.len())));
        self
    }

    /// With a field of HTTP/2 more, as it is, right behind the pseudo fields.
    pub fn pseudo(mut self, name: &str, value: &str) -> Request {
        self.head.push(Line::plain(format!("{name}: {value}"), Kind::Pseudo(name.len())));
        self
    }

    /// Without lines that begin with `lead`.
    pub fn without(mut self, lead: &str) -> Request {
        self.head.retain(|line| !line.sent.starts_with(lead.as_bytes()));
        self
    }

    /// By another method.
    pub fn by(mut self, method: &str) -> Request {
        self.method = method.to_owned();
        self
    }

    /// To somewhere else.
    pub fn to(mut self, target: &str) -> Request {
        self.target = target.to_owned();
        self.told = None;
        self
    }

    /// To somewhere that is told otherwise than it is sent: it holds a secret.
    pub fn to_secret(self, sent: &str, shown: &str) -> Request {
        Request { target: sent.to_owned(), told: Some(shown.to_owned()), ..self }
    }

    /// With bytes after the head.
    pub fn body(mut self, body: &str) -> Request {
        self.body = body.to_owned();
        self
    }

    /// What goes over the wire in HTTP/1.1.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for line in &self.head {
            out.extend_from_slice(&line.sent);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_bytes());
        out
    }

    /// Its lines in the order of HTTP/2: what says the authority, which is the first host, and the others.
    fn ordered(&self) -> (Option<&Line>, Vec<&Line>) {
        let host = self.head.iter().position(Line::is_host);
        let others = self.head.iter().enumerate().filter(|(at, _)| Some(*at) != host).map(|(_, line)| line);
        let (pseudo, rest): (Vec<&Line>, Vec<&Line>) = others.partition(|line| matches!(line.kind, Kind::Pseudo(_)));
        (host.map(|at| &self.head[at]), pseudo.into_iter().chain(rest).collect())
    }

    /// Its fields in HTTP/2, and what follows them.
    pub fn fields(&self, scheme: &str) -> (Vec<Field>, &[u8]) {
        let (host, others) = self.ordered();
        let pseudo = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let mut fields = vec![pseudo(":method", &self.method), pseudo(":scheme", scheme)];
        fields.push(pseudo(":path", &self.target));
        fields.extend(host.map(|line| (b":authority".to_vec(), line.field().1)));
        fields.extend(others.into_iter().map(Line::field));
        (fields, self.body.as_bytes())
    }

    /// What is told of it, line by line.
    pub fn shown(&self, protocol: Protocol) -> Vec<String> {
        let target = self.told.as_ref().unwrap_or(&self.target);
        let first = Line::plain(format!("{} {target} {}", self.method, protocol.name()), Kind::Line).shown;
        let mut head: Vec<String> = match protocol {
            Protocol::One => self.head.iter().map(|line| line.shown.clone()).collect(),
            Protocol::Two => {
                let (host, others) = self.ordered();
                let authority = host.map(|line| line.shown.replacen("host", ":authority", 1));
                authority.into_iter().chain(others.into_iter().map(|line| line.shown.clone())).collect()
            }
        };
        if head.len() > SHOWN_LINES_MAX {
            let more = head.split_off(SHOWN_LINES_MAX).len();
            head.push(format!("… and {more} more"));
        }
        let body: String = self.body.chars().map(visible).collect();
        let body = (!body.is_empty()).then(|| format!("body: {body}"));
        [first].into_iter().chain(head).chain(body).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_told_line_by_line_and_long_lines_are_cut() {
        let long = "x".repeat(5_000);
        let request = Request::get("/a", "h").with(&format!("x-long: {long}")).with("x: a\r\n b").body("0\r\n\r\n");
        let shown = request.shown(Protocol::One);
        assert_eq!(shown[0], "GET /a HTTP/1.1");
        assert!(shown[4].starts_with("x-long: xxx") && shown[4].ends_with("… (5008 bytes)"), "{}", shown[4]);
        assert_eq!(shown[5], "x: a\\r\\n b");
        assert_eq!(shown[6], "body: 0\\r\\n\\r\\n");
        assert!(request.bytes().ends_with(b"x: a\r\n b\r\n\r\n0\r\n\r\n"));
        let secret = request.to_secret("/a?name=ada", "/a?name=<a name>");
        assert_eq!(secret.shown(Protocol::Two)[0], "GET /a?name=<a name> HTTP/2");
        assert!(secret.bytes().starts_with(b"GET /a?name=ada HTTP/1.1\r\n"));
    }

    #[test]
    fn a_request_in_fields_says_first_what_it_asks_for_and_the_rest_as_it_is() {
        let request = Request::get("/a", "h").with("X-Line: a\r\nb: c").field("X-Field", " d").pseudo(":path", "/b");
        let (fields, body) = request.fields("https");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let told: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect();
        let marked = format!("{PROBE}={}", request.marker);
        let all = [
            ":method=GET",
            ":scheme=https",
            ":path=/a",
            ":authority=h",
            ":path=/b",
            "user-agent=cellproof",
            &marked,
            "x-line=a\r\nb: c",
            "X-Field= d",
        ];
        assert_eq!((told, body), (all.map(str::to_owned).to_vec(), &b""[..]));
        let shown = request.shown(Protocol::Two);
        assert_eq!((&*shown[0], &*shown[1]), ("GET /a HTTP/2", ":authority: h"));
        assert_eq!((&*shown[2], &*shown[5]), (":path: /b", "X-Line: a\\r\\nb: c"));
        let many = (0..99).fold(request, |request, n| request.with(&format!("x-{n}: a")));
        assert_eq!(many.shown(Protocol::One).last().map(String::as_str), Some("… and 65 more"));
    }
}
