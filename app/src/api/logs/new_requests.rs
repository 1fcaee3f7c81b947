//! `logs/new`.

use leptos::server;
use model::{ClientId, LogFilter};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::NewListed;

/// What has been stored since an answer with this `as_of`: the number of matching requests and, newest first, at most `most`
/// of their rows, drawn.
#[server(name = NewRequestsCall, prefix = "/rpc", endpoint = "logs/new", protocol = Rpc<GetUrl>)]
pub async fn new_requests(
    company: ClientId,
    filter: LogFilter,
    after: i64,
    #[server(default)] most: usize,
) -> Result<NewListed, AppError> {
    let access = crate::ports::enter(company).await?;
    let new = access.logs?.new_rows(&filter, after, most).await?;
    Ok(crate::pages::logs::draw_new(&access.context, &filter, &new))
}
