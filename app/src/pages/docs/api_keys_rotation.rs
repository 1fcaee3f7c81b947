//! Help: how to replace a key without downtime.

use leptos::prelude::*;
use model::MAX_ACTIVE_KEYS;

use super::document::Document;
use super::reader::Reader;
use crate::credential_names;
use crate::ui::{Notice, Section, Tone};

const PAGE: Document = Document::ApiKeysRotation;

#[component]
pub(super) fn ApiKeysRotation(reader: Reader) -> impl IntoView {
    view! {
        <Steps reader=reader.clone() />
        <IsItUsed reader=reader.clone() />
        <Signatures reader=reader.clone() />
        <Undetected reader=reader.clone() />
        <Leaked reader />
    }
    .into_any()
}

#[component]
fn Steps(reader: Reader) -> impl IntoView {
    let keys = reader.tab("keys", "API Keys");
    let logs = reader.tab("logs", "Logs");
    view! {
        <Section id="steps" title=PAGE.part("steps")>
            <div class="prose">
                <p>
                    {format!(
                        "An environment can have {MAX_ACTIVE_KEYS} active keys, so the new one works before you \
                         delete the old one. Try the steps in Sandbox before you do them in Production.",
                    )}
                </p>
                <ol>
                    <li>
                        <b>"Generate a new key"</b> " for the environment on " {keys}
                        ". The old one stays active. If two keys are already active, delete one first."
                    </li>
                    <li>
                        <b>"Use it in your programs."</b> " Replace the value of " <code>{credential_names().secret}</code>
                        " wherever you send it, and the secret your webhook receivers verify with. The Client ID does not change."
                    </li>
                    <li>
                        <b>"Check that it works."</b> " Send a request and look at " {logs}
                        ": the request must be accepted and show the last four characters of the new key."
                    </li>
                    <li>
                        <b>"Delete the old key"</b>
                        " once nothing uses it, or schedule its deletion on the key's own page, where you can still \
                         cancel it. Deleting is permanent: every system that still uses the key loses access within \
                         seconds."
                    </li>
                </ol>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn IsItUsed(reader: Reader) -> impl IntoView {
    let keys = reader.tab("keys", "API Keys");
    view! {
        <Section id="is-it-used" title=PAGE.part("is-it-used")>
            <div class="prose">
                <ul>
                    <li>
                        "While two keys are active, " {keys} " shows when the older one was last used, and from which address. "
                        <i>"Last used"</i>
                        " is the latest request with its secret, whatever the response was."
                    </li>
                    <li>
                        "A key's own page, which its name leads to, shows its newest request and the addresses that its \
                         requests came from in the last 7 days."
                    </li>
                    <li>"The delete dialog shows how many requests used the key in the last 24 hours. Wait until it shows none."</li>
                    <li>
                        "A request with the old secret gets 401 after you delete the key. Its log entry says which \
                         deleted key it used, and who deleted that key and when. Gatehouse recognises deleted keys \
                         for 90 days."
                    </li>
                    <li>
                        "A job that runs once a month may not show up in 24 hours. Check for such jobs before you delete."
                    </li>
                </ul>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Signatures(reader: Reader) -> impl IntoView {
    let webhooks = reader.tab("webhooks", "A webhook's page");
    view! {
        <Section id="signatures" title=PAGE.part("signatures")>
            <div class="prose">
                <p>
                    "Deliveries are signed with an active key of their environment. The signature does not say which \
                     key made it, so with two active keys Gatehouse finds out which one your receiver knows:"
                </p>
                <ol>
                    <li>
                        "It signs with the key that last succeeded for this webhook. If neither has, it uses the older one."
                    </li>
                    <li>
                        "If the receiver returns a 4xx other than 410 and 429, Gatehouse tries once more with the \
                         other key, immediately and within the same attempt."
                    </li>
                    <li>"Next time it starts with the key that succeeded."</li>
                </ol>
                <p>
                    "So a receiver can switch before or after your other programs without losing a delivery, \
                     provided it rejects a wrong signature with a 4xx such as 401. " {webhooks} " shows which key signs now."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Undetected(reader: Reader) -> impl IntoView {
    let verify = reader.part(Document::Security, "verify");
    view! {
        <Section id="undetected" title=PAGE.part("undetected")>
            <Notice tone=Tone::Warn title="A receiver that returns 200 for a signature it rejects">
                "Gatehouse then treats the delivery as successful: it does not retry it or try the other key. Return \
                 401 for a wrong signature. If your receiver cannot do that, have it accept both secrets while you \
                 rotate."
            </Notice>
            <div class="prose">
                <p>
                    "Accepting both for a while is always the safest way: verify with the new secret, then with the old one. "
                    <a href=verify>"Security"</a> " has a function that you can call with each secret."
                </p>
            </div>
        </Section>
    }
    .into_any()
}

#[component]
fn Leaked(reader: Reader) -> impl IntoView {
    let keys = reader.tab("keys", "API Keys");
    let logs = reader.tab("logs", "Logs");
    view! {
        <Section id="leaked" title=PAGE.part("leaked")>
            <div class="prose">
                <p>
                    "Do not wait for step 3. Delete the key on " {keys}
                    " first and generate a new one afterwards. Your own requests with it will be refused until you \
                     replace it, but so will everyone else's. Then open a request made with the key in " {logs} "; the Key column shows its last four characters. "
                    <i>"All requests with this key"</i>
                    " lists the others, and each one's page shows the address it came from. Anyone with the secret \
                     could also have signed events, so check what your receivers accepted."
                </p>
            </div>
        </Section>
    }
    .into_any()
}
