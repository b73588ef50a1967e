//! HTTP/2 by the frame (RFC 9113), as a client that makes one request after the other, without its socket.
//!
//! Of what it sends nothing is checked, which is the point; bodies are short, so that no window of the server's is
//! watched. What it reads is held against the standard as far as an answer needs it.

use super::answer::{Answer, BODY_BYTES_MAX};
use super::hpack;
use super::request::Request;

/// What a client says before anything else.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame before its payload.
const HEAD_BYTES: usize = 9;
/// The longest payload, as long as nobody says otherwise.
const PAYLOAD_BYTES_MAX: usize = 1 << 14;
/// How much of an answer may be on its way: more than is read.
const WINDOW_BYTES: u32 = 2 * BODY_BYTES_MAX as u32;
/// Of what the settings of each side speak: no dynamic table, nothing pushed, a wide window.
const SETTINGS: [(u16, u32); 3] = [(1, 0), (2, 0), (4, WINDOW_BYTES)];

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTING: u8 = 4;
const PROMISE: u8 = 5;
const PING: u8 = 6;
const GOODBYE: u8 = 7;
const WINDOW: u8 = 8;
const CONTINUATION: u8 = 9;

/// On data and headers: nothing follows on this stream.
const END: u8 = 0x1;
/// On settings and pings: this is the answer.
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Codes of section 7, by number.
const REASONS: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

/// A connection.
#[derive(Default)]
pub struct Frames {
    read: Vec<u8>,
    /// What the server is to be told beside requests.
    owed: Vec<u8>,
    /// Of the newest request.
    stream: u32,
    /// Whether the server has said that it speaks this.
    is_spoken: bool,
    /// Fields of an answer that are not whole yet, and whether nothing follows them.
    block: Vec<u8>,
    is_last: bool,
    answer: Answer,
    body: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

/// The first bytes of a connection.
fn opening() -> Vec<u8> {
    let settings = SETTINGS.iter().flat_map(|(id, value)| id.to_be_bytes().into_iter().chain(value.to_be_bytes()));
    let mut out = PREFACE.to_vec();
    out.extend(frame(SETTING, 0, 0, &settings.collect::<Vec<_>>()));
    out.extend(frame(WINDOW, 0, 0, &WINDOW_BYTES.to_be_bytes()));
    out
}

fn reason(code: u32) -> String {
    REASONS.get(code as usize).map_or_else(|| format!("code {code}"), |name| (*name).to_owned())
}

/// A number of 32 bits, where one stands.
fn number(payload: &[u8], at: usize) -> u32 {
    payload.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// A payload without what only lengthens it.
fn unpadded(flags: u8, payload: &[u8]) -> Option<&[u8]> {
    let (padding, rest) = match flags & PADDED {
        0 => (0, payload),
        _ => payload.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
    };
    rest.get(..rest.len().checked_sub(padding)?)
}

/// A frame that has come.
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frames {
    /// What goes over the wire for a request, on a stream of its own. The answer before it is given up.
    pub fn request(&mut self, request: &Request, scheme: &str) -> Vec<u8> {
        let mut out = if self.stream == 0 { opening() } else { Vec::new() };
        out.append(&mut self.owed);
        self.stream = if self.stream == 0 { 1 } else { self.stream + 2 };
        (self.answer, self.is_last) = (Answer::default(), false);
        self.block.clear();
        self.body.clear();
        let (fields, body) = request.fields(scheme);
        let block = hpack::write(&fields);
        let parts = block.chunks(PAYLOAD_BYTES_MAX);
        let last = parts.len().saturating_sub(1);
        for (n, part) in parts.enumerate() {
            let kind = if n == 0 { HEADERS } else { CONTINUATION };
            let end = if n == 0 && body.is_empty() { END } else { 0 };
            let whole = if n == last { END_HEADERS } else { 0 };
            out.extend(frame(kind, end | whole, self.stream, part));
        }
        let parts = body.chunks(PAYLOAD_BYTES_MAX);
        let last = parts.len().saturating_sub(1);
        for (n, part) in parts.enumerate() {
            out.extend(frame(DATA, if n == last { END } else { 0 }, self.stream, part));
        }
        out
    }

    /// Bytes have come.
    pub fn take(&mut self, bytes: &[u8]) {
        self.read.extend_from_slice(bytes);
    }

    /// What the server is to be told by now.
    pub fn owed(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.owed)
    }

    /// The answer to the newest request, once it is whole. `ended` says that nothing more will come.
    ///
    /// # Errors
    /// The request was refused without one, or what came is not HTTP/2.
    pub fn next(&mut self, ended: bool) -> Result<Option<Answer>, String> {
        while let Some(came) = self.frame()? {
            if self.handle(&came)? {
                return Ok(Some(self.whole()));
            }
        }
        Ok((ended && self.answer.status > 0).then(|| self.whole()))
    }

    fn whole(&mut self) -> Answer {
        let body = String::from_utf8_lossy(&std::mem::take(&mut self.body)).into_owned();
        Answer { body, ..std::mem::take(&mut self.answer) }
    }

    fn frame(&mut self) -> Result<Option<Frame>, String> {
        let Some(head) = self.read.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let (kind, flags, stream) = (head[3], head[4], number(head, 5) & 0x7fff_ffff);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        // Text, and records of TLS, look like frames that are far too long.
        if length > PAYLOAD_BYTES_MAX || !self.is_spoken && kind != SETTING {
            return Err("no answer in HTTP/2".to_owned());
        }
        if self.read.len() < HEAD_BYTES + length {
            return Ok(None);
        }
        let payload = self.read.drain(..HEAD_BYTES + length).skip(HEAD_BYTES).collect();
        Ok(Some(Frame { kind, flags, stream, payload }))
    }

    /// Whether the answer is whole.
    fn handle(&mut self, came: &Frame) -> Result<bool, String> {
        let &Frame { kind, flags, stream, ref payload } = came;
        let is_ours = stream == self.stream;
        match kind {
            SETTING => {
                self.is_spoken = true;
                if flags & ACK == 0 {
                    self.owed.extend(frame(SETTING, ACK, 0, &[]));
                }
            }
            PING if flags & ACK == 0 => self.owed.extend(frame(PING, ACK, 0, payload)),
            PROMISE => return Err("no answer in HTTP/2: an answer to nothing, which the settings forbid".to_owned()),
            GOODBYE => {
                let (last, code) = (number(payload, 0) & 0x7fff_ffff, number(payload, 4));
                if code != 0 || last < self.stream {
                    return self.refused(format!("the server said goodbye: {}", reason(code)));
                }
            }
            RESET if is_ours => return self.refused(format!("the stream was reset: {}", reason(number(payload, 0)))),
            HEADERS | CONTINUATION if is_ours => return self.fields(kind, flags, payload),
            DATA => {
                if !payload.is_empty() {
                    let taken = u32::try_from(payload.len()).unwrap_or_default();
                    self.owed.extend(frame(WINDOW, 0, 0, &taken.to_be_bytes()));
                }
                if is_ours {
                    let data = unpadded(flags, payload).ok_or("no answer in HTTP/2: data that is all padding")?;
                    self.body.extend_from_slice(data);
                    return Ok(flags & END != 0 || self.body.len() > BODY_BYTES_MAX);
                }
            }
            _ => {}
        }
        Ok(false)
    }

    /// Nothing more will come: what has come is an answer if it has a status.
    fn refused(&self, why: String) -> Result<bool, String> {
        if self.answer.status > 0 { Ok(true) } else { Err(why) }
    }

    fn fields(&mut self, kind: u8, flags: u8, payload: &[u8]) -> Result<bool, String> {
        let wrong = |why: &str| format!("no answer in HTTP/2: {why}");
        let mut part = payload;
        if kind == HEADERS {
            self.is_last = flags & END != 0;
            self.block.clear();
            part = unpadded(flags, payload).ok_or_else(|| wrong("fields that are all padding"))?;
            if flags & PRIORITY != 0 {
                part = part.get(5..).ok_or_else(|| wrong("fields without a priority"))?;
            }
        }
        self.block.extend_from_slice(part);
        if self.block.len() > BODY_BYTES_MAX {
            return Err(wrong("fields without end"));
        }
        if flags & END_HEADERS == 0 {
            return Ok(false);
        }
        // What follows a body is not looked for.
        if self.answer.status == 0 {
            let fields = hpack::read(&self.block).map_err(|e| wrong(&e.to_string()))?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let mut all = fields.iter().map(|(name, value)| (text(name).to_ascii_lowercase(), text(value)));
            let status = all.find(|(name, _)| name == ":status").and_then(|(_, value)| value.parse().ok());
            let status: u16 = status.ok_or_else(|| wrong("an answer without a status"))?;
            // What is said on the way is not the answer.
            if status >= 200 {
                self.answer.status = status;
                self.answer.headers = all.collect();
            }
        }
        Ok(self.is_last && self.answer.status > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection on which a request is made, and what that sends after the opening.
    fn asked(request: &Request) -> (Frames, Vec<u8>) {
        let mut frames = Frames::default();
        let sent = frames.request(request, "https");
        let rest = sent.strip_prefix(&*opening()).expect("an opening").to_vec();
        (frames, rest)
    }

    fn fields(all: &[(&str, &str)]) -> Vec<u8> {
        let field = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        hpack::write(&all.iter().map(field).collect::<Vec<_>>())
    }

    /// What a server says, byte by byte, and what came of it.
    fn told(frames: &mut Frames, said: &[Vec<u8>]) -> Result<Option<Answer>, String> {
        for byte in said.concat() {
            frames.take(&[byte]);
            match frames.next(false) {
                Ok(None) => {}
                told => return told,
            }
        }
        frames.next(false)
    }

    fn settings() -> Vec<u8> {
        frame(SETTING, 0, 0, &[])
    }

    #[test]
    fn a_request_is_a_frame_of_fields_and_perhaps_of_data() {
        let (_, sent) = asked(&Request::get("/a", "h"));
        assert_eq!((sent[3], sent[4], number(&sent, 5)), (HEADERS, END | END_HEADERS, 1));
        assert_eq!(sent[9..18], *b"\0\x07:method");
        assert_eq!(sent.len(), HEAD_BYTES + u32::from_be_bytes([0, sent[0], sent[1], sent[2]]) as usize);
        let (mut frames, sent) = asked(&Request::get("/a", "h").body("hello"));
        assert!(sent[4] == END_HEADERS && sent.ends_with(&frame(DATA, END, 1, b"hello")));
        assert_eq!(number(&frames.request(&Request::get("/a", "h"), "https"), 5), 3);
        let (_, long) = asked(&Request::get("/a", "h").with(&format!("x: {}", "a".repeat(40_000))));
        let mut kinds = Vec::new();
        let mut rest = &long[..];
        while !rest.is_empty() {
            kinds.push((rest[3], rest[4]));
            rest = &rest[HEAD_BYTES + u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize..];
        }
        assert_eq!(kinds, [(HEADERS, END), (CONTINUATION, 0), (CONTINUATION, END_HEADERS)]);
    }

    #[test]
    fn an_answer_is_whole_when_its_stream_ends() {
        let (mut frames, _) = asked(&Request::get("/a", "h"));
        let early = fields(&[(":status", "103")]);
        let head = fields(&[(":status", "200"), ("Server", "s")]);
        let padded = [&[2][..], b"ok", &[0, 0]].concat();
        let said = [
            settings(),
            frame(PING, 0, 0, b"12345678"),
            frame(HEADERS, END_HEADERS, 1, &early),
            frame(HEADERS, 0, 1, &head[..4]),
            frame(CONTINUATION, END_HEADERS, 1, &head[4..]),
            frame(DATA, END, 7, b"of nobody"),
            frame(DATA, PADDED, 1, &padded),
            frame(HEADERS, END | END_HEADERS, 1, &fields(&[("trailer", "t")])),
        ];
        let answer = told(&mut frames, &said).expect("HTTP/2").expect("whole");
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
        assert_eq!(answer.headers, [("server".to_owned(), "s".to_owned())]);
        let owed = frames.owed();
        assert!(owed.starts_with(&frame(SETTING, ACK, 0, &[])) && owed.len() > 3 * HEAD_BYTES);
        assert!(owed[HEAD_BYTES..].starts_with(&frame(PING, ACK, 0, b"12345678")));
        // The next one on the same connection.
        let _ = frames.request(&Request::get("/b", "h"), "https");
        let empty = frame(HEADERS, END | END_HEADERS, 3, &fields(&[(":status", "204")]));
        assert_eq!(told(&mut frames, &[empty]).expect("HTTP/2").expect("whole").status, 204);
    }

    #[test]
    fn a_refusal_is_told_unless_there_was_an_answer_before() {
        let fails = |said: &[Vec<u8>]| {
            let (mut frames, _) = asked(&Request::get("/a", "h"));
            told(&mut frames, said).expect_err("a refusal")
        };
        let reset = frame(RESET, 0, 1, &1_u32.to_be_bytes());
        assert_eq!(fails(&[settings(), reset.clone()]), "the stream was reset: PROTOCOL_ERROR");
        let goodbye = frame(GOODBYE, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]);
        assert_eq!(fails(&[settings(), goodbye]), "the server said goodbye: ENHANCE_YOUR_CALM");
        assert_eq!(fails(&[b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]), "no answer in HTTP/2");
        assert_eq!(fails(&[b"\x15\x03\x03\x00\x02\x02\x46\0\0".to_vec()]), "no answer in HTTP/2");
        assert_eq!(fails(std::slice::from_ref(&reset)), "no answer in HTTP/2");
        let no_status = frame(HEADERS, END | END_HEADERS, 1, &fields(&[("a", "b")]));
        assert!(fails(&[settings(), no_status]).ends_with("an answer without a status"));
        let (mut frames, _) = asked(&Request::get("/a", "h"));
        let begun = frame(HEADERS, END_HEADERS, 1, &fields(&[(":status", "200")]));
        assert_eq!(told(&mut frames, &[settings(), begun, reset]).expect("an answer").map(|a| a.status), Some(200));
    }
}
