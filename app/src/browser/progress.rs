//! Marks that a page is loading: `<html data-loading>`, which the style sheet shows as a thin bar after 150 ms.

#[cfg(feature = "hydrate")]
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg(feature = "hydrate")]
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);

/// Kept for as long as the wait; a cancelled wait drops it too.
#[derive(Debug)]
#[must_use]
pub struct OnItsWay(());

impl OnItsWay {
    pub fn begin() -> Self {
        #[cfg(feature = "hydrate")]
        if UNDER_WAY.fetch_add(1, Ordering::Relaxed) == 0 {
            mark(true);
        }
        Self(())
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        #[cfg(feature = "hydrate")]
        if UNDER_WAY.fetch_sub(1, Ordering::Relaxed) == 1 {
            mark(false);
        }
    }
}

#[cfg(feature = "hydrate")]
fn mark(loading: bool) {
    if let Some(root) = leptos::prelude::document().document_element() {
        // An attribute with a fixed name cannot fail to be set.
        let _ = root.toggle_attribute_with_force("data-loading", loading);
    }
}
