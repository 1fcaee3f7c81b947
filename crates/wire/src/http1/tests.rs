//! Connections that give their memory back between two requests.

use std::net::SocketAddr;
use std::path::PathBuf;

use http_body_util::{BodyExt, Full};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use shares::Connections;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use super::*;
use crate::{CallerBody, Tls};

const LONG: Duration = Duration::from_secs(60);

/// Answers with the path and the body. Like that of a real server, what it awaits is large.
struct Echo;

impl Service for Echo {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<CallerBody>) -> Response<Full<Bytes>> {
        let large = [1_u8; 8192];
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("the body arrives").to_bytes();
        let mut answer = parts.uri.path().as_bytes().to_vec();
        answer.extend_from_slice(&body);
        assert_eq!(large.len(), 8192);
        Response::new(Full::from(answer))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_614_400_000)
    }

    fn failed(&self, _: &Fault) {}
}

fn limits(head: Duration) -> Limits {
    Limits {
        head_bytes: 64 * 1024,
        head,
        write_idle: LONG,
        streams: 100,
    }
}

/// A server and its connections.
struct Server {
    address: SocketAddr,
    connections: Connections,
    stop: CancellationToken,
    open: TaskTracker,
}

impl Server {
    async fn start(head: Duration, places: usize) -> Self {
        Self::start_with(None, head, places).await
    }

    async fn start_with(tls: Option<Tls>, head: Duration, places: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            connections: Connections::new("test", 10_000, places, Vec::new()),
            stop: CancellationToken::new(),
            open: TaskTracker::new(),
        };
        let (connections, stop) = (server.connections.clone(), server.stop.clone());
        let open = server.open.clone();
        tokio::spawn(async move {
            while let Ok((tcp, peer)) = listener.accept().await {
                let Some(place) = connections.admit(peer.ip()) else {
                    continue;
                };
                let (tls, stop) = (tls.clone(), stop.clone());
                open.spawn(async move {
                    crate::serve(tcp, tls.as_ref(), &place, limits(head), &stop, &Echo).await;
                });
            }
        });
        server
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("connects")
    }
}

/// Everything until this text has arrived, which ends a response.
async fn until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut seen = Vec::new();
    let reading = async {
        while !seen.ends_with(end.as_bytes()) {
            let read = stream.read_buf(&mut seen).await.expect("no reset");
            assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&seen));
        }
    };
    test_wait::in_time("the response arrives", reading).await;
    String::from_utf8(seen).expect("text")
}

async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("no reset");
    let answer = until(stream, path).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// What arrives until the server closes the connection.
async fn ending(tcp: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let reading = tcp.read_to_end(&mut seen);
    // A reset also ends it.
    let _ = test_wait::in_time("the server closes it", reading).await;
    String::from_utf8_lossy(&seen).into_owned()
}

/// Long enough for a connection to have given its memory back.
async fn rest() {
    sleep(PAUSE * 2).await;
}

/// Moments around the one at which memory is given back, a quarter of a millisecond apart.
fn moments() -> impl Iterator<Item = Duration> {
    (0..40).map(|step| PAUSE - Duration::from_millis(4) + Duration::from_micros(250) * step)
}

#[tokio::test]
async fn no_request_is_lost_that_comes_while_memory_is_given_back() {
    let server = Server::start(LONG, 1000).await;
    let mut callers = JoinSet::new();
    for (number, moment) in moments().enumerate() {
        let mut tcp = server.connect().await;
        callers.spawn(async move {
            for turn in 0..12 {
                ask(&mut tcp, &format!("/{number}/{turn}.")).await;
                sleep(moment).await;
            }
        });
    }
    while let Some(asked) = callers.join_next().await {
        asked.expect("all were answered");
    }
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "tls", name]
        .iter()
        .collect()
}

/// Makes TLS connections that are to carry HTTP/1.1.
fn connector() -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let authority = std::fs::read(file("ca.pem")).expect("the authority");
    roots.add_parsable_certificates(
        CertificateDer::pem_slice_iter(&authority).map(|certificate| certificate.expect("a certificate")),
    );
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn no_request_over_tls_is_lost_that_comes_while_memory_is_given_back() {
    let tls = Tls::load(file("first.pem"), file("first.key"), LONG).expect("a certificate");
    let server = Server::start_with(Some(tls), LONG, 1000).await;
    let mut callers = JoinSet::new();
    for (number, moment) in moments().enumerate() {
        let tcp = server.connect().await;
        callers.spawn(async move {
            let name = ServerName::try_from("gateway.example.com").expect("a name");
            let mut stream = connector().connect(name, tcp).await.expect("TLS");
            for turn in 0..6 {
                ask(&mut stream, &format!("/{number}/{turn}.")).await;
                sleep(moment).await;
                // In two records, with as long between them, so that half a head waits as well.
                stream.write_all(b"GET /half HT").await.expect("no reset");
                stream.flush().await.expect("no reset");
                sleep(moment).await;
                stream
                    .write_all(b"TP/1.1\r\nhost: x\r\n\r\n")
                    .await
                    .expect("no reset");
                until(&mut stream, "/half").await;
            }
        });
    }
    while let Some(asked) = callers.join_next().await {
        asked.expect("all were answered");
    }
}

#[tokio::test]
async fn what_was_sent_ahead_is_answered_after_memory_was_given_back() {
    let server = Server::start(LONG, 1000).await;
    let mut callers = JoinSet::new();
    for moment in moments().chain([Duration::ZERO, PAUSE * 3]) {
        let mut tcp = server.connect().await;
        callers.spawn(async move {
            for turn in 0..4 {
                // Two requests at once, and the beginning of a third.
                let begun =
                    format!("GET /a{turn} HTTP/1.1\r\nhost: x\r\n\r\nPOST /b HTTP/1.1\r\nhost: x\r\n");
                let begun = begun + "content-length: 2\r\n\r\nokGET /c HTTP/1.1\r\nho";
                tcp.write_all(begun.as_bytes()).await.expect("no reset");
                let answers = until(&mut tcp, "/bok").await;
                assert!(answers.contains(&format!("/a{turn}HTTP/1.1 200 OK")), "{answers}");
                sleep(moment).await;
                tcp.write_all(b"st: x\r\n\r\n").await.expect("no reset");
                until(&mut tcp, "/c").await;
                sleep(moment).await;
            }
        });
    }
    while let Some(asked) = callers.join_next().await {
        asked.expect("all were answered");
    }
}

/// A connection whose other side is served by hand.
async fn pair() -> (TcpStream, Io) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let caller = TcpStream::connect(listener.local_addr().expect("an address"));
    let (caller, accepted) = tokio::join!(caller, listener.accept());
    (caller.expect("connects"), Io::Plain(accepted.expect("arrives").0))
}

#[tokio::test]
async fn a_connection_gives_its_memory_back_after_a_response_and_not_before() {
    let connections = Connections::new("test", 10, 10, Vec::new());
    let place = connections.admit([127, 0, 0, 1].into()).expect("a place");
    let (stop, progress) = (CancellationToken::new(), Arc::new(Progress::new()));
    let (mut caller, io) = pair().await;
    let stream = CallerStream::new(io, LONG, Arc::clone(&progress));
    let stream = Rewound::new(Bytes::new(), stream);
    caller
        .write_all(b"POST / HTTP/1.1\r\nhost: x\r\n")
        .await
        .expect("sends");
    let began = Instant::now();
    let asking = async {
        rest().await;
        caller
            .write_all(b"content-length: 1\r\n\r\n")
            .await
            .expect("sends");
        rest().await;
        assert!(place.activity().is_busy());
        // With the empty line that some callers send after a body.
        caller.write_all(b"!\r\n").await.expect("sends");
        until(&mut caller, "/!").await
    };
    let serving = Serving {
        progress,
        place: &place,
        limits: limits(LONG),
        stop: &stop,
        service: &Echo,
    };
    let (next, _) = tokio::join!(serving.converse(stream), asking);
    assert!(began.elapsed() >= PAUSE * 5, "{:?}", began.elapsed());
    assert!(matches!(next, Next::Wait(read, _) if read.is_empty()));
    assert!(!place.activity().is_busy() && serving.progress.is_quiet());
    assert!(serving.progress.quiet_since() >= began + PAUSE * 4);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_silence_when_its_time_is_over() {
    let head = PAUSE * 4;
    let server = Server::start(head, 1000).await;
    for speaks in [false, true] {
        let mut tcp = server.connect().await;
        if speaks {
            ask(&mut tcp, "/a").await;
        }
        let began = Instant::now();
        assert_eq!(ending(&mut tcp).await, "");
        // It was quiet before this side noticed.
        assert!(began.elapsed() >= head - PAUSE, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_is_refused_and_has_its_time_from_its_first_byte_on() {
    let head = PAUSE * 4;
    let server = Server::start(head, 1000).await;
    for speaks in [false, true] {
        let mut tcp = server.connect().await;
        if speaks {
            ask(&mut tcp, "/a").await;
        }
        sleep(PAUSE * 3).await;
        let began = Instant::now();
        tcp.write_all(b"GET /b HT").await.expect("sends");
        let refusal = ending(&mut tcp).await;
        assert!(refusal.starts_with("HTTP/1.1 408 "), "{refusal}");
        assert!(began.elapsed() >= head, "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn at_a_stop_idle_connections_close_and_what_was_asked_is_answered() {
    let server = Server::start(LONG, 1000).await;
    let (mut silent, mut idle, mut asking) =
        tokio::join!(server.connect(), server.connect(), server.connect());
    ask(&mut idle, "/a").await;
    ask(&mut asking, "/b").await;
    rest().await;
    asking
        .write_all(b"POST /c HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n")
        .await
        .expect("sends");
    test_wait::until("it is being answered", async || server.open.len() == 3).await;
    rest().await;
    server.stop.cancel();
    assert_eq!(ending(&mut silent).await, "");
    assert_eq!(ending(&mut idle).await, "");
    asking.write_all(b"!").await.expect("sends");
    let answer = ending(&mut asking).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("/c!"),
        "{answer}"
    );
    server.open.close();
    test_wait::in_time("all have ended", server.open.wait()).await;
    assert_eq!(server.connections.open(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_closed_for_one_that_speaks() {
    let server = Server::start(LONG, 2).await;
    let (mut first, mut second) = tokio::join!(server.connect(), server.connect());
    ask(&mut first, "/a").await;
    ask(&mut second, "/b").await;
    test_wait::until("another gets a place", async || {
        // Less than what makes a connection silent.
        sleep(Duration::from_millis(100)).await;
        ask(&mut second, "/c").await;
        let mut third = server.connect().await;
        let request = b"GET /d HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        third.write_all(request).await.is_ok() && ending(&mut third).await.ends_with("/d")
    })
    .await;
    assert_eq!(ending(&mut first).await, "");
    ask(&mut second, "/e").await;
}

fn size_of_output<F>(_: impl Fn(Request<Incoming>) -> F) -> usize {
    size_of::<F>()
}

/// A tenth more than each is.
const IDLE_BYTES: usize = 950;
const BUSY_BYTES: usize = 2150;
const REQUEST_BYTES: usize = 1210;

/// For each connection there is a task with `serve` in it. A connection on which something is being said has `converse` as well,
/// the place for `respond`, and hyper's buffers.
#[tokio::test]
async fn an_idle_connection_is_small() {
    let connections = Connections::new("test", 10, 10, Vec::new());
    let place = connections.admit([127, 0, 0, 1].into()).expect("a place");
    let (stop, progress) = (CancellationToken::new(), Arc::new(Progress::new()));
    let (_caller, io) = pair().await;
    let idle = size_of_val(&serve(io, &place, limits(LONG), &stop, &Echo));
    assert!(idle <= IDLE_BYTES, "{idle}");
    let (_caller, io) = pair().await;
    let stream = CallerStream::new(io, LONG, Arc::clone(&progress));
    let serving = Serving {
        progress,
        place: &place,
        limits: limits(LONG),
        stop: &stop,
        service: &Echo,
    };
    let busy = size_of_val(&serving.converse(Rewound::new(Bytes::new(), stream)));
    assert!(busy <= BUSY_BYTES, "{busy}");
    let request = size_of_output(|request| respond(&Echo, request));
    assert!(request <= REQUEST_BYTES, "{request}");
}
