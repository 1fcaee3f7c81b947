//! Pages of lists: reads `page`, `page_size` and filters from the query, and builds links to other pages.

use bytes::Bytes;
use http::Request;
use url::form_urlencoded;

/// Rows on a page unless the caller asks for fewer. It is the maximum too, because some programs read one page and take
/// it for the whole list.
const PAGE_SIZE: u32 = 100;

/// The decoded query of a request, in its original order.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The last value with this name. An empty value counts as missing.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(one, _)| one == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    /// At least 1, at most [`PAGE_SIZE`].
    pub(super) fn page_size(&self) -> u32 {
        let asked = self
            .get("page_size")
            .and_then(|text| text.parse::<u32>().ok())
            .filter(|size| *size > 0);
        asked.unwrap_or(PAGE_SIZE).min(PAGE_SIZE)
    }

    /// The same query with a different value for `name`.
    fn with(&self, name: &str, value: &str) -> String {
        let kept = self.0.iter().filter(|(one, _)| one != name);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair(name, value);
        query.finish()
    }

    /// A link to the page with this value for `name`.
    pub(super) fn link(&self, origin: &str, request: &Request<Bytes>, name: &str, value: &str) -> String {
        format!("{origin}{}?{}", request.uri().path(), self.with(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request<Bytes> {
        Request::builder()
            .uri(uri)
            .header("Host", "api.example.com:8080")
            .body(Bytes::new())
            .expect("a request")
    }

    #[test]
    fn a_link_keeps_the_rest_of_the_query() {
        let request = request(
            "/v1/webhook-requests/?status_code=500&cursor=b1&created_at__gte=2026-01-05T10%3A00%3A00%2B01%3A00",
        );
        let query = Query::of(&request);
        assert_eq!(query.get("created_at__gte"), Some("2026-01-05T10:00:00+01:00"));
        assert_eq!(
            query.link("http://api.example.com:8080", &request, "cursor", "b9"),
            "http://api.example.com:8080/v1/webhook-requests/?status_code=500\
             &created_at__gte=2026-01-05T10%3A00%3A00%2B01%3A00&cursor=b9"
        );
    }

    #[test]
    fn a_page_never_has_more_than_100_rows() {
        for (query, size) in [
            ("", 100),
            ("page_size=7", 7),
            ("page_size=1000", 100),
            ("page_size=0", 100),
            ("page_size=x", 100),
        ] {
            assert_eq!(
                Query::of(&request(&format!("/v1/webhooks/?{query}"))).page_size(),
                size,
                "{query}"
            );
        }
    }
}
