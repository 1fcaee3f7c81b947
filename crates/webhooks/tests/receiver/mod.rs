//! A webhook receiver on loopback that does what a test tells it to and remembers the requests it got.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the next request may take. Some follow an attempt of ten seconds and a real delay of half a minute.
const ARRIVAL: Duration = Duration::from_secs(120);

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// `POST /path HTTP/1.1`.
    pub(crate) line: String,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The number of the connection it came on, in the order in which they were opened.
    pub(crate) connection: usize,
}

/// How to respond to a request.
pub(crate) enum Reply {
    /// A response with these headers and this body.
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// An empty response after this time.
    After(Duration, u16),
    /// Send these bytes, then close the connection.
    Raw(Vec<u8>),
    /// Send these bytes, then `again` for as long as the sender reads.
    Endless { head: Vec<u8>, again: Vec<u8> },
    /// Send these bytes, then nothing, and keep the connection open.
    Silence(Vec<u8>),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn redirect(status: u16, to: impl Into<String>) -> Self {
        Self::Answer {
            status,
            headers: vec![("Location", to.into())],
            body: Vec::new(),
        }
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.as_str())
    }
}

pub(crate) type Script = Arc<dyn Fn(&Received) -> Reply + Send + Sync>;

/// Stops when dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    count: Arc<watch::Sender<usize>>,
    /// How many bytes of endless responses the sender has accepted.
    pub(crate) written: Arc<AtomicUsize>,
    /// How many connections were opened.
    pub(crate) connections: Arc<AtomicUsize>,
    /// The numbers of the connections that have ended, in the order in which they ended.
    ended: Arc<watch::Sender<Vec<usize>>>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_with(script, None).await
    }

    pub(crate) async fn start_with(
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script: Script = Arc::new(script);
        let (received, written) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let count = Arc::new(watch::Sender::new(0));
        let shared = (received.clone(), count.clone(), written.clone());
        let connections = Arc::new(AtomicUsize::new(0));
        let opened = connections.clone();
        let ended = Arc::new(watch::Sender::new(Vec::new()));
        let all_ended = ended.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::Relaxed);
                let ended = all_ended.clone();
                let (script, tls) = (script.clone(), tls.clone());
                let (received, count, written) = shared.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, number, script, received, count, written).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, number, script, received, count, written).await;
                            }
                        }
                    }
                    ended.send_modify(|ended| ended.push(number));
                });
            }
        });
        Self {
            address,
            received,
            count,
            written,
            connections,
            ended,
            task,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic").clone()
    }

    /// The numbers of the connections that have ended, once there are this many.
    pub(crate) async fn wait_for_ended(&self, connections: usize) -> Vec<usize> {
        let mut ended = self.ended.subscribe();
        let ended = ended.wait_for(|ended| ended.len() >= connections).await;
        ended.expect("the receiver is running").clone()
    }

    /// Returns once this many requests have arrived in all.
    pub(crate) async fn wait_for(&self, requests: usize) -> Vec<Received> {
        let mut count = self.count.subscribe();
        let arrived = count.wait_for(|count| *count >= requests);
        let what = format!("{requests} requests arrive");
        drop(
            test_wait::within(ARRIVAL, &what, arrived)
                .await
                .expect("the receiver is running"),
        );
        self.received()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    number: usize,
    script: Script,
    received: Arc<Mutex<Vec<Received>>>,
    count: Arc<watch::Sender<usize>>,
    written: Arc<AtomicUsize>,
) {
    // After a complete response, the connection stays open for the next request.
    while let Some(mut request) = read_request(&mut stream).await {
        request.connection = number;
        received.lock().expect("no panic").push(request.clone());
        count.send_modify(|count| *count += 1);
        if !reply(&mut stream, script(&request), &written).await {
            break;
        }
    }
}

/// Returns whether another request may follow.
async fn reply<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    reply: Reply,
    written: &AtomicUsize,
) -> bool {
    match reply {
        Reply::Answer {
            status,
            headers,
            body,
        } => {
            let mut answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n", body.len());
            for (name, value) in headers {
                answer.push_str(&format!("{name}: {value}\r\n"));
            }
            answer.push_str("\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.write_all(&body).await;
            return stream.flush().await.is_ok();
        }
        Reply::After(time, status) => {
            tokio::time::sleep(time).await;
            let answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
            return stream.flush().await.is_ok();
        }
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Endless { head, again } => {
            let _ = stream.write_all(&head).await;
            while let Ok(taken) = stream.write(&again).await {
                written.fetch_add(taken, Ordering::Relaxed);
            }
        }
        Reply::Silence(bytes) => {
            let _ = stream.write_all(&bytes).await;
            // Read until the other side gives up.
            let mut byte = [0];
            while matches!(stream.read(&mut byte).await, Ok(read) if read > 0) {}
        }
    }
    false
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(Some(0), |(_, length)| length.parse().ok())?;
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Received {
        line,
        headers,
        body,
        connection: 0,
    })
}
