//! Server functions: how the page asks the server. Each enters the company first, which is where every right is decided,
//! and then makes one call of a port.

mod company;
pub mod keys;
pub mod logs;
pub mod webhooks;
mod welcome;

pub use company::{CompanyContextCall, company_context};
pub use welcome::{Welcome, WelcomeCall, welcome};
