//! `gatehouse admin show-…`: one thing with what belongs to it, and `delete-company`.

use accounts::{AccountsError, Company};
use model::{Actor, ClientId, KeyId, KeySummary, MemberId, OperatorTokenId, Timestamp, Webhook};
use store::webhooks::StoredWebhooks;
use webhooks::ConfigStore;

use super::answer::{Answer, Object};
use super::carry_out::{company, refused, refused_by_keys};
use super::{listing, log};
use crate::core::Core;
use crate::error::StartError;

pub(super) async fn show_company(core: &Core, client_id: ClientId) -> Result<Answer, StartError> {
    let company = company(core, client_id).await?;
    let all = Everything::of(core, &company).await?;
    let companies = core.accounts.companies().await.map_err(refused)?;
    let parent = companies.iter().find(|one| Some(one.id) == company.parent);
    let object = Object::new()
        .with("company_id", company.id)
        .with("client_id", company.client_id)
        .with("name", &company.name)
        .with_maybe("parent", parent.map(|parent| parent.client_id))
        .with("log_days", listing::log_days(&company))
        .with("created_at", company.created_at.to_rfc3339())
        .with("brands", all.brands.len())
        .with("members", all.members.len())
        .with("keys", all.keys.len())
        .with("webhooks", all.webhooks.len());
    Ok(Answer::One(object))
}

pub(super) async fn show_member(core: &Core, member: MemberId) -> Result<Answer, StartError> {
    let (member, company) = core.accounts.find_member(member).await.map_err(refused)?;
    let sessions = core
        .accounts
        .sessions(&accounts::Whose::Person(member.email.clone()))
        .await;
    let sessions = sessions.map_err(refused)?;
    let seen = sessions.iter().map(|listed| listed.session.seen_at).max();
    let object = Object::new()
        .with("member_id", member.id)
        .with("email", &member.email)
        .with("role", member.role.as_str())
        .with("client_id", company.client_id)
        .with("company", &company.name)
        .with("created_at", member.created_at.to_rfc3339())
        .with("sessions", sessions.len())
        .with_maybe("seen_at", seen.map(Timestamp::to_rfc3339));
    Ok(Answer::One(object))
}

pub(super) async fn show_key(core: &Core, key: KeyId) -> Result<Answer, StartError> {
    let found = core.keys.find(key).await.map_err(refused_by_keys)?;
    Ok(Answer::One(listing::key(&found)))
}

pub(super) async fn show_token(core: &Core, token: OperatorTokenId) -> Result<Answer, StartError> {
    let tokens = core.accounts.operator_tokens().await.map_err(refused)?;
    let found = tokens.into_iter().find(|one| one.id == token);
    let found = found.ok_or(AccountsError::UnknownToken).map_err(refused)?;
    Ok(Answer::One(listing::token(&found)))
}

/// What belongs to a company.
struct Everything {
    brands: Vec<Company>,
    members: Vec<accounts::ListedMember>,
    keys: Vec<KeySummary>,
    webhooks: Vec<Webhook>,
}

impl Everything {
    async fn of(core: &Core, company: &Company) -> Result<Self, StartError> {
        let groups = core.keys.list(company.id).await.map_err(refused_by_keys)?;
        let store = StoredWebhooks::new(core.db.clone());
        let mut webhooks = Vec::new();
        for environment in model::Environment::ALL {
            let found = store.webhooks(company.id, environment).await;
            webhooks.extend(found.map_err(unreadable)?);
        }
        Ok(Self {
            brands: core.accounts.brands(company.id).await.map_err(refused)?,
            members: core.accounts.members(company.client_id).await.map_err(refused)?,
            keys: groups.into_iter().flat_map(|group| group.keys).collect(),
            webhooks,
        })
    }
}

fn unreadable(error: webhooks::StorageFailure) -> StartError {
    StartError::failed("reading the webhooks")(std::io::Error::other(error))
}

/// First its people, so that nothing is added by them, then what would go on working without them. Each step can be done again, so
/// a command that was interrupted goes on when it is run once more.
pub(super) async fn delete_company(
    core: &Core,
    client_id: ClientId,
    confirmed: bool,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let company = company(core, client_id).await?;
    let all = Everything::of(core, &company).await?;
    if !all.brands.is_empty() {
        let names: Vec<&str> = all.brands.iter().map(|brand| brand.name.as_str()).collect();
        return Err(StartError::Refused(format!(
            "{} has brands: {}. Delete them first.",
            company.name,
            names.join(", ")
        )));
    }
    if !confirmed {
        return Err(StartError::Refused(warning(&company, &all)));
    }
    for member in &all.members {
        core.accounts
            .remove_member(member.id, actor)
            .await
            .map_err(refused)?;
    }
    let store = StoredWebhooks::new(core.db.clone());
    for webhook in &all.webhooks {
        let entry = model::AuditEntry {
            id: model::AuditId::time_ordered(core.clock.now(), vault::random()),
            at: core.clock.now(),
            company: Some(company.id),
            actor: actor.clone(),
            action: model::AuditAction::WebhookDeleted,
            subject: webhook.id.to_string(),
            detail: format!("{}; its company was deleted", webhook.environment.label()),
        };
        ConfigStore::delete(&store, company.id, webhook.id, entry)
            .await
            .map_err(unreadable)?;
    }
    for key in &all.keys {
        core.keys
            .delete(company.id, key.id, actor)
            .await
            .map_err(refused_by_keys)?;
    }
    log::erase(core, client_id, true, actor).await?;
    if !core
        .accounts
        .delete_company(&company, actor)
        .await
        .map_err(refused)?
    {
        return Err(StartError::Refused(format!(
            "Something was added to {} while it was being deleted. Run the command again.",
            company.name
        )));
    }
    core.keys.company_changed().await.map_err(refused_by_keys)?;
    let object = Object::new()
        .with("client_id", client_id)
        .with("name", &company.name)
        .with("members", all.members.len())
        .with("keys", all.keys.len())
        .with("webhooks", all.webhooks.len());
    Ok(Answer::One(object))
}

fn warning(company: &Company, all: &Everything) -> String {
    let used = all.keys.iter().filter_map(|key| key.last_used.as_ref());
    let used = match used.map(|used| used.at).max() {
        Some(at) => format!(", the latest used on {}", at.to_page_text()),
        None => String::new(),
    };
    format!(
        "This deletes {} with {} members, {} active keys{used}, {} webhooks and its whole log. It cannot be undone. To do it, \
         add --yes.",
        company.name,
        all.members.len(),
        all.keys.len(),
        all.webhooks.len()
    )
}
