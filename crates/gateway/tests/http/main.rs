//! Tests the gateway over real sockets: a listener, an upstream on loopback, keys and log on SQLite.

mod framed;
mod fuzzing;
mod switching;
mod upstream;
mod world;

mod completing;
mod hostile;
mod http2;
mod instructions;
mod kept;
mod keyless;
mod passing;
mod raw;
mod recording;
mod refusing;
mod shared;
mod smuggling;
mod streaming;
mod strict;
mod terms;
mod tls;
mod upstream_http2;
mod verifying;
