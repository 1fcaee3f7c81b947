//! Reads a form of a key's page, and names the addresses that an allow-list would shut out.

use std::net::IpAddr;

use app::pages::key::{KeyFault, KeyFields, KeyPart, input_text};
use keys::{KeyChange, Limits, Setting, TermsFault};
use model::{KeyAddress, KeyTerms, Timestamp};

const HOUR_SECONDS: i64 = 3600;

/// What the form changes about these terms, or everything that is wrong with it.
pub(super) fn read(fields: &KeyFields, terms: &KeyTerms, now: Timestamp) -> Result<KeyChange, Vec<KeyFault>> {
    let mut change = KeyChange::default();
    match fields.part {
        KeyPart::Name => {
            change.name = Some(fields.name.clone());
            // Browsers end lines with CR and LF.
            change.note = Some(fields.note.replace("\r\n", "\n"));
        }
        KeyPart::Expiry => {
            change.expires_at = moment("expires_at", &fields.expires_at, terms.expires_at, true)?;
        }
        KeyPart::Deletion => change.delete_at = deletion(fields, terms.delete_at, now)?,
        KeyPart::Limits => {
            change.read_only = Some(fields.read_only);
            change.networks = Some(fields.networks());
            change.requests_a_minute = requests(&fields.requests_a_minute)?;
        }
    }
    change
        .checked(now)
        .map_err(|faults| faults.into_iter().map(fault).collect())
}

/// Of these addresses, those that may use the key now and could not after the change.
pub(super) fn shut_out(change: &KeyChange, terms: &KeyTerms, seen: Vec<KeyAddress>) -> Vec<KeyAddress> {
    let (before, after) = (Limits::of(terms), Limits::of(&change.apply(terms.clone())));
    let allows = |limits: &Option<std::sync::Arc<Limits>>, address: IpAddr| {
        limits.as_ref().is_none_or(|limits| limits.allows(address))
    };
    seen.into_iter()
        .filter(|one| {
            let address = one.address.parse::<IpAddr>();
            address.is_ok_and(|address| allows(&before, address) && !allows(&after, address))
        })
        .collect()
}

fn fault(fault: TermsFault) -> KeyFault {
    KeyFault {
        field: fault.field.to_owned(),
        message: fault.message,
    }
}

fn wrong(field: &str, message: &str) -> Vec<KeyFault> {
    vec![KeyFault {
        field: field.to_owned(),
        message: message.to_owned(),
    }]
}

/// The form has minutes. What was set to the second stays as it is unless it was changed.
fn moment(
    field: &str,
    text: &str,
    set: Option<Timestamp>,
    may_be_none: bool,
) -> Result<Setting<Timestamp>, Vec<KeyFault>> {
    let text = text.trim();
    if text == input_text(set) && (set.is_some() || may_be_none) {
        return Ok(Setting::Keep);
    }
    if text.is_empty() && may_be_none {
        return Ok(Setting::Clear);
    }
    text.parse()
        .map(Setting::To)
        .map_err(|_| wrong(field, "Enter a date and a time, such as 2027-01-31T12:00."))
}

fn deletion(
    fields: &KeyFields,
    set: Option<Timestamp>,
    now: Timestamp,
) -> Result<Setting<Timestamp>, Vec<KeyFault>> {
    let after = |hours: i64| Ok(Setting::To(now.plus_seconds(hours * HOUR_SECONDS)));
    match fields.delete.as_str() {
        "never" if set.is_none() => Ok(Setting::Keep),
        "never" => Ok(Setting::Clear),
        "1h" => after(1),
        "24h" => after(24),
        "7d" => after(7 * 24),
        "at" => moment("delete_at", &fields.delete_at, set, false),
        _ => Err(wrong("delete_at", "Choose when the key is deleted.")),
    }
}

fn requests(text: &str) -> Result<Setting<u32>, Vec<KeyFault>> {
    match text.trim() {
        "" => Ok(Setting::Clear),
        text => text
            .parse()
            .map(Setting::To)
            .map_err(|_| wrong("requests_a_minute", "Enter a whole number.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    fn form(part: KeyPart, change: impl FnOnce(&mut KeyFields)) -> KeyFields {
        let mut fields = KeyFields {
            part,
            ..KeyFields::from(&KeyTerms::default())
        };
        change(&mut fields);
        fields
    }

    #[test]
    fn a_deletion_is_scheduled_from_now_or_for_a_moment() {
        let read = |delete: &str, at: &str| {
            let fields = form(KeyPart::Deletion, |fields| {
                (fields.delete, fields.delete_at) = (delete.to_owned(), at.to_owned());
            });
            read(&fields, &KeyTerms::default(), NOW).map(|change| change.delete_at)
        };
        for (delete, hours) in [("1h", 1), ("24h", 24), ("7d", 168)] {
            assert_eq!(read(delete, ""), Ok(Setting::To(NOW.plus_seconds(hours * 3600))));
        }
        assert_eq!(
            read("at", "2026-01-05T12:01"),
            Ok(Setting::To(NOW.plus_seconds(60)))
        );
        assert_eq!(read("never", "2026-01-05T12:01"), Ok(Setting::Keep));
        for (delete, at) in [("at", ""), ("at", "soon"), ("at", "2026-01-05T12:00"), ("x", "")] {
            let faults = read(delete, at).expect_err("not a moment to come");
            assert_eq!(
                (faults.len(), faults[0].field.as_str()),
                (1, "delete_at"),
                "{delete} {at}"
            );
        }
    }

    #[test]
    fn a_moment_that_was_not_touched_keeps_its_seconds() {
        let at = NOW.plus_millis(61_234);
        let terms = KeyTerms {
            expires_at: Some(at),
            ..KeyTerms::default()
        };
        let untouched = KeyFields {
            part: KeyPart::Expiry,
            ..KeyFields::from(&terms)
        };
        let of = |text: &str| {
            let fields = KeyFields {
                expires_at: text.to_owned(),
                ..untouched.clone()
            };
            read(&fields, &terms, NOW).expect("right").expires_at
        };
        assert_eq!(of(&untouched.expires_at), Setting::Keep);
        assert_eq!(of(""), Setting::Clear);
        assert_eq!(of("2026-01-05T12:02"), Setting::To(NOW.plus_seconds(120)));
    }

    #[test]
    fn each_form_changes_what_is_in_it_and_nothing_else() {
        let limits = form(KeyPart::Limits, |fields| {
            fields.name = "of another form".to_owned();
            fields.networks = "192.0.2.0/24, 198.51.100.7\r\n2001:db8::/32".to_owned();
            fields.requests_a_minute = " 60 ".to_owned();
        });
        let change = read(&limits, &KeyTerms::default(), NOW).expect("right");
        assert_eq!(
            change,
            KeyChange {
                read_only: Some(false),
                networks: Some(vec![
                    "192.0.2.0/24".to_owned(),
                    "198.51.100.7/32".to_owned(),
                    "2001:db8::/32".to_owned()
                ]),
                requests_a_minute: Setting::To(60),
                ..KeyChange::default()
            }
        );
        let name = form(KeyPart::Name, |fields| {
            (fields.name, fields.note) = ("Billing".to_owned(), "a\r\nb".to_owned());
        });
        let change = read(&name, &KeyTerms::default(), NOW).expect("right");
        assert_eq!(
            (change.name.as_deref(), change.note.as_deref()),
            (Some("Billing"), Some("a\nb"))
        );
        assert_eq!(change.networks, None);
    }

    #[test]
    fn only_addresses_that_lose_access_are_shut_out() {
        let seen = |address: &str| KeyAddress {
            address: address.to_owned(),
            requests: 1,
            last: NOW,
        };
        let all = [
            "192.0.2.7",
            "192.0.2.200",
            "203.0.113.9",
            "2001:db8::1",
            "::ffff:192.0.2.8",
        ];
        let shut_out = |before: &[&str], after: &[&str]| {
            let list = |networks: &[&str]| networks.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            let terms = KeyTerms {
                networks: list(before),
                ..KeyTerms::default()
            };
            let change = KeyChange {
                networks: Some(list(after)),
                ..KeyChange::default()
            };
            let lost = super::shut_out(&change, &terms, all.map(seen).to_vec());
            lost.into_iter().map(|one| one.address).collect::<Vec<_>>()
        };
        assert_eq!(
            shut_out(&[], &["192.0.2.0/25"]),
            ["192.0.2.200", "203.0.113.9", "2001:db8::1"]
        );
        assert_eq!(shut_out(&["192.0.2.0/24"], &["192.0.2.0/25"]), ["192.0.2.200"]);
        assert_eq!(shut_out(&["192.0.2.0/25"], &["192.0.2.0/24"]), [""; 0]);
        assert_eq!(shut_out(&["192.0.2.0/25"], &[]), [""; 0]);
    }
}
