//! Where a redirect leads when the forward keeps path and query.

/// Octets that need no escape in a path, `%` apart (RFC 3986 §3.3: `pchar` and the slash).
const PATH_MARKS: &[u8] = b"-._~!$&'()*+,;=:@/%";
/// Octets that need no escape in a query, `%` apart (RFC 3986 §3.4).
const QUERY_MARKS: &[u8] = b"-._~!$&'()*+,;=:@/?%";

/// `target` with path and query of a request appended to its own. The result stays on the target's host and below its
/// path, whatever the request says: dot segments are taken out, leading slashes become one, and what a URL may not hold is
/// escaped.
pub fn join(target: &str, path: &str, query: Option<&str>) -> String {
    let (target, fragment) = split(target, '#');
    let (base, own_query) = split(target, '?');
    let mut location = String::from(base);
    let path = normalise(path);
    if path != "/" {
        if location.ends_with('/') {
            location.pop();
        }
        escape(&path, PATH_MARKS, &mut location);
    }
    let queries = [own_query, query.unwrap_or_default()];
    for (query, mark) in queries.into_iter().filter(|query| !query.is_empty()).zip(['?', '&']) {
        location.push(mark);
        escape(query, QUERY_MARKS, &mut location);
    }
    if !fragment.is_empty() {
        location.push('#');
        location.push_str(fragment);
    }
    location
}

fn split(text: &str, mark: char) -> (&str, &str) {
    text.split_once(mark).unwrap_or((text, ""))
}

/// The path without dot segments (RFC 3986 §5.2.4), with one slash in front.
fn normalise(path: &str) -> String {
    // The target of `OPTIONS *` has no path.
    let Some(path) = path.strip_prefix('/') else { return "/".into() };
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_directory = false;
    for segment in path.split('/') {
        let dots = dots(segment);
        ends_in_directory = dots.is_some();
        match dots {
            Some(1) => {}
            Some(_) => drop(kept.pop()),
            None => kept.push(segment),
        }
    }
    if ends_in_directory {
        kept.push("");
    }
    format!("/{}", kept.join("/").trim_start_matches('/'))
}

/// How many dots a segment is, if it is one or two; browsers read `%2e` as a dot (WHATWG URL §4.1), so we do.
fn dots(segment: &str) -> Option<usize> {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    matches!(plain.as_str(), "." | "..").then_some(plain.len())
}

fn escape(text: &str, marks: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || marks.contains(&octet) {
            out.push(char::from(octet));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(octet >> 4)]));
            out.push(char::from(HEX[usize::from(octet & 0x0f)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn joins() {
        for (target, path, query, expected) in [
            ("https://t.example/", "/", None, "https://t.example/"),
            ("https://t.example/", "/a/b", None, "https://t.example/a/b"),
            ("https://t.example/", "/a/b/", Some("c=d"), "https://t.example/a/b/?c=d"),
            ("https://t.example/base", "/", None, "https://t.example/base"),
            ("https://t.example/base", "/a", None, "https://t.example/base/a"),
            ("https://t.example/base/", "/a", None, "https://t.example/base/a"),
            ("https://t.example/?x=1", "/a", Some("y=2"), "https://t.example/a?x=1&y=2"),
            ("https://t.example/?x=1", "/", None, "https://t.example/?x=1"),
            ("https://t.example/", "/", Some(""), "https://t.example/"),
            ("https://t.example/#part", "/a", Some("y"), "https://t.example/a?y#part"),
            ("https://t.example/", "//other.example/a", None, "https://t.example/other.example/a"),
            ("https://t.example/", "/a//b", None, "https://t.example/a//b"),
            ("https://t.example/base", "/../secret", None, "https://t.example/base/secret"),
            ("https://t.example/base", "/a/%2E%2e/%2e./b", None, "https://t.example/base/b"),
            ("https://t.example/base", "/a/..", None, "https://t.example/base"),
            ("https://t.example/base", "/a/b/..", None, "https://t.example/base/a/"),
            ("https://t.example/base", "/.//x", None, "https://t.example/base/x"),
            ("https://t.example/", "/\\..\\x", None, "https://t.example/%5C..%5Cx"),
            ("https://t.example/", "/\"<中>", Some("a[]=\"'"), "https://t.example/%22%3C%E4%B8%AD%3E?a%5B%5D=%22'"),
            ("https://t.example/", "/50%", Some("q=%41%zz"), "https://t.example/50%?q=%41%zz"),
            ("https://t.example/", "*", None, "https://t.example/"),
        ] {
            assert_eq!(join(target, path, query), expected, "{target} {path} {query:?}");
        }
    }

    proptest! {
        /// A browser that follows the result stays on the host, below the target's path.
        #[test]
        fn nothing_escapes_the_target(path in "/[ -~中]{0,40}", query in proptest::option::of("[ -~中]{0,20}")) {
            let location = join("https://t.example:8443/base/", &path, query.as_deref());
            prop_assert!(location.bytes().all(|octet| octet.is_ascii_graphic()), "{}", location);
            let url = url::Url::parse(&location).unwrap();
            prop_assert_eq!(url.host_str(), Some("t.example"));
            prop_assert_eq!(url.port(), Some(8443));
            prop_assert!(url.path().starts_with("/base/"), "{}", location);
            prop_assert_eq!(url.username(), "");
        }
    }
}
