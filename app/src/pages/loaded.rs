//! What every page does with something it asked the server for: wait without moving, show it, or say what went wrong,
//! with the HTTP status that goes with it.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{AppError, sign_in_from};
use crate::pages::company::CompanyScope;
use crate::ui::{ButtonLink, EmptyState, IconName};

/// What a server function returns.
pub type Outcome<T> = Result<T, AppError>;

/// Shows `resource` with `render` once it is loaded, and keeps the old content while it is fetched again.
#[component]
pub fn Loaded<T, F>(resource: Resource<Outcome<T>>, render: F) -> impl IntoView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(T) -> AnyView + Clone + Send + Sync + 'static,
{
    let retry = Callback::new(move |()| resource.refetch());
    view! {
        <Transition fallback=|| view! { <Loading /> }>
            {move || {
                let render = render.clone();
                Suspend::new(async move {
                    match resource.await {
                        Ok(value) => render(value),
                        Err(error) => view! { <Failure error=error retry=retry /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// A value that is read from a resource. In the browser, what depends on it hears only of changes. On the server it is read
/// anew each time something is rendered: there a memo may be computed at the very moment at which its resource arrives on
/// another thread, miss that, and keep saying that there is nothing.
pub fn read_from<T>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<T>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    if cfg!(feature = "ssr") {
        Signal::derive(read)
    } else {
        Memo::new(move |_| read()).into()
    }
}

/// In place of what is loading. While it is on the page, the style sheet shows a thin bar at the top of the
/// window, after 150 ms.
#[component]
pub fn Loading() -> impl IntoView {
    view! { <p class="loading" role="status">"Loading…"</p> }
}

/// An error in place of what could not be shown; on the server it also sets the page's status.
///
/// `retry` fetches it again. The person can press *Try again*, which reloads the page if scripts are off. When the live
/// stream comes back after an interruption, a temporary failure is retried automatically.
#[component]
pub fn Failure(
    error: AppError,
    #[prop(optional)] retry: Option<Callback<()>>,
    /// It is all that the page has.
    #[prop(optional)]
    is_page: bool,
) -> impl IntoView {
    set_status(error.status());
    let here = address_here();
    let retry = retry.filter(|_| error.is_passing() || matches!(error, AppError::TooOften { .. }));
    if let Some(retry) = retry
        && error.is_passing()
        && let Some(scope) = use_context::<CompanyScope>()
    {
        retry_on_return(scope, retry);
    }
    let (title, text) = match &error {
        AppError::SignedOut => (
            "Your session has ended",
            "Sign in again to continue. You will come back to this page.".to_owned(),
        ),
        AppError::NotFound => (
            "Not found",
            "It may have been deleted, or the address is wrong.".to_owned(),
        ),
        AppError::Forbidden { .. } => ("Not allowed", error.to_string()),
        AppError::TooOften { .. } => ("Too many requests", error.to_string()),
        AppError::Outdated => ("Gatehouse has been updated", error.to_string()),
        _ => ("This could not be loaded", error.to_string()),
    };
    let signed_out = error == AppError::SignedOut;
    let outdated = error == AppError::Outdated;
    let sign_in = sign_in_from(&here);
    view! {
        <div class="failure" data-signed-out=signed_out.then_some("true")>
            <EmptyState title=title icon=IconName::Alert is_page=is_page>
                <p>{text}</p>
                {signed_out.then(|| view! { <ButtonLink href=sign_in>"Sign in"</ButtonLink> })}
                {outdated.then(|| view! { <p><a href="" rel="external">"Reload"</a></p> })}
                {retry.map(|retry| view! { <TryAgain retry=retry here=here /> })}
                {(!signed_out).then(|| view! { <p><a href="/">"Back to the start page"</a></p> })}
            </EmptyState>
        </div>
    }
    .into_any()
}

/// A link to this page, for browsers without scripts; with scripts it only fetches again what failed.
#[component]
fn TryAgain(retry: Callback<()>, here: String) -> impl IntoView {
    let press = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        retry.run(());
    };
    view! {
        <ButtonLink href=here icon=IconName::Retry on:click=press>
            "Try again"
        </ButtonLink>
    }
}

/// The stream comes back when the server does, so it is worth retrying what failed.
fn retry_on_return(scope: CompanyScope, retry: Callback<()>) {
    Effect::new(move |seen: Option<u64>| {
        let now = scope.returns();
        if seen.is_some_and(|seen| seen != now) {
            retry.run(());
        }
        now
    });
}

/// Path and query of the page that is shown. The browser's own address lags behind while a page is loading.
pub fn address_here() -> String {
    let location = use_location();
    untrack(|| {
        let (path, search) = (location.pathname.get(), location.search.get());
        if search.is_empty() {
            path
        } else {
            format!("{path}?{search}")
        }
    })
}

/// Sets the status of the page that is being rendered. Does nothing in the browser.
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
