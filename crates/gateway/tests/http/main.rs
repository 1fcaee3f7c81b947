//! Tests the gateway over real sockets: a listener, an upstream on loopback, keys and log on SQLite.

mod switching;
mod upstream;
mod world;

mod hostile;
mod kept;
mod passing;
mod raw;
mod recording;
mod refusing;
mod shared;
mod streaming;
mod verifying;
