//! A webhook's options, as `options.rs` needs them.

use async_trait::async_trait;
use model::{AuditEntry, CompanyId, WebhookId, WebhookOptions};
use vault::Sealed;

use crate::StorageFailure;

/// A header of a webhook's own, with its value sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    /// As given. Names are the same if their lower-case forms are.
    pub name: String,
    pub value: Sealed,
}

/// A change to a webhook's options. [`options_after`](crate::decide::options_after) applies it.
#[derive(Clone, Debug, Default)]
pub struct OptionsChange {
    /// Headers to set, in place of those with the same names.
    pub set: Vec<SealedHeader>,
    /// Names of headers to remove.
    pub removed: Vec<String>,
    /// `Some(None)` removes the limit.
    pub rate_limit: Option<Option<u32>>,
}

/// The result of an [`OptionsChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionsWritten {
    /// The options after it.
    Done(WebhookOptions),
    NotFound,
    /// There would be more headers than a webhook can have, or they would be too long together.
    TooManyHeaders,
}

/// Reads and changes the options.
#[async_trait]
pub trait OptionsStore: Send + Sync {
    async fn options(
        &self,
        company: CompanyId,
        id: WebhookId,
    ) -> Result<Option<WebhookOptions>, StorageFailure>;

    async fn change_options(
        &self,
        company: CompanyId,
        id: WebhookId,
        change: OptionsChange,
        audit: AuditEntry,
    ) -> Result<OptionsWritten, StorageFailure>;
}
