//! The commands as they are sent over the control socket, and how flags become commands.

use std::path::{Path, PathBuf};

use accounts::{Scope, Scopes};
use keys::{KeyChange, Setting};
use model::{
    ClientId, Environment, EventType, KeyId, MemberId, OperatorTokenId, Role, SecretText, SessionId,
};
use serde::{Deserialize, Serialize};

use super::deliveries::{self, DeliveriesCommand};
use super::event_types::{EventTypesCommand, SetEventType};
use super::{password, rotation};
use crate::cli::{AdminAction, EventTypesAction};
use crate::config::ConfigError;
use crate::control::Request;
use crate::error::StartError;
use crate::rotation::{AskedChange, AskedPlan};

/// A checked command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    CreateCompany {
        name: String,
        parent: Option<ClientId>,
    },
    ListCompanies,
    ShowCompany {
        client_id: ClientId,
    },
    DeleteCompany {
        client_id: ClientId,
        confirmed: bool,
    },
    ShowMember {
        member_id: MemberId,
    },
    ShowKey {
        key_id: KeyId,
    },
    ShowOperatorToken {
        token_id: OperatorTokenId,
    },
    SetLogDays {
        client_id: ClientId,
        /// `None` is as long as the installation keeps it.
        days: Option<u16>,
    },
    EraseLog {
        client_id: ClientId,
        confirmed: bool,
    },
    ListErasures,
    Status,
    CreateMember {
        client_id: ClientId,
        email: String,
        role: Role,
        password: Option<SecretText>,
    },
    ListMembers {
        client_id: ClientId,
    },
    RemoveMember {
        member_id: MemberId,
    },
    SetPassword {
        email: String,
        password: Option<SecretText>,
    },
    ListSessions {
        client_id: Option<ClientId>,
        email: Option<String>,
    },
    RevokeSession {
        session_id: SessionId,
    },
    RevokeSessionsOf {
        email: String,
    },
    CreateKey {
        client_id: ClientId,
        environment: Environment,
        name: String,
    },
    ListKeys {
        client_id: ClientId,
    },
    ChangeKey {
        key_id: KeyId,
        change: KeyChange,
    },
    RotateKey {
        key_id: KeyId,
        plan: AskedPlan,
    },
    ShowRotation {
        key_id: KeyId,
    },
    ChangeRotation {
        key_id: KeyId,
        change: AskedChange,
    },
    FinishRotation {
        key_id: KeyId,
    },
    /// `file` is absolute, as `dir` is.
    ImportKeys {
        file: PathBuf,
        apply: bool,
    },
    DeleteKey {
        key_id: KeyId,
        last_four: Option<String>,
    },
    CreateOperatorToken {
        name: String,
        scopes: Vec<String>,
    },
    EventTypes(EventTypesCommand),
    Deliveries(DeliveriesCommand),
    ListOperatorTokens,
    RevokeOperatorToken {
        token_id: OperatorTokenId,
    },
    /// `dir` is absolute, because the server may work in another directory.
    Backup {
        dir: PathBuf,
    },
}

/// What the flags ask for.
pub(super) enum Task {
    /// For the process that holds the data directory.
    Command(Command),
    /// For this process: it looks at a directory that no server uses.
    Check(PathBuf),
}

impl Request for Command {
    fn is_long(&self) -> bool {
        match self {
            Self::Backup { .. } | Self::ImportKeys { .. } => true,
            Self::Deliveries(command) => command.yes,
            _ => false,
        }
    }
}

/// Parses the flags. Errors name the flag.
pub(super) fn parse(action: AdminAction) -> Result<Task, StartError> {
    Ok(Task::Command(match action {
        AdminAction::CreateCompany { name, parent } => Command::CreateCompany {
            name,
            parent: parent.map(|parent| client_id("--parent", &parent)).transpose()?,
        },
        AdminAction::ShowCompany { client_id: text } => Command::ShowCompany {
            client_id: client_id("--client-id", &text)?,
        },
        AdminAction::DeleteCompany { client_id: text, yes } => Command::DeleteCompany {
            client_id: client_id("--client-id", &text)?,
            confirmed: yes,
        },
        AdminAction::ShowMember { member_id } => Command::ShowMember {
            member_id: id("--member-id", &member_id)?,
        },
        AdminAction::ShowKey { key_id } => Command::ShowKey {
            key_id: id("--key-id", &key_id)?,
        },
        AdminAction::ShowOperatorToken { token_id } => Command::ShowOperatorToken {
            token_id: id("--token-id", &token_id)?,
        },
        AdminAction::ListCompanies => Command::ListCompanies,
        AdminAction::SetLogDays {
            client_id: text,
            days,
        } => Command::SetLogDays {
            client_id: client_id("--client-id", &text)?,
            days: log_days(&days)?,
        },
        AdminAction::EraseLog { client_id: text, yes } => Command::EraseLog {
            client_id: client_id("--client-id", &text)?,
            confirmed: yes,
        },
        AdminAction::ListErasures => Command::ListErasures,
        AdminAction::Status => Command::Status,
        AdminAction::CreateMember {
            client_id: text,
            email,
            role,
            generate_password,
        } => Command::CreateMember {
            client_id: client_id("--client-id", &text)?,
            email,
            role: role
                .parse()
                .map_err(|fault| ConfigError::new(format!("--role is {role:?}, but {fault}.")))?,
            password: given_password(generate_password)?,
        },
        AdminAction::ListMembers { client_id: text } => Command::ListMembers {
            client_id: client_id("--client-id", &text)?,
        },
        AdminAction::RemoveMember { member_id } => Command::RemoveMember {
            member_id: id("--member-id", &member_id)?,
        },
        AdminAction::SetPassword {
            email,
            generate_password,
        } => Command::SetPassword {
            email,
            password: given_password(generate_password)?,
        },
        AdminAction::ListSessions {
            client_id: text,
            email,
        } => Command::ListSessions {
            client_id: text.map(|text| client_id("--client-id", &text)).transpose()?,
            email,
        },
        AdminAction::RevokeSession { session_id, email } => match (session_id, email) {
            (Some(session_id), _) => Command::RevokeSession {
                session_id: id("--session-id", &session_id)?,
            },
            (None, email) => Command::RevokeSessionsOf {
                email: email.unwrap_or_default(),
            },
        },
        AdminAction::CreateKey {
            client_id: text,
            environment,
            name,
        } => Command::CreateKey {
            name,
            client_id: client_id("--client-id", &text)?,
            environment: environment.parse().map_err(|fault| {
                ConfigError::new(format!("--environment is {environment:?}, but {fault}."))
            })?,
        },
        AdminAction::ListKeys { client_id: text } => Command::ListKeys {
            client_id: client_id("--client-id", &text)?,
        },
        AdminAction::ChangeKey {
            key_id,
            name,
            note,
            expires_at,
            delete_at,
            read_only,
            network,
            requests_a_minute,
        } => Command::ChangeKey {
            key_id: id("--key-id", &key_id)?,
            change: KeyChange {
                name,
                note,
                expires_at: setting(
                    "--expires-at",
                    expires_at,
                    "a moment, such as 2027-01-31T12:00:00Z",
                )?,
                delete_at: setting("--delete-at", delete_at, "a moment, such as 2027-01-31T12:00:00Z")?,
                read_only,
                networks: networks(network),
                requests_a_minute: setting("--requests-a-minute", requests_a_minute, "a whole number")?,
            },
        },
        AdminAction::RotateKey { key_id, plan } => Command::RotateKey {
            key_id: id("--key-id", &key_id)?,
            plan: rotation::plan(&plan)?.unwrap_or(AskedPlan::Undecided),
        },
        AdminAction::ShowRotation { key_id } => Command::ShowRotation {
            key_id: id("--key-id", &key_id)?,
        },
        AdminAction::ChangeRotation {
            key_id,
            plan,
            resume,
            delete_now,
        } => changed_rotation(
            id("--key-id", &key_id)?,
            rotation::plan(&plan)?,
            resume,
            delete_now,
        )?,
        AdminAction::CancelRotation { key_id } => Command::ChangeRotation {
            key_id: id("--key-id", &key_id)?,
            change: AskedChange::Cancel,
        },
        AdminAction::ImportKeys { file, apply } => Command::ImportKeys {
            file: absolute(&file)?,
            apply,
        },
        AdminAction::DeleteKey { key_id, last_four } => Command::DeleteKey {
            key_id: id("--key-id", &key_id)?,
            last_four,
        },
        AdminAction::CreateOperatorToken { name, scope } => {
            scopes(&scope)?;
            Command::CreateOperatorToken { name, scopes: scope }
        }
        AdminAction::ListOperatorTokens => Command::ListOperatorTokens,
        AdminAction::Backup { dir } => Command::Backup { dir: absolute(&dir)? },
        AdminAction::Check { dir } => return Ok(Task::Check(dir)),
        AdminAction::Deliveries { action } => Command::Deliveries(deliveries::parse(action)?),
        AdminAction::EventTypes { action } => Command::EventTypes(event_types(action)?),
        AdminAction::RevokeOperatorToken { token_id } => Command::RevokeOperatorToken {
            token_id: id("--token-id", &token_id)?,
        },
    }))
}

fn changed_rotation(
    key_id: KeyId,
    plan: Option<AskedPlan>,
    resume: bool,
    delete_now: bool,
) -> Result<Command, ConfigError> {
    let change = match (plan, resume) {
        _ if delete_now => return Ok(Command::FinishRotation { key_id }),
        (plan, true) => AskedChange::Resume(plan),
        (Some(plan), false) => AskedChange::Plan(plan),
        (None, false) => {
            return Err(ConfigError::new(
                "Say what is to be changed: a time for the deletion, --resume or --delete-now.".to_owned(),
            ));
        }
    };
    Ok(Command::ChangeRotation { key_id, change })
}

fn event_types(action: EventTypesAction) -> Result<EventTypesCommand, ConfigError> {
    let named = |text: &str| -> Result<EventType, ConfigError> {
        text.parse()
            .map_err(|fault| ConfigError::new(format!("The event type is {text:?}, but {fault}.")))
    };
    let file = |file: Option<PathBuf>| file.as_deref().map(absolute).transpose();
    Ok(match action {
        EventTypesAction::List => EventTypesCommand::List,
        EventTypesAction::Show { event_type } => EventTypesCommand::Show {
            event_type: named(&event_type)?,
        },
        EventTypesAction::Import { file, replace } => EventTypesCommand::Import {
            file: absolute(&file)?,
            replace,
        },
        EventTypesAction::Set {
            event_type,
            group,
            description,
            sample,
            schema,
            no_schema,
        } => EventTypesCommand::Set(SetEventType {
            event_type: named(&event_type)?,
            group,
            description,
            sample: file(sample)?,
            schema: file(schema)?,
            no_schema,
        }),
        EventTypesAction::Remove { event_type } => EventTypesCommand::Remove {
            event_type: named(&event_type)?,
        },
    })
}

fn absolute(dir: &Path) -> Result<PathBuf, ConfigError> {
    std::path::absolute(dir)
        .map_err(|error| ConfigError::new(format!("{} cannot be used: {error}.", dir.display())))
}

pub(super) fn client_id(flag: &str, text: &str) -> Result<ClientId, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::new(format!(
            "{flag} is {text:?}, but a Client ID is 32 lower-case hexadecimal digits."
        ))
    })
}

pub(super) fn id<T: std::str::FromStr>(flag: &str, text: &str) -> Result<T, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::new(format!(
            "{flag} is {text:?}, but an id is 32 lower-case hexadecimal digits."
        ))
    })
}

/// What a flag says about something that a key need not have.
fn setting<T: std::str::FromStr>(
    flag: &str,
    text: Option<String>,
    wanted: &str,
) -> Result<Setting<T>, ConfigError> {
    match text.as_deref() {
        None => Ok(Setting::Keep),
        Some("none") => Ok(Setting::Clear),
        Some(text) => text
            .parse()
            .map(Setting::To)
            .map_err(|_| ConfigError::new(format!("{flag} is {text:?}, but it must be {wanted}, or none."))),
    }
}

/// `any` alone takes the list away.
fn networks(named: Vec<String>) -> Option<Vec<String>> {
    match named.as_slice() {
        [] => None,
        [any] if any == "any" => Some(Vec::new()),
        _ => Some(named),
    }
}

fn log_days(text: &str) -> Result<Option<u16>, ConfigError> {
    if text == "default" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ConfigError::new(format!(
            "--days is {text:?}, but it must be a number of days from 1 to 3650, or default."
        ))
    })
}

fn given_password(generate: bool) -> Result<Option<SecretText>, StartError> {
    if generate {
        return Ok(None);
    }
    password::from_input()
}

pub(super) fn scopes(names: &[String]) -> Result<Scopes, ConfigError> {
    if names.is_empty() {
        return Ok(Scopes::default());
    }
    let parse = |name: &String| -> Result<Scope, ConfigError> {
        name.parse()
            .map_err(|fault| ConfigError::new(format!("--scope is {name:?}, but {fault}.")))
    };
    names
        .iter()
        .map(parse)
        .collect::<Result<Vec<_>, _>>()
        .map(Scopes::new)
}
