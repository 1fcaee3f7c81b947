//! Draws a page of the list as HTML, on the server alone. What strangers wrote is in it; the views escape it as on any page.

use leptos::prelude::*;
use model::{CompanyContext, Environment, LogFilter, LogPage, LogRow, NewRows, RequestId, Verdict};

use super::{Listed, ListedRow, NewListed, nothing};
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::pages::logs::notices;
use crate::ui::{Cell, EnvironmentBadge, Narrow, RowLink, RowStatus, milliseconds_text, row_time};

/// Draws a page of the filter. `open` is the request that is open beside it.
pub(crate) fn draw(
    company: &CompanyContext,
    filter: &LogFilter,
    page: &LogPage,
    open: Option<RequestId>,
) -> Listed {
    let row = |row: &LogRow| ListedRow {
        seq: row.seq,
        request: row.request_id,
        html: drawn(company, filter, row, open == Some(row.request_id)),
    };
    let ever = page.ever.unwrap_or(0);
    Listed {
        rows: page.rows.iter().map(row).collect(),
        older: page.older,
        matching: page.matching,
        at_least: page.at_least,
        as_of: page.as_of,
        from: page.from,
        newest: page.rows.first().map_or(page.to, |row| row.at),
        waits_for_first: page.rows.is_empty() && ever == 0 && page.looked_back_to.is_none(),
        notices: notices::drawn(page),
        nothing: nothing::drawn(company, filter, page),
        looked_back: notices::looked_back(page),
        kept: notices::kept(page),
    }
}

/// Draws what is new.
pub(crate) fn draw_new(company: &CompanyContext, filter: &LogFilter, new: &NewRows) -> NewListed {
    NewListed {
        count: new.count,
        and_more: new.and_more,
        page: draw(company, filter, &new.page, None),
    }
}

fn drawn(company: &CompanyContext, filter: &LogFilter, row: &LogRow, is_open: bool) -> Markup {
    let href = address::of_entry(company.client_id, row.request_id, filter);
    let seq = row.seq.to_string();
    let older = filter.before.map(|_| "");
    let refused = row.verdict != Verdict::Accepted;
    let failed = match row.status {
        Some(400..500) => Some("4xx"),
        Some(500..) => Some("5xx"),
        Some(_) | None => None,
    };
    let (path, title) = (row.path.clone(), row.path.clone());
    let (method, name) = (row.method.clone(), format!(" {} {}", row.method, row.path));
    let why = refused.then(|| view! { <span class="logs-path__why">{row.verdict.label()}</span> });
    let (at, status, duration) = (row.at, row.status, milliseconds_text(row.duration_us));
    let environment = row.environment.map(environment);
    let brand = match row.brand.clone() {
        Some(brand) => view! { <span>{brand}</span> }.into_any(),
        None => view! { <span class="faint">"Own"</span> }.into_any(),
    };
    let key = row
        .key_last_four
        .as_ref()
        .map(|last_four| format!("…{last_four}"));
    Markup::of(view! {
        <tr data-seq=seq data-older=older data-failed=failed>
            <Cell narrow=Narrow::Second>
                <RowLink href current=is_open>
                    {row_time(at)}
                    <span class="visually-hidden">{name}</span>
                </RowLink>
            </Cell>
            <Cell narrow=Narrow::Lead>
                <RowStatus status />
            </Cell>
            <Cell narrow=Narrow::Lead monospace=true>
                {method}
            </Cell>
            <Cell narrow=Narrow::Lead monospace=true grow=true>
                <span class="logs-path">
                    <span class="logs-path__text" title=title>{path}</span>
                    {why}
                </span>
            </Cell>
            <Cell narrow=Narrow::Second clip=true>{brand}</Cell>
            <Cell narrow=Narrow::Second>{environment}</Cell>
            <Cell narrow=Narrow::Hidden monospace=true>{key}</Cell>
            <Cell narrow=Narrow::SecondEnd numeric=true>{duration}</Cell>
        </tr>
    })
}

/// Only Production must be told apart at a glance.
fn environment(environment: Environment) -> AnyView {
    if environment == Environment::Prod {
        view! { <EnvironmentBadge environment /> }.into_any()
    } else {
        environment.label().into_any()
    }
}
