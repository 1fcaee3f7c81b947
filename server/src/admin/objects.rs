//! The result of changing companies and members. Those of members are for the operator API too.

use accounts::{Company, Revoked};

use super::answer::Object;
use super::listing;
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

pub(super) fn log_days(company: &Company) -> Object {
    Object::new()
        .with("client_id", company.client_id)
        .with("name", &company.name)
        .with("log_days", listing::log_days(company))
}
