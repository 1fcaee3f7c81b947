//! The words of Gatehouse as types: ids, time, environments, filters and what travels between the server and
//! the page. Compiles to WASM and depends on serde and zeroize alone; every other crate depends on this one.

mod access;
mod account;
mod catalogue;
mod credential_names;
mod delivery_filter;
mod delivery_list;
mod delivery_reach;
mod environment;
mod error_code;
mod event_type;
mod id;
mod key;
mod key_rotation;
mod key_terms;
mod key_use;
mod log;
mod log_address;
mod log_filter;
mod log_groups;
mod log_parts;
mod path_template;
mod permission;
mod recorded;
mod request_source;
mod saved_view;
pub mod search_line;
mod secret_text;
mod status;
mod time;
mod verdict;
mod webhook;

pub use access::{Actor, ActorKind, AuditAction, AuditEntry};
pub use account::{Brand, CompanyContext, DemoContext, Provider};
pub use catalogue::{Catalogue, EventEntry};
pub use credential_names::{CredentialNames, NotCredentialNames};
pub use delivery_filter::{AnswerFilter, DeliveryFilter, DeliveryStateFilter, IdFilter};
pub use delivery_list::{
    DeliveryCursor, DeliveryListing, DeliveryNeighbours, DeliveryNews, DeliveryPage, DeliveryPlace,
    DeliveryView, InvalidPlace, Loosened,
};
pub use delivery_reach::DeliveryReach;
pub use environment::{Environment, UnknownEnvironment};
pub use error_code::{ErrorCode, LONGEST_ERROR_CODE, NO_ERROR_CODE, NotAnErrorCode};
pub use event_type::{EventType, InvalidEventType};
pub use id::{
    AttemptId, AuditId, ClientId, CompanyId, DeliveryId, EventId, InvalidId, KeyId, MemberId,
    OperatorTokenId, PersonId, RequestId, SessionId, ViewId, WebhookId,
};
pub use key::{
    DeletedKey, DeletedKeySummary, DeletionFacts, EndingKey, GeneratedKey, KeyGroup, KeySummary, LastUsed,
    MAX_ACTIVE_KEYS, RotationState,
};
pub use key_rotation::{
    KeyPauses, KeyRotation, KeySources, LONGEST_PLAN_MILLIS, OldKeySigns, RotatedKey, RotationEnd,
    RotationFacts, RotationGap, RotationPlan, RotationReport, RotationStage, RotationWait,
    SHORTEST_QUIET_MILLIS,
};
pub use key_terms::{
    KeyTerms, LONGEST_KEY_NAME, LONGEST_KEY_NOTE, MOST_KEY_NETWORKS, MOST_KEY_REQUESTS_A_MINUTE,
};
pub use key_use::{KeyAddress, KeyAddresses, KeyRefusals, KeyTest, KeyUse};
pub use log::{
    Body, BodyAbsence, Caller, DamagedPart, Gap, HeaderField, Kept, KeptBecause, KeyName, LogEntry, LogPage,
    LogRow, LogTotals, Moving, NewRows,
};
pub use log_filter::{
    BrandFilter, Choice, DateRange, DurationFilter, EndpointOrder, FilterField, InvalidFilter, InvalidValue,
    KeyFilter, LONGEST_PATH, LastFour, LogFilter, LogView, MOST_VALUES, StatusFilter,
};
pub use log_groups::{
    Affected, Beyond, EndpointGroup, ErrorGroup, ErrorReason, LogAddresses, LogEndpoints, LogErrors,
};
pub use log_parts::{FacetValue, LogFacet, LogFacets, LogHistogram, LogParts};
pub use path_template::{LONGEST_TEMPLATE, path_template, write_path_template};
pub use permission::{Permission, Role, UnknownPermission, UnknownRole};
pub use recorded::Recorded;
pub use request_source::RequestSource;
pub use saved_view::{SavedView, ViewQuery};
pub use secret_text::SecretText;
pub use status::{STATUS_NOT_KNOWN, known_status};
pub use time::{InvalidTimestamp, Timestamp, WEEKDAYS};
pub use verdict::{UnknownVerdict, Verdict};
pub use webhook::{
    Attempt, AttemptOutcome, Delivery, DeliveryHeaders, DeliveryRow, DeliveryState, DisabledReason,
    FailureClass, HopRecord, InvalidWebhook, RETRY_DELAYS_SECONDS, RequestDelivery, RequestReceiver,
    RotatedSecret, SigningKey, TimingRecord, Webhook, WebhookDetail, WebhookDraft, WebhookEvents,
    WebhookHealth, WebhookOptions, WebhookRow,
};
