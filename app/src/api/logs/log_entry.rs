//! `logs/entry`.

use leptos::server;
use model::{ClientId, LogEntry, RequestId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One request with everything that was stored.
#[server(name = LogEntryCall, prefix = "/rpc", endpoint = "logs/entry", protocol = Rpc<GetUrl>)]
pub async fn log_entry(company: ClientId, request: RequestId) -> Result<LogEntry, AppError> {
    crate::ports::enter(company).await?.logs?.entry(request).await
}
