//! `gatehouse admin deliveries`: the operator's brake.

use model::{Actor, Timestamp};
use serde::{Deserialize, Serialize};
use webhooks::decide::BrakeAction;
use webhooks::{BrakeTotals, StorageFailure};

use super::answer::{Answer, Object};
use super::carry_out::{refused, sentence};
use super::command::{client_id, id};
use crate::brake::{Asked, Unusable};
use crate::cli::{DeliveriesAction, DeliverySelection};
use crate::config::ConfigError;
use crate::core::Core;
use crate::error::StartError;

/// What to do with which deliveries. Without `yes`, only counts them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveriesCommand {
    action: BrakeAction,
    asked: Asked,
    pub(super) yes: bool,
}

/// Parses the flags. Errors name the flag.
pub(super) fn parse(action: DeliveriesAction) -> Result<DeliveriesCommand, ConfigError> {
    let (action, selection) = match action {
        DeliveriesAction::Hold(selection) => (BrakeAction::Hold, selection),
        DeliveriesAction::Resume(selection) => (BrakeAction::Resume, selection),
        DeliveriesAction::Cancel(selection) => (BrakeAction::Cancel, selection),
    };
    let DeliverySelection {
        client_id: company,
        webhook,
        event_type,
        from,
        until,
        all,
        yes,
    } = selection;
    let event_type = event_type.map(|text| {
        text.parse()
            .map_err(|fault| ConfigError::new(format!("--event-type is {text:?}, but {fault}.")))
    });
    let asked = Asked {
        client_id: company.map(|text| client_id("--client-id", &text)).transpose()?,
        webhook: webhook.map(|text| id("--webhook", &text)).transpose()?,
        event_type: event_type.transpose()?,
        from: from.map(|text| time("--from", &text)).transpose()?,
        until: until.map(|text| time("--until", &text)).transpose()?,
        all,
    };
    Ok(DeliveriesCommand { action, asked, yes })
}

fn time(flag: &str, text: &str) -> Result<Timestamp, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::new(format!(
            "{flag} is {text:?}, but it must be a time, such as 2027-01-31T12:00:00Z."
        ))
    })
}

pub(super) async fn carry_out(
    core: &Core,
    command: DeliveriesCommand,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let DeliveriesCommand { action, asked, yes } = command;
    let wanted = asked.look_up(core).await.map_err(unusable)?;
    let brake = core.brake();
    if !yes {
        let found = brake.count(action, &wanted).await.map_err(failed)?;
        let counted = object(action, &found, found.deliveries, false);
        return Ok(Answer::One(counted.with(
            "next",
            format!(
                "Nothing was changed. To {} these deliveries, add --yes.",
                action.as_str()
            ),
        )));
    }
    let done = brake.act(action, &wanted, actor, None).await.map_err(failed)?;
    let object = object(action, &done.found, done.deliveries, true);
    Ok(Answer::One(match done.finished {
        true => object,
        false => object.with(
            "next",
            "Some deliveries could not be changed at the moment. Run the command again.",
        ),
    }))
}

/// `deliveries` is how many would be changed, or have been.
fn object(action: BrakeAction, found: &BrakeTotals, deliveries: u64, done: bool) -> Object {
    let accepted = found.accepted;
    Object::new()
        .with("action", action.as_str())
        .with("done", done)
        .with("deliveries", deliveries)
        .with("under_way", found.under_way)
        .with("webhooks", found.webhooks)
        .with("companies", found.companies)
        .with_maybe("oldest", accepted.map(|(oldest, _)| oldest.to_rfc3339()))
        .with_maybe("newest", accepted.map(|(_, newest)| newest.to_rfc3339()))
}

fn failed(error: StorageFailure) -> StartError {
    StartError::failed("changing deliveries")(std::io::Error::other(error))
}

fn unusable(why: Unusable) -> StartError {
    let text = match why {
        Unusable::NothingNamed => {
            "say which deliveries: --client-id, --webhook, --event-type, --from, --until, or --all of the installation"
        }
        Unusable::AllAndMore => "--all goes with no other flag that selects",
        Unusable::UnknownCompany => return refused(accounts::AccountsError::UnknownCompany),
        Unusable::UnknownWebhook => "there is no such webhook, or it belongs to another company",
        Unusable::UnknownEventType => {
            "there is no such event type; `gatehouse admin event-types list` shows them"
        }
        Unusable::Ends => "--until is before --from",
        Unusable::Accounts(error) => return refused(error),
        Unusable::Storage(error) => return failed(error),
    };
    sentence(text)
}
