//! The document's title. It contains names that other people chose, so it is the one place where their text gets into the
//! head of a page.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// The end of every title, and the whole title of a page without one of its own.
const SITE: &str = "Gatehouse";

/// Sets the title while it is on the page. Use this and never `leptos_meta::Title`, which writes its text into the HTML
/// as it is: a webhook named `</title><form …>` was a form (`clippy.toml` refuses it everywhere else).
#[component]
#[expect(clippy::disallowed_methods, reason = "this is where its text is escaped")]
pub fn Title(#[prop(into)] text: TextProp) -> impl IntoView {
    // On the server at once: a title is written when what a function reads may be gone.
    #[cfg(feature = "ssr")]
    let text = escaped(&whole(&text.get()));
    #[cfg(not(feature = "ssr"))]
    let text = move || whole(&text.get());
    view! { <leptos_meta::Title text /> }
}

fn whole(text: &str) -> String {
    if text.is_empty() {
        SITE.to_owned()
    } else {
        format!("{text} · {SITE}")
    }
}

/// As the text of an element. In the browser the title is set as text, so nothing is escaped there.
#[cfg(feature = "ssr")]
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_title_is_text() {
        assert_eq!(
            escaped(&whole("</title><b>&amp;")),
            "&lt;/title&gt;&lt;b&gt;&amp;amp; · Gatehouse"
        );
        assert_eq!(whole(""), "Gatehouse");
    }
}
