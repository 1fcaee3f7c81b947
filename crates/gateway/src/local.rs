//! The public API behind the gateway: its trait, and how request bodies are read for it.

use std::net::IpAddr;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use keys::{ActiveKey, CompanyRef};
use model::{Environment, RequestId};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::answer::AnswerBody;
use crate::gateway::Gateway;
use crate::reached::Reached;
use crate::recording::Recording;
use crate::request_body::{BodyFault, BoxError, RequestBody};
use crate::{errors, headers};

/// The caller of a request that may pass.
#[derive(Clone, Debug)]
pub struct Caller {
    pub key: Arc<ActiveKey>,
    /// The company that acts: the brand if `X-Brand-Id` names one, otherwise the key's company.
    pub company: CompanyRef,
    /// The brand that `X-Brand-Id` named.
    pub brand: Option<CompanyRef>,
    pub environment: Environment,
    pub request_id: RequestId,
    pub address: IpAddr,
    /// The address at which the caller reached us. Links in responses begin with it.
    pub reached: Reached,
}

/// The part of the API that Gatehouse answers itself. The binary implements it.
#[async_trait]
pub trait LocalApi: Send + Sync {
    /// Whether this path belongs to the public API, for any method.
    fn takes(&self, path: &str) -> bool;

    /// Answers a request with valid credentials and a complete body. The request's headers no longer contain
    /// credentials. The gateway sets the response's framing and `X-Request-Id`.
    async fn answer(&self, caller: Caller, request: Request<Bytes>) -> Response<Bytes>;
}

/// Why a body could not be read completely.
pub(crate) enum Unread {
    TooLarge,
    Fault(BodyFault),
}

impl Gateway {
    pub(crate) async fn answer_locally<B>(
        &self,
        caller: Caller,
        mut parts: Parts,
        body: B,
        mut recording: Recording,
    ) -> Response<AnswerBody>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BoxError>,
    {
        let shared = &*self.shared;
        let (timeouts, limit) = (
            &shared.options.timeouts,
            shared.options.limits.public_api_body_bytes,
        );
        let method = parts.method.clone();
        let (mut body, seen) = RequestBody::new(body, timeouts.body_idle, timeouts.body_total);
        body.watch(&shared.keys, &caller.key);
        recording.request_body(seen);
        // The body occupies memory while it arrives, so the request needs its place first.
        let place = shared.local_in_flight.take(caller.key.company.root);
        let Ok(_place) = timeout(timeouts.queue, place).await else {
            let detail = "This company had too many requests to the public API in flight.";
            recording.verdict(model::Verdict::Overloaded, detail);
            let refusal = errors::refusal(model::Verdict::Overloaded, None);
            return self.own(refusal, recording, &method);
        };
        let response = match read_whole(body, limit).await {
            Ok(body) => {
                headers::clean_for_local(&mut parts.headers, recording.form());
                self.answer_on_main(caller, Request::from_parts(parts, body))
                    .await
            }
            Err(Unread::TooLarge) => errors::body_too_large(limit),
            Err(Unread::Fault(fault)) => {
                recording.verdict(fault.verdict(), format!("{}.", capitalised(fault)));
                errors::unread_body(fault)
            }
        };
        self.own(response, recording, &method)
    }

    /// Answers on the main runtime. If the caller leaves, the work ends there too.
    async fn answer_on_main(&self, caller: Caller, request: Request<Bytes>) -> Response<Bytes> {
        let local = Arc::clone(&self.shared.local);
        let work = async move { local.answer(caller, request).await };
        let answering = AbortOnDropHandle::new(self.shared.main.spawn(work));
        match answering.await {
            Ok(response) => response,
            Err(error) => match error.try_into_panic() {
                // The connection makes a response of it.
                Ok(panic) => resume_unwind(panic),
                Err(_) => errors::refusal(model::Verdict::NotReady, None),
            },
        }
    }
}

/// The fault as a sentence.
pub(crate) fn capitalised(fault: BodyFault) -> String {
    let text = fault.to_string();
    text.get(..1).map(str::to_uppercase).unwrap_or_default() + text.get(1..).unwrap_or_default()
}

pub(crate) async fn read_whole<B>(body: RequestBody<B>, limit: usize) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    if body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLarge);
    }
    let mut body = pin!(body);
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => {
                let fault = error.downcast_ref::<BodyFault>().copied();
                return Err(Unread::Fault(fault.unwrap_or(BodyFault::BrokenOff)));
            }
        };
        if whole.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
