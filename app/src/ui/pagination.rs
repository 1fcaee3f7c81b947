//! Links to older and newer rows.

use leptos::prelude::*;

use super::{ButtonLink, Icon, IconName};

/// ```html
/// <nav class="pagination" aria-label="Pages of requests"><p class="pagination__summary">50 of 20,114</p>
///   <a class="button" …>Newer</a><a class="button" …>Older</a></nav>
/// ```
///
/// A direction without an address is left out.
#[component]
pub fn Pagination(
    #[prop(into)] label: String,
    /// "50 of 20,114 requests".
    #[prop(optional, into)]
    summary: Signal<String>,
    #[prop(optional, into)] newer: Signal<Option<String>>,
    #[prop(optional, into)] older: Signal<Option<String>>,
) -> impl IntoView {
    view! {
        <nav class="pagination" aria-label=label>
            <p class="pagination__summary">{move || summary.get()}</p>
            {move || {
                newer
                    .get()
                    .map(|href| {
                        view! {
                            <ButtonLink href icon=IconName::ArrowLeft>
                                "Newer"
                            </ButtonLink>
                        }
                    })
            }}
            {move || {
                older
                    .get()
                    .map(|href| {
                        view! {
                            <ButtonLink href>
                                "Older" <Icon name=IconName::ArrowRight />
                            </ButtonLink>
                        }
                    })
            }}
        </nav>
    }
}
