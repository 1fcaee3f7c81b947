//! Help: how requests authenticate, and what errors look like.

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
                    "Send every request to the gateway, with your Client ID and an access secret in two headers. The \
                     gateway checks them, forwards the request to the API of the secret's environment, and streams \
                     the response back."
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
                        <code>{names.secret}</code> " is a key's secret. You can generate, reveal and copy it on " {keys}
                        ". Keep it out of source code: the samples read it from the environment variable " <code>"SECRET"</code> "."
                    </li>
                    <li>"Header names are not case-sensitive. Send each header once; a request with a duplicate is refused."</li>
                    <li>"Bodies are JSON. Send " <code>"Content-Type: application/json"</code> " with them."</li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Environments() -> impl IntoView {
    let about = |environment| match environment {
        Environment::Sandbox => "Test data. Try everything here first.",
        Environment::Dev => "Real data, for a few tests before you go live.",
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
                    "The secret alone selects the environment; the address is the same for all three. A secret is \
                     the environment's name, a dash, and 40 hexadecimal digits."
                </p>
            </div>
            <Table
                caption="Environments"
                columns=vec![Column::new("Environment"), Column::new("API value"), Column::new("Secret"), Column::new("Use")]
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
                    "A company can have brands, which are companies in their own right. To act for one of them with your \
                     own key, send its Client ID in " <code>"X-Brand-Id"</code>
                    ". The log entry then shows the brand, and you can filter by it. A Client ID that is not one of \
                     your brands is refused with status 400."
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
        "A field is missing or wrong, or X-Brand-Id is not one of your brands.",
        "Read error.extra.",
    ),
    (
        401,
        "authentication_failed",
        "A header is missing or malformed, or no active key matches.",
        "The log entry says which.",
    ),
    (
        403,
        "not_authenticated",
        "The key is active, but is not allowed to do this here.",
        "Use a key for the right environment.",
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
        "The path does not support this method.",
        "See the Allow header.",
    ),
    (
        406,
        "not_acceptable",
        "The response can only be JSON.",
        "Accept application/json.",
    ),
    (
        413,
        "request_too_large",
        "The body is too large for this endpoint.",
        "Send less per request.",
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
        "The key has used up its request budget.",
        "Wait as long as Retry-After says.",
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
        "Too many requests are waiting. The code is not_ready if the gateway cannot confirm that its keys are up to date.",
        "Try again when Retry-After says.",
    ),
    (
        504,
        "upstream_timeout",
        "The API behind the gateway did not respond in time.",
        "Try again if the request is safe to repeat.",
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
                    " is for people. All 401 responses look alike on purpose, so that guessing reveals nothing. "
                    {logs} " shows the reason and what to do next."
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
                <p>"A 400 response names each invalid field:"</p>
            </div>
            <Code label="400" text=INVALID_BODY.to_owned() />
            <div class="prose">
                <p>"A 404 response has a different body:"</p>
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
                    "Each key can send a burst of 300 requests and regains 5 per second, which allows a steady \
                     300 per minute. All requests with a key count towards its limit. Sandbox and Production have separate keys and \
                     therefore separate limits. If "
                    {provider().name().to_owned()} " has agreed a different limit with you, that one applies."
                </p>
                <p>
                    "Beyond the limit you get 429 with " <code>"Retry-After"</code>
                    " in seconds. Wait that long. If it happens again, wait 1, 2, then 4 seconds longer."
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
                    "Every response has " <code>"X-Request-Id"</code> ". It identifies the request in " {logs}
                    ". Log it with your own errors, and include it when you contact support."
                </p>
            </div>
            <Notice tone=Tone::Info>
                "A request appears in the log within two seconds. If it does not, it never reached the gateway: \
                 check the address first."
            </Notice>
        </Section>
    }
    .into_any()
}
