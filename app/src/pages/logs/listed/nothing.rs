//! What is there in place of rows: because of the filter, or because there was no request yet.

use leptos::prelude::*;
use model::{CompanyContext, DateRange, KeptBecause, LogFilter, LogPage};

use crate::browser::html::Markup;
use crate::pages::logs::{address, words};
use crate::pages::samples;
use crate::ui::{ButtonLink, Code, EmptyState, IconName, WillAppear};

/// Empty if there are rows.
pub(super) fn drawn(company: &CompanyContext, filter: &LogFilter, page: &LogPage) -> Markup {
    if !page.rows.is_empty() {
        Markup::default()
    } else if page.looked_back_to.is_some() {
        Markup::of(view! {
            <EmptyState title="No matching requests so far" icon=IconName::Search>
                <p>"Search further back, or choose a shorter date range."</p>
            </EmptyState>
        })
    } else {
        match page.ever.unwrap_or(0) {
            0 => first_request(company, page),
            ever => nothing_found(company, filter, page, ever),
        }
    }
}

/// Says how many there are without filters, and leads there.
fn nothing_found(company: &CompanyContext, filter: &LogFilter, page: &LogPage, ever: u64) -> Markup {
    let href = |filter: &LogFilter| address::of_list(company.client_id, filter);
    let within = words::within(filter.range);
    let cleared = filter
        .narrows()
        .then(|| view! { <ButtonLink href=href(&filter.without_narrowing())>"Clear filters"</ButtonLink> });
    let others = page.without_filters.unwrap_or(0);
    if others > 0 && filter.narrows() {
        return Markup::of(view! {
            <EmptyState title="No requests match" icon=IconName::Search>
                <p>{without_filters(others, within)}</p>
                {cleared}
            </EmptyState>
        });
    }
    let month = LogFilter {
        range: DateRange::Last30Days,
        ..filter.first_page()
    };
    let wider = (month != *filter)
        .then(|| view! { <ButtonLink href=href(&month)>"Show the last 30 days"</ButtonLink> });
    Markup::of(view! {
        <EmptyState title=format!("No requests {within}") icon=IconName::Clock>
            <p>{format!("{} in total, none {within}.", words::requests(ever))}</p>
            <div class="cluster">{wider} {cleared}</div>
        </EmptyState>
    })
}

fn without_filters(others: u64, within: &str) -> String {
    let are = if others == 1 { "is" } else { "are" };
    format!(
        "Without filters there {are} {} {within}.",
        words::requests(others)
    )
}

/// There is no request at all: the line that makes the first one. The list replaces it once a request arrives.
fn first_request(company: &CompanyContext, page: &LogPage) -> Markup {
    let keys = format!("/c/{}/development/keys", company.client_id);
    let title = match page.kept.map(|kept| kept.because) {
        Some(KeptBecause::Erased) => "Waiting for your next request…",
        _ => "Waiting for your first request…",
    };
    let text = samples::curl(company, "$SECRET");
    Markup::of(view! {
        <EmptyState title waiting=true>
            <p>
                "Set " <code>"SECRET"</code>
                " to a key's secret, then run this command. " <WillAppear what="The request" /> " No key yet? "
                <a href=keys>"Generate one on API Keys"</a> "."
            </p>
            <Code label="curl" text />
        </EmptyState>
    })
}
