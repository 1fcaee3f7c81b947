//! A stored body: JSON folds, every text can be searched, and what was removed is marked.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

use super::marks::Marks;
use super::tree::{self, Part};
use crate::browser::found;
use crate::pages::logs::json_text;
use crate::ui::{Button, ButtonKind, ButtonSize, CopyButton};

/// A shorter body is read faster than it is searched.
const WORTH_SEARCHING: usize = 400;

/// The text as it is shown. Of JSON only the white space between tokens differs from what was stored.
#[derive(Clone, Debug)]
enum Shown {
    Json(Vec<Part>),
    Text(String),
}

impl Shown {
    fn of(text: &str, truncated: bool) -> Self {
        let begun = || truncated.then(|| json_text::begun(text)).flatten();
        match json_text::indented(text).or_else(begun) {
            Some(laid_out) => Self::Json(tree::of(&laid_out)),
            None => Self::Text(text.to_owned()),
        }
    }

    fn show(&self, marks: Marks<'_>) -> AnyView {
        match self {
            Self::Json(parts) => tree::show(parts, marks),
            Self::Text(text) => marks.show(text),
        }
    }

    fn count(&self, marks: Marks<'_>) -> usize {
        match self {
            Self::Json(parts) => tree::count(parts, marks),
            Self::Text(text) => marks.count(text),
        }
    }
}

/// *Copy* copies the text as it was stored.
#[component]
pub(super) fn BodyText(
    #[prop(into)] label: String,
    /// Of the element that scrolls.
    id: &'static str,
    text: String,
    truncated: bool,
    redacted: bool,
) -> impl IntoView {
    let shown = StoredValue::new(Shown::of(&text, truncated));
    let needle = RwSignal::new(String::new());
    let count = Memo::new(move |_| {
        let needle = needle.read();
        let (redacted, needle) = (redacted, needle.as_str());
        shown.with_value(|shown| {
            if needle.is_empty() {
                0
            } else {
                shown.count(Marks { redacted, needle })
            }
        })
    });
    let is_long = text.len() >= WORTH_SEARCHING;
    view! {
        <figure class="code body">
            <figcaption class="code__head">
                <span class="code__label">{label.clone()}</span>
                {is_long.then(|| view! { <Find of=label.clone() id needle count /> })}
                <CopyButton text what=label.clone() />
            </figcaption>
            <div class="body__text" id=id tabindex="0" role="group" aria-label=label>
                {move || {
                    let needle = needle.read();
                    shown.with_value(|shown| shown.show(Marks { redacted, needle: needle.as_str() }))
                }}
            </div>
        </figure>
    }
    .into_any()
}

/// The field, how often it was found, and the way from one place to the next: Enter, and Shift+Enter back.
#[component]
fn Find(of: String, id: &'static str, needle: RwSignal<String>, count: Memo<usize>) -> impl IntoView {
    let at = RwSignal::new(0_usize);
    // What is found is drawn a moment after it was asked for.
    Effect::new(move || {
        let (at, count) = (at.get(), count.get());
        needle.track();
        if count > 0 {
            found::soon(id, at.min(count - 1));
        }
    });
    let step = move |back: bool| {
        let count = count.get_untracked();
        if count > 0 {
            at.update(|at| *at = (*at + if back { count - 1 } else { 1 }) % count);
        }
    };
    let press = move |key: KeyboardEvent| match key.key().as_str() {
        "Enter" => {
            key.prevent_default();
            step(key.shift_key());
        }
        // It empties the field, as browsers do, and closes nothing else.
        "Escape" if !needle.read_untracked().is_empty() => {
            key.prevent_default();
            key.stop_propagation();
            needle.set(String::new());
        }
        _ => (),
    };
    let said = move || {
        let is_empty = needle.read().is_empty();
        match count.get() {
            _ if is_empty => String::new(),
            0 => "Not found".to_owned(),
            count => format!("{} of {count}", at.get().min(count - 1) + 1),
        }
    };
    let any = Memo::new(move |_| count.get() > 1);
    view! {
        <span class="body__find js-only" role="search">
            <input
                class="input"
                type="search"
                autocomplete="off"
                spellcheck="false"
                placeholder="Find"
                aria-label=format!("Find in {}", of.to_lowercase())
                prop:value=move || needle.get()
                on:input:target=move |event| {
                    at.set(0);
                    needle.set(event.target().value());
                }
                on:keydown=press
            />
            <span class="body__count" role="status">{said}</span>
            {move || {
                any.get()
                    .then(|| {
                        view! {
                            <Button
                                kind=ButtonKind::Quiet
                                size=ButtonSize::Small
                                aria_label="Next place"
                                on_press=Callback::new(move |()| step(false))
                            >
                                "Next"
                            </Button>
                        }
                    })
            }}
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str, truncated: bool, redacted: bool, needle: &str) -> String {
        let owner = Owner::new();
        owner.with(|| {
            Shown::of(text, truncated)
                .show(Marks { redacted, needle })
                .to_html()
        })
    }

    #[test]
    fn json_folds_without_a_script_and_other_text_stays_as_it_is() {
        let folded = html(r#"{"a":{"b":1}}"#, false, false, "");
        assert_eq!(folded.matches("<details").count(), 2, "{folded}");
        let text = "a=1&b=%3C\n<b>";
        let plain = html(text, false, false, "");
        assert!(
            !plain.contains("<details") && plain.contains("a=1&amp;b=%3C\n&lt;b&gt;"),
            "{plain}"
        );
    }

    #[test]
    fn what_strangers_wrote_stays_text() {
        for (text, needle) in [
            (r#"{"<img src=x>":["</details><script>"]}"#, ""),
            (r#"{"<img src=x>":["</details><script>"]}"#, "<script"),
            ("</div><img src=x>", "<img"),
        ] {
            let html = html(text, false, true, needle);
            assert!(!html.contains("<img") && !html.contains("<script"), "{html}");
            let [opened, closed] = ["<details", "</details>"].map(|tag| html.matches(tag).count());
            assert_eq!(opened, closed, "{html}");
        }
    }

    #[test]
    fn the_most_that_is_kept_is_shown_at_once_however_it_nests() {
        let wide = format!("[{}]", vec!["[1]"; 4_000].join(","));
        let deep = format!("{}{}", "[1,".repeat(63), "]".repeat(63));
        let many = format!("[{}]", vec![deep.replace(",]", ",2]"); 80].join(","));
        for text in [wide, many] {
            let begin = std::time::Instant::now();
            let html = html(&text, false, false, "");
            let took = begin.elapsed();
            assert!(html.len() > text.len());
            // Generous: a busy machine took 2.04 s where a quiet one takes a fraction of that.
            assert!(took.as_secs() < 10, "{took:?} for {} bytes", text.len());
        }
    }
}
