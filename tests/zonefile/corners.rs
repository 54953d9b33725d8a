//! Corners of the format, one a line: what we make of each beside BIND and Knot, and where and why we differ.

use crate::generator::apex;
use crate::oracles::{knot_accepts, named_accepts};
use zhengming::zonefile::check;

/// What every file begins with unless the case is about it.
const HEAD: &str = "$TTL 300\n@ SOA ns.other. hm.other. 7 3600 3600 3600 3600\n@ NS ns.other.\n";

/// The text, whether we, BIND and Knot take it, and why where not all agree.
type Case = (&'static str, [bool; 3], &'static str);

const TAKEN: [bool; 3] = [true; 3];
const REFUSED: [bool; 3] = [false; 3];
const NOT_KNOT: [bool; 3] = [true, true, false];
const NOT_US: [bool; 3] = [false, true, true];

const CASES: &[Case] = &[
    // TTL and class: units, either order, each once (RFC 1035 §5.1).
    ("a 1h30m A 192.0.2.1\n", TAKEN, ""),
    ("a 1W2D3h4M5s A 192.0.2.1\n", TAKEN, ""),
    ("a 1h30 A 192.0.2.1\n", REFUSED, ""),
    ("a IN 60 A 192.0.2.1\n", TAKEN, ""),
    ("a 60 IN A 192.0.2.1\n", TAKEN, ""),
    ("a 60 60 A 192.0.2.1\n", REFUSED, ""),
    ("a IN IN A 192.0.2.1\n", REFUSED, ""),
    ("a in a 192.0.2.1\n", TAKEN, ""),
    ("a CLASS1 A 192.0.2.1\n", NOT_KNOT, "Knot has no generic classes (RFC 3597 §5)"),
    ("a TYPE1 \\# 4 c0000201\n", TAKEN, ""),
    ("a TYPE1 192.0.2.1\n", TAKEN, ""),
    ("a 2147483648 TXT x\n", TAKEN, ""),
    ("a 60 TXT x\na 120 TXT y\n", NOT_US, "RFC 2181 §5.2 wants one TTL; the peers warn and choose"),
    // Names: `@`, escapes, relative, upper case.
    ("a MX 10 @\n", TAKEN, ""),
    ("a CNAME \\@\n", TAKEN, ""),
    ("a\\.b TXT x\n", TAKEN, ""),
    ("\\097\\000b TXT \\064\n", TAKEN, ""),
    ("a TXT x\nA TXT y\n", TAKEN, ""),
    ("-a_b A 192.0.2.1\n", TAKEN, ""),
    ("*.a A 192.0.2.1\na.*.b A 192.0.2.1\n", TAKEN, ""),
    ("a..b TXT x\n", REFUSED, ""),
    ("\ta A 192.0.2.1\n", REFUSED, "the blank makes `a` a type"),
    // Quotes, parentheses, comments, line ends.
    ("a TXT \"line\nbreak\"\n", [true, false, false], "RFC 1035 §5.1 lets a quoted text hold any octet"),
    ("a ( TXT \"x\" ; c (\n \"y\"\n)\n", TAKEN, ""),
    ("a TXT ((x) (y))\n", [true, true, false], "Knot takes no parentheses in parentheses"),
    ("a TXT a\"b\n", REFUSED, ""),
    ("a TXT \"a\"b\n", NOT_KNOT, "two texts to BIND and us"),
    ("a TXT \"a\" )\n", REFUSED, ""),
    ("a TXT ( \"a\"\n", REFUSED, ""),
    ("a TXT \"a\n", REFUSED, ""),
    ("a TXT x \\\n", REFUSED, ""),
    ("a A 192.0.2.1", TAKEN, ""),
    ("a A 192.0.2.1\r\nb A 192.0.2.1\r\n", NOT_KNOT, "Knot takes no CR"),
    ("; 政务\na TXT x ; 教育局.政务\n", TAKEN, ""),
    ("a TXT \"政务\"\n", NOT_KNOT, "Knot wants \\DDD; texts are octets (RFC 1035 §3.3)"),
    // Directives.
    ("$ORIGIN sub\na TXT x\n$ORIGIN @\n@ TXT y\n", NOT_KNOT, "Knot takes no relative origin; RFC 1035 §5.1 does"),
    ("$origin .\nzone.example TXT x\n", TAKEN, ""),
    ("$TTL 60\na TXT x\n$TTL 1h\nb TXT x\n", TAKEN, ""),
    ("$FOO x\n", REFUSED, ""),
    ("$INCLUDE nothere\n", REFUSED, ""),
    // What the zone is like.
    ("a CNAME b\na TXT x\n", REFUSED, ""),
    ("a CNAME b\na CNAME c\n", REFUSED, ""),
    ("@ CNAME x.\n", REFUSED, ""),
    ("a DNAME other.\na CNAME x.\n", REFUSED, ""),
    ("a A 192.0.2.1\na A 192.0.2.1\n", TAKEN, "a warning of ours"),
    ("a A 192.0.2.01\n", REFUSED, ""),
    ("a.other. TXT x\n", NOT_US, "the peers warn and drop it; it is a missing dot, or one too many"),
    ("@ MX 1 c\nc CNAME d.other.\n", NOT_US, "RFC 2181 §10.3; BIND says it is illegal, and loads it"),
    ("@ NS c\nc CNAME d.other.\n", REFUSED, ""),
    ("a NS b.a\n", [false, true, false], "BIND warns with `-i local`"),
    ("a NS ns.other.\nb.a TXT x\n", TAKEN, "a warning of ours"),
    ("a NS ns.other.\na DS 1 8 2 aabb\n", REFUSED, ""),
    ("a NS ns.other.\na DS 1 8 200 aabb\n", NOT_KNOT, "Knot takes no digest types it does not know"),
];

#[test]
fn each_corner_is_judged_as_the_table_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("corner.zone");
    let mut wrong = Vec::new();
    for (text, expected, why) in CASES {
        std::fs::write(&path, format!("{HEAD}{text}")).expect("a file");
        let ours = check(&path, &apex(), false).errors.is_empty();
        let found = [ours, named_accepts(&path, &apex()), knot_accepts(&path, &apex())];
        if found != *expected {
            wrong.push(format!("{text:?}: {found:?}, not {expected:?}"));
        }
        let agree = expected.iter().all(|taken| *taken == expected[0]);
        assert!(agree || !why.is_empty(), "{text:?} needs a reason");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_without_any_ttl_is_taken_and_a_byte_order_mark_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("corner.zone");
    let judge = |text: String| {
        std::fs::write(&path, text).expect("a file");
        [check(&path, &apex(), false).errors.is_empty(), named_accepts(&path, &apex()), knot_accepts(&path, &apex())]
    };
    let bare = HEAD.strip_prefix("$TTL 300\n").expect("the head");
    // BIND and we take the SOA's MINIMUM and warn, Knot takes 3600.
    assert_eq!(judge(bare.to_owned()), TAKEN);
    // Before the SOA there is nothing to take it from, to BIND and us.
    assert_eq!(judge(format!("a TXT x\n{bare}")), [false, false, true]);
    // Behind a stated one it is that (RFC 1035 §5.1), before `$TTL` too (RFC 2308 §4).
    assert_eq!(judge(bare.replacen("@ SOA", "@ 60 SOA", 1)), TAKEN);
    assert_eq!(judge(format!("\u{feff}{HEAD}")), REFUSED);
}
