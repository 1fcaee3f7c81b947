//! Upstreams that speak HTTP/2, and conversations such as those of gRPC, which go both ways at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use gateway::{GatewayOptions, UpstreamHttp2};
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use model::Verdict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::framed::{Caller, get, request};
use crate::raw::{caller, send, until, upstream, world_with};
use crate::world::World;

type Arrived = (Request<h2::RecvStream>, SendResponse<Bytes>);
type Pieces = UnsyncBoxBody<Bytes, std::io::Error>;

/// Speaks HTTP/2 to every upstream.
fn always(options: &mut GatewayOptions) {
    options.upstream_http2 = UpstreamHttp2::Always;
}

/// An upstream that answers each request like this, and how many connections it has accepted. `answer` gets the request's
/// number.
async fn serving<A>(
    answer: impl Fn(usize, Arrived) -> A + Clone + Send + 'static,
) -> (Arc<AtomicUsize>, SocketAddr)
where
    A: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (opened, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&opened);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let (answer, asked) = (answer.clone(), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(tcp).await.expect("HTTP/2");
                while let Some(Ok(arrived)) = connection.accept().await {
                    tokio::spawn(answer(asked.fetch_add(1, Ordering::SeqCst), arrived));
                }
            });
        }
    });
    (opened, address)
}

fn ok((_, mut respond): Arrived) {
    respond
        .send_response(Response::new(()), true)
        .expect("it is sent");
}

fn grpc_status(status: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        "grpc-status".parse().expect("a name"),
        HeaderValue::from_static(status),
    )])
}

/// Sends each piece of the request back as it arrives, and then its trailers with a status.
async fn converse((request, mut respond): Arrived) {
    let headers = request.headers();
    assert_eq!(
        (headers["te"].as_bytes(), headers["content-type"].as_bytes()),
        (b"trailers".as_slice(), b"application/grpc".as_slice())
    );
    assert!(
        !headers.contains_key("host") && !headers.contains_key("connection"),
        "{headers:?}"
    );
    assert!(!headers.contains_key("x-access-secret") && headers.contains_key("x-gatehouse-company"));
    let mut response = Response::new(());
    response
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut answer = respond.send_response(response, false).expect("it is sent");
    let mut body = request.into_body();
    while let Some(Ok(piece)) = body.data().await {
        body.flow_control()
            .release_capacity(piece.len())
            .expect("it was taken");
        answer.send_data(piece, false).expect("it is sent");
    }
    let mut trailers = grpc_status("0");
    if let Ok(Some(theirs)) = body.trailers().await {
        assert!(!theirs.contains_key("x-gatehouse-company"), "{theirs:?}");
        trailers.extend(theirs);
    }
    trailers.insert("x-request-id", HeaderValue::from_static("evil"));
    answer.send_trailers(trailers).expect("it is sent");
}

/// A request body that the test sends piece by piece.
fn pieces() -> (mpsc::Sender<Frame<Bytes>>, Pieces) {
    let (hand, pieces) = mpsc::channel::<Frame<Bytes>>(1);
    let stream = stream::unfold(pieces, async |mut pieces| {
        Some((Ok(pieces.recv().await?), pieces))
    });
    (hand, StreamBody::new(stream).boxed_unsync())
}

const GRPC: [(&str, &str); 2] = [("te", "trailers"), ("content-type", "application/grpc")];

#[tokio::test]
async fn a_conversation_goes_both_ways_at_once_and_ends_with_its_trailers() {
    let (_, address) = serving(|_, arrived| converse(arrived)).await;
    let change = |options: &mut GatewayOptions| {
        always(options);
        options.timeouts.body_idle = Duration::from_millis(50);
        options.timeouts.body_total = Duration::from_millis(50);
    };
    let world = world_with(address, change).await;
    let caller: Caller<Pieces> = Caller::connect(&world).await;
    let (hand, body) = pieces();
    let response = caller
        .begin(request(&world, Method::POST, "/echo.Echo/Talk", &GRPC, body))
        .await;
    let response = response.expect("it begins before the request ends");
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["content-type"].as_bytes()
        ),
        (200, b"application/grpc".as_slice())
    );
    assert!(response.headers().contains_key("x-request-id"));
    let mut body = response.into_body();
    for number in 0..3 {
        // Longer than a caller may pause before there is a response.
        tokio::time::sleep(Duration::from_millis(80)).await;
        let piece = Bytes::from(format!("piece {number}"));
        hand.send(Frame::data(piece.clone())).await.expect("it is taken");
        let back = test_wait::in_time("the piece comes back", body.frame()).await;
        assert_eq!(
            back.expect("a frame")
                .expect("no error")
                .into_data()
                .expect("data"),
            piece
        );
    }
    let trailers = HeaderMap::from_iter([
        ("x-sum".parse().expect("a name"), HeaderValue::from_static("1")),
        (
            "x-gatehouse-company".parse().expect("a name"),
            HeaderValue::from_static("evil"),
        ),
    ]);
    hand.send(Frame::trailers(trailers))
        .await
        .expect("they are taken");
    drop(hand);
    let trailers = body
        .collect()
        .await
        .expect("a whole body")
        .trailers()
        .cloned()
        .expect("trailers");
    assert!(
        trailers["grpc-status"] == "0" && trailers["x-sum"] == "1",
        "{trailers:?}"
    );
    assert!(!trailers.contains_key("x-request-id"), "{trailers:?}");
    let entry = world.entry_when_ended().await;
    assert_eq!(
        (
            entry.row.status,
            entry.row.path.as_str(),
            entry.verdict_detail.as_str()
        ),
        (Some(200), "/echo.Echo/Talk", "")
    );
}

#[tokio::test]
async fn a_refusal_before_any_response_is_trailers_only() {
    let answer = |_, (_, mut respond): Arrived| async move {
        let mut response = Response::new(());
        *response.headers_mut() = grpc_status("7");
        respond.send_response(response, true).expect("it is sent");
    };
    let world = world_with(serving(answer).await.1, always).await;
    let caller: Caller = Caller::connect(&world).await;
    let answer = caller
        .send(request(&world, Method::POST, "/", &GRPC, Default::default()))
        .await;
    assert_eq!(
        (answer.status, &answer.headers["grpc-status"]),
        (200, &"7".parse().expect("a value"))
    );
}

#[tokio::test]
async fn when_the_upstream_ends_a_conversation_the_caller_need_not_go_on() {
    let ending = |_, (request, mut respond): Arrived| async move {
        let mut answer = respond
            .send_response(Response::new(()), false)
            .expect("it is sent");
        answer.send_trailers(grpc_status("8")).expect("it is sent");
        // It does not say that it wants no more.
        std::future::pending::<()>().await;
        drop(request);
    };
    let world = world_with(serving(ending).await.1, always).await;
    let caller: Caller<Pieces> = Caller::connect(&world).await;
    let (hand, body) = pieces();
    let response = caller
        .begin(request(&world, Method::POST, "/", &GRPC, body))
        .await;
    let body = response
        .expect("a response")
        .into_body()
        .collect()
        .await
        .expect("a whole body");
    assert_eq!(body.trailers().expect("trailers")["grpc-status"], "8");
    test_wait::in_time("the request is no longer read", hand.closed()).await;
}

#[tokio::test]
async fn a_conversation_is_cut_when_its_key_is_deleted() {
    let (_, address) = serving(|_, arrived| converse(arrived)).await;
    let world = world_with(address, always).await;
    let caller: Caller<Pieces> = Caller::connect(&world).await;
    let (hand, body) = pieces();
    let response = caller
        .begin(request(&world, Method::POST, "/", &GRPC, body))
        .await;
    let mut body = response.expect("a response").into_body();
    let actor = model::Actor::system();
    let deleting = world.keys.delete(world.company.id, world.key.id, &actor);
    deleting.await.expect("it is deleted");
    let ended = tokio::time::timeout(Duration::from_secs(1), body.frame()).await;
    assert!(
        ended
            .expect("within a second")
            .is_some_and(|frame| frame.is_err())
    );
    test_wait::in_time("nothing more is taken", hand.closed()).await;
    let entry = world.entry_when_ended().await;
    assert_eq!(
        entry.verdict_detail,
        "The response was cut off because the key was deleted."
    );
}

#[tokio::test]
async fn callers_of_http1_share_one_connection_to_an_http2_upstream() {
    let answer = |_, (request, mut respond): Arrived| async move {
        let target = request.uri().to_string();
        assert!(!request.headers().contains_key("transfer-encoding"));
        let mut body = request.into_body();
        let mut whole = target.into_bytes();
        while let Some(Ok(piece)) = body.data().await {
            whole.extend_from_slice(&piece);
        }
        let mut answer = respond
            .send_response(Response::new(()), false)
            .expect("it is sent");
        answer.send_data(whole.into(), true).expect("it is sent");
    };
    let (opened, address) = serving(answer).await;
    let world = world_with(address, always).await;
    let mut first = caller(&world, "POST /a HTTP/1.1\r\ntransfer-encoding: chunked").await;
    send(&mut first, "5\r\nhello\r\n0\r\n\r\n").await;
    let seen = until(&mut first, "hello\r\n0\r\n\r\n").await;
    assert!(seen.contains(&format!("http://{address}/ahello")), "{seen}");
    for _ in 0..20 {
        let request = world.request(Method::POST, "/b", &[], Bytes::from("x").into());
        assert_eq!(
            world.connect().await.send(request).await.body,
            format!("http://{address}/bx")
        );
    }
    let opened = opened.load(Ordering::SeqCst);
    assert!(opened <= 2, "one for each thread, and not {opened}");
}

#[tokio::test]
async fn what_the_upstream_refused_or_has_not_seen_is_sent_again_and_nothing_else() {
    for (reason, method, body, status, tries) in [
        (Reason::REFUSED_STREAM, Method::POST, "", 200, 2),
        (Reason::REFUSED_STREAM, Method::POST, "hello", 200, 2),
        (Reason::REFUSED_STREAM, Method::POST, &"x".repeat(100_000), 502, 1),
        (Reason::INTERNAL_ERROR, Method::POST, "", 502, 1),
        (Reason::CANCEL, Method::DELETE, "", 502, 1),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, length) = (Arc::clone(&asked), body.len());
        let answer = move |number, (request, mut respond): Arrived| {
            count.fetch_add(1, Ordering::SeqCst);
            async move {
                if number == 0 {
                    // When all of it is there that its window allows.
                    let mut body = request.into_body();
                    let mut left = length.min(65_535);
                    while left > 0 {
                        left -= body.data().await.expect("more").expect("no error").len();
                    }
                    respond.send_reset(reason);
                } else {
                    let (mut body, mut whole) = (request.into_body(), 0);
                    while let Some(Ok(piece)) = body.data().await {
                        whole += piece.len();
                    }
                    assert_eq!(whole, length);
                    respond
                        .send_response(Response::new(()), true)
                        .expect("it is sent");
                }
            }
        };
        let world = world_with(serving(answer).await.1, always).await;
        let answer = world.call(method.clone(), "/", &[], body).await;
        assert_eq!(
            (answer.status, asked.load(Ordering::SeqCst)),
            (status, tries),
            "{reason:?} {method}"
        );
        if status == 502 {
            assert_eq!(world.entry().await.row.verdict, Verdict::UpstreamUnreachable);
        }
    }
}

/// Says that it takes no more requests after its first one on each connection.
async fn takes_one(listener: TcpListener) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut connection = h2::server::handshake(tcp).await.expect("HTTP/2");
            let arrived = connection.accept().await.expect("a request").expect("no error");
            connection.graceful_shutdown();
            ok(arrived);
            while let Some(Ok(arrived)) = connection.accept().await {
                ok(arrived);
            }
        });
    }
}

#[tokio::test]
async fn a_connection_that_the_upstream_ends_is_replaced_and_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let world = world_with(listener.local_addr().expect("an address"), always).await;
    tokio::spawn(takes_one(listener));
    let caller: Caller = Caller::connect(&world).await;
    for _ in 0..50 {
        let post = request(&world, Method::POST, "/", &[], Bytes::from("body").into());
        let (first, second) = tokio::join!(caller.send(get(&world, "/")), caller.send(post));
        assert_eq!((first.status, second.status), (200, 200));
    }
}

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// The next stream that is opened by frames of this connection. 0 at its end.
async fn opened(tcp: &mut TcpStream) -> u8 {
    let mut head = [0; 9];
    while tcp.read_exact(&mut head).await.is_ok() {
        let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        tcp.read_exact(&mut payload).await.expect("a whole frame");
        if head[3] == 1 {
            return head[8];
        }
    }
    0
}

#[tokio::test]
async fn a_request_that_came_after_the_last_one_the_upstream_took_is_sent_again() {
    let connections = Arc::new(AtomicUsize::new(0));
    let serve = move |mut tcp: TcpStream| {
        let is_first = connections.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            let mut preface = [0; 24];
            tcp.read_exact(&mut preface).await.expect("a preface");
            tcp.write_all(&SETTINGS).await.expect("it is read");
            loop {
                let stream = opened(&mut tcp).await;
                if stream == 0 {
                    return;
                }
                if is_first {
                    assert_eq!(opened(&mut tcp).await, stream + 2);
                    // This is the last one.
                    let goodbye = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, stream, 0, 0, 0, 0];
                    tcp.write_all(&goodbye).await.expect("it is read");
                }
                let answer = [0, 0, 1, 1, 5, 0, 0, 0, stream, 0x88];
                tcp.write_all(&answer).await.expect("it is read");
            }
        }
    };
    let world = world_with(upstream(serve).await, always).await;
    let caller: Caller = Caller::connect(&world).await;
    let post = || request(&world, Method::POST, "/", &[], Default::default());
    let (first, second) = tokio::join!(caller.send(post()), caller.send(post()));
    assert_eq!((first.status, second.status), (200, 200));
}

#[tokio::test]
async fn an_unused_connection_is_closed_after_its_time() {
    let (opened, address) = serving(async |_, arrived| ok(arrived)).await;
    let change = |options: &mut GatewayOptions| {
        always(options);
        options.timeouts.upstream_idle = Duration::from_millis(100);
    };
    let world = world_with(address, change).await;
    let mut client = world.connect().await;
    for (pause, connections) in [(0, 1), (0, 1), (400, 2)] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let request = world.request(Method::GET, "/", &[], Default::default());
        assert_eq!(client.send(request).await.status, 200);
        assert_eq!(opened.load(Ordering::SeqCst), connections, "after {pause} ms");
    }
}

#[tokio::test]
async fn a_websocket_goes_over_http1_even_if_requests_do_not() {
    let agreeing = async |mut tcp: TcpStream| {
        let head = until(&mut tcp, "\r\n\r\n").await;
        assert!(head.starts_with("GET /socket HTTP/1.1\r\n"), "{head}");
        send(
            &mut tcp,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello",
        )
        .await;
    };
    let world = world_with(upstream(agreeing).await, always).await;
    let ask = "GET /socket HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket";
    let head = until(&mut caller(&world, ask).await, "hello").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

async fn http1(mut tcp: TcpStream) {
    let mut read = Vec::new();
    tcp.read_buf(&mut read).await.expect("a request");
    let answer = if read.starts_with(b"GET / HTTP/1.1\r\n") {
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    } else {
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
    };
    send(&mut tcp, answer).await;
}

#[tokio::test]
async fn an_upstream_that_does_not_speak_http2_gets_http1_unless_it_must() {
    let world: World = world_with(upstream(http1).await, always).await;
    assert_eq!(world.get("/").await.status, 502, "it was told to");
    for mode in [UpstreamHttp2::Off, UpstreamHttp2::Tls] {
        let change = |options: &mut GatewayOptions| options.upstream_http2 = mode;
        let world = world_with(upstream(http1).await, change).await;
        assert_eq!(world.get("/").await.status, 200, "{mode:?}");
    }
}

#[tokio::test]
async fn where_an_upstream_takes_few_requests_at_once_more_connections_are_opened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (arrive, mut arrived) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let arrive = arrive.clone();
            tokio::spawn(async move {
                let mut builder = h2::server::Builder::new();
                let connection = builder.max_concurrent_streams(2).handshake::<_, Bytes>(tcp);
                let mut connection = connection.await.expect("HTTP/2");
                while let Some(Ok(request)) = connection.accept().await {
                    arrive.send(request).expect("the test runs");
                }
            });
        }
    });
    let world = Arc::new(world_with(address, always).await);
    let caller: Arc<Caller> = Arc::new(Caller::connect(&world).await);
    let mut held = Vec::new();
    for number in 0..7 {
        let (caller, request) = (caller.clone(), get(&world, &format!("/{number}")));
        held.push(tokio::spawn(async move { caller.send(request).await.status }));
    }
    let mut requests = Vec::new();
    while requests.len() < 7 {
        let request = test_wait::in_time("all arrive, though none is answered", arrived.recv()).await;
        requests.push(request.expect("the upstream runs"));
    }
    requests.into_iter().for_each(ok);
    for one in held {
        assert_eq!(one.await.expect("it ran"), 200);
    }
}

#[tokio::test]
async fn an_upstream_that_never_says_what_it_takes_is_unreachable() {
    let silent = async |tcp: TcpStream| {
        std::future::pending::<()>().await;
        drop(tcp);
    };
    let change = |options: &mut GatewayOptions| {
        always(options);
        options.timeouts.connect = Duration::from_millis(50);
    };
    let world = world_with(upstream(silent).await, change).await;
    let answers = tokio::join!(world.get("/"), world.get("/"), world.get("/"));
    assert_eq!([answers.0.status, answers.1.status, answers.2.status], [502; 3]);
}
