//! One of a few things, with a sentence about each: radio buttons.

use leptos::{html, prelude::*};

/// The group: its legend, the options, and the fault of the choice.
///
/// ```html
/// <fieldset class="choices" aria-describedby="env_type-error"><legend class="field__label">Environment</legend>
///   <div class="choices__options">…</div><p class="field__error" id="env_type-error">…</p></fieldset>
/// ```
#[component]
pub(super) fn Choices(
    #[prop(into)] name: String,
    #[prop(into)] legend: String,
    #[prop(into)] error: Signal<Option<String>>,
    /// Side by side where there is room.
    #[prop(optional)]
    in_row: bool,
    children: Children,
) -> impl IntoView {
    let error_id = format!("{name}-error");
    let described_by = error_id.clone();
    view! {
        <fieldset
            class="choices"
            id=name
            tabindex="-1"
            data-row=in_row.then_some("true")
            aria-describedby=move || error.with(Option::is_some).then(|| described_by.clone())
        >
            <legend class="field__label">{legend}</legend>
            <div class="choices__options">{children()}</div>
            <p class="field__error" id=error_id hidden=move || error.with(Option::is_none)>
                <crate::ui::Icon name=crate::ui::IconName::Alert />
                <span>{move || error.get()}</span>
            </p>
        </fieldset>
    }
}

/// One option. `chosen` is what the group has chosen; it follows what the person has done before hydration too.
///
/// `<label class="choice"><input type="radio" name="env_type" value="sandbox" checked><span class="choice__words"><b>Sandbox</b><small>…</small></span></label>`
#[component]
pub(super) fn Choice(
    name: &'static str,
    #[prop(into)] value: String,
    chosen: RwSignal<String>,
    #[prop(into)] label: ViewFnOnce,
    #[prop(optional, into)] hint: Option<String>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let own = StoredValue::new(value.clone());
    let choose = move || own.with_value(|own| chosen.set(own.clone()));
    Effect::new(move || {
        if node.get().is_some_and(|input| input.checked())
            && own.with_value(|own| chosen.with_untracked(|c| c != own))
        {
            choose();
        }
    });
    view! {
        <label class="choice">
            <input
                type="radio"
                name=name
                value=value.clone()
                checked=chosen.with_untracked(|chosen| *chosen == value)
                node_ref=node
                on:change=move |_| choose()
            />
            <span class="choice__words">
                <span class="choice__label">{label.run()}</span>
                {hint.map(|hint| view! { <small>{hint}</small> })}
            </span>
        </label>
    }
}
