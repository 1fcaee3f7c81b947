//! Server functions of the webhooks tab, one file per verb.

mod change_webhook;
mod check_webhook;
mod copy_webhook_secret;
mod create_webhook;
mod delete_webhook;
mod deliveries_of_request;
mod delivery;
mod event_types;
mod list_webhooks;
mod replay_delivery;
mod reveal_webhook_secret;
mod rotate_webhook_secret;
mod send_test_event;
mod set_webhook_enabled;
mod webhook_detail;

pub use change_webhook::{ChangeWebhookCall, change_webhook};
pub use check_webhook::{CheckWebhookCall, check_webhook};
pub use copy_webhook_secret::{CopyWebhookSecretCall, copy_webhook_secret};
pub use create_webhook::{CreateWebhookCall, create_webhook};
pub use delete_webhook::{DeleteWebhookCall, delete_webhook};
pub use deliveries_of_request::{DeliveriesOfRequestCall, deliveries_of_request};
pub use delivery::{DeliveryCall, delivery};
pub use event_types::{EventTypesCall, event_types};
pub use list_webhooks::{ListWebhooksCall, list_webhooks};
pub use replay_delivery::{ReplayDeliveryCall, replay_delivery};
pub use reveal_webhook_secret::{RevealWebhookSecretCall, reveal_webhook_secret};
pub use rotate_webhook_secret::{RotateWebhookSecretCall, rotate_webhook_secret};
pub use send_test_event::{SendTestEventCall, send_test_event};
pub use set_webhook_enabled::{SetWebhookEnabledCall, set_webhook_enabled};
pub use webhook_detail::{WebhookDetailCall, webhook_detail};
