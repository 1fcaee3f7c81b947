//! Text for programs: a block in one width with a copy button.

use leptos::prelude::*;

use super::CopyButton;

/// A block of code, headers or a body. Scrolls within itself, can be reached by keyboard.
///
/// ```html
/// <figure class="code">
///   <figcaption class="code__head"><span>curl</span><button …>Copy</button></figcaption>
///   <pre tabindex="0" role="group" aria-label="curl"><code>curl …</code></pre>
/// </figure>
/// ```
///
/// `wrap` breaks long lines instead of scrolling: for secrets and one-line commands.
#[component]
pub fn Code(
    /// What the block is: "curl", "Response body".
    #[prop(into)]
    label: String,
    #[prop(into)] text: Signal<String>,
    #[prop(optional)] wrap: bool,
    /// No copy button: for text that should not be copied.
    #[prop(optional)]
    no_copy: bool,
    /// The heading is for assistive technology only, for instance where tabs above say the same.
    #[prop(optional)]
    hide_label: bool,
) -> impl IntoView {
    let label_class = if hide_label {
        "visually-hidden"
    } else {
        "code__label"
    };
    view! {
        <figure class="code" data-wrap=wrap.then_some("true")>
            <figcaption class="code__head">
                <span class=label_class>{label.clone()}</span>
                {(!no_copy).then(|| view! { <CopyButton text what=label.clone() /> })}
            </figcaption>
            <pre tabindex="0" role="group" aria-label=label>
                <code>{move || text.get()}</code>
            </pre>
        </figure>
    }
}
