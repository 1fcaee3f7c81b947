//! `keys/list`.

use leptos::server;
use model::{ClientId, KeyGroup};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The key table: three environments, at most two keys each.
#[server(name = ListKeysCall, prefix = "/rpc", endpoint = "keys/list", protocol = Rpc<GetUrl>)]
pub async fn list_keys(company: ClientId) -> Result<Vec<KeyGroup>, AppError> {
    crate::ports::enter(company).await?.keys?.list().await
}
