//! The same call in several languages. Radio buttons and `:has()` choose the panel, so it works before and without
//! scripts.

use leptos::prelude::*;

use super::Code;

/// One language: "curl" and the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    pub label: String,
    pub text: String,
}

impl Snippet {
    pub fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            text: text.into(),
        }
    }
}

/// At most four snippets, the first one chosen. `id` is unique in the page; `what` names the group: "Example request".
///
/// ```html
/// <div class="snippets">
///   <fieldset class="snippets__choice"><legend class="visually-hidden">Example request</legend>
///     <label class="snippets__tab"><input type="radio" name="example" value="curl" checked>curl</label>…
///   </fieldset>
///   <div class="snippets__panel"><figure class="code">…</figure></div>…
/// </div>
/// ```
#[component]
pub fn SnippetTabs(
    #[prop(into)] id: String,
    #[prop(into)] what: String,
    snippets: Vec<Snippet>,
) -> impl IntoView {
    debug_assert!(snippets.len() <= 4, "the style sheet knows four panels");
    let tabs = snippets
        .iter()
        .enumerate()
        .map(|(at, snippet)| {
            view! {
                <label class="snippets__tab">
                    <input type="radio" name=id.clone() value=snippet.label.clone() checked=at == 0 autocomplete="off" />
                    {snippet.label.clone()}
                </label>
            }
        })
        .collect_view();
    let panels = snippets
        .into_iter()
        .map(|snippet| {
            view! {
                <div class="snippets__panel">
                    <Code label=snippet.label text=snippet.text hide_label=true />
                </div>
            }
        })
        .collect_view();
    view! {
        <div class="snippets">
            <fieldset class="snippets__choice">
                <legend class="visually-hidden">{what}</legend>
                {tabs}
            </fieldset>
            {panels}
        </div>
    }
}
