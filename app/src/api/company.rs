//! `company/context`.

use leptos::server;
use model::{ClientId, CompanyContext};

use crate::AppError;

/// Which company the page shows, who is signed in, and the addresses that programs call.
#[server(name = CompanyContextCall, prefix = "/rpc", endpoint = "company/context", input = server_fn::codec::GetUrl)]
pub async fn company_context(company: ClientId) -> Result<CompanyContext, AppError> {
    Ok(crate::ports::enter(company).await?.context)
}
