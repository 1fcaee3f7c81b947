//! `keys/one`.

use leptos::server;
use model::{ClientId, KeyId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::key::OneKey;

/// One key with what is known of it. Deleted keys are not found.
#[server(name = OneKeyCall, prefix = "/rpc", endpoint = "keys/one", protocol = Rpc<GetUrl>)]
pub async fn one_key(company: ClientId, key: KeyId) -> Result<OneKey, AppError> {
    let access = crate::ports::enter(company).await?;
    crate::pages::key::one_key(access, key).await
}
