//! Who may do what: the one table. Routes, server functions, ports and pages name a [`Permission`] and ask [`Role::may`];
//! nothing else decides by role. The words for roles and permissions are here too, so that a page names only roles that
//! exist and have the permission.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Each role with its name in data and on pages, highest first.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident = $text:literal, $label:literal;)+) => {
        /// What a member is in a company.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Role {
            $($(#[$doc])* $role,)+
        }

        impl Role {
            pub const ALL: &'static [Self] = &[$(Self::$role),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$role => $text,)+
                }
            }

            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$role => $label,)+
                }
            }
        }
    };
}

/// Each permission with its name in data, its words after "cannot", and the roles that have it, highest first.
macro_rules! permissions {
    ($($(#[$doc:meta])* $permission:ident = $text:literal, $words:literal, [$($role:ident),+];)+) => {
        /// Something that a member may do, or not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission {
            $($(#[$doc])* $permission,)+
        }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$permission),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$permission => $text,)+
                }
            }

            const fn words(self) -> &'static str {
                match self {
                    $(Self::$permission => $words,)+
                }
            }

            /// Those who have it, highest first.
            pub const fn roles(self) -> &'static [Role] {
                match self {
                    $(Self::$permission => &[$(Role::$role),+],)+
                }
            }
        }
    };
}

roles! {
    /// May do everything.
    Owner = "owner", "Owner";
    /// Sees everything but secrets and the audit trail; changes nothing.
    Viewer = "viewer", "Viewer";
}

permissions! {
    /// The list of keys without their secrets, and what the delete dialog states.
    SeeKeys = "see_keys", "see API keys", [Owner, Viewer];
    /// Generate and delete keys. Generating shows the new secret.
    ManageKeys = "manage_keys", "generate or delete API keys", [Owner];
    /// Show or copy the secret of a key that exists.
    RevealKeys = "reveal_keys", "see API key secrets", [Owner];
    /// The log of requests of the company and its brands.
    SeeLogs = "see_logs", "see requests", [Owner, Viewer];
    /// Take requests out of the log as a file, as many as a filter finds, with headers and bodies if asked for.
    ExportLogs = "export_logs", "export requests", [Owner];
    /// Webhooks, their deliveries and attempts, without secrets.
    SeeWebhooks = "see_webhooks", "see webhooks", [Owner, Viewer];
    /// Add, change, pause, test and delete webhooks.
    ManageWebhooks = "manage_webhooks", "change webhooks", [Owner];
    /// Show, copy or rotate the secret that a webhook has of its own.
    RevealWebhookSecrets = "reveal_webhook_secrets", "see or rotate webhook secrets", [Owner];
    /// Send a delivery once more.
    ReplayDeliveries = "replay_deliveries", "replay deliveries", [Owner];
}

impl Role {
    pub fn may(self, permission: Permission) -> bool {
        permission.roles().contains(&self)
    }

    /// All of them, for a sentence: "owner or viewer".
    pub fn choices() -> String {
        or(Self::ALL.iter().map(|role| role.as_str()))
    }
}

impl Permission {
    /// Why this role does not get it, and whom to ask: "Viewers cannot replay deliveries. Ask an Owner."
    pub fn refusal(self, role: Role) -> String {
        let asked = or(self.roles().iter().map(|role| role.label()));
        let article = if asked.starts_with(['A', 'E', 'I', 'O', 'U']) {
            "an"
        } else {
            "a"
        };
        format!(
            "{}s cannot {}. Ask {article} {asked}.",
            role.label(),
            self.words()
        )
    }
}

/// "a", "a or b", "a, b or c".
fn or<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The text named no role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a role is {}", Role::choices())
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut roles = Self::ALL.iter().copied();
        roles.find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text named no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPermission;

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut permissions = Self::ALL.iter().copied();
        permissions
            .find(|permission| permission.as_str() == text)
            .ok_or(UnknownPermission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_may_do_everything_and_a_viewer_changes_nothing() {
        for permission in Permission::ALL {
            assert!(Role::Owner.may(*permission), "{permission:?}");
        }
        let seen: Vec<_> = Permission::ALL
            .iter()
            .copied()
            .filter(|permission| Role::Viewer.may(*permission))
            .collect();
        let shown = [Permission::SeeKeys, Permission::SeeLogs, Permission::SeeWebhooks];
        assert_eq!(seen, shown, "nothing that shows a secret or changes anything");
    }

    #[test]
    fn a_refusal_names_only_roles_that_have_the_permission() {
        for permission in Permission::ALL {
            for role in Role::ALL {
                let sentence = permission.refusal(*role);
                let (refused, asked) = sentence.split_once(" Ask ").expect("two sentences");
                assert!(refused.starts_with(role.label()), "{sentence}");
                for other in Role::ALL {
                    assert_eq!(
                        asked.contains(other.label()),
                        other.may(*permission),
                        "{sentence}"
                    );
                }
            }
        }
        let sentence = Permission::ReplayDeliveries.refusal(Role::Viewer);
        assert!(
            sentence.starts_with("Viewers cannot replay deliveries. Ask an Owner"),
            "{sentence}"
        );
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
            assert_eq!(serde_json::to_string(role).unwrap(), format!("\"{role}\""));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        assert!("admin".parse::<Role>().is_err() && "".parse::<Permission>().is_err());
        assert_eq!(or(["a", "b", "c"].into_iter()), "a, b or c");
    }
}
