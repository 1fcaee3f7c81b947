//! The Development page: everything that runs both on the server, where it renders, and in the browser, where it
//! hydrates. `server` implements [`ports`]; `frontend` calls [`hydrate`].

// A view is one type made of the types of all its parts; a page has more of them than the default allows for.
#![recursion_limit = "256"]
#![expect(
    unreachable_pub,
    reason = "the macros of Leptos make every component and server function `pub`"
)]

// The marks between views differ with this setting, so a browser cannot hydrate what a server without it rendered.
#[cfg(not(erase_components))]
compile_error!("the flags in .cargo/config.toml are missing: RUSTFLAGS in the environment replaces them");

pub mod api;
pub mod browser;
pub mod chunks;
#[cfg(feature = "ssr")]
pub mod cookies;
mod credential_names;
mod delivery_headers;
mod delivery_reach;
mod error;
mod on_demand;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod ports;
mod provider;
mod routes;
#[cfg(feature = "ssr")]
mod shell;
pub mod ui;

pub use credential_names::credential_names;
pub use delivery_headers::delivery_headers;
pub use delivery_reach::delivery_reach;
pub use error::AppError;
pub use provider::provider;
pub use routes::App;
#[cfg(feature = "ssr")]
pub use shell::shell;
