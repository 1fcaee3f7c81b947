//! Who did something, for the audit trail and for tombstones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AuditId, CompanyId, Timestamp};

/// Who changes or reads something, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// How a person would name them: an e-mail address, a token's name, `command line`.
    pub name: String,
    /// The address they came from, where there is one.
    pub address: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    Member,
    /// A program of the company, by its API key.
    Key,
    /// The operator API.
    Operator,
    /// `gatehouse admin`.
    CommandLine,
    /// Gatehouse itself.
    System,
}

impl ActorKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Key => "key",
            Self::Operator => "operator",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }
}

impl Actor {
    pub fn system() -> Self {
        Self {
            kind: ActorKind::System,
            name: "Gatehouse".to_owned(),
            address: None,
        }
    }

    pub fn command_line() -> Self {
        Self {
            kind: ActorKind::CommandLine,
            name: "command line".to_owned(),
            address: None,
        }
    }
}

/// One row of the audit trail, written in the transaction of what it records. `subject` is the id of what it happened to; `detail` is for people, and never holds a secret.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    pub id: AuditId,
    pub at: Timestamp,
    /// None for what concerns the installation.
    pub company: Option<CompanyId>,
    pub actor: Actor,
    pub action: AuditAction,
    pub subject: String,
    pub detail: String,
}

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What an audit row records. One for each change of state, each reveal and each copy.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$doc])* $variant),+
        }

        impl AuditAction {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

audit_actions! {
    CompanyCreated = "company.created",
    CompanyDeleted = "company.deleted",
    LogDaysSet = "company.log_days_set",
    LogErased = "company.log_erased",
    /// A file of requests was begun. Its subject is the id of this row, which the row of its end repeats.
    LogExportBegun = "log.export_begun",
    LogExportEnded = "log.export_ended",
    /// A member gave a view of the log a name, or changed what it stands for.
    ViewSaved = "view.saved",
    ViewRenamed = "view.renamed",
    ViewDeleted = "view.deleted",
    MemberCreated = "member.created",
    SignedIn = "member.signed_in",
    SignedOut = "member.signed_out",
    MemberRemoved = "member.removed",
    PasswordSet = "member.password_set",
    SessionRevoked = "session.revoked",
    KeyGenerated = "key.generated",
    /// Its name, its end or what it may be used for.
    KeyChanged = "key.changed",
    KeyRevealed = "key.revealed",
    KeyCopied = "key.copied",
    /// A request was made with it from the page.
    KeyTested = "key.tested",
    KeyDeleted = "key.deleted",
    /// A second key was made to replace this one.
    KeyRotationStarted = "key.rotation_started",
    /// Its plan was changed, or it was cancelled or resumed.
    KeyRotationChanged = "key.rotation_changed",
    OperatorTokenCreated = "operator_token.created",
    OperatorTokenRevoked = "operator_token.revoked",
    EventPublished = "event.published",
    /// Added to the catalogue or changed there.
    EventTypeChanged = "event_type.changed",
    EventTypeRemoved = "event_type.removed",
    WebhookCreated = "webhook.created",
    WebhookChanged = "webhook.changed",
    WebhookDeleted = "webhook.deleted",
    /// It has failed for half the time after which it is disabled.
    WebhookFailing = "webhook.failing",
    WebhookDisabled = "webhook.disabled",
    WebhookTested = "webhook.tested",
    WebhookSecretRevealed = "webhook.secret_revealed",
    WebhookSecretCopied = "webhook.secret_copied",
    WebhookSecretRotated = "webhook.secret_rotated",
    DeliveryReplayed = "delivery.replayed",
    /// Signed once more, to be sent by hand.
    DeliverySigned = "delivery.signed",
    /// The operator's brake: these rows say which deliveries were meant, and how many there were.
    DeliveriesHeld = "deliveries.held",
    DeliveriesResumed = "deliveries.resumed",
    DeliveriesCancelled = "deliveries.cancelled",
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuditAction {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|action| action.as_str() == text)
            .ok_or(())
    }
}
