//! What to read next, at the end of each tab.

use leptos::prelude::*;

use super::{Icon, IconName};

/// A page to go to: its name, and one line about why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    pub title: String,
    pub href: String,
    pub about: String,
}

impl NextStep {
    pub fn new(title: impl Into<String>, href: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            href: href.into(),
            about: about.into(),
        }
    }
}

/// ```html
/// <section class="next-steps" aria-labelledby="next-steps"><h2 id="next-steps">Next steps</h2>
///   <ul><li><a href="…">Authentication<svg …/></a><p>…</p></li>…</ul></section>
/// ```
#[component]
pub fn NextSteps(steps: Vec<NextStep>) -> impl IntoView {
    let items = steps
        .into_iter()
        .map(|step| {
            view! {
                <li>
                    <a href=step.href>
                        {step.title} <Icon name=IconName::ArrowRight />
                    </a>
                    <p>{step.about}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="next-steps" aria-labelledby="next-steps">
            <h2 id="next-steps">"Next steps"</h2>
            <ul>{items}</ul>
        </section>
    }
}
