//! `verify`: the same check, for a proxy that asks first and then forwards the request itself (nginx, Envoy, Caddy,
//! Traefik, HAProxy).

use std::sync::{Arc, Once};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use model::{Environment, Recorded, Verdict};

use crate::address::Peer;
use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::headers::{self, REQUEST_ID};
use crate::identity::{self, Identity};
use crate::judge::{Outcome, judge};
use crate::recording::{Arrival, Recording};
use crate::verify_call::{Misuse, Profile, VerifyCall};
use crate::{errors, open, refusal, request_ids};

/// The status that the caller should get, for proxies that cannot pass every status on.
const STATUS: &str = "x-gatehouse-status";

/// How many headers the response has.
const HEADERS: usize = 12;

/// The body that the caller should get, for proxies that pass no body on.
const BODY: &str = "x-gatehouse-body";

impl Gateway {
    /// Returns 200 with the identity headers, or the refusal that the gateway would have sent. Never cacheable. `query`
    /// is the query of the URL that the proxy calls. If the query or the headers leave unclear what is being asked, the
    /// response is 400 and nothing is logged; 403 if `peer`, the proxy, may not ask. It may name the caller's address if it is
    /// trusted.
    pub async fn verify(&self, query: Option<&str>, headers: HeaderMap, peer: &Peer) -> Response<AnswerBody> {
        self.shared.log.recorder.room().await;
        let may_ask = self.shared.options.may_verify(peer.address());
        let mut response = match VerifyCall::read(query, &headers) {
            _ if !may_ask => self.may_not_ask(peer),
            Ok(call) => self.verified(call, headers, peer),
            Err(misuse) => self.misused(&misuse),
        };
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn verified(&self, call: VerifyCall, mut headers: HeaderMap, peer: &Peer) -> Response<AnswerBody> {
        let shared = &*self.shared;
        let at = shared.clock.now();
        let address = self.client_address(peer, &headers);
        let path = call.path.split('?').next().unwrap_or_default();
        let asked = open::Question {
            method: &call.method,
            path,
            headers: &headers,
            // Of a body, a proxy passes on the headers at most.
            has_body: headers.contains_key(header::TRANSFER_ENCODING)
                || headers
                    .get(header::CONTENT_LENGTH)
                    .is_some_and(|length| length != "0"),
        };
        let open = &shared.options.open;
        let open = open.environment(Some(call.environment), &asked, &shared.log.form);
        if let Some(environment) = open {
            return self.passes_without_key(environment);
        }
        let (outcome, facts) = judge(&shared.keys, &call.method, &headers, at, address);
        headers::remove_identity(&mut headers);
        let arrival = Arrival {
            request_id: request_ids::next(at),
            at,
            arrived: Instant::now(),
            recorded: Recorded::Verify,
            method: call.method,
            path: call.path,
            address_text: peer.text_of(address),
            headers: headers.into(),
        };
        let mut recording = Recording::new(Arc::clone(&shared.log), arrival, facts);
        let outcome = only_of(call.environment, outcome);
        let passes = matches!(outcome, Outcome::Passes { .. });
        let response = answer(outcome, &mut recording);
        let body = response.body().clone();
        let mut response = if passes {
            self.left_to_proxy(response, recording)
        } else {
            self.own(response, recording, &Method::GET)
        };
        if call.profile.knows_401_and_403_only() {
            for_auth_request(&mut response, &body);
        }
        response
    }

    /// A request that needs no key. It belongs to no company, so it is counted and in no log.
    fn passes_without_key(&self, environment: Environment) -> Response<AnswerBody> {
        self.shared.log.counters.seen(Verdict::Accepted, true);
        let request_id = headers::request_id_value(request_ids::next(self.shared.clock.now()));
        let mut response = Response::new(Bytes::new());
        identity::write_none(environment, &request_id, response.headers_mut());
        AnswerBody::unrecorded(response, &Method::GET)
    }

    /// Not a proxy that was named.
    fn may_not_ask(&self, peer: &Peer) -> Response<AnswerBody> {
        static TOLD: Once = Once::new();
        TOLD.call_once(|| {
            tracing::warn!(
                "{} asks /verify, but no verify-peer names it; this is said once",
                peer.address()
            );
        });
        self.shared.log.counters.not_understood();
        let response = errors::not_authenticated("This address may not ask. Name it with --verify-peer.");
        AnswerBody::unrecorded(response, &Method::GET)
    }

    /// The proxy's call is wrong. Only the operator can fix that, so it goes into no company's log.
    fn misused(&self, misuse: &Misuse) -> Response<AnswerBody> {
        tracing::debug!(
            field = misuse.field,
            "a proxy's call to /verify was refused: {}",
            misuse.message
        );
        self.shared.log.counters.not_understood();
        let mut response = errors::incorrect_parameters([(misuse.field, misuse.message.as_str())]);
        let request_id = headers::request_id_value(request_ids::next(self.shared.clock.now()));
        response.headers_mut().insert(&REQUEST_ID, request_id);
        let body = response.body().clone();
        let mut response = AnswerBody::unrecorded(response, &Method::GET);
        if misuse.profile.is_some_and(Profile::knows_401_and_403_only) {
            for_auth_request(&mut response, &body);
        }
        response
    }
}

/// Lets a key pass only for its own environment.
fn only_of(environment: Environment, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Passes { key, .. } if key.environment != environment => Outcome::Refused {
            verdict: Verdict::WrongEnvironment,
            detail: format!(
                "A {} key was sent to the {} API.",
                key.environment.label(),
                environment.label()
            ),
            retry_after: None,
        },
        other => other,
    }
}

fn answer(outcome: Outcome, recording: &mut Recording) -> Response<Bytes> {
    match outcome {
        Outcome::Passes { key, brand } => {
            let mut response = Response::new(Bytes::new());
            // So many are set on it, here and later.
            response.headers_mut().reserve(HEADERS);
            let identity = Identity {
                key: &key,
                brand: brand.as_ref(),
                request_id: recording.request_id_value(),
            };
            identity.write(response.headers_mut());
            response
        }
        Outcome::Refused {
            verdict,
            detail,
            retry_after,
        } => {
            recording.verdict(verdict, detail);
            refusal(verdict, retry_after)
        }
    }
}

/// A client error must not look like a server error: nginx would turn it into a 500. The real status and the body are in
/// headers, for configurations that read them. A 503 is left alone, because a 500 means much the same.
fn for_auth_request(response: &mut Response<AnswerBody>, body: &[u8]) {
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(STATUS, HeaderValue::from(status.as_u16()));
    // JSON on one line. A body that is no header's value is left out.
    if let Ok(body) = HeaderValue::from_bytes(body)
        && !body.is_empty()
    {
        headers.insert(BODY, body);
    }
    if status.is_client_error() && status != StatusCode::UNAUTHORIZED {
        *response.status_mut() = StatusCode::FORBIDDEN;
    }
}
