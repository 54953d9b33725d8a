//! Response rate limiting, from outside: what is sent, what is counted, and who is spared.

use crate::dns::{PATIENCE, Response, ask_tcp, query, receive, udp};
use crate::{HELD, NAME, NOERROR, REFUSED, Started, start_as};
use std::net::UdpSocket;
use zhengming::query::{Cookies, Settings};
use zhengming::server::{RateLimits, TcpLimits};

/// Requests of one burst, which the smallest receive buffer in use holds.
const BURST: u16 = 90;
/// More answers than any burst gets at one a second, unless it takes half a minute.
const FEW: usize = 30;

/// A server whose limit is one answer a second; loopback is not spared.
fn start(limits: RateLimits) -> Started {
    let limits = RateLimits { answers: 1, negatives: 1, referrals: 1, errors: 1, exempt: vec![], ..limits };
    let settings = Settings { cookies: Some(Cookies::new(vec![], 0)), ..Settings::default() };
    start_as(&["127.0.0.1:0"], TcpLimits::default(), settings, Some(limits))
}

fn slip(slip: u32) -> Started {
    start(RateLimits { slip, ..RateLimits::default() })
}

/// A query with this cookie in an OPT record.
fn with_cookie(id: u16, name: &str, cookie: &[u8]) -> Vec<u8> {
    let mut octets = query(id, name);
    octets[11] = 1;
    let length = cookie.len() as u8;
    octets.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, length + 4, 0, 10, 0, length]);
    octets.extend_from_slice(cookie);
    octets
}

/// Sends a burst and takes `expected` responses.
fn burst(client: &UdpSocket, expected: usize, request: impl Fn(u16) -> Vec<u8>) -> Vec<Response> {
    (0..BURST).for_each(|id| _ = client.send(&request(id)).unwrap());
    (0..expected).map(|_| receive(client)).collect()
}

fn is_truncated(response: &Response) -> bool {
    response.octets[2] & 0x02 != 0
}

fn counted(text: &str, action: &str) -> usize {
    let line = format!("zhengming_dns_rate_limited_total{{action=\"{action}\"}} ");
    let (_, rest) = text.split_once(&line).unwrap_or_else(|| panic!("{line} is missing in\n{text}"));
    rest.lines().next().unwrap().parse().unwrap()
}

/// What the server counted, once it has stopped.
fn counts(server: Started) -> [usize; 3] {
    let exporter = server.exporter.clone();
    server.running.stop();
    let text = exporter.render();
    ["dropped", "slipped", "logged"].map(|action| counted(&text, action))
}

#[test]
fn beyond_the_limit_answers_are_truncated_and_lead_to_tcp() {
    let server = slip(1);
    let client = udp(server.address());
    let responses = burst(&client, usize::from(BURST), |id| query(id, NAME));
    let (slipped, sent): (Vec<_>, Vec<_>) = responses.iter().partition(|response| is_truncated(response));
    assert!(!sent.is_empty() && sent.len() < FEW, "{} answers", sent.len());
    assert!(sent.iter().all(|response| response.answers == 1));
    for response in &slipped {
        // What is left is the question.
        assert_eq!((response.rcode, response.octets.len()), (NOERROR, query(0, NAME).len()));
        assert_eq!(response.octets[12..], query(0, NAME)[12..]);
    }
    assert_eq!(ask_tcp(server.address(), 1, NAME).answers, 1);
    let slipped = slipped.len();
    assert_eq!(counts(server), [0, slipped, 0]);
}

#[test]
fn what_does_not_slip_is_dropped() {
    let server = slip(0);
    let client = udp(server.address());
    burst(&client, 0, |id| query(id, NAME));
    // What is not limited comes behind all of it, and shows that it has been seen.
    client.send(&query(999, HELD)).unwrap();
    let responses: Vec<_> = std::iter::from_fn(|| Some(receive(&client)).filter(|last| last.id != 999)).collect();
    assert!(responses.len() < FEW, "{} answers", responses.len());
    let dropped = usize::from(BURST) - responses.len();
    assert_eq!(counts(server), [dropped, 0, 0]);
}

#[test]
fn a_cookie_opens_the_door_and_a_forged_one_does_not() {
    let server = slip(1);
    let client = udp(server.address());
    let learn = burst(&client, usize::from(BURST), |id| with_cookie(id, NAME, &[7; 8]));
    let limited = learn.iter().rev().find(|response| is_truncated(response)).expect("some are limited");
    // The cookie is the end of the truncated response too.
    let cookie = limited.octets[limited.octets.len() - 24..].to_vec();
    assert_eq!(cookie[..8], [7; 8]);
    let responses = burst(&client, usize::from(BURST), |id| with_cookie(id, NAME, &cookie));
    assert!(responses.iter().all(|response| !is_truncated(response) && response.answers == 1));
    let forged = [&[7; 8][..], &[1; 16]].concat();
    let responses = burst(&client, usize::from(BURST), |id| with_cookie(id, NAME, &forged));
    assert!(responses.iter().filter(|response| !is_truncated(response)).count() < FEW);
}

#[test]
fn random_names_of_one_zone_count_together() {
    let server = slip(1);
    let client = udp(server.address());
    let responses = burst(&client, usize::from(BURST), |id| query(id, &format!("no{id}.xn--zfr164b")));
    assert!(responses.iter().filter(|response| !is_truncated(response)).count() < FEW);
}

#[test]
fn errors_are_never_truncated() {
    let server = slip(2);
    let client = udp(server.address());
    let refused = |id| query(id, "www.example");
    let responses = burst(&client, usize::from(BURST) / 2, refused);
    assert!(responses.iter().all(|response| !is_truncated(response) && response.rcode == REFUSED));
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let [dropped, slipped, _] = counts(server);
    assert!(dropped > usize::from(BURST) / 2 - FEW && slipped == 0, "{dropped} dropped, {slipped} slipped");
}

#[test]
fn a_limiter_that_only_logs_sends_all() {
    let server = start(RateLimits { log_only: true, ..RateLimits::default() });
    let client = udp(server.address());
    let responses = burst(&client, usize::from(BURST), |id| query(id, NAME));
    assert!(responses.iter().all(|response| response.answers == 1));
    let [dropped, slipped, logged] = counts(server);
    assert!((dropped, slipped) == (0, 0) && logged > usize::from(BURST) - FEW, "{logged} logged");
}

#[test]
fn loopback_is_spared_as_it_comes() {
    let limits = RateLimits { answers: 1, slip: 0, ..RateLimits::default() };
    let server = start_as(&["127.0.0.1:0", "[::1]:0"], TcpLimits::default(), Settings::default(), Some(limits));
    for &address in server.running.addresses() {
        let responses = burst(&udp(address), usize::from(BURST), |id| query(id, NAME));
        assert!(responses.iter().all(|response| response.answers == 1));
    }
}
