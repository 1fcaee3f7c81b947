//! One HTTP/1.1 connection, served the same way on all three listeners, and the threads that serve most of them. Anything that is not clearly one request gets a
//! 400 before a handler sees it, because requests are smuggled through programs that read the same bytes differently. A
//! handler's panic becomes a 500 with an incident id. A caller is told before it is disconnected.

mod body;
mod connection;
mod fault;
mod head;
pub mod panics;
mod plane;
mod stream;
mod upgrade;

pub use body::{CallerBody, is_malformed};
pub use connection::{Limits, Service, serve};
pub use fault::Fault;
pub use plane::{Door, Plane, RunningPlane};
pub use upgrade::{Switched, Upgrade};
