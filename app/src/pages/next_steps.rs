//! What to read next, at the end of each tab: the help pages, told whose Client ID they are to show.

use leptos::prelude::*;
use model::ClientId;

use crate::ui;
use crate::ui::NextStep;

/// The four help pages as links for the company `client_id`. The pages of keys, logs and webhooks end with it.
#[component]
pub fn HelpLinks(client_id: ClientId) -> impl IntoView {
    let step = |title: &str, page: &str, about: &str| {
        NextStep::new(title, format!("/docs/{page}?company={client_id}"), about)
    };
    let steps = vec![
        step(
            "Authentication",
            "authentication",
            "Which headers to send in each environment, and what each error means.",
        ),
        step(
            "Webhook events",
            "webhook-events",
            "Every event type, its body, and when delivery is retried.",
        ),
        step(
            "API key rotation",
            "api-keys-rotation",
            "Replace a key in four steps, without downtime.",
        ),
        step(
            "Security",
            "security",
            "How to verify a signature, and how secrets are stored.",
        ),
    ];
    view! { <ui::NextSteps steps /> }
}
