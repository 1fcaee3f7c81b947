//! The data directory. `serve` and `admin` use it to keep the files private and to lock the directory so that only one
//! process works in it.

use std::fs::{self, File, Metadata, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::ConfigError;

/// How long a process waits for another one to finish its work in the directory.
pub const TURN: Duration = Duration::from_secs(30);

/// The prefixes of our files in the directory. We leave all other files alone.
const OUR_FILES: [&str; 5] = ["gatehouse.", "master.key", "pepper.key", "control.sock", "demo"];
/// One of our folders, and the prefix of our files in it.
const LOGS: (&str, &str) = ("logs", "logs.db");

/// A data directory that this process holds exclusively. The lock ends when the value is dropped, or when the process
/// ends in any way.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Whether the directory could be locked.
#[derive(Debug)]
pub enum Claim {
    Held(DataDir),
    /// Another process holds the lock: a server or another `admin`.
    Taken,
}

/// Makes every new file of this process readable by its owner only, including files that the database library creates.
/// The library has no setting for this.
pub fn keep_new_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

impl DataDir {
    /// Creates missing directories (readable by the owner only), removes other users' access to our files, and takes
    /// the lock.
    pub fn claim(path: &Path) -> Result<Claim, ConfigError> {
        let fault = |what: &str, error: std::io::Error| {
            ConfigError::new(format!(
                "data-dir is {}, which cannot be {what}: {error}.",
                path.display()
            ))
        };
        create_private(path).map_err(|error| fault("created", error))?;
        make_private(path)?;
        let mut options = File::options();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let lock = options
            .open(path.join("gatehouse.lock"))
            .map_err(|error| fault("written to", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Claim::Held(Self {
                path: path.to_owned(),
                _lock: lock,
            })),
            Err(TryLockError::WouldBlock) => Ok(Claim::Taken),
            Err(TryLockError::Error(error)) => Err(fault("locked", error)),
        }
    }

    /// Returns a folder in the directory and creates it if it is missing.
    pub fn private_folder(&self, name: &str) -> Result<PathBuf, ConfigError> {
        let folder = self.path.join(name);
        create_private(&folder)
            .map_err(|error| ConfigError::new(format!("{} cannot be created: {error}.", folder.display())))?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

pub fn control_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

fn create_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Someone else may have created the directory: systemd makes its `StateDirectory` with mode 0755.
fn make_private(data_dir: &Path) -> Result<(), ConfigError> {
    let found = fs::metadata(data_dir).map_err(|error| unreadable(data_dir, &error))?;
    if found.mode() & 0o1000 != 0 {
        return Err(ConfigError::new(format!(
            "data-dir is {0}, which is a shared directory. Use a directory only for Gatehouse, such as {0}/gatehouse.",
            data_dir.display()
        )));
    }
    close_to_others(data_dir, data_dir, &found)?;
    for name in names_in(data_dir)? {
        let ours = OUR_FILES.iter().any(|prefix| name.starts_with(prefix));
        if ours || name == LOGS.0 {
            check_and_close(data_dir, &data_dir.join(name))?;
        }
    }
    let logs = data_dir.join(LOGS.0);
    if logs.is_dir() {
        for name in names_in(&logs)?.iter().filter(|name| name.starts_with(LOGS.1)) {
            check_and_close(data_dir, &logs.join(name))?;
        }
    }
    Ok(())
}

fn names_in(folder: &Path) -> Result<Vec<String>, ConfigError> {
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    Ok(entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect())
}

fn check_and_close(data_dir: &Path, path: &Path) -> Result<(), ConfigError> {
    match fs::symlink_metadata(path) {
        // The target of a link is outside the directory. Reading it is checked elsewhere.
        Ok(found) if found.is_symlink() => Ok(()),
        Ok(found) => close_to_others(data_dir, path, &found),
        // SQLite deletes its own files, and another process may be doing so right now.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn close_to_others(data_dir: &Path, path: &Path, found: &Metadata) -> Result<(), ConfigError> {
    let me = rustix::process::geteuid().as_raw();
    if found.uid() != me {
        return Err(ConfigError::new(format!(
            "{} belongs to user {}, but Gatehouse runs as user {me}. Run it as that user, or hand the data directory over: \
             sudo chown -R {me} {}",
            path.display(),
            found.uid(),
            data_dir.display()
        )));
    }
    let mode = found.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let private = mode & 0o700;
    match fs::set_permissions(path, fs::Permissions::from_mode(private)) {
        Ok(()) => {
            let said = "other users had access; it has been removed";
            // These two files let a reader decrypt every customer's secrets, so this is a warning.
            if path.extension().is_some_and(|extension| extension == "key") {
                tracing::warn!(path = %path.display(), "{said}");
            } else {
                tracing::info!(path = %path.display(), "{said}");
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(ConfigError::new(format!(
            "Other users have access to {0}, and Gatehouse could not remove it ({error}). Run: chmod go= {0}",
            path.display()
        ))),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError::new(format!("{} cannot be read: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_process_at_a_time_holds_the_directory() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = DataDir::claim(dir.path()).expect("claims");
        assert!(matches!(first, Claim::Held(_)));
        assert!(matches!(
            DataDir::claim(dir.path()).expect("claims"),
            Claim::Taken
        ));
        drop(first);
        assert!(matches!(
            DataDir::claim(dir.path()).expect("claims"),
            Claim::Held(_)
        ));
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changes");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("exists").mode() & 0o7777
    }

    #[test]
    fn our_open_files_are_made_private_and_other_files_stay() {
        let dir = tempfile::tempdir().expect("a directory");
        let data = dir.path().join("data");
        fs::create_dir_all(data.join("logs")).expect("makes");
        let ours =
            ["gatehouse.db", "gatehouse.db-wal", "master.key", "logs/logs.db"].map(|name| data.join(name));
        let script = data.join("backup.sh");
        for file in ours.iter().chain([&script]) {
            fs::write(file, "").expect("writes");
            set_mode(file, 0o755);
        }
        for folder in [data.join("logs"), data.clone()] {
            set_mode(&folder, 0o755);
        }
        DataDir::claim(&data).expect("claims");
        assert_eq!((mode(&data), mode(&data.join("logs"))), (0o700, 0o700));
        for file in ours {
            assert_eq!(mode(&file), 0o700, "{}", file.display());
        }
        assert_eq!(mode(&data.join("gatehouse.lock")), 0o600);
        assert_eq!(mode(&script), 0o755);
    }

    #[test]
    fn another_users_directory_is_refused_with_the_command_that_fixes_it() {
        let me = rustix::process::geteuid().as_raw();
        let Some(others) = [Path::new("/proc/1"), Path::new("/usr")]
            .into_iter()
            .find(|path| fs::metadata(path).is_ok_and(|found| found.uid() != me))
        else {
            // Root owns or may open everything, so make a directory that belongs to another user.
            let dir = tempfile::tempdir().expect("a directory");
            std::os::unix::fs::chown(dir.path(), Some(me + 4242), None).expect("root may");
            let refused = DataDir::claim(dir.path()).expect_err("another user's").0;
            assert!(
                refused.contains(&format!("chown -R {me} {}", dir.path().display())),
                "{refused}"
            );
            assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 0);
            return;
        };
        let refused = DataDir::claim(others).expect_err("another user's").0;
        assert!(refused.contains("chown -R"), "{refused}");
    }

    #[test]
    fn a_shared_directory_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        set_mode(dir.path(), 0o1777);
        let refused = DataDir::claim(dir.path()).expect_err("shared").0;
        assert!(
            refused.contains("Use a directory only for Gatehouse"),
            "{refused}"
        );
        assert_eq!(mode(dir.path()), 0o1777);
    }
}
