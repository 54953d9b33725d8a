//! Signed queries of dig and kdig, which check the answers themselves; and what changes while the server runs.

use crate::cookies::ask;
use crate::{NAME, start_with};
use std::process::Command;
use zhengming::query::{CookieSecret, Cookies, Settings};
use zhengming::server::{Changeable, RateLimits};
use zhengming::tsig::{Algorithm, Key, Keys};

/// `secret` thrice over, and in Base64.
const SECRET: &[u8] = b"secretsecretsecret";
const SECRET_TEXT: &str = "c2VjcmV0c2VjcmV0c2VjcmV0";

fn settings(keys: &[&str]) -> Settings {
    let key = |text: &&str| {
        let name = [&[text.len() as u8], text.as_bytes(), &[0]].concat();
        Key::new(&name, Algorithm::from_text(text).unwrap(), SECRET).unwrap()
    };
    Settings { keys: Keys::new(keys.iter().map(key).collect()), ..Settings::default() }
}

/// `-y` of an algorithm, which names its key too.
fn key(algorithm: &str) -> String {
    format!("{algorithm}:{algorithm}:{SECRET_TEXT}")
}

#[test]
fn dig_and_kdig_take_our_signatures_for_good() {
    let algorithms = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"];
    let truncated = ["hmac-sha256-128", "hmac-sha1-80", "hmac-sha512-256"];
    let server = start_with(settings(&[&algorithms[..], &truncated[..]].concat()));
    let address = server.address();
    for algorithm in algorithms.into_iter().chain(truncated) {
        for transport in ["+notcp", "+tcp"] {
            let output = ask("dig", address, &["-y", &key(algorithm), transport]);
            assert!(output.contains("203.0.113.5") && output.contains("TSIG"), "{algorithm} {output}");
            assert!(!output.contains("could not be validated"), "{output}");
            // kdig has no truncated ones.
            if algorithms.contains(&algorithm) {
                let output = ask("kdig", address, &["-y", &key(algorithm), transport]);
                assert!(output.contains("203.0.113.5") && !output.contains("WARNING"), "{output}");
            }
        }
    }
    let good = format!("zhengming_dns_signed_total{{result=\"good\",transport=\"udp\"}} {}", 8 + 5);
    let text = server.exporter.render();
    assert!(text.contains(&good), "{text}");
}

#[test]
fn dig_and_kdig_say_what_was_wrong() {
    let server = start_with(settings(&["hmac-sha256"]));
    for tool in ["dig", "kdig"] {
        for (key, words) in [
            (format!("hmac-sha256:stranger:{SECRET_TEXT}"), "BADKEY"),
            (format!("hmac-sha512:hmac-sha256:{SECRET_TEXT}"), "BADKEY"),
            ("hmac-sha256:hmac-sha256:AAAA".to_owned(), "BADSIG"),
        ] {
            let output = ask(tool, server.address(), &["-y", &key]);
            assert!(output.contains(words) && !output.contains("203.0.113.5"), "{tool} {words}: {output}");
        }
    }
    let output = ask("dig", server.address(), &["-y", &format!("hmac-sha256-128:hmac-sha256:{SECRET_TEXT}")]);
    assert!(output.contains("BADTRUNC") && !output.contains("203.0.113.5"), "{output}");
    let text = server.exporter.render();
    for (result, count) in [("badkey", 4), ("badsig", 2), ("badtrunc", 1), ("good", 0)] {
        let line = format!("zhengming_dns_signed_total{{result=\"{result}\",transport=\"udp\"}} {count}");
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn kdig_at_another_time_is_told_ours() {
    let server = start_with(settings(&["hmac-sha256"]));
    let port = server.address().port().to_string();
    let output = Command::new("faketime")
        .args(["-f", "-10m", "kdig", "@127.0.0.1", "-p", &port, NAME, "A", "-y", &key("hmac-sha256")])
        .output()
        .unwrap_or_else(|error| panic!("faketime is not installed: {error}"));
    let output = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.contains("BADTIME 6 ") && output.contains("TSIG out of time window"), "{output}");
    assert!(!output.contains("203.0.113.5"), "{output}");
}

#[test]
fn keys_cookies_and_rate_limits_change_while_the_server_runs() {
    let server = start_with(settings(&["hmac-sha256"]));
    let address = server.address();
    let changeable = server.running.changeable();
    let asked = |algorithm: &str, transport: &str| ask("dig", address, &["-y", &key(algorithm), transport]);
    let cookies = Some(Cookies::new(vec![CookieSecret([7; 16])], 0));
    let query = Settings { cookies, ..settings(&["hmac-sha512"]) };
    for transport in ["+notcp", "+tcp"] {
        assert!(asked("hmac-sha256", transport).contains("203.0.113.5"));
        assert!(asked("hmac-sha512", transport).contains("BADKEY"));
    }
    assert!(!ask("dig", address, &["+cookie"]).contains("(good)"));
    changeable.set(Changeable { query: query.clone(), rate: None });
    for transport in ["+notcp", "+tcp"] {
        assert!(asked("hmac-sha512", transport).contains("203.0.113.5"));
        assert!(asked("hmac-sha256", transport).contains("BADKEY"));
    }
    assert!(ask("dig", address, &["+cookie"]).contains("(good)"));
    // Each thread counts for itself: two of them answer at most twice within a second what one may once.
    let limits = RateLimits { answers: 1, slip: 1, exempt: Vec::new(), ..RateLimits::default() };
    changeable.set(Changeable { query, rate: Some(limits) });
    let truncated = |output: &String| output.contains("flags: qr aa tc");
    let outputs: Vec<_> = (0..20).map(|_| ask("dig", address, &["+ignore", "+nocookie", NAME, "A"])).collect();
    assert!(outputs.iter().any(truncated), "{outputs:?}");
}
