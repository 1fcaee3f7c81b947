//! Help: how a request says whose it is, and what a refusal looks like.

use leptos::prelude::*;
use model::Environment;

use super::document::Document;
use super::reader::Reader;
use crate::credential_names;
use crate::pages::samples;
use crate::provider;
use crate::ui::{
    Cell, Code, Column, EnvironmentBadge, Narrow, Notice, Section, SnippetTabs, StatusBadge, Table, Tone,
};

const PAGE: Document = Document::Authentication;

const ERROR_BODY: &str = r#"{
  "error": {
    "code": "authentication_failed",
    "message": "No such user"
  }
}"#;

const INVALID_BODY: &str = r#"{
  "error": {
    "code": "incorrect_parameters",
    "message": "Incorrect request parameters",
    "extra": {
      "invalid-params": [
        { "field": "webhook_url", "message": "Enter a URL that begins with https://." }
      ]
    }
  }
}"#;

#[component]
pub(super) fn Authentication(reader: Reader) -> impl IntoView {
    view! {
        <Headers reader=reader.clone() />
        <Environments />
        <Brands />
        <Errors reader=reader.clone() />
        <RateLimit />
        <RequestIds reader />
    }
    .into_any()
}

#[component]
fn Headers(reader: Reader) -> impl IntoView {
    let (gateway, client_id) = (reader.gateway(), reader.client_id());
    let keys = reader.tab("keys", "API Keys");
    let snippets = samples::request_to(&gateway, &client_id, "$SECRET");
    let names = credential_names();
    view! {
        <Section id="headers" title=PAGE.part("headers")>
            <div class="prose">
                <p>
                    "Send every request to the gateway, with your Client ID and an access secret in two headers. The gateway \
                     checks them, passes the request on to the API of the secret's environment, and streams the answer back."
                </p>
            </div>
            <Code label="Gateway" text=gateway wrap=true />
            <Code label="Your headers" text=format!("{}: {client_id}\n{}: <secret>", names.client_id, names.secret) wrap=true />
            <SnippetTabs id="sample" what="Example request" snippets />
            <div class="prose">
                <ul>
                    <li>
                        <code>{names.client_id}</code>
                        " is the same in all environments: 32 lower-case hexadecimal digits. It is not a secret."
                    </li>
                    <li>
                        <code>{names.secret}</code> " is a key's secret; generate, reveal and copy it on " {keys}
                        ". Keep it out of source code: the samples read it from the environment variable " <code>"SECRET"</code> "."
                    </li>
                    <li>"Header names are not case-sensitive. Each header may be sent once; a second one is refused."</li>
                    <li>"Bodies are JSON: send " <code>"Content-Type: application/json"</code> " with them."</li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Environments() -> impl IntoView {
    let about = |environment| match environment {
        Environment::Sandbox => "Made-up data. Try everything here first.",
        Environment::Dev => "Real data, for a few trials before you go live.",
        Environment::Prod => "Your live traffic.",
    };
    let rows = Environment::ALL
        .into_iter()
        .map(|environment| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead>
                        <EnvironmentBadge environment />
                    </Cell>
                    <Cell narrow=Narrow::Second monospace=true>{environment.as_str()}</Cell>
                    <Cell narrow=Narrow::Second monospace=true>{format!("{environment}-…")}</Cell>
                    <Cell narrow=Narrow::Below>{about(environment)}</Cell>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Section id="environments" title=PAGE.part("environments")>
            <div class="prose">
                <p>
                    "The secret alone decides the environment; the address is the same for all three. A secret is the \
                     environment's name, a dash, and 40 hexadecimal digits."
                </p>
            </div>
            <Table
                caption="Environments"
                columns=vec![Column::new("Environment"), Column::new("In data"), Column::new("Secret"), Column::new("What for")]
            >
                <tbody>{rows}</tbody>
            </Table>
        </Section>
    }
    .into_any()
}

#[component]
fn Brands() -> impl IntoView {
    view! {
        <Section id="brands" title=PAGE.part("brands")>
            <div class="prose">
                <p>
                    "A company can have brands: companies of their own below it. To act for one of them with your own key, \
                     send its Client ID in " <code>"X-Brand-Id"</code>
                    ". The log entry then carries the brand, and you can filter by it. The Client ID of a company that is not \
                     your brand is refused with status 400."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

/// Status, code, when, what to do.
const ERRORS: [(u16, &str, &str, &str); 12] = [
    (
        400,
        "incorrect_parameters",
        "A field is missing or wrong, or X-Brand-Id names no brand of yours.",
        "Read error.extra.",
    ),
    (
        401,
        "authentication_failed",
        "A header is missing or malformed, or no active key matches.",
        "Look at the log entry: it says which.",
    ),
    (
        403,
        "not_authenticated",
        "The key is active, but not allowed to do this here.",
        "Use a key of the right environment.",
    ),
    (
        404,
        "",
        "It does not exist, or it belongs to another company.",
        "Check the id and the environment.",
    ),
    (
        405,
        "method_not_allowed",
        "The path exists, the method does not.",
        "See the Allow header.",
    ),
    (
        406,
        "not_acceptable",
        "Only JSON is served.",
        "Accept application/json.",
    ),
    (
        413,
        "request_too_large",
        "The body is larger than the call allows.",
        "Send less at once.",
    ),
    (
        415,
        "unsupported_media_type",
        "The body is not JSON.",
        "Send Content-Type: application/json.",
    ),
    (
        429,
        "throttled",
        "The key has used up its budget.",
        "Wait for Retry-After.",
    ),
    (
        502,
        "upstream_unreachable",
        "The API behind the gateway could not be reached.",
        "Try again after a pause.",
    ),
    (
        503,
        "overloaded",
        "Too much is waiting; not_ready where the gateway is not sure that its keys are current.",
        "Try again after Retry-After.",
    ),
    (
        504,
        "upstream_timeout",
        "The API behind the gateway did not answer in time.",
        "Try again if the call may be repeated.",
    ),
];

#[component]
fn Errors(reader: Reader) -> impl IntoView {
    let logs = reader.tab("logs", "Logs");
    let rows = ERRORS
        .into_iter()
        .map(|(status, code, when, what_to_do)| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead>
                        <StatusBadge status />
                    </Cell>
                    <Cell narrow=Narrow::End monospace=true>
                        {if code.is_empty() { view! { <span class="faint">"none"</span> }.into_any() } else { code.into_any() }}
                    </Cell>
                    <Cell narrow=Narrow::Below>
                        {when} " " <span class="muted">{what_to_do}</span>
                    </Cell>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Section id="errors" title=PAGE.part("errors")>
            <div class="prose">
                <p>
                    "Branch on " <code>"error.code"</code> "; " <code>"error.message"</code>
                    " is for people. All refusals with status 401 look alike on purpose: whoever guesses learns nothing. The \
                     reason stands in " {logs} ", with a sentence and a next step."
                </p>
            </div>
            <div class="docs__table">
                <Table
                    caption="Errors"
                    columns=vec![Column::new("Status"), Column::new("Code"), Column::new("When, and what to do")]
                >
                    <tbody>{rows}</tbody>
                </Table>
            </div>
            <Code label="401" text=ERROR_BODY.to_owned() />
            <div class="prose">
                <p>"A status 400 names each field that is wrong:"</p>
            </div>
            <Code label="400" text=INVALID_BODY.to_owned() />
            <div class="prose">
                <p>"A status 404 has a body of its own:"</p>
            </div>
            <Code label="404" text=r#"{ "detail": "Not Found." }"#.to_owned() />
        </Section>
    }
    .into_any()
}

#[component]
fn RateLimit() -> impl IntoView {
    view! {
        <Section id="rate-limit" title=PAGE.part("rate-limit")>
            <div class="prose">
                <p>
                    "Each key may send 300 requests at once and regains 5 a second, which makes 300 a minute for as long as you \
                     like. All requests count together. Sandbox and Production have separate keys, and so separate limits. If "
                    {provider().name().to_owned()} " has agreed another limit with you, that one applies."
                </p>
                <p>
                    "Beyond it the answer is 429 with " <code>"Retry-After"</code>
                    " in seconds. Wait that long; if it happens again, wait 1, 2, then 4 seconds more."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn RequestIds(reader: Reader) -> impl IntoView {
    let logs = reader.tab("logs", "Logs");
    view! {
        <Section id="request-id" title=PAGE.part("request-id")>
            <div class="prose">
                <p>
                    "Every answer carries " <code>"X-Request-Id"</code> ". It is the name of the request in " {logs}
                    ": keep it with your own errors, and quote it when you ask for help."
                </p>
            </div>
            <Notice tone=Tone::Info>
                "A request shows up in the log within two seconds. If it does not, it never reached the gateway: check the address \
                 first."
            </Notice>
        </Section>
    }
    .into_any()
}
