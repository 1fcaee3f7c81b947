//! Server functions of the webhooks tab, one file per verb.

mod change_webhook;
mod check_webhook;
mod create_webhook;
mod delete_webhook;
mod deliveries_of_request;
mod delivery;
mod list_webhooks;
mod replay_delivery;
mod send_test_event;
mod set_webhook_enabled;
mod webhook_detail;

pub use change_webhook::{ChangeWebhookCall, change_webhook};
pub use check_webhook::{CheckWebhookCall, check_webhook};
pub use create_webhook::{CreateWebhookCall, create_webhook};
pub use delete_webhook::{DeleteWebhookCall, delete_webhook};
pub use deliveries_of_request::{DeliveriesOfRequestCall, deliveries_of_request};
pub use delivery::{DeliveryCall, delivery};
pub use list_webhooks::{ListWebhooksCall, list_webhooks};
pub use replay_delivery::{ReplayDeliveryCall, replay_delivery};
pub use send_test_event::{SendTestEventCall, send_test_event};
pub use set_webhook_enabled::{SetWebhookEnabledCall, set_webhook_enabled};
pub use webhook_detail::{WebhookDetailCall, webhook_detail};
