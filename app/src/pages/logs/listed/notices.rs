//! What the list says about itself: what was lost, and how far it goes back.

use leptos::prelude::*;
use model::{DamagedPart, Gap, Kept, KeptBecause, LogPage, LogTotals, Moving};

use crate::browser::html::Markup;
use crate::pages::logs::words;
use crate::ui::{Notice, Tone, full_time};

/// What may be missing from the list; empty if nothing is.
pub(super) fn drawn(page: &LogPage) -> Markup {
    let mut all = losses(&page.totals);
    all.extend(interruptions(&page.totals));
    all.extend(page.damaged.iter().map(damaged));
    all.extend(page.moving.map(|moving| notice(Tone::Quiet, being_moved(moving))));
    if all.is_empty() {
        Markup::default()
    } else {
        Markup::of(all)
    }
}

fn notice(tone: Tone, words: impl IntoView + 'static) -> AnyView {
    let words = words.into_any();
    view! { <Notice tone>{words}</Notice> }.into_any()
}

/// The log counts what it lost; this shows it.
fn losses(totals: &LogTotals) -> Vec<AnyView> {
    let LogTotals {
        dropped, suppressed, ..
    } = *totals;
    let mut all = Vec::new();
    if dropped > 0 {
        let words = format!(
            "The log could not keep up, so {} {} not listed here. Every one of them got its response.",
            words::requests(dropped),
            if dropped == 1 { "is" } else { "are" },
        );
        all.push(notice(Tone::Warn, words));
    }
    if suppressed > 0 {
        let words = format!(
            "{} whose key was not recognised, or could not be checked, {} refused and counted, but not listed. The log \
             lists at most 10 of these per second and 1,000 per hour.",
            words::requests(suppressed),
            if suppressed == 1 { "was" } else { "were" },
        );
        all.push(notice(Tone::Quiet, words));
    }
    all
}

/// When a server ended without having stored its last requests.
fn interruptions(totals: &LogTotals) -> Vec<AnyView> {
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
            " may be missing from this list." {more}
        };
        notice(Tone::Warn, words)
    };
    totals.gaps.iter().enumerate().map(named).collect()
}

/// A part of the log that cannot be read.
fn damaged(part: &DamagedPart) -> AnyView {
    let words = view! {
        "Part of the log is damaged: requests between " {full_time(part.from)} " and " {full_time(part.to)}
        " may be missing from this list."
    };
    notice(Tone::Warn, words)
}

/// After an update: how many of the earlier requests are back in the list.
fn being_moved(Moving { moved, total }: Moving) -> String {
    let done = total.map_or_else(String::new, |total| {
        format!(
            ": {} of {} moved, newest first",
            words::grouped(moved),
            words::grouped(total)
        )
    });
    format!(
        "Requests from before the last update are being moved into this list{done}. Those not moved yet are neither listed nor \
         counted."
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

/// Where the log begins. Shown at the end of a list whose range asks for more than is kept.
pub(super) fn kept(page: &LogPage) -> Markup {
    page.kept.map_or_else(Markup::default, |Kept { since, because }| {
        Markup::of(view! {
            <p class="logs-kept muted">{why_kept(because)} " This list goes back to " {full_time(since)} "."</p>
        })
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
        let moving = |moved, total| being_moved(Moving { moved, total });
        assert!(
            moving(65_536, Some(1_000_000)).contains("this list: 65,536 of 1,000,000 moved, newest first.")
        );
        assert!(moving(0, None).contains("being moved into this list. Those not moved yet"));
    }
}
