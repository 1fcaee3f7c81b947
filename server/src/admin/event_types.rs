//! `gatehouse admin event-types`: the catalogue of event types.

use std::path::{Path, PathBuf};

use model::{Actor, EventEntry, EventType};
use serde::{Deserialize, Serialize};
use webhooks::event_types::{self, Draft, EventTypesError, LONGEST_FILE, Others};

use super::answer::{Answer, Object};
use super::carry_out::sentence;
use crate::core::Core;
use crate::error::{StartError, chain};

/// What to do with the catalogue. Paths are absolute, because the server may work in another directory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTypesCommand {
    List,
    Show { event_type: EventType },
    Import { file: PathBuf, replace: bool },
    Set(SetEventType),
    Remove { event_type: EventType },
}

/// What is `None` stays as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetEventType {
    pub event_type: EventType,
    pub group: Option<String>,
    pub description: Option<String>,
    pub sample: Option<PathBuf>,
    pub schema: Option<PathBuf>,
    pub no_schema: bool,
}

pub(super) async fn carry_out(
    core: &Core,
    command: EventTypesCommand,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let types = &core.event_types;
    types.refresh().await.map_err(|error| refused(error.into()))?;
    match command {
        EventTypesCommand::List => {
            let known = types.known();
            let entries = known.catalogue().entries().iter();
            Ok(Answer::List(entries.map(row).collect()))
        }
        EventTypesCommand::Show { event_type } => {
            let known = types.known();
            let entry = known.get(&event_type).ok_or(EventTypesError::Unknown);
            Ok(Answer::One(whole(entry.map_err(refused)?)))
        }
        EventTypesCommand::Import { file, replace } => import(core, &file, replace, actor).await,
        EventTypesCommand::Set(wanted) => set(core, wanted, actor).await,
        EventTypesCommand::Remove { event_type } => {
            let removed = types.remove(&event_type, actor).await.map_err(refused)?;
            Ok(Answer::One(row(&removed)))
        }
    }
}

async fn set(core: &Core, wanted: SetEventType, actor: &Actor) -> Result<Answer, StartError> {
    let known = core.event_types.known();
    let before = known.get(&wanted.event_type);
    let kept = |part: fn(&EventEntry) -> &String| before.map(|entry| part(entry).clone());
    let missing = |flag: &str| StartError::Refused(format!("{} is new: give it {flag}.", wanted.event_type));
    let group = wanted.group.or_else(|| kept(|entry| &entry.group));
    let description = wanted.description.or_else(|| kept(|entry| &entry.description));
    let sample = match wanted.sample {
        Some(file) => Some(read(&file).await?),
        None => kept(|entry| &entry.sample),
    };
    let schema = match wanted.schema {
        Some(file) => Some(read(&file).await?),
        None => before
            .filter(|_| !wanted.no_schema)
            .and_then(|entry| entry.schema.clone()),
    };
    let draft = Draft {
        event_type: wanted.event_type.as_str(),
        group: &group.ok_or_else(|| missing("--group"))?,
        description: &description.ok_or_else(|| missing("--description"))?,
        sample: sample.as_deref(),
        schema: schema.as_deref(),
        removed: false,
    };
    let entry = event_types::check(&draft).map_err(|fault| sentence(&fault.to_string()))?;
    let put = core
        .event_types
        .put(vec![entry.clone()], Others::Stay, actor)
        .await;
    put.map_err(refused)?;
    Ok(Answer::One(whole(&entry)))
}

async fn import(core: &Core, file: &Path, replace: bool, actor: &Actor) -> Result<Answer, StartError> {
    let entries = event_types::read_file(&read(file).await?).map_err(|fault| sentence(&fault.to_string()))?;
    let others = if replace { Others::AreRemoved } else { Others::Stay };
    let changes = core
        .event_types
        .put(entries, others, actor)
        .await
        .map_err(refused)?;
    Ok(Answer::One(
        Object::new()
            .with("added", changes.added)
            .with("changed", changes.changed)
            .with("removed", changes.removed)
            .with("unchanged", changes.unchanged),
    ))
}

async fn read(file: &Path) -> Result<String, StartError> {
    let refuse = |why: String| StartError::Refused(format!("{} could not be read: {why}.", file.display()));
    let size = tokio::fs::metadata(file)
        .await
        .map_err(|error| refuse(error.to_string()))?
        .len();
    if size > LONGEST_FILE as u64 {
        return Err(refuse(format!(
            "it is larger than {} MiB",
            LONGEST_FILE / 1024 / 1024
        )));
    }
    tokio::fs::read_to_string(file)
        .await
        .map_err(|error| refuse(error.to_string()))
}

fn row(entry: &EventEntry) -> Object {
    Object::new()
        .with("event_type", &entry.event_type)
        .with("group", &entry.group)
        .with("removed", entry.removed)
        .with("description", &entry.description)
}

fn whole(entry: &EventEntry) -> Object {
    row(entry)
        .with("sample", &entry.sample)
        .with_maybe("schema", entry.schema.as_ref())
}

fn refused(error: EventTypesError) -> StartError {
    if matches!(error, EventTypesError::Storage(_)) {
        tracing::error!(error = chain(&error), "a command failed");
    }
    sentence(&error.to_string())
}
