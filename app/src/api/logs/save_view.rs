//! `logs/save_view`.

use leptos::server;
use model::ClientId;
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Gives what an address of the list (`query`) shows a name of one's own. A view of the same name is replaced.
#[server(name = SaveViewCall, prefix = "/rpc", endpoint = "logs/save_view", protocol = Rpc<PostUrl>)]
pub async fn save_view(
    company: ClientId,
    name: String,
    #[server(default)] query: String,
) -> Result<(), AppError> {
    let views = crate::ports::enter(company).await?.views?;
    let query = model::ViewQuery::read(&query).map_err(|fault| AppError::invalid_filter(&fault))?;
    views.save(&name, query).await
}
