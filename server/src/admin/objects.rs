//! The result of changing members, for both the command line and the operator API.

use accounts::Revoked;

use super::answer::Object;
use crate::people;

pub(crate) fn member(added: people::Added) -> Object {
    Object::new()
        .with("member_id", added.member)
        .with("email", added.email)
        .with("account", if added.had_an_account { "existing" } else { "new" })
        .with_secret("password", added.password)
}

pub(crate) fn revoked(revoked: &Revoked) -> Object {
    Object::new()
        .with("email", &revoked.email)
        .with("sessions_ended", revoked.sessions_ended)
}
