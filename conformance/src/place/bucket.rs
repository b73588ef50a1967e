//! A prefix of an object store, by the crate `object_store`: S3 and what speaks its protocol, Google Cloud, Azure.
//!
//! An object is put whole and never grows, so a log is a row of parts, each with the header in its first line. A part
//! must not exist before it is put: of two sweeps that write to one prefix, the second finds out and stops. What a
//! killed sweep had not yet put is done again by whoever goes on: it was in no log, so it was not finished.

use super::Pen;
use crate::exit::{Refusal, usage};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use url::Url;

/// A part is put when it is this old: a kill costs at most so much of work, and an hour makes a hundred parts.
const PART_EVERY: Duration = Duration::from_secs(30);

/// A part is put when it is this long: few enough to be held and sent, long enough to be worth a request.
const PART_BYTES: usize = 4 << 20;

/// Variables of the environment that configure a store, by the first letters of their names.
const FAMILIES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// Names the store itself, which the URL does already.
const NAMED_BY_URL: [&str; 5] =
    ["AWS_BUCKET", "AWS_BUCKET_NAME", "GOOGLE_BUCKET", "GOOGLE_BUCKET_NAME", "AZURE_CONTAINER_NAME"];

/// A prefix of a store.
#[derive(Clone)]
pub struct Bucket {
    url: String,
    prefix: Path,
    store: Arc<dyn ObjectStore>,
    /// Requests are made one at a time: what is slow is the simulation, and it has the other threads.
    runtime: Arc<Runtime>,
}

impl Bucket {
    /// The store that a URL names; credentials and regions come from the environment, as with other tools.
    pub fn at(text: &str) -> Result<Bucket, Refusal> {
        let refused =
            |what: String| usage(format!("{text}: {what}: expected a directory, file://, s3://, gs:// or az://"));
        let url = Url::parse(text).map_err(|e| refused(e.to_string()))?;
        let options =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let ours = |name: &str| FAMILIES.iter().any(|f| name.starts_with(f)) && !NAMED_BY_URL.contains(&name);
        let options = options.filter(|(name, _)| ours(name));
        let (store, prefix) = object_store::parse_url_opts(&url, options).map_err(|e| refused(e.to_string()))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| usage(format!("failed to start an HTTP client: {e}")))?;
        let url = text.trim_end_matches('/').to_owned();
        Ok(Bucket { url, prefix, store: store.into(), runtime: Arc::new(runtime) })
    }

    /// As it was typed.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An object's URL.
    pub fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    /// A whole object.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path(name);
        let got = self.runtime.block_on(async { self.store.get(&path).await?.bytes().await });
        got.map(Into::into).map_err(said)
    }

    /// Puts an object, in place of any that was there.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.put(name, bytes, PutMode::Overwrite).map_err(said)
    }

    fn put(&self, name: &str, bytes: &[u8], mode: PutMode) -> Result<(), Error> {
        let (path, payload) = (self.path(name), PutPayload::from(bytes.to_vec()));
        self.runtime.block_on(self.store.put_opts(&path, payload, mode.into())).map(|_| ())
    }

    /// Removes an object.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        self.runtime.block_on(self.store.delete(&path)).map_err(said)
    }

    /// Names of the parts of the log, in order.
    pub fn log_parts(&self) -> io::Result<Vec<String>> {
        let found = self.runtime.block_on(self.store.list_with_delimiter(Some(&self.prefix))).map_err(said)?;
        let names = found.objects.iter().filter_map(|object| object.location.filename().map(str::to_owned));
        let mut parts: Vec<String> = names.filter(|name| number(name).is_some()).collect();
        parts.sort();
        Ok(parts)
    }

    /// Takes the log in hand.
    pub fn pen(&self) -> Result<BucketPen, Refusal> {
        let failed = |e: io::Error| usage(format!("failed to read {}: {e}", self.url));
        let parts = self.log_parts().map_err(failed)?;
        let header = match parts.first() {
            None => Vec::new(),
            Some(first) => {
                let bytes = self.read(first).map_err(failed)?;
                bytes.split_inclusive(|b| *b == b'\n').next().unwrap_or_default().to_vec()
            }
        };
        let next = parts.last().and_then(|last| number(last)).map_or(0, |last| last + 1);
        Ok(BucketPen { bucket: self.clone(), next, header, lines: Vec::new(), begun: Instant::now() })
    }
}

/// What a store said, on one line: some answer with a page.
fn said(e: Error) -> io::Error {
    let kind = match e {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, e.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

fn name(part: u64) -> String {
    format!("sweep-{part:08}.log")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("sweep-")?.strip_suffix(".log")?.parse().ok()
}

/// Gathers lines into parts.
pub struct BucketPen {
    bucket: Bucket,
    /// Number of the part that is put next.
    next: u64,
    header: Vec<u8>,
    lines: Vec<u8>,
    begun: Instant,
}

impl Pen for BucketPen {
    fn cut(&mut self, whole: u64) -> Result<(), Refusal> {
        // Parts are whole; all there can be to cut off is everything.
        if whole == 0 {
            let failed = |e: io::Error| usage(format!("failed to empty {}: {e}", self.bucket.url));
            for part in self.bucket.log_parts().map_err(failed)? {
                self.bucket.remove(&part).map_err(failed)?;
            }
            (self.next, self.header) = (0, Vec::new());
        }
        Ok(())
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // The first line of all is the header.
        let into = if self.header.is_empty() { &mut self.header } else { &mut self.lines };
        into.extend_from_slice(line);
        Ok(())
    }

    fn sync(&mut self, now: bool) -> Result<bool, Refusal> {
        let claim = self.next == 0;
        let due = now || self.begun.elapsed() >= PART_EVERY || self.lines.len() >= PART_BYTES;
        if !claim && (!due || self.lines.is_empty()) {
            return Ok(false);
        }
        let name = name(self.next);
        let part = [&self.header[..], &self.lines[..]].concat();
        self.bucket.put(&name, &part, PutMode::Create).map_err(|e| {
            let file = self.bucket.file(&name);
            match e {
                Error::AlreadyExists { .. } | Error::Precondition { .. } => {
                    usage(format!("{file} is there already: another cellproof is at work in {}", self.bucket.url))
                }
                e => usage(format!("failed to write {file}: {}", said(e))),
            }
        })?;
        self.next += 1;
        self.lines.clear();
        self.begun = Instant::now();
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store in memory, as two processes see it.
    fn bucket() -> Bucket {
        Bucket::at("memory:///a/sweep").expect("a store in memory")
    }

    #[test]
    fn a_log_is_a_row_of_parts_that_each_begin_with_the_header() {
        let bucket = bucket();
        let mut pen = bucket.pen().expect("a pen");
        pen.write(b"header\n").expect("memory");
        assert!(pen.sync(true).expect("memory"));
        pen.write(b"one\n").expect("memory");
        assert!(!pen.sync(false).expect("memory"), "a young part waits");
        pen.write(b"two\n").expect("memory");
        assert!(pen.sync(true).expect("memory"));
        assert!(!pen.sync(true).expect("memory"), "nothing is left to put");
        let mut again = bucket.pen().expect("a pen");
        again.write(b"three\n").expect("memory");
        assert!(again.sync(true).expect("memory"));
        let parts: Vec<(String, Vec<u8>)> = bucket
            .log_parts()
            .expect("memory")
            .into_iter()
            .map(|name| (name.clone(), bucket.read(&name).expect("memory")))
            .collect();
        let wanted = ["header\n", "header\none\ntwo\n", "header\nthree\n"].map(|text| text.as_bytes().to_vec());
        assert_eq!(parts, (0..).map(super::name).zip(wanted).collect::<Vec<_>>());
        pen.write(b"four\n").expect("memory");
        let refused = pen.sync(true).expect_err("two sweeps in one place");
        assert!(refused.message.contains("another cellproof is at work in memory:///a/sweep"), "{}", refused.message);
    }

    #[test]
    fn what_is_no_store_is_refused_before_anything_runs() {
        for url in ["ftp://host/x", "s3://"] {
            assert_eq!(Bucket::at(url).err().map(|refused| refused.exit.code()), Some(2), "{url}");
        }
    }
}
