//! Connections that stay silent or do not read their response, and the connections that need their places.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use model::Timestamp;
use shares::Connections;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use wire::{CallerBody, Fault, Limits};

struct Here;

impl wire::Service for Here {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<CallerBody>) -> Response<Full<Bytes>> {
        let length = if request.uri().path() == "/large" {
            32 * 1024 * 1024
        } else {
            4
        };
        Response::new(Full::new(Bytes::from(vec![b'x'; length])))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_614_400_000)
    }

    fn failed(&self, _: &Fault) {}
}

async fn started(connections: &Connections, head: Duration, write_idle: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let connections = connections.clone();
    let limits = Limits {
        head_bytes: 64 * 1024,
        head,
        write_idle,
        streams: 100,
    };
    tokio::spawn(async move {
        while let Ok((tcp, peer)) = listener.accept().await {
            let Some(place) = connections.admit(peer.ip()) else {
                continue;
            };
            tokio::spawn(async move {
                wire::serve(tcp, None, &place, limits, &CancellationToken::new(), &Here).await;
            });
        }
    });
    address
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// Everything that arrives until the server closes the connection.
async fn ending(tcp: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let reading = tokio::time::timeout(Duration::from_secs(20), tcp.read_to_end(&mut seen));
    // A reset also ends it.
    let _ = reading.await.expect("the server closes it");
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test]
async fn a_connection_that_stays_silent_before_during_or_after_a_request_is_closed() {
    let address = started(&Connections::new("test", 100, 100, Vec::new()), SHORT, LONG).await;
    for said in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut tcp = TcpStream::connect(address).await.expect("connects");
        tcp.write_all(said.as_bytes()).await.expect("writes");
        let answered = ending(&mut tcp).await.contains("200 OK");
        assert_eq!(answered, said.ends_with("\r\n\r\n"), "{said:?}");
    }
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_response_loses_its_place() {
    let connections = Connections::new("test", 100, 100, Vec::new());
    let address = started(&connections, LONG, SHORT).await;
    let mut tcp = TcpStream::connect(address).await.expect("connects");
    tcp.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("writes");
    tcp.readable().await.expect("the answer begins");
    test_wait::until("its place is free again", async || connections.open() == 0).await;
}

#[tokio::test]
async fn a_silent_connection_is_closed_for_one_that_speaks() {
    let connections = Connections::new("test", 100, 2, Vec::new());
    let address = started(&connections, LONG, LONG).await;
    let _silent = (
        TcpStream::connect(address).await.expect("connects"),
        TcpStream::connect(address).await.expect("connects"),
    );
    let answered = async {
        loop {
            let mut tcp = TcpStream::connect(address).await.expect("connects");
            let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            if tcp.write_all(request).await.is_ok() && ending(&mut tcp).await.contains("200 OK") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), answered)
        .await
        .expect("a silent connection is closed to make room");
}
