//! Tests the gateway over real sockets: a listener, an upstream on loopback, keys and log on SQLite.

mod upstream;
mod world;

mod hostile;
mod passing;
mod recording;
mod refusing;
mod shared;
mod streaming;
mod verifying;
