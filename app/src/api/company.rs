//! `company/context`.

use leptos::server;
use model::{ClientId, CompanyContext};

use crate::AppError;

/// Whose page this is, who looks at it, and where programs call.
#[server(name = CompanyContextCall, prefix = "/rpc", endpoint = "company/context", input = server_fn::codec::GetUrl)]
pub async fn company_context(company: ClientId) -> Result<CompanyContext, AppError> {
    Ok(crate::ports::enter(company).await?.context)
}
