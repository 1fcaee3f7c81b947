//! Companies and brands, as the page sees them.

use serde::{Deserialize, Serialize};

use crate::{ClientId, Environment, Role};

/// The company that runs this installation, as its customers know it. Their pages never call it "the operator".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider(Option<String>);

impl Provider {
    /// None for a text that is empty, longer than 64 characters or more than one line.
    pub fn named(text: &str) -> Option<Self> {
        let name = text.trim();
        let is_one_line = !name.chars().any(char::is_control);
        (is_one_line && (1..=64).contains(&name.chars().count())).then(|| Self(Some(name.to_owned())))
    }

    /// The name that was set, if one was.
    pub fn set_name(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Inside a sentence: "Acme Pay", or "your API provider".
    pub fn name(&self) -> &str {
        self.set_name().unwrap_or("your API provider")
    }

    /// At the start of a sentence: "Acme Pay", or "Your API provider".
    pub fn name_at_start(&self) -> &str {
        self.set_name().unwrap_or("Your API provider")
    }
}

/// A child company, as its parent names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    pub client_id: ClientId,
    pub name: String,
}

/// What every page of a company needs: the company, the signed-in person, and the addresses that programs call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyContext {
    pub client_id: ClientId,
    pub name: String,
    pub brands: Vec<Brand>,
    pub member_email: String,
    pub role: Role,
    /// Where programs send their calls, without a trailing slash: `http://127.0.0.1:8080`.
    pub gateway_url: String,
    /// Environments that have an upstream behind the gateway.
    pub upstreams: Vec<Environment>,
    /// The demo: a built-in receiver exists at this URL, and `demo_real_since` says from when requests are real.
    pub demo: Option<DemoContext>,
}

/// What only the demo shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoContext {
    /// The URL of the built-in webhook receiver.
    pub receiver_url: String,
    /// Requests before this moment were generated; none when the demo started empty.
    pub real_since: Option<crate::Timestamp>,
}
