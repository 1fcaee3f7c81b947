//! `company/context`.

use leptos::server;
use model::{ClientId, CompanyContext};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Which company the page shows, who is signed in, and the addresses that programs call.
#[server(name = CompanyContextCall, prefix = "/rpc", endpoint = "company/context", protocol = Rpc<GetUrl>)]
pub async fn company_context(company: ClientId) -> Result<CompanyContext, AppError> {
    Ok(crate::ports::enter(company).await?.context)
}
