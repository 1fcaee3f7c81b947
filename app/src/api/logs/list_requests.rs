//! `logs/list`.

use leptos::server;
use model::{ClientId, LogFilter, RequestId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::Listed;

/// One page of the log, newest first, drawn. `open` is the request that is open beside it.
#[server(name = ListRequestsCall, prefix = "/rpc", endpoint = "logs/list", protocol = Rpc<GetUrl>)]
pub async fn list_requests(
    company: ClientId,
    filter: LogFilter,
    #[server(default)] open: Option<RequestId>,
) -> Result<Listed, AppError> {
    let access = crate::ports::enter(company).await?;
    let page = access.logs?.page(&filter, model::LogParts::ROWS).await?;
    Ok(crate::pages::logs::draw_list(
        &access.context,
        &filter,
        &page,
        open,
    ))
}
