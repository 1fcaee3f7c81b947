//! The form of a webhook as names and values: what a browser posts, what the query holds after a refusal, and what
//! the page fills in again. The names are those of the public API. `server` reads plain submissions with this too.

use model::{Environment, EventType, InvalidWebhook, Webhook, WebhookDraft, WebhookEvents};
use serde::{Deserialize, Serialize};

/// The fields as they were entered, right or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookFields {
    pub name: String,
    pub webhook_url: String,
    /// The name of an environment; anything else is a fault.
    pub env_type: String,
    pub all_events: bool,
    /// Sorted, without repetition. Kept while `all_events` is chosen, so that changing one's mind loses nothing.
    pub events: Vec<EventType>,
    /// The page was asked for again after a refusal, and names the faults.
    pub again: bool,
}

impl Default for WebhookFields {
    fn default() -> Self {
        Self {
            name: String::new(),
            webhook_url: String::new(),
            env_type: Environment::Sandbox.as_str().to_owned(),
            all_events: true,
            events: Vec::new(),
            again: false,
        }
    }
}

impl From<&Webhook> for WebhookFields {
    fn from(webhook: &Webhook) -> Self {
        let (all_events, events) = match &webhook.events {
            WebhookEvents::All => (true, Vec::new()),
            WebhookEvents::Only(types) => (false, types.clone()),
        };
        Self {
            name: webhook.name.clone(),
            webhook_url: webhook.url.clone(),
            env_type: webhook.environment.as_str().to_owned(),
            all_events,
            events,
            again: false,
        }
    }
}

impl WebhookFields {
    /// From what a form sent or a query holds; unknown names and unknown event types are passed over.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut fields = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "name" => fields.name = value,
                "webhook_url" => fields.webhook_url = value,
                "env_type" => fields.env_type = value,
                "all_events" => fields.all_events = value == "true",
                "events" => fields.events.extend(value.parse::<EventType>()),
                "again" => fields.again = true,
                _ => (),
            }
        }
        fields.events.sort_unstable();
        fields.events.dedup();
        fields
    }

    /// For a query that brings the form back as it was, with its faults named.
    pub fn to_pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("again", "1".to_owned()),
            ("name", self.name.clone()),
            ("webhook_url", self.webhook_url.clone()),
            ("env_type", self.env_type.clone()),
            ("all_events", self.all_events.to_string()),
        ];
        pairs.extend(self.events.iter().map(|event| ("events", event.to_string())));
        pairs
    }

    /// What should be saved, or the faults that the form alone shows.
    pub fn draft(&self, enabled: bool) -> Result<WebhookDraft, Vec<InvalidWebhook>> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: &str| {
            faults.push(InvalidWebhook {
                field: field.to_owned(),
                message: message.to_owned(),
            });
        };
        let name = self.name.trim();
        if name.is_empty() {
            fault("name", "Enter a name.");
        }
        let url = self.webhook_url.trim();
        if url.is_empty() {
            fault("webhook_url", "Enter the URL that should receive events.");
        }
        let environment = self.env_type.parse::<Environment>();
        if environment.is_err() {
            fault("env_type", "Choose an environment.");
        }
        if !self.all_events && self.events.is_empty() {
            fault("events", "Select at least one event, or choose all events.");
        }
        match environment {
            Ok(environment) if faults.is_empty() => Ok(WebhookDraft {
                name: name.to_owned(),
                url: url.to_owned(),
                environment,
                events: if self.all_events {
                    WebhookEvents::All
                } else {
                    WebhookEvents::Only(self.events.clone())
                },
                enabled,
            }),
            _ => Err(faults),
        }
    }
}

/// A fault in words for people, at the field that they can change. Programs get the documented words.
pub(super) fn in_page_words(fault: InvalidWebhook) -> InvalidWebhook {
    let (field, message) = match (fault.field.as_str(), fault.message.as_str()) {
        ("env_type", message) if is_taken(message) => (
            "webhook_url",
            "Another webhook in this environment already has this URL.",
        ),
        ("name", message) if message.contains("no more than 128") => ("name", "Use at most 128 characters."),
        ("webhook_url", message) if message.contains("no more than 2048") => {
            ("webhook_url", "Use at most 2048 characters.")
        }
        _ => return fault,
    };
    InvalidWebhook {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

/// Whether the fault is that another webhook of the environment has the URL (contract section 4.3).
pub(super) fn is_taken(message: &str) -> bool {
    message.ends_with("already registered")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_webhook_for_a_url_is_named_at_the_url() {
        let fault = |field: &str, message: &str| InvalidWebhook {
            field: field.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(
            in_page_words(fault("env_type", "Webhook url for sandbox already registered")),
            fault(
                "webhook_url",
                "Another webhook in this environment already has this URL."
            )
        );
        let other = fault("env_type", "Choose an environment.");
        assert_eq!(in_page_words(other.clone()), other);
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_form_survives_the_way_through_a_query() {
        let sent = pairs(&[
            ("name", "Orders"),
            ("webhook_url", "https://example.com/in?a=1&b=2"),
            ("env_type", "prod"),
            ("all_events", "false"),
            ("events", "task-status-updated"),
            ("events", "order-created"),
            ("events", "order-created"),
            ("find", "order"),
        ]);
        let fields = WebhookFields::from_pairs(sent);
        assert_eq!(
            fields.events,
            [
                EventType::from_static("order-created"),
                EventType::from_static("task-status-updated")
            ]
        );
        let back = WebhookFields::from_pairs(
            fields
                .to_pairs()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        assert_eq!(
            back,
            WebhookFields {
                again: true,
                ..fields
            }
        );
    }

    #[test]
    fn every_empty_field_is_named_at_once() {
        let fields = WebhookFields::from_pairs(pairs(&[
            ("env_type", "staging"),
            ("all_events", "false"),
            ("name", "  "),
        ]));
        let faults = fields.draft(true).expect_err("nothing was filled in");
        let named: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(named, ["name", "webhook_url", "env_type", "events"]);
    }

    #[test]
    fn all_events_wins_over_chosen_ones() {
        let fields = WebhookFields::from_pairs(pairs(&[
            ("name", " Orders "),
            ("webhook_url", "https://example.com/"),
            ("all_events", "true"),
            ("events", "order-created"),
        ]));
        let draft = fields.draft(true).expect("all is filled in");
        assert_eq!(
            (draft.name.as_str(), &draft.events),
            ("Orders", &WebhookEvents::All)
        );
    }
}
