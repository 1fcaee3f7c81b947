//! `session/welcome`.

use leptos::server;
use model::Brand;
use serde::{Deserialize, Serialize};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What a page outside a company needs: the visitor's companies, and whether this is the demo.
#[server(name = WelcomeCall, prefix = "/rpc", endpoint = "session/welcome", protocol = Rpc<GetUrl>)]
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
