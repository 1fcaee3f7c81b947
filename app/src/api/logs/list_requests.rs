//! `logs/list`.

use leptos::server;
use model::{ClientId, LogFilter, LogPage};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One page of the log, newest first.
#[server(name = ListRequestsCall, prefix = "/rpc", endpoint = "logs/list", protocol = Rpc<GetUrl>)]
pub async fn list_requests(company: ClientId, filter: LogFilter) -> Result<LogPage, AppError> {
    crate::ports::enter(company).await?.logs?.page(&filter).await
}
