//! Random `$GENERATE` lines: BIND expands them as we do. NSD and Knot have no `$GENERATE`.

use crate::generator::apex;
use crate::oracles::{by_named, named_accepts, normal};
use proptest::prelude::*;
use zhengming::zone::Record;
use zhengming::zonefile::{Rule, check, read};

fn modifier() -> impl Strategy<Value = String> {
    let base = prop::sample::select(vec!["d", "o", "x", "X", "n", "N"]);
    prop_oneof![
        4 => Just("$".to_owned()),
        2 => (-40..40i32).prop_map(|offset| format!("${{{offset}}}")),
        2 => (-9..40i32, 0..9u32).prop_map(|(offset, width)| format!("${{{offset},{width}}}")),
        6 => (-9..300i32, 0..12u32, base).prop_map(|(offset, width, base)| format!("${{{offset},{width},{base}}}")),
        1 => prop::sample::select(vec!["$$", "\\$", "\\\\$", "\\065$"]).prop_map(str::to_owned),
        // Wrong ones. (BIND reads what it can of others, such as `${1,,d}` and `${1,2,}`; we refuse them.)
        1 => prop::sample::select(vec!["${", "${}", "${x}"]).prop_map(str::to_owned),
    ]
}

fn pieces(plain: &'static str) -> impl Strategy<Value = String> {
    prop::collection::vec((plain.prop_map(String::from), modifier()), 1..3)
        .prop_map(|pieces| pieces.into_iter().map(|(plain, modifier)| plain + &modifier).collect())
}

fn rdata() -> impl Strategy<Value = String> {
    let text = || pieces("[a-z0-9-]{1,4}");
    prop_oneof![
        // Without zeros in front, which BIND takes in an address and we do not: they might be meant as octal.
        2 => Just("A 192.0.2.$".to_owned()),
        1 => (-40..40i32).prop_map(|offset| format!("A 192.0.2.${{{offset}}}")),
        2 => text().prop_map(|target| format!("CNAME {target}")),
        2 => text().prop_map(|target| format!("PTR {target}.other.")),
        2 => (modifier(), text()).prop_map(|(preference, target)| format!("MX \"{preference} {target}\"")),
        2 => text().prop_map(|text| format!("TXT {text}")),
        2 => (text(), text()).prop_map(|(one, two)| format!("TXT \"{one} {two} ; no\"")),
        1 => modifier().prop_map(|last| format!("AAAA 2001:db8::{last}")),
        1 => Just("A".to_owned()),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let range = (0..600u32, -1..20i64, 0..6u32).prop_map(|(start, count, step)| {
        let stop = i64::from(start) + count;
        if step == 1 { format!("{start}-{stop}") } else { format!("{start}-{stop}/{step}") }
    });
    let between = prop::sample::select(vec!["", "", "60 ", "IN ", "1h30m ", "IN 60 ", "60 IN "]);
    (range, pieces("[a-z]{1,3}[.]?"), between, rdata())
        // Not absolute: BIND does not look at the RDATA of what is outside the zone.
        .prop_map(|(range, owner, between, rdata)| (range, unambiguous(&owner), between, unambiguous(&rdata)))
        .prop_map(|(range, owner, between, rdata)| format!("$GENERATE {range} {owner}z {between}{rdata}\n"))
}

/// `text` without a plain `$` behind a `${…}`: BIND 9.18 adds the offset of that one to it, of which its manual knows nothing.
fn unambiguous(text: &str) -> String {
    let (mut out, mut rest, mut modified) = (String::new(), text, false);
    while let Some(first) = rest.chars().next() {
        let whole = rest.len();
        let (taken, becomes) = match first {
            '\\' => (whole.min(2), None),
            '$' if rest.starts_with("$$") => (2, None),
            '$' if rest.starts_with("${") => {
                modified = true;
                (rest.find('}').map_or(whole, |at| at + 1), None)
            }
            '$' if modified => (1, Some("${0}")),
            _ => (first.len_utf8(), None),
        };
        out.push_str(becomes.unwrap_or(&rest[..taken]));
        rest = &rest[taken..];
    }
    out
}

fn zone(lines: &str) -> String {
    format!("$TTL 300\n@ SOA ns.other. hm.other. 7 3600 3600 3600 3600\n@ NS ns.other.\n{lines}")
}

proptest! {
    // Each case starts a process or two.
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn bind_expands_it_to_the_same(lines in prop::collection::vec(line(), 1..3)) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("test.zone");
        let text = zone(&lines.concat());
        std::fs::write(&path, &text).expect("a file");
        match read(&path, &apex()) {
            Ok(located) => {
                let report = check(&path, &apex(), false);
                let records: Vec<Record> = located.into_iter().map(|located| located.record).collect();
                // BIND keeps the last TTL of an RRset, and aliases beside others it refuses: neither is of expansion.
                prop_assume!(report.errors.is_empty());
                prop_assert_eq!(normal(&by_named(&path, &apex())), normal(&records), "{}", text);
            }
            Err(problems) => {
                prop_assert!(!named_accepts(&path, &apex()), "{}\n{}", problems[0], text);
            }
        }
    }
}

#[test]
fn what_it_may_make_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.zone");
    let rules = |lines: &str| {
        std::fs::write(&path, zone(lines)).expect("a file");
        check(&path, &apex(), false).errors.iter().map(|error| (error.line, error.rule)).collect::<Vec<_>>()
    };
    assert_eq!(rules("$GENERATE 0-1048576 a$ A 192.0.2.1\n"), [(4, Rule::Generate)]);
    assert_eq!(rules("$GENERATE 0-2147483647 a$ A 192.0.2.1\n"), [(4, Rule::Generate)]);
    let halves = "$GENERATE 0-600000 a$ A 192.0.2.1\n$GENERATE 0-600000 b$ A 192.0.2.1\n";
    assert_eq!(rules(halves), [(5, Rule::Generate)]);
    assert_eq!(rules("$GENERATE 0-65535 a${0,8,x} A 192.0.2.1\n"), []);
}

#[test]
fn errors_say_the_line_and_the_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("test.zone");
    std::fs::write(&path, zone("\n$GENERATE 254-300 a$ A 192.0.2.$\n$GENERATE 1-2 a$ A\n$GENERATE 1-2\n$GENERATE\n"))
        .expect("a file");
    let report = check(&path, &apex(), false);
    let lines: Vec<u32> = report.errors.iter().map(|error| error.line).collect();
    assert_eq!(lines, [5, 6, 7, 8]);
    assert!(report.errors[0].en.starts_with("with $ = 256: A: "), "{}", report.errors[0].en);
    assert!(report.errors[0].zh.starts_with("当 $ = 256 时："), "{}", report.errors[0].zh);
}
