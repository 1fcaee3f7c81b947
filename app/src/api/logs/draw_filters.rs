//! `logs/filters`.

use leptos::server;
use model::{ClientId, LogFilter};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::DrawnFilters;

/// The form of the filters and the chips, drawn. `line` is the search line of the address, which the form shows if something is
/// wrong with it. With `open`, *More filters* is open.
#[server(name = DrawFiltersCall, prefix = "/rpc", endpoint = "logs/filters", protocol = Rpc<GetUrl>)]
pub async fn draw_filters(
    company: ClientId,
    #[server(default)] filter: LogFilter,
    #[server(default)] line: String,
    #[server(default)] open: bool,
) -> Result<DrawnFilters, AppError> {
    let access = crate::ports::enter(company).await?;
    let keys = access.logs?.key_names().await?;
    let brands = access.context.brands;
    Ok(crate::pages::logs::draw_filters(
        company, &filter, brands, keys, &line, open,
    ))
}
