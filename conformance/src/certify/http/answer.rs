//! Answers, and those of HTTP/1.1 as bytes, read with the parser that client libraries use.

/// More of an answer is not read.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// More headers in an answer are not read.
const HEADERS_MAX: usize = 128;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, as text.
    pub body: String,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// The connection was refused or closed, in these words.
    Closed(String),
    /// Nothing, as long as was waited.
    Silent,
}

impl Answer {
    /// Values of a header.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether a text stands in it: in its body, or in a header that does not merely send elsewhere.
    pub fn echoes(&self, text: &str) -> bool {
        let headers = self.headers.iter().filter(|(name, _)| name != "location");
        self.body.contains(text) || headers.into_iter().any(|(_, value)| value.contains(text))
    }
}

/// One answer at the front of `bytes`, and how many bytes it takes; none if it is not whole. `ended` says that nothing
/// more will come.
///
/// # Errors
/// It is no answer in HTTP/1.1.
pub fn answer(bytes: &[u8], ended: bool) -> Result<Option<(Answer, usize)>, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes).map_err(|e| format!("no answer in HTTP/1.1: {e}"))? {
        httparse::Status::Complete(head) => head,
        httparse::Status::Partial => return Ok(None),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = response.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value))).collect();
    let mut answer = Answer { status: response.code.unwrap_or_default(), headers, body: String::new() };
    let rest = &bytes[head..];
    if answer.status < 200 || [204, 304].contains(&answer.status) {
        return Ok(Some((answer, head)));
    }
    if answer.header("transfer-encoding").any(|v| v.to_ascii_lowercase().contains("chunked")) {
        let Some((body, taken)) = chunks(rest)? else { return Ok(None) };
        answer.body = text(&body);
        return Ok(Some((answer, head + taken)));
    }
    let length = answer.header("content-length").next().and_then(|v| v.trim().parse::<usize>().ok());
    let taken = match length {
        Some(length) if rest.len() >= length => length,
        None if ended || rest.len() > BODY_BYTES_MAX => rest.len(),
        Some(_) if ended || rest.len() > BODY_BYTES_MAX => rest.len(),
        _ => return Ok(None),
    };
    answer.body = text(&rest[..taken]);
    Ok(Some((answer, head + taken)))
}

fn chunks(mut rest: &[u8]) -> Result<Option<(Vec<u8>, usize)>, String> {
    let whole = rest.len();
    let mut body = Vec::new();
    loop {
        let (head, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete((head, size))) => (head, usize::try_from(size).unwrap_or(usize::MAX)),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("a chunk without a size".to_owned()),
        };
        // Each chunk ends with a line break that its size does not count; trailers are not looked for.
        let Some(chunk) = size.checked_add(head + 2).and_then(|end| rest.get(..end)) else { return Ok(None) };
        body.extend_from_slice(&chunk[head..chunk.len() - 2]);
        rest = &rest[chunk.len()..];
        if size == 0 || body.len() > BODY_BYTES_MAX {
            return Ok(Some((body, whole - rest.len())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, ended: bool) -> Option<(Answer, usize)> {
        answer(text.as_bytes(), ended).expect("an answer")
    }

    #[test]
    fn answers_end_where_their_headers_say() {
        let sized = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1";
        let (first, taken) = read(sized, false).expect("whole");
        assert_eq!((first.status, first.body.as_str(), &sized[taken..]), (200, "ok", "HTTP/1.1"));
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        assert_eq!(read(chunked, false).expect("whole"), (read(chunked, false).expect("whole").0, chunked.len()));
        assert_eq!(read(chunked, false).expect("whole").0.body, "ok");
        assert_eq!(read(&chunked[..chunked.len() - 3], false), None);
        let open = "HTTP/1.0 403 Forbidden\r\n\r\nno";
        assert_eq!(read(open, false), None);
        assert_eq!(read(open, true).expect("whole").0.body, "no");
        assert!(answer(b"\x15\x03\x01\x00\x02", true).is_err());
    }

    #[test]
    fn where_an_answer_sends_somebody_is_no_echo() {
        let headers = vec![("location".to_owned(), "/login?from=mark".to_owned())];
        assert!(!Answer { status: 302, headers, body: String::new() }.echoes("mark"));
        assert!(Answer { status: 404, headers: Vec::new(), body: "GET mark".into() }.echoes("mark"));
    }
}
