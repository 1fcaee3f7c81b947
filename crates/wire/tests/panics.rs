//! A panic becomes one line of the log with an id, wherever it happens. This test has its own binary because the panic
//! hook is global to the process.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use model::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use wire::{CallerBody, Fault, Limits, Service};

struct Fails;

impl Service for Fails {
    type Body = Full<Bytes>;

    async fn answer(&self, _: Request<CallerBody>) -> Response<Full<Bytes>> {
        panic!("two\nlines")
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_767_614_400_000)
    }

    fn failed(&self, _: &Fault) {}
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("not poisoned").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(str::to_owned).collect()
    }
}

async fn ask(accept: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let limits = Limits {
        head_bytes: 64 * 1024,
        head: Duration::from_secs(30),
        write_idle: Duration::from_secs(30),
        streams: 100,
    };
    let served = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let place =
            shares::Connections::new("test", 9, 9, Vec::new()).admit(std::net::IpAddr::from([127, 0, 0, 1]));
        let place = place.expect("a place");
        wire::serve(tcp, None, &place, limits, &CancellationToken::new(), &Fails).await;
    });
    let mut tcp = TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("no reset");
    drop(tcp);
    served.await.expect("the connection outlives the panic");
    answer
}

#[tokio::test]
async fn a_panic_is_one_line_with_an_id_and_a_500_that_names_it() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    wire::panics::log_each();

    let json = ask("*/*").await;
    let page = ask("text/html,*/*").await;
    let background = tokio::spawn(async { panic!("nothing joins this task") });
    assert!(background.await.is_err());

    let lines = log.lines();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let incidents: Vec<&str> = lines
        .iter()
        .map(|line| {
            line.split("incident=\"")
                .nth(1)
                .expect("an id")
                .split('"')
                .next()
                .unwrap_or_default()
        })
        .collect();
    for (answer, incident) in [(&json, incidents[0]), (&page, incidents[1])] {
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(
            answer.contains("\r\nconnection: close\r\n") && answer.contains(incident),
            "{answer}"
        );
    }
    assert!(json.contains("application/json") && page.contains("text/plain"));
    assert!(
        lines[0].contains(r#"panic="two\nlines""#) && lines[0].contains("panics.rs"),
        "{}",
        lines[0]
    );
    assert!(lines[2].contains("nothing joins this task"));
}
