//! `--demo`: a world to look at, on loopback only.

use accounts::Email;
use model::Role;

/// The demo's two people.
#[derive(Clone, Debug)]
pub struct DemoPeople {
    pub owner: Email,
    pub viewer: Email,
}

impl DemoPeople {
    pub fn email(&self, role: Role) -> &Email {
        match role {
            Role::Owner => &self.owner,
            Role::Viewer => &self.viewer,
        }
    }
}
