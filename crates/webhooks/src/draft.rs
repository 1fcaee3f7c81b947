//! Checks what a form or a program asks for. Both get the same messages: the page shows them beside the field, and the
//! public API puts them into `invalid-params`.

use std::time::Duration;

use model::{CompanyId, Environment, EventType, InvalidWebhook, WebhookDraft, WebhookEvents};

use crate::event_types::KnownTypes;
use crate::target::{Host, Target};
use crate::{Blocked, Policy, Resolver};

/// The longest name, in characters (contract section 4.2).
pub const MAX_NAME_CHARACTERS: usize = 128;

/// The most unknown event types that one response names.
pub const MOST_NAMED: usize = 20;

/// How long a name may take to resolve when a webhook is saved. A name that has not resolved by then is accepted,
/// because every delivery checks it again.
const RESOLVE_AT_SAVE: Duration = Duration::from_secs(2);

/// An error in `field`, in the words of the public API.
pub fn fault(field: &str, message: impl Into<String>) -> InvalidWebhook {
    InvalidWebhook {
        field: field.to_owned(),
        message: message.into(),
    }
}

/// The documented error for a URL that another webhook in this environment has. It names `env_type`.
pub(crate) fn url_taken(environment: Environment) -> InvalidWebhook {
    fault(
        "env_type",
        format!("Webhook url for {environment} already registered"),
    )
}

/// Checks the name and trims it.
pub(crate) fn name(given: &str) -> Result<String, InvalidWebhook> {
    let name = given.trim();
    if name.is_empty() {
        return Err(fault("name", "This field may not be blank."));
    }
    if name.chars().count() > MAX_NAME_CHARACTERS {
        return Err(fault(
            "name",
            "Ensure this field has no more than 128 characters.",
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(fault("name", "Control characters are not allowed."));
    }
    Ok(name.to_owned())
}

/// The error for a text that is none of the values of `field`. A long text is cut.
pub fn not_a_choice(field: &str, text: &str) -> InvalidWebhook {
    const LONGEST: usize = 100;
    let shown: String = text.chars().take(LONGEST).collect();
    fault(field, format!("\"{shown}\" is not a valid choice."))
}

/// Sorts the types and removes duplicates. At least one is required, and each must be offered by the catalogue or be one
/// of `before`, the types that the webhook has.
pub(crate) fn events(
    given: WebhookEvents,
    known: &KnownTypes,
    before: Option<&WebhookEvents>,
) -> Result<WebhookEvents, Vec<InvalidWebhook>> {
    match given {
        WebhookEvents::All => Ok(WebhookEvents::All),
        WebhookEvents::Only(types) if types.is_empty() => Err(vec![fault(
            "events",
            "Choose at least one event type, or leave the field out for all of them.",
        )]),
        WebhookEvents::Only(mut types) => {
            types.sort_unstable();
            types.dedup();
            let kept = |event_type: &EventType| matches!(before, Some(WebhookEvents::Only(before)) if before.contains(event_type));
            let refused: Vec<_> = types
                .iter()
                .filter(|event_type| known.offered(event_type).is_none() && !kept(event_type))
                .take(MOST_NAMED)
                .map(|event_type| not_a_choice("events", event_type.as_str()))
                .collect();
            if refused.is_empty() {
                Ok(WebhookEvents::Only(types))
            } else {
                Err(refused)
            }
        }
    }
}

/// Checks that a delivery would be allowed to reach this URL now. The same policy checks it again on every connection.
pub(crate) async fn url(
    company: CompanyId,
    given: &str,
    policy: &Policy,
    resolver: &dyn Resolver,
) -> Result<Target, InvalidWebhook> {
    let refuse = |reason: String| fault("webhook_url", reason);
    if given.contains('#') {
        // The fragment is never sent, so two webhooks could look different although they are the same.
        return Err(refuse("The URL must not contain a fragment (#…).".to_owned()));
    }
    let target = Target::parse(given).map_err(|error| refuse(error.to_string()))?;
    policy
        .vet_name(&target)
        .map_err(|blocked| refuse(sentence(&blocked.to_string())))?;
    let addresses = match target.host() {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            match tokio::time::timeout(RESOLVE_AT_SAVE, resolver.resolve(name, company)).await {
                Ok(Ok(addresses)) if !addresses.is_empty() => addresses,
                // The name may resolve by the time of the first delivery.
                _ if target.is_https() => return Ok(target),
                // Plain http may only reach allowed networks, and this name does not lead to one.
                _ => return Err(refuse(sentence(&Blocked::PlainHttp.to_string()))),
            }
        }
    };
    policy.vet(&target, &addresses).map_err(|blocked| {
        let is_a_name = matches!(target.host(), Host::Name(_));
        refuse(match blocked {
            // Do not reveal what a name resolves to inside the operator's network.
            Blocked::NotPublic { .. } | Blocked::Own(_) if is_a_name => {
                sentence("the name does not resolve to a public address")
            }
            other => sentence(&other.to_string()),
        })
    })?;
    Ok(target)
}

fn sentence(reason: &str) -> String {
    let mut reason = reason.to_owned();
    if let Some(first) = reason.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("This address is not allowed. {reason}.")
}

/// A draft in which every field is valid.
#[derive(Debug)]
pub(crate) struct CheckedDraft {
    pub(crate) name: String,
    pub(crate) target: Target,
    /// The URL as given.
    pub(crate) url: String,
    pub(crate) events: WebhookEvents,
    pub(crate) environment: Environment,
    pub(crate) enabled: bool,
}

/// The faults of a draft's fields, in one list.
pub(crate) fn all_faults(
    name: Option<InvalidWebhook>,
    url: Option<InvalidWebhook>,
    events: Option<Vec<InvalidWebhook>>,
) -> Vec<InvalidWebhook> {
    let one_each = [name, url].into_iter().flatten();
    one_each.chain(events.into_iter().flatten()).collect()
}

/// Returns the checked draft, or all its errors at once.
pub(crate) async fn check(
    company: CompanyId,
    draft: &WebhookDraft,
    known: &KnownTypes,
    policy: &Policy,
    resolver: &dyn Resolver,
) -> Result<CheckedDraft, Vec<InvalidWebhook>> {
    let given = draft.url.trim();
    let parts = (
        name(&draft.name),
        url(company, given, policy, resolver).await,
        events(draft.events.clone(), known, None),
    );
    match parts {
        (Ok(name), Ok(target), Ok(events)) => Ok(CheckedDraft {
            name,
            target,
            url: given.to_owned(),
            events,
            environment: draft.environment,
            enabled: draft.enabled,
        }),
        (name, target, events) => Err(all_faults(name.err(), target.err(), events.err())),
    }
}
