//! `verify`: the same check for a proxy that asks before it forwards by itself (nginx, Envoy, Caddy, Traefik, HAProxy).

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use model::{Environment, Recorded, RequestId, Verdict};

use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::headers::{self, Identity};
use crate::judge::{Judged, Outcome, judge};
use crate::recording::Recording;
use crate::verify_call::{Misuse, VerifyCall};
use crate::{errors, refusal};

/// The status that the caller should get, for a proxy that cannot be given it.
const STATUS: &str = "x-gatehouse-status";

impl Gateway {
    /// 200 with the identity headers, or the refusal that the caller would have got; never to be cached. `query` is that of
    /// the route the proxy calls; where that or the headers leave doubt about what is asked, it is 400 and no log entry.
    /// `peer` is the proxy; it is believed about the caller's address when it is a trusted one.
    pub fn verify(&self, query: Option<&str>, headers: &HeaderMap, peer: IpAddr) -> Response<AnswerBody> {
        let mut response = match VerifyCall::read(query, headers) {
            Ok(call) => self.verified(call, headers, peer),
            Err(misuse) => self.misused(&misuse),
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn verified(&self, call: VerifyCall, headers: &HeaderMap, peer: IpAddr) -> Response<AnswerBody> {
        let mut request = Request::new(());
        *request.headers_mut() = headers::without_identity(headers);
        let (parts, ()) = request.into_parts();
        let (mut arrival, address) = self.arrival(&parts, Recorded::Verify, peer);
        arrival.method = call.method;
        arrival.path = call.path;
        let request_id = arrival.request_id;
        let mut judged = judge(&self.shared.keys, headers, arrival.at, address);
        only_of(call.environment, &mut judged);
        let (response, verdict, detail) = answer(&judged, request_id);
        let mut recording = Recording::new(Arc::clone(&self.shared), arrival, judged);
        recording.verdict(verdict, detail);
        let mut response = self.own(response, recording, &parts, request_id);
        if call.profile.knows_401_and_403_only() {
            for_auth_request(&mut response);
        }
        response
    }

    /// The proxy asks in a way that cannot be answered. That is the operator's to mend and stands in no company's log.
    fn misused(&self, misuse: &Misuse) -> Response<AnswerBody> {
        tracing::debug!(
            field = misuse.field,
            "a proxy's call to /verify was refused: {}",
            misuse.message
        );
        self.shared.counters.not_understood();
        let mut response = errors::incorrect_parameters([(misuse.field, misuse.message.as_str())]);
        let request_id = RequestId::time_ordered(self.shared.clock.now(), vault::random());
        headers::set_request_id(response.headers_mut(), request_id);
        AnswerBody::unrecorded(response, &Method::GET)
    }
}

/// A key passes only for the environment whose API asks.
fn only_of(environment: Environment, judged: &mut Judged) {
    if let Outcome::Passes { key, .. } = &judged.outcome
        && key.environment != environment
    {
        let detail = format!(
            "A {} key was sent to the {} API.",
            key.environment.label(),
            environment.label()
        );
        judged.outcome = Outcome::Refused {
            verdict: Verdict::WrongEnvironment,
            detail,
            retry_after: None,
        };
    }
}

fn answer(judged: &Judged, request_id: RequestId) -> (Response<Bytes>, Verdict, String) {
    match &judged.outcome {
        Outcome::Passes { key, brand } => {
            let mut response = Response::new(Bytes::new());
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
    }
}

/// What the caller did wrong must not look like a fault of the server: nginx would make a 500 of it. The real status goes
/// along, for a configuration that reads it. 503 stays what it is, because a 500 says much the same.
fn for_auth_request(response: &mut Response<AnswerBody>) {
    let status = response.status();
    response
        .headers_mut()
        .insert(STATUS, HeaderValue::from(status.as_u16()));
    if status.is_client_error() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
}
