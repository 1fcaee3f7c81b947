//! `verify`: the same check for a proxy that asks before it forwards by itself (nginx, Envoy, Caddy, Traefik, HAProxy).

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use model::{Recorded, Verdict};

use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::headers::Identity;
use crate::judge::{Outcome, judge};
use crate::recording::Recording;
use crate::refusal;

/// Where the asking proxy says which request it is about.
const METHODS: [&str; 2] = ["x-forwarded-method", "x-original-method"];
const PATHS: [&str; 3] = ["x-forwarded-uri", "x-original-uri", "x-original-url"];

impl Gateway {
    /// 200 with the identity headers, or the refusal that the caller would have got; never to be cached. `peer` is the
    /// proxy; it is believed about the caller's address when it is a trusted one.
    pub fn verify(&self, headers: &HeaderMap, peer: IpAddr) -> Response<AnswerBody> {
        let first = |names: &[&str]| names.iter().find_map(|name| headers.get(*name)?.to_str().ok());
        let mut request = Request::new(());
        *request.headers_mut() = headers.clone();
        let (parts, ()) = request.into_parts();
        let (mut arrival, address) = self.arrival(&parts, Recorded::Verify, peer);
        arrival.method = first(&METHODS).unwrap_or("GET").to_owned();
        arrival.path = first(&PATHS).unwrap_or("/").to_owned();
        let request_id = arrival.request_id;
        let judged = judge(&self.shared.keys, headers, arrival.at, address);
        let (mut response, verdict, detail) = match &judged.outcome {
            Outcome::Passes { key, brand } => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::OK;
                Identity {
                    key,
                    brand: brand.as_ref(),
                    request_id,
                }
                .write(response.headers_mut());
                (response, Verdict::Accepted, String::new())
            }
            Outcome::Refused {
                verdict,
                detail,
                retry_after,
            } => (refusal(*verdict, *retry_after), *verdict, detail.clone()),
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let mut recording = Recording::new(Arc::clone(&self.shared), arrival, judged);
        recording.verdict(verdict, detail);
        self.own(response, recording, &parts, request_id)
    }
}
