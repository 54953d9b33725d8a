//! A zone that is configured and not loaded: SERVFAIL with EDE 14 "Not Ready" (RFC 8914 §4.15), and never the parent's word.

use crate::dns::{Query, Response, client, settings, zone};
use zhengming::query::Transport;
use zhengming::zone::{Name, Unloaded, ZoneSet};

fn unloaded(apex: &str) -> Unloaded {
    Unloaded::new(Name::absolute(apex).expect("a name"))
}

/// A parent whose delegation, glue and DS are of a child that is not loaded, and another zone that is not.
fn zones() -> ZoneSet {
    let parent = zone(
        "example",
        "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900
         @ 3600 NS ns
         ns 3600 A 192.0.2.1
         child 3600 NS ns.child
         ns.child 3600 A 192.0.2.9
         child 3600 DS 1 13 2 0123456789012345678901234567890123456789012345678901234567890123
         to 3600 CNAME www.child
         moved 3600 DNAME child
         mail 3600 MX 10 ns.child",
    );
    ZoneSet::with_unloaded([parent], [unloaded("Child.example"), unloaded("absent.test")])
}

#[test]
fn its_names_are_never_answered_from_the_zone_above() {
    let names = ["child.example", "ns.child.example", "WWW.Child.example", "a.b.child.example", "x.absent.test"];
    for name in names {
        for qtype in ["A", "NS", "SOA", "ANY", "TYPE65535"] {
            let query = Query::new(name, qtype);
            query.ask(&zones()).is("SERVFAIL\nEDE 14");
            Query { edns: None, ..query }.ask(&zones()).is("SERVFAIL");
        }
    }
}

#[test]
fn its_ds_is_the_parents() {
    let ds = "1 13 2 0123456789012345678901234567890123456789012345678901234567890123";
    Query::new("child.example", "DS").ask(&zones()).is(&format!("NOERROR aa\nAN child.example. 3600 DS {ds}"));
    // Of an apex without a zone of ours above it, nobody else could answer.
    Query::new("absent.test", "DS").ask(&zones()).is("SERVFAIL\nEDE 14");
    // The child's parent is what is not loaded.
    let child = zone("child.example", "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900");
    let zones = ZoneSet::with_unloaded([child], [unloaded("example")]);
    Query::new("child.example", "DS").ask(&zones).is("SERVFAIL\nEDE 14");
    Query::new("child.example", "SOA").ask(&zones).is(
        "NOERROR aa\nAN child.example. 3600 SOA ns.child.example. hostmaster.child.example. 1 7200 3600 1209600 900",
    );
    Query::new("other.example", "SOA").ask(&zones).is("SERVFAIL\nEDE 14");
}

#[test]
fn an_alias_that_leads_into_it_is_answered_as_far_as_it_is_known() {
    let alias = "NOERROR aa\nAN to.example. 3600 CNAME www.child.example.";
    Query::new("to.example", "A").ask(&zones()).is(alias);
    let made = "AN moved.example. 3600 DNAME child.example.\nAN x.moved.example. 3600 CNAME x.child.example.";
    Query::new("x.moved.example", "A").ask(&zones()).is(&format!("NOERROR aa\n{made}"));
    // What is outside stays outside.
    Query::new("elsewhere.test", "A").ask(&zones()).is("REFUSED\nEDE 20");
}

#[test]
fn who_may_not_ask_for_it_is_refused_as_if_it_were_loaded() {
    let secret = unloaded("secret.example").with_allowed(&["192.0.2.0/24".parse().expect("a network")], &[]);
    let zones = ZoneSet::with_unloaded([], [secret]);
    let query = Query::new("a.secret.example", "A");
    let mut asked = client(Transport::Udp);
    for (address, expected) in [("198.51.100.1", "REFUSED\nEDE 18"), ("192.0.2.7", "SERVFAIL\nEDE 14")] {
        asked.address = address.parse().expect("an address");
        Response::with(&zones, &settings(), &asked, &query.to_wire()).expect("an answer").is(expected);
    }
}

#[test]
fn loading_it_puts_it_in_its_place() {
    let text = "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 900\nwww 3600 A 192.0.2.7";
    let loaded = zones().with([zone("child.example", text)]);
    assert_eq!(loaded.unloaded().len(), 1);
    Query::new("www.child.example", "A").ask(&loaded).is("NOERROR aa\nAN www.child.example. 3600 A 192.0.2.7");
    Query::new("x.absent.test", "A").ask(&loaded).is("SERVFAIL\nEDE 14");
    let apexes: Vec<String> = loaded.apexes().map(ToString::to_string).collect();
    assert_eq!(apexes, ["example.", "child.example.", "absent.test."]);
    // One apex twice: the loaded one counts.
    let both = ZoneSet::with_unloaded([zone("child.example", text)], ["CHILD.example", "child.example"].map(unloaded));
    assert_eq!((both.unloaded().len(), both.iter().count()), (0, 1));
}
