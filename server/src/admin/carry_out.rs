//! Executes commands, in whichever process holds the data directory.

use accounts::{AccountsError, Email, Whose};
use keys::{KeyChange, KeysError};
use model::{Actor, ClientId, Environment, KeyId, SecretText};

use super::answer::{Answer, Object};
use super::command::{Command, scopes};
use super::{backup, deliveries, event_types, import, listing, log, objects, rotation, showing};
use crate::core::Core;
use crate::error::{StartError, chain};
use crate::people;

pub async fn carry_out(command: Command, core: &Core) -> Result<Answer, StartError> {
    let (accounts, actor) = (&core.accounts, Actor::command_line());
    Ok(match command {
        Command::CreateCompany { name, parent } => {
            let created = accounts
                .create_company(&name, parent, &actor)
                .await
                .map_err(refused)?;
            core.keys.company_changed().await.map_err(refused_by_keys)?;
            one(Object::new()
                .with("company_id", created.id)
                .with("client_id", created.client_id))
        }
        Command::ShowCompany { client_id } => showing::show_company(core, client_id).await?,
        Command::DeleteCompany { client_id, confirmed } => {
            showing::delete_company(core, client_id, confirmed, &actor).await?
        }
        Command::ShowMember { member_id } => showing::show_member(core, member_id).await?,
        Command::ShowKey { key_id } => showing::show_key(core, key_id).await?,
        Command::ShowOperatorToken { token_id } => showing::show_token(core, token_id).await?,
        Command::ListCompanies => listing::companies(&accounts.companies().await.map_err(refused)?),
        Command::SetLogDays { client_id, days } => {
            let company = accounts.set_log_days(client_id, days, &actor).await;
            one(objects::log_days(&company.map_err(refused)?))
        }
        Command::EraseLog { client_id, confirmed } => log::erase(core, client_id, confirmed, &actor).await?,
        Command::ListErasures => log::erasures(core).await?,
        Command::Status => log::status(core).await?,
        Command::CreateMember {
            client_id,
            email,
            role,
            password,
        } => {
            let added = people::add_member(core, client_id, &email, role, password, &actor).await;
            one(objects::member(added.map_err(refused)?))
        }
        Command::ListMembers { client_id } => {
            listing::members(&accounts.members(client_id).await.map_err(refused)?)
        }
        Command::RemoveMember { member_id } => {
            let removed = accounts.remove_member(member_id, &actor).await;
            one(objects::revoked(&removed.map_err(refused)?))
        }
        Command::SetPassword { email, password } => {
            let set = people::set_password(core, &address(&email)?, password, &actor).await;
            let (set, made) = set.map_err(refused)?;
            one(objects::revoked(&set).with_secret("password", made))
        }
        Command::ListSessions { client_id, email } => list_sessions(core, client_id, email).await?,
        Command::RevokeSession { session_id } => {
            let email = accounts.revoke_session(session_id, &actor).await;
            one(Object::new()
                .with("session_id", session_id)
                .with("email", email.map_err(refused)?))
        }
        Command::RevokeSessionsOf { email } => {
            let ended = accounts.revoke_sessions_of(&address(&email)?, &actor).await;
            one(objects::revoked(&ended.map_err(refused)?))
        }
        Command::CreateKey {
            client_id,
            environment,
            name,
        } => create_key(core, client_id, environment, &name, &actor).await?,
        Command::ListKeys { client_id } => list_keys(core, client_id).await?,
        Command::ChangeKey { key_id, change } => change_key(core, key_id, change, &actor).await?,
        Command::RotateKey { key_id, plan } => rotation::rotate(core, key_id, plan, &actor).await?,
        Command::ShowRotation { key_id } => rotation::show(core, key_id).await?,
        Command::ChangeRotation { key_id, change } => rotation::change(core, key_id, change, &actor).await?,
        Command::FinishRotation { key_id } => rotation::finish(core, key_id, &actor).await?,
        Command::ImportKeys { file, apply } => import::import(core, &file, apply, &actor).await?,
        Command::DeleteKey { key_id, last_four } => delete_key(core, key_id, last_four, &actor).await?,
        Command::CreateOperatorToken { name, scopes: names } => {
            let token = accounts
                .create_operator_token(&name, scopes(&names)?, &actor)
                .await
                .map_err(refused)?;
            one(Object::new().with_secret("token", Some(SecretText::new(token.text().as_str()))))
        }
        Command::Deliveries(command) => deliveries::carry_out(core, command, &actor).await?,
        Command::EventTypes(command) => event_types::carry_out(core, command, &actor).await?,
        Command::ListOperatorTokens => listing::tokens(&accounts.operator_tokens().await.map_err(refused)?),
        Command::Backup { dir } => backup::carry_out(&core.place, &core.log_removals, &dir).await?,
        Command::RevokeOperatorToken { token_id } => {
            let token = accounts.revoke_operator_token(token_id, &actor).await;
            let token = token.map_err(refused)?;
            one(Object::new().with("token_id", token.id).with("name", token.name))
        }
    })
}

const fn one(object: Object) -> Answer {
    Answer::One(object)
}

fn address(text: &str) -> Result<Email, StartError> {
    text.parse().map_err(refused)
}

async fn list_sessions(
    core: &Core,
    client_id: Option<ClientId>,
    email: Option<String>,
) -> Result<Answer, StartError> {
    let whose = match (client_id, email) {
        (Some(client_id), _) => Whose::Company(client_id),
        (None, Some(email)) => Whose::Person(address(&email)?),
        (None, None) => Whose::Everybody,
    };
    let sessions = core.accounts.sessions(&whose).await.map_err(refused)?;
    Ok(listing::sessions(&sessions))
}

pub(super) async fn company(core: &Core, client_id: ClientId) -> Result<accounts::Company, StartError> {
    let company = core.accounts.company(client_id).await.map_err(refused)?;
    company.ok_or(AccountsError::UnknownCompany).map_err(refused)
}

async fn create_key(
    core: &Core,
    client_id: ClientId,
    environment: Environment,
    name: &str,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let company = company(core, client_id).await?;
    let generated = core
        .keys
        .generate_named(company.id, environment, name, actor)
        .await
        .map_err(refused_by_keys)?;
    Ok(one(Object::new()
        .with("key_id", generated.key.id)
        .with_secret("secret", Some(generated.secret))))
}

async fn list_keys(core: &Core, client_id: ClientId) -> Result<Answer, StartError> {
    let company = company(core, client_id).await?;
    let groups = core.keys.list(company.id).await.map_err(refused_by_keys)?;
    Ok(listing::keys(&groups))
}

async fn change_key(
    core: &Core,
    key_id: KeyId,
    change: KeyChange,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let changed = core
        .keys
        .change_by_id(key_id, change, actor)
        .await
        .map_err(refused_by_keys)?;
    Ok(one(listing::key(&changed)))
}

async fn delete_key(
    core: &Core,
    key_id: KeyId,
    last_four: Option<String>,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let deleted = core
        .keys
        .delete_by_id(key_id, last_four.as_deref(), actor)
        .await
        .map_err(refused_by_keys)?;
    Ok(one(Object::new()
        .with("key_id", key_id)
        .with("refused_since", deleted.refused_since.to_rfc3339())))
}

pub(super) fn refused(error: AccountsError) -> StartError {
    if matches!(error, AccountsError::Storage(_)) {
        tracing::error!(error = chain(&error), "a command failed");
    }
    sentence(&error.to_string())
}

pub(super) fn refused_by_keys(error: KeysError) -> StartError {
    match error {
        KeysError::NotFound => sentence("there is no active key with this id"),
        refused @ (KeysError::NoRotation | KeysError::RotationWaits(_) | KeysError::InvalidTerms(_)) => {
            sentence(refused.to_string().trim_end_matches('.'))
        }
        KeysError::TwoActive => sentence("two keys are active in this environment; delete one first"),
        KeysError::NotConfirmed { environment, .. } => sentence(&format!(
            "this is the last key of {}, and requests were made in the last 24 hours: name the last four characters of its \
             secret with --last-four, as list-keys has them",
            environment.label()
        )),
        other => {
            tracing::error!(error = chain(&other), "a command failed");
            sentence(&other.to_string())
        }
    }
}

/// Turns an error of a domain crate into a sentence.
pub(super) fn sentence(text: &str) -> StartError {
    let mut sentence = text.to_owned();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    StartError::Refused(format!("{sentence}."))
}
