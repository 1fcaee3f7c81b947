//! `logs/rename_view`.

use leptos::server;
use model::{ClientId, ViewId};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Gives a view of one's own another name.
#[server(name = RenameViewCall, prefix = "/rpc", endpoint = "logs/rename_view", protocol = Rpc<PostUrl>)]
pub async fn rename_view(company: ClientId, view: ViewId, name: String) -> Result<(), AppError> {
    let views = crate::ports::enter(company).await?.views?;
    views.rename(view, &name).await
}
