//! What the list and the groups say about themselves: what was lost, and how far they go back.

use leptos::prelude::*;
use model::{DamagedPart, Gap, Kept, KeptBecause, LogPage, LogTotals, Moving};

use crate::browser::html::Markup;
use crate::pages::logs::words;
use crate::ui::{Notice, Tone, full_time};

/// Where it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    List,
    Groups,
}

impl Place {
    /// "Requests … are {}".
    const fn not_there(self) -> &'static str {
        match self {
            Self::List => "not listed here",
            Self::Groups => "not counted here",
        }
    }

    /// "Requests … were refused {}".
    const fn refused_and(self) -> &'static str {
        match self {
            Self::List => "and counted, but not listed",
            Self::Groups => "and are in no group",
        }
    }

    /// "Requests … may be missing from {}".
    const fn this(self) -> &'static str {
        match self {
            Self::List => "this list",
            Self::Groups => "these groups",
        }
    }

    /// "{} back to 5 Jan".
    const fn goes(self) -> &'static str {
        match self {
            Self::List => "This list goes",
            Self::Groups => "The groups go",
        }
    }

    /// "Those not moved yet are {}".
    const fn unmoved(self) -> &'static str {
        match self {
            Self::List => "neither listed nor counted",
            Self::Groups => "in no group",
        }
    }
}

/// As HTML what is said [`above`] the list.
pub(super) fn drawn(page: &LogPage) -> Markup {
    let all = above(page, Place::List);
    if all.is_empty() {
        Markup::default()
    } else {
        Markup::of(all)
    }
}

/// What may be missing; empty if nothing is.
pub(super) fn above(page: &LogPage, place: Place) -> Vec<AnyView> {
    let mut all = losses(&page.totals, place);
    all.extend(interruptions(&page.totals, place));
    all.extend(page.damaged.iter().map(|part| damaged(part, place)));
    all.extend(
        page.moving
            .map(|moving| notice(Tone::Quiet, being_moved(moving, place))),
    );
    all
}

fn notice(tone: Tone, words: impl IntoView + 'static) -> AnyView {
    let words = words.into_any();
    view! { <Notice tone>{words}</Notice> }.into_any()
}

/// The log counts what it lost; this shows it.
fn losses(totals: &LogTotals, place: Place) -> Vec<AnyView> {
    let LogTotals {
        dropped, suppressed, ..
    } = *totals;
    let mut all = Vec::new();
    if dropped > 0 {
        let words = format!(
            "The log could not keep up, so {} {} {}. Every one of them got its response.",
            words::requests(dropped),
            if dropped == 1 { "is" } else { "are" },
            place.not_there(),
        );
        all.push(notice(Tone::Warn, words));
    }
    if suppressed > 0 {
        let words = format!(
            "{} whose key was not recognised, or could not be checked, {} refused {}. The log lists at most 10 of these \
             per second and 1,000 per hour.",
            words::requests(suppressed),
            if suppressed == 1 { "was" } else { "were" },
            place.refused_and(),
        );
        all.push(notice(Tone::Quiet, words));
    }
    all
}

/// When a server ended without having stored its last requests.
fn interruptions(totals: &LogTotals, place: Place) -> Vec<AnyView> {
    let more_gaps = totals.more_gaps;
    let and_more = match more_gaps {
        1 => " So may those of one earlier interruption.".to_owned(),
        more => format!(" So may those of {} earlier interruptions.", words::grouped(more)),
    };
    let last = totals.gaps.len().saturating_sub(1);
    let named = |(number, gap): (usize, &Gap)| {
        let more = (number == last && more_gaps > 0).then(|| and_more.clone());
        let words = view! {
            "Gatehouse was interrupted: requests between " {full_time(gap.from)} " and " {full_time(gap.to)}
            " may be missing from " {place.this()} "." {more}
        };
        notice(Tone::Warn, words)
    };
    totals.gaps.iter().enumerate().map(named).collect()
}

/// A part of the log that cannot be read.
fn damaged(part: &DamagedPart, place: Place) -> AnyView {
    let words = view! {
        "Part of the log is damaged: requests between " {full_time(part.from)} " and " {full_time(part.to)}
        " may be missing from " {place.this()} "."
    };
    notice(Tone::Warn, words)
}

/// After an update: how many of the earlier requests are back.
fn being_moved(Moving { moved, total }: Moving, place: Place) -> String {
    let done = total.map_or_else(String::new, |total| {
        format!(
            ": {} of {} moved, newest first",
            words::grouped(moved),
            words::grouped(total)
        )
    });
    format!(
        "Requests from before the last update are being moved into the log{done}. Those not moved yet are {}.",
        place.unmoved()
    )
}

/// How far back a search looked that ran out of time. The link to older requests goes on from there.
pub(super) fn looked_back(page: &LogPage) -> Markup {
    page.looked_back_to.map_or_else(Markup::default, |to| {
        Markup::of(view! {
            <p class="logs-kept muted">
                "The search took too long and stopped at " {full_time(to)} ". Older requests have not been searched yet."
            </p>
        })
    })
}

/// As HTML what is said [`below`] the list.
pub(super) fn kept(page: &LogPage) -> Markup {
    below(page, Place::List).map_or_else(Markup::default, Markup::of)
}

/// Where the log begins, if the range asks for more than is kept.
pub(super) fn below(page: &LogPage, place: Place) -> Option<AnyView> {
    page.kept.map(|Kept { since, because }| {
        view! {
            <p class="logs-kept muted">{why_kept(because)} " " {place.goes()} " back to " {full_time(since)} "."</p>
        }
        .into_any()
    })
}

fn why_kept(because: KeptBecause) -> String {
    match because {
        KeptBecause::Days(1) => "Requests are kept for 1 day.".to_owned(),
        KeptBecause::Days(days) => format!("Requests are kept for {days} days."),
        KeptBecause::Room => "Older requests were removed to make room for new ones.".to_owned(),
        KeptBecause::Erased => "Earlier requests were erased.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_how_many_earlier_requests_are_moved_once_they_are_counted() {
        let moving = |moved, total| being_moved(Moving { moved, total }, Place::List);
        assert!(
            moving(65_536, Some(1_000_000)).contains("the log: 65,536 of 1,000,000 moved, newest first.")
        );
        assert!(moving(0, None).contains("being moved into the log. Those not moved yet"));
    }

    #[test]
    fn the_list_and_the_groups_say_the_same_each_of_itself() {
        let page = LogPage {
            totals: LogTotals {
                dropped: 1,
                suppressed: 1_234,
                ..LogTotals::default()
            },
            moving: Some(Moving {
                moved: 1,
                total: None,
            }),
            ..LogPage::default()
        };
        let said = |place| Markup::of(above(&page, place)).to_text();
        let [list, groups] = [Place::List, Place::Groups].map(said);
        for (words, of_list, of_groups) in [
            ("so 1 request is ", "not listed here.", "not counted here."),
            (
                "were refused ",
                "and counted, but not listed.",
                "and are in no group.",
            ),
            (
                "Those not moved yet are ",
                "neither listed nor counted.",
                "in no group.",
            ),
        ] {
            assert!(list.contains(&[words, of_list].concat()), "{words} in {list}");
            assert!(
                groups.contains(&[words, of_groups].concat()),
                "{words} in {groups}"
            );
        }
    }
}
