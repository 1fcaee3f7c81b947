//! `gatehouse admin` about the log: what is stored, erasing a company's requests, and the receipts of that.

use accounts::Company;
use model::{Actor, ClientId, Timestamp};
use store::logs::{Erasure, Receipt};

use super::answer::{Answer, Object};
use super::carry_out::{company, refused};
use crate::core::Core;
use crate::error::StartError;

/// Hides a company's requests at once. The server removes them in the background, now or at its next start. Without
/// `confirmed` only says what would be erased.
pub(super) async fn erase(
    core: &Core,
    client_id: ClientId,
    confirmed: bool,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let company = company(core, client_id).await?;
    let brands = core.accounts.brands(company.id).await.map_err(refused)?;
    if !confirmed {
        return Err(StartError::Refused(warning(&company, &brands)));
    }
    core.accounts
        .record_log_erasure(&company, actor)
        .await
        .map_err(refused)?;
    let erasure = Erasure {
        client_id,
        name: company.name.clone(),
        root: company.parent.unwrap_or(company.id),
        brands: brands.iter().map(|brand| brand.client_id).collect(),
        until: core.clock.now(),
        asked_by: actor.name.clone(),
    };
    let receipt = store::logs::erase(&core.log_db, erasure)
        .await
        .map_err(StartError::failed("erasing the log"))?;
    core.log_erased.notify_one();
    let seen_by = brands.iter().map(|brand| brand.id);
    for company in seen_by.chain([company.id]).chain(company.parent) {
        core.bus.publish(company, live::Topic::Logs);
    }
    Ok(Answer::One(object(&receipt)))
}

fn warning(company: &Company, brands: &[Company]) -> String {
    let with_brands = match brands.len() {
        0 => String::new(),
        1 => format!(" and its brand {}", brands[0].name),
        brands => format!(" and its {brands} brands"),
    };
    format!(
        "This erases every request of {}{with_brands} from the log, up to now. It cannot be undone. To do it, add --yes.",
        company.name
    )
}

/// The latest first.
pub(super) async fn erasures(core: &Core) -> Result<Answer, StartError> {
    let receipts = store::logs::receipts(&core.log_db)
        .await
        .map_err(StartError::failed("reading the log"))?;
    Ok(Answer::List(receipts.iter().map(object).collect()))
}

fn object(receipt: &Receipt) -> Object {
    Object::new()
        .with("client_id", receipt.client_id)
        .with("name", &receipt.name)
        .with("brands", receipt.brands)
        .with("erased_until", receipt.erased_until.to_rfc3339())
        .with("asked_by", &receipt.asked_by)
        .with("rows_removed", receipt.rows_removed)
        .with("segments_rewritten", receipt.segments_rewritten)
        .with_maybe("finished_at", receipt.finished_at.map(|at| at.to_rfc3339()))
}

/// What is stored, and for how long.
pub(super) async fn status(core: &Core) -> Result<Answer, StartError> {
    let status = store::logs::status(&core.log_db)
        .await
        .map_err(StartError::failed("reading the log"))?;
    let retention = core.retention;
    let days = |days: Option<u16>| days.map_or("off".to_owned(), |days| days.to_string());
    let log_bytes = retention
        .log_bytes
        .map_or("off".to_owned(), |bytes| bytes.to_string());
    Ok(Answer::One(
        Object::new()
            .with("log_days", days(retention.log_days))
            .with("body_days", days(retention.body_days))
            .with("log_bytes", log_bytes)
            .with("rows", status.rows)
            .with_maybe("oldest", status.oldest.map(|at| at.to_rfc3339()))
            .with("segments", status.segments)
            .with("rows_bytes", status.rows_bytes)
            .with("bodies_bytes", status.bodies_bytes)
            .with("damaged", status.damaged_segments)
            .with("damaged_rows", status.damaged_rows)
            .with("erasing", status.erasures)
            .with("gaps", status.gaps)
            .with_maybe("last_gap", status.last_gap.map(words_of_gap)),
    ))
}

fn words_of_gap((from, to): (Timestamp, Timestamp)) -> String {
    format!("{} to {}", from.to_rfc3339(), to.to_rfc3339())
}
