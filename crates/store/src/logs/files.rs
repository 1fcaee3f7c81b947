//! Closed segments as files: `<folder>/<day>/<segment>.rows`, and `.bodies` beside it. A file is complete and on the disk
//! before it has its name, and never changes after that.

use std::collections::{BTreeSet, HashMap};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use segments::{Container, Day, Kind, ReadError, SegmentId, Wanted};

use super::removing::{Gone, What};
use super::steps::{Step, Watcher};

/// A folder of segments. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Files {
    folder: Arc<Path>,
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder: Arc::from(folder),
        }
    }

    /// Stores a segment's blobs. When this returns, they survive a power cut. Replaces what a close that was interrupted
    /// has left.
    pub(super) fn put(
        &self,
        (day, segment): (Day, SegmentId),
        rows: &[u8],
        bodies: Option<&[u8]>,
        watcher: &Watcher,
    ) -> io::Result<()> {
        let folder = self.make_day(day)?;
        let blobs = [(Kind::Rows, Some(rows)), (Kind::Bodies, bodies)];
        let mut written = Vec::with_capacity(2);
        for (kind, bytes) in blobs {
            let Some(bytes) = bytes else { continue };
            let name = self.path(day, segment, kind);
            let temporary = temporary(&name);
            write(&temporary, bytes).inspect_err(|_| {
                // Most likely the disk is full, and what is half written is in the way. It is removed at the next start if
                // this fails too.
                let _ = std::fs::remove_file(&temporary);
            })?;
            written.push((temporary, name));
        }
        watcher.at(Step::BlobsWritten);
        for (temporary, name) in written {
            std::fs::rename(temporary, name)?;
        }
        File::open(folder)?.sync_all()?;
        watcher.at(Step::BlobsNamed);
        Ok(())
    }

    /// Removes one blob. It is no error if it does not exist.
    pub(super) fn remove(&self, day: Day, segment: SegmentId, kind: Kind) -> io::Result<()> {
        unless_missing(std::fs::remove_file(self.path(day, segment, kind)))
    }

    /// Removes blobs, and days without any.
    pub(super) fn remove_all(&self, gone: &[Gone]) -> io::Result<()> {
        let mut days = BTreeSet::new();
        for one in gone {
            let kinds: &[Kind] = match one.what {
                What::Everything => &[Kind::Rows, Kind::Bodies],
                What::Bodies => &[Kind::Bodies],
            };
            for kind in kinds {
                self.remove(one.day, one.segment, *kind)?;
            }
            days.insert(one.day);
        }
        for day in days {
            // Fails as long as there are files.
            let _ = std::fs::remove_dir(self.folder.join(day.to_string()));
        }
        Ok(())
    }

    /// Removes all files that belong to none of the `known` segments, bodies of those that have none any more, and days
    /// without files. Returns the removed files.
    pub(super) fn remove_others(&self, known: &HashMap<SegmentId, bool>) -> io::Result<Vec<PathBuf>> {
        let mut removed = Vec::new();
        for day in std::fs::read_dir(&self.folder)? {
            let day = day?;
            if !day.file_type()?.is_dir() || !is_day(&day.path()) {
                continue;
            }
            let mut left = 0;
            for file in std::fs::read_dir(day.path())? {
                let path = file?.path();
                if is_kept(&path, known) {
                    left += 1;
                } else {
                    unless_missing(std::fs::remove_file(&path))?;
                    removed.push(path);
                }
            }
            if left == 0 {
                // Fails if a segment of today has just been written, which is right.
                let _ = std::fs::remove_dir(day.path());
            }
        }
        Ok(removed)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, day: Day, segment: SegmentId, kind: Kind) -> PathBuf {
        let kind = match kind {
            Kind::Rows => "rows",
            Kind::Bodies => "bodies",
        };
        self.folder
            .join(day.to_string())
            .join(format!("{}.{kind}", segment.0))
    }

    /// The folder of a day. Creates it if it is missing.
    pub(super) fn make_day(&self, day: Day) -> io::Result<PathBuf> {
        let folder = self.folder.join(day.to_string());
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => File::open(&self.folder)?.sync_all()?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(folder)
    }
}

impl Container for Files {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        let mut open: Option<(SegmentId, Kind, File)> = None;
        let mut found = Vec::with_capacity(wanted.len());
        for one in wanted {
            let file = match &open {
                Some((segment, kind, file)) if (*segment, *kind) == (one.segment, one.kind) => file,
                _ => {
                    let file = File::open(self.path(one.day, one.segment, one.kind))
                        .map_err(|error| unreadable(error, one.segment))?;
                    &open.insert((one.segment, one.kind, file)).2
                }
            };
            found.push(read_range(file, one)?);
        }
        Ok(found)
    }
}

fn read_range(file: &File, wanted: &Wanted) -> Result<Bytes, ReadError> {
    let length = usize::try_from(wanted.range.end.saturating_sub(wanted.range.start)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, wanted.range.start)
        .map_err(|error| unreadable(error, wanted.segment))?;
    Ok(bytes.into())
}

fn unreadable(error: io::Error, segment: SegmentId) -> ReadError {
    match error.kind() {
        ErrorKind::NotFound => ReadError::Missing { segment },
        ErrorKind::UnexpectedEof => ReadError::Damaged {
            segment,
            why: "the file is too short",
        },
        // Not too many open files or the like, which pass: something is wrong with this one. The others are readable.
        _ if is_its_own(&error) => ReadError::Damaged {
            segment,
            why: "the file cannot be read",
        },
        _ => ReadError::Unavailable(Box::new(error)),
    }
}

/// Whether the error is of the file and not of the process or the system.
fn is_its_own(error: &io::Error) -> bool {
    /// `EIO`: the disk cannot read these bytes.
    const UNREADABLE: i32 = 5;
    matches!(
        error.kind(),
        ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidData
    ) || error.raw_os_error() == Some(UNREADABLE)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// The name a file has until it is complete. Two processes never write into one folder.
fn temporary(name: &Path) -> PathBuf {
    name.with_added_extension("new")
}

/// Whether this is the name of a day, so that a folder of someone else is left alone.
fn is_day(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    name.len() == 10 && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn is_kept(path: &Path, known: &HashMap<SegmentId, bool>) -> bool {
    let has_bodies = segment_of(path).and_then(|segment| known.get(&segment));
    let is_bodies = path.extension().is_some_and(|extension| extension == "bodies");
    has_bodies.is_some_and(|has_bodies| *has_bodies || !is_bodies)
}

/// The segment that a file belongs to, unless it is only a temporary one.
fn segment_of(path: &Path) -> Option<SegmentId> {
    let extension = path.extension()?;
    if extension != "rows" && extension != "bodies" {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok().map(SegmentId)
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Mutex;

    use super::*;

    const DAY: Day = Day(20_783);

    fn wanted(segment: i64, kind: Kind, range: Range<u64>) -> Wanted {
        Wanted {
            segment: SegmentId(segment),
            day: DAY,
            kind,
            range,
        }
    }

    fn put(files: &Files, segment: i64) {
        let place = (DAY, SegmentId(segment));
        files
            .put(place, b"0123456789", Some(b"abc"), &Watcher::default())
            .expect("it is written");
    }

    fn names(folder: &Path) -> Vec<String> {
        let day = folder.join(DAY.to_string());
        let files = std::fs::read_dir(day).expect("a folder");
        let mut names: Vec<String> = files
            .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn ranges_come_back_in_the_order_in_which_they_were_asked_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().to_owned());
        put(&files, 1);
        put(&files, 22);
        let asked = [
            wanted(22, Kind::Rows, 3..5),
            wanted(1, Kind::Bodies, 0..3),
            wanted(1, Kind::Rows, 9..10),
        ];
        assert_eq!(files.read(&asked).expect("bytes"), ["34", "abc", "9"]);
        assert_eq!(
            names(folder.path()),
            ["1.bodies", "1.rows", "22.bodies", "22.rows"]
        );
    }

    #[test]
    fn a_missing_file_and_a_short_one_are_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().to_owned());
        put(&files, 1);
        let read = |wanted| files.read(&[wanted]).expect_err("not readable");
        assert!(matches!(
            read(wanted(2, Kind::Rows, 0..1)),
            ReadError::Missing {
                segment: SegmentId(2)
            }
        ));
        assert!(matches!(
            read(wanted(1, Kind::Rows, 8..11)),
            ReadError::Damaged {
                segment: SegmentId(1),
                ..
            }
        ));
    }

    #[test]
    fn a_file_has_its_name_only_once_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().to_owned());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noting, at) = (Arc::clone(&seen), folder.path().to_owned());
        let watcher = Watcher::new(move |step| {
            noting.lock().expect("not poisoned").push((step, names(&at)));
        });
        let place = (DAY, SegmentId(7));
        files.put(place, b"rows", None, &watcher).expect("it is written");
        let expected = [
            (Step::BlobsWritten, vec!["7.rows.new".to_owned()]),
            (Step::BlobsNamed, vec!["7.rows".to_owned()]),
        ];
        assert_eq!(*seen.lock().expect("not poisoned"), expected);
    }

    #[test]
    fn what_belongs_to_no_segment_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = Files::new(folder.path().to_owned());
        put(&files, 1);
        put(&files, 2);
        let day = folder.path().join(DAY.to_string());
        std::fs::write(day.join("1.rows.new"), b"torn").expect("written");
        std::fs::write(folder.path().join("logs.db"), b"not ours").expect("written");
        let removed = files
            .remove_others(&HashMap::from([(SegmentId(1), true)]))
            .expect("it looks");
        assert_eq!(removed.len(), 3, "{removed:?}");
        assert_eq!(names(folder.path()), ["1.bodies", "1.rows"]);

        files
            .remove_others(&HashMap::from([(SegmentId(1), false)]))
            .expect("it looks");
        assert_eq!(names(folder.path()), ["1.rows"], "its bodies are no longer kept");

        files.remove_others(&HashMap::new()).expect("it looks");
        assert!(!day.exists(), "a day without segments goes");
        assert!(folder.path().join("logs.db").exists());
    }
}
