//! HTML that the server has made and the page shows as it is, so that the browser needs no code to make it.

use leptos::{html, prelude::*};
use serde::{Deserialize, Serialize};

/// HTML that only the server makes, and only of views, which escape every text. So what a stranger wrote is text in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markup(String);

impl Markup {
    #[cfg(feature = "ssr")]
    pub fn of(view: impl IntoView) -> Self {
        // Places for a hydration that never happens: half of the nodes of a row. In texts and attributes `<` is escaped.
        Self(view.to_html().replace("<!>", ""))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Without its elements.
    #[cfg(all(test, feature = "ssr"))]
    pub fn to_text(&self) -> String {
        let parts = self.0.split('<').enumerate();
        let texts = parts.map(|(at, part)| match part.split_once('>') {
            Some((_, text)) if at > 0 => text,
            _ => part,
        });
        texts.collect()
    }
}

/// Shows the markup in a `<div>`, whenever it changes. The link with the focus, and opened `<details>`, are found again by
/// their `data-key`; so is what was typed and chosen in a `<form>`, and the focus there. Each `<time data-at="1767614400000">` is put into the page's zone (to the minute, or as `data-year`,
/// `data-row` or `data-full` say), and so is each `datetime-local` input; a time with a tooltip gets both zones there. The text of
/// `data-utc` is there while times are in UTC.
#[component]
#[expect(
    clippy::disallowed_methods,
    reason = "markup is made of views, which escape what a stranger wrote"
)]
pub fn ShowMarkup(
    #[prop(into)] markup: Signal<Markup>,
    class: &'static str,
    /// For those who need the element.
    #[prop(optional)]
    node: NodeRef<html::Div>,
    /// The id of what gets the focus if the link that had it is gone.
    #[prop(optional)]
    or_focus: Option<&'static str>,
) -> impl IntoView {
    follow(node, markup, or_focus);
    // The server's is in the page already, and `follow` writes every other.
    view! { <div class=class node_ref=node inner_html=move || markup.get_untracked().0></div> }
}

fn follow(node: NodeRef<html::Div>, markup: Signal<Markup>, or_focus: Option<&'static str>) {
    #[cfg(feature = "hydrate")]
    {
        let zone = crate::browser::zone::Zone::here();
        Effect::new(move |before: Option<Option<(Markup, bool)>>| {
            let (now, local) = (markup.get(), zone.is_local());
            let node = node.get()?;
            let before = before.flatten();
            let is_new = match &before {
                Some((before, _)) => *before != now,
                None => node.child_element_count() == 0,
            };
            if is_new {
                page::replace(&node, &now.0, or_focus);
            }
            if is_new || before.is_none() {
                page::write_tooltips(&node);
            }
            // The server writes UTC.
            let is_local = !is_new && before.is_some_and(|(_, local)| local);
            if local != is_local {
                page::write_zone(&node, local);
            }
            Some((now, local))
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (node, markup, or_focus);
}

#[cfg(feature = "hydrate")]
pub(super) mod page {
    use leptos::prelude::document;
    use model::Timestamp;
    use wasm_bindgen::JsCast;
    use web_sys::{Element, HtmlElement, HtmlInputElement, Node};

    use crate::browser::clock::{self, LocalStyle};
    use crate::browser::focus;
    use crate::browser::zone::{day_and_minute_text, minute_text};
    use crate::ui::{both_text, without_year};

    const KEY: &str = "data-key";

    pub(super) fn replace(node: &Element, html: &str, or_focus: Option<&str>) {
        let focused = document().active_element().filter(|focused| {
            let focused: &Node = focused;
            node.contains(Some(focused))
        });
        let had_focus = focused.is_some();
        let focused = focused.and_then(|focused| focused.get_attribute(KEY));
        let entered = entered::in_forms(node);
        let open: Vec<String> = all(node, "details[open]")
            .filter_map(|details| details.get_attribute(KEY))
            .collect();
        node.set_inner_html(html);
        for details in all(node, "details") {
            if details.get_attribute(KEY).is_some_and(|key| open.contains(&key)) {
                // An attribute with a fixed name cannot fail to be set.
                let _ = details.set_attribute("open", "");
            }
        }
        if entered::again(node, entered) {
            return;
        }
        let again = focused
            .and_then(|key| all(node, "a").find(|link| link.get_attribute(KEY).as_ref() == Some(&key)));
        match (
            again.and_then(|again| again.dyn_into::<HtmlElement>().ok()),
            or_focus,
        ) {
            // Fails only for an element that cannot be focused.
            (Some(again), _) => drop(again.focus()),
            (None, Some(id)) if had_focus => focus::to(id),
            (None, _) => {}
        }
    }

    pub(super) fn write_zone(node: &Element, local: bool) {
        write_times(node, local);
        for input in all(node, "input[type=datetime-local]") {
            if let Ok(input) = input.dyn_into::<HtmlInputElement>() {
                write_input(&input, local);
            }
        }
        for words in all(node, "[data-utc]") {
            let text = words.get_attribute("data-utc").filter(|_| !local);
            words.set_text_content(text.as_deref());
        }
    }

    /// What is in it was in the other zone, whether the server or the reader wrote it.
    fn write_input(input: &HtmlInputElement, local: bool) {
        let text = input.value();
        let at = if local {
            text.parse().ok()
        } else {
            clock::from_local_input(&text)
        };
        if let Some(at) = at {
            input.set_value(&clock::input_text(at, local));
        }
    }

    pub(in crate::browser) fn write_times(node: &Element, local: bool) {
        for (time, at) in times(node, "time[data-at]") {
            let has = |name| time.has_attribute(name);
            let style = if has("data-row") {
                LocalStyle::Row
            } else if has("data-full") {
                LocalStyle::Full
            } else if has("data-year") {
                LocalStyle::DayAndMinute
            } else {
                LocalStyle::Minute
            };
            let text = match (local, style) {
                (true, style) => clock::local_text(at, style),
                (false, LocalStyle::Row) => without_year(&at.to_page_text()),
                (false, LocalStyle::Full) => at.to_page_text(),
                (false, LocalStyle::DayAndMinute) => day_and_minute_text(at),
                (false, _) => minute_text(at),
            };
            time.set_text_content(Some(&text));
        }
    }

    /// The exact time, in both zones.
    pub(in crate::browser) fn write_tooltips(node: &Element) {
        for (time, at) in times(node, "time[title]") {
            let both = both_text(&clock::local_text(at, LocalStyle::Full), at.to_page_text());
            // An attribute with a fixed name cannot fail to be set.
            let _ = time.set_attribute("title", &both);
        }
    }

    fn times(node: &Element, selector: &str) -> impl Iterator<Item = (Element, Timestamp)> + use<> {
        all(node, selector).filter_map(|time| {
            let at = time.get_attribute("data-at")?.parse().ok()?;
            Some((time, Timestamp::from_millis(at)))
        })
    }

    /// What a reader has entered in forms that have a key.
    mod entered {
        use leptos::prelude::document;
        use wasm_bindgen::JsCast;
        use web_sys::{Element, HtmlInputElement};

        use super::{KEY, all};

        pub(super) struct Entered {
            /// The key of the form, and what tells the field from others in it.
            place: [String; 3],
            value: String,
            is_checked: bool,
            has_focus: bool,
        }

        pub(super) fn in_forms(node: &Element) -> Vec<Entered> {
            let focused = document().active_element();
            let entered = |(place, input): ([String; 3], HtmlInputElement)| {
                let has_focus = focused
                    .as_ref()
                    .is_some_and(|focused| input.is_same_node(Some(focused)));
                let is_as_drawn =
                    input.value() == input.default_value() && input.checked() == input.default_checked();
                (has_focus || !is_as_drawn).then(|| Entered {
                    place,
                    value: input.value(),
                    is_checked: input.checked(),
                    has_focus,
                })
            };
            fields(node).filter_map(entered).collect()
        }

        /// Whether one of them has the focus again.
        pub(super) fn again(node: &Element, entered: Vec<Entered>) -> bool {
            let mut has_focus = false;
            for (place, input) in fields(node) {
                if let Some(entered) = entered.iter().find(|entered| entered.place == place) {
                    input.set_value(&entered.value);
                    input.set_checked(entered.is_checked);
                    // Fails only for an element that cannot be focused.
                    has_focus |= entered.has_focus && input.focus().is_ok();
                }
            }
            has_focus
        }

        fn fields(node: &Element) -> impl Iterator<Item = ([String; 3], HtmlInputElement)> + use<> {
            all(node, "form[data-key] input:not([type=hidden])").filter_map(|input| {
                let form = input.closest("form").ok()??.get_attribute(KEY)?;
                let input: HtmlInputElement = input.dyn_into().ok()?;
                let choice = match input.type_().as_str() {
                    "radio" | "checkbox" => input.value(),
                    _ => String::new(),
                };
                Some(([form, input.name(), choice], input))
            })
        }
    }

    fn all(node: &Element, selector: &str) -> impl Iterator<Item = Element> + use<> {
        let found = node.query_selector_all(selector).ok();
        found.into_iter().flat_map(|found| {
            (0..found.length()).filter_map(move |at| found.get(at)?.dyn_into::<Element>().ok())
        })
    }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn markup_has_no_places_for_hydration_and_all_of_what_strangers_wrote() {
        let hostile = "/a<!>b\" class=\"<!-- -->";
        let markup = Markup::of(view! {
            <p title=hostile>{hostile.to_owned()}{Some("then")}{(1..3).collect::<Vec<_>>()}</p>
        });
        assert_eq!(
            markup.as_str(),
            "<p title=\"/a&lt;!&gt;b&quot; class=&quot;&lt;!-- --&gt;\">/a&lt;!&gt;b\" class=\"&lt;!-- --&gt;then12</p>"
        );
    }
}
