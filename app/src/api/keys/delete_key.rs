//! `keys/delete_key`.

use leptos::server;
use model::{ClientId, DeletedKey, KeyId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Deletes a key for good. Once this returns, no node accepts it. A Production key, and the last key of
/// an environment with traffic, needs the last four characters of its secret; if they are left out, they are empty.
#[server(name = DeleteKeyCall, prefix = "/rpc", endpoint = "keys/delete_key", protocol = Rpc<PostUrl>)]
pub async fn delete_key(
    company: ClientId,
    key: KeyId,
    #[server(default)] last_four: String,
) -> Result<DeletedKey, AppError> {
    crate::ports::enter(company)
        .await?
        .key_manager?
        .delete(key, &last_four)
        .await
}
