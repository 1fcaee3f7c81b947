//! `logs/list`.

use leptos::server;
use model::{ClientId, LogFilter, LogPage, LogParts};

use crate::AppError;

/// One page of the log, newest first: the parts of it that are asked for.
#[server(name = ListRequestsCall, prefix = "/rpc", endpoint = "logs/list", input = server_fn::codec::GetUrl)]
pub async fn list_requests(
    company: ClientId,
    filter: LogFilter,
    #[server(default)] parts: LogParts,
) -> Result<LogPage, AppError> {
    crate::ports::enter(company)
        .await?
        .logs?
        .page(&filter, parts)
        .await
}
