//! What the Webhooks pages post where scripts are off: make, change, pause, test and delete a webhook, reveal and rotate its
//! secret, replay a delivery.
//! Each does what the server function of the same name does, and leads back to a page.

use std::sync::Arc;
use std::time::Duration;

use accounts::Membership;
use app::AppError;
use app::pages::webhooks::WebhookFields;
use app::ports::{CompanyAccess, ManageWebhooks, SeeWebhooks};
use axum::Form;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use model::{DeliveryId, DeliveryState, EventType, SecretText, WebhookId};
use serde::Deserialize;

use super::AppState;
use super::plain_page::{self, escape, page};
use super::session::Caller;

/// An attempt ends within 10 s; the page of a test is shown once it has, or after so many looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 105;

/// A form with repeated names: the event types.
type Pairs = Form<Vec<(String, String)>>;

/// The id in the address; the company has been checked by the guard.
#[derive(Debug, Deserialize)]
pub struct WebhookPath {
    webhook: String,
}

/// The ids in the address of a delivery.
#[derive(Debug, Deserialize)]
pub struct DeliveryPath {
    webhook: String,
    delivery: String,
}

/// What the pause form sends.
#[derive(Debug, Deserialize)]
pub struct EnabledForm {
    enabled: bool,
}

/// What the test form sends.
#[derive(Debug, Deserialize)]
pub struct TestForm {
    event_type: EventType,
}

pub async fn create_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Form(pairs): Pairs,
) -> Response {
    let list = webhooks_page(&membership);
    let fields = WebhookFields::from_pairs(pairs);
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        match fields.draft(true) {
            Ok(draft) => webhooks.create(draft).await,
            Err(faults) => Ok(Err(faults)),
        }
    };
    match outcome.await {
        Ok(Ok(webhook)) => Redirect::to(&format!("{list}/{webhook}?saved=created")).into_response(),
        Ok(Err(_)) => Redirect::to(&format!("{list}/new?{}", query(&fields))).into_response(),
        Err(error) => refusal(&error, &list, &state),
    }
}

pub async fn change_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
    Form(pairs): Pairs,
) -> Response {
    let own = webhook_page(&membership, &path.webhook);
    let fields = WebhookFields::from_pairs(pairs);
    let outcome = async {
        let access = enter(&state, &caller, &membership).await?;
        let (webhooks, id) = (managing(&access)?, webhook_id(&path.webhook)?);
        let enabled = access.webhooks.detail(id).await?.row.webhook.enabled;
        match fields.draft(enabled) {
            Ok(draft) => webhooks.change(id, draft).await,
            Err(faults) => Ok(Err(faults)),
        }
    };
    match outcome.await {
        Ok(Ok(())) => Redirect::to(&format!("{own}?saved=changed")).into_response(),
        Ok(Err(_)) => Redirect::to(&format!("{own}/edit?{}", query(&fields))).into_response(),
        Err(error) => refusal(&error, &own, &state),
    }
}

pub async fn set_webhook_enabled(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
    Form(form): Form<EnabledForm>,
) -> Response {
    let own = webhook_page(&membership, &path.webhook);
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        webhooks
            .set_enabled(webhook_id(&path.webhook)?, form.enabled)
            .await
    };
    match outcome.await {
        Ok(()) => Redirect::to(&own).into_response(),
        Err(error) => refusal(&error, &own, &state),
    }
}

pub async fn delete_webhook(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
) -> Response {
    let list = webhooks_page(&membership);
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        webhooks.delete(webhook_id(&path.webhook)?).await
    };
    match outcome.await {
        Ok(()) => Redirect::to(&format!("{list}?deleted=1")).into_response(),
        Err(error) => refusal(&error, &list, &state),
    }
}

/// Sends, waits for the attempt to end, and shows it.
pub async fn send_test_event(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
    Form(form): Form<TestForm>,
) -> Response {
    let own = webhook_page(&membership, &path.webhook);
    let outcome = async {
        let access = enter(&state, &caller, &membership).await?;
        let delivery = managing(&access)?
            .send_test(webhook_id(&path.webhook)?, form.event_type)
            .await?;
        until_it_was_tried(access.webhooks.as_ref(), delivery).await?;
        Ok(delivery)
    };
    match outcome.await {
        Ok(delivery) => Redirect::to(&format!("{own}/deliveries/{delivery}")).into_response(),
        Err(error) => refusal(&error, &own, &state),
    }
}

pub async fn replay_delivery(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<DeliveryPath>,
) -> Response {
    let own = format!(
        "{}/deliveries/{}",
        webhook_page(&membership, &path.webhook),
        path.delivery
    );
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        webhooks
            .replay(path.delivery.parse().map_err(|_| AppError::NotFound)?)
            .await
    };
    match outcome.await {
        Ok(()) => Redirect::to(&format!("{own}?replayed=1")).into_response(),
        Err(error) => refusal(&error, &own, &state),
    }
}

/// For browsers without scripts: a `no-store` page that carries the secret (invariant 3).
pub async fn reveal_webhook_secret(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
) -> Response {
    let own = webhook_page(&membership, &path.webhook);
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        webhooks.reveal_secret(webhook_id(&path.webhook)?).await
    };
    match outcome.await {
        Ok(secret) => secret_page(
            "Standard Webhooks secret",
            "Leave this page when you have copied it.",
            &secret,
            &own,
            &state,
        ),
        Err(error) => refusal(&error, &own, &state),
    }
}

/// As [`reveal_webhook_secret`], with a new secret.
pub async fn rotate_webhook_secret(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(membership): Extension<Membership>,
    Path(path): Path<WebhookPath>,
) -> Response {
    let own = webhook_page(&membership, &path.webhook);
    let outcome = async {
        let webhooks = manager(&state, &caller, &membership).await?;
        webhooks.rotate_secret(webhook_id(&path.webhook)?).await
    };
    match outcome.await {
        Ok(rotated) => {
            let lead = format!(
                "This is the new secret. Deliveries are signed with the former one too until {}.",
                rotated.former_secret_until.to_page_text()
            );
            secret_page("Secret rotated", &lead, &rotated.secret, &own, &state)
        }
        Err(error) => refusal(&error, &own, &state),
    }
}

fn secret_page(title: &str, lead: &str, secret: &SecretText, back: &str, state: &AppState) -> Response {
    let body = format!(
        "<p>{}</p><pre class=\"code\"><code>{}</code></pre>{}",
        escape(lead),
        escape(secret.expose()),
        plain_page::link(back, "Back to the webhook")
    );
    page(StatusCode::OK, title, &body, state)
}

/// Returns once the delivery has an attempt or will have none, and at the latest when every attempt would have ended.
async fn until_it_was_tried(webhooks: &dyn SeeWebhooks, delivery: DeliveryId) -> Result<(), AppError> {
    for _ in 0..LOOKS {
        let row = webhooks.delivery(delivery).await?.row;
        if row.attempts > 0 || row.state != DeliveryState::Pending {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
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
) -> Result<Arc<dyn ManageWebhooks>, AppError> {
    managing(&enter(state, caller, membership).await?)
}

fn managing(access: &CompanyAccess) -> Result<Arc<dyn ManageWebhooks>, AppError> {
    access.webhook_manager.clone().ok_or(access.refusal())
}

fn webhook_id(text: &str) -> Result<WebhookId, AppError> {
    text.parse().map_err(|_| AppError::NotFound)
}

fn webhooks_page(membership: &Membership) -> String {
    format!("/c/{}/development/webhooks", membership.company.client_id)
}

/// What stands in an address was matched as one segment, so that it cannot lead out of the company's pages; what is no id
/// gets nothing but the list.
fn webhook_page(membership: &Membership, id: &str) -> String {
    let list = webhooks_page(membership);
    match id.parse::<WebhookId>() {
        Ok(id) => format!("{list}/{id}"),
        Err(_) => list,
    }
}

fn query(fields: &WebhookFields) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.to_pairs())
        .finish()
}

fn refusal(error: &AppError, back: &str, state: &AppState) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = format!(
        "<p>{}</p>{}",
        escape(&error.to_string()),
        plain_page::link(back, "Back")
    );
    page(status, "This was not done", &body, state)
}
