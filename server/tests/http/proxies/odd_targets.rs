//! Addresses with bytes that programs read differently. Whatever a proxy does with them, the log must have the address
//! that the API got.

use super::Stage;
use super::caller::Call;

/// These are valid, so every proxy lets them pass.
const VALID: [&str; 9] = [
    "/a%20b?x=%2F&y=a+b",
    "/a//b",
    "/a;b=c/d:e@f!$&'()*,=~",
    "/%C3%A4?%E2%82%AC",
    "/a?b?c=d?e",
    "/?",
    "/a?",
    "/a?x=%0d%0aX-Evil:%201",
    "/a%25b",
];

/// A proxy may refuse these or change them. What the API gets must be what was judged.
const ODD: [&[u8]; 27] = [
    b"/a/../b",
    b"/a/./b",
    b"/..%2fb",
    b"/a%2e%2e/b",
    b"/a%2Fb",
    b"/a%00b",
    b"/a%0ab",
    b"/a%",
    b"/a%zz",
    b"/a\\b",
    b"/a|b",
    b"/a{b}",
    b"/a\"b",
    b"/a<b>",
    b"/a^b`c",
    b"/a#b?c",
    b"/a?b#c",
    b"/a[b]",
    b"/\xc3\xa4?\xe2\x82\xac",
    b"/\xff\xfe",
    b"/a\x7fb",
    b"/a\x01b",
    b"/a\tb",
    b"/a?environment=prod&profile=caddy",
    b"http://elsewhere.example/a?b",
    b"//elsewhere.example/a",
    b"*",
];

pub(super) async fn odd_targets(stage: &mut Stage) {
    for target in VALID {
        let call = Call::get(target).with(&stage.key);
        if let Some((_, request)) = stage.passes(target, &call).await {
            same_in_the_log(stage, target, &request.head).await;
        }
    }
    // Of the query that Gatehouse's own address has, none may be believed when it comes from a caller.
    let own = format!("/a?environment=prod&profile={}", stage.shipped.name);
    for target in ODD.into_iter().chain([own.as_bytes()]) {
        let what = String::from_utf8_lossy(target).escape_debug().to_string();
        let (response, received) = stage.send(&Call::get(target).with(&stage.key)).await;
        match (response.map(|response| response.head.status()), &received[..]) {
            (Some(200), [request]) => same_in_the_log(stage, &what, &request.head).await,
            // Refused, or sent to another spelling of the address, by the proxy or by Gatehouse.
            (Some(300..500) | None, []) => {}
            (status, received) => {
                let times = received.len();
                stage.fault(&what, format!("{status:?}, and the API got {times} requests"));
            }
        }
    }
}

async fn same_in_the_log(stage: &mut Stage, what: &str, of_the_api: &super::message::Head) {
    let id = of_the_api.one("X-Request-Id");
    let logged = stage.entry(&id).await.map(|entry| entry.row.path);
    stage.same(&format!("{what}, in the log"), logged, Some(of_the_api.target()));
}
