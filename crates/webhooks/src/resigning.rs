//! Signs a delivery once more without sending it, for someone who sends it by hand: receivers that check the time of a signature refuse
//! those of an earlier attempt.

use http::HeaderMap;
use model::{Actor, AuditAction, CompanyId, DeliveryId, HeaderField};

use crate::attempt::signature_headers;
use crate::{Webhooks, WebhooksError, signing};

const NO_KEY: &str = "This environment has no API key that can sign.";

impl Webhooks {
    /// The signature headers that an attempt would have now. They are made with the webhook's current secret only, and leave an
    /// audit row.
    pub async fn sign_again(
        &self,
        company: CompanyId,
        id: DeliveryId,
        actor: &Actor,
    ) -> Result<Vec<HeaderField>, WebhooksError> {
        let parts = self.parts();
        let stored = parts
            .store
            .pages
            .delivery(company, id)
            .await?
            .ok_or(WebhooksError::NotFound)?;
        let (webhook, event, environment) = (stored.row.webhook_id, stored.row.event_id, stored.environment);
        let body = self.open_body(&self.body_place(company, environment, event), &stored.body)?;
        let facts = self.facts_of(company, webhook).await?;
        let keys = parts.signing.signing_secrets(company, environment).await;
        let keys = keys.map_err(WebhooksError::SigningSecrets)?;
        let plan = signing::choose(keys, facts.last_key, None).ok_or(WebhooksError::Conflict(NO_KEY))?;
        let audit = self.audit(
            company,
            actor,
            AuditAction::DeliverySigned,
            id,
            "Signed to be sent by hand".to_owned(),
        );
        let sealed = parts
            .store
            .secrets
            .own_secret(company, webhook, audit)
            .await?
            .ok_or(WebhooksError::NotFound)?;
        let place = self.secret_place(company, environment, webhook);
        let own = parts.master_key.open(&place, &sealed).map_err(|error| {
            tracing::error!(%error, %webhook, "could not unseal a webhook's secret");
            WebhooksError::Seal
        })?;
        Ok(fields(&signature_headers(
            parts,
            event,
            &plan.first,
            &[own],
            body.as_bytes(),
        )))
    }
}

fn fields(headers: &HeaderMap) -> Vec<HeaderField> {
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| HeaderField {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        redacted: false,
    };
    headers.iter().map(field).collect()
}
