//! `logs/histogram`.

use leptos::server;
use model::{ClientId, LogFilter};

use crate::AppError;
use crate::pages::logs::DrawnChart;

/// The histogram of the requests that match, drawn. Its links lead to parts of the log with the same filter.
#[server(name = HistogramCall, prefix = "/rpc", endpoint = "logs/histogram", input = server_fn::codec::GetUrl)]
pub async fn histogram(company: ClientId, filter: LogFilter) -> Result<DrawnChart, AppError> {
    use crate::pages::logs::chart::drawing;
    let logs = crate::ports::enter(company).await?.logs?;
    let page = logs.page(&filter, model::LogParts::HISTOGRAM).await?;
    page.histogram
        .map(|histogram| drawing::draw(company, &filter, &histogram))
        .ok_or_else(|| AppError::Unavailable("The chart could not be drawn.".to_owned()))
}
