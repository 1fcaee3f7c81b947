//! A field that offers suggestions below itself, as the ARIA pattern *editable combobox with list autocomplete* has it. The
//! field, an empty `<ul>` and an empty place for a fault are in the page, and are known by their ids; this writes into them.

/// What the reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Types, moves the cursor, or comes to the field.
    Edit,
    Leave,
    Next,
    Previous,
    /// Wants the marked suggestion.
    Take,
    Close,
    /// Presses a suggestion.
    Press(usize),
}

/// The wrong part of what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What stands before it.
    pub before: String,
    pub word: String,
    /// What it should be.
    pub sentence: String,
}

/// Listens to the field and to its list. What `run` has used (true) has no other effect.
pub fn attach(field: &'static str, list: &'static str, run: impl Fn(Act) -> bool + Copy + 'static) {
    #[cfg(feature = "hydrate")]
    if let Some(field) = page::input(field) {
        page::attach(&field, list, run);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (field, list, run);
}

/// What is in the field.
pub fn text(field: &'static str) -> String {
    #[cfg(feature = "hydrate")]
    if let Some(field) = page::input(field) {
        return field.value();
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = field;
    String::new()
}

/// Replaces what is in the field, and puts the cursor at this byte.
pub fn write(field: &'static str, text: &str, cursor: usize) {
    #[cfg(feature = "hydrate")]
    if let Some(field) = page::input(field) {
        field.set_value(text);
        let before = text.get(..cursor).unwrap_or(text);
        super::caret::put_after(&field, before);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (field, text, cursor);
}

/// The byte of the field's `text` that the cursor is at; none if the focus is elsewhere.
pub fn cursor(field: &'static str, text: &str) -> Option<usize> {
    #[cfg(feature = "hydrate")]
    {
        let field = page::input(field).filter(super::caret::is_in)?;
        Some(super::caret::place_in(&field, text))
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (field, text);
        None
    }
}

/// Shows these suggestions, each with its meaning; none closes the list.
pub fn offer(field: &'static str, list: &'static str, options: &[(&str, &str)], active: Option<usize>) {
    #[cfg(feature = "hydrate")]
    if let Some(field) = page::input(field) {
        page::offer(&field, list, options, active);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (field, list, options, active);
}

/// Shows what is wrong in the element with the id `place`, which has a `<span>` for each part of a fault; or nothing.
pub fn blame(field: &'static str, place: &'static str, fault: Option<&Fault>) {
    #[cfg(feature = "hydrate")]
    if let Some(field) = page::input(field) {
        page::blame(&field, place, fault);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (field, place, fault);
}

#[cfg(feature = "hydrate")]
mod page {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Element, Event, HtmlInputElement, KeyboardEvent};

    use super::{Act, Fault};

    pub(super) fn input(id: &str) -> Option<HtmlInputElement> {
        document().get_element_by_id(id)?.dyn_into().ok()
    }

    pub(super) fn attach(field: &HtmlInputElement, list: &str, run: impl Fn(Act) -> bool + Copy + 'static) {
        set(field, "role", "combobox");
        set(field, "aria-autocomplete", "list");
        set(field, "aria-expanded", "false");
        let on_field = move |event: Event| {
            let act = match event.dyn_ref::<KeyboardEvent>() {
                Some(key) => match key.key().as_str() {
                    "ArrowDown" => Act::Next,
                    "ArrowUp" => Act::Previous,
                    "Enter" | "Tab" => Act::Take,
                    "Escape" => Act::Close,
                    _ => return,
                },
                None if event.type_() == "blur" => Act::Leave,
                None => Act::Edit,
            };
            if run(act) {
                event.prevent_default();
            }
        };
        for name in ["input", "focus", "click", "blur", "keydown"] {
            listen(field, name, on_field);
        }
        if let Some(list) = document().get_element_by_id(list) {
            listen(&list, "pointerdown", move |event: Event| {
                // The field keeps the focus.
                event.prevent_default();
                let pressed = event
                    .target()
                    .and_then(|target| target.dyn_into::<Element>().ok());
                let option = pressed.and_then(|pressed| pressed.closest("li").ok().flatten());
                let at = option.and_then(|option| option.get_attribute("data-at")?.parse().ok());
                if let Some(at) = at {
                    run(Act::Press(at));
                }
            });
        }
    }

    fn listen(element: &Element, name: &str, run: impl Fn(Event) + 'static) {
        let run = Closure::<dyn Fn(Event)>::new(run);
        // Fails for no event name.
        let _ = element.add_event_listener_with_callback(name, run.as_ref().unchecked_ref());
        // The browser drops it with the element.
        run.forget();
    }

    pub(super) fn offer(
        field: &HtmlInputElement,
        list_id: &str,
        options: &[(&str, &str)],
        active: Option<usize>,
    ) {
        let Some(list) = document().get_element_by_id(list_id) else {
            return;
        };
        list.set_text_content(None);
        for (at, (text, words)) in options.iter().enumerate() {
            let option = child(&list, "li", "", "");
            set(&option, "id", &format!("{list_id}-{at}"));
            set(&option, "role", "option");
            set(&option, "data-at", &at.to_string());
            let is_active = active == Some(at);
            set(&option, "aria-selected", if is_active { "true" } else { "false" });
            child(&option, "span", "mono", text);
            child(&option, "span", "muted", words);
            if is_active {
                option.scroll_into_view_with_bool(false);
            }
        }
        let is_open = !options.is_empty();
        let _ = list.toggle_attribute_with_force("hidden", !is_open);
        set(field, "aria-expanded", if is_open { "true" } else { "false" });
        set_or_remove(field, "aria-controls", is_open.then(|| list_id.to_owned()));
        let active = active.filter(|_| is_open).map(|at| format!("{list_id}-{at}"));
        set_or_remove(field, "aria-activedescendant", active);
    }

    pub(super) fn blame(field: &HtmlInputElement, place: &str, fault: Option<&Fault>) {
        set_or_remove(field, "aria-invalid", fault.map(|_| "true".to_owned()));
        let Some(place) = document().get_element_by_id(place) else {
            return;
        };
        let _ = place.toggle_attribute_with_force("hidden", fault.is_none());
        let texts = fault.map_or([""; 3], |fault| [&fault.before, &fault.word, &fault.sentence]);
        let spans = place.children();
        for (at, text) in (0..).zip(texts) {
            if let Some(span) = spans.item(at) {
                span.set_text_content(Some(text));
            }
        }
    }

    fn child(parent: &Element, name: &str, class: &str, text: &str) -> Element {
        // An element of HTML can always be created and added.
        let child = document().create_element(name).unwrap_or_else(|_| parent.clone());
        if !class.is_empty() {
            child.set_class_name(class);
        }
        child.set_text_content(Some(text));
        let _ = parent.append_child(&child);
        child
    }

    // Attributes with fixed names cannot fail to be set.
    fn set(element: &Element, name: &str, value: &str) {
        let _ = element.set_attribute(name, value);
    }

    fn set_or_remove(element: &Element, name: &str, value: Option<String>) {
        match value {
            Some(value) => set(element, name, &value),
            None => {
                let _ = element.remove_attribute(name);
            }
        }
    }
}
