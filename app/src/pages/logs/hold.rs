//! The list holds still while the reader aims at a row: while pointer or focus is in it, or it is scrolled. New rows are
//! counted and held back.

use leptos::prelude::*;

use super::listing::Shown;
use crate::browser::attention::Attention;
use crate::pages::loaded::Outcome;

/// The id of the element around the rows.
pub(super) const LIST: &str = "request-list";

#[derive(Clone, Copy)]
pub(super) struct Hold {
    pub(super) attention: Attention,
    /// What is on the page; none if there is nothing to aim at.
    on_page: StoredValue<Option<Shown>>,
    /// The next answer was asked for by a press and is shown wherever the pointer is.
    let_go: StoredValue<bool>,
    /// A request is open beside the rows.
    open_beside: StoredValue<bool>,
    unseen: RwSignal<usize>,
}

impl Hold {
    pub(super) fn new(unseen: RwSignal<usize>) -> Self {
        Self {
            attention: Attention::to(LIST),
            on_page: StoredValue::new(None),
            let_go: StoredValue::new(false),
            open_beside: StoredValue::new(false),
            unseen,
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

    pub(super) fn let_go_once(self) {
        self.let_go.set_value(true);
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

    /// An answer that was on its way when the pointer came must not move the rows either: what is on the page stays, and
    /// only the number of what is new is taken from it. Another filter's answer, and a failure, are shown.
    pub(super) fn settle(self, answer: Outcome<Shown>) -> Outcome<Shown> {
        let wanted = self.let_go.try_update_value(std::mem::take).unwrap_or_default();
        let (true, Ok(new)) = (!wanted && self.is_on(), &answer) else {
            return answer;
        };
        match self.kept().filter(|held| held.filter == new.filter) {
            Some(held) => {
                if let Some(newest) = held.page.rows.first() {
                    let unseen = new.page.rows.iter().filter(|row| row.seq > newest.seq).count();
                    self.unseen.try_set(unseen);
                }
                Ok(held)
            }
            None => answer,
        }
    }
}
