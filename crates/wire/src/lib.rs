//! One HTTP/1.1 connection, served the same way on all three listeners. What is not clearly one request is refused with
//! 400 before a handler sees it, because two programs that read the same bytes differently are how requests are smuggled.
//! A handler that panics becomes a 500 with an incident id, and whoever is about to be disconnected is told.

mod body;
mod connection;
mod fault;
mod head;
pub mod panics;
mod stream;

pub use body::{CallerBody, is_malformed};
pub use connection::{Limits, Service, serve};
pub use fault::Fault;
