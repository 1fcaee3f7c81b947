//! The list holds still while the reader aims at a row: while pointer or focus is in it, or it is scrolled. New rows are
//! counted and held back.

use leptos::prelude::*;

use super::listing::Shown;
use crate::browser::attention::Attention;

/// The id of the element around the rows.
pub(super) const LIST: &str = "request-list";

#[derive(Clone, Copy)]
pub(super) struct Hold {
    pub(super) attention: Attention,
    /// What is on the page; none if there is nothing to aim at.
    on_page: StoredValue<Option<Shown>>,
    /// A request is open beside the rows.
    open_beside: StoredValue<bool>,
}

impl Hold {
    pub(super) fn new() -> Self {
        Self {
            attention: Attention::to(LIST),
            on_page: StoredValue::new(None),
            open_beside: StoredValue::new(false),
        }
    }

    pub(super) fn is_on(self) -> bool {
        let has_rows = self
            .on_page
            .try_with_value(|shown| shown.as_ref().is_some_and(|shown| !shown.page.rows.is_empty()));
        let is_aimed_at = self.attention.is_given() || self.open_beside.try_get_value() == Some(true);
        has_rows == Some(true) && is_aimed_at
    }

    /// While a request is open beside the rows, they are what the reader goes through.
    pub(super) fn open_beside(self, is_open: bool) {
        self.open_beside.try_set_value(is_open);
    }

    /// What is on the page.
    pub(super) fn kept(self) -> Option<Shown> {
        self.on_page.try_get_value().flatten()
    }

    /// Reads what is on the page.
    pub(super) fn with_kept<T>(self, read: impl FnOnce(&Shown) -> T) -> Option<T> {
        self.on_page
            .try_with_value(|shown| shown.as_ref().map(read))
            .flatten()
    }

    pub(super) fn keep(self, shown: Option<Shown>) {
        self.on_page.try_set_value(shown);
    }

    pub(super) fn on_release(self, run: impl Fn() + Send + Sync + 'static) {
        self.attention.on_release(run);
    }
}
