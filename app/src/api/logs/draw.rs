//! `logs/draw`.

use leptos::server;
use model::{ClientId, LogFilter};

use crate::AppError;
use crate::pages::logs::Drawn;

/// What the page shows besides its rows, drawn: the values that requests have, if `facets`, and otherwise their histogram. Its
/// links lead to other parts of the log.
#[server(name = DrawCall, prefix = "/rpc", endpoint = "logs/draw", input = server_fn::codec::GetUrl)]
pub async fn draw(company: ClientId, filter: LogFilter, facets: bool) -> Result<Drawn, AppError> {
    use model::LogParts;
    let logs = crate::ports::enter(company).await?.logs?;
    let parts = if facets {
        LogParts::FACETS
    } else {
        LogParts::HISTOGRAM
    };
    let page = logs.page(&filter, parts).await?;
    Ok(crate::pages::logs::draw(company, &filter, &page))
}
