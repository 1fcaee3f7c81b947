//! `target/site-cache`: build results by the fingerprint of their input, so that nothing is built twice. It can be
//! removed at any time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 over all parts, each preceded by its length, in lower-case hex.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A directory of files, each named by the fingerprint of its input.
#[derive(Debug)]
pub(crate) struct Cache {
    directory: PathBuf,
    used: BTreeSet<String>,
}

impl Cache {
    pub(crate) fn open(directory: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&directory).with_context(|| format!("creating {}", directory.display()))?;
        Ok(Self {
            directory,
            used: BTreeSet::new(),
        })
    }

    /// The file with this name. Calls `make` if it does not exist yet.
    pub(crate) fn get_or_make(
        &mut self,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Vec<u8>> {
        self.used.insert(name.to_owned());
        let path = self.directory.join(name);
        if let Ok(bytes) = std::fs::read(&path) {
            return Ok(bytes);
        }
        let bytes = make()?;
        write_whole(&path, &bytes)?;
        Ok(bytes)
    }

    /// Removes every file that this run did not use.
    pub(crate) fn forget_the_rest(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            if !self.used.contains(entry.file_name().to_string_lossy().as_ref()) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Writes a temporary file and renames it. Readers see either the old file or the new one, and an interrupted run
/// leaves no partial file.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_from_one_part_to_the_next_changes_the_fingerprint() {
        assert_ne!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"a", b"bc"]));
        assert_eq!(fingerprint(&[b"ab", b"c"]), fingerprint(&[b"ab", b"c"]));
        assert_eq!(fingerprint(&[]).len(), 64);
    }

    #[test]
    fn a_cached_file_is_not_made_again_and_unused_files_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let mut first = Cache::open(directory.path().to_owned()).unwrap();
        first.get_or_make("one", || Ok(b"1".to_vec())).unwrap();
        first.get_or_make("two", || Ok(b"2".to_vec())).unwrap();

        let mut second = Cache::open(directory.path().to_owned()).unwrap();
        let again = second.get_or_make("one", || anyhow::bail!("made again")).unwrap();
        assert_eq!(again, b"1");
        second.forget_the_rest().unwrap();
        let names: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["one"]);
    }
}
