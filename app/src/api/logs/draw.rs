//! `logs/draw`.

use leptos::server;
use model::{ClientId, LogFilter};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::logs::{Drawn, Part};

/// A part of the page besides its rows, drawn for the filter. Its links lead to other parts of the log. For the form, `line` is
/// the search line of the address, which it shows if something is wrong with it; with `open`, *More filters* is open. For the ways beside a request, `line` is its id.
#[server(name = DrawCall, prefix = "/rpc", endpoint = "logs/draw", protocol = Rpc<GetUrl>)]
pub async fn draw(
    company: ClientId,
    #[server(default)] part: Part,
    #[server(default)] filter: LogFilter,
    #[server(default)] line: String,
    #[server(default)] open: bool,
) -> Result<Drawn, AppError> {
    let access = crate::ports::enter(company).await?;
    crate::pages::logs::draw(access, part, filter, &line, open).await
}
