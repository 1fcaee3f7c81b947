//! Values that stay current: first what the server rendered, then a new value whenever something of their topic changes.
//! The pages of this folder and of the keys render from these, so that a change updates only what it affects: focus,
//! scrolling and open parts stay.

use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

use crate::AppError;
use crate::browser::timers::Timer;
use crate::pages::company::{CompanyScope, Topic};
use crate::pages::loaded::Outcome;

/// The shortest time between two calls; a busy webhook changes many times a second.
const AT_REST_FOR: Duration = Duration::from_millis(400);

/// How long to wait before a retry if the server failed.
const AFTER_A_FAILURE: Duration = Duration::from_secs(5);

/// A value and whether it still exists.
#[derive(Debug)]
pub(in crate::pages) struct Current<T: 'static> {
    pub(in crate::pages) value: RwSignal<T>,
    /// It was deleted while the page was open. The value is the last one known.
    pub(in crate::pages) gone: RwSignal<bool>,
    /// Nothing is fetched while this is true: the page itself is about to delete it and would get a 404.
    pub(super) quiet: StoredValue<bool>,
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Current<T> {}

/// Starts with `first` and fetches it again whenever the server says that webhooks have changed: one call at a time, and
/// one more afterwards if something changed in between. A failed call leaves the value as it is.
pub(super) fn keep_current<T, F, Asked>(first: T, ask: F) -> Current<T>
where
    T: PartialEq + Send + Sync + 'static,
    F: Fn() -> Asked + 'static,
    Asked: Future<Output = Outcome<T>> + 'static,
{
    keep_current_with(Topic::Webhooks, first, ask)
}

/// Like [`keep_current`], for another `topic`.
///
/// A resource that is asked for again would do the same through its `Suspend`; but that builds what it shows one tick
/// after its answer came, and a page that was left in this tick would be built on signals that are gone.
pub(in crate::pages) fn keep_current_with<T, F, Asked>(topic: Topic, first: T, ask: F) -> Current<T>
where
    T: PartialEq + Send + Sync + 'static,
    F: Fn() -> Asked + 'static,
    Asked: Future<Output = Outcome<T>> + 'static,
{
    keep_current_on(CompanyScope::here().changes(topic), first, ask)
}

/// Like [`keep_current_with`], for a counter of one's own, which says when to ask.
pub(in crate::pages) fn keep_current_on<T, F, Asked>(changes: Signal<u64>, first: T, ask: F) -> Current<T>
where
    T: PartialEq + Send + Sync + 'static,
    F: Fn() -> Asked + 'static,
    Asked: Future<Output = Outcome<T>> + 'static,
{
    let current = Current {
        value: RwSignal::new(first),
        gone: RwSignal::new(false),
        quiet: StoredValue::new(false),
    };
    let scope = CompanyScope::here();
    let questions = Questions {
        scope,
        running: StoredValue::new(false),
        again: StoredValue::new(false),
        rest: Timer::new(),
    };
    let ask = Rc::new(ask);
    Effect::new(move |seen: Option<u64>| {
        let now = changes.get();
        if seen.is_some_and(|seen| seen != now) {
            questions.ask(current, Rc::clone(&ask));
        }
        now
    });
    current
}

#[derive(Clone, Copy)]
struct Questions {
    scope: CompanyScope,
    running: StoredValue<bool>,
    again: StoredValue<bool>,
    rest: Timer,
}

impl Questions {
    fn ask<T, F, Asked>(self, current: Current<T>, ask: Rc<F>)
    where
        T: PartialEq + Send + Sync + 'static,
        F: Fn() -> Asked + 'static,
        Asked: Future<Output = Outcome<T>> + 'static,
    {
        if current.quiet.try_get_value() != Some(false) {
            return;
        }
        if self.running.get_value() {
            self.again.set_value(true);
            return;
        }
        self.running.set_value(true);
        leptos::task::spawn_local(async move {
            let mut rest = AT_REST_FOR;
            match ask().await {
                Ok(new) => {
                    // The page may be left at any step.
                    if current.value.try_with_untracked(|old| *old != new) == Some(true) {
                        current.value.try_set(new);
                    }
                }
                Err(AppError::NotFound) => {
                    current.gone.try_set(true);
                }
                // Where the server is away, the live stream is too, and everything is asked for when it comes back.
                Err(AppError::Unavailable(_) | AppError::Internal { .. }) => {
                    rest = AFTER_A_FAILURE;
                    self.again.try_set_value(true);
                }
                Err(error) => self.scope.heed(&error),
            }
            self.rest.after(rest, move || {
                self.running.try_set_value(false);
                if self.again.try_get_value() == Some(true) {
                    self.again.set_value(false);
                    self.ask(current, ask);
                }
            });
        });
    }
}

/// One item of a list that changes: the item as it is now, or as it was last.
pub(super) fn item<L, T>(
    list: Signal<L>,
    first: T,
    find: impl Fn(&L) -> Option<T> + Send + Sync + 'static,
) -> Memo<T>
where
    L: Send + Sync + 'static,
    T: Clone + PartialEq + Send + Sync + 'static,
{
    Memo::new(move |before: Option<&T>| {
        list.with(&find)
            .or_else(|| before.cloned())
            .unwrap_or_else(|| first.clone())
    })
}
