//! Tests of the scanner and the checks on texts in memory.

use super::*;
use crate::zone::Rtype;
use proptest::prelude::*;

fn apex() -> Name {
    Name::absolute("example").unwrap()
}

/// The records of `text` as lines, or its errors as `line rule`.
fn scan_text(text: &[u8]) -> Result<Vec<String>, Vec<String>> {
    let mut lines = Vec::new();
    let scanned = scan_octets(text, Path::new("test"), &apex(), &mut |entry| {
        lines.push(Line(&entry.to_located().record).to_string().replace('\t', " "));
    });
    let errors = scanned.into_errors();
    if errors.is_empty() {
        return Ok(lines);
    }
    Err(errors.iter().map(|error| format!("{} {}", error.line, error.rule)).collect())
}

fn accepts(text: &str, expected: &[&str]) {
    assert_eq!(scan_text(text.as_bytes()), Ok(expected.iter().map(|&line| line.to_owned()).collect()), "{text}");
}

fn refuses(text: &[u8], expected: &[&str]) {
    let expected = expected.iter().map(|&line| line.to_owned()).collect();
    assert_eq!(scan_text(text), Err(expected), "{}", String::from_utf8_lossy(text));
}

#[test]
fn owner_ttl_and_class_may_be_left_out_in_either_order() {
    accepts(
        "$TTL 1h30m\na A 192.0.2.1\n  IN A 192.0.2.2\n\tA 192.0.2.3\nb 7 IN A 192.0.2.4\nc IN 8 A 192.0.2.5\n 1M a 192.0.2.6",
        &[
            "a.example. 5400 IN A 192.0.2.1",
            "a.example. 5400 IN A 192.0.2.2",
            "a.example. 5400 IN A 192.0.2.3",
            "b.example. 7 IN A 192.0.2.4",
            "c.example. 8 IN A 192.0.2.5",
            "c.example. 60 IN A 192.0.2.6",
        ],
    );
    // Without $TTL the last stated one goes on (RFC 1035 §5.1); with it, it does not.
    accepts("a 5 A 192.0.2.1\nb A 192.0.2.2\n", &["a.example. 5 IN A 192.0.2.1", "b.example. 5 IN A 192.0.2.2"]);
    accepts(
        "$TTL 9\na 5 A 192.0.2.1\nb A 192.0.2.2\n",
        &["a.example. 5 IN A 192.0.2.1", "b.example. 9 IN A 192.0.2.2"],
    );
    refuses(b"a A 192.0.2.1\nb A 192.0.2.2", &["1 ttl-missing"]);
    // A SOA without any is as one behind a `$TTL` with its MINIMUM: so for what follows, whatever TTLs others state.
    accepts(
        "@ SOA . . 1 2 3 4 77\na A 192.0.2.1\nb 5 A 192.0.2.2\nc A 192.0.2.3\n$TTL 9\nd A 192.0.2.4\n",
        &[
            "example. 77 IN SOA . . 1 2 3 4 77",
            "a.example. 77 IN A 192.0.2.1",
            "b.example. 5 IN A 192.0.2.2",
            "c.example. 77 IN A 192.0.2.3",
            "d.example. 9 IN A 192.0.2.4",
        ],
    );
    // RFC 2181 §8: no TTL has the highest bit set.
    accepts("@ SOA . . 1 2 3 4 2147483648\n", &["example. 0 IN SOA . . 1 2 3 4 2147483648"]);
    refuses(b"a A 192.0.2.1\n@ SOA . . 1 2 3 4 77\n", &["1 ttl-missing"]);
    refuses(b"  5 A 192.0.2.1\n", &["1 owner"]);
}

#[test]
fn names_of_types_and_numbers_are_owners_in_the_first_column() {
    accepts(
        "A 5 A 192.0.2.1\n3600 IN NS a\nIN 1 NS NS",
        &["A.example. 5 IN A 192.0.2.1", "3600.example. 5 IN NS a.example.", "IN.example. 1 IN NS NS.example."],
    );
}

#[test]
fn origins_may_be_relative() {
    accepts(
        "$ORIGIN sub\n@ 5 NS @\n$origin deep\na NS b\n$ORIGIN example.\n@ NS c.sub ; $ORIGIN no\n$ORIGIN .\n@ NS a\n",
        &[
            "sub.example. 5 IN NS sub.example.",
            "a.deep.sub.example. 5 IN NS b.deep.sub.example.",
            "example. 5 IN NS c.sub.example.",
            ". 5 IN NS a.",
        ],
    );
}

#[test]
fn entries_may_span_lines() {
    accepts(
        "@ 5 SOA ( ns ; 政务\r\n  hm 1 ( 2\n)\n3 4 5 )\r\na TXT \"x\ny;(\" ( \"\" ) ; end\r\n",
        &["example. 5 IN SOA ns.example. hm.example. 1 2 3 4 5", "a.example. 5 IN TXT \"x\\010y;(\" \"\""],
    );
    refuses(b"a 5 TXT (\n x\n y\nb A 192.0.2.1\n", &["1 unclosed"]);
    refuses(b"a 5 TXT x\nb TXT \"x\nb A 192.0.2.1\n", &["2 unclosed"]);
    // What goes on inside parentheses after an error is not misread as records.
    refuses(b"a 5 TXT ( x\"y\n b c d\n)\nb A 192.0.2.1.1\n", &["1 punctuation", "4 rdata"]);
    refuses(b"a 5 MX ( 10\n\n  a..b )\n", &["3 rdata"]);
}

#[test]
fn escapes_are_understood_everywhere() {
    accepts(
        "\\@.\\065\\.b 5 TXT \\\"\\ \\097 \"\\\"\\\\\\010\"\n\\$x CNAME \\@\n",
        &["\\@.A\\.b.example. 5 IN TXT \"\\\" a\" \"\\\"\\\\\\010\"", "\\$x.example. 5 IN CNAME \\@.example."],
    );
    refuses(b"a\\256 5 A 192.0.2.1\nb 5 TXT \\25\n", &["1 owner", "2 rdata"]);
}

#[test]
fn a_wrong_owner_is_reported_once() {
    refuses(b"a..b 5 A 192.0.2.1\n  A 192.0.2.2\n  MX x\nc A x\n", &["1 owner", "4 rdata"]);
}

#[test]
fn errors_are_collected_but_not_without_bound() {
    let text = "a 5 A x\n".repeat(1_000);
    assert_eq!(scan_text(text.as_bytes()).unwrap_err().len(), PROBLEMS_MAX);
    let text = format!("a 5 TXT {}", "x ".repeat(2 << 20));
    refuses(text.as_bytes(), &["1 unclosed"]);
    refuses("(\n".repeat(2 << 20).as_bytes(), &["1 unclosed"]);
}

#[test]
fn text_in_memory_includes_nothing() {
    refuses(b"$INCLUDE /etc/hostname\n", &["1 include"]);
}

#[test]
fn an_rrset_that_fits_no_message_is_refused() {
    let mut text = String::from("$TTL 300\n@ SOA ns hm 1 2 3 4 300\n@ NS ns\nns A 192.0.2.1\n");
    for number in 0..300 {
        text += &format!("a TXT \"{number}{}\"\n", "x".repeat(250));
    }
    let report = check_octets(text.as_bytes(), Path::new("test"), &apex(), false);
    let rules: Vec<_> = report.errors.iter().map(|error| (error.line, error.rule)).collect();
    assert_eq!(rules, [(5, Rule::RrsetTooLarge)]);
}

#[test]
fn what_is_right_is_not_reported() {
    let text = "$TTL 300\n@ SOA ns hm 1 2 3 4 300\n@ NS ns\n@ NS a.example.com.\nns A 192.0.2.1\n\
        ns AAAA 2001:db8::1\na NS ns.a\na NS ns\na DS 1 13 200 ab\nns.a A 192.0.2.2\nb NS ns.a\n\
        c CNAME d\nc NSEC d CNAME\n*.w A 192.0.2.3\ne MX 0 .\nf MX 10 x.w\nf MX 10 d.e.example.com.\n\
        g DNAME example.com.\n_x._tcp SRV 0 0 1 ns\nns.c.a AAAA 2001:db8::2\nh NS ns.c.a\n";
    let report = check_octets(text.as_bytes(), Path::new("test"), &apex(), false);
    assert_eq!(report.count(), 20);
    assert_eq!((report.errors, report.warnings), (vec![], vec![]));
}

#[test]
fn a_registrations_host_may_be_a_target_in_its_suffix() {
    let text = "$TTL 300\n@ SOA ns.nic hm 1 2 3 4 300\n@ NS ns.nic\nns.nic A 192.0.2.1\nnic MX 0 mx.xn--dgt32shz8a\n";
    let report = |registry| check_octets(text.as_bytes(), Path::new("test"), &apex(), registry);
    assert!(report(true).warnings.is_empty());
    assert_eq!(report(false).warnings[0].rule, Rule::TargetWithoutAddress);
}

#[test]
fn a_checked_zone_can_be_built() {
    let text = "$TTL 300\n@ SOA ns hm 7 2 3 4 300\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.1\n";
    let report = check_octets(text.as_bytes(), Path::new("test"), &apex(), false);
    assert_eq!(report.warnings.len(), 1);
    let (zone, _) = report.into_zone().unwrap();
    assert_eq!(zone.serial(), 7);
    let report = check_octets(b"@ 5 NS ns\n", Path::new("test"), &apex(), false);
    assert!(report.into_zone().is_err());
}

#[test]
fn some_errors_keep_no_zone_from_being_served() {
    let with = |lines: &str| format!("$TTL 300\n@ SOA ns hm 7 2 3 4 300\n@ NS ns\n{lines}");
    let check = |text: &str| check_octets(text.as_bytes(), Path::new("test"), &apex(), false);
    for lines in ["", "ns CNAME a\na A 192.0.2.1\n", "ns A 192.0.2.1\nns 5 A 192.0.2.2\n"] {
        assert!(check(&with(lines)).into_zone().is_err(), "{lines}");
        assert!(check(&with(lines)).into_served().is_ok(), "{lines}");
    }
    for lines in ["ns A 192.0.2.256\n", "ns A 192.0.2.1\nns CNAME a\n", "@ SOA ns hm 8 2 3 4 300\n"] {
        assert!(check(&with(lines)).into_served().is_err(), "{lines}");
    }
}

#[test]
fn problems_are_said_in_both_languages() {
    let report = check_octets("a 5 A x\n".as_bytes(), Path::new("z.zone"), &apex(), false);
    assert_eq!(
        report.errors[0].to_string(),
        "z.zone:1: error[rdata]: A: expected an IPv4 address, found `x` / A：此处应为 IPv4 地址，现为 `x`"
    );
    assert_eq!(report.count(), 0);
    let codes: std::collections::HashSet<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    assert_eq!(codes.len(), Rule::ALL.len());
}

proptest! {
    /// Random octets, and random texts made of what master files are made of, neither panic nor hang.
    #[test]
    fn random_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..400)) {
        check_octets(&octets, Path::new("test"), &apex(), true);
    }

    #[test]
    fn random_tokens_never_panic(words in prop::collection::vec(word(), 0..60)) {
        let text = words.concat();
        let report = check_octets(text.as_bytes(), Path::new("test"), &apex(), true);
        if report.errors.is_empty() {
            let lines: String = report.records().iter().map(|located| format!("{}\n", Line(&located.record))).collect();
            let again = check_octets(lines.as_bytes(), Path::new("again"), &apex(), true);
            let records = |report: &Report| report.records().iter().map(|l| l.record.clone()).collect::<Vec<_>>();
            prop_assert_eq!(records(&again), records(&report));
            prop_assert!(report.into_zone().is_ok());
        }
    }
}

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "\n",
        "\n",
        "\n",
        " ",
        " ",
        " ",
        "\t",
        "\r\n",
        "(",
        ")",
        "\"",
        "\\",
        ";",
        "@",
        "a",
        "*",
        "xn--a",
        "a.b",
        ".",
        "$TTL",
        "$ORIGIN",
        "$INCLUDE",
        "1",
        "1h",
        "IN",
        "CH",
        "A",
        "NS",
        "SOA",
        "CNAME",
        "DNAME",
        "TXT",
        "MX",
        "\\#",
        "ab",
        "192.0.2.1",
        "\u{653f}",
        "\n@ 1 SOA a b 1 2 3 4 5\n",
        "\n@ 1 NS a\n",
        "\na 1 A 192.0.2.1\n",
        "\na 1 NS b.a\n",
        "\nb.a 1 CNAME c\n",
        "\n*.a 1 MX 1 c\n",
        "\nc 1 DNAME d\n",
        "\nd.c 1 SRV 1 1 1 a\n",
    ])
}

#[test]
fn unknown_types_pass_through() {
    accepts(
        "a 5 TYPE65280 \\# 2 ab cd\na TYPE1 \\# 4 C0000201",
        &["a.example. 5 IN TYPE65280 \\# 2 ABCD", "a.example. 5 IN A 192.0.2.1"],
    );
    assert_eq!(Rtype(65280).to_string(), "TYPE65280");
}
