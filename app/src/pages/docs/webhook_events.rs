//! Help: what is delivered, when it is retried, and every event type.

use leptos::prelude::*;
use model::{DeliveryHeaders, EventEntry, RETRY_DELAYS_SECONDS};

use super::document::Document;
use super::reader::Reader;
use crate::delivery_headers;
use crate::ui::{Cell, Code, Column, Narrow, Notice, Section, Table, Tone};

const PAGE: Document = Document::WebhookEvents;

/// Follows the header names that an installation can choose.
const EXAMPLE: &str = r#"v1=1ea90f262453c959826233051178cb877aaf10e217fc5fe43d46e03f71200ceb
webhook-id: 11111111111111111111111111111111
webhook-timestamp: 1767607200
webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=

{"webhook_id":"11111111111111111111111111111111","event_type":"order-created","event_created_at":"2026-01-05T10:00:00.123456Z","user_id":"22222222222222222222222222222222","order_id":"33333333333333333333333333333333","status":"pending"}"#;

#[component]
pub(super) fn WebhookEvents(reader: Reader) -> impl IntoView {
    view! {
        <Delivery reader=reader.clone() />
        <Answer />
        <Retries />
        <States reader=reader.clone() />
        <Idempotency />
        <Catalogue reader />
    }
    .into_any()
}

fn example(headers: &DeliveryHeaders) -> String {
    let DeliveryHeaders { user_agent, sign } = headers;
    format!(
        "POST /your/path HTTP/1.1\nContent-Type: application/json\nUser-Agent: {user_agent}\n{sign}: {EXAMPLE}"
    )
}

fn headers(named: &DeliveryHeaders) -> Vec<(String, String)> {
    let row = |name: &str, meaning: &str| (name.to_owned(), meaning.to_owned());
    vec![
        row("Content-Type", "application/json; the body is UTF-8."),
        row("User-Agent", &named.user_agent),
        row(
            &named.sign,
            "The signature made with your API key: v1= and 64 hexadecimal digits.",
        ),
        row(
            "webhook-id",
            "The event's id, the same as webhook_id in the body.",
        ),
        row(
            "webhook-timestamp",
            "When this attempt was made, in seconds since 1970.",
        ),
        row(
            "webhook-signature",
            "A second signature, made with the webhook's own secret, in the Standard Webhooks format.",
        ),
    ]
}

const MEMBERS: [(&str, &str); 4] = [
    (
        "webhook_id",
        "The event's id, the same in every attempt and for every webhook.",
    ),
    ("event_type", "One of the types below."),
    (
        "event_created_at",
        "When it happened, in UTC with microseconds: 2026-01-05T10:00:00.123456Z.",
    ),
    ("user_id", "The user the event is about, if there is one."),
];

/// Two columns: a name for programs, and what it means.
#[component]
fn Meanings(caption: &'static str, name: &'static str, rows: Vec<(String, String)>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|(name, meaning)| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead monospace=true>{name}</Cell>
                    <Cell narrow=Narrow::Below>{meaning}</Cell>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="docs__table">
            <Table caption columns=vec![Column::new(name), Column::new("Meaning")]>
                <tbody>{rows}</tbody>
            </Table>
        </div>
    }
    .into_any()
}

#[component]
fn Delivery(reader: Reader) -> impl IntoView {
    let verify = reader.part(Document::Security, "verify");
    let webhooks = reader.tab("webhooks", "Webhooks");
    let named = delivery_headers();
    let members = MEMBERS.map(|(name, meaning)| (name.to_owned(), meaning.to_owned()));
    view! {
        <Section id="delivery" title=PAGE.part("delivery")>
            <div class="prose">
                <p>
                    "A webhook has a name, a URL, an environment and the event types you select. Create one on " {webhooks}
                    " or by " <code>"POST /v1/webhooks/"</code>
                    ". For each such event in that environment, we send one POST to the URL. If one of your API \
                     requests caused the event, the dashboard links each to the other."
                </p>
            </div>
            <Code label="A delivery" text=example(&named) wrap=true />
            <Meanings caption="Headers of a delivery" name="Header" rows=headers(&named) />
            <div class="prose">
                <p>
                    "Verify " <code>{named.sign.clone()}</code> " before you trust the body; " <a href=verify>"Security"</a>
                    " shows how. Every body has these fields, followed by those of its type:"
                </p>
            </div>
            <Meanings caption="Fields of every body" name="Field" rows=members.to_vec() />
            <div class="prose">
                <p>
                    "A webhook can have up to 20 headers of its own, such as " <code>"Authorization"</code>
                    ", and a rate limit in attempts a second. Set both on its page or by "
                    <code>"PATCH /v1/webhook-deliveries/webhooks/{id}/"</code> " with "
                    <code>r#"{"secret_headers":{"Authorization":"Bearer …"},"rate_limit":20}"#</code>
                    "; null removes one. A header's value is never shown again, and neither a redirect to another host nor a new URL at another host gets it. Where your response repeats a value, we hide it; one of \
                    fewer than 8 characters only beside its name. After a pause, \
                    as many attempts as the limit says may begin at once."
                </p>
                <p>
                    <code>"GET /v1/webhook-deliveries/?webhook={id}"</code>
                    " lists a webhook's deliveries, newest first, 100 on a page. The filters are those of the page's address: "
                    <code>"state"</code> " (repeated for any of several: waiting, failing, held, on_hold, delivered, exhausted, skipped, cancelled), "
                    <code>"event"</code> ", " <code>"status"</code> " (such as 503 or 5xx), " <code>"failure"</code> ", " <code>"attempts"</code>
                    ", " <code>"from"</code> ", " <code>"until"</code> ", " <code>"id"</code> " and " <code>"test"</code> ". "
                    <code>"GET /v1/webhook-deliveries/{id}/"</code>
                    " is one of them, with its payload, every attempt and the time that each part took. A read-only key is enough for both."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Answer() -> impl IntoView {
    view! {
        <Section id="answer" title=PAGE.part("answer")>
            <div class="prose">
                <ul>
                    <li>
                        "Return any status from 200 to 299 within 10 seconds. The time runs from the DNS lookup to \
                         the last byte of your response, including redirects."
                    </li>
                    <li>"Store the event and respond immediately; do the work afterwards."</li>
                    <li>
                        "Redirects with 301, 302, 303, 307 and 308 are followed, and 300 if it has a Location: at \
                         most three, as a POST with the same body, and never from https to http. Any other 3xx is a \
                         failure."
                    </li>
                    <li>
                        "410 means the endpoint is gone for good, so the webhook is disabled."
                    </li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Retries() -> impl IntoView {
    let mut total = 0;
    let rows = RETRY_DELAYS_SECONDS
        .into_iter()
        .enumerate()
        .map(|(at, delay)| {
            total += delay;
            let (delay, total) = (in_words(delay), in_words(total));
            let delay = if at < 3 { delay } else { format!("{delay} ± 10 %") };
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead>{format!("Attempt {}", at + 2)}</Cell>
                    <Cell narrow=Narrow::Second>{delay}</Cell>
                    <Cell narrow=Narrow::SecondEnd>{total}</Cell>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Section id="retries" title=PAGE.part("retries")>
            <div class="prose">
                <p>
                    {format!(
                        "Any other response, or none at all, is a failed attempt. There are {} attempts: the first \
                         immediately, the others after these pauses.",
                        RETRY_DELAYS_SECONDS.len() + 1,
                    )}
                </p>
            </div>
            <Table
                caption="Pauses between attempts"
                columns=vec![Column::new("Attempt"), Column::new("After the previous one"), Column::new("After the first")]
            >
                <tbody>{rows}</tbody>
            </Table>
            <div class="prose">
                <ul>
                    <li><code>"Retry-After"</code> " in your response makes a pause longer, up to a day, but never shorter."</li>
                    <li>"After the last attempt the delivery is exhausted. It stays listed, and you can replay it."</li>
                    <li>
                        "A replay, or " <i>"Try now"</i> " while a delivery is waiting, makes one more attempt \
                         immediately. It does not count as one of the ten, and the schedule does not change."
                    </li>
                    <li>
                        "If every attempt fails for five days, the webhook is disabled. Its page shows a warning after the first failure."
                    </li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

/// A webhook's state, what happens to waiting and new deliveries, and what comes next. `crates/webhooks/src/fate.rs` decides it.
const STATES: [[&str; 4]; 4] = [
    [
        "Held: no API key",
        "Wait",
        "Wait",
        "Once there is a key, they are sent, oldest first.",
    ],
    [
        "Paused",
        "Wait",
        "Wait",
        "When you enable it, they are sent, oldest first.",
    ],
    [
        "Disabled",
        "Wait",
        "Skipped",
        "When you enable it, waiting ones are sent, oldest first. You can then replay skipped ones.",
    ],
    ["Deleted", "Ended", "None", "Nothing more is sent."],
];

#[component]
fn States(reader: Reader) -> impl IntoView {
    let keys = reader.tab("keys", "API Keys");
    let rows = STATES
        .into_iter()
        .map(|[state, waiting, new, then]| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead>{state}</Cell>
                    <Cell narrow=Narrow::Second label="Waiting deliveries">{waiting}</Cell>
                    <Cell narrow=Narrow::Second label="New events">{new}</Cell>
                    <Cell narrow=Narrow::Below>{then}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = ["The webhook is", "Waiting deliveries", "New events", "Then"].map(Column::new);
    view! {
        <Section id="states" title=PAGE.part("states")>
            <div class="prose">
                <p>
                    "A webhook is held when its environment has no active key to sign with; you can generate one on " {keys}
                    ". It is paused when someone in your company pauses it. It is disabled when its \
                     receiver returns 410, or when every attempt has failed for five days. Its page shows how many \
                     deliveries are waiting."
                </p>
            </div>
            <div class="docs__table">
                <Table caption="What happens to deliveries" columns=columns.to_vec()>
                    <tbody>{rows}</tbody>
                </Table>
            </div>
            <div class="prose">
                <p>
                    "Waiting does not use up any attempts. A skipped delivery is recorded, but nothing is sent for it unless \
                     you replay it. An attempt that has started is always completed."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Idempotency() -> impl IntoView {
    view! {
        <Section id="idempotency" title=PAGE.part("idempotency")>
            <div class="prose">
                <p>
                    "We would rather send an event twice than lose it, so one may arrive again, for instance if your response was late or lost. \
                     Store the " <code>"webhook_id"</code>
                    " of the events you have handled, and return 200 for one you have already seen. The id is the same in every attempt."
                </p>
                <p>
                    "Events may arrive out of order. Do not rely on the order of arrival: compare "
                    <code>"event_created_at"</code> ", or " <code>"updated_at"</code>
                    " if the body has it, and ignore anything older than what you have."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Catalogue(reader: Reader) -> impl IntoView {
    let test = reader.tab("webhooks", "a webhook's page");
    let catalogue = reader.event_types.unwrap_or_default();
    let groups = catalogue
        .groups(&[])
        .into_iter()
        .map(|(name, entries)| {
            let types = entries
                .into_iter()
                .map(|entry| view! { <Entry entry=entry.clone() /> })
                .collect_view();
            view! {
                <h3>{name.to_owned()}</h3>
                <dl class="docs__events">{types}</dl>
            }
        })
        .collect_view();
    view! {
        <Section id="catalogue" title=PAGE.part("catalogue")>
            <div class="prose">
                <p>
                    "The fields listed here follow those of every body. New ones may be added, so ignore fields you \
                     do not know. To see an example of each, send a test event from " {test} "."
                </p>
            </div>
            {groups}
            <Notice tone=Tone::Info>
                "A webhook without selected event types gets all of them, including future ones."
            </Notice>
        </Section>
    }
    .into_any()
}

#[component]
fn Entry(entry: EventEntry) -> impl IntoView {
    let name = entry.event_type.to_string();
    // The four common ones are above.
    let fields: Vec<_> = entry
        .fields
        .into_iter()
        .filter(|field| field != "user_id")
        .collect();
    let schema = entry
        .schema
        .map(|schema| view! { <Code label="JSON Schema" text=schema wrap=true /> });
    view! {
        <div class="docs__event" id=name.clone()>
            <dt>
                <a class="mono" href=format!("#{name}")>{name.clone()}</a>
            </dt>
            <dd>
                <p>{entry.description}</p>
                <p class="docs__members mono">{fields.join(", ")}</p>
                <details>
                    <summary>"Example"</summary>
                    <Code label="Example" text=entry.sample wrap=true />
                    {schema}
                </details>
            </dd>
        </div>
    }
    .into_any()
}

/// "30 s", "5 min", "2 h", "7 h 36 min 30 s".
fn in_words(seconds: i64) -> String {
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let words: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_told_in_their_units() {
        assert_eq!(in_words(30), "30 s");
        assert_eq!(in_words(300), "5 min");
        assert_eq!(in_words(27_390), "7 h 36 min 30 s");
    }
}
