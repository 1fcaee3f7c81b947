//! `gatehouse admin …`: the commands, carried out by the running server when there is one, else by this process under the
//! data directory's lock. Either way the same functions run.

use std::io::{IsTerminal, Read};

use accounts::{AccountsError, Password, Passwords, Scope, Scopes};
use keys::KeysError;
use model::{Actor, ClientId, Environment, KeyId, Role, SecretText};
use serde::{Deserialize, Serialize};

use crate::cli::{AdminAction, AdminArgs};
use crate::config::{ConfigError, Database, Place, RateLimit};
use crate::control;
use crate::core::Core;
use crate::data_dir::{Claim, DataDir};
use crate::error::{StartError, chain};
use crate::serve::say;

/// A command, checked; what travels over the control socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    CreateCompany {
        name: String,
        parent: Option<ClientId>,
    },
    CreateMember {
        client_id: ClientId,
        email: String,
        role: Role,
        password: Option<SecretText>,
    },
    CreateKey {
        client_id: ClientId,
        environment: Environment,
    },
    DeleteKey {
        key_id: KeyId,
    },
    CreateOperatorToken {
        name: String,
        scopes: Vec<String>,
    },
}

/// What a command answers. No `Debug` shows more than [`SecretText`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Company {
        company_id: String,
        client_id: String,
    },
    /// `password` when it was made up.
    Member {
        member_id: String,
        email: String,
        password: Option<SecretText>,
    },
    Key {
        key_id: String,
        secret: SecretText,
    },
    DeletedKey {
        key_id: String,
        refused_since: String,
    },
    OperatorToken {
        token: SecretText,
    },
}

impl Answer {
    /// Names and values, as `--json` and as lines.
    fn fields(&self) -> Vec<(&'static str, String)> {
        let secret = |secret: &SecretText| secret.expose().to_owned();
        match self {
            Self::Company {
                company_id,
                client_id,
            } => {
                vec![
                    ("company_id", company_id.clone()),
                    ("client_id", client_id.clone()),
                ]
            }
            Self::Member {
                member_id,
                email,
                password,
            } => {
                let mut fields = vec![("member_id", member_id.clone()), ("email", email.clone())];
                fields.extend(password.as_ref().map(|password| ("password", secret(password))));
                fields
            }
            Self::Key { key_id, secret: text } => vec![("key_id", key_id.clone()), ("secret", secret(text))],
            Self::DeletedKey {
                key_id,
                refused_since,
            } => {
                vec![
                    ("key_id", key_id.clone()),
                    ("refused_since", refused_since.clone()),
                ]
            }
            Self::OperatorToken { token } => vec![("token", secret(token))],
        }
    }

    fn print(&self, as_json: bool) {
        let fields = self.fields();
        if as_json {
            let object: serde_json::Map<_, _> = fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            return say(&serde_json::Value::Object(object).to_string());
        }
        for (name, value) in fields {
            say(&format!("{name:<14} {value}"));
        }
    }
}

/// The whole of `gatehouse admin`.
pub async fn run(args: AdminArgs) -> Result<(), StartError> {
    let place = Place::read(&args)?;
    let command = check(args.action.clone())?;
    let answer = match DataDir::claim(&place.data_dir)? {
        Claim::Taken => control::send(&place.data_dir, &command).await?,
        Claim::Held(data_dir) => {
            let is_new =
                place.database == Database::Embedded && !data_dir.path().join("gatehouse.db").exists();
            if is_new {
                tracing::info!(data_dir = %place.data_dir.display(), "beginning a new installation");
            }
            let core = Core::open(&place, &data_dir, Passwords::new(), RateLimit::Off).await?;
            let answer = carry_out(command, &core).await;
            core.close().await;
            answer?
        }
    };
    answer.print(args.json);
    Ok(())
}

/// Understands the flags; faults name them.
fn check(action: AdminAction) -> Result<Command, StartError> {
    let client_id = |flag: &str, text: &str| -> Result<ClientId, ConfigError> {
        text.parse().map_err(|_| {
            ConfigError::new(format!(
                "{flag} is {text:?}, but a Client ID is 32 lower-case hexadecimal digits."
            ))
        })
    };
    Ok(match action {
        AdminAction::CreateCompany { name, parent } => {
            let parent = parent.map(|parent| client_id("--parent", &parent)).transpose()?;
            Command::CreateCompany { name, parent }
        }
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
            password: if generate_password {
                None
            } else {
                password_from_input()?
            },
        },
        AdminAction::CreateKey {
            client_id: text,
            environment,
        } => Command::CreateKey {
            client_id: client_id("--client-id", &text)?,
            environment: environment.parse().map_err(|fault| {
                ConfigError::new(format!("--environment is {environment:?}, but {fault}."))
            })?,
        },
        AdminAction::DeleteKey { key_id } => Command::DeleteKey {
            key_id: key_id.parse().map_err(|_| {
                ConfigError::new(format!(
                    "--key-id is {key_id:?}, but an id is 32 lower-case hexadecimal digits."
                ))
            })?,
        },
        AdminAction::CreateOperatorToken { name, scope } => {
            scopes(&scope)?;
            Command::CreateOperatorToken { name, scopes: scope }
        }
    })
}

fn scopes(names: &[String]) -> Result<Scopes, ConfigError> {
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

/// A line of standard input; nothing from a terminal, where typing would show it, or when there is no line.
fn password_from_input() -> Result<Option<SecretText>, StartError> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let mut text = String::new();
    input
        .read_to_string(&mut text)
        .map_err(StartError::failed("reading the password from standard input"))?;
    let line = text.lines().next().unwrap_or_default();
    Ok((!line.is_empty()).then(|| SecretText::new(line)))
}

/// Carries a command out, in whichever process holds the data directory.
pub async fn carry_out(command: Command, core: &Core) -> Result<Answer, StartError> {
    let actor = Actor::command_line();
    match command {
        Command::CreateCompany { name, parent } => {
            let created = core
                .accounts
                .create_company(&name, parent, &actor)
                .await
                .map_err(refused)?;
            core.keys.company_changed().await.map_err(refused_by_keys)?;
            Ok(Answer::Company {
                company_id: created.id.to_string(),
                client_id: created.client_id.to_string(),
            })
        }
        Command::CreateMember {
            client_id,
            email,
            role,
            password,
        } => create_member(core, client_id, &email, role, password, &actor).await,
        Command::CreateKey {
            client_id,
            environment,
        } => {
            let company = core.accounts.company(client_id).await.map_err(refused)?;
            let company = company.ok_or(AccountsError::UnknownCompany).map_err(refused)?;
            let generated = core
                .keys
                .generate(company.id, environment, &actor)
                .await
                .map_err(refused_by_keys)?;
            Ok(Answer::Key {
                key_id: generated.key.id.to_string(),
                secret: generated.secret,
            })
        }
        Command::DeleteKey { key_id } => delete_key(core, key_id, &actor).await,
        Command::CreateOperatorToken { name, scopes: names } => {
            let token = core
                .accounts
                .create_operator_token(&name, scopes(&names)?, &actor)
                .await
                .map_err(refused)?;
            Ok(Answer::OperatorToken {
                token: SecretText::new(token.text().as_str()),
            })
        }
    }
}

/// The one place where a key is named without its company: the operator's own command line. Whose it is, is looked up
/// first, and the deletion is that company's.
async fn delete_key(core: &Core, key_id: KeyId, actor: &Actor) -> Result<Answer, StartError> {
    core.keys.reload().await.map_err(refused_by_keys)?;
    let company = core.keys.snapshot().active_key(key_id).map(|key| key.company.id);
    let company = company.ok_or(KeysError::NotFound).map_err(refused_by_keys)?;
    let deleted = core
        .keys
        .delete(company, key_id, actor)
        .await
        .map_err(refused_by_keys)?;
    Ok(Answer::DeletedKey {
        key_id: key_id.to_string(),
        refused_since: deleted.refused_since.to_rfc3339(),
    })
}

async fn create_member(
    core: &Core,
    client_id: ClientId,
    email: &str,
    role: Role,
    password: Option<SecretText>,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let email: accounts::Email = email.parse().map_err(refused)?;
    // Somebody who has an account keeps their password: one that nobody can use must not be shown.
    let exists = core.accounts.person_exists(&email).await.map_err(refused)?;
    let (password, shown) = match password {
        Some(given) => (Password::new(given.expose().to_owned()).map_err(refused)?, None),
        None => {
            let made = Password::generate();
            let shown = (!exists).then(|| SecretText::new(made.expose()));
            (made, shown)
        }
    };
    let member = core
        .accounts
        .create_member(client_id, email.clone(), role, password, actor)
        .await
        .map_err(refused)?;
    Ok(Answer::Member {
        member_id: member.to_string(),
        email: email.to_string(),
        password: shown,
    })
}

fn refused(error: AccountsError) -> StartError {
    if matches!(error, AccountsError::Storage(_)) {
        tracing::error!(error = chain(&error), "a command failed");
    }
    sentence(&error.to_string())
}

fn refused_by_keys(error: KeysError) -> StartError {
    match error {
        KeysError::NotFound => sentence("there is no active key with this id"),
        KeysError::TwoActive => sentence("two keys are active in this environment; delete one first"),
        other => {
            tracing::error!(error = chain(&other), "a command failed");
            sentence(&other.to_string())
        }
    }
}

/// A refusal of a domain crate, as a sentence of its own.
fn sentence(text: &str) -> StartError {
    let mut sentence = text.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    StartError::Refused(format!("{sentence}."))
}
