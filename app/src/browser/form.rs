//! Keeps controls and signals in step without hydration overwriting what the reader has already typed or chosen.

use leptos::html;
use leptos::prelude::*;
use web_sys::{HtmlInputElement, HtmlSelectElement, HtmlTextAreaElement};

/// A control that holds a text.
#[derive(Clone, Debug)]
pub enum Control {
    Input(HtmlInputElement),
    TextArea(HtmlTextAreaElement),
}

#[cfg(feature = "hydrate")]
impl Control {
    fn value(&self) -> String {
        match self {
            Self::Input(input) => input.value(),
            Self::TextArea(area) => area.value(),
        }
    }

    fn set_value(&self, value: &str) {
        match self {
            Self::Input(input) => input.set_value(value),
            Self::TextArea(area) => area.set_value(value),
        }
    }
}

/// At first the control wins: what was typed before hydration goes into `value`. From then on a change of `value` is
/// written to the control (the other way is the control's `on:input`).
pub fn keep_in_step(control: impl Fn() -> Option<Control> + 'static, value: RwSignal<String>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |before: Option<bool>| {
        let wanted = value.get();
        let Some(control) = control() else {
            return false;
        };
        let found = control.value();
        if found != wanted {
            if before == Some(true) {
                control.set_value(&wanted);
            } else {
                value.set(found);
            }
        }
        true
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (control, value);
}

/// Ticks and unticks a box when `checked` changes; not at hydration, where the box is as the person left it.
pub fn keep_ticked(control: impl Fn() -> Option<HtmlInputElement> + 'static, checked: Signal<bool>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |before: Option<bool>| {
        let wanted = checked.get();
        if let Some(control) = control()
            && before.is_some_and(|before| before != wanted)
        {
            control.set_checked(wanted);
        }
        wanted
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (control, checked);
}

/// Chooses what `chosen` says when it changes; not at hydration.
pub fn keep_chosen(control: impl Fn() -> Option<HtmlSelectElement> + 'static, chosen: Signal<String>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |before: Option<String>| {
        let wanted = chosen.get();
        if let Some(control) = control()
            && before.is_some_and(|before| before != wanted)
        {
            control.set_value(&wanted);
        }
        wanted
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (control, chosen);
}

/// Opens a `<details>` when `wanted` becomes true. It is never closed here, because the reader may be in it.
pub fn open_when(details: NodeRef<html::Details>, wanted: Signal<bool>) {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if wanted.get()
            && let Some(details) = details.get_untracked()
        {
            details.set_open(true);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = (details, wanted);
}

/// Whether a `<details>` is open; none on the server.
pub fn is_open(details: NodeRef<html::Details>) -> Option<bool> {
    #[cfg(feature = "hydrate")]
    {
        details.get_untracked().map(|details| details.open())
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = details;
        None
    }
}

/// What a form that is being submitted would send: names and values in order, as the person sees them. Taken from the
/// document and not from signals, because a box may have been ticked before the page was hydrated.
pub fn entries(event: &leptos::ev::SubmitEvent) -> Vec<(String, String)> {
    #[cfg(feature = "hydrate")]
    {
        let data = form_of(event).and_then(|form| web_sys::FormData::new_with_form(&form).ok());
        let Some(Ok(Some(pairs))) = data.map(|data| js_sys::try_iter(&data)) else {
            return Vec::new();
        };
        pairs
            .filter_map(|pair| {
                let pair = js_sys::Array::from(&pair.ok()?);
                // A file has no text; there are none in these forms.
                Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
            })
            .collect()
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        Vec::new()
    }
}

/// Where a form that is being submitted goes.
pub fn action(event: &leptos::ev::SubmitEvent) -> String {
    #[cfg(feature = "hydrate")]
    if let Some(form) = form_of(event) {
        return form.action();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
    String::new()
}

/// Empties a form that has been submitted, and folds the `<details>` that it is in.
pub fn done(event: &leptos::ev::SubmitEvent) {
    #[cfg(feature = "hydrate")]
    if let Some(form) = form_of(event) {
        form.reset();
        if let Ok(Some(details)) = form.closest("details[data-key]") {
            // An attribute with a fixed name cannot fail to be removed.
            let _ = details.remove_attribute("open");
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

/// Lets the browser submit a form after all, as if there were no scripts.
pub fn send(event: &leptos::ev::SubmitEvent) {
    #[cfg(feature = "hydrate")]
    if let Some(form) = form_of(event) {
        // Fails only for a form that is no longer in the page.
        let _ = form.submit();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

/// The name of the control that an event is about.
pub fn name_of(event: &leptos::ev::Event) -> String {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let target = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
        target
            .and_then(|control| control.get_attribute("name"))
            .unwrap_or_default()
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        String::new()
    }
}

/// Submits the form around the control that an event is about, as if its button had been pressed.
pub fn submit_around(event: &leptos::ev::Event) {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let form = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .and_then(|control| control.closest("form").ok().flatten())
            .and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok());
        if let Some(form) = form {
            // Fails only with a button that is not the form's.
            let _ = form.request_submit();
        }
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = event;
}

#[cfg(feature = "hydrate")]
fn form_of(event: &leptos::ev::SubmitEvent) -> Option<web_sys::HtmlFormElement> {
    use wasm_bindgen::JsCast;
    event.target()?.dyn_into().ok()
}
