//! `keys/deleted`.

use leptos::server;
use model::ClientId;
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::browser::html::Markup;

/// The table of deleted keys, drawn.
#[server(name = DeletedKeysCall, prefix = "/rpc", endpoint = "keys/deleted", protocol = Rpc<GetUrl>)]
pub async fn deleted_keys(company: ClientId) -> Result<Markup, AppError> {
    let access = crate::ports::enter(company).await?;
    crate::pages::key::deleted_keys(access).await
}
