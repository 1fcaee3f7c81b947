//! What a proxy tells after `verify` has let a request pass: over syslog, HTTP and a file.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use gateway::{CompletionCounts, CompletionOptions, GatewayOptions, Syslog};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use keys::RateLimit;
use model::{Body, BodyAbsence, LogEntry, LogFilter};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio_util::sync::CancellationToken;

use crate::world::World;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Not a proxy that was named.
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

const WAIT: Duration = Duration::from_secs(30);

/// A gateway that waits for completions, and its tasks.
struct Waiting {
    world: World,
    stop: CancellationToken,
}

impl Waiting {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut CompletionOptions)) -> Self {
        let mut completion = CompletionOptions {
            wait: WAIT,
            ..CompletionOptions::default()
        };
        change(&mut completion);
        let configure = |options: &mut GatewayOptions| {
            options.completion = Some(completion);
            options.verify_peers = vec!["127.0.0.1/32".parse().expect("a network")];
        };
        let world = World::with(configure, RateLimit::off()).await;
        let stop = CancellationToken::new();
        let completions = world.gateway.completions().expect("they are on").clone();
        tokio::spawn(completions.run(stop.clone()));
        Self { world, stop }
    }

    /// A request that is let pass, or not. Returns its id.
    async fn ask(&self, secret: Option<&str>) -> String {
        let mut all = vec![
            ("x-forwarded-method", "GET"),
            ("x-forwarded-uri", "/v1/users"),
            // What a caller calls its request has no say.
            ("x-request-id", "0199aaaabbbb7ccc8dddeeeeffff0000"),
        ];
        all.extend(secret.map(|secret| ("x-access-secret", secret)));
        let world = &self.world;
        let headers: HeaderMap = world
            .request(Method::GET, "/", &all, Full::<Bytes>::default())
            .into_parts()
            .0
            .headers;
        let query = Some("environment=sandbox&profile=caddy");
        let answer = world
            .gateway
            .verify(query, headers, &world.gateway.peer(PROXY))
            .await;
        answer.headers()["x-request-id"]
            .to_str()
            .expect("text")
            .to_owned()
    }

    async fn pass(&self) -> String {
        self.ask(None).await
    }

    fn counts(&self) -> CompletionCounts {
        self.world.gateway.completions().expect("they are on").counts()
    }

    async fn until(&self, what: &str, holds: impl Fn(CompletionCounts) -> bool) {
        test_wait::until(what, async || holds(self.counts())).await;
    }

    async fn syslog(&self) -> SocketAddr {
        let syslog = Syslog::bind("127.0.0.1:0".parse().expect("an address"));
        let syslog = syslog.await.expect("it listens");
        let address = syslog.address().expect("an address");
        let completions = self.world.gateway.completions().expect("they are on").clone();
        tokio::spawn(syslog.serve(completions, self.stop.clone()));
        address
    }

    async fn follow(&self, path: &Path) {
        let completions = self.world.gateway.completions().expect("they are on").clone();
        tokio::spawn(gateway::follow(path.to_owned(), completions, self.stop.clone()));
    }

    /// Posts these lines, and returns the status and what the response says.
    async fn post(&self, lines: &str, peer: IpAddr) -> (u16, String) {
        let request = Request::post("/verify/completions").body(Full::new(Bytes::from(lines.to_owned())));
        let gateway = &self.world.gateway;
        let request = request.expect("a request");
        let answer = gateway.completions_posted(request, &gateway.peer(peer)).await;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn line(id: &str, status: u16) -> String {
    format!(
        r#"{{"request_id":"{id}","status":{status},"duration_ms":12,"upstream_duration_ms":9,"request_bytes":5,"response_bytes":17}}"#
    )
}

fn status_of(entries: &[LogEntry], id: &str) -> Option<u16> {
    let entry = entries
        .iter()
        .find(|entry| entry.row.request_id.to_string() == id);
    entry.unwrap_or_else(|| panic!("{id} has no row")).row.status
}

fn taken(taken: u64, unknown: u64, malformed: u64) -> String {
    format!(r#"{{"malformed":{malformed},"taken":{taken},"unknown":{unknown}}}"#)
}

#[tokio::test]
async fn a_row_has_what_the_proxy_told_and_no_body() {
    let waiting = Waiting::start().await;
    let id = waiting.pass().await;
    assert_eq!(waiting.counts().waiting, 1);
    assert!(waiting.world.entries().await.is_empty(), "it waits");
    let answer = waiting.post(&line(&id, 404), PROXY).await;
    assert_eq!(answer, (200, taken(1, 0, 0)));
    let entry = waiting.world.entry().await;
    assert_eq!(entry.row.request_id.to_string(), id);
    assert_eq!((entry.row.status, entry.row.duration_us), (Some(404), 12_000));
    let upstream = entry.upstream_us.expect("it was told");
    assert!((9_000..=12_000).contains(&upstream), "{upstream}");
    let absent = |total_bytes| Body::Absent {
        why: BodyAbsence::NotSeen,
        total_bytes,
    };
    assert_eq!(
        (&entry.request_body, &entry.response_body),
        (&absent(5), &absent(17))
    );
    assert!(entry.response_headers.is_empty(), "those were for the proxy");
}

#[tokio::test]
async fn what_is_told_late_or_twice_or_of_another_request_changes_no_row() {
    let waiting = Waiting::start().await;
    let (first, second) = (waiting.pass().await, waiting.pass().await);
    let forged = "0199aaaabbbb7ccc8dddeeeeffff0000";
    let lines = [
        line(&first, 201),
        line(&first, 500),
        line(forged, 500),
        "{".to_owned(),
        String::new(),
    ];
    let answer = waiting.post(&lines.join("\n"), PROXY).await;
    assert_eq!(answer, (200, taken(1, 2, 1)));
    waiting.world.clock.advance(WAIT);
    waiting
        .until("the other has waited too long", |counts| counts.expired == 1)
        .await;
    let late = waiting.post(&line(&second, 200), PROXY).await;
    assert_eq!(late, (200, taken(0, 1, 0)));
    let entries = waiting.world.entries().await;
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (status_of(&entries, &first), status_of(&entries, &second)),
        (Some(201), None)
    );
    let of_second = entries
        .iter()
        .find(|entry| entry.row.status.is_none())
        .expect("a row");
    assert_eq!(of_second.upstream_us, None);
}

#[tokio::test]
async fn a_refusal_is_known_at_once_and_nothing_waits_where_no_proxy_tells() {
    let waiting = Waiting::start().await;
    let refused = waiting.ask(Some("wrong")).await;
    assert_eq!(waiting.counts().waiting, 0);
    assert_eq!(status_of(&waiting.world.entries().await, &refused), Some(401));
    let answer = waiting.post(&line(&refused, 200), PROXY).await;
    assert_eq!(
        answer,
        (200, taken(0, 1, 0)),
        "what Gatehouse knows, no line changes"
    );
    assert_eq!(status_of(&waiting.world.entries().await, &refused), Some(401));

    let world = World::new().await;
    assert!(world.gateway.completions().is_none());
    let off = Waiting {
        world,
        stop: CancellationToken::new(),
    };
    off.pass().await;
    assert_eq!(off.world.entry().await.row.status, None, "not a guessed 200");
    assert_eq!(
        off.post("{}", PROXY).await.0,
        404,
        "which is said and not ignored"
    );
}

#[tokio::test]
async fn only_proxies_that_were_named_may_tell() {
    let waiting = Waiting::start().await;
    let id = waiting.pass().await;
    assert_eq!(waiting.post(&line(&id, 500), STRANGER).await.0, 403);
    let address = waiting.syslog().await;
    let stranger = UdpSocket::bind((STRANGER, 0)).await.expect("a socket");
    stranger
        .send_to(line(&id, 500).as_bytes(), address)
        .await
        .expect("sent");
    waiting
        .until("the datagram is counted", |counts| counts.untrusted == 1)
        .await;
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind((STRANGER, 0).into()).expect("an address");
    let mut stream = socket.connect(address).await.expect("a connection");
    // It may be closed before that.
    let _ = stream.write_all(format!("{}\n", line(&id, 500)).as_bytes()).await;
    waiting
        .until("the connection is counted", |counts| counts.untrusted == 2)
        .await;
    assert_eq!((waiting.counts().waiting, waiting.counts().taken), (1, 0));
    assert_eq!(waiting.post(&line(&id, 200), PROXY).await.1, taken(1, 0, 0));
}

#[tokio::test]
async fn syslog_is_taken_over_udp_and_tcp() {
    let waiting = Waiting::start().await;
    let address = waiting.syslog().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(waiting.pass().await);
    }
    let socket = UdpSocket::bind((PROXY, 0)).await.expect("a socket");
    let rfc3164 = format!("<190>Nov 27 23:30:18 web nginx: {}", line(&ids[0], 200));
    let rfc5424 = format!(
        "<134>1 2026-11-27T23:30:18Z web haproxy 1 - - {}\n",
        line(&ids[1], 301)
    );
    for datagram in ["no JSON", &rfc3164, &rfc5424] {
        socket.send_to(datagram.as_bytes(), address).await.expect("sent");
    }
    waiting
        .until("both datagrams are taken", |counts| counts.taken == 2)
        .await;

    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let counted = format!("<134>1 - - - - - {}", line(&ids[3], 404));
    let bytes = format!(
        "{}\n{} {counted}{}\n",
        line(&ids[2], 204),
        counted.len(),
        line(&ids[4], 503)
    );
    // However it is divided.
    for piece in bytes.as_bytes().chunks(7) {
        stream.write_all(piece).await.expect("sent");
        stream.flush().await.expect("sent");
    }
    waiting
        .until("all lines are taken", |counts| counts.taken == 5)
        .await;
    let entries = waiting.world.entries().await;
    let statuses: Vec<_> = ids.iter().map(|id| status_of(&entries, id)).collect();
    assert_eq!(statuses, [200, 301, 204, 404, 503].map(Some));
    assert_eq!(waiting.counts().malformed, 1);

    // What has no end is given up; others go on.
    stream.write_all(&vec![b'x'; 200_000]).await.ok();
    waiting
        .until("the endless line is counted", |counts| counts.malformed == 2)
        .await;
    let id = waiting.pass().await;
    socket
        .send_to(line(&id, 200).as_bytes(), address)
        .await
        .expect("sent");
    waiting
        .until("others are taken", |counts| counts.taken == 6)
        .await;
}

#[tokio::test]
async fn a_file_is_followed_from_its_end_through_rotation_and_truncation() {
    let waiting = Waiting::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    let append = |path: &Path, text: &str| {
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.expect("the file")
            .write_all(text.as_bytes())
            .expect("written");
    };
    let old = waiting.pass().await;
    append(&path, &format!("{}\n", line(&old, 500)));
    waiting.follow(&path).await;
    let after = async |number: u64| {
        waiting
            .until("the line is taken", |counts| counts.taken == number)
            .await;
    };
    // What was there before is of the past, so there is no telling when the file is followed, except by asking again.
    let first = waiting.pass().await;
    test_wait::until("the file is followed", async || {
        append(&path, &format!("{}\n", line(&first, 200)));
        waiting.counts().taken == 1
    })
    .await;

    // A line that is written in two parts.
    let (second, text) = {
        let id = waiting.pass().await;
        let text = line(&id, 201);
        (id, text)
    };
    append(&path, &text[..20]);
    append(&path, &format!("{}\n", &text[20..]));
    after(2).await;

    // Replaced; what has it open goes on writing into the old one for a while.
    let (third, fourth) = (waiting.pass().await, waiting.pass().await);
    let rotated = folder.path().join("access.log.1");
    fs::rename(&path, &rotated).expect("renamed");
    append(&path, &format!("{}\n", line(&third, 202)));
    after(3).await;
    append(&rotated, &format!("{}\n", line(&fourth, 203)));
    after(4).await;

    // Truncated in place, with a line that will never end.
    append(&path, "{\"request_id\":");
    let fifth = waiting.pass().await;
    fs::write(&path, "").expect("truncated");
    test_wait::until("the rest is taken", async || {
        append(&path, &format!("{}\n", line(&fifth, 204)));
        waiting.counts().taken == 5
    })
    .await;

    // A line that is too long is left out, and the next is not.
    let sixth = waiting.pass().await;
    append(
        &path,
        &format!("{}\n{}\n", "x".repeat(300_000), line(&sixth, 205)),
    );
    after(6).await;
    assert!(waiting.counts().malformed >= 1);

    let entries = waiting.world.entries().await;
    let told = [first, second, third, fourth, fifth, sixth].map(|id| status_of(&entries, &id));
    assert_eq!(told, [200, 201, 202, 203, 204, 205].map(Some));
    assert_eq!(
        waiting.counts().waiting,
        1,
        "what the file had before was not taken"
    );
    waiting.world.gateway.completions().expect("they are on").close();
    assert_eq!(status_of(&waiting.world.entries().await, &old), None);
}

#[tokio::test]
async fn a_file_that_does_not_exist_yet_is_read_from_its_beginning() {
    let waiting = Waiting::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("access.log");
    waiting.follow(&path).await;
    let id = waiting.pass().await;
    // Not before it has been missed.
    tokio::task::yield_now().await;
    test_wait::until("it is taken", async || {
        let file = OpenOptions::new().append(true).create(true).open(&path);
        writeln!(file.expect("the file"), "{}", line(&id, 200)).expect("written");
        waiting.counts().taken == 1
    })
    .await;
}

#[tokio::test]
async fn beyond_the_bound_the_oldest_is_recorded_without_a_status() {
    let waiting = Waiting::with(|options| options.entries = 2).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(waiting.pass().await);
        waiting.world.clock.advance(Duration::from_millis(1));
    }
    assert_eq!((waiting.counts().waiting, waiting.counts().crowded), (2, 1));
    let entry = waiting.world.entry().await;
    assert_eq!(
        (entry.row.request_id.to_string(), entry.row.status),
        (ids[0].clone(), None)
    );
    let lines: Vec<_> = ids.iter().map(|id| line(id, 200)).collect();
    let answer = waiting.post(&lines.join("\n"), PROXY).await;
    assert_eq!(answer.1, taken(2, 1, 0));
    assert_eq!(waiting.world.entries().await.len(), 3);
}

#[tokio::test]
async fn at_a_stop_what_waits_is_recorded_without_a_status() {
    let waiting = Waiting::start().await;
    let id = waiting.pass().await;
    let completions = waiting.world.gateway.completions().expect("they are on").clone();
    completions.close();
    assert_eq!(status_of(&waiting.world.entries().await, &id), None);
    waiting.pass().await;
    assert_eq!(waiting.world.entries().await.len(), 2, "nothing waits after that");
    assert_eq!(waiting.counts().waiting, 0);
}

#[tokio::test]
async fn a_caller_that_left_before_the_response_is_recorded_as_in_the_gateways_rows() {
    let waiting = Waiting::start().await;
    let id = waiting.pass().await;
    waiting.post(&line(&id, 0), PROXY).await;
    let entry = waiting.world.entry().await;
    assert_eq!(
        (entry.row.status, entry.verdict_detail.as_str()),
        (Some(499), "The caller disconnected before there was a response.")
    );
}

#[tokio::test]
async fn a_status_that_is_not_known_is_no_success_and_no_failure() {
    let waiting = Waiting::start().await;
    let (told, untold) = (waiting.pass().await, waiting.pass().await);
    waiting.post(&line(&told, 200), PROXY).await;
    waiting.world.clock.advance(WAIT);
    waiting
        .until("the other has waited too long", |counts| counts.expired == 1)
        .await;
    waiting.world.recorder.flush().await;
    let world = &waiting.world;
    let scope = logs::Scope::WithBrands {
        company: world.company.id,
        client_id: world.company.client_id,
    };
    let found = async |filter: &str| {
        let filter: LogFilter = filter.parse().expect("a filter");
        let page = world.reading.page(scope, &filter, world.clock.now()).await;
        let rows = page.expect("a page").rows;
        rows.into_iter()
            .map(|row| row.request_id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(found("status=unknown").await, std::slice::from_ref(&untold));
    for known in [
        "status=2xx",
        "status=%3C%3D599",
        "status=%3E%3D100",
        "-status=unknown",
    ] {
        assert_eq!(found(known).await, std::slice::from_ref(&told), "{known}");
    }
    for none in ["status=4xx", "status=5xx", "status=1xx", "status=%3E%3D400"] {
        assert!(found(none).await.is_empty(), "{none}");
    }
    let filter = LogFilter::default();
    let parts = model::LogParts {
        facets: true,
        ..model::LogParts::HISTOGRAM
    };
    let page = world
        .reading
        .parts(scope, &filter, parts, logs::PAGE, world.clock.now())
        .await;
    let page = page.expect("a page");
    let buckets = page.histogram.expect("a histogram").buckets;
    let sum = |at: usize| buckets.iter().map(|bucket| bucket[at]).sum::<u64>();
    assert_eq!([0, 1, 2, 3, 4, 5].map(sum), [1, 0, 1, 0, 0, 0]);
    let facets = page.facets.expect("facets").all;
    let statuses: Vec<_> = facets
        .iter()
        .filter(|facet| facet.field == model::FilterField::Status)
        .flat_map(|facet| &facet.values)
        .map(|value| (value.text.as_str(), value.requests))
        .collect();
    for expected in [("2xx", 1), ("200", 1), ("unknown", 1)] {
        assert!(statuses.contains(&expected), "{statuses:?}");
    }
    assert_eq!(statuses.len(), 3, "{statuses:?}");
}
