//! Which host a request is for (RFC 9110 §7.2, RFC 9112 §3.2).

use crate::idn;
use axum::body::Body;
use axum::http::Request;
use axum::http::header::HOST;

/// The request names no host, or more than one, or something that cannot be one: 400 (RFC 9112 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHost;

/// The host in lower-case A-labels without port and final dot; `None` for one that can be no registered name, as an
/// address.
///
/// # Errors
/// [`BadHost`].
pub fn of(request: &Request<Body>) -> Result<Option<String>, BadHost> {
    let mut fields = request.headers().get_all(HOST).iter();
    let field = fields.next().ok_or(BadHost)?;
    if fields.next().is_some() {
        return Err(BadHost);
    }
    let named = parse(field.as_bytes())?;
    // With an absolute request target the field is ignored, but must be right all the same (RFC 9112 §3.2.2).
    match request.uri().authority() {
        Some(authority) => parse(authority.as_str().as_bytes()),
        None => Ok(named),
    }
}

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), and, beyond the grammar, hosts in UTF-8 as some clients send them.
fn parse(field: &[u8]) -> Result<Option<String>, BadHost> {
    let text = std::str::from_utf8(field).map_err(|_| BadHost)?;
    if let Some(literal) = text.strip_prefix('[') {
        let (address, port) = literal.split_once(']').ok_or(BadHost)?;
        let is_address = address.parse::<std::net::Ipv6Addr>().is_ok();
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return if is_address && port_fits { Ok(None) } else { Err(BadHost) };
    }
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    if host.is_empty() || !is_port(port) || !host.chars().all(may_stand_in_host) {
        return Err(BadHost);
    }
    Ok(idn::host_to_ascii(host))
}

/// `*DIGIT` (RFC 3986 §3.2.3), and a number that a port can have.
fn is_port(port: &str) -> bool {
    port.bytes().all(|octet| octet.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
}

/// `reg-name` (RFC 3986 §3.2.2), and anything outside ASCII.
fn may_stand_in_host(c: char) -> bool {
    match c {
        '-' | '.' | '_' | '~' | '%' | '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+' | ',' | ';' | '=' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, hosts: &[&[u8]]) -> Request<Body> {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn host_fields() {
        let name = Ok(Some("xn--fiq228c.xn--zfr164b"));
        let table: &[(&str, Result<Option<&str>, BadHost>)] = &[
            ("xn--fiq228c.xn--zfr164b", name),
            ("XN--FIQ228C.Xn--Zfr164b", name),
            ("xn--fiq228c.xn--zfr164b.", name),
            ("xn--fiq228c.xn--zfr164b:8080", name),
            ("xn--fiq228c.xn--zfr164b.:8080", name),
            ("xn--fiq228c.xn--zfr164b:", name),
            ("中文.政务", name),
            ("中文。政务。:80", name),
            ("www.example", Ok(Some("www.example"))),
            ("192.0.2.1:80", Ok(Some("192.0.2.1"))),
            ("[2001:db8::1]", Ok(None)),
            ("[2001:db8::1]:80", Ok(None)),
            ("a..b", Ok(None)),
            ("a%2eb", Ok(None)),
            ("", Err(BadHost)),
            (":80", Err(BadHost)),
            ("a:b", Err(BadHost)),
            ("a:80:80", Err(BadHost)),
            ("a:65536", Err(BadHost)),
            ("a:+80", Err(BadHost)),
            ("[2001:db8::1", Err(BadHost)),
            ("[not-an-address]", Err(BadHost)),
            ("[2001:db8::1]80", Err(BadHost)),
            ("user@a", Err(BadHost)),
            ("a/b", Err(BadHost)),
            ("a b", Err(BadHost)),
            ("a<b>", Err(BadHost)),
            ("a, b", Err(BadHost)),
        ];
        for (field, expected) in table {
            let found = of(&request("/", &[field.as_bytes()]));
            assert_eq!(found.as_ref().map(Option::as_deref), expected.as_ref().map(|e| *e), "{field:?}");
        }
        assert_eq!(of(&request("/", &[b"\xff\xfe"])), Err(BadHost));
    }

    #[test]
    fn exactly_one_host_field() {
        assert_eq!(of(&request("/", &[])), Err(BadHost));
        assert_eq!(of(&request("/", &[b"a.example", b"a.example"])), Err(BadHost));
        assert_eq!(of(&request("http://a.example/", &[])), Err(BadHost));
    }

    #[test]
    fn an_absolute_target_goes_before_the_field() {
        let host = of(&request("http://A.example:81/x", &[b"b.example"]));
        assert_eq!(host, Ok(Some("a.example".into())));
        assert_eq!(of(&request("http://a.example/", &[b"b b"])), Err(BadHost));
        assert_eq!(of(&request("http://user@a.example/", &[b"a.example"])), Err(BadHost));
    }
}
