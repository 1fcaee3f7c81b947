//! What is known of a request, each value with the way to others that have it, or have not.

use leptos::prelude::*;
use model::{
    BrandFilter, Choice, ClientId, DateRange, DurationFilter, FilterField, KeyFilter, KeyId, LogEntry,
    LogFilter, LogRow, Recorded, StatusFilter,
};

use super::marks::Marks;
use super::pivot::{CameFrom, Pivot};
use crate::pages::logs::address;
use crate::provider;
use crate::ui::{
    Card, CopyButton, EnvironmentBadge, KeyValue, KeyValueList, StatusBadge, Time, TimeStyle, duration_text,
};

#[component]
pub(super) fn Facts(company: ClientId, from: CameFrom, entry: LogEntry) -> impl IntoView {
    let facts = Narrowing { company, from };
    let request_id = entry.row.request_id.to_string();
    let at = entry.row.at;
    let user_agent = entry.user_agent.clone();
    let narrowing = facts.all(entry).into_iter().collect_view();
    view! {
        <Card id="facts" title="Summary">
            <KeyValueList>
                <KeyValue name="Request ID" monospace=true>
                    <span class="logs-id">{request_id.clone()} <CopyButton text=request_id what="Request ID" /></span>
                </KeyValue>
                <KeyValue name="Time">
                    <Time at style=TimeStyle::Both />
                </KeyValue>
                {narrowing}
                <KeyValue name="User agent">
                    <bdi>{user_agent.unwrap_or_else(|| "Not sent".to_owned())}</bdi>
                </KeyValue>
            </KeyValueList>
        </Card>
    }
    .into_any()
}

/// The facts that a filter can have.
struct Narrowing {
    company: ClientId,
    from: CameFrom,
}

impl Narrowing {
    fn all(&self, entry: LogEntry) -> Vec<AnyView> {
        let LogEntry {
            row,
            recorded,
            address,
            ..
        } = entry;
        let (method, verdict) = (row.method.clone(), row.verdict);
        let mut all = vec![
            fact(
                "Method",
                true,
                method.clone(),
                self.pivot(FilterField::Method, method.clone(), &method),
            ),
            self.path(&row.path),
            self.status(row.status),
            fact(
                "What happened",
                false,
                verdict.label(),
                self.pivot(FilterField::Verdict, verdict.to_string(), verdict.label()),
            ),
            self.duration(row.duration_us),
        ];
        if let Some(environment) = row.environment {
            let links = self.pivot(
                FilterField::Environment,
                environment.to_string(),
                environment.label(),
            );
            all.push(fact(
                "Environment",
                false,
                view! { <EnvironmentBadge environment /> },
                links,
            ));
        }
        if let Some(key) = row.key_id {
            all.push(self.key(key, row.key_last_four.as_deref()));
        }
        all.push(self.brand(row));
        let links = self.pivot(FilterField::Address, address.clone(), &address);
        all.push(fact("Address", true, address, links));
        let by = recorded_by(recorded).replace("your API provider", provider().name());
        let links = self.pivot(FilterField::Recorded, recorded.as_str().to_owned(), &by);
        all.push(fact("Recorded by", false, by, links));
        all
    }

    fn pivot(&self, field: FilterField, value: String, words: &str) -> AnyView {
        let from = self.from.clone();
        view! { <Pivot from field value words /> }.into_any()
    }

    /// Both links with the words that say what they are about, because it is not what is beside them.
    fn spelt_out(&self, field: FilterField, value: String, words: &str) -> AnyView {
        let from = self.from.clone();
        view! { <Pivot from field value words spelt_out=true /> }.into_any()
    }

    /// The filter is for a part of the path. The query is left out: it seldom says what a reader wants to see more of.
    fn path(&self, path: &str) -> AnyView {
        let marks = Marks {
            redacted: true,
            needle: "",
        };
        let part = path.split('?').next().unwrap_or_default();
        // Every path has a slash.
        let links = (part.len() > 1).then(|| self.pivot(FilterField::Path, part.to_owned(), part));
        fact("Path", true, marks.show(path), links)
    }

    /// The status, and its class.
    fn status(&self, status: Option<u16>) -> AnyView {
        let value = StatusFilter::only(status);
        let words = status.map_or_else(|| "status not known".to_owned(), |status| status.to_string());
        let mut links = vec![self.pivot(FilterField::Status, value.to_string(), &words)];
        if let Some(status) = status {
            let class = format!("{}xx", status / 100);
            links.push(self.spelt_out(FilterField::Status, class.clone(), &class));
        }
        fact(
            "Status",
            false,
            view! { <StatusBadge status /> },
            links.into_iter().collect_view(),
        )
    }

    /// Of durations, no two are the same; more to the point are those that took as long, or longer.
    fn duration(&self, micros: u64) -> AnyView {
        // As exact as the duration beside it.
        let unit = match micros {
            0..1_000 => 1,
            1_000..100_000 => 100,
            100_000..1_000_000 => 1_000,
            _ => 10_000,
        };
        let least = micros / unit * unit;
        let links = DurationFilter::new(least, u64::MAX).map(|filter| {
            let words = format!("{} or longer", duration_text(least));
            self.spelt_out(FilterField::Duration, filter.to_string(), &words)
        });
        fact("Duration", false, duration_text(micros), links)
    }

    /// The key, and a link to all requests with it, whatever the filter.
    fn key(&self, key: KeyId, last_four: Option<&str>) -> AnyView {
        let filter = LogFilter {
            range: DateRange::Last30Days,
            key: Choice::only(Some(KeyFilter::Id(key))),
            ..LogFilter::default()
        };
        let href = address::of_list(self.company, &filter);
        let ending = last_four.map_or_else(|| key.to_string(), |last_four| format!("…{last_four}"));
        let links = self.pivot(FilterField::Key, key.to_string(), &ending);
        fact(
            "Key",
            false,
            view! { <span class="mono">{ending}</span> },
            view! {
                {links}
                " "
                <a class="pivot" href=href>"All requests with this key"</a>
            },
        )
    }

    fn brand(&self, row: LogRow) -> AnyView {
        let filter = BrandFilter::Brand(row.client_id);
        let (filter, name, words) = match row.brand {
            _ if row.client_id == self.company => (
                BrandFilter::Own,
                "None (your own Client ID)".to_owned(),
                "your own requests".to_owned(),
            ),
            Some(name) => (filter, name.clone(), name),
            None => {
                let name = row.client_id.to_string();
                (filter, name.clone(), name)
            }
        };
        fact(
            "Brand",
            false,
            name,
            self.pivot(FilterField::Brand, filter.to_string(), &words),
        )
    }
}

/// The value may be what a stranger wrote: it does not turn round what is beside it.
fn fact(
    name: &'static str,
    monospace: bool,
    value: impl IntoView + 'static,
    links: impl IntoView + 'static,
) -> AnyView {
    let (value, links) = (value.into_any(), links.into_any());
    view! {
        <KeyValue name monospace>
            <span class="entry-fact">
                <bdi>{value}</bdi>
                {links}
            </span>
        </KeyValue>
    }
    .into_any()
}

const fn recorded_by(recorded: Recorded) -> &'static str {
    match recorded {
        Recorded::Gateway => "The gateway",
        Recorded::Verify => "Verify: another proxy checked this request with Gatehouse",
        Recorded::PublicApi => "The public API: Gatehouse handled it directly",
        Recorded::Sent => "A program of your API provider, which sent it to this log",
    }
}
