//! An API behind the gateway. It does what the path says and reports what it sees to the test.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

type AnswerBody = BoxBody<Bytes, std::io::Error>;

/// What the upstream sees.
pub(crate) enum Event {
    /// A request's head.
    Arrived { path: String },
    /// A piece of a request's body.
    Piece(Bytes),
    /// The caller left before it got a response.
    Left,
    /// A response that the test writes piece by piece. The channel closes when the gateway stops reading.
    Answering(mpsc::Sender<Result<Bytes, std::io::Error>>),
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (tell, events) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.expect("a connection");
                let tell = tell.clone();
                let service = service_fn(move |request| answer(request, tell.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        Self { address, events }
    }

    pub(crate) async fn next(&mut self) -> Event {
        test_wait::in_time("the upstream hears of something", self.events.recv())
            .await
            .expect("the upstream is running")
    }

    /// Waits for the next request's head, and returns its path.
    pub(crate) async fn arrived(&mut self) -> String {
        loop {
            if let Event::Arrived { path } = self.next().await {
                return path;
            }
        }
    }

    /// Waits for a response that the test writes piece by piece, and returns the channel for it.
    pub(crate) async fn answering(&mut self) -> mpsc::Sender<Result<Bytes, std::io::Error>> {
        loop {
            if let Event::Answering(hand) = self.next().await {
                return hand;
            }
        }
    }
}

struct TellWhenDropped(mpsc::UnboundedSender<Event>);

impl Drop for TellWhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send(Event::Left);
    }
}

async fn answer(
    request: Request<Incoming>,
    tell: mpsc::UnboundedSender<Event>,
) -> Result<Response<AnswerBody>, Infallible> {
    let path = request.uri().path().to_owned();
    // The test may have ended.
    let _ = tell.send(Event::Arrived { path: path.clone() });
    Ok(match path.trim_start_matches("/base") {
        "/hold" => {
            let _left = TellWhenDropped(tell);
            std::future::pending().await
        }
        "/stream" => {
            let (hand, pieces) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
            let _ = tell.send(Event::Answering(hand));
            let pieces = stream::unfold(pieces, async |mut pieces| {
                let piece = pieces.recv().await?;
                Some((piece.map(Frame::data), pieces))
            });
            Response::new(BodyExt::boxed(StreamBody::new(pieces)))
        }
        "/small" => with_status(StatusCode::OK, "application/json", r#"{"id":"o_1"}"#),
        "/late" => {
            let (hand, mut pieces) = mpsc::channel(1);
            let _ = tell.send(Event::Answering(hand));
            let piece: Option<Result<Bytes, std::io::Error>> = pieces.recv().await;
            let body = Full::new(piece.and_then(Result::ok).unwrap_or_default());
            Response::new(body.map_err(|never| match never {}).boxed())
        }
        "/redirect" => {
            let to = request.headers()["x-location"].clone();
            let refresh = format!("5; url={}", to.to_str().expect("text"));
            let link = format!("<{}>; rel=next", to.to_str().expect("text"));
            let mut response = with_status(StatusCode::FOUND, "text/plain", "");
            let headers = response.headers_mut();
            headers.insert("location", to.clone());
            headers.insert("content-location", to);
            headers.insert("refresh", HeaderValue::from_str(&refresh).expect("a value"));
            headers.insert("link", HeaderValue::from_str(&link).expect("a value"));
            response
        }
        "/early" => with_status(StatusCode::PAYLOAD_TOO_LARGE, "application/json", "{}"),
        "/no-content" => {
            let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        "/tell-secrets" => {
            let secret = request
                .headers()
                .get("x-echo")
                .map(|value| value.to_str().expect("text").to_owned());
            let body = format!(
                r#"{{"password":"hunter2","note":"{}"}}"#,
                secret.unwrap_or_default()
            );
            with_status(StatusCode::OK, "application/json", &body)
        }
        _ => echo(request, tell).await,
    })
}

fn with_status(status: StatusCode, content_type: &'static str, body: &str) -> Response<AnswerBody> {
    let mut response = Response::new(
        Full::new(Bytes::from(body.to_owned()))
            .map_err(|never| match never {})
            .boxed(),
    );
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static(content_type));
    response
}

/// Everything that was sent, as JSON, with response headers that must not reach the caller.
async fn echo(request: Request<Incoming>, tell: mpsc::UnboundedSender<Event>) -> Response<AnswerBody> {
    let (parts, mut body) = request.into_parts();
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
            let _ = tell.send(Event::Piece(data));
        }
    }
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.to_string()).or_default().push(value);
    }
    let seen = serde_json::json!({
        "method": parts.method.as_str(),
        "path": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&whole),
    });
    let mut response = with_status(StatusCode::OK, "application/json", &seen.to_string());
    for (name, value) in [
        ("x-request-id", "theirs"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("set-cookie", "__Host-gatehouse=stolen; Secure"),
        ("set-cookie", "mine=1"),
        ("x-kept", "yes"),
    ] {
        response
            .headers_mut()
            .append(name, HeaderValue::from_static(value));
    }
    response
}
