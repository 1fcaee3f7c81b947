//! *Only* and *Not* beside a value of a request: links to the list that one came from, narrowed by that value.

use leptos::prelude::*;
use model::{ClientId, FilterField, LogFilter};

use crate::pages::logs::address;

/// A name that is read out has at most this many characters.
const LONGEST_NAME: usize = 80;

/// The list that one came from.
#[derive(Clone, Debug)]
pub(super) struct CameFrom {
    company: ClientId,
    filter: LogFilter,
}

impl CameFrom {
    /// Ids in the filter are left out: with one, every other condition would find that request or nothing.
    pub(super) fn new(company: ClientId, filter: &LogFilter) -> Self {
        let mut filter = filter.first_page();
        filter.clear(FilterField::Request);
        Self { company, filter }
    }

    /// The list with only this value of the field, or without it. None where the field cannot take the value.
    fn narrowed(&self, field: FilterField, exclude: bool, value: &str) -> Option<String> {
        let mut filter = self.filter.clone();
        if !exclude {
            filter.clear(field);
        }
        filter.add(field, exclude, value).ok()?;
        Some(address::of_list(self.company, &filter))
    }
}

/// Both links, or nothing where no filter can have the value. `words` are the value's, for those who do not see what the
/// links are beside.
#[component]
pub(super) fn Pivot(
    from: CameFrom,
    field: FilterField,
    #[prop(into)] value: String,
    #[prop(into)] words: String,
    /// The links say what they narrow by: for a value that is not beside them.
    #[prop(optional)]
    spelt_out: bool,
) -> impl IntoView {
    let words = short(&words);
    let link = |word: &'static str, href: String| {
        let hidden = if spelt_out { "" } else { "visually-hidden" };
        view! {
            <a class="pivot" href=href>
                {word}
                <bdi class=hidden>" "{words.clone()}</bdi>
            </a>
        }
    };
    let only = from.narrowed(field, false, &value)?;
    let without = from.narrowed(field, true, &value)?;
    Some(view! { <span class="pivots">{link("Only", only)} " " {link("Not", without)}</span> }.into_any())
}

/// Text that may be as long as a stranger wants, for a place that is not.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= LONGEST_NAME {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST_NAME - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(query: &str) -> CameFrom {
        let filter = query.parse().expect("a filter");
        CameFrom::new(ClientId::from_random([7; 16]), &filter)
    }

    fn query(address: Option<String>) -> String {
        let address = address.expect("a link");
        address.split_once('?').map_or("", |(_, query)| query).to_owned()
    }

    #[test]
    fn only_replaces_what_the_filter_said_of_the_field_and_keeps_the_rest() {
        let from = from("range=7d&status=4xx&status=500&-status=404&method=GET&before=9");
        assert_eq!(
            query(from.narrowed(FilterField::Status, false, "401")),
            "range=7d&status=401&method=GET"
        );
    }

    #[test]
    fn not_adds_an_exclusion_and_takes_the_value_off_what_was_included() {
        let from = from("status=4xx&method=GET&method=POST");
        assert_eq!(
            query(from.narrowed(FilterField::Status, true, "401")),
            "status=4xx&-status=401&method=GET&method=POST"
        );
        assert_eq!(
            query(from.narrowed(FilterField::Method, true, "GET")),
            "status=4xx&method=POST&-method=GET"
        );
    }

    #[test]
    fn an_id_in_the_filter_does_not_hide_what_the_links_lead_to() {
        let from = from("id=0123456789abcdef0123456789abcdef&range=1h");
        assert_eq!(
            query(from.narrowed(FilterField::Method, false, "GET")),
            "range=1h&method=GET"
        );
    }

    #[test]
    fn what_no_filter_can_have_has_no_link() {
        assert_eq!(
            from("").narrowed(FilterField::Path, false, &"x".repeat(8192)),
            None
        );
        assert_eq!(from("").narrowed(FilterField::Method, true, ""), None);
    }
}
