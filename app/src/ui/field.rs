//! A labelled input with its hint and its error.

use leptos::{html, prelude::*, text_prop::TextProp};

use super::{Icon, IconName};
use crate::browser::form;

/// Which control a [`Field`] shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    #[default]
    Text,
    Email,
    Password,
    Url,
    Search,
    Number,
    Date,
    DateTime,
    TextArea,
}

impl FieldKind {
    const fn input_type(self) -> &'static str {
        match self {
            Self::Text | Self::TextArea => "text",
            Self::Email => "email",
            Self::Password => "password",
            Self::Url => "url",
            Self::Search => "search",
            Self::Number => "number",
            Self::Date => "date",
            Self::DateTime => "datetime-local",
        }
    }
}

/// ```html
/// <div class="field">
///   <label class="field__label" for="url">URL</label>
///   <input class="input" id="url" name="url" type="url" aria-describedby="url-hint url-error" aria-invalid="true">
///   <p class="field__hint" id="url-hint">Must start with https://</p>
///   <p class="field__error" id="url-error"><svg …alert/>This address is private.</p>
/// </div>
/// ```
///
/// The control is never overwritten by hydration: what was typed before it wins and is put into `value`.
#[component]
pub fn Field(
    #[prop(into)] name: String,
    #[prop(into)] label: TextProp,
    #[prop(optional)] kind: FieldKind,
    /// Defaults to `name`.
    #[prop(optional, into)]
    id: Option<String>,
    #[prop(optional, into)] hint: Option<TextProp>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Kept in step with the control, both ways. Its value at the start is what the server renders.
    #[prop(optional, into)]
    value: Option<RwSignal<String>>,
    /// What the server renders when there is no `value`.
    #[prop(optional, into)]
    initial: String,
    #[prop(optional, into)] placeholder: Option<String>,
    #[prop(optional, into)] autocomplete: Option<String>,
    #[prop(optional)] required: bool,
    /// The label is for assistive technology only: for filters in a row.
    #[prop(optional)]
    hide_label: bool,
    /// Values that are compared are set in one width: secrets, URLs, addresses.
    #[prop(optional)]
    monospace: bool,
    #[prop(optional)] focus_first: bool,
    /// Each keystroke, with the whole text.
    #[prop(optional, into)]
    on_edit: Option<Callback<String>>,
    /// On leaving the control, with the whole text.
    #[prop(optional, into)]
    on_leave: Option<Callback<String>>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.clone());
    let initial = value.map_or(initial, |value| value.get_untracked());
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let has_hint = hint.is_some();
    let described_by = {
        let (hint_id, error_id) = (hint_id.clone(), error_id.clone());
        move || match (has_hint, error.with(Option::is_some)) {
            (false, false) => None,
            (true, false) => Some(hint_id.clone()),
            (false, true) => Some(error_id.clone()),
            (true, true) => Some(format!("{error_id} {hint_id}")),
        }
    };
    let invalid = move || error.with(Option::is_some).then_some("true");
    let edit = move |text: String| {
        if let Some(value) = value {
            value.set(text.clone());
        }
        if let Some(on_edit) = on_edit {
            on_edit.run(text);
        }
    };
    let leave = move |text: String| {
        if let Some(on_leave) = on_leave {
            on_leave.run(text);
        }
    };
    let class = if monospace { "input input--mono" } else { "input" };
    let control = if kind == FieldKind::TextArea {
        let node = NodeRef::<html::Textarea>::new();
        if let Some(value) = value {
            form::keep_in_step(move || node.get().map(form::Control::TextArea), value);
        }
        view! {
            <textarea
                class=class
                id=id.clone()
                name=name
                rows="5"
                spellcheck="false"
                placeholder=placeholder
                required=required
                autofocus=focus_first
                aria-describedby=described_by
                aria-invalid=invalid
                node_ref=node
                on:input=move |event| edit(event_target_value(&event))
                on:blur=move |event| leave(event_target_value(&event))
            >
                {initial}
            </textarea>
        }
        .into_any()
    } else {
        let node = NodeRef::<html::Input>::new();
        if let Some(value) = value {
            form::keep_in_step(move || node.get().map(form::Control::Input), value);
        }
        view! {
            <input
                class=class
                id=id.clone()
                name=name
                type=kind.input_type()
                value=initial
                placeholder=placeholder
                autocomplete=autocomplete
                spellcheck="false"
                required=required
                autofocus=focus_first
                aria-describedby=described_by
                aria-invalid=invalid
                node_ref=node
                on:input=move |event| edit(event_target_value(&event))
                on:blur=move |event| leave(event_target_value(&event))
            />
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label class=if hide_label { "visually-hidden" } else { "field__label" } for=id>
                {move || label.get().into_owned()}
            </label>
            {control}
            {hint
                .map(|hint| view! { <p class="field__hint" id=hint_id>{move || hint.get().into_owned()}</p> })}
            <p class="field__error" id=error_id hidden=move || error.with(Option::is_none)>
                <Icon name=IconName::Alert />
                <span>{move || error.get()}</span>
            </p>
        </div>
    }
}

/// One box to tick, its words, and a sentence about it.
///
/// ```html
/// <label class="checkbox"><input type="checkbox" name="events" value="order-created"><span><b>order-created</b><small>…</small></span></label>
/// ```
#[component]
pub fn Checkbox(
    #[prop(into)] name: String,
    /// What is sent when it is ticked.
    #[prop(into)]
    value: String,
    #[prop(into)] label: String,
    #[prop(optional, into)] hint: Option<String>,
    #[prop(optional)] monospace: bool,
    #[prop(optional, into)] checked: Signal<bool>,
    #[prop(optional, into)] on_change: Option<Callback<bool>>,
) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    form::keep_ticked(move || node.get(), checked);
    view! {
        <label class="checkbox">
            <input
                type="checkbox"
                name=name
                value=value
                checked=checked.get_untracked()
                node_ref=node
                on:change=move |event| {
                    if let Some(on_change) = on_change {
                        on_change.run(event_target_checked(&event));
                    }
                }
            />
            <span class="checkbox__words">
                <span class=if monospace { "mono" } else { "" }>{label}</span>
                {hint.map(|hint| view! { <small>{hint}</small> })}
            </span>
        </label>
    }
}
