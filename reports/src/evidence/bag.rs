//! Files in a bag, a bag in a tar: one way to write each.
//!
//! Names are sorted, times, owners and modes are fixed. A reader writes what it read once more and compares the bytes,
//! so that nothing can be said in a header, a padding or an order.

use sim::chain::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Read};
use tar::{Archive, Builder, EntryType, Header};

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Bytes of a compressed payload, at most.
pub const PAYLOAD_MAX: u64 = 64 << 20;
/// Bytes of an unpacked payload, at most.
pub const UNPACKED_MAX: u64 = 256 << 20;
/// Files of a bag, at most.
const FILES_MAX: usize = 1_000;
/// How hard is compressed: what takes part in the bytes never changes without a new version of the format.
const LEVEL: i32 = 9;

/// Where a bag keeps what it is about.
pub const DATA: &str = "data/";

const INFO: &str = "bag-info.txt";
const MANIFEST: &str = "manifest-sha256.txt";

/// The files with their manifests (RFC 8493): what is under `data/` and what describes it.
pub fn bag(mut data: Files, info: &str) -> Files {
    let tags = tags(data.iter(), info);
    data.extend(tags);
    data
}

/// What describes the files under `data/`.
fn tags<'f>(data: impl Iterator<Item = (&'f String, &'f Vec<u8>)>, info: &str) -> Files {
    let version = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
    let mut tags = Files::from([
        ("bagit.txt".to_owned(), version.into()),
        (INFO.to_owned(), info.into()),
        (MANIFEST.to_owned(), manifest(data).into_bytes()),
    ]);
    tags.insert("tagmanifest-sha256.txt".into(), manifest(tags.iter()).into_bytes());
    tags
}

fn manifest<'f>(files: impl Iterator<Item = (&'f String, &'f Vec<u8>)>) -> String {
    let mut lines = String::new();
    for (name, bytes) in files {
        writeln!(lines, "{}  {name}", Digest::of(bytes)).expect("memory takes text");
    }
    lines
}

/// The first file that is not as its bag says: missing, more than there should be, or changed.
pub fn unlike_bag(files: &Files) -> Option<String> {
    let text = |files: &Files, name: &str| {
        files.get(name).map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let is_data = |name: &&String| name.starts_with(DATA);
    let expected = tags(files.iter().filter(|(name, _)| is_data(name)), &text(files, INFO));
    // A changed file shows in the manifest, which is made again from it: the line that differs names the file.
    let (said, is) = (text(files, MANIFEST), text(&expected, MANIFEST));
    if files.contains_key(MANIFEST) && said != is {
        let lacks = |text: &str, line: &&str| !text.lines().any(|l| l == *line);
        let odd = is.lines().find(|line| lacks(&said, line)).or_else(|| said.lines().find(|line| lacks(&is, line)));
        let name = odd.and_then(|line| line.split_once("  ")).map_or("something", |(_, name)| name);
        return Some(format!("{name} is not as {MANIFEST} says"));
    }
    let names: BTreeSet<&String> = expected.keys().chain(files.keys().filter(|name| !is_data(name))).collect();
    let differing = names.into_iter().find(|name| expected.get(*name) != files.get(*name));
    differing.map(|name| format!("{name} is not as the bag says"))
}

/// The files as a tar (POSIX ustar).
///
/// # Panics
/// When a name is longer than a hundred bytes: names are ours.
pub fn tar(files: &Files) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).expect("memory takes a short name");
    }
    builder.into_inner().expect("memory takes the end")
}

/// The files of a tar that [`tar`] wrote; nothing is written anywhere.
///
/// # Errors
/// What is not as [`tar`] writes it.
pub fn untar(bytes: &[u8]) -> Result<Files, String> {
    let mut files = Files::new();
    let mut archive = Archive::new(bytes);
    let broken = |e: io::Error| format!("not a tar: {e}");
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| "a name that is no UTF-8")?;
        if entry.header().entry_type() != EntryType::Regular {
            return Err(format!("{name:?} is no regular file"));
        }
        let part = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
        if name.starts_with('/') || !name.split('/').all(part) {
            return Err(format!("{name:?} leads out of the bundle"));
        }
        let size = entry.size();
        if size > bytes.len() as u64 || files.len() >= FILES_MAX {
            return Err(format!("{name:?} is larger than what holds it, or one file too many"));
        }
        let mut content = Vec::with_capacity(size as usize);
        entry.read_to_end(&mut content).map_err(broken)?;
        if files.insert(name.clone(), content).is_some() {
            return Err(format!("{name:?} is there twice"));
        }
    }
    if tar(&files) == bytes { Ok(files) } else { Err("headers, order or padding are not as they are written".into()) }
}

/// Compresses.
///
/// # Panics
/// Never: memory takes bytes.
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("memory takes bytes")
}

/// Uncompresses, up to [`UNPACKED_MAX`].
///
/// # Errors
/// It is no whole zstd stream, or a larger one.
pub fn uncompress(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let broken = |e: io::Error| format!("not a zstd stream: {e}");
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(broken)?;
    let mut unpacked = Vec::new();
    decoder.take(UNPACKED_MAX + 1).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() as u64 > UNPACKED_MAX {
        return Err(format!("more than {} MiB unpacked", UNPACKED_MAX >> 20));
    }
    Ok(unpacked)
}
