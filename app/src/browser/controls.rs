//! A form that is in the page as HTML: hears of what is done to its controls, reads them and writes them. The controls are known
//! by their names.

use leptos::ev::MouseEvent;
use leptos::{html, prelude::*};

/// What the reader does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Changes the control with this name.
    Change(String),
    /// Leaves a control.
    Leave,
    Submit,
}

/// The `data-press` of the button that was pressed.
pub fn pressed(event: &MouseEvent) -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        use wasm_bindgen::JsCast;
        let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
        let button = target.closest("[data-press]").ok().flatten()?;
        button.get_attribute("data-press")
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = event;
        None
    }
}

/// What surrounds the form.
pub type Place = NodeRef<html::Div>;

/// Listens to every control in `place`, also to those that come later.
pub fn attach(place: Place, run: impl Fn(Deed) + Copy + 'static) {
    #[cfg(feature = "hydrate")]
    if let Some(place) = place.try_get_untracked().flatten() {
        page::attach(&place, run);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (place, run);
}

/// The text of a control, or the value that is chosen; none if there is no such control.
pub fn value(place: Place, name: &str) -> Option<String> {
    #[cfg(feature = "hydrate")]
    {
        page::control(place, name).map(|control| control.value())
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (place, name);
        None
    }
}

/// Writes a text into a control.
pub fn write(place: Place, name: &str, text: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(control) = page::control(place, name) {
        control.set_value(text);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (place, name, text);
}

/// Chooses a value in a menu, which gets an option with this label if it has none with that value.
pub fn choose(place: Place, name: &str, value: &str, label: &str) {
    #[cfg(feature = "hydrate")]
    if let Some(control) = page::control(place, name) {
        page::choose(&control, value, label);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (place, name, value, label);
}

/// Whether this control has the focus.
pub fn is_focused(place: Place, name: &str) -> bool {
    #[cfg(feature = "hydrate")]
    {
        let active = document().active_element();
        active.is_some_and(|active| has_focus(place) && active.get_attribute("name").as_deref() == Some(name))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (place, name);
        false
    }
}

/// Says below a control what is wrong with it, or that nothing is. The place for it has the control's id and `-error`.
pub fn blame(place: Place, name: &str, words: Option<&str>) {
    #[cfg(feature = "hydrate")]
    if let Some(control) = page::control(place, name) {
        page::blame(&control, words);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (place, name, words);
}

/// Whether the `<details>` of the form is open.
pub fn is_unfolded(place: Place) -> bool {
    #[cfg(feature = "hydrate")]
    {
        page::is_unfolded(place)
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = place;
        false
    }
}

/// Whether the focus is in the form.
pub fn has_focus(place: Place) -> bool {
    #[cfg(feature = "hydrate")]
    {
        page::has_focus(place)
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = place;
        false
    }
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::{GetUntracked, document};
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Element, Event, HtmlInputElement, HtmlSelectElement, Node};

    use super::{Deed, Place};

    pub(super) enum Control {
        Input(HtmlInputElement),
        Menu(HtmlSelectElement),
    }

    impl Control {
        fn of(element: Element) -> Option<Self> {
            match element.dyn_into() {
                Ok(input) => Some(Self::Input(input)),
                Err(element) => element.dyn_into().ok().map(Self::Menu),
            }
        }

        pub(super) fn value(&self) -> String {
            match self {
                Self::Input(input) => input.value(),
                Self::Menu(menu) => menu.value(),
            }
        }

        pub(super) fn set_value(&self, value: &str) {
            match self {
                Self::Input(input) => input.set_value(value),
                Self::Menu(menu) => menu.set_value(value),
            }
        }

        fn element(&self) -> &Element {
            match self {
                Self::Input(input) => input,
                Self::Menu(menu) => menu,
            }
        }
    }

    pub(super) fn control(place: Place, name: &str) -> Option<Control> {
        let selector = format!("[name=\"{name}\"]");
        Control::of(find(place, &selector)?)
    }

    fn find(place: Place, selector: &str) -> Option<Element> {
        let place = place.try_get_untracked().flatten()?;
        place.query_selector(selector).ok().flatten()
    }

    pub(super) fn attach(place: &Element, run: impl Fn(Deed) + Copy + 'static) {
        let on_place = move |event: Event| {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok());
            let Some(target) = target else {
                return;
            };
            match event.type_().as_str() {
                "focusout" => run(Deed::Leave),
                "submit" => {
                    event.prevent_default();
                    run(Deed::Submit);
                }
                _ => {
                    if let Some(name) = target.get_attribute("name") {
                        run(Deed::Change(name));
                    }
                }
            }
        };
        let run = Closure::<dyn Fn(Event)>::new(on_place);
        for name in ["input", "focusout", "submit"] {
            // Fails for no event name.
            let _ = place.add_event_listener_with_callback(name, run.as_ref().unchecked_ref());
        }
        // The browser drops it with the element.
        run.forget();
    }

    pub(super) fn choose(control: &Control, value: &str, label: &str) {
        control.set_value(value);
        if control.value() == value {
            return;
        }
        // An element of HTML can always be created and added.
        if let Ok(option) = document().create_element("option") {
            let _ = option.set_attribute("value", value);
            option.set_text_content(Some(label));
            let _ = control.element().append_child(&option);
            control.set_value(value);
        }
    }

    pub(super) fn blame(control: &Control, words: Option<&str>) {
        let field = control.element();
        let id = format!("{}-error", field.id());
        let Some(error) = document().get_element_by_id(&id) else {
            return;
        };
        // Attributes with fixed names cannot fail to be set.
        let _ = error.toggle_attribute_with_force("hidden", words.is_none());
        if let Ok(Some(text)) = error.query_selector("span") {
            text.set_text_content(words);
        }
        if words.is_some() {
            let _ = field.set_attribute("aria-invalid", "true");
            let _ = field.set_attribute("aria-describedby", &id);
        } else {
            let _ = field.remove_attribute("aria-invalid");
            let _ = field.remove_attribute("aria-describedby");
        }
    }

    pub(super) fn is_unfolded(place: Place) -> bool {
        find(place, "details").is_some_and(|details| details.has_attribute("open"))
    }

    pub(super) fn has_focus(place: Place) -> bool {
        let Some(place) = place.try_get_untracked().flatten() else {
            return false;
        };
        let place: &Node = &place;
        let active = document().active_element();
        active.is_some_and(|active| place.contains(Some(&active)))
    }
}
