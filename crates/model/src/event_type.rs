//! The event types of the contract, in groups, with a sentence for each. The set is the documented one: the operator
//! publishes only these, and a webhook subscribes only to these.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! event_types {
    ($($group:literal { $($variant:ident = $text:literal, $sentence:literal;)+ })+) => {
        /// What happened, as a webhook names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType {
            $($($variant),+),+
        }

        /// Event types of one subject.
        #[derive(Clone, Copy, Debug)]
        pub struct EventGroup {
            pub name: &'static str,
            pub types: &'static [EventType],
        }

        /// All types in the order of the create form.
        pub const EVENT_GROUPS: &[EventGroup] = &[
            $(EventGroup { name: $group, types: &[$(EventType::$variant),+] }),+
        ];

        impl EventType {
            pub const ALL: &'static [Self] = &[$($(Self::$variant),+),+];

            /// The name in data.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$variant => $text),+),+ }
            }

            /// When it is sent, in one sentence.
            pub const fn sentence(self) -> &'static str {
                match self { $($(Self::$variant => $sentence),+),+ }
            }
        }
    };
}

event_types! {
    "Orders" {
        OrderCreated = "order-created", "An order was created; its status is pending.";
        OrderStatusUpdated = "order-status-updated", "The status of an order, or of part of it, changed.";
        OrderRefreshFailed = "order-refresh-failed", "Refreshing an order's data failed.";
        OrderFinalized = "order-finalized", "An order reached its final state; it will not change again.";
        CertificationCompleted = "certification-completed", "An applicant submitted a self-certification.";
    }
    "Tasks" {
        TaskStatusUpdated = "task-status-updated", "A task's status changed; when it is done, its reports are available.";
    }
    "Links" {
        LinkConnected = "link-connected", "A data source was linked.";
        LinkDisconnected = "link-disconnected", "A link stopped working during a refresh.";
        LinkDeleted = "link-deleted", "A link and its personal data were deleted.";
    }
    "Employment" {
        EmploymentCreated = "employment-created", "Employment data was retrieved for the first time.";
        EmploymentUpdated = "employment-updated", "Employment data changed in a refresh.";
    }
    "Identity" {
        ProfileCreated = "profile-created", "An identity profile was retrieved for the first time.";
        ProfileUpdated = "profile-updated", "An identity profile changed in a refresh.";
    }
    "Pay statements" {
        StatementsCreated = "statements-created", "Pay statements were retrieved for the first time.";
        StatementsUpdated = "statements-updated", "The number of pay statements changed in a refresh.";
    }
    "Shifts" {
        ShiftsCreated = "shifts-created", "Shifts were retrieved for the first time.";
        ShiftsUpdated = "shifts-updated", "Shifts changed in a refresh.";
    }
    "Bank accounts" {
        BankAccountsCreated = "bank-accounts-created", "Bank accounts were retrieved for the first time.";
        BankAccountsUpdated = "bank-accounts-updated", "The number of bank accounts changed in a refresh.";
    }
}

/// The text is not an event type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownEventType;

impl fmt::Display for UnknownEventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown event type")
    }
}

impl std::error::Error for UnknownEventType {}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|one| one.as_str() == text)
            .ok_or(UnknownEventType)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
