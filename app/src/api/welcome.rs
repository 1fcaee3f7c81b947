//! `session/welcome`.

use leptos::server;
use model::Brand;
use serde::{Deserialize, Serialize};

use crate::AppError;

/// What a page outside a company needs: whose companies these are, and whether this is the demo.
#[server(name = WelcomeCall, prefix = "/rpc", endpoint = "session/welcome", input = server_fn::codec::GetUrl)]
pub async fn welcome() -> Result<Welcome, AppError> {
    let visitor = crate::ports::visitor()?;
    Ok(Welcome {
        is_demo: visitor.is_demo(),
        companies: visitor.companies().await?,
    })
}

/// Who has come: their companies (none when nobody is signed in), and whether the demo's sign-ins are offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    pub is_demo: bool,
    pub companies: Vec<Brand>,
}
