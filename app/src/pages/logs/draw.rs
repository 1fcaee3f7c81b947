//! Draws the parts of a page that it has besides rows, on the server.

use model::{ClientId, LogFilter, LogPage};

use super::drawn::Drawn;
use super::{chart, facets, groups};

/// Draws the parts of a page that it has besides rows.
pub(crate) fn draw(company: ClientId, filter: &LogFilter, page: &LogPage) -> Drawn {
    if let Some(histogram) = &page.histogram {
        return chart::drawing::draw(company, filter, histogram);
    }
    let picture = if let Some(facets) = &page.facets {
        facets::drawing::draw(company, filter, facets)
    } else if let Some(errors) = &page.errors {
        groups::drawing::errors(company, filter, page, errors)
    } else if let Some(endpoints) = &page.endpoints {
        groups::drawing::endpoints(company, filter, page, endpoints)
    } else {
        return Drawn::default();
    };
    Drawn {
        picture,
        ..Drawn::default()
    }
}
