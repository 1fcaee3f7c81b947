//! What may be missing from the groups, and why. The list says the same of its rows.

use leptos::prelude::*;
use model::{DamagedPart, Gap, Kept, KeptBecause, LogPage, LogTotals, Moving, Timestamp};

use super::drawing::time;
use crate::pages::logs::words::requests;
use crate::ui::{Notice, Tone, grouped};

/// To be shown above the groups.
pub(super) fn above(page: &LogPage) -> impl IntoView + use<> {
    let LogTotals {
        dropped,
        suppressed,
        gaps,
        more_gaps,
    } = page.totals.clone();
    let dropped = (dropped > 0).then(|| {
        let are = if dropped == 1 { "is" } else { "are" };
        let counted = requests(dropped);
        let words =
            format!("The log could not keep up, so {counted} {are} not counted here. Each got its response.");
        view! { <Notice tone=Tone::Warn>{words}</Notice> }
    });
    let suppressed = (suppressed > 0).then(|| {
        let were = if suppressed == 1 { "was" } else { "were" };
        let counted = requests(suppressed);
        let words = format!(
            "{counted} whose key was not recognised, or could not be checked, {were} refused and are in no group. The log has at \
             most 10 of these per second and 1,000 per hour."
        );
        view! { <Notice tone=Tone::Quiet>{words}</Notice> }
    });
    let moving = page
        .moving
        .map(|moving| view! { <Notice tone=Tone::Quiet>{being_moved(moving)}</Notice> });
    let damaged = page.damaged.iter().map(|DamagedPart { from, to }| {
        let range = between(*from, *to);
        view! { <Notice tone=Tone::Warn>"Part of the log is damaged: " {range} " may be missing here."</Notice> }
    });
    view! {
        {dropped}
        {suppressed}
        {interruptions(gaps, more_gaps)}
        {damaged.collect_view()}
        {moving}
    }
}

fn interruptions(gaps: Vec<Gap>, more: u64) -> impl IntoView {
    let last = gaps.len().saturating_sub(1);
    let named = move |(number, Gap { from, to, .. }): (usize, Gap)| {
        let more = (number == last && more > 0).then(|| match more {
            1 => " So may those of one earlier interruption.".to_owned(),
            more => format!(" So may those of {} earlier interruptions.", grouped(more)),
        });
        view! {
            <Notice tone=Tone::Warn>
                "Gatehouse was interrupted: " {between(from, to)} " may be missing here." {more}
            </Notice>
        }
    };
    gaps.into_iter().enumerate().map(named).collect_view()
}

fn between(from: Timestamp, to: Timestamp) -> impl IntoView {
    view! { "requests between " {time(from)} " and " {time(to)} }
}

fn being_moved(Moving { moved, total }: Moving) -> String {
    let done = total.map_or_else(String::new, |total| {
        format!(": {} of {} moved, newest first", grouped(moved), grouped(total))
    });
    format!(
        "Requests from before the last update are being moved into the log{done}. Those not moved yet are in no group."
    )
}

/// To be shown below them: where the log begins, if the range asks for more.
pub(super) fn below(page: &LogPage) -> impl IntoView + use<> {
    page.kept.map(|Kept { since, because }| {
        let why = match because {
            KeptBecause::Days(1) => "Requests are kept for 1 day.".to_owned(),
            KeptBecause::Days(days) => format!("Requests are kept for {days} days."),
            KeptBecause::Room => "Older requests were removed to make room for new ones.".to_owned(),
            KeptBecause::Erased => "Earlier requests were erased.".to_owned(),
        };
        view! { <p class="logs-kept muted">{why} " The groups go back to " {time(since)} "."</p> }
    })
}
