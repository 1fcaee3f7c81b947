//! A webhook's own secret, which signs the Standard Webhooks headers. It is revealed, copied and rotated like a key,
//! and each of these leaves an audit row.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Actor, AuditAction, CompanyId, RotatedSecret, SecretText, WebhookId};

use crate::{Webhooks, WebhooksError};

/// How long the previous secret still signs after a rotation.
pub const OVERLAP_SECONDS: i64 = 24 * 3600;
/// The prefix of a secret in text form (Standard Webhooks specification 1.0).
const PREFIX: &str = "whsec_";

/// Generates a secret. Its length is within the 24 to 64 bytes that the specification allows.
pub(crate) fn generate() -> [u8; 32] {
    vault::random()
}

fn as_text(secret: &[u8]) -> SecretText {
    SecretText::new(format!("{PREFIX}{}", STANDARD.encode(secret)))
}

impl Webhooks {
    /// The secret as text, to show on a page.
    pub async fn reveal_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<SecretText, WebhooksError> {
        self.own_secret(company, id, actor, AuditAction::WebhookSecretRevealed)
            .await
    }

    /// The secret as text for the clipboard, never shown on screen. The audit trail lists this as a separate action.
    pub async fn copy_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<SecretText, WebhooksError> {
        self.own_secret(company, id, actor, AuditAction::WebhookSecretCopied)
            .await
    }

    /// Generates a new secret. The one it replaces still signs for [`OVERLAP_SECONDS`]. An even older one stops signing
    /// now.
    pub async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<RotatedSecret, WebhooksError> {
        let webhook = self.webhook(company, None, id).await?;
        let parts = self.parts();
        let until = parts.clock.now().plus_seconds(OVERLAP_SECONDS);
        let secret = generate();
        let place = self.secret_place(company, webhook.environment, id);
        let sealed = parts.master_key.seal(&place, &secret);
        let detail = format!(
            "{}: the previous secret also signs until {}",
            webhook.name,
            until.to_rfc3339()
        );
        let audit = self.audit(company, actor, AuditAction::WebhookSecretRotated, id, detail);
        if !parts
            .store
            .secrets
            .rotate_secret(company, id, sealed, until, audit)
            .await?
        {
            return Err(WebhooksError::NotFound);
        }
        self.tell(company);
        Ok(RotatedSecret {
            secret: as_text(&secret),
            former_secret_until: until,
        })
    }

    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
        action: AuditAction,
    ) -> Result<SecretText, WebhooksError> {
        let webhook = self.webhook(company, None, id).await?;
        let audit = self.audit(company, actor, action, id, webhook.name);
        let parts = self.parts();
        let sealed = parts
            .store
            .secrets
            .own_secret(company, id, audit)
            .await?
            .ok_or(WebhooksError::NotFound)?;
        let place = self.secret_place(company, webhook.environment, id);
        let secret = parts.master_key.open(&place, &sealed).map_err(|error| {
            tracing::error!(%error, webhook = %id, "could not unseal a webhook's secret");
            WebhooksError::Seal
        })?;
        Ok(as_text(&secret))
    }
}
