//! `webhooks/event_types`.

use leptos::server;
use model::Catalogue;
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// The installation's event types, which anyone may see: the help page lists them. If `brief`, without samples and
/// schemas; else without those that were removed.
#[server(name = EventTypesCall, prefix = "/rpc", endpoint = "webhooks/event_types", protocol = Rpc<GetUrl>)]
pub async fn event_types(brief: bool) -> Result<Catalogue, AppError> {
    Ok(crate::ports::visitor()?.event_types(brief))
}
