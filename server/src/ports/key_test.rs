//! *Test this key*: one request with the key through the gateway, from the address of the person who asks.

use std::net::IpAddr;
use std::time::Duration;

use app::AppError;
use bytes::Bytes;
use clock::Clock;
use gateway::Gateway;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::Body;
use http_body_util::BodyExt;
use keys::CredentialForm;
use model::{ClientId, KeyTest, RequestId, SecretText};

/// How long a person waits at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of the body that are shown.
const SHOWN: usize = 16 * 1024;

const LONGEST_PATH: usize = 1024;

/// A path with a query, as it goes into a request.
pub(super) fn path(text: &str) -> Result<Uri, AppError> {
    let text = text.trim();
    let is_path = text.starts_with('/') && !text.starts_with("//") && text.len() <= LONGEST_PATH;
    text.parse().ok().filter(|_| is_path).ok_or_else(|| {
        AppError::invalid(
            "path",
            "Enter a path that begins with one slash, such as /v1/users/.",
        )
    })
}

/// Who calls.
pub(super) struct Caller<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) gateway_url: &'a str,
    pub(super) form: &'a CredentialForm,
    pub(super) clock: &'a Clock,
    pub(super) client_id: ClientId,
    pub(super) address: IpAddr,
}

impl Caller<'_> {
    pub(super) async fn get(&self, path: Uri, secret: &SecretText) -> Result<KeyTest, AppError> {
        let started = self.clock.monotonic();
        let request = self.request(path, secret)?;
        let asked = async {
            let response = self.gateway.call(request, self.address).await;
            read(response, secret.expose()).await
        };
        let slow = "The API did not respond within 10 seconds. The request has a row in Logs.";
        let mut test = tokio::time::timeout(PATIENCE, asked)
            .await
            .map_err(|_| AppError::Unavailable(slow.to_owned()))?;
        let took = self.clock.monotonic().saturating_sub(started);
        test.took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(test)
    }

    fn request(&self, path: Uri, secret: &SecretText) -> Result<Request<()>, AppError> {
        let host = self.gateway_url.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        let mut secret = HeaderValue::from_str(secret.expose())
            .map_err(|_| AppError::Conflict("This secret cannot be sent in a header.".to_owned()))?;
        secret.set_sensitive(true);
        let mut request = Request::new(());
        *request.uri_mut() = path;
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::from_str(host) {
            headers.insert(header::HOST, host);
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("Gatehouse-test"));
        if let Ok(client_id) = HeaderValue::from_str(&self.client_id.to_string()) {
            headers.insert(self.form.client_id.header(), client_id);
        }
        headers.insert(self.form.secret.header(), secret);
        Ok(request)
    }
}

/// The beginning of a response. An API that repeats the secret does not bring it onto the page.
async fn read<B: Body<Data = Bytes> + Unpin>(response: Response<B>, secret: &str) -> KeyTest {
    let (parts, mut body) = response.into_parts();
    let request = parts
        .headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok()?.parse::<RequestId>().ok());
    let mut bytes = Vec::new();
    // A body that breaks off is shown as far as it came.
    while bytes.len() <= SHOWN
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    let is_cut = bytes.len() > SHOWN;
    // Replaced before it is cut, so that no part of a secret is left at the end.
    let text = String::from_utf8_lossy(&bytes).replace(secret, "[secret]");
    KeyTest {
        status: parts.status.as_u16(),
        took_ms: 0,
        request,
        body: match is_cut {
            true => text.chars().take(SHOWN - secret.len()).collect(),
            false => text,
        },
        is_cut,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[test]
    fn only_a_path_of_this_gateway_is_called() {
        for right in ["/", "/v1/users/?a=b", " /v1/%20 "] {
            assert!(path(right).is_ok(), "{right}");
        }
        let long = format!("/{}", "x".repeat(LONGEST_PATH));
        for wrong in [
            "",
            "v1/users",
            "//elsewhere.test/",
            "https://elsewhere.test/",
            "/a b",
            "/a\r\nb",
            &long,
        ] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_the_api_repeats_is_not_shown_even_at_the_cut() {
        let secret = "sandbox-0123456789abcdef";
        let read = async |text: String| super::read(Response::new(Full::from(text)), secret).await;
        let short = read(format!("a {secret} b")).await;
        assert_eq!((short.body.as_str(), short.is_cut), ("a [secret] b", false));
        for before in [SHOWN - 30, SHOWN - 10, SHOWN - 1] {
            let long = read(format!("{}{secret}{}", "x".repeat(before), "y".repeat(100))).await;
            assert!(long.is_cut && !long.body.contains("sandbox-"), "{before}");
        }
    }
}
