//! `logs/draw`.

use leptos::server;
use model::{ClientId, LogFilter};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::Drawn;

/// What the page shows besides its rows, drawn: the values that requests have, if `facets`; the groups of the filter's view, if
/// `groups`; and otherwise their histogram. Its links lead to other parts of the log.
#[server(name = DrawCall, prefix = "/rpc", endpoint = "logs/draw", protocol = Rpc<GetUrl>)]
pub async fn draw(
    company: ClientId,
    filter: LogFilter,
    #[server(default)] facets: bool,
    #[server(default)] groups: bool,
) -> Result<Drawn, AppError> {
    use model::{LogParts, LogView};
    let logs = crate::ports::enter(company).await?.logs?;
    let parts = match (groups, filter.view) {
        (true, LogView::Errors) => LogParts::ERRORS,
        (true, LogView::Endpoints) => LogParts::ENDPOINTS,
        (true, LogView::Requests) => return Ok(Drawn::default()),
        _ if facets => LogParts::FACETS,
        _ => LogParts::HISTOGRAM,
    };
    let page = logs.page(&filter, parts).await?;
    Ok(crate::pages::logs::draw(company, &filter, &page))
}
