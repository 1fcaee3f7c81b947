//! The form posts of the Webhooks pages, for browsers without JavaScript: create, change, pause, test and delete a
//! webhook, reveal and rotate its secret, replay a delivery. Each does the same as the server function of that name and
//! redirects to a page.

use std::time::Duration;

use app::AppError;
use app::pages::webhooks::{WebhookFields, curl_of};
use app::ports::SeeWebhooks;
use axum::Form;
use axum::extract::{Path, RawQuery};
use axum::response::Response;
use model::{DeliveryId, DeliveryState, DeliveryView, EventType, SecretText, WebhookId};
use serde::Deserialize;

use super::posted::{Back, Posted, on_to};

/// An attempt takes at most 10 s. The page of a test is shown when the attempt has ended, or after a fixed number of
/// looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS: u32 = 105;

/// A form with repeated names, which are the event types.
type Pairs = Form<Vec<(String, String)>>;

/// The ids in the path. The guard has already checked the company.
#[derive(Debug, Deserialize)]
pub struct WebhookPath {
    webhook: String,
}

impl WebhookPath {
    fn id(&self) -> Result<WebhookId, AppError> {
        self.webhook.parse().map_err(|_| AppError::NotFound)
    }
}

/// The ids in the path of a delivery.
#[derive(Debug, Deserialize)]
pub struct DeliveryPath {
    webhook: String,
    delivery: String,
}

/// The fields of the pause form.
#[derive(Debug, Deserialize)]
pub struct EnabledForm {
    enabled: bool,
}

/// The fields of the form of a header. Without a value, the header is removed.
#[derive(Debug, Deserialize)]
pub struct HeaderForm {
    name: String,
    value: Option<SecretText>,
}

/// The fields of the form of the rate limit. Empty is no limit.
#[derive(Debug, Deserialize)]
pub struct RateForm {
    rate: String,
}

/// The fields of the test form.
#[derive(Debug, Deserialize)]
pub struct TestForm {
    event_type: EventType,
}

pub async fn create_webhook(posted: Posted, Form(pairs): Pairs) -> Response {
    let list = to_list(&posted);
    let fields = WebhookFields::from_pairs(pairs);
    let outcome = async {
        let webhooks = posted.access.webhook_manager.clone()?;
        match fields.draft(true) {
            Ok(draft) => webhooks.create(draft).await,
            Err(faults) => Ok(Err(faults)),
        }
    };
    posted.answer(outcome.await, &list, |created| match created {
        Ok(webhook) => on_to(&format!("{}/{webhook}", list.address), "saved=created"),
        Err(_) => on_to(&format!("{}/new", list.address), &query(&fields)),
    })
}

pub async fn change_webhook(posted: Posted, Path(path): Path<WebhookPath>, Form(pairs): Pairs) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let fields = WebhookFields::from_pairs(pairs);
    let outcome = async {
        let (webhooks, id) = (posted.access.webhook_manager.clone()?, path.id()?);
        let enabled = posted
            .access
            .webhooks
            .clone()?
            .detail(id)
            .await?
            .row
            .webhook
            .enabled;
        match fields.draft(enabled) {
            Ok(draft) => webhooks.change(id, draft).await,
            Err(faults) => Ok(Err(faults)),
        }
    };
    posted.answer(outcome.await, &own, |changed| match changed {
        Ok(()) => on_to(&own.address, "saved=changed"),
        Err(_) => on_to(&format!("{}/edit", own.address), &query(&fields)),
    })
}

pub async fn set_webhook_enabled(
    posted: Posted,
    Path(path): Path<WebhookPath>,
    Form(form): Form<EnabledForm>,
) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async {
        let webhooks = posted.access.webhook_manager.clone()?;
        webhooks.set_enabled(path.id()?, form.enabled).await
    };
    posted.answer(outcome.await, &own, |()| on_to(&own.address, ""))
}

pub async fn set_webhook_header(
    posted: Posted,
    Path(path): Path<WebhookPath>,
    Form(form): Form<HeaderForm>,
) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async {
        let webhooks = posted.access.webhook_manager.clone()?;
        let name = form.name.trim().to_owned();
        webhooks.set_header(path.id()?, name, form.value).await
    };
    posted.answer(outcome.await, &own, |()| on_to(&own.address, "saved=changed"))
}

pub async fn set_webhook_rate(
    posted: Posted,
    Path(path): Path<WebhookPath>,
    Form(form): Form<RateForm>,
) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async {
        let webhooks = posted.access.webhook_manager.clone()?;
        // What is no number is refused as a limit of none a second is.
        let rate = match form.rate.trim() {
            "" => None,
            rate => Some(rate.parse().unwrap_or(0)),
        };
        webhooks.set_rate_limit(path.id()?, rate).await
    };
    posted.answer(outcome.await, &own, |()| on_to(&own.address, "saved=changed"))
}

pub async fn delete_webhook(posted: Posted, Path(path): Path<WebhookPath>) -> Response {
    let list = to_list(&posted);
    let outcome = async { posted.access.webhook_manager.clone()?.delete(path.id()?).await };
    posted.answer(outcome.await, &list, |()| on_to(&list.address, "deleted=1"))
}

/// Sends a test event, waits for its attempt to end, and shows it.
pub async fn send_test_event(
    posted: Posted,
    Path(path): Path<WebhookPath>,
    Form(form): Form<TestForm>,
) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async {
        let webhooks = posted.access.webhook_manager.clone()?;
        let delivery = webhooks.send_test(path.id()?, form.event_type).await?;
        until_it_was_tried(posted.access.webhooks.clone()?.as_ref(), delivery).await?;
        Ok(delivery)
    };
    posted.answer(outcome.await, &own, |delivery| {
        on_to(&format!("{}/deliveries/{delivery}", own.address), "")
    })
}

pub async fn replay_delivery(
    posted: Posted,
    Path(path): Path<DeliveryPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let mut own = to_webhook(&posted, &path.webhook);
    let delivery = path.delivery.parse::<DeliveryId>();
    if let Ok(delivery) = delivery {
        own.address = format!("{}/deliveries/{delivery}", own.address);
    }
    let list = list_of(query.as_deref());
    let outcome = async {
        let replays = posted.access.replays.clone()?;
        replays.replay(delivery.map_err(|_| AppError::NotFound)?).await
    };
    posted.answer(outcome.await, &own, |()| {
        let separator = if list.is_empty() { "" } else { "&" };
        on_to(&own.address, &format!("{list}{separator}replayed=1"))
    })
}

/// The list that a delivery's page was opened from, as a query.
fn list_of(query: Option<&str>) -> String {
    let (list, _) = DeliveryView::parse_lenient(query.unwrap_or_default());
    list.first_page().to_string()
}

/// For browsers without JavaScript: a page with the command that sends the delivery by hand, signed now.
pub async fn sign_delivery(
    posted: Posted,
    Path(path): Path<DeliveryPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let mut own = to_webhook(&posted, &path.webhook);
    let outcome = async {
        let id: DeliveryId = path.delivery.parse().map_err(|_| AppError::NotFound)?;
        let delivery = posted.access.webhooks.clone()?.delivery(id).await?;
        let signed = posted.access.replays.clone()?.sign_again(id).await?;
        curl_of(&delivery, &signed).ok_or(AppError::NotFound)
    };
    let outcome = outcome.await.map(SecretText::new);
    if let Ok(id) = path.delivery.parse::<DeliveryId>() {
        own.address = format!("{}/deliveries/{id}?{}", own.address, list_of(query.as_deref()));
        own.words = "Back to the delivery";
    }
    posted.answer(outcome, &own, |command| {
        let lead = "Receivers that check the time of a signature accept it for five minutes.";
        posted.secret_page("Signed now", lead, &command, "", &own)
    })
}

/// For browsers without JavaScript: a `no-store` page that contains the secret (invariant 3).
pub async fn reveal_webhook_secret(posted: Posted, Path(path): Path<WebhookPath>) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async { posted.access.webhook_secrets.clone()?.reveal(path.id()?).await };
    posted.answer(outcome.await, &own, |secret| {
        let lead = "Leave this page once you have copied it.";
        posted.secret_page("Standard Webhooks secret", lead, &secret, "", &own)
    })
}

/// Like [`reveal_webhook_secret`], with a new secret.
pub async fn rotate_webhook_secret(posted: Posted, Path(path): Path<WebhookPath>) -> Response {
    let own = to_webhook(&posted, &path.webhook);
    let outcome = async { posted.access.webhook_secrets.clone()?.rotate(path.id()?).await };
    posted.answer(outcome.await, &own, |rotated| {
        let lead = format!(
            "This is the new secret. Deliveries are also signed with the previous one until {}.",
            rotated.former_secret_until.to_page_text()
        );
        posted.secret_page("Secret rotated", &lead, &rotated.secret, "", &own)
    })
}

/// Returns once the delivery has had an attempt or will have none. Gives up when any attempt would have ended.
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

fn to_list(posted: &Posted) -> Back {
    Back {
        address: posted.address("webhooks"),
        words: "Back to Webhooks",
    }
}

/// An id in a path was matched as one segment, so it cannot lead out of the company's pages. If it is not an id, the
/// result is the list.
fn to_webhook(posted: &Posted, id: &str) -> Back {
    let list = to_list(posted);
    match id.parse::<WebhookId>() {
        Ok(id) => Back {
            address: format!("{}/{id}", list.address),
            words: "Back to the webhook",
        },
        Err(_) => list,
    }
}

fn query(fields: &WebhookFields) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields.to_pairs())
        .finish()
}
