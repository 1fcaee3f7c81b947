//! Checking what a form or a program asks for. The messages are for both: the page shows them beside the field, the public
//! API puts them into `invalid-params`.

use std::time::Duration;

use model::{CompanyId, Environment, InvalidWebhook, WebhookDraft, WebhookEvents};

use crate::target::{Host, Target};
use crate::{Blocked, Policy, Resolver};

/// Longest name, in characters (contract section 4.2).
pub const MAX_NAME_CHARACTERS: usize = 128;

/// At save a name gets so long to resolve. What does not resolve by then is let through: dialling judges it again.
const RESOLVE_AT_SAVE: Duration = Duration::from_secs(2);

/// A fault of `field`, in the words of the public API.
pub fn fault(field: &str, message: impl Into<String>) -> InvalidWebhook {
    InvalidWebhook {
        field: field.to_owned(),
        message: message.into(),
    }
}

/// The contract's answer to a URL that another webhook of the environment has. It names `env_type`.
pub(crate) fn url_taken(environment: Environment) -> InvalidWebhook {
    fault(
        "env_type",
        format!("Webhook url for {environment} already registered"),
    )
}

/// The name, without white space around it.
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

/// The types sorted and without repetition; never none.
pub(crate) fn events(given: WebhookEvents) -> Result<WebhookEvents, InvalidWebhook> {
    match given {
        WebhookEvents::All => Ok(WebhookEvents::All),
        WebhookEvents::Only(types) if types.is_empty() => Err(fault(
            "events",
            "Choose at least one event type, or leave the field out for all of them.",
        )),
        WebhookEvents::Only(mut types) => {
            types.sort_unstable();
            types.dedup();
            Ok(WebhookEvents::Only(types))
        }
    }
}

/// A URL that a delivery would be allowed to reach now. The same policy judges again at every dial.
pub(crate) async fn url(
    company: CompanyId,
    given: &str,
    policy: &Policy,
    resolver: &dyn Resolver,
) -> Result<Target, InvalidWebhook> {
    let refuse = |reason: String| fault("webhook_url", reason);
    if given.contains('#') {
        // It would not be sent, and the webhook would look like another one than it is.
        return Err(refuse("The URL must not have a part after #.".to_owned()));
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
                // A name that is not yet known may be known when the first delivery comes.
                _ if target.is_https() => return Ok(target),
                // Over http only the networks that are allowed may be reached, and this name leads to none.
                _ => return Err(refuse(sentence(&Blocked::PlainHttp.to_string()))),
            }
        }
    };
    policy.vet(&target, &addresses).map_err(|blocked| {
        let is_a_name = matches!(target.host(), Host::Name(_));
        refuse(match blocked {
            // What a name means inside the operator's network is nobody's to ask.
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

/// A draft whose every field is in order.
#[derive(Debug)]
pub(crate) struct CheckedDraft {
    pub(crate) name: String,
    pub(crate) target: Target,
    /// The URL as it was given.
    pub(crate) url: String,
    pub(crate) events: WebhookEvents,
    pub(crate) environment: Environment,
    pub(crate) enabled: bool,
}

/// All faults of a draft at once, or the draft in order.
pub(crate) async fn check(
    company: CompanyId,
    draft: &WebhookDraft,
    policy: &Policy,
    resolver: &dyn Resolver,
) -> Result<CheckedDraft, Vec<InvalidWebhook>> {
    let given = draft.url.trim();
    let parts = (
        name(&draft.name),
        url(company, given, policy, resolver).await,
        events(draft.events.clone()),
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
        (name, target, events) => Err([name.err(), target.err(), events.err()]
            .into_iter()
            .flatten()
            .collect()),
    }
}
