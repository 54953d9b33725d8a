//! RFC 6672: DNAME.

use crate::dns::{Query, Response, zone};
use zhengming::query::Transport;
use zhengming::zone::ZoneSet;

fn zones() -> ZoneSet {
    ZoneSet::new([zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         old 600 DNAME new
         old 600 TXT beside
         new 3600 TXT itself
         a.new 3600 A 192.0.2.1
         chain 3600 CNAME a.old
         back 3600 DNAME forth
         forth 3600 DNAME back
         twice 3600 DNAME old
         self 60 DNAME a.self
         circle 60 DNAME circle
         tolong 3600 DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccc.example.
         owner.new 3600 CNAME old",
    )])
}

fn ask(name: &str, qtype: &str, expected: &str) {
    let soa = "NS example. 900 SOA ns.example. hostmaster.example. 1 7200 3600 1209600 900";
    Query::new(name, qtype).ask(&zones()).is(&expected.replace("NEGATIVE", soa));
}

#[test]
fn section_2_2_names_below_are_substituted() {
    ask(
        "A.old.example",
        "A",
        "NOERROR aa
         AN old.example. 600 DNAME new.example.
         AN A.old.example. 600 CNAME A.new.example.
         AN A.new.example. 3600 A 192.0.2.1",
    );
    ask(
        "x.y.old.example",
        "A",
        "NXDOMAIN aa
         AN old.example. 600 DNAME new.example.
         AN x.y.old.example. 600 CNAME x.y.new.example.
         NEGATIVE",
    );
    ask(
        "a.old.example",
        "CNAME",
        "NOERROR aa
         AN old.example. 600 DNAME new.example.
         AN a.old.example. 600 CNAME a.new.example.",
    );
}

#[test]
fn section_2_3_the_owner_itself_is_not() {
    ask("old.example", "DNAME", "NOERROR aa\nAN old.example. 600 DNAME new.example.");
    ask("old.example", "TXT", "NOERROR aa\nAN old.example. 600 TXT \"beside\"");
    ask("old.example", "A", "NOERROR aa\nNEGATIVE");
}

#[test]
fn section_3_2_a_dname_that_is_met_again_is_not_repeated() {
    let alias = |n| format!("\nAN x.{0}self.example. 60 CNAME x.a.{0}self.example.", "a.".repeat(n));
    let chain: String = (0..16).map(alias).collect();
    ask("x.self.example", "A", &format!("NOERROR aa\nAN self.example. 60 DNAME a.self.example.{chain}"));
    ask(
        "x.circle.example",
        "A",
        "NOERROR aa
         AN circle.example. 60 DNAME circle.example.
         AN x.circle.example. 60 CNAME x.circle.example.",
    );
    // Once it led there, the DNAME itself is asked for.
    ask(
        "owner.old.example",
        "DNAME",
        "NOERROR aa
         AN old.example. 600 DNAME new.example.
         AN owner.old.example. 600 CNAME owner.new.example.
         AN owner.new.example. 3600 CNAME old.example.",
    );
}

#[test]
fn section_3_2_aliases_and_dnames_chain() {
    ask(
        "chain.example",
        "A",
        "NOERROR aa
         AN chain.example. 3600 CNAME a.old.example.
         AN old.example. 600 DNAME new.example.
         AN a.old.example. 600 CNAME a.new.example.
         AN a.new.example. 3600 A 192.0.2.1",
    );
    // The alias leads to the DNAME's own name, which was only an owner so far: no circle.
    ask(
        "owner.old.example",
        "TXT",
        "NOERROR aa
         AN old.example. 600 DNAME new.example.
         AN owner.old.example. 600 CNAME owner.new.example.
         AN owner.new.example. 3600 CNAME old.example.
         AN old.example. 600 TXT \"beside\"",
    );
    ask(
        "a.twice.example",
        "A",
        "NOERROR aa
         AN twice.example. 3600 DNAME old.example.
         AN a.twice.example. 3600 CNAME a.old.example.
         AN old.example. 600 DNAME new.example.
         AN a.old.example. 600 CNAME a.new.example.
         AN a.new.example. 3600 A 192.0.2.1",
    );
}

#[test]
fn a_circle_of_dnames_ends() {
    ask(
        "x.back.example",
        "A",
        "NOERROR aa
         AN back.example. 3600 DNAME forth.example.
         AN x.back.example. 3600 CNAME x.forth.example.
         AN forth.example. 3600 DNAME back.example.
         AN x.forth.example. 3600 CNAME x.back.example.",
    );
}

#[test]
fn section_2_2_a_name_that_becomes_too_long_is_yxdomain() {
    let label = "a".repeat(60);
    let response = Query::new(&format!("{label}.{label}.tolong.example"), "A").ask(&zones());
    assert!(response.text().starts_with("YXDOMAIN aa\nAN tolong.example. 3600 DNAME "), "{}", response.text());
    assert_eq!(response.sections.map(|lines| lines.len()), [1, 0, 0]);
}

#[test]
fn section_3_2_step_3c_the_search_goes_on_for_any() {
    let made = "AN old.example. 600 DNAME new.example.\nAN none.old.example. 600 CNAME none.new.example.";
    ask("none.old.example", "ANY", &format!("NXDOMAIN aa\n{made}\nNEGATIVE"));
    ask("none.old.example", "CNAME", &format!("NOERROR aa\n{made}"));
}

#[test]
fn section_3_1_a_dname_that_does_not_fit_is_truncated() {
    let long = |letter: &str| [letter.repeat(63), letter.repeat(63), letter.repeat(63), letter.repeat(40)].join(".");
    let text = format!("@ 300 SOA ns h 1 1 1 1 1\n{} 300 DNAME {}.test.", long("o"), long("t"));
    let zones = ZoneSet::new([zone("example", &text)]);
    let query = Query::plain(&format!("x.{}.example", long("o")), "A");
    query.ask(&zones).is("NOERROR aa tc");
    let whole = Response::of(&zones, Transport::Tcp, &query.to_wire()).expect("an answer");
    assert_eq!(whole.sections[0].len(), 2);
}

#[test]
fn the_rcode_of_a_chain_that_does_not_fit_is_that_of_its_last_name() {
    let long = |letter: &str| [letter.repeat(60), letter.repeat(60)].join(".");
    let text = format!(
        "@ 300 SOA ns h 1 1 1 1 1
         {o} 300 DNAME {t}
         {t} 300 DNAME other
         other 300 TXT x
         {h}.other 300 A 192.0.2.1
         round 300 DNAME {o}.{l}
         {o}.{l} 300 DNAME round",
        o = long("o"),
        t = long("t"),
        l = "l".repeat(60),
        h = "h".repeat(50),
    );
    let zones = ZoneSet::new([zone("example", &text)]);
    // RFC 6604 §3: not that of the name at which the room ended.
    let ask = |name: &str, expected: &str| {
        let query = Query::plain(name, "A");
        query.ask(&zones).is(expected);
        Response::of(&zones, Transport::Tcp, &query.to_wire()).expect("an answer")
    };
    let gone = ask(&format!("{}.{}.example", "g".repeat(50), long("o")), "NXDOMAIN aa tc");
    assert_eq!((gone.rcode(), gone.sections[0].len()), (3, 4));
    let here = ask(&format!("{}.{}.example", "h".repeat(50), long("o")), "NOERROR aa tc");
    assert_eq!((here.rcode(), here.sections[0].len()), (0, 5));
    // A circle ends by its length.
    ask(&format!("{}.round.example", "x".repeat(40)), "NOERROR aa tc");
}
