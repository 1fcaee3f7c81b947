//! `session/welcome`.

use leptos::server;
use model::Brand;
use serde::{Deserialize, Serialize};

use crate::AppError;

/// What a page outside a company needs: the visitor's companies, and whether this is the demo.
#[server(name = WelcomeCall, prefix = "/rpc", endpoint = "session/welcome", input = server_fn::codec::GetUrl)]
pub async fn welcome() -> Result<Welcome, AppError> {
    let visitor = crate::ports::visitor()?;
    Ok(Welcome {
        is_demo: visitor.is_demo(),
        companies: visitor.companies().await?,
    })
}

/// Who the visitor is: their companies (none without a session), and whether to offer the demo's sign-ins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    pub is_demo: bool,
    pub companies: Vec<Brand>,
}
