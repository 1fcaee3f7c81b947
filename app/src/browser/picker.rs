//! Choosing a part of something that is divided into equal parts from left to right: by dragging, or with the arrow keys.

use leptos::{html, prelude::*};

/// What the reader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Points at nothing.
    Nothing,
    /// Points at the parts between these two, both included, in either order.
    Part(usize, usize),
    /// Wants to go into them.
    Take(usize, usize),
    /// Wants to see more.
    Out,
}

/// Listens to the pointer and the keys on `area`, which has the focus for the keys, as long as the component is there.
pub fn attach(
    area: NodeRef<html::Div>,
    parts: impl Fn() -> usize + Copy + 'static,
    run: impl Fn(Pick) + Copy + 'static,
) {
    #[cfg(feature = "hydrate")]
    if let Some(area) = area.get_untracked() {
        page::attach(&area.into(), parts, run);
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = (area, parts, run);
}

/// Marks the chosen ones of `count` parts, and says what they are. `area` is a slider with an `<svg>`, whose `<rect>` is the
/// mark, and a `<p>` for the words.
pub fn show(area: NodeRef<html::Div>, count: usize, chosen: Option<(usize, usize)>, words: &str) {
    #[cfg(feature = "hydrate")]
    page::show(area, count, chosen, words);
    #[cfg(not(feature = "hydrate"))]
    let _ = (area, count, chosen, words);
}

/// Adds up the rows of the table in `frame` from `first` to `last`, in words: the number of each column that is not zero,
/// and its heading, or the heading's `data-one` for a single one. The first column is left
/// out.
pub fn sums(frame: NodeRef<html::Div>, first: usize, last: usize) -> String {
    #[cfg(feature = "hydrate")]
    {
        page::sums(frame, first, last).unwrap_or_default()
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (frame, first, last);
        String::new()
    }
}

#[cfg(feature = "hydrate")]
mod page {
    use std::cell::Cell;
    use std::rc::Rc;

    use leptos::html;
    use leptos::prelude::*;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Element, Event, HtmlElement, KeyboardEvent, PointerEvent};

    use super::Pick;
    use crate::ui::grouped;

    /// The choice so far.
    #[derive(Clone, Copy, Default)]
    struct Choice {
        parts: Option<(usize, usize)>,
        is_dragging: bool,
    }

    pub(super) fn attach(
        area: &HtmlElement,
        parts: impl Fn() -> usize + Copy + 'static,
        run: impl Fn(Pick) + Copy + 'static,
    ) {
        let choice = Rc::new(Cell::new(Choice::default()));
        for name in [
            "pointermove",
            "pointerdown",
            "pointerup",
            "pointercancel",
            "pointerleave",
            "keydown",
            "blur",
        ] {
            let (on, choice) = (area.clone(), Rc::clone(&choice));
            let listen = Closure::<dyn Fn(Event)>::new(move |event: Event| {
                let count = parts();
                if count == 0 {
                    return;
                }
                let (now, pick) = match event.dyn_ref::<KeyboardEvent>() {
                    Some(key) => on_key(key, choice.get(), count),
                    None => on_pointer(&event, &on, choice.get(), count),
                };
                choice.set(now);
                if let Some(pick) = pick {
                    run(pick);
                }
            });
            // Fails for no event name.
            let _ = area.add_event_listener_with_callback(name, listen.as_ref().unchecked_ref());
            // The browser drops it with the element.
            listen.forget();
        }
    }

    fn on_pointer(event: &Event, area: &HtmlElement, choice: Choice, count: usize) -> (Choice, Option<Pick>) {
        let nothing = (Choice::default(), Some(Pick::Nothing));
        let Some(pointer) = event.dyn_ref::<PointerEvent>() else {
            return nothing;
        };
        let here = part_at(pointer, area, count);
        let anchor = choice
            .parts
            .filter(|_| choice.is_dragging)
            .map_or(here, |(anchor, _)| anchor);
        let at = |is_dragging| Choice {
            parts: Some((anchor, here)),
            is_dragging,
        };
        match pointer.type_().as_str() {
            "pointerdown" if pointer.button() == 0 => {
                // The drag goes on outside of the area; a browser that refuses ends it there.
                let _ = area.set_pointer_capture(pointer.pointer_id());
                (at(true), Some(Pick::Part(here, here)))
            }
            "pointermove" => (at(choice.is_dragging), Some(Pick::Part(anchor, here))),
            "pointerup" if choice.is_dragging => (Choice::default(), Some(Pick::Take(anchor, here))),
            "pointerleave" if choice.is_dragging => (choice, None),
            "pointerleave" | "pointercancel" => nothing,
            _ => (choice, None),
        }
    }

    fn part_at(pointer: &PointerEvent, area: &HtmlElement, count: usize) -> usize {
        let frame = area.get_bounding_client_rect();
        let along = (f64::from(pointer.client_x()) - frame.left()) / frame.width().max(1.0);
        ((along * count as f64).max(0.0) as usize).min(count - 1)
    }

    fn on_key(key: &KeyboardEvent, choice: Choice, count: usize) -> (Choice, Option<Pick>) {
        let last = count - 1;
        let (anchor, head) = choice.parts.unwrap_or((last, last));
        let moved = match key.key().as_str() {
            "ArrowLeft" | "ArrowRight" if choice.parts.is_none() => Some(last),
            "ArrowLeft" => Some(head.saturating_sub(1)),
            "ArrowRight" => Some((head + 1).min(last)),
            "Home" => Some(0),
            "End" => Some(last),
            _ => None,
        };
        let (now, pick) = match (moved, key.key().as_str()) {
            (Some(head), _) => {
                let parts = (if key.shift_key() { anchor } else { head }, head);
                let now = Choice {
                    parts: Some(parts),
                    is_dragging: false,
                };
                (now, Pick::Part(parts.0, parts.1))
            }
            (None, "Enter") if choice.parts.is_some() => (Choice::default(), Pick::Take(anchor, head)),
            (None, "-") => (Choice::default(), Pick::Out),
            (None, "Escape") => (Choice::default(), Pick::Nothing),
            _ => return (choice, None),
        };
        key.prevent_default();
        (now, Some(pick))
    }

    pub(super) fn show(area: NodeRef<html::Div>, count: usize, chosen: Option<(usize, usize)>, words: &str) {
        let Some(area) = area.try_get_untracked().flatten() else {
            return;
        };
        let (first, width) = chosen.map_or((0, 0), |(first, last)| (first, last + 1 - first));
        let now = chosen.map_or(0, |(_, last)| last);
        let said = if words.is_empty() { "Nothing chosen" } else { words };
        // Attributes with fixed names cannot fail to be set.
        let write = |selector: &str, name: &str, value: String| {
            if let Some(part) = area.query_selector(selector).ok().flatten() {
                let _ = part.set_attribute(name, &value);
            }
        };
        write("svg", "viewBox", format!("0 0 {} 1", count.max(1)));
        write("rect", "x", first.to_string());
        write("rect", "width", width.to_string());
        let _ = area.set_attribute("aria-valuemax", &count.saturating_sub(1).to_string());
        let _ = area.set_attribute("aria-valuenow", &now.to_string());
        let _ = area.set_attribute("aria-valuetext", said);
        if let Some(says) = area.query_selector("p").ok().flatten() {
            says.set_text_content(Some(words));
        }
    }

    pub(super) fn sums(frame: NodeRef<html::Div>, first: usize, last: usize) -> Option<String> {
        let frame = frame.get_untracked()?;
        let all = |selector: &str| -> Vec<Element> {
            let found = frame.query_selector_all(selector).ok();
            let nodes = found
                .into_iter()
                .flat_map(|found| (0..found.length()).filter_map(move |at| found.get(at)));
            nodes.filter_map(|node| node.dyn_into().ok()).collect()
        };
        let headings = all("thead th:not(:first-child)");
        let mut totals = vec![0_u64; headings.len()];
        let cells = all("tbody td");
        let rows = cells.chunks(headings.len().max(1));
        for row in rows.skip(first).take(last + 1 - first) {
            for (total, cell) in totals.iter_mut().zip(row) {
                let text = cell.text_content().unwrap_or_default();
                *total += text.replace(',', "").parse::<u64>().unwrap_or_default();
            }
        }
        let words: Vec<String> = totals
            .into_iter()
            .zip(headings)
            .enumerate()
            .filter(|(at, (total, _))| *at == 0 || *total > 0)
            .map(|(_, (total, heading))| {
                let one = heading.get_attribute("data-one").filter(|_| total == 1);
                let words = one.or_else(|| heading.text_content()).unwrap_or_default();
                format!("{} {words}", grouped(total))
            })
            .collect();
        Some(words.join(", "))
    }
}
