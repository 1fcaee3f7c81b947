//! What every page does with something it asked the server for: wait without moving, show it, or say what went wrong,
//! with the HTTP status that goes with it.

use leptos::prelude::*;

use crate::AppError;
use crate::ui::{ButtonLink, EmptyState, IconName};

/// What a server function answers.
pub type Outcome<T> = Result<T, AppError>;

/// Shows `resource` with `render` once it is there, and keeps the former content while it is asked for again.
#[component]
pub fn Loaded<T, F>(resource: Resource<Outcome<T>>, render: F) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=|| view! { <p class="loading" role="status">"Loading…"</p> }>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => render(value),
                        Err(error) => view! { <Failure error=error /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// An error in the place of what could not be shown; on the server it also decides the status of the page.
#[component]
pub fn Failure(error: AppError) -> impl IntoView {
    set_status(error.status());
    let title = match error {
        AppError::SignedOut => "Signed out",
        AppError::Forbidden { .. } => "Not allowed",
        AppError::NotFound => "Not found",
        AppError::TooOften { .. } => "Too many tries",
        _ => "This could not be loaded",
    };
    let signed_out = error == AppError::SignedOut;
    view! {
        <EmptyState title=title icon=IconName::Alert>
            <p>{error.to_string()}</p>
            {signed_out.then(|| view! { <ButtonLink href="/sign-in">"Sign in"</ButtonLink> })}
            {(!signed_out).then(|| view! { <p><a href="/">"Back to the start"</a></p> })}
        </EmptyState>
    }
}

/// The status of the page that is being rendered. Nothing in the browser.
pub fn set_status(status: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) = (
        use_context::<leptos_axum::ResponseOptions>(),
        http::StatusCode::from_u16(status),
    ) {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = status;
}
