//! How a key was used during its rotation, in words.

use leptos::prelude::*;
use model::{
    ClientId, DateRange, FilterField, KeyId, KeyPauses, KeySummary, LastUsed, RequestSource, Timestamp,
};

use crate::pages::key::rows_of;
use crate::ui::{KeyValue, KeyValueList, Notice, Tone, full_time, grouped};

/// A length of time in its two largest units: "6 hours", "1 day 2 hours".
pub(super) fn length(millis: i64) -> String {
    let minutes = (millis.max(0) + 59_999) / 60_000;
    let parts = [
        (minutes / 1440, "day"),
        (minutes / 60 % 24, "hour"),
        (minutes % 60, "minute"),
    ];
    let some: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    some.join(" ")
}

/// To the minute, for what should not change each second.
pub(super) fn about(millis: i64) -> String {
    match millis / 60_000 {
        ..=0 => "less than a minute".to_owned(),
        minutes => length(minutes * 60_000),
    }
}

/// How long ago that was: "12 seconds", "5 minutes".
pub(super) fn since(at: Timestamp, now: Timestamp) -> String {
    match now.millis_since(at).max(0) / 1000 {
        1 => "1 second".to_owned(),
        seconds @ ..60 => format!("{seconds} seconds"),
        // What has not passed does not count.
        seconds => length(seconds / 60 * 60_000),
    }
}

/// "No call for 5 minutes; its longest pause in that week was 6 hours."
pub(super) fn usage(key: &KeySummary, pauses: &KeyPauses, week: &'static str, now: Timestamp) -> AnyView {
    let longest = length(pauses.longest);
    let last = used(key.last_used.as_ref());
    let missing = missing(pauses);
    let quiet = key.last_used.as_ref().map(|used| quiet_for(used, now));
    let gone = [key.terms.expires_at, key.terms.delete_at]
        .into_iter()
        .flatten()
        .min();
    view! {
        <KeyValueList>
            <KeyValue name="Last call">{last}</KeyValue>
            {quiet.map(|quiet| view! { <KeyValue name="Now">{quiet}</KeyValue> })}
            <KeyValue name=week>{format!("At most {longest}")}</KeyValue>
            {gone.map(|at| view! { <KeyValue name="Ends by its own date">{full_time(at)}</KeyValue> })}
        </KeyValueList>
        {missing}
    }
    .into_any()
}

fn quiet_for(used: &LastUsed, now: Timestamp) -> String {
    match now.millis_since(used.at) {
        ..5_000 => "In use".to_owned(),
        _ => format!("No call for {}", since(used.at, now)),
    }
}

pub(super) fn used(used: Option<&LastUsed>) -> AnyView {
    match used {
        None => "Not used yet".into_any(),
        Some(used) => {
            let (at, address) = (used.at, used.address.clone());
            view! { {full_time(at)} " from " <span class="mono">{address}</span> }.into_any()
        }
    }
}

/// What the log does not know of the week in which pauses are looked for.
fn missing(pauses: &KeyPauses) -> AnyView {
    let mut said: Vec<AnyView> = Vec::new();
    for gap in &pauses.gaps {
        let (from, to) = (gap.from, gap.to);
        said.push(
            view! { "Calls from " {full_time(from)} " to " {full_time(to)} " may be missing: the server stopped without warning. " }
                .into_any(),
        );
    }
    if let Some(before) = pauses.missing_before {
        said.push(
            view! { "The log has nothing from before " {full_time(before)} ", which counts as a pause. " }
                .into_any(),
        );
    }
    if pauses.dropped > 0 {
        let dropped = pauses.dropped;
        said.push(view! { {format!("The log dropped {dropped} requests, so a pause may look longer than it was. ")} }.into_any());
    }
    if said.is_empty() {
        return ().into_any();
    }
    view! { <Notice tone=Tone::Info title="The log is not complete.">" " {said} "Last call comes from the key itself, which is always complete."</Notice> }
        .into_any()
}

pub(super) fn source_row(company: ClientId, key: KeyId, source: &RequestSource) -> impl IntoView + use<> {
    let href = rows_of(company, key, DateRange::Last7Days, |filter| {
        // An address that is none finds nothing, and the link is harmless.
        let _ = filter.add(FilterField::Address, false, &source.address);
    });
    let (address, last) = (source.address.clone(), source.last_at);
    let (path, agent) = (source.path.clone(), source.user_agent.clone());
    let requests = grouped(source.requests);
    view! {
        <tr>
            <td class="mono" data-narrow="lead"><a href=href>{address}</a></td>
            <td class="numeric" data-narrow="end">{requests}</td>
            <td data-narrow="second" data-label="Latest">{full_time(last)}</td>
            <td class="mono" data-narrow="second"><bdi>{path.unwrap_or_default()}</bdi></td>
            <td data-narrow="second"><bdi>{agent.unwrap_or_default()}</bdi></td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        for (millis, words) in [
            (6 * 3_600_000, "6 hours"),
            (26 * 3_600_000 + 60_000, "1 day 2 hours"),
            (60_000, "1 minute"),
            (1, "1 minute"),
        ] {
            assert_eq!(length(millis), words);
        }
        let now = Timestamp::from_millis(1_767_614_400_000);
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (359, "5 minutes"),
        ] {
            assert_eq!(since(now.minus_seconds(seconds), now), words);
        }
    }
}
