//! `logs/list`.

use leptos::server;
use model::{ClientId, LogFilter, LogPage};

use crate::AppError;

/// One page of the log, newest first.
#[server(name = ListRequestsCall, prefix = "/rpc", endpoint = "logs/list", input = server_fn::codec::GetUrl)]
pub async fn list_requests(company: ClientId, filter: LogFilter) -> Result<LogPage, AppError> {
    crate::ports::enter(company).await?.logs?.page(&filter).await
}
