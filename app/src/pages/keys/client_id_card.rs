//! The first card on the tab: the Client ID, and a request that works.

use leptos::prelude::*;
use model::CompanyContext;

use crate::credential_names;
use crate::pages::samples;
use crate::ui::{Card, CopyButton, CopyLook, SnippetTabs};

#[component]
pub(super) fn ClientIdCard(company: CompanyContext) -> impl IntoView {
    let client_id = company.client_id.to_string();
    let names = credential_names();
    view! {
        <Card id="client-id" title="Client ID">
            <div class="client-id">
                <code class="client-id__value">{client_id.clone()}</code>
                <CopyButton text=client_id what="Client ID" kind=CopyLook::Secondary />
            </div>
            <p class="client-id__about">
                "Send it as " <code>{names.client_id}</code>
                " on every API request, together with the key's secret as " <code>{names.secret}</code>
                ". It is the same in every environment and is not a secret."
            </p>
            <SnippetTabs id="sample" what="Example request" snippets=samples::request(&company, "$SECRET") />
        </Card>
    }
}
