//! Exports of the Logs page: what is in the file, who may have it, and how it ends.

use http::{HeaderMap, Method, StatusCode};
use logs::{CapturedBody, Entry, Message, Place};
use model::{Actor, Environment, Recorded, RequestId, Role, Timestamp, Verdict};
use serde_json::Value;
use store::Columns;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::world::{Acme, Answer, To, World};

/// Stores requests of this company, the oldest first: `n` is in the path, and every second one is a 404.
async fn store(world: &World, acme: &Acme, paths: impl IntoIterator<Item = String>) {
    let place = Place {
        root: acme.id,
        company: acme.id,
        client_id: acme.client_id,
        brand: None,
    };
    store_at(world, &place, paths).await;
}

async fn store_at(world: &World, place: &Place, paths: impl IntoIterator<Item = String>) {
    let services = &world.running().services;
    for (number, path) in paths.into_iter().enumerate() {
        let at = services.clock().now();
        let entry = Entry {
            request_id: RequestId::time_ordered(at, vault::random()),
            at,
            place: place.clone(),
            environment: Some(Environment::Sandbox),
            key: None,
            recorded: Recorded::Gateway,
            method: "POST".to_owned(),
            path,
            status: if number % 2 == 0 { 200 } else { 404 },
            verdict: Verdict::Accepted,
            verdict_detail: String::new(),
            duration_us: 1234,
            upstream_us: None,
            address: "192.0.2.7".to_owned(),
            user_agent: Some("test/1".to_owned()),
            presented: Vec::new(),
            request: said(r#"{"order":7,"password":"correct horse"}"#),
            response: said("{}"),
        };
        services.recorder.record_waiting(entry).await;
    }
    services.recorder.flush().await;
}

fn said(json: &'static str) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/json".parse().expect("a value"));
    headers.insert("cookie", "a=secret-of-a-cookie".parse().expect("a value"));
    Message {
        headers: headers.into(),
        body: CapturedBody::Bytes {
            first: json.as_bytes().to_vec(),
            total_bytes: json.len() as u64,
        },
    }
}

fn orders(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("/v1/orders/{number}"))
}

fn address(acme: &Acme) -> String {
    format!("/c/{}/development/logs/export", acme.client_id)
}

async fn export(world: &World, acme: &Acme, format: &str, filter: &str) -> Answer {
    let form = [("format", format), ("filter", filter)];
    let ask = world.ask(Method::POST, &address(acme)).form(&form);
    ask.cookie(&acme.owner).send().await
}

/// What the audit trail has about exports, oldest first: action, subject, name, address, detail. Of one millisecond, the beginning of an
/// export comes before its end.
async fn trail(world: &World) -> Vec<[String; 5]> {
    let sql = "SELECT action, subject, actor_name, address, detail FROM audit WHERE action LIKE 'log.export%' \
               ORDER BY at, action";
    let rows = sqlx::query(sql)
        .fetch_all(world.running().services.core.db.reader())
        .await;
    let columns = ["action", "subject", "actor_name", "address", "detail"];
    let read = |row| columns.map(|column| Columns::text(row, column).expect("text"));
    rows.expect("reads").iter().map(read).collect()
}

/// How the last export ended, once it has.
async fn end_in_the_trail(world: &World) -> String {
    test_wait::eventually("the end is written down", async || {
        let last = trail(world).await.pop()?;
        (last[0] == "log.export_ended").then(|| last[4].clone())
    })
    .await
}

#[tokio::test]
async fn an_export_has_every_request_of_the_filter_and_says_so_at_its_end() {
    let world = World::start().await;
    let acme = world.acme("Acme & Söhne").await;
    store(&world, &acme, orders(2500)).await;
    let other = world.acme("Other").await;
    store(&world, &other, ["/v1/of-another-company".to_owned()]).await;
    let missing: Vec<String> = (0..2500)
        .rev()
        .filter(|number| number % 2 == 1)
        .map(|number| format!("/v1/orders/{number}"))
        .collect();

    // The cursor of the page does not make it one page.
    let csv = export(&world, &acme, "csv", "range=1h&status=4xx&before=3").await;
    assert_eq!(csv.status, StatusCode::OK, "{}", csv.body);
    assert_eq!(
        csv.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    let name = csv.header("content-disposition");
    assert!(
        name.starts_with("attachment; filename=\"acme-s-hne-requests-2") && name.ends_with("Z.csv\""),
        "{name}"
    );
    assert_eq!(csv.header("cache-control"), "no-store");
    assert_eq!(csv.header("x-content-type-options"), "nosniff");
    assert!(
        csv.header("content-security-policy")
            .contains("default-src 'none'")
    );
    let lines: Vec<&str> = csv.body.split_terminator("\r\n").collect();
    assert_eq!(
        lines[0],
        "at,request_id,method,path,status,verdict,error_code,env_type,client_id,brand,key_id,key_last_four,duration_us,address,user_agent"
    );
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let rows = &lines[1..lines.len() - 1];
    let paths: Vec<String> = rows.iter().map(|line| cells(line)[3].clone()).collect();
    assert_eq!(paths, missing);
    let first = cells(rows[0]);
    assert!(
        first[0].parse::<Timestamp>().is_ok() && first[0].ends_with('Z'),
        "{first:?}"
    );
    assert_eq!(
        (
            first[2].as_str(),
            first[4].as_str(),
            first[5].as_str(),
            first[7].as_str()
        ),
        ("POST", "404", "accepted", "sandbox")
    );
    assert_eq!(first[13..], ["192.0.2.7", "test/1"]);
    assert_eq!(
        *lines.last().expect("a line"),
        "End of export: 1250 requests,,,,,,,,,,,,,,"
    );

    let jsonl = export(&world, &acme, "jsonl", "range=1h&status=4xx").await;
    let mut lines: Vec<Value> = jsonl
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let end = lines.pop().expect("a last line");
    assert_eq!(
        (&end["end_of_export"], &end["requests"]),
        (&true.into(), &1250.into())
    );
    let paths: Vec<&str> = lines
        .iter()
        .map(|line| line["path"].as_str().expect("a path"))
        .collect();
    assert_eq!(paths, missing);
    assert_eq!(
        (&lines[0]["address"], &lines[0]["user_agent"]),
        (&"192.0.2.7".into(), &"test/1".into())
    );
    assert!(lines[0].get("request_body").is_none(), "bodies only on request");

    let trail = trail(&world).await;
    let [begun, ended, ..] = &trail[..] else {
        panic!("{trail:?}")
    };
    assert_eq!(
        (begun[0].as_str(), ended[0].as_str()),
        ("log.export_begun", "log.export_ended")
    );
    assert_eq!(begun[1], ended[1], "the end names the row of its beginning");
    assert_eq!(begun[2], format!("owner-{}@example.com", acme.client_id));
    assert_eq!(begun[3], "127.0.0.1");
    assert!(
        begun[4].starts_with("CSV; range=1h&status=4xx; 20"),
        "{}",
        begun[4]
    );
    assert_eq!(ended[4], "1250 requests, complete");
}

#[tokio::test]
async fn headers_and_bodies_are_exported_on_request_and_as_they_were_stored() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    store(&world, &acme, orders(70)).await;
    let full = export(&world, &acme, "full", "").await;
    let lines: Vec<Value> = full
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 71);
    assert_eq!(lines[70]["requests"], 70);
    for (number, line) in lines[..70].iter().enumerate() {
        assert_eq!(line["path"], format!("/v1/orders/{}", 69 - number));
        assert_eq!(
            (&line["address"], &line["user_agent"]),
            (&"192.0.2.7".into(), &"test/1".into())
        );
        assert_eq!(line["recorded"], "gateway");
        let body = &line["request_body"];
        assert_eq!(
            (&body["kind"], &body["redactions"]),
            (&"text".into(), &1.into()),
            "{body}"
        );
        assert!(
            body["text"].as_str().expect("text").contains("\"order\":7"),
            "{body}"
        );
        let cookie = line["request_headers"]
            .as_array()
            .expect("headers")
            .iter()
            .find(|header| header["name"] == "cookie");
        assert_eq!(cookie.expect("a cookie")["redacted"], true);
    }
    assert!(!full.body.contains("correct horse") && !full.body.contains("secret-of-a-cookie"));
    let trail = trail(&world).await;
    assert!(
        trail[0][4].starts_with("JSON Lines with headers and bodies; no filter; 20"),
        "{trail:?}"
    );
}

#[tokio::test]
async fn what_strangers_wrote_is_no_formula_in_a_spreadsheet() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let hostile = ["=HYPERLINK(\"http://x\",1)", " @SUM(A1)", "/a;=1+1", "/plain"];
    store(&world, &acme, hostile.map(str::to_owned)).await;
    let csv = export(&world, &acme, "csv", "").await.body;
    for cell in [
        ",\"'=HYPERLINK(\"\"http://x\"\",1)\",",
        ",' @SUM(A1),",
        ",\"/a;'=1+1\",",
        ",/plain,",
    ] {
        assert!(csv.contains(cell), "{cell} is not in {csv}");
    }
}

#[tokio::test]
async fn a_brand_exports_its_own_requests_and_its_parent_both() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let accounts = &world.running().services.core.accounts;
    let actor = Actor::command_line();
    let brand = accounts
        .create_company("Acme East", Some(acme.client_id), &actor)
        .await
        .expect("a brand");
    world
        .member(brand.client_id, "east@example.com", Role::Owner)
        .await;
    let place = Place {
        root: acme.id,
        company: brand.id,
        client_id: brand.client_id,
        brand: Some("Acme East".to_owned()),
    };
    store_at(&world, &place, ["/of-the-brand".to_owned()]).await;
    store(&world, &acme, ["/of-the-parent".to_owned()]).await;
    let both = export(&world, &acme, "csv", "").await.body;
    assert!(
        both.contains(",/of-the-brand,") && both.contains(",Acme East,") && both.contains(",/of-the-parent,")
    );
    let east = Acme {
        id: brand.id,
        client_id: brand.client_id,
        owner: world.sign_in("east@example.com").await,
        viewer: String::new(),
    };
    let own = export(&world, &east, "csv", "").await.body;
    assert!(
        own.contains(",/of-the-brand,,") || own.contains(",/of-the-brand,"),
        "{own}"
    );
    assert!(
        !own.contains("/of-the-parent") && own.contains("End of export: 1 request,"),
        "{own}"
    );
}

#[tokio::test]
async fn what_may_not_or_cannot_be_exported_is_refused_before_anything_is_written_down() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    let form = [("format", "csv"), ("filter", "")];
    let ask = |cookie: &str| {
        world
            .ask(Method::POST, &address(&acme))
            .form(&form)
            .cookie(cookie)
    };
    let viewer = ask(&acme.viewer).send().await;
    assert_eq!(viewer.status, StatusCode::FORBIDDEN);
    assert!(
        viewer.body.contains("Viewers cannot export requests."),
        "{}",
        viewer.body
    );
    let elsewhere = ask(&acme.owner)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await;
    assert_eq!(elsewhere.status, StatusCode::FORBIDDEN);
    for (format, filter) in [
        ("csv", "status=9xx"),
        ("xml", ""),
        ("csv", "q=foo%3Abar"),
        ("csv", "zzz=1"),
        ("csv", "%ff%00"),
    ] {
        let answer = export(&world, &acme, format, filter).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{format} {filter}");
    }
    let for_a_person = world
        .ask(Method::POST, &address(&acme))
        .form(&[("format", "csv"), ("filter", "status=9xx")]);
    let page = for_a_person
        .cookie(&acme.owner)
        .header("accept", "text/html,*/*")
        .send()
        .await;
    assert!(
        page.body.contains("<h1>Nothing was exported</h1>") && page.body.contains("status must be"),
        "{}",
        page.body
    );
    assert!(trail(&world).await.is_empty());
}

/// A download that is read slowly: the server can send no more than a little ahead.
struct Slow {
    tcp: TcpStream,
    seen: Vec<u8>,
}

impl Slow {
    async fn begin(world: &World, acme: &Acme) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let to = world.address(To::Dashboard);
        let mut tcp = socket.connect(to).await.expect("connects");
        let form = "format=jsonl&filter=";
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {to}\r\ncookie: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{form}",
            address(acme),
            acme.owner,
            form.len()
        );
        tcp.write_all(request.as_bytes()).await.expect("writes");
        let mut slow = Self {
            tcp,
            seen: Vec::new(),
        };
        while !slow.seen.windows(12).any(|part| part == b"request_id\":") && slow.more().await {}
        assert!(slow.text().starts_with("HTTP/1.1 200"), "{}", slow.text());
        slow
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = test_wait::in_time("something comes", self.tcp.read(&mut buffer))
            .await
            .unwrap_or(0);
        self.seen.extend_from_slice(&buffer[..read]);
        read > 0
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Everything that comes, to the end of the connection or of the response.
    async fn rest(mut self) -> String {
        while !self.seen.ends_with(b"\r\n0\r\n\r\n") && self.more().await {}
        self.text()
    }
}

/// More than the buffers on the way hold.
const MANY: usize = 12_000;

fn is_cut(text: &str) -> bool {
    !text.contains("end_of_export") && !text.ends_with("\r\n0\r\n\r\n")
}

#[tokio::test]
async fn an_export_ends_when_its_reader_goes_away_and_a_company_has_two_at_once() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    store(&world, &acme, orders(MANY)).await;
    let (one, two) = (Slow::begin(&world, &acme).await, Slow::begin(&world, &acme).await);
    let third = export(&world, &acme, "csv", "").await;
    assert_eq!(third.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(third.body.contains("Wait until one has ended") && !third.header("retry-after").is_empty());
    let other = world.acme("Other").await;
    assert_eq!(export(&world, &other, "csv", "").await.status, StatusCode::OK);
    drop(one);
    let detail = test_wait::eventually("the end is written down", async || {
        let trail = trail(&world).await;
        trail
            .into_iter()
            .find(|row| row[4].ends_with("cancelled by the reader"))
    })
    .await;
    assert_ne!(detail[4], format!("{MANY} requests, cancelled by the reader"));
    test_wait::eventually("its place is free", async || {
        (export(&world, &acme, "csv", "path=/v1/orders/17").await.status == StatusCode::OK).then_some(())
    })
    .await;
    let whole = two.rest().await;
    assert!(
        whole.contains("end_of_export") && whole.ends_with("\r\n0\r\n\r\n"),
        "the other one goes on"
    );
}

#[tokio::test]
async fn a_reader_who_loses_the_permission_gets_no_more_and_no_end() {
    let world = World::start().await;
    let acme = world.acme("Acme").await;
    store(&world, &acme, orders(MANY)).await;
    let slow = Slow::begin(&world, &acme).await;
    let signed_out = world
        .ask(Method::POST, "/sign-out")
        .cookie(&acme.owner)
        .send()
        .await;
    assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
    let rest = slow.rest().await;
    assert!(is_cut(&rest), "{}", &rest[rest.len() - 200..]);
    assert!(
        end_in_the_trail(&world)
            .await
            .ends_with("ended: no longer allowed")
    );
}

#[tokio::test]
async fn a_server_that_stops_ends_exports_at_once_and_writes_it_down() {
    let mut world = World::start().await;
    let acme = world.acme("Acme").await;
    store(&world, &acme, orders(MANY)).await;
    let slow = Slow::begin(&world, &acme).await;
    let reading = tokio::spawn(slow.rest());
    world.stop().await;
    assert!(is_cut(&reading.await.expect("no panic")));
    let file = world.data_dir().join("gatehouse.db");
    let bytes = std::fs::read(file).expect("the database");
    let found = bytes
        .windows(b"ended: the server stopped".len())
        .any(|part| part == b"ended: the server stopped");
    assert!(found, "the audit trail has the end");
}
