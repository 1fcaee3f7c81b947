//! The pages, one module each; `routes.rs` says which address shows which.

pub mod company;
pub mod company_start;
pub mod design;
pub mod docs;
pub mod frame;
pub mod key;
pub mod keys;
mod live_control;
pub mod loaded;
pub mod logs;
pub mod next_steps;
pub mod not_found;
pub mod rotate;
pub mod samples;
pub mod sign_in;
pub mod start;
pub mod webhooks;
