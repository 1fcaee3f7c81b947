//! *Test this key*: one request through the gateway, and its response.

use leptos::prelude::*;
use model::{KeyId, KeyTest};

use crate::browser::form;
use crate::pages::company::CompanyScope;
use crate::pages::samples;
use crate::ui::{Button, Card, Code, Field, StatusBadge, Toasts};
use crate::{AppError, api};

/// Without scripts, the response is on a page of its own.
#[component]
pub(super) fn TestCard(id: KeyId) -> impl IntoView {
    let scope = CompanyScope::here();
    let toasts = Toasts::here();
    let (busy, fault) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let answer = RwSignal::new(None::<KeyTest>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        fault.set(None);
        let path = form::entries(&event)
            .into_iter()
            .find_map(|(name, value)| (name == "path").then_some(value));
        let company = scope.client_id();
        leptos::task::spawn_local(async move {
            let tested = api::keys::test_key(company, id, path.unwrap_or_default()).await;
            if busy.try_set(false).is_some() {
                return; // The page was left.
            }
            match tested {
                Ok(test) => answer.set(Some(test)),
                Err(AppError::Invalid { message, .. }) => fault.set(Some(message)),
                Err(error) => toasts.fail_with("The key was not tested.", &error),
            }
        });
    };
    view! {
        <Card
            id="test"
            title="Test this key"
            lead="Sends one GET request with this key through the gateway, from your own address. It counts as a request of yours."
        >
            <form class="form" method="post" action=scope.path(&format!("keys/{id}/test")) on:submit=submit>
                <Field name="path" label="Path" monospace=true autocomplete="off" initial=samples::PATH error=fault />
                <div class="form__actions">
                    <Button id="send-test" submit=true busy=busy>"Send request"</Button>
                </div>
            </form>
            <div role="status">
                {move || answer.get().map(|test| view! { <Response test=test /> })}
            </div>
        </Card>
    }
}

#[component]
fn Response(test: KeyTest) -> impl IntoView {
    let scope = CompanyScope::here();
    let KeyTest {
        status,
        took_ms,
        request,
        body,
        is_cut,
    } = test;
    let row = request.map(|request| scope.path(&format!("logs/{request}")));
    let label = if is_cut {
        "Beginning of the response"
    } else {
        "Response"
    };
    view! {
        <p class="key-tested">
            <StatusBadge status=status />
            {format!(" after {took_ms} ms. ")}
            {row.map(|row| view! { <a href=row>"Show in Logs"</a> })}
        </p>
        {(!body.is_empty()).then(|| view! { <Code label=label text=body wrap=true /> })}
    }
}
