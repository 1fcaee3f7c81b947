//! An example payload for each event type, used by test events. It has the members listed in the contract's catalogue,
//! with values that are clearly examples.

use model::EventType;

const USER: &str = r#""user_id":"00000000000000000000000000000001""#;
const ORDER: &str =
    r#""order_id":"00000000000000000000000000000002","order_number":"EXAMPLE-1","template_id":null"#;
const UPDATED: &str = r#""updated_at":"2026-01-05T10:00:00.000000+00:00""#;
const LINK: &str = r#""link_id":"00000000000000000000000000000003""#;
const EMPLOYMENT: &str = r#""employment_id":"00000000000000000000000000000004""#;

/// A JSON object.
pub fn example_payload(event_type: EventType) -> String {
    use EventType as E;
    let members = match event_type {
        E::OrderCreated => order("pending"),
        E::OrderStatusUpdated => order("completed"),
        E::OrderRefreshFailed => order("expired"),
        E::OrderFinalized | E::CertificationCompleted => format!("{ORDER},{UPDATED}"),
        E::TaskStatusUpdated => {
            format!(
                r#""task_id":"00000000000000000000000000000005",{LINK},"status":"done","product":"income",{UPDATED}"#
            )
        }
        E::LinkConnected | E::LinkDisconnected | E::LinkDeleted => {
            format!(r#"{LINK},"data_source":"payroll""#)
        }
        E::EmploymentCreated | E::EmploymentUpdated | E::ProfileCreated | E::ProfileUpdated => {
            format!("{LINK},{EMPLOYMENT}")
        }
        E::StatementsCreated | E::StatementsUpdated | E::ShiftsCreated | E::ShiftsUpdated => {
            format!(r#"{LINK},{EMPLOYMENT},"objects_count":3"#)
        }
        E::BankAccountsCreated | E::BankAccountsUpdated => format!(r#"{LINK},"objects_count":2"#),
    };
    format!("{{{USER},{members}}}")
}

fn order(status: &str) -> String {
    format!(
        r#"{ORDER},{UPDATED},"status":"{status}","employer_id":null,"link_id":null,"product":"income","data_source":null"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_can_be_published() {
        for event_type in EventType::ALL {
            let (id, at) = (
                model::EventId::from_random([1; 16]),
                model::Timestamp::from_millis(0),
            );
            crate::event_body::build(id, *event_type, at, &example_payload(*event_type))
                .unwrap_or_else(|error| panic!("{event_type}: {error}"));
        }
    }
}
