//! Adds members and sets passwords, for both the command line and the operator API. Both accept a password or generate
//! one, and show a generated one only this once.

use accounts::{AccountsError, Email, Password, Revoked};
use model::{Actor, ClientId, MemberId, Role, SecretText};

use crate::core::Core;

/// A member who was added.
pub(crate) struct Added {
    pub(crate) member: MemberId,
    pub(crate) email: Email,
    /// If the person already has an account, they keep their password and a given one is ignored.
    pub(crate) had_an_account: bool,
    /// The password, if one was generated.
    pub(crate) password: Option<SecretText>,
}

pub(crate) async fn add_member(
    core: &Core,
    client_id: ClientId,
    email: &str,
    role: Role,
    given: Option<SecretText>,
    actor: &Actor,
) -> Result<Added, AccountsError> {
    let email: Email = email.parse()?;
    let had_an_account = core.accounts.person_exists(&email).await?;
    let (password, made) = choose(given)?;
    let member = core
        .accounts
        .create_member(client_id, email.clone(), role, password, actor)
        .await?;
    Ok(Added {
        member,
        email,
        had_an_account,
        // Do not show a password that does not work.
        password: made.filter(|_| !had_an_account),
    })
}

/// What was revoked along with it, and the password if one was generated.
pub(crate) async fn set_password(
    core: &Core,
    email: &Email,
    given: Option<SecretText>,
    actor: &Actor,
) -> Result<(Revoked, Option<SecretText>), AccountsError> {
    let (password, made) = choose(given)?;
    let revoked = core.accounts.set_password(email, password, actor).await?;
    Ok((revoked, made))
}

fn choose(given: Option<SecretText>) -> Result<(Password, Option<SecretText>), AccountsError> {
    match given {
        Some(given) => Ok((Password::new(given.expose().to_owned())?, None)),
        None => {
            let made = Password::generate();
            let shown = SecretText::new(made.expose());
            Ok((made, Some(shown)))
        }
    }
}
