//! What is wrong with a search line, and where.

use model::search_line::LineError;

use crate::browser::combobox::Fault;

/// The first wrong word of a line.
pub(in crate::pages::logs::filters) fn first(line: &str, errors: &[LineError]) -> Option<Fault> {
    let error = errors.first()?;
    Some(Fault {
        before: line.get(..error.span.start)?.to_owned(),
        word: line.get(error.span.clone())?.to_owned(),
        sentence: error.fault.sentence(),
    })
}

#[cfg(test)]
mod tests {
    use model::FilterField;
    use model::search_line::read;

    use super::*;

    fn fault(line: &str) -> Option<Fault> {
        first(line, &read(line, None).1)
    }

    #[test]
    fn the_first_wrong_word_is_shown_at_its_place() {
        assert_eq!(fault("status:5xx /v1/orders"), None);
        let fault = fault("method:GET é status:9xx foo:bar").expect("a wrong word");
        assert_eq!(
            (fault.before.as_str(), fault.word.as_str()),
            ("method:GET é status:", "9xx")
        );
        assert!(fault.sentence.starts_with("status wants "), "{}", fault.sentence);
    }

    #[test]
    fn the_hint_below_the_line_has_every_name() {
        let names = FilterField::ALL.map(FilterField::name).join(", ");
        assert_eq!(
            names,
            "status, brand, env, key, method, verdict, error, recorded, path, endpoint, ip, duration, id"
        );
    }
}
