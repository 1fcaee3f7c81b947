//! Server functions: how the page asks the server. Each first enters the company, where every permission is checked, and then
//! makes one call to a port.

mod company;
pub mod keys;
pub mod logs;
mod protocol;
pub mod webhooks;
mod welcome;

pub use company::{CompanyContextCall, company_context};
pub use welcome::{Welcome, WelcomeCall, welcome};
