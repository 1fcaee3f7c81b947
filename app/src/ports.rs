//! What the page asks of the server: traits that the binary implements. A port is handed out already narrowed to what
//! its caller may do, so that a server function cannot call what its caller has no right to.
//!
//! The binary provides `Arc<dyn Visitor>` in the Leptos context of every page and server function.

use std::sync::Arc;

use async_trait::async_trait;
use leptos::prelude::use_context;
use model::{
    Brand, Catalogue, ClientId, CompanyContext, DeletedKey, DeletedKeySummary, DeletionFacts, Delivery,
    DeliveryId, DeliveryListing, DeliveryNeighbours, DeliveryNews, DeliveryPlace, DeliveryView, Environment,
    EventType, GeneratedKey, HeaderField, InvalidWebhook, KeyGroup, KeyId, KeyName, KeyPauses, KeyRefusals,
    KeySummary, KeyTest, KeyUse, LogEntry, LogFilter, LogPage, LogParts, NewRows, RequestId, RotatedKey,
    RotatedSecret, RotationReport, SavedView, SecretText, Timestamp, ViewId, ViewQuery, WebhookDetail,
    WebhookDraft, WebhookId, WebhookRow,
};

use crate::AppError;
use crate::pages::key::{KeyFields, KeySaved};
use crate::pages::rotate::PlanChoice;

/// Whoever makes this request, signed in or not.
#[async_trait]
pub trait Visitor: Send + Sync {
    /// The companies this person is a member of, by name. Empty when nobody is signed in.
    async fn companies(&self) -> Result<Vec<Brand>, AppError>;

    /// What this person may see and do in `company`. [`AppError::SignedOut`] without a session, [`AppError::NotFound`]
    /// when the company does not exist or the person is no member of it: the two look alike.
    async fn enter(&self, company: ClientId) -> Result<CompanyAccess, AppError>;

    /// The installation's event types: without samples and schemas, or without those that were removed.
    fn event_types(&self, brief: bool) -> Catalogue;

    /// Whether this is the demo, which offers its two sign-ins by button.
    fn is_demo(&self) -> bool;
}

/// A port for a role that has its permission; the refusal for any other.
pub type Allowed<Port> = Result<Arc<Port>, AppError>;

/// One company, as far as the caller may go in it.
#[derive(Clone)]
pub struct CompanyAccess {
    pub context: CompanyContext,
    pub keys: Allowed<dyn SeeKeys>,
    pub key_manager: Allowed<dyn ManageKeys>,
    pub key_secrets: Allowed<dyn RevealKeys>,
    pub rotations: Allowed<dyn SeeRotations>,
    pub rotator: Allowed<dyn RotateKeys>,
    pub logs: Allowed<dyn SeeLogs>,
    pub views: Allowed<dyn KeepViews>,
    pub webhooks: Allowed<dyn SeeWebhooks>,
    pub webhook_manager: Allowed<dyn ManageWebhooks>,
    pub webhook_secrets: Allowed<dyn RevealWebhookSecrets>,
    pub replays: Allowed<dyn ReplayDeliveries>,
}

impl std::fmt::Debug for CompanyAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompanyAccess")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Keys without their secrets. [`model::Permission::SeeKeys`].
#[async_trait]
pub trait SeeKeys: Send + Sync {
    /// All three environments in their order, also those without a key.
    async fn list(&self) -> Result<Vec<KeyGroup>, AppError>;
    /// What the delete dialog states.
    async fn deletion_facts(&self, key: KeyId) -> Result<DeletionFacts, AppError>;
    /// A key that was not deleted, and how it is used.
    async fn key(&self, key: KeyId) -> Result<SeenKey, AppError>;
    /// The keys that were deleted last, the latest first, with what was refused of them since.
    async fn deleted(&self) -> Result<Vec<DeletedKeyRow>, AppError>;
}

/// What a key's own page shows.
#[derive(Clone, Debug)]
pub struct SeenKey {
    pub key: KeySummary,
    pub has_expired: bool,
    pub used: KeyUse,
}

/// A deleted key in the list of those.
#[derive(Clone, Debug)]
pub struct DeletedKeyRow {
    pub key: DeletedKeySummary,
    pub refused: KeyRefusals,
}

/// Generating, changing and deleting keys. Every method that changes something leaves an audit row. [`model::Permission::ManageKeys`].
#[async_trait]
pub trait ManageKeys: Send + Sync {
    /// [`AppError::Conflict`] when two are active, [`AppError::Invalid`] when it is a Production key without a name.
    async fn generate(&self, environment: Environment, name: &str) -> Result<GeneratedKey, AppError>;
    /// Saves a form, or says what is wrong with it.
    async fn change(&self, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError>;
    /// What `change` would say. Leaves no audit row, because it changes nothing.
    async fn check(&self, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError>;
    /// `last_four` is what the person typed; [`AppError::Invalid`] when it must be typed and the key ends otherwise.
    async fn delete(&self, key: KeyId, last_four: &str) -> Result<DeletedKey, AppError>;
}

/// Rotations of keys. [`model::Permission::SeeKeys`].
#[async_trait]
pub trait SeeRotations: Send + Sync {
    /// [`AppError::NotFound`] when there is neither such a key nor a rotation of it.
    async fn rotation(&self, key: KeyId) -> Result<SeenRotation, AppError>;
}

/// What the page of a rotation shows.
#[derive(Clone, Debug)]
pub struct SeenRotation {
    /// The key of the address, if it is active.
    pub key: Option<KeySummary>,
    pub pauses: KeyPauses,
    /// Why a rotation of it cannot begin, in sentences.
    pub cannot: Option<String>,
    /// Of the latest rotation that has the key.
    pub report: Option<RotationReport>,
    pub now: Timestamp,
}

/// Replacing keys. Every method leaves an audit row. [`model::Permission::ManageKeys`].
#[async_trait]
pub trait RotateKeys: Send + Sync {
    /// [`AppError::Conflict`] when there is no room for a new key.
    async fn begin(&self, key: KeyId, plan: PlanChoice) -> Result<RotatedKey, AppError>;
    async fn plan(&self, key: KeyId, plan: PlanChoice) -> Result<(), AppError>;
    async fn resume(&self, key: KeyId, plan: PlanChoice) -> Result<(), AppError>;
    async fn cancel(&self, key: KeyId) -> Result<(), AppError>;
    /// Deletes the old key now. [`AppError::Conflict`] when no request has used the new one.
    async fn finish(&self, key: KeyId) -> Result<(), AppError>;
}

/// The secrets of keys that exist. Every method leaves an audit row. [`model::Permission::RevealKeys`].
#[async_trait]
pub trait RevealKeys: Send + Sync {
    /// To be shown.
    async fn reveal(&self, key: KeyId) -> Result<SecretText, AppError>;
    /// For the clipboard alone.
    async fn copy(&self, key: KeyId) -> Result<SecretText, AppError>;
    /// Makes a GET request with the key through the gateway, from the caller's address. [`AppError::Conflict`] in Production,
    /// [`AppError::Invalid`] for what is no path.
    async fn test(&self, key: KeyId, path: &str) -> Result<KeyTest, AppError>;
}

/// The request log of the company and, for a parent, of its brands. [`model::Permission::SeeLogs`].
#[async_trait]
pub trait SeeLogs: Send + Sync {
    /// The parts of a page that are asked for.
    async fn page(&self, filter: &LogFilter, parts: LogParts) -> Result<LogPage, AppError>;
    /// What the keys are called that requests can have, active ones first; deleted ones and brands' are among them.
    async fn key_names(&self) -> Result<Vec<KeyName>, AppError>;
    /// What has been stored since an answer with this `as_of`, with at most `most` rows.
    async fn new_rows(&self, filter: &LogFilter, after: i64, most: usize) -> Result<NewRows, AppError>;
    async fn entry(&self, request: RequestId) -> Result<LogEntry, AppError>;
}

/// The caller's own named views of the log. Changing them leaves an audit row. [`model::Permission::SeeLogs`].
#[async_trait]
pub trait KeepViews: Send + Sync {
    /// By name.
    async fn list(&self) -> Result<Vec<SavedView>, AppError>;
    /// Replaces one of the same name. [`AppError::Invalid`] when the name does not fit, [`AppError::Conflict`] when there
    /// are too many.
    async fn save(&self, name: &str, query: ViewQuery) -> Result<(), AppError>;
    /// [`AppError::Invalid`] when the name does not fit, [`AppError::Conflict`] when another of the caller's views has it.
    async fn rename(&self, view: ViewId, name: &str) -> Result<(), AppError>;
    async fn delete(&self, view: ViewId) -> Result<(), AppError>;
}

/// Webhooks and what became of their deliveries. [`model::Permission::SeeWebhooks`].
#[async_trait]
pub trait SeeWebhooks: Send + Sync {
    /// Failing first, then by name.
    async fn list(&self) -> Result<Vec<WebhookRow>, AppError>;
    async fn detail(&self, webhook: WebhookId) -> Result<WebhookDetail, AppError>;
    /// The page of its deliveries that a view shows.
    async fn deliveries(&self, webhook: WebhookId, view: &DeliveryView) -> Result<DeliveryListing, AppError>;
    /// What these rows of a list are now, and how many deliveries newer than `newest` match.
    async fn delivery_news(
        &self,
        webhook: WebhookId,
        view: &DeliveryView,
        newest: Option<DeliveryPlace>,
        known: &[DeliveryId],
    ) -> Result<DeliveryNews, AppError>;
    /// The deliveries beside one in the list of this view.
    async fn delivery_neighbours(
        &self,
        webhook: WebhookId,
        view: &DeliveryView,
        delivery: DeliveryId,
    ) -> Result<DeliveryNeighbours, AppError>;
    async fn delivery(&self, delivery: DeliveryId) -> Result<Delivery, AppError>;
    /// Deliveries of the event that carries this request id, newest first.
    async fn deliveries_of_request(
        &self,
        request: RequestId,
    ) -> Result<Vec<model::RequestDelivery>, AppError>;
}

/// Changing webhooks. Every method but `check` leaves an audit row. [`model::Permission::ManageWebhooks`].
#[async_trait]
pub trait ManageWebhooks: Send + Sync {
    /// What would be refused of this draft; empty when it may be saved. Resolves the name of the URL.
    /// With `editing` it is a change of that webhook, whose own URL is not taken.
    async fn check(
        &self,
        draft: &WebhookDraft,
        editing: Option<WebhookId>,
    ) -> Result<Vec<InvalidWebhook>, AppError>;
    /// The faults of the draft, or the new webhook's id.
    async fn create(&self, draft: WebhookDraft) -> Result<Result<WebhookId, Vec<InvalidWebhook>>, AppError>;
    async fn change(
        &self,
        webhook: WebhookId,
        draft: WebhookDraft,
    ) -> Result<Result<(), Vec<InvalidWebhook>>, AppError>;
    async fn set_enabled(&self, webhook: WebhookId, enabled: bool) -> Result<(), AppError>;
    /// Sets one header of its own, or removes it where there is no value.
    async fn set_header(
        &self,
        webhook: WebhookId,
        name: String,
        value: Option<SecretText>,
    ) -> Result<(), AppError>;
    /// In attempts a second; none removes the limit.
    async fn set_rate_limit(&self, webhook: WebhookId, rate: Option<u32>) -> Result<(), AppError>;
    async fn delete(&self, webhook: WebhookId) -> Result<(), AppError>;
    /// Sends an example event: one attempt, flagged as a test, not retried, not counted.
    async fn send_test(&self, webhook: WebhookId, event_type: EventType) -> Result<DeliveryId, AppError>;
}

/// The secret that a webhook has of its own, as `whsec_…`. Every method leaves an audit row.
/// [`model::Permission::RevealWebhookSecrets`].
#[async_trait]
pub trait RevealWebhookSecrets: Send + Sync {
    /// To be shown.
    async fn reveal(&self, webhook: WebhookId) -> Result<SecretText, AppError>;
    /// For the clipboard alone.
    async fn copy(&self, webhook: WebhookId) -> Result<SecretText, AppError>;
    /// Replaced by a new one with an overlap.
    async fn rotate(&self, webhook: WebhookId) -> Result<RotatedSecret, AppError>;
}

/// Sending deliveries once more. Leaves an audit row. [`model::Permission::ReplayDeliveries`].
#[async_trait]
pub trait ReplayDeliveries: Send + Sync {
    /// One more attempt of the same delivery, with the same `webhook_id`.
    async fn replay(&self, delivery: DeliveryId) -> Result<(), AppError>;
    /// The headers that sign it now, for someone who sends it by hand.
    async fn sign_again(&self, delivery: DeliveryId) -> Result<Vec<HeaderField>, AppError>;
}

/// Whoever asks, from the Leptos context.
pub fn visitor() -> Result<Arc<dyn Visitor>, AppError> {
    use_context::<Arc<dyn Visitor>>().ok_or_else(|| {
        AppError::Unavailable("The server is still starting. Try again in a moment.".to_owned())
    })
}

/// The first line of every server function.
pub async fn enter(company: ClientId) -> Result<CompanyAccess, AppError> {
    visitor()?.enter(company).await
}
