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
        OrderCreated = "order-created", "An order was made; its status is pending.";
        OrderStatusUpdated = "order-status-updated", "An order, or one part of it, changed its status.";
        OrderRefreshFailed = "order-refresh-failed", "Refreshing the data of an order failed.";
        OrderFinalized = "order-finalized", "An order reached its final state; nothing more will follow.";
        CertificationCompleted = "certification-completed", "An applicant handed in a self-certification.";
    }
    "Tasks" {
        TaskStatusUpdated = "task-status-updated", "A task moved on; at done its reports can be fetched.";
    }
    "Links" {
        LinkConnected = "link-connected", "A link to a data source was established.";
        LinkDisconnected = "link-disconnected", "A link stopped working during a refresh.";
        LinkDeleted = "link-deleted", "A link and the personal data behind it were removed.";
    }
    "Employment" {
        EmploymentCreated = "employment-created", "An employment was read for the first time.";
        EmploymentUpdated = "employment-updated", "An employment changed with a refresh.";
    }
    "Identity" {
        ProfileCreated = "profile-created", "An identity profile was read for the first time.";
        ProfileUpdated = "profile-updated", "An identity profile changed with a refresh.";
    }
    "Pay statements" {
        StatementsCreated = "statements-created", "Pay statements were read for the first time.";
        StatementsUpdated = "statements-updated", "The number of pay statements changed with a refresh.";
    }
    "Shifts" {
        ShiftsCreated = "shifts-created", "Shifts were read for the first time.";
        ShiftsUpdated = "shifts-updated", "Shifts changed with a refresh.";
    }
    "Bank accounts" {
        BankAccountsCreated = "bank-accounts-created", "Bank accounts were read for the first time.";
        BankAccountsUpdated = "bank-accounts-updated", "The number of bank accounts changed with a refresh.";
    }
}

/// The text named no event type.
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
