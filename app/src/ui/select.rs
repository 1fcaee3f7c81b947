//! A labelled choice of one.

use leptos::{html, prelude::*};

use crate::browser::form;

/// One thing to choose. `value` goes into forms and addresses, `label` on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectOption {
    pub value: String,
    pub label: String,
    /// It says what is chosen, and cannot be chosen or sent.
    unavailable: bool,
}

impl SelectOption {
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            unavailable: false,
        }
    }

    /// An option that only says what is chosen: several values, where the menu has one.
    pub fn unavailable(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            unavailable: true,
            ..Self::new(value, label)
        }
    }
}

/// The platform's own control, so that it works before and without scripts.
///
/// ```html
/// <div class="field"><label class="field__label" for="brand">Brand</label>
///   <select class="input select" id="brand" name="brand"><option value="" selected>All brands</option>…</select></div>
/// ```
#[component]
pub fn Select(
    #[prop(into)] name: String,
    #[prop(into)] label: String,
    #[prop(into)] options: Vec<SelectOption>,
    /// The chosen value. May change from outside, for instance when Back brings a former filter.
    #[prop(optional, into)]
    chosen: Signal<String>,
    #[prop(optional, into)] id: Option<String>,
    #[prop(optional)] hide_label: bool,
    #[prop(optional, into)] on_choose: Option<Callback<String>>,
    #[prop(optional, into)] on_leave: Option<Callback<()>>,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.clone());
    let node = NodeRef::<html::Select>::new();
    form::keep_chosen(move || node.get(), chosen);
    let at_start = chosen.get_untracked();
    let options = options
        .into_iter()
        .map(|option| {
            let selected = option.value == at_start;
            view! { <option value=option.value selected=selected disabled=option.unavailable hidden=option.unavailable>{option.label}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label class=if hide_label { "visually-hidden" } else { "field__label" } for=id.clone()>
                {label}
            </label>
            <select
                class="input select"
                id=id
                name=name
                autocomplete="off"
                node_ref=node
                on:change=move |event| {
                    if let Some(on_choose) = on_choose {
                        on_choose.run(event_target_value(&event));
                    }
                }
                on:blur=move |_| {
                    if let Some(on_leave) = on_leave {
                        on_leave.run(());
                    }
                }
            >
                {options}
            </select>
        </div>
    }
}
