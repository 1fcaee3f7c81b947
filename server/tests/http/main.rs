//! Tests of the server over HTTP, with real listeners on loopback and real databases in a temporary directory.

mod admin;
mod api_answers;
mod backup;
mod deletions;
mod demo;
mod descriptors;
mod events;
mod exports;
mod hostile;
mod html;
mod https;
mod import;
mod kept;
mod kill;
mod live;
mod markup;
mod membership;
mod old_log;
mod one_address;
mod operator;
mod pages;
mod process;
mod protection;
mod provider;
mod proxies;
mod public_webhooks;
#[path = "../../../crates/webhooks/tests/receiver/mod.rs"]
#[expect(dead_code, reason = "parts of it are only used by the sender's own tests")]
mod receiver;
mod refusals;
mod requests;
mod revocation;
mod rotation;
mod rpc;
mod showing;
mod sign_in;
mod start;
mod stopping;
mod time;
mod turns;
mod two_nodes;
mod views;
mod webhook_reach;
mod webhook_secret;
mod wiped;
mod world;
