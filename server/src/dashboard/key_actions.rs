//! Generate, reveal and delete as plain form posts, for browsers without scripts. Each answers with a `no-store` page
//! rendered outside Leptos: for generate and reveal that page is the answer that carries the secret (invariant 3).

use std::fmt::Write;
use std::sync::Arc;

use accounts::Membership;
use app::AppError;
use app::ports::{CompanyAccess, ManageKeys};
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Path, State};
use axum::response::Response;
use http::StatusCode;
use model::{Environment, KeyId, SecretText};
use serde::Deserialize;
use vault::Zeroizing;

use super::plain_page::{escape, page};
use super::session::Caller;
use super::{AppState, plain_page};

/// What the generate form sends.
#[derive(Debug, Deserialize)]
pub struct GenerateForm {
    environment: Environment,
}

/// What the delete form sends; the field is there for Production alone.
#[derive(Debug, Deserialize)]
pub struct DeleteForm {
    #[serde(default)]
    last_four: String,
}

/// The ids in the address; the company has been checked by the guard.
#[derive(Debug, Deserialize)]
pub struct KeyPath {
    key: String,
}

pub async fn generate_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Form(form): Form<GenerateForm>,
) -> Response {
    let back = keys_page(&membership);
    let answer = match manager(&state, &caller, &membership).await {
        Ok(keys) => keys.generate(form.environment).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(generated) => {
            let lead = format!(
                "A new {} key is active. You can reveal it again later.",
                form.environment.label()
            );
            secret_page("Key generated", &lead, &generated.secret, &back, &state)
        }
        Err(error) => refusal(&error, &back, &state),
    }
}

pub async fn reveal_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<KeyPath>,
) -> Response {
    let back = keys_page(&membership);
    let answer = match (manager(&state, &caller, &membership).await, key_id(&path)) {
        (Ok(keys), Ok(key)) => keys.reveal(key).await,
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    match answer {
        Ok(secret) => secret_page(
            "Access secret",
            "Leave this page when you have copied it.",
            &secret,
            &back,
            &state,
        ),
        Err(error) => refusal(&error, &back, &state),
    }
}

pub async fn delete_key(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<KeyPath>,
    form: Result<Form<DeleteForm>, FormRejection>,
) -> Response {
    let back = keys_page(&membership);
    // A form that cannot be read has nothing typed in it.
    let typed = form.map(|Form(form)| form.last_four).unwrap_or_default();
    let answer = async {
        let key = key_id(&path)?;
        let keys = manager(&state, &caller, &membership).await?;
        keys.delete(key, &typed).await
    };
    match answer.await {
        Ok(deleted) => {
            let body = format!(
                "<p>The {} key ending in <code>{}</code> has been rejected since {} ({} ms after you confirmed).</p>{}",
                deleted.environment.label(),
                escape(&deleted.last_four),
                escape(&deleted.refused_since.to_page_text()),
                deleted.took_ms,
                plain_page::link(&back, "Back to API Keys")
            );
            page(StatusCode::OK, "Key deleted", &body, &state)
        }
        Err(error) => refusal(&error, &back, &state),
    }
}

/// The ports of this caller in this company: the same ones that server functions get.
async fn enter(
    state: &AppState,
    caller: &Caller,
    membership: &Membership,
) -> Result<CompanyAccess, AppError> {
    state
        .backend
        .visitor(caller.clone())
        .enter(membership.company.client_id)
        .await
}

async fn manager(
    state: &AppState,
    caller: &Caller,
    membership: &Membership,
) -> Result<Arc<dyn ManageKeys>, AppError> {
    managing(&enter(state, caller, membership).await?)
}

fn managing(access: &CompanyAccess) -> Result<Arc<dyn ManageKeys>, AppError> {
    access.key_manager.clone().ok_or(access.refusal())
}

fn key_id(path: &KeyPath) -> Result<KeyId, AppError> {
    path.key.parse().map_err(|_| AppError::NotFound)
}

fn keys_page(membership: &Membership) -> String {
    format!("/c/{}/development/keys", membership.company.client_id)
}

fn secret_page(title: &str, lead: &str, secret: &SecretText, back: &str, state: &AppState) -> Response {
    let secret = Zeroizing::new(escape(secret.expose()));
    let (lead, back) = (escape(lead), plain_page::link(back, "Back to API Keys"));
    let names = &state.credential_names;
    let (id_header, secret_header) = (escape(&names.client_id), escape(&names.secret));
    let room = lead.len() + secret.len() + back.len() + id_header.len() + secret_header.len() + 512;
    let mut body = Zeroizing::new(String::with_capacity(room));
    // Writing to a String does not fail.
    let _ = write!(
        body,
        "<p>{lead}</p><pre class=\"code\"><code>{}</code></pre><p>Send it as <code>{secret_header}</code>, with your Client \
         ID as <code>{id_header}</code>.</p>{back}",
        *secret
    );
    page(StatusCode::OK, title, &body, state)
}

fn refusal(error: &AppError, back: &str, state: &AppState) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = format!(
        "<p>{}</p>{}",
        escape(&error.to_string()),
        plain_page::link(back, "Back to API Keys")
    );
    page(status, "This was not done", &body, state)
}
