//! Surfaces: a framed card, and a plain section with its heading.

use leptos::prelude::*;

/// A framed surface with an optional heading (level 2) and actions at its end.
///
/// ```html
/// <section class="card" aria-labelledby="client-id">
///   <header class="card__head"><h2 id="client-id">Client ID</h2><div class="card__actions">…</div></header>
///   <div class="card__body">…</div>
/// </section>
/// ```
#[component]
pub fn Card(
    /// The heading's id, and with it the section's name. Required with `title`.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(optional, into)] title: Option<String>,
    /// One sentence under the heading.
    #[prop(optional, into)]
    lead: Option<String>,
    /// No padding: for a table or a list that runs to the frame.
    #[prop(optional)]
    flush: bool,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    let labelled_by = id.clone().filter(|_| title.is_some());
    view! {
        <section class="card" data-flush=flush.then_some("true") aria-labelledby=labelled_by>
            {title
                .map(|title| {
                    view! {
                        <header class="card__head">
                            <div class="card__words">
                                <h2 id=id>{title}</h2>
                                {lead.map(|lead| view! { <p class="lead">{lead}</p> })}
                            </div>
                            {actions.map(|actions| view! { <div class="card__actions">{actions.run()}</div> })}
                        </header>
                    }
                })}
            <div class="card__body">{children()}</div>
        </section>
    }
}

/// A part of a page under a heading (level 2), without a frame.
///
/// ```html
/// <section class="section" aria-labelledby="rotation"><header class="section__head"><h2 id="rotation">…</h2></header>…</section>
/// ```
#[component]
pub fn Section(
    #[prop(into)] id: String,
    #[prop(into)] title: String,
    #[prop(optional, into)] lead: Option<String>,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    let labelled_by = id.clone();
    view! {
        <section class="section" aria-labelledby=labelled_by>
            <header class="section__head">
                <div class="card__words">
                    <h2 id=id tabindex="-1">{title}</h2>
                    {lead.map(|lead| view! { <p class="lead">{lead}</p> })}
                </div>
                {actions.map(|actions| view! { <div class="card__actions">{actions.run()}</div> })}
            </header>
            {children()}
        </section>
    }
}
