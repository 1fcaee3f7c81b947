//! Help: how to verify deliveries, where they may go, and how secrets are stored.

use leptos::prelude::*;
use model::DeliveryHeaders;

use super::document::Document;
use super::reader::Reader;
use super::verify_samples::{GO, NODE, PYTHON, RUBY};
use crate::credential_names;
use crate::delivery_headers;
use crate::provider;
use crate::ui::{Code, KeyValue, KeyValueList, Notice, Section, Snippet, SnippetTabs, Tone};

const PAGE: Document = Document::Security;

/// The third vector of the contract's section 4.6; `app/tests` and `crates/vault` compute it.
pub(super) const EXAMPLE_SECRET: &str = "sandbox-a57b3109f1f4a8b3f2ebbc1c526950f1795464af";
pub(super) const EXAMPLE_BODY: &str = r#"{"webhook_id":"488f424096d3461aa0e4cf11a985f6df","event_type":"task-status-updated","status":"done","user_id":"88fef4cea64c40b5ad6727cc9b0b9fdc"}"#;
pub(super) const EXAMPLE_SIGN: &str = "v1=47ca001bea963314d4c7c39943a67b2ebb14bff7703a213f71dc87fb96119c6f";

#[component]
pub(super) fn Security(reader: Reader) -> impl IntoView {
    view! {
        <Verify reader=reader.clone() />
        <Example />
        <StandardWebhooks reader=reader.clone() />
        <Addresses />
        <Secrets />
        <Log reader />
    }
    .into_any()
}

#[component]
fn Verify(reader: Reader) -> impl IntoView {
    let [sandbox, dev, prod] = credential_names().prefixes;
    let rotation = reader.part(Document::ApiKeysRotation, "signatures");
    let sign = delivery_headers().sign;
    let sample = |label: &str, text: &str| Snippet::new(label, text.replace(DeliveryHeaders::SIGN, &sign));
    let snippets = vec![
        sample("Python", PYTHON),
        sample("Node", NODE),
        sample("Go", GO),
        sample("Ruby", RUBY),
    ];
    view! {
        <Section id="verify" title=PAGE.part("verify")>
            <div class="prose">
                <p>
                    "Anyone can send a POST to your URL. " <code>{sign}</code>
                    " proves that a delivery comes from us and was not changed:"
                </p>
                <ol>
                    <li>"Take the body as raw bytes, before anything parses it. A reformatted body has a different signature."</li>
                    <li>
                        "Compute HMAC-SHA-256 over them. The key is the complete access secret of the webhook's \
                         environment as text, including its " <code>{sandbox}</code> ", " <code>{dev}</code> " or " <code>{prod}</code> "."
                    </li>
                    <li>"Write the result in lower-case hexadecimal after " <code>"v1="</code> "."</li>
                    <li>
                        "Compare that with the header in constant time. If they differ, return 401 and do nothing else."
                    </li>
                </ol>
            </div>
            <SnippetTabs id="verify-sample" what="Verifying a signature" snippets />
            <div class="prose">
                <p>
                    "While two keys are active, either may sign: accept both, or see "
                    <a href=rotation>"which key signs during rotation"</a>
                    ". The signature does not cover the time, so an old delivery stays valid. Store the "
                    <code>"webhook_id"</code> " of the events you have handled, and ignore repeats."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Example() -> impl IntoView {
    view! {
        <Section id="example" title=PAGE.part("example")>
            <div class="prose">
                <p>
                    "Test your code with this example first. The body is 145 bytes, without a line break at the end. \
                     The secret is only an example and gives access to nothing."
                </p>
            </div>
            <Code label="Secret" text=EXAMPLE_SECRET.to_owned() wrap=true />
            <Code label="Body" text=EXAMPLE_BODY.to_owned() wrap=true />
            <Code label=delivery_headers().sign text=EXAMPLE_SIGN.to_owned() wrap=true />
            <Code
                label="The same on the command line"
                text=format!("printf '%s' '{EXAMPLE_BODY}' |\n  openssl dgst -sha256 -hmac '{EXAMPLE_SECRET}'")
                wrap=true
            />
        </Section>
    }
    .into_any()
}

#[component]
fn StandardWebhooks(reader: Reader) -> impl IntoView {
    let webhook = reader.tab("webhooks", "the webhook's page");
    view! {
        <Section id="standard-webhooks" title=PAGE.part("standard-webhooks")>
            <div class="prose">
                <p>
                    "Each delivery also carries " <code>"webhook-id"</code> ", " <code>"webhook-timestamp"</code> " and "
                    <code>"webhook-signature"</code>
                    ", as defined by the Standard Webhooks specification, so any library for it can verify a \
                     delivery. This signature also covers the time. It is made with the webhook's own secret, which \
                     begins with "
                    <code>"whsec_"</code> ". Reveal it, or copy it without revealing it, on " {webhook} "."
                </p>
                <ol>
                    <li>
                        "Join " <code>"webhook-id"</code> ", " <code>"webhook-timestamp"</code>
                        " and the raw body with dots."
                    </li>
                    <li>
                        "Compute HMAC-SHA-256 over that. The key is what the base64 text after " <code>"whsec_"</code>
                        " decodes to."
                    </li>
                    <li>
                        <code>"webhook-signature"</code>
                        " is a list separated by spaces. Accept the delivery if one entry is "
                        <code>"v1,"</code> " followed by your result in base64, compared in constant time."
                    </li>
                    <li>"Reject a delivery whose timestamp is more than five minutes away from your clock."</li>
                </ol>
                <p>
                    "When you rotate the secret, the list has two entries for 24 hours: one made with the new secret \
                     and one with the previous one. Give your receiver the new secret within that time so that it \
                     does not refuse any deliveries. If you rotate again within that time, the oldest secret stops working immediately."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Addresses() -> impl IntoView {
    view! {
        <Section id="addresses" title=PAGE.part("addresses")>
            <div class="prose">
                <p>
                    "A webhook's URL must start with https://, and every address its name resolves to must be \
                     public. Private, loopback, link-local, multicast and reserved addresses are refused however \
                     they are written. If a name resolves to several addresses and even one of them is of these kinds, the name is refused. The check is repeated for each connection and \
                     each redirect, so a name that later resolves to something else is refused too."
                </p>
                <p>
                    {provider().name_at_start().to_owned()}
                    " can allow private networks. The webhook form shows which ones are allowed. A refused attempt shows "
                    <i>"Address not allowed"</i> " on the delivery's page."
                </p>
                <ul>
                    <li>"Certificates must be valid for the name. This check cannot be switched off."</li>
                    <li>"At most three redirects are followed, and none from https to http."</li>
                    <li>"The first 16 KiB of your response are stored and shown on the delivery's page."</li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Secrets() -> impl IntoView {
    view! {
        <Section id="secrets" title=PAGE.part("secrets")>
            <KeyValueList>
                <KeyValue name="What it is">
                    "160 random bits after the environment's name. It cannot be guessed and says nothing about you."
                </KeyValue>
                <KeyValue name="How we recognise it">
                    "A keyed hash (HMAC-SHA-256). Someone who steals the database but not the hash's key cannot even test a guess."
                </KeyValue>
                <KeyValue name="How we can reveal it">
                    "We also store the secret itself, encrypted with XChaCha20-Poly1305 under a master key that is never in the \
                     database. It is bound to its company, environment and key: moved to another row, it cannot be \
                     decrypted."
                </KeyValue>
                <KeyValue name="Who sees it">
                    "Only people who can manage keys, when they generate, reveal or copy one. Each of these actions is recorded \
                     in the audit trail. No other page, log or export contains it."
                </KeyValue>
                <KeyValue name="When it is deleted">
                    "The encrypted secret is erased immediately. The hash, the last four characters, and who deleted \
                     it and when are stored for 90 days, so that the log can identify later attempts to use it."
                </KeyValue>
            </KeyValueList>
        </Section>
    }
    .into_any()
}

#[component]
fn Log(reader: Reader) -> impl IntoView {
    let logs = reader.tab("logs", "Logs");
    let provider = crate::provider().name_at_start().to_owned();
    view! {
        <Section id="log" title=PAGE.part("log")>
            <div class="prose">
                <p>
                    {logs} " stores headers and the first 16 KiB of each body. Before anything is stored, these are \
                     replaced and marked as redacted: credentials, cookies, the access secret in any encoding, and \
                     the values of fields with sensitive names."
                </p>
                <p>
                    "Names are matched by word: " <code>"password"</code> " also hides " <code>"password_confirmation"</code> ", and "
                    <code>"ssn"</code> " hides " <code>"applicantSsn"</code> ". " {provider}
                    " can add names and exempt others. A body that claims to be JSON or a form but is not valid is \
                     not stored, and the entry says why."
                </p>
                <p>
                    "If a request's key was not recognised, only the method, path, address, user agent and the \
                     reason for the refusal are stored: anyone can send such a request, because a Client ID is not a \
                     secret."
                </p>
                <p>
                    "An export has what is stored, and nothing more. Who exported what is recorded in the audit trail. The                      last line of a complete file says how many requests it has, so a download that was cut off can be told                      from a whole one. In CSV, times are in UTC, and a value that a spreadsheet would take for a formula has an                      apostrophe before it."
                </p>
            </div>
            <Notice tone=Tone::Info>"Do not put secrets into paths. They end up in logs, here and everywhere else."</Notice>
        </Section>
    }
    .into_any()
}
