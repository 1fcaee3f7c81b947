//! Makes each control of the form change the address at once, and what is typed do so after a moment; and writes into the
//! controls what else changes the address (Back, a chip, a value). In a part of the WASM that is loaded when the form is first
//! touched.

use std::time::Duration;

use leptos::prelude::*;
use model::{DateRange, FilterField, LogFilter, Timestamp};

use super::custom_range::{self, Bounds};
use super::line::Line;
use super::{chosen, first};
use crate::browser::clock;
use crate::browser::controls::{self, Deed, Place};
use crate::browser::timers::Timer;
use crate::browser::zone::Zone;
use crate::pages::logs::listing::Listing;
use crate::pages::logs::words::status_label;

/// From the last keystroke to the call, and from one choice of a menu to the call for the next: keys go through its options
/// one by one.
const DEBOUNCE: Duration = Duration::from_millis(150);

const CLEARED: &str = "Enter a start, an end, or both.";
const BACKWARDS: &str = "This must be later than From.";

/// What works a form needs of it.
#[derive(Clone, Copy)]
pub(crate) struct FilterTools {
    pub(super) listing: Listing,
    place: Place,
    zone: Zone,
    pub(super) line: Line,
    wait: Timer,
    sent: StoredValue<Sent>,
    state: StoredValue<State>,
}

/// What this form put into the address last. The first letter of a word makes an entry of the history, the following ones
/// replace it, and so do several values of a menu.
#[derive(Clone, Debug, Default)]
struct Sent {
    filter: Option<LogFilter>,
    /// The control that was changed for that; none once it was left.
    control: Option<&'static str>,
}

#[derive(Clone, Debug, Default)]
struct State {
    is_awake: bool,
    /// Writes another filter of the address into the controls. Here once the tools are loaded.
    follow: Option<fn(FilterTools, &LogFilter, &LogFilter)>,
    /// The form was submitted before the tools were loaded.
    is_submitted: bool,
    /// When something was last chosen.
    chosen_at: Option<Timestamp>,
    drawn_for: LogFilter,
}

/// From now on the form follows the reader, and the address.
pub(crate) fn work_filters(tools: FilterTools) {
    let now = tools.listing.filter.try_get_untracked();
    let (Some(now), Some(state)) = (now, tools.state.try_get_value()) else {
        return;
    };
    tools.state.update_value(|state| state.follow = Some(write));
    controls::attach(tools.place, move |deed| tools.handle(deed));
    tools.line.attach();
    if state.drawn_for == now.first_page() {
        // What was chosen or typed until now.
        if tools.text("range") != custom_range::preset_name(now.range) {
            tools.begin_or_end_custom();
        }
        let controls = ["range", "status", "brand", "path"];
        let control = controls
            .into_iter()
            .find(|name| controls::is_focused(tools.place, name));
        tools.apply(control);
    } else {
        write(tools, &state.drawn_for, &now);
    }
    if state.is_submitted {
        tools.handle(Deed::Submit);
    }
}

impl FilterTools {
    pub(super) fn new(listing: Listing, place: Place) -> Self {
        Self {
            listing,
            place,
            zone: Zone::here(),
            line: Line::new(listing),
            wait: Timer::new(),
            sent: StoredValue::new(Sent::default()),
            state: StoredValue::new(State::default()),
        }
    }

    /// True the first time.
    pub(super) fn wakes(self) -> bool {
        let was_awake = self
            .state
            .try_update_value(|state| std::mem::replace(&mut state.is_awake, true));
        was_awake == Some(false)
    }

    pub(super) fn sleeps(self) {
        self.state.try_update_value(|state| state.is_awake = false);
    }

    pub(super) fn is_submitted(self) {
        self.state.try_update_value(|state| state.is_submitted = true);
    }

    pub(super) fn is_drawn_for(self, filter: &LogFilter) {
        self.state
            .try_update_value(|state| state.drawn_for.clone_from(filter));
    }

    pub(super) fn are_working(self) -> bool {
        self.state.try_with_value(|state| state.follow.is_some()) == Some(true)
    }

    /// The address has changed.
    pub(super) fn follow(self, before: &LogFilter, now: &LogFilter) {
        if let Some(follow) = self.state.try_with_value(|state| state.follow).flatten() {
            follow(self, before, now);
        }
    }

    fn handle(self, deed: Deed) {
        match deed {
            Deed::Change(name) => {
                let control = match name.as_str() {
                    "range" => {
                        self.begin_or_end_custom();
                        "range"
                    }
                    "from" | "to" => "range",
                    "status" => "status",
                    "brand" => "brand",
                    "path" => "path",
                    _ => return,
                };
                if matches!(name.as_str(), "range" | "status" | "brand") && self.is_first_choice() {
                    self.wait.cancel();
                    self.apply(Some(control));
                } else {
                    self.wait.after(DEBOUNCE, move || self.apply(Some(control)));
                }
            }
            Deed::Leave => {
                self.sent.try_update_value(|sent| sent.control = None);
            }
            Deed::Submit => {
                self.wait.cancel();
                if !self.line.apply() {
                    self.apply(None);
                }
            }
        }
    }

    /// Whether nothing else was chosen a moment ago. What is chosen alone takes effect at once.
    fn is_first_choice(self) -> bool {
        let now = clock::now();
        let before = (self.state)
            .try_update_value(|state| state.chosen_at.replace(now))
            .flatten();
        before.is_none_or(|before| now.millis_since(before) >= DEBOUNCE.as_millis() as i64)
    }

    /// Puts the values of the controls into the address, of which `control` was changed.
    fn apply(self, control: Option<&'static str>) {
        let Some(now) = self.listing.filter.try_get_untracked() else {
            return;
        };
        let mut wanted = LogFilter {
            range: self.wanted_range(now.range),
            ..now.first_page()
        };
        for field in [FilterField::Status, FilterField::Brand, FilterField::Path] {
            let shown = match field {
                FilterField::Path => first(&now, field),
                _ => chosen(&now, field),
            };
            if let Some(text) = controls::value(self.place, field.parameter()).filter(|text| *text != shown) {
                wanted.clear(field);
                // What is typed may be no value yet.
                let _ = wanted.add(field, false, &text);
            }
        }
        if wanted != now.first_page() {
            let replace = self.sent.with_value(|sent| {
                control.is_some() && sent.control == control && sent.filter.as_ref() == Some(&now)
            });
            self.sent.set_value(Sent {
                filter: Some(wanted.clone()),
                control,
            });
            self.listing.change(replace, |filter| *filter = wanted);
        }
    }

    fn text(self, name: &str) -> String {
        controls::value(self.place, name).unwrap_or_default()
    }

    fn is_local(self) -> bool {
        untrack(move || self.zone.is_local())
    }

    /// The range of the menu, or of the two bounds; the current one if they are no range, which is said below them.
    fn wanted_range(self, now: DateRange) -> DateRange {
        let preset = custom_range::preset(&self.text("range"));
        let (from, to, local) = (self.text("from"), self.text("to"), self.is_local());
        let is_shown = custom_range::bounds_text(now, local) == (from.clone(), to.clone());
        let bounds = match preset {
            Some(range) => Bounds::Range(range),
            None if is_shown => Bounds::Range(now),
            None => custom_range::read(&from, &to, local),
        };
        self.blame(bounds);
        match bounds {
            Bounds::Range(range) => range,
            Bounds::Neither | Bounds::Backwards => now,
        }
    }

    fn blame(self, bounds: Bounds) {
        let is = |fault, words| (bounds == fault).then_some(words);
        controls::blame(self.place, "from", is(Bounds::Neither, CLEARED));
        controls::blame(self.place, "to", is(Bounds::Backwards, BACKWARDS));
    }

    /// *Custom…* starts with the current range; another choice leaves no bounds behind.
    fn begin_or_end_custom(self) {
        if !self.text("range").is_empty() {
            controls::write(self.place, "from", "");
            controls::write(self.place, "to", "");
        } else if self.text("from").is_empty() && self.text("to").is_empty() {
            let start = untrack(move || self.listing.with(|shown| shown.page.from));
            let text = custom_range::input_text(start, self.is_local());
            controls::write(self.place, "from", &text);
        }
    }
}

/// Writes another filter into the controls. What this form has put into the address itself is left alone: while letters are
/// still coming, the control is ahead of the address.
fn write(tools: FilterTools, before: &LogFilter, now: &LogFilter) {
    if tools
        .sent
        .with_value(|sent| sent.filter.as_ref() == Some(now) && sent.control.is_some())
    {
        return;
    }
    tools.sent.set_value(Sent::default());
    for field in [FilterField::Status, FilterField::Brand] {
        let (was, text) = (chosen(before, field), chosen(now, field));
        if was != text {
            let label = text.parse().map_or_else(|_| text.clone(), status_label);
            controls::choose(tools.place, field.parameter(), &text, &label);
        }
    }
    if before.path != now.path {
        controls::write(
            tools.place,
            FilterField::Path.parameter(),
            &first(now, FilterField::Path),
        );
    }
    if before.range != now.range {
        let (from, to) = custom_range::bounds_text(now.range, tools.is_local());
        controls::write(tools.place, "range", custom_range::preset_name(now.range));
        controls::write(tools.place, "from", &from);
        controls::write(tools.place, "to", &to);
        tools.blame(Bounds::Range(now.range));
    }
}
