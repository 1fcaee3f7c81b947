//! `gatehouse admin check DIR`: looks at everything in a backup, or in the data directory of a stopped server: whether the
//! databases are sound, whether everything that is sealed opens, and whether every log row can be read. Changes nothing,
//! and never prints what it opens.

use std::path::{Path, PathBuf};

use accounts::AccountStore;
use store::check::Findings;
use store::logs::look;
use store::{Db, StoreError, check};
use vault::{InstallId, SealPurpose};

use super::answer::{Answer, Object};
use crate::config::{Database, Place, Secrets, load_secrets};
use crate::core::Absent;
use crate::data_dir::{Claim, DataDir};
use crate::error::{StartError, chain};

/// What is sealed, in the words of the report.
const SEALED: [(SealPurpose, &str); 5] = [
    (SealPurpose::AccessSecret, "access secrets"),
    (SealPurpose::WebhookSecret, "webhook secrets"),
    (SealPurpose::Event, "event bodies"),
    (SealPurpose::Evidence, "receivers' responses"),
    (SealPurpose::WebhookHeader, "webhook headers"),
];

/// Prints a line for each kind and each fault. An error if there is any fault.
pub(super) async fn run(place: &Place, dir: PathBuf, as_json: bool) -> Result<(), StartError> {
    if !dir.join("gatehouse.db").exists() {
        return Err(Absent::refusal(&dir.display().to_string()));
    }
    let place = Place {
        data_dir: dir,
        database: Database::Embedded,
        ..place.clone()
    };
    let Claim::Held(_held) = DataDir::claim(&place.data_dir)? else {
        return Err(StartError::Refused(format!(
            "A server is using {}. Stop it, or check a backup of it.",
            place.data_dir.display()
        )));
    };
    let report = examine(&place).await;
    Answer::List(report.lines).print(as_json)?;
    match report.faults {
        0 => Ok(()),
        1 => Err(found(&place, "1 fault was")),
        faults => Err(found(&place, &format!("{faults} faults were"))),
    }
}

fn found(place: &Place, what: &str) -> StartError {
    StartError::Refused(format!("{what} found in {}.", place.data_dir.display()))
}

#[derive(Default)]
struct Report {
    lines: Vec<Object>,
    faults: u64,
}

impl Report {
    fn add(&mut self, what: &str, findings: Findings) {
        let line = |checked: Option<u64>, fault: Option<String>| {
            Object::new()
                .with("what", what)
                .with_maybe("checked", checked)
                .with_maybe("fault", fault)
        };
        self.lines.push(line(Some(findings.checked), None));
        let more = findings.faults - findings.first.len() as u64;
        self.lines
            .extend(findings.first.into_iter().map(|fault| line(None, Some(fault))));
        if more > 0 {
            self.lines.push(line(None, Some(format!("and {more} more"))));
        }
        self.faults += findings.faults;
    }
}

async fn examine(place: &Place) -> Report {
    let mut report = Report::default();
    let (main, findings) = database(&place.data_dir.join("gatehouse.db"), store::MAIN_MIGRATIONS).await;
    report.add("gatehouse.db", findings);
    if let Some(main) = main {
        examine_main(&main, place, &mut report).await;
        main.close().await;
    }
    let file = place.data_dir.join("logs/logs.db");
    let (log, findings) = database(&file, store::logs::LOG_MIGRATIONS).await;
    report.add("logs.db", findings);
    if let Some(log) = log {
        report.add(
            "log rows in segments",
            read(look::segments(&log, &place.data_dir.join("logs")).await),
        );
        report.add("log rows not in segments", read(look::open_segments(&log).await));
        report.add("log rows not moved yet", read(look::old_rows(&log).await));
        log.close().await;
    }
    report
}

/// A database that cannot be read further is one more fault.
fn read(found: Result<Findings, StoreError>) -> Findings {
    found.unwrap_or_else(|error| {
        let mut findings = Findings::default();
        findings.fault(chain(&error));
        findings
    })
}

/// Opens a database as it is. `None` if nothing more can be read of it.
async fn database(file: &Path, migrations: &[store::Migration]) -> (Option<Db>, Findings) {
    let mut findings = Findings {
        checked: 1,
        ..Findings::default()
    };
    let db = match Db::open_to_read(file).await {
        Ok(db) => db,
        Err(error) => {
            findings.fault(chain(&error));
            return (None, findings);
        }
    };
    match check::database(&db).await {
        Ok(faults) => faults.into_iter().for_each(|fault| findings.fault(fault)),
        Err(error) => findings.fault(chain(&error)),
    }
    match check::is_up_to_date(&db, migrations).await {
        Ok(true) => return (Some(db), findings),
        Ok(false) => findings.fault(
            "it was written by an earlier version of Gatehouse: check it with that version, or start this one on it once",
        ),
        Err(error) => findings.fault(chain(&error)),
    }
    db.close().await;
    (None, findings)
}

async fn examine_main(main: &Db, place: &Place, report: &mut Report) {
    let mut findings = Findings {
        checked: 2,
        ..Findings::default()
    };
    let opened = secrets(main, place).await;
    match &opened {
        Ok((_, _, faults)) => faults.iter().for_each(|fault| findings.fault(fault)),
        Err(error) => findings.fault(chain(error)),
    }
    report.add("master key, pepper", findings);
    if let Ok((install, secrets, _)) = opened {
        for (purpose, what) in SEALED {
            report.add(what, seals(main, install, &secrets, purpose).await);
        }
    }
}

/// The installation's id and secrets, and which secret is not the one that belongs to it.
async fn secrets(main: &Db, place: &Place) -> Result<(InstallId, Secrets, Vec<String>), StartError> {
    let reading = "reading the installation's row";
    let install = store::accounts::Accounts::new(main.clone())
        .install()
        .await
        .map_err(StartError::failed(reading))?
        .ok_or_else(|| Absent::refusal("this database"))?;
    let secrets = load_secrets(place, false)?;
    let (master_key, pepper) = (secrets.master_key.check_value(), secrets.pepper.check_value());
    let id = install.id.parse().map_err(StartError::failed(reading))?;
    let faults = install.verify(&master_key, &pepper).err();
    Ok((id, secrets, faults.iter().map(ToString::to_string).collect()))
}

/// Opens everything that is sealed for this purpose.
async fn seals(main: &Db, install: InstallId, secrets: &Secrets, purpose: SealPurpose) -> Findings {
    let (mut findings, mut after) = (Findings::default(), String::new());
    loop {
        let rows = match check::sealed(main, install, purpose, &after).await {
            Ok(rows) => rows,
            Err(error) => {
                findings.fault(chain(&error));
                return findings;
            }
        };
        let Some(last) = rows.last() else {
            return findings;
        };
        after.clone_from(&last.id);
        for row in &rows {
            for value in &row.values {
                findings.checked += 1;
                match value {
                    Some(sealed) => {
                        if let Err(error) = secrets.master_key.open(&row.place, sealed) {
                            findings.fault(format!("{}: {error}", row.id));
                        }
                    }
                    None => findings.fault(format!("{}: the sealed bytes are not base64", row.id)),
                }
            }
        }
    }
}
