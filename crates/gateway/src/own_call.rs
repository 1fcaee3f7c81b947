//! A request that Gatehouse itself makes with a key, so that a person can try the key from a page.

use std::net::IpAddr;

use http::{Request, Response};
use wire::CallerBody;

use crate::answer::AnswerBody;
use crate::gateway::Gateway;

impl Gateway {
    /// Answers a request without a body as if it had come from this address: it is judged, forwarded and recorded like any
    /// other. It has an upstream connection of its own, because those of the listener belong to its threads.
    pub async fn call(&self, request: Request<()>, from: IpAddr) -> Response<AnswerBody> {
        let mut peer = self.peer(from);
        if self.tls().is_some() {
            peer = peer.over_tls();
        }
        let pool = self.pool(0, 1);
        self.answer(request.map(|()| CallerBody::empty()), &peer, &pool)
            .await
    }
}
