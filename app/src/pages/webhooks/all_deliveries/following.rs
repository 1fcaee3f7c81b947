//! How the list follows what happens. While the reader aims at a row, its rows stay where they are: only their states change, and
//! newer deliveries are counted. Otherwise the newest page takes the place of the one before.

use leptos::prelude::*;
use model::{DeliveryCursor, DeliveryNews, DeliveryRow, DeliveryView};

use super::listing::{Listing, Newer, Shown};
use crate::api;
use crate::browser::clock;
use crate::browser::timers::{SETTLE, Timer};
use crate::pages::company::Topic;

impl Listing {
    /// Asks when the address or something on the server changes. After a return, what is on the page may be old.
    pub(super) fn follow(self, is_return: bool) {
        let changes = self.scope.changes(Topic::Webhooks);
        Effect::new(move |before: Option<u64>| {
            let now = changes.get();
            if before.is_some_and(|before| before != now) {
                self.pace.run(move || self.catch_up());
            }
            now
        });
        Effect::new(move |before: Option<DeliveryView>| {
            let now = self.view.get();
            if before.is_some_and(|before| before != now) {
                self.newer.set(Newer::default());
                self.adding.set(false);
                self.not_added.set(None);
                self.load(now.clone(), false);
            }
            now
        });
        self.attention.on_release(move || {
            if self
                .newer
                .try_get_untracked()
                .is_some_and(|newer| newer.count > 0)
                && !self.holds_still()
            {
                self.catch_up();
            }
        });
        if is_return {
            Timer::new().after(SETTLE, move || self.catch_up());
        }
    }

    /// Whether the rows stay where they are, whatever arrives.
    fn holds_still(self) -> bool {
        let has_rows = self.shown.try_with_untracked(|shown| !shown.rows.is_empty()) == Some(true);
        self.paused.try_get_untracked() != Some(false)
            || !untrack(move || self.can_move())
            || (has_rows && self.attention.is_given())
    }

    pub(super) fn catch_up(self) {
        // The page may have been left, or another view's rows are on their way.
        if self.shown.try_with_untracked(|_| ()).is_none() || untrack(move || self.is_behind()) {
            return;
        }
        if self.is_asking.get_value() {
            self.ask_again.set_value(true);
        } else if self.holds_still() {
            self.look();
        } else {
            self.load(self.view.get_untracked(), true);
        }
    }

    /// Shows what has arrived, and goes on following.
    pub(super) fn resume(self) {
        self.paused.set(false);
        self.load(self.view.get_untracked(), true);
    }

    /// Asks for the first page of a view, and shows it. With `live` it follows the one before, and what is new is marked.
    pub(super) fn load(self, view: DeliveryView, live: bool) {
        let number = self.begin();
        let asked_at = clock::now();
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::deliveries(self.company, self.webhook, view.clone()).await;
            if !self.is_current(number) {
                return;
            }
            self.pace.took(clock::now().millis_since(asked_at));
            match answer {
                Ok(listing) => {
                    let now = Shown::of(view, &listing);
                    let before = self.shown.get_untracked();
                    self.fresh_above
                        .set_value(before.newest().filter(|_| live && before.view == now.view));
                    self.newer.set(Newer::default());
                    self.failed.set(None);
                    let now = if live { before.followed_by(now) } else { now };
                    self.shown.set(now);
                }
                // When the server is back, so is its stream, and that asks again.
                Err(error) if live && error.is_passing() => {}
                Err(error) => {
                    self.scope.heed(&error);
                    self.failed.set(Some(error));
                }
            }
            self.answered();
        });
    }

    /// Asks what has become of the rows, and how many newer deliveries there are.
    fn look(self) {
        let number = self.begin();
        let asked_at = clock::now();
        let view = self.view.get_untracked();
        let (newest, known) = self
            .shown
            .with_untracked(|shown| (shown.newest(), ids_of(&shown.rows)));
        let counts = untrack(move || self.can_move());
        leptos::task::spawn_local(async move {
            let asked = view.first_page();
            let answer = api::webhooks::delivery_news(self.company, self.webhook, asked, newest, known).await;
            if !self.is_current(number) {
                return;
            }
            self.pace.took(clock::now().millis_since(asked_at));
            match answer {
                Ok(DeliveryNews {
                    known,
                    newer,
                    and_more,
                }) => {
                    self.shown.update(|shown| shown.renew(&known));
                    let newer = if counts {
                        Newer {
                            count: newer,
                            and_more,
                        }
                    } else {
                        Newer::default()
                    };
                    self.newer.set(newer);
                    // It was let go before the number came.
                    if newer.count > 0 && !self.holds_still() {
                        self.ask_again.set_value(true);
                    }
                }
                Err(error) if error.is_passing() => {}
                Err(error) => self.scope.heed(&error),
            }
            self.answered();
        });
    }

    /// Adds the next older page below the rows, which stay if it cannot be loaded.
    pub(super) fn add_older(self) {
        let Some(place) = self.shown.with_untracked(|shown| shown.older) else {
            return;
        };
        if self.adding.get_untracked() {
            return;
        }
        self.adding.set(true);
        self.not_added.set(None);
        let view = self.view.get_untracked();
        let asked = DeliveryView {
            cursor: DeliveryCursor::Before(place),
            ..view.clone()
        };
        leptos::task::spawn_local(async move {
            let answer = api::webhooks::deliveries(self.company, self.webhook, asked).await;
            if self.view.try_get_untracked() != Some(view) {
                return;
            }
            self.adding.set(false);
            match answer {
                // Unless the rows above were replaced and there is a gap by now.
                Ok(listing) => self.shown.update(|shown| {
                    if shown.older == Some(place) {
                        self.fresh_above.set_value(None);
                        shown.rows.extend(listing.page.rows);
                        shown.older = listing.page.older;
                    }
                }),
                Err(error) => self.not_added.set(Some(error)),
            }
        });
    }

    fn begin(self) -> u64 {
        self.is_asking.set_value(true);
        self.question.update_value(|number| *number += 1);
        self.question.get_value()
    }

    /// Whether this question's answer still counts. The page may have been left.
    fn is_current(self, number: u64) -> bool {
        self.question.try_get_value() == Some(number) && self.shown.try_with_untracked(|_| ()).is_some()
    }

    fn answered(self) {
        self.is_asking.set_value(false);
        if self.ask_again.try_update_value(std::mem::take) == Some(true) {
            self.pace.run(move || self.catch_up());
        }
    }
}

/// The rows whose state may change: those that still wait, then the newest of the others.
fn ids_of(rows: &[DeliveryRow]) -> String {
    let (waiting, ended): (Vec<&DeliveryRow>, Vec<&DeliveryRow>) =
        rows.iter().partition(|row| row.state.waits());
    let ids = waiting.into_iter().chain(ended).take(DeliveryNews::KNOWN);
    ids.map(|row| row.id.to_string()).collect::<Vec<_>>().join(",")
}
