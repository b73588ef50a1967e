//! A door in HTTP/2 before a gateway in HTTP/1.1, made by hand: it makes lines of fields, and refuses what is malformed
//! but for one slip. No server that is kept up to date is as lenient as it is then.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// What must be refused, and is not by a door that slips there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Slip {
    /// Line breaks and NUL anywhere.
    Breaks,
    /// Names in upper case.
    UpperCase,
    /// A pseudo header behind a regular one.
    Late,
    /// A pseudo header that nobody knows.
    Unknown,
    /// The same pseudo header twice.
    Twice,
    /// An empty path.
    Empty,
    /// What belongs to a connection.
    Connection,
    /// A coding of HTTP/1.1.
    Coding,
    /// A length before the end of the request.
    Short,
    /// A length beyond it.
    Long,
    /// Two hosts that differ.
    Beside,
    /// Whoever was let in once on a connection stays so.
    Remembered,
}

type Field = (String, String);

/// Starts one before what listens at `behind`: its port.
pub fn start(behind: u16, slip: Option<Slip>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, (port, behind), slip));
        }
    });
    port
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&[length[1], length[2], length[3], kind, flags][..], &stream.to_be_bytes(), payload].concat()
}

/// One connection, with one behind.
fn serve(mut stream: TcpStream, (port, behind): (u16, u16), slip: Option<Slip>) -> Option<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).ok()?;
    stream.write_all(&frame(4, 0, 0, &[])).ok()?;
    let mut remembered = None;
    let (mut block, mut body, mut is_last) = (Vec::new(), Vec::new(), false);
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).ok()?;
        let (kind, flags, id) = (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        match kind {
            0 => body.append(&mut payload),
            1 | 9 => block.append(&mut payload),
            4 if flags & 1 == 0 => stream.write_all(&frame(4, 1, 0, &[])).ok()?,
            _ => continue,
        }
        is_last |= kind < 2 && flags & 1 != 0;
        if kind == 4 || !is_last || kind != 0 && flags & 4 == 0 {
            continue;
        }
        let mut fields = read(&std::mem::take(&mut block));
        let sent = std::mem::take(&mut body);
        is_last = false;
        if malformed(&fields, sent.len(), port).is_some_and(|why| Some(why) != slip) {
            stream.write_all(&frame(3, 0, id, &1_u32.to_be_bytes())).ok()?;
            continue;
        }
        if slip == Some(Slip::Remembered) {
            let token = fields.iter().find(|(name, _)| name == "authorization").cloned();
            match token {
                Some(token) => remembered = Some(token),
                None => fields.extend(remembered.clone()),
            }
        }
        // What it does not refuse it mends: the gateway behind would wait for the rest.
        fields.retain(|(name, _)| slip != Some(Slip::Long) || name != "content-length");
        stream.write_all(&asked(&lines(&fields, &sent), behind, id)?).ok()?;
    }
}

/// A list of fields as the judge writes it: every one of them spelt out.
fn read(mut block: &[u8]) -> Vec<Field> {
    let mut texts = Vec::new();
    while !block.is_empty() {
        // What begins a field is a zero, and stands before its name alone.
        block = &block[usize::from(texts.len() % 2 == 0)..];
        let (mut length, mut at) = (usize::from(block[0]), 1);
        if length == 0x7f {
            for shift in [0, 7, 14] {
                let byte = block[at];
                (length, at) = (length + (usize::from(byte & 0x7f) << shift), at + 1);
                if byte < 0x80 {
                    break;
                }
            }
        }
        texts.push(String::from_utf8_lossy(&block[at..at + length]).into_owned());
        block = &block[at + length..];
    }
    texts.chunks(2).map(|two| (two[0].clone(), two[1].clone())).collect()
}

/// The first reason to refuse a request.
fn malformed(fields: &[Field], length: usize, port: u16) -> Option<Slip> {
    let all = |name: &str| fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    let known = [":method", ":scheme", ":path", ":authority"];
    let first = fields.iter().position(|(name, _)| !name.starts_with(':')).unwrap_or(fields.len());
    let lengths = all("content-length");
    let declared = lengths.first().map(|length_| length_.parse::<usize>().unwrap_or(usize::MAX));
    let hosts = [all(":authority"), all("host")].concat();
    let own = format!("127.0.0.1:{port}");
    [
        (fields.iter().any(|(n, v)| format!("{n}{v}").contains(['\r', '\n', '\0'])), Slip::Breaks),
        (fields.iter().any(|(n, _)| n.contains(|c: char| c.is_ascii_uppercase())), Slip::UpperCase),
        (fields[first..].iter().any(|(n, _)| n.starts_with(':')), Slip::Late),
        (fields.iter().any(|(n, _)| n.starts_with(':') && !known.contains(&n.as_str())), Slip::Unknown),
        (known.iter().any(|name| all(name).len() > 1), Slip::Twice),
        (all(":path").contains(&""), Slip::Empty),
        (["connection", "upgrade"].iter().any(|name| !all(name).is_empty()), Slip::Connection),
        (!all("transfer-encoding").is_empty(), Slip::Coding),
        (lengths.len() > 1 || declared.is_some_and(|n| n > length), Slip::Long),
        (declared.is_some_and(|n| n < length), Slip::Short),
        (hosts.is_empty() || hosts.iter().any(|host| *host != own), Slip::Beside),
    ]
    .into_iter()
    .find(|(is_so, _)| *is_so)
    .map(|(_, slip)| slip)
}

/// The same request as HTTP/1.1 has it.
fn lines(fields: &[Field], body: &[u8]) -> Vec<u8> {
    let one = |name: &str| fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let path = one(":path").filter(|path| !path.is_empty()).unwrap_or("/v1/query");
    let mut text = format!("{} {path} HTTP/1.1\r\n", one(":method").unwrap_or("GET"));
    if let Some(host) = one(":authority").or(one("host")) {
        text.push_str(&format!("host: {host}\r\n"));
    }
    for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(':')) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() && one("content-length").is_none() && one("transfer-encoding").is_none() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    [text.as_bytes(), b"\r\n", body].concat()
}

/// The answer to a request on a connection of its own, in frames.
fn asked(request: &[u8], behind: u16, id: u32) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", behind)).ok()?;
    stream.write_all(request).ok()?;
    let mut read = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let (head, length) = loop {
        let text = String::from_utf8_lossy(&read).to_ascii_lowercase();
        if let Some(at) = text.find("\r\n\r\n") {
            let length = text[..at].lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            break (at, length.unwrap_or(0));
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            n => read.extend_from_slice(&buffer[..n]),
        }
    };
    while read.len() < head + 4 + length {
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            n => read.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&read[..head]).into_owned();
    let mut block = literal(":status", text.get(9..12)?);
    for (name, value) in text.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        if !["connection", "transfer-encoding", "keep-alive"].contains(&name) {
            block.extend(literal(name, value));
        }
    }
    let mut out = frame(1, 4, id, &block);
    for part in read[head + 4..head + 4 + length].chunks(16_384) {
        out.extend(frame(0, 0, id, part));
    }
    out.extend(frame(0, 1, id, &[]));
    Some(out)
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let number = |length: usize| match length.checked_sub(0x7f) {
        None => vec![length as u8],
        Some(rest) => vec![0x7f, (rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8],
    };
    [vec![0], number(name.len()), name.into(), number(value.len()), value.into()].concat()
}
