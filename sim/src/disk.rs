//! Durable storage with explicit sync: what is written is not kept until a sync of it has ended.
//!
//! A crash keeps a drawn legal subset of unsynced writes: per file a prefix, whose last record may be torn when the
//! node's disk tears. Records carry no checksum here: detecting damage is the model's job, as it is in the real thing.

use crate::seed::{DISK, Draws, below, mix};

/// A file of a node, by number.
pub type FileId = u8;

/// One change of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Write {
    /// One more record.
    Append(Box<[u8]>),
    /// Keep only the first `n` records (a log's new leader disagrees with its tail).
    Truncate(usize),
    /// Drop the first `n` records (retention, a checkpoint).
    DropFront(usize),
}

/// Lasting damage that a disk does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DiskFaults {
    /// A sync reports success and keeps nothing.
    pub loses_sync: bool,
    /// A crash may leave half a record.
    pub tears: bool,
    /// A sync fails.
    pub full: bool,
}

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<Box<[u8]>>,
    pending: Vec<Write>,
    /// Writes applied or lost since the node was built: pending ones follow.
    settled: u64,
}

/// A node's disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    /// What is wrong with it now.
    pub faults: DiskFaults,
    /// How often a fault changed anything.
    pub damaged: u64,
}

impl Disk {
    /// The durable records of a file, oldest first.
    pub fn read(&self, file: FileId) -> &[Box<[u8]>] {
        self.files.get(file as usize).map_or(&[], |f| &f.durable)
    }

    pub(crate) fn write(&mut self, file: FileId, write: Write) {
        if self.files.len() <= file as usize {
            self.files.resize_with(file as usize + 1, File::default);
        }
        self.files[file as usize].pending.push(write);
    }

    /// How many writes there were so far, per file: what a sync that starts now will cover.
    pub(crate) fn watermark(&self) -> Box<[u64]> {
        self.files.iter().map(|f| f.settled + f.pending.len() as u64).collect()
    }

    /// Ends a sync that began at `watermark`. Returns whether it succeeded, as the disk tells it.
    pub(crate) fn sync(&mut self, watermark: &[u64]) -> bool {
        if self.faults.full {
            self.damaged += 1;
            return false;
        }
        if self.faults.loses_sync {
            self.damaged += 1;
            return true;
        }
        for (file, covered) in self.files.iter_mut().zip(watermark) {
            let covered = (covered.saturating_sub(file.settled) as usize).min(file.pending.len());
            file.settled += covered as u64;
            for write in file.pending.drain(..covered) {
                apply(&mut file.durable, write);
            }
        }
        true
    }

    /// Power is lost: each file keeps a drawn prefix of its pending writes.
    pub(crate) fn crash(&mut self, draws: &Draws, cause: u64) {
        let (tears, loses) = (self.faults.tears, self.faults.loses_sync);
        for (i, file) in self.files.iter_mut().enumerate() {
            let n = mix(i as u64, 1);
            let pending = std::mem::take(&mut file.pending);
            file.settled += pending.len() as u64;
            let kept = below(draws.draw(DISK, cause, n), pending.len() as u64 + 1) as usize;
            // A disk that loses syncs kept nothing of what it said it had.
            let kept = if loses { 0 } else { kept };
            if loses && !pending.is_empty() {
                self.damaged += 1;
            }
            let mut rest = pending.into_iter();
            for write in rest.by_ref().take(kept) {
                apply(&mut file.durable, write);
            }
            if let (true, Some(Write::Append(record))) = (tears, rest.next())
                && record.len() > 1
            {
                let cut = 1 + below(draws.draw(DISK, cause, n + 1), record.len() as u64 - 1) as usize;
                file.durable.push(record[..cut].into());
                self.damaged += 1;
            }
        }
    }

    /// One bit of one durable record flips, if there is one.
    pub(crate) fn rot(&mut self, draws: &Draws, cause: u64) {
        let cause = mix(cause, self.damaged);
        let records: usize = self.files.iter().map(|f| f.durable.len()).sum();
        if records == 0 {
            return;
        }
        let mut pick = below(draws.draw(DISK, cause, 101), records as u64) as usize;
        for file in &mut self.files {
            if let Some(record) = file.durable.get_mut(pick) {
                if !record.is_empty() {
                    let bit = below(draws.draw(DISK, cause, 102), record.len() as u64 * 8) as usize;
                    record[bit / 8] ^= 1 << (bit % 8);
                    self.damaged += 1;
                }
                return;
            }
            pick -= file.durable.len();
        }
    }

    /// Everything is gone, as after a machine was replaced.
    pub(crate) fn wipe(&mut self) {
        self.files.clear();
    }
}

fn apply(durable: &mut Vec<Box<[u8]>>, write: Write) {
    match write {
        Write::Append(record) => durable.push(record),
        Write::Truncate(n) => durable.truncate(n),
        Write::DropFront(n) => drop(durable.drain(..n.min(durable.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::Choices;

    fn record(n: u8) -> Write {
        Write::Append([n; 4].into())
    }

    #[test]
    fn synced_writes_survive_every_crash_and_unsynced_ones_survive_as_a_prefix() {
        for seed in 0..200 {
            let draws = Draws::new(seed, Choices::default());
            let mut disk = Disk::default();
            disk.write(0, record(1));
            let mark = disk.watermark();
            disk.write(0, record(2));
            assert!(disk.sync(&mark));
            disk.write(0, record(3));
            disk.crash(&draws, 5);
            let kept: Vec<u8> = disk.read(0).iter().map(|r| r[0]).collect();
            assert!([&[1u8][..], &[1, 2], &[1, 2, 3]].contains(&&kept[..]), "{kept:?}");
        }
    }

    #[test]
    fn a_disk_that_loses_syncs_says_yes_and_keeps_nothing() {
        let mut disk = Disk { faults: DiskFaults { loses_sync: true, ..DiskFaults::default() }, ..Disk::default() };
        disk.write(0, record(1));
        let mark = disk.watermark();
        assert!(disk.sync(&mark));
        disk.crash(&Draws::new(1, Choices::default()), 1);
        assert!(disk.read(0).is_empty());
        assert_eq!(disk.damaged, 2);
    }

    #[test]
    fn a_full_disk_says_no() {
        let mut disk = Disk { faults: DiskFaults { full: true, ..DiskFaults::default() }, ..Disk::default() };
        disk.write(0, record(1));
        let mark = disk.watermark();
        assert!(!disk.sync(&mark));
    }
}
