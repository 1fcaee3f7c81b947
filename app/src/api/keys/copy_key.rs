//! `keys/copy_key`.

use leptos::server;
use model::{ClientId, KeyId, SecretText};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The secret for the clipboard; it is never shown. Has an audit action of its own.
#[server(name = CopyKeyCall, prefix = "/rpc", endpoint = "keys/copy_key", protocol = Rpc<PostUrl>)]
pub async fn copy_key(company: ClientId, key: KeyId) -> Result<SecretText, AppError> {
    crate::ports::enter(company).await?.key_secrets?.copy(key).await
}
