//! Draws the parts of a page that it has besides rows, on the server.

use model::{LogFilter, LogParts, LogView};

use super::drawn::{Drawn, Part};
use super::{chart, entry, facets, filters, groups, panels_drawn};
use crate::AppError;
use crate::ports::CompanyAccess;

/// Draws a part of the page for a filter. `line` is the search line of the address, which the form shows if something is wrong
/// with it; with `open`, *More filters* is open. For a request's page, it is the request.
pub(crate) async fn draw(
    access: CompanyAccess,
    part: Part,
    filter: LogFilter,
    line: &str,
    open: bool,
) -> Result<Drawn, AppError> {
    let (company, logs) = (access.context, access.logs?);
    let id = company.client_id;
    let page = async |parts| logs.page(&filter, parts).await;
    let drawn = match (part, filter.view) {
        (Part::Chart, _) => {
            let histogram = page(LogParts::HISTOGRAM).await?.histogram;
            histogram.map(|histogram| chart::drawing::draw(id, &filter, &histogram))
        }
        (Part::Facets, _) => {
            let facets = page(LogParts::FACETS).await?.facets;
            facets.map(|facets| facets::drawing::draw(id, &filter, &facets).into())
        }
        (Part::Groups, LogView::Errors) => {
            let page = page(LogParts::ERRORS).await?;
            let errors = page.errors.as_ref();
            errors.map(|errors| groups::drawing::errors(id, &filter, &page, errors).into())
        }
        (Part::Groups, LogView::Endpoints) => {
            let page = page(LogParts::ENDPOINTS).await?;
            let endpoints = page.endpoints.as_ref();
            endpoints.map(|endpoints| groups::endpoints::endpoints(id, &filter, &page, endpoints).into())
        }
        (Part::Groups, LogView::Addresses) => {
            let page = page(LogParts::ADDRESSES).await?;
            let addresses = page.addresses.as_ref();
            addresses.map(|addresses| groups::addresses::addresses(id, &filter, &page, addresses).into())
        }
        (Part::Groups, LogView::Requests) => None,
        (Part::Filters, _) => {
            let keys = logs.key_names().await?;
            Some(filters::drawing::draw(
                id,
                &filter,
                company.brands,
                keys,
                line,
                open,
            ))
        }
        (Part::Beside, _) => Some(
            entry::beside::draw(id, &filter, logs.as_ref(), line)
                .await?
                .into(),
        ),
        (Part::Panels, _) => {
            let views = access.views?.list().await?;
            Some(panels_drawn::draw(&company, &views, &filter))
        }
    };
    Ok(Drawn {
        filter,
        ..drawn.unwrap_or_default()
    })
}

impl From<crate::browser::html::Markup> for Drawn {
    fn from(main: crate::browser::html::Markup) -> Self {
        Self {
            main,
            ..Self::default()
        }
    }
}
