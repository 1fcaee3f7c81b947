//! Webhooks' own secrets: what `own_secret.rs` needs.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, Timestamp, WebhookId};
use vault::Sealed;

use crate::StorageFailure;

/// For showing and rotating the secret of a webhook's own.
#[async_trait]
pub trait OwnSecretStore: Send + Sync {
    /// The webhook's own secret; the audit row is written with the reading of it.
    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure>;

    /// Puts `new` in place of the webhook's own secret, which becomes the former one until `until`. Whether there is such a
    /// webhook.
    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;
}
