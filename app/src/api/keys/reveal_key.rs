//! `keys/reveal_key`.

use leptos::server;
use model::{ClientId, KeyId, SecretText};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The secret, to be shown.
#[server(name = RevealKeyCall, prefix = "/rpc", endpoint = "keys/reveal_key", protocol = Rpc<PostUrl>)]
pub async fn reveal_key(company: ClientId, key: KeyId) -> Result<SecretText, AppError> {
    crate::ports::enter(company).await?.key_secrets?.reveal(key).await
}
