//! What the list says about itself: how many rows there are, what was lost, and what is sample data.

use leptos::prelude::*;
use model::{DamagedPart, DateRange, Gap, Kept, KeptBecause, LogPage, LogTotals, Moving};

use super::listing::Listing;
use super::words;
use crate::pages::loaded::read_from;
use crate::ui::{Notice, Time, TimeStyle, Tone, ZoneNote};

/// "214 requests in the last 24 hours". Announced when the filter changes, not when rows arrive by themselves.
#[component]
pub(super) fn Count(listing: Listing) -> impl IntoView {
    let text = read_from(move || {
        listing
            .with(|shown| found(&shown.page, shown.filter.range))
            .unwrap_or_default()
    });
    view! {
        <p class="logs-count" role="status" aria-live=move || if listing.quiet.get() { "off" } else { "polite" }>
            {move || text.get()}
        </p>
    }
    .into_any()
}

/// "214 requests in the last 24 hours".
pub(super) fn found(page: &LogPage, range: DateRange) -> String {
    let requests = match page.matching {
        _ if page.rows.is_empty() && page.looked_back_to.is_some() => {
            return "No matching requests so far".to_owned();
        }
        _ if page.rows.is_empty() => words::requests(0),
        Some(matching) => words::requests(matching),
        None => format!("{}+ requests", words::grouped(page.at_least)),
    };
    format!("{requests} {}", words::within(range))
}

/// Which parts of the address were ignored, and what they must be.
#[component]
pub(super) fn IgnoredFilters(listing: Listing) -> impl IntoView {
    move || {
        let ignored = listing.ignored.get();
        (!ignored.is_empty()).then(|| {
            let parts = ignored
                .into_iter()
                .map(|part| {
                    view! {
                        <p>
                            <code>{part.name}</code>
                            {format!(" must be {}.", part.wants)}
                        </p>
                    }
                })
                .collect_view();
            view! {
                <Notice tone=Tone::Warn title="Part of this URL was ignored">
                    {parts}
                </Notice>
            }
        })
    }
}

/// The log counts what it lost; this shows it. Empty if nothing was lost.
#[component]
pub(super) fn Losses(listing: Listing) -> impl IntoView {
    let totals = read_from(move || {
        listing
            .with(|shown| shown.page.totals.clone())
            .unwrap_or_default()
    });
    move || {
        let LogTotals {
            dropped,
            suppressed,
            gaps,
            more_gaps,
        } = totals.get();
        view! {
            {(dropped > 0)
                .then(|| {
                    view! {
                        <Notice tone=Tone::Warn>
                            {format!(
                                "The log could not keep up, so {} {} not listed here. Every one of them got its response.",
                                words::requests(dropped),
                                if dropped == 1 { "is" } else { "are" },
                            )}
                        </Notice>
                    }
                })}
            {(suppressed > 0)
                .then(|| {
                    view! {
                        <Notice tone=Tone::Quiet>
                            {format!(
                                "{} whose key was not recognised, or could not be checked, {} refused and counted, but not listed. The log lists at most 10 of these per second and 1,000 per hour.",
                                words::requests(suppressed),
                                if suppressed == 1 { "was" } else { "were" },
                            )}
                        </Notice>
                    }
                })}
            <Interruptions gaps more_gaps />
        }
    }
}

/// When a server ended without having stored its last requests.
#[component]
fn Interruptions(gaps: Vec<Gap>, more_gaps: u64) -> impl IntoView {
    let and_more = move || match more_gaps {
        1 => " So may those of one earlier interruption.".to_owned(),
        more => format!(" So may those of {} earlier interruptions.", words::grouped(more)),
    };
    let last = gaps.len().saturating_sub(1);
    let named = move |(number, gap): (usize, Gap)| {
        view! {
            <Notice tone=Tone::Warn>
                "Gatehouse was interrupted: requests between " <Time at=gap.from style=TimeStyle::Full /> " and "
                <Time at=gap.to style=TimeStyle::Full /> " may be missing from this list."
                {(number == last && more_gaps > 0).then(and_more)}
            </Notice>
        }
    };
    gaps.into_iter().enumerate().map(named).collect_view().into_any()
}

/// Parts of the log that cannot be read. Empty if there are none.
#[component]
pub(super) fn DamagedParts(listing: Listing) -> impl IntoView {
    let parts = read_from(move || {
        listing
            .with(|shown| shown.page.damaged.clone())
            .unwrap_or_default()
    });
    move || {
        let named = |part: DamagedPart| {
            view! {
                <Notice tone=Tone::Warn>
                    "Part of the log is damaged: requests between " <Time at=part.from style=TimeStyle::Full /> " and "
                    <Time at=part.to style=TimeStyle::Full /> " may be missing from this list."
                </Notice>
            }
        };
        parts.get().into_iter().map(named).collect_view()
    }
}

/// How far back a search looked that ran out of time. The link to older requests goes on from there.
#[component]
pub(super) fn LookedBack(listing: Listing) -> impl IntoView {
    let to = read_from(move || listing.looked_back_to());
    move || {
        to.get().map(|at| {
            view! {
                <p class="logs-kept muted">
                    "The search took too long and stopped at " <Time at style=TimeStyle::Full />
                    ". Older requests have not been searched yet."
                </p>
            }
        })
    }
}

/// Where the log begins. Shown at the end of a list whose range asks for more than is kept.
#[component]
pub(super) fn KeptSince(listing: Listing) -> impl IntoView {
    let kept = read_from(move || listing.with(|shown| shown.page.kept).flatten());
    move || {
        kept.get().map(|Kept { since, because }| {
            view! {
                <p class="logs-kept muted">
                    {why_kept(because)} " This list goes back to " <Time at=since style=TimeStyle::Full /> "."
                </p>
            }
        })
    }
}

fn why_kept(because: KeptBecause) -> String {
    match because {
        KeptBecause::Days(1) => "Requests are kept for 1 day.".to_owned(),
        KeptBecause::Days(days) => format!("Requests are kept for {days} days."),
        KeptBecause::Room => "Older requests were removed to make room for new ones.".to_owned(),
        KeptBecause::Erased => "Earlier requests were erased.".to_owned(),
    }
}

/// After an update: how many of the earlier requests are back in the list.
#[component]
pub(super) fn BeingMoved(listing: Listing) -> impl IntoView {
    let moving = read_from(move || listing.with(|shown| shown.page.moving).flatten());
    move || {
        moving.get().map(|moving| {
            view! { <Notice tone=Tone::Quiet>{being_moved(moving)}</Notice> }
        })
    }
}

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

/// The demo's line about sample data, and the zone of the times.
#[component]
pub(super) fn GeneratedUntil(listing: Listing) -> impl IntoView {
    let real_since = read_from(move || {
        listing.scope.context().with(|context| {
            context
                .as_ref()
                .and_then(|context| context.as_ref().ok()?.demo.as_ref()?.real_since)
        })
    });
    view! {
        <p class="logs-foot muted">
            {move || {
                real_since
                    .get()
                    .map(|since| {
                        view! { <span>"Sample data until " <Time at=since style=TimeStyle::Clock /> ", real requests since."</span> }
                    })
            }}
            <ZoneNote />
        </p>
    }
    .into_any()
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
