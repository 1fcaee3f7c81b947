use super::*;

const ID: &str = "0199aaaabbbb7ccc8dddeeeeffff0000";

fn told(status: Option<u16>, duration_us: u64) -> Told {
    Told {
        request_id: ID.parse().expect("an id"),
        status,
        duration_us,
        upstream_us: None,
        request_bytes: None,
        response_bytes: None,
    }
}

fn line(rest: &str) -> String {
    format!(r#"{{"request_id":"{ID}",{rest}}}"#)
}

#[test]
fn each_proxys_line_is_read() {
    let whole = Told {
        upstream_us: Some(9_000),
        request_bytes: Some(5),
        response_bytes: Some(17),
        ..told(Some(404), 12_000)
    };
    let without_upstream = Told {
        upstream_us: None,
        ..whole
    };
    for (proxy, text, expected) in [
        (
            "nginx",
            line(
                r#""status":404,"duration_s":0.012,"upstream_duration_s":"0.003, 0.009","request_bytes":"5","response_bytes":17"#,
            ),
            whole,
        ),
        (
            "HAProxy",
            line(
                r#""status":404,"duration_ms":12,"upstream_duration_ms":9,"request_bytes":"5","response_bytes":"17""#,
            ),
            whole,
        ),
        (
            "Envoy",
            line(
                r#""status":404,"duration_ms":12,"upstream_duration_us":"9000","request_bytes":5,"response_bytes":17"#,
            ),
            whole,
        ),
        (
            "Caddy",
            line(
                r#""level":"info","request":{"uri":"/\"}","headers":{"A":["b"]}},"bytes_read":5,"duration":0.012,"size":17,"status":404"#,
            ),
            without_upstream,
        ),
        (
            "Traefik",
            format!(
                r#"{{"DownstreamContentSize":17,"DownstreamStatus":404,"Duration":12000000,"RequestContentSize":5,"request_X-Request-Id":"{ID}","OriginStatus":404}}"#
            ),
            without_upstream,
        ),
    ] {
        assert_eq!(read(text.as_bytes()), Ok(Some(expected)), "{proxy}");
    }
}

#[test]
fn what_syslog_writes_in_front_is_left_out() {
    let text = line(r#""status":200,"duration_us":7"#);
    for header in [
        "",
        "<190>Nov 27 23:30:18 web-1 nginx: ",
        "<190>Nov 27 23:30:18 nginx[12]:",
        "<134>1 2026-11-27T23:30:18.123Z web-1 haproxy 12 - - ",
        "<134>1 2026-11-27T23:30:18.123Z web-1 haproxy 12 - - \u{feff}",
        r#"<134>1 - - - - - [a@1 b="{\"]\\"][c] "#,
    ] {
        for end in ["", "\n", "\r\n", "\0", "\n\0"] {
            let whole = format!("{header}{text}{end}");
            assert_eq!(read(whole.as_bytes()), Ok(Some(told(Some(200), 7))), "{whole:?}");
        }
    }
    let started = "<133>1 2026-11-27T23:30:18Z web haproxy 12 - - Proxy in started.";
    assert_eq!(
        read(started.as_bytes()),
        Ok(None),
        "that is no line of the access log"
    );
    for other in [
        "",
        "<",
        "<134>",
        "<134>1 - - - - -",
        "<134>1 - - - - [a",
        "nginx: {}",
        "[]",
        "{",
        "\0",
    ] {
        assert_eq!(read(other.as_bytes()), Err(Malformed::NotJson), "{other:?}");
    }
}

#[test]
fn a_request_that_was_not_asked_about_is_no_fault_and_another_id_is() {
    for none in [
        r#"{"status":200,"duration_us":7}"#,
        r#"{"request_id":"","status":200}"#,
        r#"{"request_id":"-"}"#,
        r#"{"request_id":null}"#,
        "{}",
    ] {
        assert_eq!(read(none.as_bytes()), Ok(None), "{none}");
    }
    let upper = line(r#""status":200,"duration_us":7"#).replace("aaaa", "AAAA");
    assert_eq!(read(upper.as_bytes()), Err(Malformed::Id));
    assert_eq!(
        read(br#"{"request_id":"chosen by a caller","status":200,"duration_us":1}"#),
        Err(Malformed::Id)
    );
}

#[test]
fn a_status_and_a_duration_must_be_there_and_nothing_twice() {
    for (rest, fault) in [
        (r#""duration_us":7"#, Malformed::Status),
        (r#""status":99,"duration_us":7"#, Malformed::Status),
        (r#""status":1000,"duration_us":7"#, Malformed::Status),
        (r#""status":[200],"duration_us":7"#, Malformed::Status),
        (r#""status":200.5,"duration_us":7"#, Malformed::Status),
        (r#""status":200"#, Malformed::Duration),
        (r#""status":200,"duration_us":-1"#, Malformed::Duration),
        (r#""status":200,"duration_us":"NaN""#, Malformed::Duration),
        (r#""status":200,"duration_us":"inf""#, Malformed::Duration),
        (r#""status":200,"status":500,"duration_us":7"#, Malformed::Twice),
        (
            r#""status":200,"duration_us":7,"duration_ms":7"#,
            Malformed::Twice,
        ),
        (
            r#""request_id":"0199aaaabbbb7ccc8dddeeeeffff0001","status":200,"duration_us":7"#,
            Malformed::Twice,
        ),
    ] {
        assert_eq!(read(line(rest).as_bytes()), Err(fault), "{rest}");
    }
    for status in ["0", "-1", "\"0\""] {
        let text = line(&format!(r#""status":{status},"duration_us":7"#));
        assert_eq!(read(text.as_bytes()), Ok(Some(told(None, 7))), "{status}");
    }
    for endless in [
        r#""duration_s":1e300"#,
        r#""duration_s":"1e18""#,
        r#""duration_us":604800000001"#,
    ] {
        let text = line(&format!(r#""status":200,{endless}"#));
        assert_eq!(read(text.as_bytes()), Err(Malformed::Duration), "{endless}");
    }
    let large = line(r#""status":200,"duration_us":7,"response_bytes":18446744073709551615"#);
    assert_eq!(read(large.as_bytes()), Ok(Some(told(Some(200), 7))));
    let long = line(&format!(
        r#""status":200,"duration_us":7,"x":"{}""#,
        "x".repeat(LONGEST)
    ));
    assert_eq!(read(long.as_bytes()), Err(Malformed::TooLong));
    let deep = line(&format!(
        r#""status":200,"duration_us":7,"x":{}"#,
        "[".repeat(9_000)
    ));
    assert_eq!(read(deep.as_bytes()), Err(Malformed::NotJson));
}

/// A small generator of numbers, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn whatever_bytes_arrive_nothing_panics_and_no_other_request_is_meant() {
    let whole = [
        line(r#""status":200,"duration_ms":1.5,"upstream_duration_s":"0.1 : 2","request_bytes":1"#),
        format!(
            "<134>1 - - - - - [a b=\"\\\"]\"] {}",
            line(r#""status":499,"duration_us":0"#)
        ),
        format!(
            "<190>Nov 27 23:30:18 web nginx: {}",
            line(r#""status":"404","duration":1"#)
        ),
    ];
    let id: RequestId = ID.parse().expect("an id");
    let mut dice = Dice(7);
    let mut understood = 0;
    for _ in 0..60_000 {
        let mut bytes = whole[dice.roll(whole.len())].clone().into_bytes();
        for _ in 0..dice.roll(4) {
            let at = dice.roll(bytes.len().max(1));
            if at >= bytes.len() {
                break;
            }
            match dice.roll(3) {
                0 => bytes[at] = dice.roll(256) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Ok(Some(told)) = read(&bytes) {
            understood += 1;
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                told.request_id == id || text.contains(&told.request_id.to_string()),
                "{text}"
            );
        }
        let noise: Vec<u8> = (0..dice.roll(40)).map(|_| dice.roll(256) as u8).collect();
        assert!(!matches!(read(&noise), Ok(Some(_))));
    }
    assert!(understood > 10_000, "{understood}");
}
