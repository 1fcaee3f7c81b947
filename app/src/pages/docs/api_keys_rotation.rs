//! Help: from one key to the next without a refused request.

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
                        "An environment may have {MAX_ACTIVE_KEYS} active keys, so that the new one works before the old one stops. \
                         Try the steps in Sandbox once before you do them in Production.",
                    )}
                </p>
                <ol>
                    <li>
                        <b>"Generate a new key"</b> " for the environment on " {keys}
                        ". The old one stays active. With two keys active already, one must be deleted first."
                    </li>
                    <li>
                        <b>"Put it into your programs."</b> " Replace the value of " <code>{credential_names().secret}</code>
                        " wherever it is sent, and the secret your webhook receivers verify with. The Client ID stays as it is."
                    </li>
                    <li>
                        <b>"Check that it works."</b> " Make a call and look at " {logs}
                        ": the request must be accepted and carry the last four characters of the new key."
                    </li>
                    <li>
                        <b>"Delete the old key"</b>
                        " when nothing uses it any more. Deleting is at once and for good: when the page says that it is deleted, \
                         the next request with it is refused."
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
                        "While two keys are active, " {keys} " says when the older one was last used, and from which address. "
                        <i>"Last used"</i>
                        " is the latest request whose secret matched, whatever became of it."
                    </li>
                    <li>"The delete dialog says how many requests the key made in the last 24 hours. Wait until it says none."</li>
                    <li>
                        "If something still sends the old secret after it was deleted, it gets 401, and its log entry says which \
                         deleted key it was and who deleted it when. For 90 days, Gatehouse still recognises it."
                    </li>
                    <li>
                        "A job that runs once a month will not show up in 24 hours. Think of those before you delete."
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
                    "Deliveries are signed with an active key of their environment. There is one signature and it does not say by \
                     which key, so with two active keys Gatehouse finds out which one your receiver knows:"
                </p>
                <ol>
                    <li>
                        "It signs with the key that last succeeded for this webhook. Where none has, with the older one."
                    </li>
                    <li>
                        "If the receiver answers with a 4xx, other than 410 and 429, it tries once more with the other key, at once \
                         and within the same attempt."
                    </li>
                    <li>"The key that succeeds is the one it begins with next time."</li>
                </ol>
                <p>
                    "So a receiver may switch before or after your other programs, and no delivery is lost, as long as it answers a \
                     wrong signature with a 4xx such as 401. " {webhooks} " says which key signs now."
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
            <Notice tone=Tone::Warn title="A receiver that says 200 to a signature it rejects">
                "For Gatehouse that delivery has arrived: it will not be sent again, and the other key will not be tried. Answer 401 \
                 to a wrong signature. If your receiver cannot, let it accept both secrets while you rotate."
            </Notice>
            <div class="prose">
                <p>
                    "Accepting both for a while is the safest way in any case: verify with the new secret, then with the old one. "
                    <a href=verify>"Security"</a> " has a function to call twice."
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
                    " first and generate a new one afterwards. Some of your own requests will be refused for a while, and so will \
                     all of theirs. Then open a request made with the key in " {logs} "; the Key column has its last four characters. "
                    <i>"All its requests"</i>
                    " lists the others, and the page of each one says which address it came from. Anyone who has the secret could \
                     also have signed events, so check what your receivers accepted."
                </p>
            </div>
        </Section>
    }
    .into_any()
}
