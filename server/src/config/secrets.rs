//! The master key and the pepper. They come from an environment variable, a systemd credential or a file in the data
//! directory. They are generated only for a data directory that is still empty.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vault::{MasterKey, Pepper, Zeroizing};

use super::{ConfigError, Database, Place};

/// The two secrets of an installation.
#[derive(Clone, Debug)]
pub struct Secrets {
    pub master_key: Arc<MasterKey>,
    pub pepper: Arc<Pepper>,
}

/// One of the two secrets, with the names of its sources.
struct Kind {
    /// Its name in sentences.
    name: &'static str,
    variable: &'static str,
    credential: &'static str,
    file: &'static str,
}

const MASTER_KEY: Kind = Kind {
    name: "master key",
    variable: "GATEHOUSE_MASTER_KEY",
    credential: "gatehouse-master-key",
    file: "master.key",
};
const PEPPER: Kind = Kind {
    name: "pepper",
    variable: "GATEHOUSE_PEPPER",
    credential: "gatehouse-pepper",
    file: "pepper.key",
};

pub fn master_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join(MASTER_KEY.file)
}

pub fn pepper_file(data_dir: &Path) -> PathBuf {
    data_dir.join(PEPPER.file)
}

/// Reads both secrets. `is_new` says that no rows in the database depend on them yet. Missing secrets are generated
/// only then, and only with the embedded database; new secrets beside old rows would make every stored key unreadable.
pub fn load_secrets(place: &Place, is_new: bool) -> Result<Secrets, ConfigError> {
    let may_make = is_new && place.database == Database::Embedded;
    let master_key = find(&MASTER_KEY, &place.data_dir)?;
    let pepper = find(&PEPPER, &place.data_dir)?;
    let master_key = match master_key {
        Some(text) => MasterKey::from_hex_or_base64(&text.text).map_err(|_| text.is_no_key(&MASTER_KEY))?,
        None if may_make => make(
            &MASTER_KEY,
            &place.data_dir,
            MasterKey::generate(),
            MasterKey::to_hex,
        )?,
        None => return Err(missing(&MASTER_KEY, place)),
    };
    let pepper = match pepper {
        Some(text) => Pepper::from_hex_or_base64(&text.text).map_err(|_| text.is_no_key(&PEPPER))?,
        None if may_make => make(&PEPPER, &place.data_dir, Pepper::generate(), Pepper::to_hex)?,
        None => return Err(missing(&PEPPER, place)),
    };
    Ok(Secrets {
        master_key: Arc::new(master_key),
        pepper: Arc::new(pepper),
    })
}

/// The name of each secret, and the variable, credential or file that has it. `None` where none of them does.
pub fn secret_sources(data_dir: &Path) -> Result<[(&'static str, Option<String>); 2], ConfigError> {
    let source =
        |kind: &Kind| Ok::<_, ConfigError>((kind.name, find(kind, data_dir)?.map(|found| found.place)));
    Ok([source(&MASTER_KEY)?, source(&PEPPER)?])
}

struct Found {
    text: Zeroizing<String>,
    place: String,
}

impl Found {
    fn is_no_key(&self, kind: &Kind) -> ConfigError {
        ConfigError::new(format!(
            "The {} in {} must be 32 bytes, as 64 hexadecimal digits or base64.",
            kind.name, self.place
        ))
    }
}

fn find(kind: &Kind, data_dir: &Path) -> Result<Option<Found>, ConfigError> {
    if let Ok(text) = std::env::var(kind.variable)
        && !text.is_empty()
    {
        return Ok(Some(Found {
            text: Zeroizing::new(text),
            place: kind.variable.to_owned(),
        }));
    }
    if let Some(credentials) = std::env::var_os("CREDENTIALS_DIRECTORY")
        && let Some(found) = read(kind, &Path::new(&credentials).join(kind.credential))?
    {
        return Ok(Some(found));
    }
    let file = data_dir.join(kind.file);
    let found = read(kind, &file)?;
    if found.is_some() {
        refuse_readable_by_others(kind, &file)?;
    }
    Ok(found)
}

fn read(kind: &Kind, file: &Path) -> Result<Option<Found>, ConfigError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(Found {
            text: Zeroizing::new(text),
            place: file.display().to_string(),
        })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::new(format!(
            "The {} in {} cannot be read: {error}.",
            kind.name,
            file.display()
        ))),
    }
}

#[cfg(unix)]
fn refuse_readable_by_others(kind: &Kind, file: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let file = file.display();
    Err(ConfigError::new(format!(
        "The {} in {file} can be read by other users. Run: chmod 600 {file}",
        kind.name
    )))
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_: &Kind, _: &Path) -> Result<(), ConfigError> {
    Ok(())
}

/// Writes a new secret to its file, which must not exist yet, and flushes it to disk. Nothing may be sealed with a
/// secret that a power cut could lose.
fn make<T>(
    kind: &Kind,
    data_dir: &Path,
    new: T,
    to_hex: fn(&T) -> Zeroizing<String>,
) -> Result<T, ConfigError> {
    let file = data_dir.join(kind.file);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&file).and_then(|mut file| {
        file.write_all(to_hex(&new).as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    });
    let written = written.and_then(|()| fs::File::open(data_dir)?.sync_all());
    written.map_err(|error| {
        ConfigError::new(format!(
            "The new {} cannot be written to {}: {error}.",
            kind.name,
            file.display()
        ))
    })?;
    Ok(new)
}

fn missing(kind: &Kind, place: &Place) -> ConfigError {
    let Kind {
        name,
        variable,
        credential,
        file,
    } = kind;
    let why = match place.database {
        Database::Embedded => "this data directory already holds rows that need it",
        Database::Postgres(_) => "on PostgreSQL it is never generated",
    };
    let file = place.data_dir.join(file);
    ConfigError::new(format!(
        "The {name} is missing, and {why}: set {variable}, pass the credential {credential}, or put it in {}.",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(data_dir: &Path) -> Place {
        Place {
            data_dir: data_dir.to_owned(),
            database: Database::Embedded,
            credentials: keys::CredentialForm::default(),
            retention: logs::Retention::default(),
        }
    }

    #[test]
    fn they_are_generated_once_and_found_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = load_secrets(&place(dir.path()), true).expect("makes them");
        let found = load_secrets(&place(dir.path()), false).expect("finds them");
        assert_eq!(made.master_key.check_value(), found.master_key.check_value());
        assert_eq!(made.pepper.check_value(), found.pepper.check_value());
    }

    #[test]
    fn they_are_not_generated_beside_existing_rows_or_for_postgres() {
        let dir = tempfile::tempdir().expect("a directory");
        let error = load_secrets(&place(dir.path()), false).expect_err("missing");
        assert!(error.0.contains("GATEHOUSE_MASTER_KEY"), "{error}");
        let postgres = Place {
            database: Database::Postgres("postgres://x".to_owned()),
            ..place(dir.path())
        };
        assert!(load_secrets(&postgres, true).is_err());
        assert_eq!(
            fs::read_dir(dir.path()).expect("a directory").count(),
            0,
            "nothing was written"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_other_users_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        load_secrets(&place(dir.path()), true).expect("makes them");
        let file = pepper_file(dir.path());
        assert_eq!(
            fs::metadata(&file).expect("exists").permissions().mode() & 0o777,
            0o600
        );
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("changes");
        let error = load_secrets(&place(dir.path()), false).expect_err("readable by others");
        assert!(error.0.contains("chmod 600"), "{error}");
    }
}
