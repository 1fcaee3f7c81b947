//! Text for what appears only with scripts, and what to do without them.

use leptos::prelude::*;

/// Says that `what` will appear; without scripts, a link that reloads the page.
///
/// ```html
/// <span class="js-only">The request will appear here.</span>
/// <span class="no-js-only"><a href="">Reload this page</a> to see whether it has arrived.</span>
/// ```
#[component]
pub fn WillAppear(
    /// Starts with a capital, without a full stop: "The request".
    what: &'static str,
) -> impl IntoView {
    view! {
        <span class="js-only">{what} " will appear here."</span>
        <span class="no-js-only">
            <a href="">"Reload this page"</a> " to see whether it has arrived."
        </span>
    }
}
