//! `logs/vocabulary`.

use leptos::server;
use model::search_line::Vocabulary;
use model::{ClientId, LogFilter};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What the search line knows by name: the brands, and the keys and methods of the requests in the filter's date range.
#[server(name = VocabularyCall, prefix = "/rpc", endpoint = "logs/vocabulary", protocol = Rpc<GetUrl>)]
pub async fn vocabulary(
    company: ClientId,
    #[server(default)] filter: LogFilter,
) -> Result<Vocabulary, AppError> {
    use model::LogParts;
    let access = crate::ports::enter(company).await?;
    let in_range = LogFilter {
        range: filter.range,
        ..LogFilter::default()
    };
    let page = access.logs?.page(&in_range, LogParts::FACETS).await?;
    Ok(page
        .facets
        .map(|facets| Vocabulary::of(&access.context.brands, &facets))
        .unwrap_or_default())
}
