//! A webhook's options: its own headers and its rate limit.

use model::{
    Actor, AuditAction, CompanyId, Environment, InvalidWebhook, SecretText, Webhook, WebhookId,
    WebhookOptions,
};
use vault::{SealPlace, SealPurpose};

use crate::draft::fault;
use crate::own_headers;
use crate::storage::{OptionsChange, OptionsWritten};
use crate::{Webhooks, WebhooksError};

/// The public API's name of the field.
const HEADERS: &str = "secret_headers";

/// The highest rate limit, in attempts a second.
pub const HIGHEST_RATE_LIMIT: u32 = 1000;

/// What a page or a program changes. What it does not name stays.
#[derive(Clone, Debug, Default)]
pub struct OptionsPatch {
    /// Headers to set, or to remove where there is no value.
    pub headers: Vec<(String, Option<SecretText>)>,
    /// `Some(None)` removes the limit.
    pub rate_limit: Option<Option<u32>>,
}

impl Webhooks {
    /// The options of a webhook. A caller that acts in a single environment passes it as `environment`.
    pub async fn options(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        id: WebhookId,
    ) -> Result<WebhookOptions, WebhooksError> {
        self.webhook(company, environment, id).await?;
        let options = self.parts().store.options.options(company, id).await?;
        options.ok_or(WebhooksError::NotFound)
    }

    /// Changes the options. [`WebhooksError::Invalid`] lists every error; the field is `rate_limit`, `secret_headers`, or
    /// `secret_headers.` with a header's name.
    pub async fn change_options(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        id: WebhookId,
        patch: OptionsPatch,
        actor: &Actor,
    ) -> Result<WebhookOptions, WebhooksError> {
        let webhook = self.webhook(company, environment, id).await?;
        let faults = self.option_faults(&patch);
        if !faults.is_empty() {
            return Err(WebhooksError::Invalid(faults));
        }
        let detail = describe(&webhook, &patch);
        let audit = self.audit(company, actor, AuditAction::WebhookChanged, id, detail);
        let place = self.header_place(company, webhook.environment, id);
        let mut change = OptionsChange {
            rate_limit: patch.rate_limit,
            ..OptionsChange::default()
        };
        for (name, value) in patch.headers {
            match value {
                Some(value) => {
                    let sealed = own_headers::seal(name, &value, &self.parts().master_key, &place);
                    change.set.push(sealed);
                }
                None => change.removed.push(name),
            }
        }
        let written = self
            .parts()
            .store
            .options
            .change_options(company, id, change, audit)
            .await?;
        match written {
            OptionsWritten::Done(options) => {
                // What is claimed already has the options from before.
                self.bell().changed(id);
                self.bell().ring(company, [id], Vec::new());
                self.tell(company);
                Ok(options)
            }
            OptionsWritten::NotFound => Err(WebhooksError::NotFound),
            OptionsWritten::TooManyHeaders => Err(WebhooksError::Invalid(vec![fault(
                HEADERS,
                "A webhook has at most 20 headers, and 8 kB of them.",
            )])),
        }
    }

    fn option_faults(&self, patch: &OptionsPatch) -> Vec<InvalidWebhook> {
        let mut faults = Vec::new();
        let mut seen = Vec::new();
        for (name, value) in &patch.headers {
            let lower = name.to_ascii_lowercase();
            let twice = seen.contains(&lower).then_some("This header is given twice.");
            seen.push(lower);
            let wrong = value.as_ref().and_then(|value| {
                own_headers::name_fault(name, &self.parts().headers.sign)
                    .or_else(|| own_headers::value_fault(value.expose()))
            });
            faults.extend(
                twice
                    .or(wrong)
                    .map(|wrong| fault(&format!("{HEADERS}.{name}"), wrong)),
            );
        }
        if let Some(Some(rate)) = patch.rate_limit
            && !(1..=HIGHEST_RATE_LIMIT).contains(&rate)
        {
            faults.push(fault(
                "rate_limit",
                "A rate limit is a whole number from 1 to 1000 attempts a second.",
            ));
        }
        faults
    }

    pub(crate) fn header_place(
        &self,
        company: CompanyId,
        environment: Environment,
        webhook: WebhookId,
    ) -> SealPlace {
        SealPlace {
            purpose: SealPurpose::WebhookHeader,
            ..self.secret_place(company, environment, webhook)
        }
    }
}

/// Describes the change for the audit trail, without values.
fn describe(webhook: &Webhook, patch: &OptionsPatch) -> String {
    let headers = patch.headers.iter().map(|(name, value)| {
        let what = if value.is_some() { "set" } else { "removed" };
        format!("header {name} {what}")
    });
    let limit = patch.rate_limit.map(|limit| match limit {
        Some(rate) => format!("rate limit {rate} a second"),
        None => "no rate limit".to_owned(),
    });
    let parts: Vec<String> = headers.chain(limit).collect();
    let parts = if parts.is_empty() {
        "nothing changed".to_owned()
    } else {
        parts.join(", ")
    };
    format!("{}: {parts}", webhook.name)
}
