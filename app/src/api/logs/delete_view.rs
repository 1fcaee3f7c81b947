//! `logs/delete_view`.

use leptos::server;
use model::{ClientId, ViewId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Deletes a view of one's own.
#[server(name = DeleteViewCall, prefix = "/rpc", endpoint = "logs/delete_view", protocol = Rpc<PostUrl>)]
pub async fn delete_view(company: ClientId, view: ViewId) -> Result<(), AppError> {
    crate::ports::enter(company).await?.views?.delete(view).await
}
