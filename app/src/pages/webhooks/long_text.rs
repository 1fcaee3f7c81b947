//! Long values in little space: a URL with a visible end, an id by its last characters. The whole text stays in the page
//! for selection, find-in-page and assistive technology.

use leptos::prelude::*;

/// How much of the end stays in sight.
const TAIL: usize = 14;

/// A URL cut in its middle, by style alone: its end tells endpoints of one host apart.
///
/// `<span class="elided mono" title="…"><span class="elided__head">https://example.com/a/long</span><span class="elided__tail">/path/orders</span></span>`
#[component]
pub(super) fn ElidedUrl(url: String) -> impl IntoView {
    let (head, tail) = split_tail(&url);
    view! {
        <span class="elided mono" title=url>
            <span class="elided__head">{head}</span>
            <span class="elided__tail">{tail}</span>
        </span>
    }
}

/// An id by its last eight characters: it begins with the time it was made, which is the same for all of one minute. The
/// rest is there for those who read or copy it otherwise.
#[component]
pub(super) fn ShortId(#[prop(into)] id: String) -> impl IntoView {
    let short = short_id(&id);
    let title = id.clone();
    view! {
        <span class="mono" title=title>
            <span aria-hidden="true">{short}</span>
            <span class="visually-hidden">{id}</span>
        </span>
    }
}

fn short_id(id: &str) -> String {
    let before = id.chars().count().saturating_sub(8);
    let end: String = id.chars().skip(before).collect();
    if before == 0 { end } else { format!("…{end}") }
}

fn split_tail(url: &str) -> (String, String) {
    let length = url.chars().count();
    let at = if length > 2 * TAIL { length - TAIL } else { length };
    (url.chars().take(at).collect(), url.chars().skip(at).collect())
}

#[cfg(test)]
mod tests {
    use model::{EventId, Timestamp};

    use super::{short_id, split_tail};

    #[test]
    fn ids_of_one_moment_are_told_apart_when_shortened() {
        let at = Timestamp::from_millis(1_767_614_400_000);
        let short = |number| short_id(&EventId::time_ordered(at, [number; 10]).to_string());
        assert_ne!(short(1), short(2));
        assert_eq!((short(1).chars().count(), short_id("abc").as_str()), (9, "abc"));
    }

    #[test]
    fn a_long_url_keeps_its_end_and_loses_nothing() {
        let url = "https://hooks.example.com/tenants/0123456789/environments/production/orders";
        let (head, tail) = split_tail(url);
        assert_eq!(tail, "oduction/orders".chars().skip(1).collect::<String>());
        assert_eq!(format!("{head}{tail}"), url);
    }

    #[test]
    fn a_short_url_is_whole() {
        assert_eq!(split_tail("https://é.example/").1, "");
    }
}
