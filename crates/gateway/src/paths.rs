//! Paths as an upstream may read them. Servers differ in what they make of `//`, `..`, `%2e` and `\`, so whether a path is one of
//! ours is judged on the form in which all of them are gone.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Whether every server reads this path as it is written. Beyond ASCII, some take other characters for dots and slashes.
pub(crate) fn is_plain(path: &str) -> bool {
    let mut before = 0;
    path.bytes().all(|byte| {
        let doubtful =
            matches!(byte, b'%' | b'\\' | b';' | 0x80..) || (before == b'/' && matches!(byte, b'/' | b'.'));
        before = byte;
        !doubtful
    })
}

/// How often a path is decoded: servers behind one another each decode once.
const DECODINGS: usize = 4;

/// The path decoded, with `/` for `\`, without parameters (`;…`), empty segments, `.`, and `..` with the segment before it.
pub(crate) fn normalised(path: &str) -> Cow<'_, str> {
    if is_plain(path) {
        return Cow::Borrowed(path);
    }
    let mut text = path.to_owned();
    for _ in 0..DECODINGS {
        if !text.contains('%') {
            break;
        }
        text = percent_decode_str(&text).decode_utf8_lossy().into_owned();
    }
    let mut segments = Vec::new();
    for segment in text.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let end = if text.ends_with(['/', '\\']) && !segments.is_empty() {
        "/"
    } else {
        ""
    };
    Cow::Owned(format!("/{}{end}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_path_are_one() {
        for path in [
            "/operator/v1/keys",
            "//operator/v1/keys",
            "/./operator/v1//keys",
            "/x/../operator/v1/keys",
            "/x/y/../../operator/v1/keys",
            "/../operator/v1/keys",
            "/%6fperator/v1/keys",
            "/%256fperator/v1/keys",
            "/operator%2fv1/keys",
            "\\operator\\v1/keys",
            "/x/%2e%2e/operator/v1/keys",
            "/x/..;a=b/operator/v1/keys",
            "/operator;a/v1;b=c/keys",
            "/x/.%2E/operator/v1/./keys",
        ] {
            assert_eq!(normalised(path), "/operator/v1/keys", "{path}");
        }
        assert_eq!(normalised("/a//"), "/a/");
        assert_eq!(normalised("/%FF%zz%"), "/\u{fffd}%zz%");
        assert_eq!(normalised("/..//"), "/");
    }

    #[test]
    fn a_plain_path_is_not_copied() {
        for path in ["/", "/v1/orders", "/a/b.c", "/a/", "*"] {
            assert!(
                matches!(normalised(path), Cow::Borrowed(same) if same == path),
                "{path}"
            );
        }
    }
}
