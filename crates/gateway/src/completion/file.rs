//! Follows a proxy's access log in a file, for proxies that only write files. Begins at its end; goes on when the file is
//! truncated or replaced.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Completions;
use super::line::{LONGEST, Malformed};

/// How often there is a look for new lines.
const EVERY: Duration = Duration::from_millis(200);

/// What is read at once, and of one file in one look.
const PIECE: usize = 64 * 1024;
const MOST: usize = 16 << 20;

/// How long a file that was replaced is still read: a proxy goes on writing to it until it is told.
const LINGERS: Duration = Duration::from_secs(60);

/// Takes the lines that are written from now on, until `stop`. The file need not exist yet.
pub async fn follow(path: PathBuf, completions: Completions, stop: CancellationToken) {
    let mut following = Following::new(path, &completions);
    loop {
        let (taken, again) = (completions.clone(), following);
        let looked = tokio::task::spawn_blocking(move || {
            let mut following = again;
            following.look(&taken, Instant::now());
            following
        });
        let Ok(back) = looked.await else {
            return;
        };
        following = back;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

struct Following {
    path: PathBuf,
    current: Option<Reading>,
    /// Those that it replaced, and until when they are read.
    older: Vec<(Reading, Instant)>,
    /// Whether the last look failed, so that it is said once.
    is_failing: bool,
}

/// A file, and how far it has been read.
struct Reading {
    file: File,
    /// Its device and its number on it.
    is: (u64, u64),
    at: u64,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
    /// The line is too long, and left out up to its end.
    skips: bool,
}

impl Following {
    fn new(path: PathBuf, completions: &Completions) -> Self {
        let mut following = Self {
            path,
            current: None,
            older: Vec::new(),
            is_failing: false,
        };
        match Reading::open(&following.path) {
            Ok(mut reading) => match reading.skip_what_is_there() {
                Ok(()) => following.current = Some(reading),
                Err(error) => following.failed(&error),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => following.failed(&error),
        }
        following.look(completions, Instant::now());
        following
    }

    fn failed(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            let path = self.path.display();
            tracing::warn!("the access log {path} cannot be read: {error}. Gatehouse goes on trying");
        }
    }

    /// Takes what is new.
    fn look(&mut self, completions: &Completions, now: Instant) {
        let result = self.replace_if_replaced(now).and_then(|()| {
            self.older.retain(|(_, until)| *until > now);
            let older = self.older.iter_mut().map(|(reading, _)| reading);
            let mut all = older.chain(&mut self.current);
            all.try_for_each(|reading| reading.take_new(completions))
        });
        match result {
            Ok(()) => self.is_failing = false,
            Err(error) => self.failed(&error),
        }
    }

    /// The name may belong to another file than before. Until there is one, the one before is read on.
    fn replace_if_replaced(&mut self, now: Instant) -> io::Result<()> {
        let is = match std::fs::metadata(&self.path) {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.current.as_ref().is_none_or(|current| current.is != is) {
            let new = Reading::open(&self.path)?;
            let before = self.current.replace(new);
            self.older.extend(before.map(|before| (before, now + LINGERS)));
        }
        Ok(())
    }
}

impl Reading {
    fn open(path: &Path) -> io::Result<Self> {
        // To open a pipe would wait for its writer.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self {
            is: (metadata.dev(), metadata.ino()),
            file,
            at: 0,
            begun: Vec::new(),
            skips: false,
        })
    }

    fn skip_what_is_there(&mut self) -> io::Result<()> {
        self.at = self.file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    fn take_new(&mut self, completions: &Completions) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length < self.at {
            // It was truncated, and what is in it now is new.
            self.at = self.file.seek(SeekFrom::Start(0))?;
            self.begun.clear();
            self.skips = false;
        }
        let (mut piece, mut read) = (vec![0; PIECE.min((length - self.at.min(length)) as usize + 1)], 0);
        while read < MOST {
            let count = self.file.read(&mut piece)?;
            if count == 0 {
                break;
            }
            self.at += count as u64;
            read += count;
            self.take(&piece[..count], completions);
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], completions: &Completions) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // What follows the last newline is the beginning of a line.
        let rest = parts.next_back().unwrap_or_default();
        for part in parts {
            if self.skips {
                self.skips = false;
            } else if self.begun.is_empty() {
                take_line(part, completions);
            } else {
                self.begun.extend_from_slice(part);
                take_line(&self.begun, completions);
            }
            self.begun.clear();
        }
        if self.skips {
            return;
        }
        self.begun.extend_from_slice(rest);
        if self.begun.len() > LONGEST {
            completions.malformed(Malformed::TooLong);
            self.begun = Vec::new();
            self.skips = true;
        }
    }
}

fn take_line(line: &[u8], completions: &Completions) {
    if !line.trim_ascii().is_empty() {
        completions.take(line);
    }
}
