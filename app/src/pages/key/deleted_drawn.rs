//! Deleted keys, drawn by the server: who deleted them, and whether something still sends them.

use leptos::prelude::*;
use model::{Choice, ClientId, DateRange, KeyFilter, KeyRefusals, LogFilter, Verdict};

use crate::AppError;
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::ports::{CompanyAccess, DeletedKeyRow};
use crate::ui::{EnvironmentBadge, full_time, grouped};

/// The table, or a sentence.
pub(crate) async fn deleted_keys(access: CompanyAccess) -> Result<Markup, AppError> {
    let company = access.context.client_id;
    let rows = access.keys?.deleted().await?;
    if rows.is_empty() {
        return Ok(Markup::of(
            view! { <p class="muted">"No key was deleted in the last 90 days."</p> },
        ));
    }
    let rows = rows.into_iter().map(|row| one_row(company, row)).collect_view();
    Ok(Markup::of(view! {
        <div class="table-frame">
            <table class="table">
                <caption class="visually-hidden">"Deleted keys, the latest first"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col">"Environment"</th>
                        <th scope="col">"Secret"</th>
                        <th scope="col">"Deleted"</th>
                        <th scope="col">"Refused since"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }))
}

fn one_row(company: ClientId, row: DeletedKeyRow) -> impl IntoView {
    let DeletedKeyRow { key, refused } = row;
    let mut filter = LogFilter {
        range: DateRange::Between {
            from: Some(key.deleted_at),
            to: None,
        },
        key: Choice::only(Some(KeyFilter::Id(key.id))),
        ..LogFilter::default()
    };
    filter.verdict.set(false, Verdict::DeletedKey);
    let name = match key.name.is_empty() {
        true => view! { <span class="muted">{format!("Key ending {}", key.last_four)}</span> }.into_any(),
        false => view! { <bdi>{key.name}</bdi> }.into_any(),
    };
    let refused = refusals(address::of_list(company, &filter), refused);
    view! {
        <tr>
            <td class="clip-cell" data-narrow="lead">{name}</td>
            <td data-narrow="end"><EnvironmentBadge environment=key.environment /></td>
            <td class="mono" data-narrow="second" data-label="Secret">{format!("…{}", key.last_four)}</td>
            <td class="key-wrap" data-narrow="second" data-label="Deleted">
                {full_time(key.deleted_at)} " by " <bdi>{key.deleted_by}</bdi>
            </td>
            <td class="key-wrap" data-narrow="below">{refused}</td>
        </tr>
    }
}

fn refusals(href: String, refused: KeyRefusals) -> AnyView {
    let Some(latest) = refused.latest else {
        return view! { <span class="muted">"No request since"</span> }.into_any();
    };
    let words = match refused.requests {
        1 => "1 request refused".to_owned(),
        requests => format!("{} requests refused", grouped(requests)),
    };
    let from = latest.caller.map(|caller| {
        view! { " from " <span class="mono">{caller.address}</span> }
    });
    view! { <a href=href>{words}</a> ", last " {full_time(latest.at)} {from} }.into_any()
}
