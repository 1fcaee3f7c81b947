//! Reads HTML as a browser would, as far as the tests need: the tags and their attributes.

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag {
    pub(crate) name: String,
    /// The attributes' names.
    pub(crate) attributes: Vec<String>,
}

/// Elements whose content is text up to their end tag.
const WITHOUT_TAGS: [&str; 5] = ["script", "style", "title", "textarea", "noscript"];

/// All start tags, in order.
pub(crate) fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let (tag, after) = start_tag(rest);
            rest = after;
            if WITHOUT_TAGS.contains(&tag.name.as_str()) {
                rest = after_end_of(&tag.name, rest);
            }
            found.push(tag);
        }
    }
    found
}

fn after_end_of<'h>(name: &str, html: &'h str) -> &'h str {
    let end = html.to_ascii_lowercase().find(&format!("</{name}"));
    end.map_or("", |at| &html[at..])
}

/// Reads a tag whose `<` has been consumed. Returns the tag and the text after its `>`.
fn start_tag(html: &str) -> (Tag, &str) {
    let end = html
        .find(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>')
        .unwrap_or(html.len());
    let mut tag = Tag {
        name: html[..end].to_ascii_lowercase(),
        attributes: Vec::new(),
    };
    let mut rest = &html[end..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return (tag, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (tag, after);
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || "/>=".contains(c))
            .unwrap_or(rest.len());
        tag.attributes.push(rest[..end].to_ascii_lowercase());
        rest = rest[end..].trim_start();
        if let Some(value) = rest.strip_prefix('=') {
            rest = after_value(value.trim_start());
        } else if end == 0 {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
}

fn after_value(html: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(value) = html.strip_prefix(quote) {
            return value.split_once(quote).map_or("", |(_, after)| after);
        }
    }
    let end = html
        .find(|c: char| c.is_ascii_whitespace() || c == '>')
        .unwrap_or(html.len());
    &html[end..]
}

#[test]
fn a_tag_is_found_wherever_a_browser_would_see_one() {
    let names = |html: &str| {
        tags(html)
            .iter()
            .map(|tag| format!("{} {}", tag.name, tag.attributes.join(" ")))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("<a b=\"<c>\" d>x</a><!--<e>--><f/>"), ["a b d", "f "]);
    assert_eq!(names("<title><b></title><i>"), ["title ", "i "]);
    assert_eq!(names("<script>\"<b>\"</script><i>"), ["script ", "i "]);
    assert_eq!(names("<a b=\"\"/gh-attr=1></a>"), ["a b gh-attr"]);
    assert_eq!(names("<a b='x'y=1 z>"), ["a b y z"]);
}
