//! Help: verifying deliveries, where they may go, and what becomes of secrets.

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
                    "Anybody can send a POST to your URL. " <code>{sign}</code>
                    " proves that a delivery is from here, and that nobody changed it:"
                </p>
                <ol>
                    <li>"Take the body as raw bytes, before anything parses it. Laid out anew it has another signature."</li>
                    <li>
                        "Compute HMAC-SHA-256 over them. The key is the whole access secret of the webhook's environment as text, \
                         with its " <code>{sandbox}</code> ", " <code>{dev}</code> " or " <code>{prod}</code> "."
                    </li>
                    <li>"Write it in lower-case hexadecimal after " <code>"v1="</code> "."</li>
                    <li>
                        "Compare that with the header, in constant time. If they differ, answer 401 and do nothing else."
                    </li>
                </ol>
            </div>
            <SnippetTabs id="verify-sample" what="Verifying a signature" snippets />
            <div class="prose">
                <p>
                    "While two keys are active either may sign: accept both, or read "
                    <a href=rotation>"which key signs meanwhile"</a>
                    ". The signature covers no time, so an old delivery stays valid: remember the "
                    <code>"webhook_id"</code> " of what you have handled, and ignore it the second time."
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
                    "Try your code on this before you try it on a delivery. The body is 145 bytes, without a line break at its end. \
                     The secret is an example and opens nothing."
                </p>
            </div>
            <Code label="Secret" text=EXAMPLE_SECRET.to_owned() wrap=true />
            <Code label="Body" text=EXAMPLE_BODY.to_owned() wrap=true />
            <Code label=delivery_headers().sign text=EXAMPLE_SIGN.to_owned() wrap=true />
            <Code
                label="The same by hand"
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
                    ", as the Standard Webhooks specification defines them, so any library for it can verify a delivery. The \
                     signature covers the time too. It is made with the webhook's own secret, which begins with "
                    <code>"whsec_"</code> ": reveal it, or copy it without revealing it, on " {webhook} "."
                </p>
                <ol>
                    <li>
                        "Join " <code>"webhook-id"</code> ", " <code>"webhook-timestamp"</code>
                        " and the raw body with a dot between them."
                    </li>
                    <li>
                        "Compute HMAC-SHA-256 over that. The key is what base64 after " <code>"whsec_"</code>
                        " decodes to."
                    </li>
                    <li>
                        <code>"webhook-signature"</code>
                        " is a list, separated by spaces. Accept the delivery if one entry is "
                        <code>"v1,"</code> " and your result in base64, compared in constant time."
                    </li>
                    <li>"Reject a delivery whose timestamp is more than five minutes away from your clock."</li>
                </ol>
                <p>
                    "When you rotate the secret, the list has two entries for 24 hours: by the new secret and by the former one. Give \
                     your receiver the new one in that time, and no delivery is refused. A second rotation within that time ends \
                     the oldest secret at once."
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
                    "A webhook's URL must begin with https:// and every address its name resolves to must be public. Private, \
                     loopback, link-local, multicast and reserved addresses are refused, whatever way they are written; one such \
                     address among several is enough. The check is made again for each connection, and for each redirect, so a \
                     name that resolves to something else later does not get around it."
                </p>
                <p>
                    {provider().name_at_start().to_owned()}
                    " can allow private networks, as the demo does for this machine. A refused attempt says "
                    <i>"Address not allowed"</i> " on the delivery's page."
                </p>
                <ul>
                    <li>"Certificates must be valid for the name. There is no way to switch that off."</li>
                    <li>"At most three redirects are followed, and none from https to http."</li>
                    <li>"The first 16 KiB of your response are kept, for you to read."</li>
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
                    "160 random bits behind the environment's name. It cannot be guessed, and it says nothing about you."
                </KeyValue>
                <KeyValue name="To recognise it">
                    "A keyed hash (HMAC-SHA-256). Whoever steals the database without the key of the hash cannot even test a guess."
                </KeyValue>
                <KeyValue name="To reveal it">
                    "The secret itself, sealed with XChaCha20-Poly1305 under a master key that is never in the database, and bound to \
                     its company, environment and key: moved to another row, it does not open."
                </KeyValue>
                <KeyValue name="Who sees it">
                    "Whoever may manage keys, when they generate, reveal or copy one. Each of these leaves a line in the audit trail. \
                     No page, log or export contains it otherwise."
                </KeyValue>
                <KeyValue name="When it is deleted">
                    "The sealed secret is erased at once. The hash, the last four characters, and who deleted it when stay for 90 \
                     days, so that a later try can be named in the log."
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
                    {logs} " keeps headers and the first 16 KiB of each body. Before anything is stored, these are replaced and \
                     marked as redacted: credentials, cookies, the access secret in any encoding, and the values of telling names."
                </p>
                <p>
                    "A name is read as words: " <code>"password"</code> " also hides " <code>"password_confirmation"</code> ", and "
                    <code>"ssn"</code> " hides " <code>"applicantSsn"</code> ". " {provider}
                    " can add names and exempt some. A body that is not valid JSON or a valid form, as it claims to be, is not stored, \
                     and the entry says why."
                </p>
                <p>
                    "Of a request whose key was not recognised only the method, the path, the address, the user agent and the reason for \
                     refusing it are kept: anyone can send one, because a Client ID is not a secret."
                </p>
            </div>
            <Notice tone=Tone::Info>"Do not put secrets into paths. They end up in logs, here and everywhere else."</Notice>
        </Section>
    }
    .into_any()
}
