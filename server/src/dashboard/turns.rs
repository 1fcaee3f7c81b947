//! Gives each signed-in person a fair share of the dashboard's work, so one person's slow pages do not delay everyone
//! else's. This covers pages, server functions and posts. Signing in has its own queue, and `/live` has its own limits.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use model::PersonId;
use shares::FairShare;

use crate::caller::Caller;

/// The work in progress, by person. Cheap to clone; all clones share the same slots.
#[derive(Clone, Debug)]
pub struct Turns(FairShare<PersonId>);

impl Default for Turns {
    fn default() -> Self {
        Self(FairShare::new(64))
    }
}

/// Waits for a slot. There is no timeout here, because the whole response has one.
pub async fn in_turn(State(turns): State<Turns>, request: Request, next: Next) -> Response {
    let visit = request
        .extensions()
        .get::<Caller>()
        .and_then(|caller| caller.visit.as_ref());
    let person = visit.map(|visit| visit.person);
    match person.filter(|_| !request.uri().path().starts_with("/live/")) {
        Some(person) => {
            let _place = turns.0.take(person).await;
            next.run(request).await
        }
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use accounts::Visit;
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use model::Timestamp;
    use tokio::sync::Semaphore;
    use tower::ServiceExt;

    use super::*;

    fn asks(path: &str, person: u8) -> Request {
        let mut request = Request::get(path).body(Body::empty()).expect("a request");
        request.extensions_mut().insert(Caller {
            visit: Some(Visit {
                person: PersonId::from_random([person; 16]),
                email: "ana@example.com".parse().expect("an address"),
                session: [person; 32],
                proof_at: Timestamp::from_millis(0),
            }),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        });
        request
    }

    #[tokio::test]
    async fn one_persons_slow_pages_do_not_delay_anyone_else() {
        let turns = Turns(FairShare::new(4));
        let gate = Arc::new(Semaphore::new(0));
        let slow = {
            let gate = Arc::clone(&gate);
            move || async move { gate.acquire().await.map(|_| "slow").unwrap_or("closed") }
        };
        let router = Router::new()
            .route("/slow", get(slow))
            .route("/quick", get(async || "quick"))
            .layer(from_fn_with_state(turns.clone(), in_turn));
        let slow: Vec<_> = (0..20)
            .map(|_| tokio::spawn(router.clone().oneshot(asks("/slow", 1))))
            .collect();
        let person = PersonId::from_random([1; 16]);
        while turns.0.held(&person) < 2 {
            tokio::task::yield_now().await;
        }
        let answer = router.clone().oneshot(asks("/quick", 2)).await;
        assert_eq!(answer.expect("an answer").status(), 200);
        assert_eq!(turns.0.held(&person), 2);
        gate.add_permits(Semaphore::MAX_PERMITS);
        for one in slow {
            assert_eq!(one.await.expect("no panic").expect("an answer").status(), 200);
        }
    }
}
