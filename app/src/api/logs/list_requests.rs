//! `logs/list`.

use leptos::server;
use model::{ClientId, LogFilter, LogPage, LogParts};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One page of the log, newest first: the parts of it that are asked for.
#[server(name = ListRequestsCall, prefix = "/rpc", endpoint = "logs/list", protocol = Rpc<GetUrl>)]
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
