//! `gatehouse admin …`: the commands. The running server executes them if there is one, otherwise this process does
//! under the lock of the data directory. Both run the same functions.

mod answer;
mod backup;
mod carry_out;
mod check;
mod command;
mod deliveries;
mod event_types;
mod import;
pub(crate) mod listing;
mod log;
pub(crate) mod objects;
mod password;
mod rotation;
mod showing;

use std::time::{Duration, Instant};

use accounts::Passwords;
use clock::Clock;
use store::logs::Removals;

use crate::cli::AdminArgs;
use crate::config::{Database, Place, RateLimit};
use crate::control;
use crate::core::{Absent, Core};
use crate::data_dir::{Claim, DataDir, TURN};
use crate::error::StartError;

pub use answer::{Answer, Object};
pub use carry_out::carry_out;
pub use command::Command;
use command::Task;

/// A command that waits longer than this says so.
const SAY_AFTER: Duration = Duration::from_secs(2);

/// Runs `gatehouse admin`.
pub async fn run(args: AdminArgs, clock: Clock) -> Result<(), StartError> {
    let place = Place::read(&args)?;
    let command = match command::parse(args.action.clone())? {
        Task::Command(command) => command,
        Task::Check(dir) => return check::run(&place, dir, args.json).await,
    };
    if absent(&command) == Absent::Refuse && is_untouched(&place) {
        return Err(nothing_there(&place));
    }
    let answer = in_turn(&place, command, clock).await?;
    answer.print(args.json)
}

/// Another command, or a server that is starting or stopping, may hold the data directory. Waits until this process can
/// lock it or a server responds.
async fn in_turn(place: &Place, command: Command, clock: Clock) -> Result<Answer, StartError> {
    let began = Instant::now();
    let mut said = false;
    loop {
        match DataDir::claim(&place.data_dir)? {
            Claim::Held(data_dir) => return alone(place, &data_dir, command, clock).await,
            Claim::Taken => {
                if let Some(answer) = control::send(&place.data_dir, &command).await? {
                    return Ok(answer);
                }
            }
        }
        if began.elapsed() > TURN {
            return Err(StartError::Refused(format!(
                "Another process has been using {} for {} seconds and does not respond on its control socket. If it \
                 is a server that has stopped responding, stop it and run this command again.",
                place.data_dir.display(),
                TURN.as_secs()
            )));
        }
        if began.elapsed() > SAY_AFTER && !said {
            said = true;
            eprintln!(
                "gatehouse: waiting for another process to finish with {}",
                place.data_dir.display()
            );
        }
        tokio::time::sleep(control::TRY_AGAIN).await;
    }
}

/// Only a command that needs no existing data may create an installation.
const fn absent(command: &Command) -> Absent {
    match command {
        Command::CreateCompany { parent: None, .. } => Absent::Create,
        _ => Absent::Refuse,
    }
}

/// No process has ever used this data directory, so leave it alone. If a server is just starting, there is a lock.
fn is_untouched(place: &Place) -> bool {
    place.database == Database::Embedded
        && ["gatehouse.db", "gatehouse.lock"]
            .iter()
            .all(|file| !place.data_dir.join(file).exists())
}

fn nothing_there(place: &Place) -> StartError {
    Absent::refusal(&place.data_dir.display().to_string())
}

/// No server runs on this data directory, and none can start while this command runs.
async fn alone(
    place: &Place,
    data_dir: &DataDir,
    command: Command,
    clock: Clock,
) -> Result<Answer, StartError> {
    let absent = absent(&command);
    let is_new = place.database == Database::Embedded && !data_dir.path().join("gatehouse.db").exists();
    if is_new && absent == Absent::Refuse {
        return Err(nothing_there(place));
    }
    if is_new {
        eprintln!(
            "gatehouse: creating a new installation in {}",
            place.data_dir.display()
        );
    }
    if let Command::Backup { dir } = &command {
        // Copies what is there, without opening it, which could change it.
        return backup::carry_out(place, &Removals::default(), dir).await;
    }
    let core = Core::open(place, data_dir, Passwords::new(), RateLimit::Off, absent, clock).await?;
    let answer = carry_out(command, &core).await;
    core.close().await;
    answer
}
