//! One HTTP connection, served the same way on all three listeners, and the threads that serve most of them: HTTP/1.1, or
//! HTTP/2 if the caller asks for it within TLS or is on this machine. Anything that is not clearly one request gets a 400
//! before a handler sees it, because requests are smuggled through programs that read the same bytes differently. A
//! handler's panic becomes a 500 with an incident id. A caller is told before it is disconnected.

mod body;
mod certificate;
mod connection;
mod fault;
mod head;
mod http1;
mod http2;
pub mod panics;
mod plane;
mod progress;
mod rewound;
mod stream;
mod tls;
mod transport;
mod upgrade;

pub use body::{CallerBody, is_malformed};
pub use connection::{Limits, Service, serve};
pub use fault::Fault;
pub use plane::{Door, Plane, RunningPlane};
pub use tls::{Tls, TlsFault};
pub use upgrade::{Switched, Upgrade};
