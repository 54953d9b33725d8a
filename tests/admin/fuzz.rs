//! Input that makes no sense: whatever comes, there is an answer or the connection ends, and the server goes on.

use crate::server::{AWAY, Server};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Long enough for any answer; a server that hangs fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The same numbers in each run (xorshift64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % below
    }

    fn octet(&mut self) -> u8 {
        u8::try_from(self.next(256)).unwrap()
    }

    /// `text` with some octets changed, dropped, doubled or replaced by others that mean something.
    fn mutated(&mut self, text: &str) -> Vec<u8> {
        let mut octets = text.as_bytes().to_vec();
        for _ in 0..=self.next(4) {
            if octets.is_empty() {
                break;
            }
            let at = self.next(octets.len());
            match self.next(5) {
                0 => octets[at] = self.octet(),
                1 => drop(octets.remove(at)),
                2 => octets.insert(at, octets[at]),
                3 => octets.truncate(at),
                _ => octets[at] = b"{}[]\",:0-.\\"[self.next(11)],
            }
        }
        octets
    }
}

fn prepared() -> Server {
    let server = Server::new();
    server.unit("u1", "organ");
    server.name("教育局.政务", "u1");
    server
}

#[test]
fn damaged_bodies_are_answered_with_problems() {
    let server = prepared();
    let before = server.export();
    let name = "/v1/names/%E6%95%99%E8%82%B2%E5%B1%80.%E6%94%BF%E5%8A%A1";
    let change = r#"{"name":"教育局.政务","resolution":{"type":"NS","servers":["a.example",{"host":"b.example","glue":[]}],"ds":[{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"00"}]},"approvals":[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]}"#;
    let unit = format!(r#"{{"name":"x","kind":"organ","region":"{AWAY}","admin_function_proof":null}}"#);
    let line = r#"{"name":{"name":"甲.政务","unit":"u1","registered":"2020-05-01","expires":"2030-05-01","holds":[{"reason":"LEGAL","start":"2026-01-01","evidence":"d"}]}}"#;
    let targets = [
        ("PUT", "/v1/units/u2?dry_run=true".to_owned(), unit.as_str()),
        ("PUT", format!("{name}?dry_run=true"), r#"{"unit":"u1","years":2,"kind":1,"primary":true}"#),
        ("POST", format!("{name}/renewals?dry_run=true"), r#"{"years":2}"#),
        ("POST", "/v1/changes?dry_run=true".to_owned(), change),
        (
            "PUT",
            format!("{name}/holds/LEGAL?dry_run=true"),
            r#"{"start":"2026-01-01","end":"2027-01-01T00:00:00Z","evidence":"d"}"#,
        ),
        ("POST", "/v1/import?id=f&dry_run=true".to_owned(), line),
        (
            "POST",
            "/v1/holds?dry_run=true".to_owned(),
            r#"{"unit":"u1","reason":"PENALTY","evidence":"d","end":"2026-12-31"}"#,
        ),
        (
            "POST",
            "/v1/holds?dry_run=true&".to_owned(),
            "unit,name,reason,evidence,end\n,教育局.政务,LEGAL,\"d, 1\",2027-01-01\n",
        ),
    ];
    let mut numbers = Numbers(0x5eed);
    for round in 0..800 {
        let (method, target, body) = &targets[round % targets.len()];
        let kind = match target.as_str() {
            import if import.starts_with("/v1/import") => "application/x-ndjson",
            "/v1/holds?dry_run=true" => "application/x-ndjson",
            "/v1/holds?dry_run=true&" => "text/csv",
            _ => "application/json",
        };
        let headers = format!("Authorization: Bearer operator\r\nContent-Type: {kind}\r\n");
        let body = numbers.mutated(body);
        let reply = server.raw(method, target, &headers, &body);
        let shown = String::from_utf8_lossy(&body);
        match reply.status {
            200 => assert!(reply.json().is_object(), "{shown}"),
            status => assert!((400..500).contains(&status) && !reply.code().is_empty(), "{status}: {shown}"),
        }
    }
    assert_eq!(server.export(), before);
}

#[test]
fn damaged_requests_end_and_harm_nobody() {
    let server = prepared();
    let before = server.export();
    let whole =
        "PUT /v1/units/u3?x=%zz HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer operator\r\nContent-Length: 2\r\n\r\n{}";
    let mut numbers = Numbers(0xfeed);
    for round in 0..400 {
        let octets = if round % 4 == 0 {
            (0..numbers.next(600)).map(|_| numbers.octet()).collect()
        } else {
            numbers.mutated(whole)
        };
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(&octets);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the server hangs"),
        }
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.export(), before);
}
