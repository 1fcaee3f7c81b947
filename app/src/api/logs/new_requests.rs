//! `logs/new`.

use leptos::server;
use model::{ClientId, LogFilter, NewRows};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What has been stored since an answer with this `as_of`: the number of matching requests and, newest first, at most `most`
/// of their rows.
#[server(name = NewRequestsCall, prefix = "/rpc", endpoint = "logs/new", protocol = Rpc<GetUrl>)]
pub async fn new_requests(
    company: ClientId,
    filter: LogFilter,
    after: i64,
    #[server(default)] most: usize,
) -> Result<NewRows, AppError> {
    let logs = crate::ports::enter(company).await?.logs?;
    logs.new_rows(&filter, after, most).await
}
