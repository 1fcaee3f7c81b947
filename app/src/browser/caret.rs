//! The cursor in a field. The browser counts UTF-16 units, and we count bytes.

#[cfg(feature = "hydrate")]
use web_sys::HtmlInputElement;

/// Whether the field has the focus.
#[cfg(feature = "hydrate")]
pub(super) fn is_in(field: &HtmlInputElement) -> bool {
    let active = leptos::prelude::document().active_element();
    let field: &web_sys::Node = field;
    active.is_some_and(|active| active.is_same_node(Some(field)))
}

/// The byte of the field's `text` that the cursor is at.
#[cfg(feature = "hydrate")]
pub(super) fn place_in(field: &HtmlInputElement, text: &str) -> usize {
    let units = field
        .selection_end()
        .ok()
        .flatten()
        .map_or(usize::MAX, |units| units as usize);
    byte_at(text, units)
}

/// Puts the cursor behind `before`, which is the beginning of the field's text.
#[cfg(feature = "hydrate")]
pub(super) fn put_after(field: &HtmlInputElement, before: &str) {
    let units = u32::try_from(before.encode_utf16().count()).unwrap_or(u32::MAX);
    // Fails only for fields that are no text.
    let _ = field.set_selection_range(units, units);
}

#[cfg(any(feature = "hydrate", test))]
fn byte_at(text: &str, units: usize) -> usize {
    let mut seen = 0;
    for (at, c) in text.char_indices() {
        if seen >= units {
            return at;
        }
        seen += c.len_utf16();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_units_is_a_place_in_bytes() {
        let text = "aé😀b";
        for (units, byte) in [(0, 0), (1, 1), (2, 3), (4, 7), (5, 8), (99, 8)] {
            assert_eq!(byte_at(text, units), byte, "{units}");
        }
    }
}
