//! The filter of deliveries as text.

use model::{AnswerFilter, DeliveryFilter, DeliveryState, DeliveryStateFilter, FailureClass, StatusFilter};

fn read(query: &str) -> DeliveryFilter {
    query.parse().expect(query)
}

#[test]
fn a_filter_is_written_as_it_is_read() {
    let id = "0192f7c3a1b2c3d4e5f60718293a4b5c";
    let whole = format!(
        "state=failing&state=exhausted&event=order-created&status=%3E%3D500&attempts=3\
         &from=2026-11-02T14:30:00.000Z&until=2026-11-02T15:00:00.000Z&id={id}&test=none"
    );
    let filter = read(&whole);
    assert_eq!(
        filter.states,
        [DeliveryStateFilter::Failing, DeliveryStateFilter::Exhausted]
    );
    assert_eq!(
        filter.answer,
        Some(AnswerFilter::Status(StatusFilter::AtLeast(500)))
    );
    assert_eq!(filter.attempts, Some(3));
    assert_eq!(filter.tests, Some(false));
    assert_eq!(filter.to_string(), whole);
    for class in FailureClass::ALL {
        let text = format!("failure={}", class.as_str());
        assert_eq!(read(&text).answer, Some(AnswerFilter::Failure(class)));
        assert_eq!(read(&text).to_string(), text);
    }
    for state in DeliveryStateFilter::ALL {
        let text = format!("state={}", state.as_str());
        assert_eq!(read(&text).to_string(), text);
    }
}

#[test]
fn the_order_and_repetition_of_states_and_empty_values_mean_nothing() {
    let filter = read("?state=exhausted&event=&state=failing&state=exhausted&from=&page=2");
    assert_eq!(filter.to_string(), "state=failing&state=exhausted");
    assert!(read("").is_all());
    assert!(read("state=&id=").is_all());
}

#[test]
fn what_cannot_be_met_or_read_is_named_and_left_out() {
    for (query, name, kept) in [
        ("state=broken&test=only", "state", "test=only"),
        ("event=Order%20created", "event", ""),
        ("status=700", "status", ""),
        ("failure=gone", "failure", ""),
        ("status=503&failure=dns", "failure", "status=503"),
        ("event=a-b&event=c-d", "event", "event=a-b"),
        ("attempts=-1", "attempts", ""),
        ("from=yesterday", "from", ""),
        (
            "from=2026-11-02&until=2026-11-01",
            "until",
            "from=2026-11-02T00:00:00.000Z",
        ),
        ("id=12", "id", ""),
        ("test=yes", "test", ""),
    ] {
        let (filter, wrong) = DeliveryFilter::parse_lenient(query);
        let names: Vec<_> = wrong.iter().map(|one| one.name).collect();
        assert_eq!(names, [name], "{query}");
        assert_eq!(filter.to_string(), kept, "{query}");
        assert_eq!(
            query.parse::<DeliveryFilter>().map_err(|error| error.name),
            Err(name)
        );
    }
}

#[test]
fn each_delivery_has_one_state_in_a_filter() {
    use DeliveryState as S;
    use DeliveryStateFilter as F;
    for (state, on_hold, attempts, expected) in [
        (S::Pending, false, 0, F::Waiting),
        (S::Pending, false, 1, F::Failing),
        (S::Pending, true, 1, F::OnHold),
        (S::Held, true, 0, F::OnHold),
        (S::Held, false, 2, F::Held),
        (S::Delivered, false, 1, F::Delivered),
        (S::Exhausted, false, 10, F::Exhausted),
        (S::Skipped, false, 0, F::Skipped),
        (S::Cancelled, false, 4, F::Cancelled),
    ] {
        assert_eq!(
            F::of(state, on_hold, attempts),
            expected,
            "{state:?} {on_hold} {attempts}"
        );
    }
}
