//! The demo's two people: the demo makes them, and its sign-in page offers them by button.

use accounts::Email;
use model::Role;

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
