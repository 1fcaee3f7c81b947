//! `POST /verify/completions`: lines of an access log in a body, for those that forward logs.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use serde_json::json;

use super::Outcome;
use crate::address::Peer;
use crate::answer::AnswerBody;
use crate::errors;
use crate::gateway::Gateway;
use crate::local::{Unread, read_whole};
use crate::request_body::{BoxError, RequestBody};

/// Bytes of one body.
const MOST: usize = 1 << 20;

impl Gateway {
    /// Takes one JSON object a line, and says what became of them. 403 if `peer` may not ask `/verify`.
    pub async fn completions_posted<B>(&self, request: Request<B>, peer: &Peer) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let mut response = self.posted(request, peer).await;
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        AnswerBody::unrecorded(response, &Method::POST)
    }

    async fn posted<B>(&self, request: Request<B>, peer: &Peer) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = &*self.shared;
        if !shared.options.may_verify(peer.address()) {
            return errors::not_authenticated("This address may not tell. Name it with --verify-peer.");
        }
        if request.method() != Method::POST {
            return errors::method_not_allowed(request.method(), &[Method::POST]);
        }
        let Some(completions) = &shared.log.completions else {
            return errors::error(
                StatusCode::NOT_FOUND,
                "not_found",
                "Completion is off. Start Gatehouse with --completion-wait, --completion-syslog or --completion-file.",
            );
        };
        let timeouts = &shared.options.timeouts;
        let (body, _) = RequestBody::new(request.into_body(), timeouts.body_idle, timeouts.body_total);
        let body = match read_whole(body, MOST).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return errors::body_too_large(MOST),
            Err(Unread::Fault(fault)) => return errors::unread_body(fault),
        };
        let mut all = Outcome::default();
        let lines = body.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.trim_ascii().is_empty()) {
            let Outcome {
                taken,
                unknown,
                malformed,
            } = completions.take(line);
            all.taken += taken;
            all.unknown += unknown;
            all.malformed += malformed;
        }
        let told = json!({ "taken": all.taken, "unknown": all.unknown, "malformed": all.malformed });
        let mut response = Response::new(Bytes::from(told.to_string()));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
