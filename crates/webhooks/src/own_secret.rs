//! The secret of a webhook's own, which signs the Standard Webhooks headers: shown, copied and rotated like a key, each
//! time with its row in the audit trail.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Actor, AuditAction, CompanyId, RotatedSecret, SecretText, WebhookId};

use crate::{Webhooks, WebhooksError};

/// After a rotation the former secret signs too, for so long.
pub const OVERLAP_SECONDS: i64 = 24 * 3600;
/// How a secret begins as text (Standard Webhooks specification 1.0).
const PREFIX: &str = "whsec_";

/// A secret's bytes: within the 24 to 64 of the specification.
pub(crate) fn generate() -> [u8; 32] {
    vault::random()
}

fn as_text(secret: &[u8]) -> SecretText {
    SecretText::new(format!("{PREFIX}{}", STANDARD.encode(secret)))
}

impl Webhooks {
    /// The secret as text, to be shown.
    pub async fn reveal_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<SecretText, WebhooksError> {
        self.own_secret(company, id, actor, AuditAction::WebhookSecretRevealed)
            .await
    }

    /// The secret as text, for the clipboard and never for the screen: the same under its own name in the audit trail.
    pub async fn copy_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        actor: &Actor,
    ) -> Result<SecretText, WebhooksError> {
        self.own_secret(company, id, actor, AuditAction::WebhookSecretCopied)
            .await
    }

    /// A new secret. The one it replaces signs too for [`OVERLAP_SECONDS`]; one that was still signing beside it ends now.
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
            "{}: the former one signs until {}",
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
            tracing::error!(%error, webhook = %id, "the secret of a webhook does not open");
            WebhooksError::Seal
        })?;
        Ok(as_text(&secret))
    }
}
