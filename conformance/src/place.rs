//! Where results go: a directory, or a prefix of an object store.
//!
//! Whole files appear whole or not at all in both. The log of a sweep grows in one file of a directory; an object
//! cannot grow, so there it is a row of parts, each put whole.

#[cfg(feature = "object-store")]
mod bucket;
mod disk;

use crate::exit::{Refusal, usage};
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

/// Name of the log of a sweep.
pub const LOG: &str = "sweep.log";

/// Name of the file that says how long things took.
pub const TIMINGS: &str = "timings.json";

/// A place for results.
#[derive(Clone)]
pub enum Place {
    /// A directory.
    Disk(PathBuf),
    /// A prefix of an object store.
    #[cfg(feature = "object-store")]
    Bucket(bucket::Bucket),
}

/// What a log is written with.
pub trait Pen: Send {
    /// Cuts off what follows so many whole bytes: an unfinished line, or everything.
    ///
    /// # Errors
    /// One line: which file, and what the system said.
    fn cut(&mut self, whole: u64) -> Result<(), Refusal>;

    /// Adds a whole line. When it fails, the log is as it was before.
    ///
    /// # Errors
    /// One line: which file, and what the system said.
    fn write(&mut self, line: &[u8]) -> Result<(), Refusal>;

    /// Makes sure that what was written outlasts the machine, `now` or if it is time; says whether it did.
    ///
    /// # Errors
    /// As for [`Pen::write`].
    fn sync(&mut self, now: bool) -> Result<bool, Refusal>;
}

impl Place {
    /// The place that is meant by a path or a URL.
    ///
    /// # Errors
    /// A URL of which this build knows nothing.
    pub fn of(text: &OsStr) -> Result<Place, Refusal> {
        match text.to_str().filter(|text| text.contains("://")) {
            None => Ok(Place::Disk(Path::new(text).to_owned())),
            Some(url) => Place::url(url),
        }
    }

    fn url(url: &str) -> Result<Place, Refusal> {
        // A directory by another name: it keeps what a directory promises, and needs no feature.
        if let Some(path) = url.strip_prefix("file://") {
            return match disk::decoded(path) {
                Some(path) if path.is_absolute() => Ok(Place::Disk(path)),
                _ => Err(usage(format!("{url}: expected file:///PATH, absolute and on this machine"))),
            };
        }
        #[cfg(feature = "object-store")]
        return bucket::Bucket::at(url).map(Place::Bucket);
        #[cfg(not(feature = "object-store"))]
        Err(usage(format!(
            "{url}: this cellproof was built without object stores: expected a directory, or a build with \
             `cargo build --release --features conformance/object-store`"
        )))
    }

    /// A file in it, as messages name it.
    pub fn file(&self, name: &str) -> String {
        match self {
            Place::Disk(dir) => dir.join(name).display().to_string(),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => bucket.file(name),
        }
    }

    /// Makes the place if it is missing.
    ///
    /// # Errors
    /// One line.
    pub fn make(&self) -> Result<(), Refusal> {
        let made = match self {
            Place::Disk(dir) => std::fs::create_dir_all(dir),
            // There are no directories in an object store.
            #[cfg(feature = "object-store")]
            Place::Bucket(_) => Ok(()),
        };
        made.map_err(|e| usage(format!("failed to write into {self}: {e}")))
    }

    /// Makes the place if it is missing, and makes sure that something can be written into it.
    ///
    /// # Errors
    /// One line. Nothing is left behind in a place that was there before.
    pub fn ready(&self) -> Result<(), Refusal> {
        let probe = format!(".cellproof.{}", std::process::id());
        self.make()?;
        self.write(&probe, b"")?;
        self.forget(&[&probe])
    }

    /// A whole file, if it is there.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let read = match self {
            Place::Disk(dir) => std::fs::read(dir.join(name)),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => bucket.read(name),
        };
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(usage(format!("failed to read {}: {e}", self.file(name)))),
        }
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// One line. What was there before stays.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let written = match self {
            Place::Disk(dir) => reports::write::write_atomically(&dir.join(name), bytes),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => bucket.write(name, bytes),
        };
        written.map_err(|e| usage(format!("failed to write {}: {e}", self.file(name))))
    }

    /// Removes files of ours.
    ///
    /// # Errors
    /// One line: the first that could not be removed.
    pub fn forget(&self, names: &[&str]) -> Result<(), Refusal> {
        for name in names {
            let removed = match self {
                Place::Disk(dir) => std::fs::remove_file(dir.join(name)),
                #[cfg(feature = "object-store")]
                Place::Bucket(bucket) => bucket.remove(name),
            };
            if let Err(e) = removed
                && e.kind() != io::ErrorKind::NotFound
            {
                return Err(usage(format!("failed to remove {}: {e}", self.file(name))));
            }
        }
        Ok(())
    }

    /// Names of the parts of the log, in order; none when there is no log.
    ///
    /// # Errors
    /// One line.
    pub fn log_parts(&self) -> Result<Vec<String>, Refusal> {
        let parts = match self {
            Place::Disk(dir) => {
                dir.join(LOG).try_exists().map(|there| there.then(|| LOG.to_owned()).into_iter().collect())
            }
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => bucket.log_parts(),
        };
        parts.map_err(|e| usage(format!("failed to look into {self}: {e}")))
    }

    /// Opens a part of the log.
    ///
    /// # Errors
    /// One line.
    pub fn open(&self, part: &str) -> Result<Box<dyn BufRead>, Refusal> {
        let open = match self {
            Place::Disk(dir) => std::fs::File::open(dir.join(part))
                .map(|file| -> Box<dyn BufRead> { Box::new(io::BufReader::new(file)) }),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => {
                bucket.read(part).map(|bytes| -> Box<dyn BufRead> { Box::new(io::Cursor::new(bytes)) })
            }
        };
        open.map_err(|e| usage(format!("failed to read {}: {e}", self.file(part))))
    }

    /// Takes the log in hand, before anything in it is believed: until the pen is dropped nobody else writes here.
    ///
    /// # Errors
    /// Somebody else does, or it cannot be opened.
    pub fn pen(&self) -> Result<Box<dyn Pen>, Refusal> {
        match self {
            Place::Disk(dir) => Ok(Box::new(disk::DiskPen::take(dir)?)),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => Ok(Box::new(bucket.pen()?)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Disk(dir) => write!(f, "{}", dir.display()),
            #[cfg(feature = "object-store")]
            Place::Bucket(bucket) => f.write_str(bucket.url()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        match (Place::of(OsStr::new(text)), expected) {
            (Ok(place), Ok(expected)) => assert_eq!(place.to_string(), expected),
            (Err(refused), Err(expected)) => assert!(refused.message.contains(expected), "{}", refused.message),
            (got, _) => panic!("{text}: {:?}", got.map(|place| place.to_string())),
        }
    }

    #[test]
    fn a_path_is_a_path_and_a_file_url_is_one_too() {
        check("out", Ok("out"));
        check("s3:/odd/but/a/path", Ok("s3:/odd/but/a/path"));
        check("file:///tmp/a%20b", Ok("/tmp/a b"));
        check("file://host/tmp", Err("expected file:///PATH"));
        check("file:///tmp/%zz", Err("expected file:///PATH"));
    }

    #[test]
    #[cfg(not(feature = "object-store"))]
    fn a_url_without_the_feature_is_refused_and_says_how_to_get_it() {
        check("s3://bucket/sweep", Err("--features conformance/object-store"));
    }
}
