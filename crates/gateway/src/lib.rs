//! The gateway checks every request against the keys, answers the public API itself, forwards everything else to the
//! environment's upstream, streams both bodies, and passes each request to the log. `server` gives it a listener; the
//! dashboard's listener uses it for the public API, and the operator's for `verify`.

mod address;
mod answer;
mod begun;
mod completion;
mod counters;
pub mod errors;
mod forward;
mod gateway;
mod headers;
mod identity;
mod judge;
mod listener;
mod local;
mod location;
mod open;
mod options;
mod own_call;
mod paths;
mod places;
mod reached;
mod recording;
mod request_body;
mod request_ids;
mod revocation;
mod sender;
mod telling;
mod trailers;
mod upstream;
mod verify;
mod verify_call;
mod websocket;

pub use address::{Peer, client_address};
pub use answer::{AnswerBody, BrokenOff};
pub use completion::{CompletionCounts, CompletionOptions, Completions, Syslog, follow};
pub use counters::Counts;
pub use errors::refusal;
pub use gateway::Gateway;
pub use judge::{place, presented};
pub use local::{Caller, LocalApi};
pub use open::{InvalidOpenPath, Open, OpenPath};
pub use options::{GatewayOptions, Limits, Timeouts, UpstreamHttp2};
pub use reached::Reached;
pub use upstream::{UpstreamFault, check_upstream};
pub use verify_call::Profile;
