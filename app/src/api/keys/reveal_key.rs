//! `keys/reveal_key`.

use leptos::server;
use model::{ClientId, KeyId, SecretText};

use crate::AppError;

/// The secret, to be shown.
#[server(name = RevealKeyCall, prefix = "/rpc", endpoint = "keys/reveal_key")]
pub async fn reveal_key(company: ClientId, key: KeyId) -> Result<SecretText, AppError> {
    crate::ports::enter(company).await?.key_secrets?.reveal(key).await
}
