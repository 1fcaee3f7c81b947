//! The stream that updates open pages.

use std::time::Duration;

use accounts::{Scope, Scopes};
use http::{Method, StatusCode};
use live::Topic;
use model::Actor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Acme, To, World};

/// How soon a stream must end after its session. A stream that outlives the session notices by itself within a minute,
/// so a longer wait could not tell the two apart.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A stream as a browser reads it, piece by piece.
pub(crate) struct Stream {
    tcp: TcpStream,
    seen: String,
}

impl Stream {
    pub(crate) async fn open(world: &World, acme: &Acme) -> Self {
        Self::open_as(world, acme, &acme.owner).await
    }

    pub(crate) async fn open_as(world: &World, acme: &Acme, cookie: &str) -> Self {
        Self::begin(world, acme, cookie, "", "").await
    }

    /// Opened again by the browser after this event.
    async fn open_after(world: &World, acme: &Acme, event: &str) -> Self {
        let header = format!("last-event-id: {event}\r\n");
        // The page was drawn long ago.
        Self::begin(world, acme, &acme.owner, "?since=0.0", &header).await
    }

    async fn open_since(world: &World, acme: &Acme, since: &str) -> Self {
        Self::begin(world, acme, &acme.owner, &format!("?since={since}"), "").await
    }

    async fn begin(world: &World, acme: &Acme, cookie: &str, query: &str, header: &str) -> Self {
        let address = world.address(To::Dashboard);
        let mut tcp = TcpStream::connect(address).await.expect("connects");
        let request = format!(
            "GET /live/{}{query} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n{header}\r\n",
            acme.client_id
        );
        tcp.write_all(request.as_bytes()).await.expect("writes");
        let mut stream = Self {
            tcp,
            seen: String::new(),
        };
        assert!(stream.sees("\r\n\r\n").await, "{}", stream.seen);
        assert!(
            stream.seen.starts_with("HTTP/1.1 200") && stream.seen.contains("text/event-stream"),
            "{}",
            stream.seen
        );
        stream
    }

    /// Reads until `text` arrives. Returns false if the stream ends first.
    pub(crate) async fn sees(&mut self, text: &str) -> bool {
        let reading = async {
            while !self.seen.contains(text) {
                if self.more().await == 0 {
                    return false;
                }
            }
            true
        };
        test_wait::in_time(text, reading).await
    }

    /// Reads to the end and returns everything that arrived. Fails if the stream continues.
    pub(crate) async fn read_to_end(mut self) -> String {
        let ending = async {
            // The stream ends with the last chunk of the response or with the end of the connection.
            while !self.seen.ends_with("\r\n0\r\n\r\n") && self.more().await > 0 {}
        };
        test_wait::within(AT_ONCE, "the stream ends", ending).await;
        self.seen
    }

    /// Returns when it tells once more that something of this topic changed.
    pub(crate) async fn told(&mut self, topic: &str) {
        let event = format!("event: {topic}\ndata: changed");
        assert!(self.sees(&event).await, "{}", self.seen);
        let after = self.seen.find(&event).expect("it has come") + event.len();
        self.seen.drain(..after);
    }

    /// Reads the next piece and returns its length.
    async fn more(&mut self) -> usize {
        let mut buffer = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(20), self.tcp.read(&mut buffer)).await;
        let length = read.expect("something comes").expect("reads");
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        length
    }
}

#[tokio::test]
async fn a_stream_first_says_which_build_the_server_has() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let mut stream = Stream::open(&world, &acme).await;
    assert!(
        stream.sees("event: build\ndata: gatehouse").await,
        "{}",
        stream.seen
    );
}

/// What a stream announces of keys and logs before the next change, which is one of webhooks.
async fn announced(world: &World, acme: &Acme, mut stream: Stream) -> Vec<Topic> {
    let bus = &world.running().services.core.bus;
    bus.publish(acme.id, Topic::Webhooks);
    // An event has an id once all are announced.
    assert!(stream.sees("data: changed\nid: ").await, "{}", stream.seen);
    let has_told = |topic: &Topic| stream.seen.contains(&format!("event: {}\n", topic.as_str()));
    [Topic::Keys, Topic::Logs].into_iter().filter(has_told).collect()
}

#[tokio::test]
async fn a_stream_begins_where_the_page_was_drawn() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let bus = &world.running().services.core.bus;
    bus.publish(acme.id, Topic::Keys);
    let path = format!("/c/{}/development/keys", acme.client_id);
    let page = world
        .ask(Method::GET, &path)
        .cookie(&acme.owner)
        .send()
        .await
        .body;
    let drawn = page
        .split("data-changes=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let drawn = drawn.expect("the page says where it is among the changes");
    let stream = Stream::open_since(&world, &acme, drawn).await;
    assert_eq!(
        announced(&world, &acme, stream).await,
        [],
        "nothing has changed since"
    );

    let before = bus.mark().to_string();
    bus.publish(acme.id, Topic::Logs);
    bus.publish(other.id, Topic::Keys);
    let stream = Stream::open_since(&world, &acme, &before).await;
    assert_eq!(announced(&world, &acme, stream).await, [Topic::Logs]);
    let stream = Stream::open_after(&world, &acme, &bus.mark().to_string()).await;
    assert_eq!(
        announced(&world, &acme, stream).await,
        [],
        "the last event is later than the page"
    );
    let stream = Stream::open_since(&world, &acme, "12ab.3").await;
    let all = announced(&world, &acme, stream).await;
    assert_eq!(all, [Topic::Keys, Topic::Logs], "it was drawn by another node");
}

#[tokio::test]
async fn an_event_says_how_far_it_reaches() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let bus = &world.running().services.core.bus;
    let mut stream = Stream::open(&world, &acme).await;
    bus.publish(acme.id, Topic::Keys);
    let event = format!("event: keys\ndata: changed\nid: {}\n", bus.mark());
    assert!(stream.sees(&event).await, "{}", stream.seen);
}

#[tokio::test]
async fn a_change_is_announced_only_to_its_company() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let mut stream = Stream::open(&world, &acme).await;
    let bus = &world.running().services.core.bus;
    bus.publish(other.id, Topic::Webhooks);
    bus.publish(acme.id, Topic::Keys);
    assert!(stream.sees("event: keys\ndata: changed").await, "{}", stream.seen);
    assert!(!stream.seen.contains("webhooks"), "{}", stream.seen);
}

#[tokio::test]
async fn signing_out_ends_the_stream() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let stream = Stream::open(&world, &acme).await;
    let out = world
        .ask(Method::POST, "/sign-out")
        .cookie(&acme.owner)
        .send()
        .await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    world.running().services.core.bus.publish(acme.id, Topic::Keys);
    let seen = stream.read_to_end().await;
    assert!(
        !seen.contains("data: changed"),
        "it was told of a change after the sign-out: {seen}"
    );
}

/// What the operator's backend does to the members of a company.
struct Operator<'world> {
    world: &'world World,
    token: String,
}

impl<'world> Operator<'world> {
    async fn new(world: &'world World) -> Self {
        let accounts = &world.running().services.core.accounts;
        let scopes = Scopes::new(vec![Scope::Members]);
        let token = accounts
            .create_operator_token("backend", scopes, &Actor::command_line())
            .await
            .expect("a token");
        Self {
            world,
            token: token.text().as_str().to_owned(),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Value {
        let ask = self.world.ask(method, path).to(To::Operator).bearer(&self.token);
        let answer = ask.json(body).send().await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        answer.json()
    }

    /// The path of the company's owner.
    async fn owner(&self, acme: &Acme) -> String {
        let list = format!("/operator/v1/members?client_id={}", acme.client_id);
        let members = self.ask(Method::GET, &list, &Value::Null).await;
        let owner = members
            .as_array()
            .into_iter()
            .flatten()
            .find(|member| member["role"] == "owner")
            .expect("listed");
        format!(
            "/operator/v1/members/{}",
            owner["member_id"].as_str().expect("an id")
        )
    }
}

/// The owner's streams must end when the operator does this, and a colleague's must continue.
async fn ends_the_owners_streams(method: Method, path_after_member: &str) {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let operator = Operator::new(&world).await;
    let streams = (
        Stream::open(&world, &acme).await,
        Stream::open(&world, &acme).await,
    );
    let mut colleague = Stream::open_as(&world, &acme, &acme.viewer).await;
    let path = format!("{}{path_after_member}", operator.owner(&acme).await);
    operator.ask(method, &path, &json!({})).await;
    streams.0.read_to_end().await;
    streams.1.read_to_end().await;
    assert!(hears(&world, &acme, &mut colleague).await, "{}", colleague.seen);
}

#[tokio::test]
async fn removing_a_member_ends_their_streams() {
    ends_the_owners_streams(Method::DELETE, "").await;
}

#[tokio::test]
async fn setting_a_password_ends_the_streams_of_its_person() {
    ends_the_owners_streams(Method::PUT, "/password").await;
}

#[tokio::test]
async fn signing_a_member_out_everywhere_ends_their_streams() {
    ends_the_owners_streams(Method::DELETE, "/sessions").await;
}

#[tokio::test]
async fn revoking_a_session_ends_its_streams_and_no_others() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let operator = Operator::new(&world).await;
    let email = format!("owner-{}@example.com", acme.client_id);
    let sessions = format!("/operator/v1/sessions?email={email}");
    let before = operator.ask(Method::GET, &sessions, &Value::Null).await;
    let first = before[0]["session_id"].as_str().expect("an id").to_owned();
    let second = world.sign_in(&email).await;
    let stream = Stream::open(&world, &acme).await;
    let mut other = Stream::open_as(&world, &acme, &second).await;
    let path = format!("/operator/v1/sessions/{first}");
    operator.ask(Method::DELETE, &path, &Value::Null).await;
    stream.read_to_end().await;
    assert!(hears(&world, &acme, &mut other).await, "{}", other.seen);
}

#[tokio::test]
async fn stopping_ends_open_streams_at_once() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    let stream = Stream::open(&world, &acme).await;
    test_wait::within(
        AT_ONCE,
        "the server stops without waiting for the stream",
        world.stop(),
    )
    .await;
    let seen = stream.read_to_end().await;
    assert!(!seen.contains("data: changed"), "{seen}");
}

/// Whether a change arrives. False if there was no slot for the stream.
async fn hears(world: &World, acme: &Acme, stream: &mut Stream) -> bool {
    world.running().services.core.bus.publish(acme.id, Topic::Keys);
    assert!(stream.sees("\r\n\r\n").await, "{}", stream.seen);
    let body = |stream: &Stream| {
        let (_, body) = stream.seen.split_once("\r\n\r\n").unwrap_or_default();
        body.to_owned()
    };
    // Reads either the stream with its change, or a stream that ends and says when to try again.
    while !body(stream).contains("\n\n") {
        let seen = stream.seen.len();
        stream.more().await;
        assert!(stream.seen.len() > seen, "it ends without a message");
    }
    !body(stream).contains("retry")
}

#[tokio::test]
async fn one_viewer_with_many_streams_takes_none_of_another_company() {
    let world = World::start().await;
    let (acme, other) = (world.acme("Acme").await, world.acme("Other").await);
    let mut held = Vec::new();
    loop {
        let mut stream = Stream::open_as(&world, &acme, &acme.viewer).await;
        if !hears(&world, &acme, &mut stream).await {
            break;
        }
        held.push(stream);
        assert!(held.len() < 100, "the number of streams is limited");
    }
    assert_eq!(held.len(), 16);
    let mut stream = Stream::open(&world, &other).await;
    assert!(hears(&world, &other, &mut stream).await, "{}", stream.seen);
    let mut colleague = Stream::open(&world, &acme).await;
    assert!(hears(&world, &acme, &mut colleague).await, "{}", colleague.seen);
    held.pop();
    // The server soon notices that a tab was closed.
    let again = async {
        loop {
            let mut again = Stream::open_as(&world, &acme, &acme.viewer).await;
            if hears(&world, &acme, &mut again).await {
                break;
            }
        }
    };
    test_wait::in_time("its place is free again", again).await;
}
