//! RFC 7873: DNS cookies, with server cookies as in RFC 9018.

use crate::dns::{NOW, Opt, Query, Response, client, settings, zones};
use zhengming::query::{Client, Settings, Transport};

const ANSWER: &str = "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5";
const CLIENT_COOKIE: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn query(options: Vec<(u16, Vec<u8>)>) -> Query {
    Query { edns: Some(Opt { options, ..Opt::new() }), ..Query::new("xn--live.xn--zfr164b", "A") }
}

fn with(cookie: &[u8]) -> Response {
    query(vec![(10, cookie.to_vec())]).ask(&zones())
}

/// A good cookie of the tests' client.
fn good() -> Vec<u8> {
    with(&CLIENT_COOKIE).option(10).expect("a cookie").to_vec()
}

fn required() -> Settings {
    let mut settings = settings();
    settings.cookies.as_mut().expect("the tests' settings have cookies").required = true;
    settings
}

fn ask(settings: &Settings, client: &Client, cookie: &[u8]) -> Response {
    let request = query(vec![(10, cookie.to_vec())]).to_wire();
    Response::with(&zones(), settings, client, &request).expect("an answer")
}

#[test]
fn section_5_2_1_no_cookie_no_cookie() {
    for request in [query(vec![]), Query::plain("xn--live.xn--zfr164b", "A")] {
        let response = request.ask(&zones());
        response.is(ANSWER);
        assert_eq!(response.option(10), None);
        // Not even where they are required: who does not know them is answered.
        let response = Response::with(&zones(), &required(), &client(Transport::Udp), &request.to_wire());
        response.expect("an answer").is(ANSWER);
    }
}

#[test]
fn section_5_2_2_malformed_lengths_are_a_format_error() {
    for length in 0..=64 {
        let response = with(&vec![7; length]);
        if length == 8 || (16..=40).contains(&length) {
            response.is(ANSWER);
            assert_eq!(response.option(10).map(|cookie| (cookie.len(), &cookie[..8])), Some((24, &[7; 8][..])));
        } else {
            response.is("FORMERR");
            assert!(response.opt.as_ref().is_some_and(|opt| opt.options.is_empty()), "{length}");
        }
    }
    // A server without cookies does not look at them.
    let settings = Settings { cookies: None, ..settings() };
    ask(&settings, &client(Transport::Udp), &[7; 3]).is(ANSWER);
}

#[test]
fn section_5_2_3_a_client_cookie_alone_is_answered_with_a_server_cookie() {
    let response = with(&CLIENT_COOKIE);
    response.is(ANSWER);
    assert!(!response.outcome.cookie);
    let cookie = response.option(10).expect("a cookie");
    assert_eq!((cookie.len(), &cookie[..8]), (24, &CLIENT_COOKIE[..]));
    // RFC 9018 §4: version 1, three octets of zero, the time.
    assert_eq!(cookie[8..16], [&[1, 0, 0, 0], &(NOW as u32).to_be_bytes()[..]].concat());
}

#[test]
fn section_5_2_3_and_5_2_4_where_cookies_are_required() {
    let (settings, udp, tcp) = (required(), client(Transport::Udp), client(Transport::Tcp));
    let elsewhere = Client { address: "2001:db8::7".parse().expect("an address"), ..udp };
    let forged = [&CLIENT_COOKIE[..], &[1; 16]].concat();
    for (client, cookie) in [(udp, CLIENT_COOKIE.to_vec()), (udp, forged.clone()), (elsewhere, good())] {
        let response = ask(&settings, &client, &cookie);
        response.is("BADCOOKIE");
        assert_eq!((response.outcome.rcode, response.outcome.cookie), (23, false));
        // The cookie in it opens the door.
        let fetched = response.option(10).expect("a cookie").to_vec();
        ask(&settings, &client, &fetched).is(ANSWER);
    }
    // TCP shows as well where the client is.
    ask(&settings, &tcp, &forged).is(ANSWER);
}

#[test]
fn section_5_2_5_a_good_server_cookie() {
    let response = with(&good());
    response.is(ANSWER);
    assert!(response.outcome.cookie);
    assert_eq!(response.option(10), Some(&good()[..]));
    let later = Client { now: NOW + 3601, ..client(Transport::Udp) };
    assert!(!ask(&settings(), &later, &good()).outcome.cookie);
}

#[test]
fn section_5_2_of_several_cookies_the_first_counts() {
    let response = query(vec![(10, good()), (10, vec![9; 3])]).ask(&zones());
    response.is(ANSWER);
    assert!(response.outcome.cookie);
}

#[test]
fn section_5_4_a_request_for_nothing_but_a_cookie() {
    let fetch = |options: Vec<(u16, Vec<u8>)>, opt: Opt| {
        let request = [query(vec![]).header([0, 0, 0, 1]), Opt { options, ..opt }.to_wire()].concat();
        Response::of(&zones(), Transport::Udp, &request).expect("an answer")
    };
    let response = fetch(vec![(10, CLIENT_COOKIE.to_vec())], Opt::new());
    response.is("NOERROR");
    assert_eq!(response.option(10), Some(&good()[..]));
    fetch(vec![(10, good())], Opt::new()).is("NOERROR");
    fetch(vec![(10, [&CLIENT_COOKIE[..], &[1; 16]].concat())], Opt::new()).is("BADCOOKIE");
    fetch(vec![(10, vec![1; 9])], Opt::new()).is("FORMERR");
    fetch(vec![], Opt::new()).is("FORMERR");
    fetch(vec![(10, good())], Opt { version: 1, ..Opt::new() }).is("FORMERR");
}

#[test]
fn errors_and_truncated_answers_carry_the_cookie_too() {
    let request = Query { qclass: 3, ..query(vec![(10, CLIENT_COOKIE.to_vec())]) };
    assert_eq!(request.ask(&zones()).option(10), Some(&good()[..]));
}
