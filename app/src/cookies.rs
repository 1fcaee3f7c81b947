//! Cookies that a page reads while the server renders it. None of them grants anything.

use leptos::prelude::use_context;

/// The e-mail address of a failed sign-in, for a minute, so that the form shows it again. The server sets it.
pub const EMAIL: &str = "gatehouse-email";

/// The value of the cookie `name` in the current request.
pub fn value_of(name: &str) -> Option<String> {
    let parts = use_context::<http::request::Parts>()?;
    let lines = parts.headers.get_all(http::header::COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value.to_owned())
}
