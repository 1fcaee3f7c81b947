//! Something to press, and a link that looks like one.

use leptos::{ev::MouseEvent, prelude::*, text_prop::TextProp};

use super::{Icon, IconName};

/// How much a button asks for attention. A view has at most one `Primary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonKind {
    Primary,
    #[default]
    Secondary,
    /// Destroys something. Used inside the confirming dialog, and in rows as words.
    Danger,
    /// Words only, until pointed at: row actions.
    Quiet,
}

impl ButtonKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Danger => "danger",
            Self::Quiet => "quiet",
        }
    }
}

/// `Medium` is 32 px high, `Small` 24 px, for rows and code headings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ButtonSize {
    #[default]
    Medium,
    Small,
}

impl ButtonSize {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Medium => "medium",
            Self::Small => "small",
        }
    }
}

/// A button that is never `disabled`: where it cannot act it stays focusable, is `aria-disabled`, and the reason is shown
/// beside it and describes it.
///
/// ```html
/// <button type="button" class="button" data-kind="primary" data-size="medium">Save</button>
/// <button … aria-busy="true" aria-disabled="true">Save</button>                       <!-- busy: a spinner, same width -->
/// <span class="button-slot">                                                        <!-- only with `unavailable` -->
///   <button … id="new" aria-disabled="true" aria-describedby="new-why">Generate new key</button>
///   <span class="button-why" id="new-why">Two keys are active. Delete one first.</span>
/// </span>
/// ```
///
/// * `on_press` runs only when the button is neither busy nor unavailable. With `submit` the form is submitted then.
/// * `unavailable` gives the reason while there is one; it needs an `id`.
/// * `refused_by` is the id of the sentence that says why none of the page's actions can be had, for a role that may not:
///   the reason is shown once and not under each button.
/// * `focus_first` marks where focus starts when a dialog opens.
/// * `needs_script` hides the button where scripts are off, and holds it still until the page is hydrated.
#[component]
pub fn Button(
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional)] icon: Option<IconName>,
    #[prop(optional)] submit: bool,
    #[prop(optional)] focus_first: bool,
    #[prop(optional)] needs_script: bool,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] name: Option<String>,
    #[prop(optional, into)] value: Option<String>,
    /// The accessible name where the words alone do not say which thing is meant: "Delete Sandbox key ending a6f1".
    #[prop(optional, into)]
    aria_label: Option<TextProp>,
    /// `aria-pressed`, for a button that switches something on and off.
    #[prop(optional, into)]
    pressed: Option<Signal<bool>>,
    #[prop(optional, into)] busy: Signal<bool>,
    #[prop(optional, into)] unavailable: Option<Signal<Option<String>>>,
    #[prop(optional)] refused_by: Option<&'static str>,
    #[prop(optional, into)] on_press: Option<Callback<()>>,
    /// Runs when it is pressed while it is unavailable, also by Enter in a field of its form.
    #[prop(optional, into)]
    on_refused: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let reason = move || unavailable.and_then(|reason| reason.get());
    let blocked = move || busy.get() || refused_by.is_some() || reason().is_some();
    let press = move |event: MouseEvent| {
        if untrack(blocked) {
            event.prevent_default();
            if let Some(on_refused) = on_refused
                && untrack(reason).is_some()
            {
                on_refused.run(());
            }
        } else if let Some(on_press) = on_press {
            on_press.run(());
        }
    };
    let why_id = id.as_ref().map(|id| format!("{id}-why"));
    let described_by = why_id.clone().filter(|_| unavailable.is_some());
    let button = view! {
        <button
            type=if submit { "submit" } else { "button" }
            class=if needs_script { "button js-only" } else { "button" }
            data-kind=kind.as_str()
            data-size=size.as_str()
            id=id
            name=name
            value=value
            autofocus=focus_first
            aria-label=aria_label.map(|label| move || label.get().into_owned())
            aria-pressed=pressed.map(|pressed| move || pressed.get().to_string())
            aria-busy=move || busy.get().then_some("true")
            aria-disabled=move || blocked().then_some("true")
            aria-describedby=move || refused_by.map(str::to_owned).or_else(|| reason().and(described_by.clone()))
            on:click=press
        >
            {icon.map(|name| view! { <Icon name /> })}
            <span class="button__words">{children()}</span>
        </button>
    };
    if unavailable.is_some() {
        view! {
            <span class="button-slot">
                {button}
                <span class="button-why" id=why_id hidden=move || reason().is_none()>
                    {reason}
                </span>
            </span>
        }
        .into_any()
    } else {
        button.into_any()
    }
}

/// A link that looks like a button: it goes somewhere, or works without scripts.
///
/// ```html
/// <a class="button" data-kind="secondary" data-size="medium" href="…">Add webhook</a>
/// ```
#[component]
pub fn ButtonLink(
    #[prop(into)] href: TextProp,
    #[prop(optional)] kind: ButtonKind,
    #[prop(optional)] size: ButtonSize,
    #[prop(optional)] icon: Option<IconName>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional, into)] aria_label: Option<TextProp>,
    children: Children,
) -> impl IntoView {
    view! {
        <a
            class="button"
            data-kind=kind.as_str()
            data-size=size.as_str()
            href=move || href.get().into_owned()
            id=id
            aria-label=aria_label.map(|label| move || label.get().into_owned())
        >
            {icon.map(|name| view! { <Icon name /> })}
            <span class="button__words">{children()}</span>
        </a>
    }
}
