//! What is known of a key, drawn by the server: the facts, its requests of a day as a line, and the addresses they came from.

use leptos::prelude::*;
use model::{
    Choice, ClientId, DateRange, FilterField, KeyAddresses, KeyFilter, KeyTerms, KeyUse, LogFilter, LogRow,
    Timestamp,
};

use super::OneKey;
use crate::AppError;
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::ports::{CompanyAccess, SeenKey};
use crate::ui::{Badge, EnvironmentBadge, KeyValue, KeyValueList, Tone, full_time, grouped};

/// Addresses that the page names.
const LISTED: usize = 20;

/// A key's page.
pub(crate) async fn one_key(access: CompanyAccess, key: model::KeyId) -> Result<OneKey, AppError> {
    let company = access.context.client_id;
    let seen = access.keys?.key(key).await?;
    let facts = Markup::of(facts(company, &seen));
    let used = Markup::of(used(company, &seen));
    Ok(OneKey {
        key: seen.key,
        has_expired: seen.has_expired,
        facts,
        used,
    })
}

/// The address of a key's rows in the log.
pub(crate) fn rows_of(
    company: ClientId,
    key: model::KeyId,
    range: DateRange,
    change: impl FnOnce(&mut LogFilter),
) -> String {
    let mut filter = LogFilter {
        range,
        key: Choice::only(Some(KeyFilter::Id(key))),
        ..LogFilter::default()
    };
    change(&mut filter);
    address::of_list(company, &filter)
}

fn facts(company: ClientId, seen: &SeenKey) -> impl IntoView + use<> {
    let key = &seen.key;
    let (environment, last_four) = (key.environment, key.last_four.clone());
    let (created_at, created_by) = (key.created_at, key.created_by.clone());
    let has_expired = seen.has_expired;
    let (last_used, terms) = (last_used(company, seen), terms(&key.terms));
    view! {
        <KeyValueList>
            <KeyValue name="Environment">
                <EnvironmentBadge environment=environment />
                {has_expired.then(|| view! { " " <Badge tone=Tone::Warn>"Expired"</Badge> })}
            </KeyValue>
            <KeyValue name="Secret ends in">
                <code>{last_four}</code>
            </KeyValue>
            <KeyValue name="Created">{full_time(created_at)} " by " <bdi>{created_by}</bdi></KeyValue>
            <KeyValue name="Last used">{last_used}</KeyValue>
            {terms}
        </KeyValueList>
    }
}

/// What was set; those who may change it see it in the forms as well.
fn terms(terms: &KeyTerms) -> impl IntoView + use<> {
    let text = |name: &'static str, text: String| {
        (!text.is_empty())
            .then(|| view! { <KeyValue name=name><bdi class="key-note">{text}</bdi></KeyValue> })
    };
    let time = |name: &'static str, at: Option<Timestamp>| {
        at.map(|at| view! { <KeyValue name=name>{full_time(at)}</KeyValue> })
    };
    let requests = terms.requests_a_minute.map(u64::from);
    let limits = [
        terms.read_only.then(|| "Only GET, HEAD and OPTIONS".to_owned()),
        requests.map(|most| format!("At most {} requests a minute", grouped(most))),
    ];
    let limits: Vec<String> = limits.into_iter().flatten().collect();
    view! {
        {text("Note", terms.note.clone())}
        {time("Expires", terms.expires_at)}
        {time("Will be deleted", terms.delete_at)}
        {text("Allowed networks", terms.networks.join(", "))}
        {text("Limits", limits.join(". "))}
    }
}

/// The time and the address come from the key itself, which never drops them; the path from the log.
fn last_used(company: ClientId, seen: &SeenKey) -> AnyView {
    let Some(used) = &seen.key.last_used else {
        return view! { <span class="muted">"Never used"</span> }.into_any();
    };
    let address = used.address.clone();
    let request = seen.used.latest.as_ref().map(|row| latest_request(company, row));
    view! {
        {full_time(used.at)}
        " from "
        <span class="mono">{address}</span>
        {request}
    }
    .into_any()
}

fn latest_request(company: ClientId, row: &LogRow) -> impl IntoView + use<> {
    let href = address::of_entry(company, row.request_id, &LogFilter::default());
    let words = format!("{} {}", row.method, row.path);
    let status = row
        .status
        .map_or_else(|| "status not known".to_owned(), |status| status.to_string());
    view! {
        <span class="key-latest">
            "Newest request in Logs: " <a class="mono" href=href><bdi>{words}</bdi></a> {format!(" ({status})")}
        </span>
    }
}

fn used(company: ClientId, seen: &SeenKey) -> impl IntoView + use<> {
    let KeyUse {
        requests,
        parts,
        addresses,
        ..
    } = seen.used.clone();
    let all = rows_of(company, seen.key.id, DateRange::Last24Hours, |_| {});
    let words = match requests {
        0 => "No requests".to_owned(),
        1 => "1 request".to_owned(),
        requests => format!("{} requests", grouped(requests)),
    };
    let line = (requests > 0).then(|| sparkline(&parts));
    view! {
        <p class="key-used">
            <b>{words}</b>
            " in the last 24 hours. "
            <a href=all>"Show in Logs"</a>
        </p>
        {line}
        {table(company, seen.key.id, addresses)}
    }
}

/// A line of the requests in each half hour. Its words are for those who cannot see it.
fn sparkline(parts: &[u64]) -> impl IntoView + use<> {
    const WIDTH: usize = 480;
    const HEIGHT: u64 = 48;
    let most = parts.iter().copied().max().unwrap_or(0).max(1);
    let step = WIDTH / parts.len().max(1);
    let bars = parts
        .iter()
        .enumerate()
        .filter(|(_, requests)| **requests > 0)
        .map(|(part, requests)| {
            // A single request is seen too.
            let height = (requests * HEIGHT / most).max(2);
            let (x, y) = (part * step, HEIGHT - height);
            view! { <rect x=x.to_string() y=y.to_string() width=(step - 2).to_string() height=height.to_string() /> }
        })
        .collect_view();
    let words = format!(
        "Requests in each half hour of the last 24 hours; at most {}.",
        grouped(most)
    );
    let view_box = format!("0 0 {WIDTH} {HEIGHT}");
    view! {
        <figure class="key-spark">
            <svg viewBox=view_box preserveAspectRatio="none" role="img" aria-label=words.clone()>{bars}</svg>
            <figcaption>{words}</figcaption>
        </figure>
    }
}

fn table(company: ClientId, key: model::KeyId, addresses: KeyAddresses) -> AnyView {
    if addresses.seen.is_empty() {
        return view! { <p class="muted">"No address in the last 7 days."</p> }.into_any();
    }
    let more = addresses.more + addresses.seen.len().saturating_sub(LISTED) as u64;
    let rows = addresses
        .seen
        .into_iter()
        .take(LISTED)
        .map(|one| {
            let href = rows_of(company, key, DateRange::Last7Days, |filter| {
                // An address that is none finds nothing, and the link is harmless.
                let _ = filter.add(FilterField::Address, false, &one.address);
            });
            view! {
                <tr>
                    <td class="mono" data-narrow="lead"><a href=href>{one.address}</a></td>
                    <td class="numeric" data-narrow="end">{grouped(one.requests)}</td>
                    <td data-narrow="second" data-label="Latest">{full_time(one.last)}</td>
                </tr>
            }
        })
        .collect_view();
    let cut = addresses.looked_back_to.map(|at| {
        view! { <p class="muted">"There was no time to look further back than " {full_time(at)} "."</p> }
    });
    view! {
        <h3 id="addresses">"Addresses of the last 7 days"</h3>
        <div class="table-frame">
            <table class="table" aria-labelledby="addresses">
                <thead>
                    <tr>
                        <th scope="col">"Address"</th>
                        <th scope="col" class="numeric">"Requests"</th>
                        <th scope="col">"Latest"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {(more > 0).then(|| view! { <p class="muted">{format!("and {} more addresses.", grouped(more))}</p> })}
        {cut}
    }
    .into_any()
}
