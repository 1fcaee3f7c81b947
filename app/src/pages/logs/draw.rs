//! Draws the parts of a page that it has besides rows, on the server.

use model::{ClientId, LogFilter, LogPage};

use super::drawn::Drawn;
use super::{chart, facets};

/// Draws the parts of a page that it has besides rows.
pub(crate) fn draw(company: ClientId, filter: &LogFilter, page: &LogPage) -> Drawn {
    match (&page.histogram, &page.facets) {
        (Some(histogram), _) => chart::drawing::draw(company, filter, histogram),
        (None, Some(facets)) => Drawn {
            picture: facets::drawing::draw(company, filter, facets),
            ..Drawn::default()
        },
        (None, None) => Drawn::default(),
    }
}
