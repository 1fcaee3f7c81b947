//! Pages rendered outside Leptos: refusals, and the responses to plain form posts when JavaScript is off. They load the
//! style sheet and nothing else, and they are not hydrated.

use std::fmt::Write;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use vault::Zeroizing;

use super::AppState;
use crate::wiped;

/// A whole page around `body`, which must already be HTML. `title` is escaped here.
pub fn page(status: StatusCode, title: &str, body: &str, state: &AppState) -> Response {
    let title = escape(title);
    let style = match &state.site.stylesheet {
        Some(path) => format!("<link rel=\"stylesheet\" href=\"{}\">", escape(path)),
        None => String::new(),
    };
    // Some bodies contain a secret, so the buffer is large enough from the start and wiped once it has been sent.
    let mut html = Zeroizing::new(String::with_capacity(body.len() + 4096));
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\" data-theme=\"\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><meta name=\"robots\" content=\"noindex\"><link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\">\
         <title>{title} · Gatehouse</title>{style}</head>\
         <body><header class=\"top-bar\"><a class=\"top-bar__brand\" href=\"/\"><span>Gatehouse</span></a></header>\
         <main id=\"main\" class=\"main\"><h1>{title}</h1>{body}</main></body></html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    let html = Zeroizing::new(std::mem::take(&mut *html).into_bytes());
    (status, headers, wiped::body(html)).into_response()
}

/// A page with one sentence and a link back.
pub fn refused(status: StatusCode, title: &str, sentence: &str, state: &AppState) -> Response {
    page(
        status,
        title,
        &format!(
            "<p>{}</p>{}",
            escape(sentence),
            link("/", "Back to the dashboard")
        ),
        state,
    )
}

pub fn link(href: &str, text: &str) -> String {
    format!("<p><a href=\"{}\">{}</a></p>", escape(href), escape(text))
}

/// Escapes text for HTML, including quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' | '\'' => {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&#34;x&#34;&gt;&amp;&#39;");
    }
}
