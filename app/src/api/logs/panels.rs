//! `logs/panels`.

use leptos::server;
use model::ClientId;
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::Panels;

/// What is folded above the list, drawn for an address of it (`query`): the reader's views, and the form that exports.
#[server(name = PanelsCall, prefix = "/rpc", endpoint = "logs/panels", protocol = Rpc<GetUrl>)]
pub async fn panels(company: ClientId, #[server(default)] query: String) -> Result<Panels, AppError> {
    let access = crate::ports::enter(company).await?;
    access.logs?;
    let views = access.views?.list().await?;
    Ok(crate::pages::logs::draw_panels(&access.context, &views, &query))
}
