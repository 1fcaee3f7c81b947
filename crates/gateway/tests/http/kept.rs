//! Connections to upstreams that are kept, and what may be sent over them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::raw::{caller, send, until, upstream, world_with};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Answers one request on each connection, and closes it a moment later.
async fn impatient(mut tcp: TcpStream) {
    until(&mut tcp, "\r\n\r\n").await;
    send(&mut tcp, OK).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn a_connection_that_the_upstream_has_closed_costs_no_request() {
    let keep =
        |options: &mut gateway::GatewayOptions| options.timeouts.upstream_idle = Duration::from_secs(3600);
    let world = world_with(upstream(impatient).await, keep).await;
    let mut client = world.connect().await;
    for pause in [0, 5, 9, 15, 30].into_iter().cycle().take(25) {
        // Not shorter than the upstream's patience and its way here, except at once.
        let pause = Duration::from_millis(if pause > 0 { pause + 15 } else { 0 });
        tokio::time::sleep(pause).await;
        if pause.is_zero() {
            continue;
        }
        let request = world.request(Method::POST, "/", &[], Default::default());
        assert_eq!(client.send(request).await.status, 200, "after {pause:?}");
    }
}

/// Answers requests until none has come for 1.2 s, then closes.
async fn patient(mut tcp: TcpStream) {
    loop {
        let next = tokio::time::timeout(Duration::from_millis(1200), until(&mut tcp, "\r\n\r\n"));
        match next.await {
            Ok(head) if !head.is_empty() => send(&mut tcp, OK).await,
            _ => return,
        }
    }
}

#[tokio::test]
async fn a_thousand_posts_a_second_above_and_below_the_upstreams_idle_limit_all_arrive() {
    let keep =
        |options: &mut gateway::GatewayOptions| options.timeouts.upstream_idle = Duration::from_secs(3600);
    let world = &world_with(upstream(patient).await, keep).await;
    let callers = (0..250).map(|number: u64| async move {
        let mut client = world.connect().await;
        for pause in [0, 200, 2200, 200] {
            // Not all at the same time.
            tokio::time::sleep(Duration::from_millis(pause + number % 50)).await;
            let request = world.request(Method::POST, "/", &[], Default::default());
            let status = client.send(request).await.status;
            assert_eq!(status, 200, "caller {number} after {pause} ms");
        }
    });
    futures_util::future::join_all(callers).await;
}

/// An upstream that answers each request with this, and how many connections it has accepted.
async fn answering(answer: &'static str) -> (Arc<AtomicUsize>, SocketAddr) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let serve = move |mut tcp: TcpStream| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            while !until(&mut tcp, "\r\n\r\n").await.is_empty() {
                send(&mut tcp, answer).await;
            }
        }
    };
    (opened, upstream(serve).await)
}

#[tokio::test]
async fn an_unused_connection_is_closed_after_its_time_and_used_again_before() {
    let (opened, address) = answering(OK).await;
    let keep =
        |options: &mut gateway::GatewayOptions| options.timeouts.upstream_idle = Duration::from_millis(200);
    let world = world_with(address, keep).await;
    let mut client = world.connect().await;
    for (pause, connections) in [(0, 1), (0, 1), (400, 2)] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let request = world.request(Method::GET, "/", &[], Default::default());
        assert_eq!(client.send(request).await.status, 200);
        assert_eq!(opened.load(Ordering::SeqCst), connections, "after {pause} ms");
    }
}

#[tokio::test]
async fn a_response_of_unknown_length_is_whole_wherever_the_upstream_pauses_in_it() {
    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    const PIECES: &str = "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let opened = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&opened);
    let serve = move |mut tcp: TcpStream| {
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            // Without a pause first.
            for cut in 0..PIECES.len() {
                until(&mut tcp, "\r\n\r\n").await;
                let (before, after) = PIECES.split_at(cut);
                send(&mut tcp, &format!("{HEAD}{before}")).await;
                if cut > 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                send(&mut tcp, after).await;
            }
        }
    };
    let world = world_with(upstream(serve).await, |_| {}).await;
    let mut client = world.connect().await;
    for cut in 0..PIECES.len() {
        let request = world.request(Method::GET, "/", &[], Default::default());
        assert_eq!(client.send(request).await.body, "onetwo", "cut at {cut}");
    }
    assert_eq!(
        opened.load(Ordering::SeqCst),
        1,
        "the connection is kept each time"
    );
}

const WAITS: &str = "POST /upload HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5";

#[tokio::test]
async fn a_refusal_reaches_a_caller_that_waits_before_it_sends_its_body() {
    let refusing = async |mut tcp: TcpStream| {
        let head = until(&mut tcp, "\r\n\r\n").await;
        assert!(head.contains("expect: 100-continue"), "{head}");
        send(
            &mut tcp,
            "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\n\r\n",
        )
        .await;
        let mut rest = Vec::new();
        let _ = tcp.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "the body must not be sent");
    };
    let world = world_with(upstream(refusing).await, |_| {}).await;
    let mut client = caller(&world, WAITS).await;
    let answer = until(&mut client, "\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"),
        "{answer}"
    );
}

#[tokio::test]
async fn the_upstreams_continue_reaches_the_caller() {
    let accepting = async |mut tcp: TcpStream| {
        until(&mut tcp, "\r\n\r\n").await;
        send(&mut tcp, "HTTP/1.1 100 Continue\r\n\r\n").await;
        assert_eq!(until(&mut tcp, "hello").await, "hello");
        send(&mut tcp, OK).await;
    };
    let world = world_with(upstream(accepting).await, |_| {}).await;
    let mut client = caller(&world, WAITS).await;
    assert_eq!(
        until(&mut client, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    send(&mut client, "hello").await;
    assert!(until(&mut client, "ok").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_upstream_that_ignores_the_question_gets_the_body_a_moment_later() {
    let ignoring = async |mut tcp: TcpStream| {
        assert!(until(&mut tcp, "hello").await.ends_with("hello"));
        send(&mut tcp, OK).await;
    };
    let world = world_with(upstream(ignoring).await, |_| {}).await;
    let mut client = caller(&world, WAITS).await;
    assert_eq!(
        until(&mut client, "\r\n\r\n").await,
        "HTTP/1.1 100 Continue\r\n\r\n"
    );
    send(&mut client, "hello").await;
    assert!(until(&mut client, "ok").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn trailers_pass_in_both_directions_by_the_same_rules_as_headers() {
    let trailing = async |mut tcp: TcpStream| {
        let request = until(&mut tcp, "0\r\nx-sum: 1\r\n\r\n").await;
        assert!(request.contains("\r\ntrailer: x-sum\r\n"), "{request}");
        assert!(
            request.contains("te: trailers") && !request.contains("evil"),
            "{request}"
        );
        send(
            &mut tcp,
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-state, x-request-id, content-length\r\n\r\n\
             2\r\nok\r\n0\r\nx-state: done\r\nx-request-id: evil\r\nx-unannounced: evil\r\n\r\n",
        )
        .await;
    };
    let world = world_with(upstream(trailing).await, |_| {}).await;
    let head = "POST / HTTP/1.1\r\nte: trailers\r\ntransfer-encoding: chunked\r\n\
                trailer: x-sum, x-gatehouse-company, x_access_secret, content-length, host";
    let mut client = caller(&world, head).await;
    send(
        &mut client,
        "5\r\nhello\r\n0\r\nx-sum: 1\r\nx-gatehouse-company: evil\r\nx_access_secret: evil\r\nhost: evil\r\n\r\n",
    )
    .await;
    let answer = until(&mut client, "0\r\nx-state: done\r\n\r\n").await;
    assert!(
        answer.contains("\r\ntrailer: x-state\r\n") && !answer.contains("evil"),
        "{answer}"
    );
}

#[tokio::test]
async fn after_a_response_whose_end_is_doubtful_the_connection_is_not_used_again() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n",
        "HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let (opened, address) = answering(head).await;
        let world = world_with(address, |_| {}).await;
        let mut client = world.connect().await;
        for _ in 0..2 {
            let request = world.request(Method::GET, "/", &[], Default::default());
            assert!(client.send(request).await.status < 300);
        }
        assert_eq!(opened.load(Ordering::SeqCst), 2, "{head}");
    }
}
