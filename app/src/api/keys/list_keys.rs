//! `keys/list`.

use leptos::server;
use model::{ClientId, KeyGroup};

use crate::AppError;

/// The key table: three environments, at most two keys each.
#[server(name = ListKeysCall, prefix = "/rpc", endpoint = "keys/list", input = server_fn::codec::GetUrl)]
pub async fn list_keys(company: ClientId) -> Result<Vec<KeyGroup>, AppError> {
    crate::ports::enter(company).await?.keys?.list().await
}
