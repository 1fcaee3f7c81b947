//! The demo's people. The demo creates them, and its sign-in page has a button for each.

use accounts::Email;
use model::Role;

/// One person for each role that the demo shows.
#[derive(Clone, Debug)]
pub struct DemoPeople(Vec<(Role, Email)>);

impl DemoPeople {
    pub const fn new(people: Vec<(Role, Email)>) -> Self {
        Self(people)
    }

    pub fn all(&self) -> &[(Role, Email)] {
        &self.0
    }

    /// `None` for a role that the demo does not show.
    pub fn email(&self, role: Role) -> Option<&Email> {
        self.0
            .iter()
            .find(|(own, _)| *own == role)
            .map(|(_, email)| email)
    }
}
