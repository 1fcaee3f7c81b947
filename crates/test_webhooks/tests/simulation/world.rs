//! Companies with their keys, and their webhooks with receivers.

use std::collections::BTreeMap;

use model::{
    Actor, AuditAction, AuditEntry, AuditId, CompanyId, Environment, KeyId, Timestamp, Webhook,
    WebhookEvents, WebhookId,
};
use test_webhooks::MemoryWebhooks;
use vault::{AccessSecret, Sealed};
use webhooks::{ConfigStore, NewWebhook, SigningSecret, WebhookChange, Written};

use crate::random::Random;
use crate::receivers::{Kind, Receiver};
use crate::run::at_once;

pub(crate) const SANDBOX: Environment = Environment::Sandbox;

#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) id: CompanyId,
    /// Active keys, oldest first.
    pub(crate) keys: Vec<SigningSecret>,
    pub(crate) hooks: Vec<usize>,
    /// How often it publishes, compared with others.
    pub(crate) weight: usize,
}

/// A webhook with its receiver, and what its deliveries may end as.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) id: WebhookId,
    pub(crate) company: usize,
    pub(crate) receiver: Receiver,
    pub(crate) deleted: bool,
    pub(crate) paused: bool,
    /// It is still paused at the end.
    pub(crate) stays_paused: bool,
    /// It was disabled at some time: new events were skipped.
    pub(crate) was_disabled: bool,
    /// The company switches its receiver to a new key before it deletes the old one.
    pub(crate) switches_first: bool,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) companies: Vec<Company>,
    pub(crate) hooks: Vec<Hook>,
    by_id: BTreeMap<WebhookId, usize>,
}

/// The audit entry of a change. Nothing here reads it.
pub(crate) fn audit(company: CompanyId, at: Timestamp, random: &mut Random) -> AuditEntry {
    AuditEntry {
        id: AuditId::from_random(random.bytes()),
        at,
        company: Some(company),
        actor: Actor::system(),
        action: AuditAction::WebhookChanged,
        subject: String::new(),
        detail: String::new(),
    }
}

pub(crate) fn new_key(random: &mut Random) -> SigningSecret {
    let secret = AccessSecret::generate(SANDBOX);
    SigningSecret {
        key_id: KeyId::from_random(random.bytes()),
        last_four: secret.last_four().to_owned(),
        secret,
    }
}

impl World {
    /// A company with one key and a webhook for each of these receivers.
    pub(crate) fn add_company(
        &mut self,
        store: &MemoryWebhooks,
        weight: usize,
        receivers: &[Kind],
        now: Timestamp,
        random: &mut Random,
    ) -> usize {
        let company = self.companies.len();
        let id = CompanyId::from_random(random.bytes());
        let key = new_key(random);
        let mut hooks = Vec::new();
        for kind in receivers {
            let mut receiver = Receiver::of(*kind);
            receiver.knows = Some(key.key_id);
            hooks.push(self.add_hook(store, (company, id), receiver, now, random));
        }
        self.companies.push(Company {
            id,
            keys: vec![key],
            hooks,
            weight,
        });
        company
    }

    fn add_hook(
        &mut self,
        store: &MemoryWebhooks,
        (company, company_id): (usize, CompanyId),
        receiver: Receiver,
        now: Timestamp,
        random: &mut Random,
    ) -> usize {
        let number = self.hooks.len();
        let id = WebhookId::from_random(random.bytes());
        let url = format!("https://example.com/{number}");
        let new = NewWebhook {
            company: company_id,
            webhook: Webhook {
                id,
                name: format!("{:?}", receiver.kind),
                url: url.clone(),
                environment: SANDBOX,
                events: WebhookEvents::All,
                enabled: true,
                disabled: None,
                paused_by: None,
                created_at: now,
                updated_at: now,
            },
            normal_url: url,
            secret: Sealed::from_bytes(Vec::new()),
        };
        let written = at_once(store.create(new, audit(company_id, now, random)));
        assert!(matches!(written, Ok(Written::Done(()))));
        self.hooks.push(Hook {
            id,
            company,
            receiver,
            deleted: false,
            paused: false,
            stays_paused: false,
            was_disabled: false,
            switches_first: false,
        });
        self.by_id.insert(id, number);
        number
    }

    pub(crate) fn hook(&mut self, id: WebhookId) -> &mut Hook {
        &mut self.hooks[self.by_id[&id]]
    }

    pub(crate) fn keys_of(&self, id: CompanyId) -> Vec<SigningSecret> {
        let company = self.companies.iter().find(|company| company.id == id);
        company.map(|company| company.keys.clone()).unwrap_or_default()
    }

    /// A company, by how often it publishes.
    pub(crate) fn publisher(&self, random: &mut Random) -> usize {
        let all: usize = self.companies.iter().map(|company| company.weight).sum();
        let mut at = random.index(all);
        let chosen = self.companies.iter().position(|company| {
            let is_chosen = at < company.weight;
            at = at.saturating_sub(company.weight);
            is_chosen
        });
        chosen.unwrap_or(0)
    }
}

pub(crate) fn switched(enabled: bool) -> WebhookChange {
    WebhookChange {
        enabled: Some(enabled),
        ..WebhookChange::default()
    }
}
