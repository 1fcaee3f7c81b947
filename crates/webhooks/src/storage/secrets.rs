//! Webhooks' own secrets, as `own_secret.rs` needs them.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, Timestamp, WebhookId};
use vault::Sealed;

use crate::StorageFailure;

/// Reads and rotates a webhook's own secret.
#[async_trait]
pub trait OwnSecretStore: Send + Sync {
    /// Reads the webhook's own secret and writes the audit row for it.
    async fn own_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        audit: AuditEntry,
    ) -> Result<Option<Sealed>, StorageFailure>;

    /// Replaces the webhook's own secret with `new`. The old one becomes the previous secret until `until`. Returns
    /// whether the webhook exists.
    async fn rotate_secret(
        &self,
        company: CompanyId,
        id: WebhookId,
        new: Sealed,
        until: Timestamp,
        audit: AuditEntry,
    ) -> Result<bool, StorageFailure>;
}
