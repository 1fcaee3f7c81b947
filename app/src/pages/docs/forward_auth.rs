//! Help for people who run the API: a proxy of their own that calls `/verify` before it forwards a request.

use leptos::prelude::*;

use super::document::Document;
use super::proxy_samples::SAMPLES;
use crate::ui::{Cell, Code, Column, Narrow, Section, StatusBadge, Table};

const PAGE: Document = Document::ForwardAuth;

#[component]
pub(super) fn ForwardAuth() -> impl IntoView {
    view! {
        <Address />
        <Believed />
        <Responses />
        <Configurations />
    }
    .into_any()
}

#[component]
fn Address() -> impl IntoView {
    view! {
        <Section id="address" title=PAGE.part("address")>
            <div class="prose">
                <p>
                    "This page is for people who run the API. If you only call it, you do not need this page."
                </p>
                <p>
                    "A proxy that forwards requests itself can check each one with Gatehouse first. It calls "
                    <code>"/verify"</code> " on the operator listener with the request's own headers. Two settings belong in the "
                    "address that the proxy calls:"
                </p>
            </div>
            <Code label="Address" text="http://127.0.0.1:9090/verify?environment=prod&profile=nginx" wrap=true />
            <div class="prose">
                <ul>
                    <li>
                        <code>"environment"</code> " says which API is behind the proxy: " <code>"sandbox"</code> ", "
                        <code>"dev"</code> " or " <code>"prod"</code>
                        ". A key for another environment gets 403. Without this setting, a Sandbox key would open your Production API."
                    </li>
                    <li>
                        <code>"profile"</code> " says which proxy is calling: " <code>"nginx"</code> ", " <code>"ingress-nginx"</code>
                        ", " <code>"caddy"</code> ", " <code>"traefik"</code> ", " <code>"envoy"</code> " or "
                        <code>"haproxy"</code> "."
                    </li>
                </ul>
                <p>
                    "The caller's address is used only if " <code>"--trusted-proxy"</code> " lists the proxy. Otherwise the log \
                     shows the proxy's address."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Believed() -> impl IntoView {
    view! {
        <Section id="believed" title=PAGE.part("believed")>
            <div class="prose">
                <p>
                    "The profile decides which headers describe the request. All profiles but one read "
                    <code>"X-Forwarded-Method"</code> " and " <code>"X-Forwarded-Uri"</code> "; " <code>"ingress-nginx"</code>
                    " reads " <code>"X-Original-Method"</code> " and " <code>"X-Original-Url"</code> ". The proxy must set both on "
                    "every request and replace what the caller sent."
                </p>
                <p>
                    "Gatehouse does not guess. It returns 400 if one of these headers is missing or repeated, or if \
                     another header that describes a request is present (" <code>"X-Original-Uri"</code> ", " <code>"X-Rewrite-Url"</code>
                    " or those of the other profile), because a caller could then choose what the log says. It also returns 400 if a "
                    "setting is missing, repeated or unknown. The response names the setting or header in "
                    <code>"error.extra"</code> "."
                </p>
                <p>
                    "Your proxy must also remove every header that begins with " <code>"X-Gatehouse"</code>
                    " from the caller's request. Some languages read " <code>"X_Gatehouse_Company"</code> " and "
                    <code>"X.Gatehouse.Company"</code> " as the same name, so remove these spellings too if your proxy passes them on."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

/// Status, what it means, what nginx is told instead.
const RESPONSES: [(u16, &str, &str); 6] = [
    (
        200,
        "The request is accepted. The identity headers are in the response.",
        "200",
    ),
    (400, "X-Brand-Id is not one of the company's brands.", "403"),
    (401, "No active key matches.", "401"),
    (403, "The key is for another environment.", "403"),
    (
        429,
        "The key has used up its request budget. Retry-After says when to try again.",
        "403",
    ),
    (
        503,
        "Gatehouse cannot confirm that its keys are up to date.",
        "503",
    ),
];

#[component]
fn Responses() -> impl IntoView {
    let rows = RESPONSES
        .into_iter()
        .map(|(status, when, nginx)| {
            view! {
                <tr>
                    <Cell narrow=Narrow::Lead>
                        <StatusBadge status />
                    </Cell>
                    <Cell narrow=Narrow::End monospace=true>{nginx}</Cell>
                    <Cell narrow=Narrow::Below>{when}</Cell>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Section id="responses" title=PAGE.part("responses")>
            <div class="docs__table">
                <Table
                    caption="Responses"
                    columns=vec![Column::new("Status"), Column::new("For nginx"), Column::new("When")]
                >
                    <tbody>{rows}</tbody>
                </Table>
            </div>
            <div class="prose">
                <p>
                    "Every 200 has " <code>"X-Gatehouse-Company"</code> ", " <code>"-Client-Id"</code> ", "
                    <code>"-Environment"</code> ", " <code>"-Key-Id"</code> ", " <code>"-Brand"</code> " and "
                    <code>"X-Request-Id"</code> ". A brand of " <code>"-"</code> " means that the request had none. Responses must not "
                    "be cached."
                </p>
                <p>
                    "nginx passes on 401 and 403 and turns every other refusal into a 500. For the profiles "
                    <code>"nginx"</code> " and " <code>"ingress-nginx"</code>
                    " a caller's error is therefore 403, "
                    <code>"X-Gatehouse-Status"</code> " has the real status and " <code>"X-Gatehouse-Body"</code>
                    " the body. The configuration below restores both. A call whose settings are wrong stays 400, which the \
                     configuration turns into a 503: fix the address that nginx calls."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Configurations() -> impl IntoView {
    let samples = SAMPLES
        .into_iter()
        .map(|(label, text)| view! { <Code label text /> })
        .collect_view();
    view! {
        <Section id="configurations" title=PAGE.part("configurations")>
            <div class="prose">
                <p>
                    "The proxy is at 127.0.0.1:8080, Gatehouse at 127.0.0.1:9090 and the API at 127.0.0.1:8000. Gatehouse reads \
                     the proxy's access log for the status of each request: start it with "
                    <code>"--completion-syslog 127.0.0.1:5514"</code> ", or with " <code>"--completion-file"</code>
                    " and the path of the log for Traefik and Envoy. Without it, a row's status is not known."
                </p>
                <p>
                    "All of these \
                     configurations refuse every request if Gatehouse does not respond. They are tested with nginx 1.22, \
                     Caddy 2.11, Traefik 3.7, Envoy 1.40 and HAProxy 2.6."
                </p>
            </div>
            {samples}
        </Section>
    }
    .into_any()
}
