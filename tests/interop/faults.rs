//! Zones with the errors of `check-zone` that keep no server from serving them, whose answers are the peers'; and zones that
//! no server loads, whose failure is the peers'.

use crate::compare::Peer;
use crate::differential::{Counts, ask};
use crate::packet::Question;
use crate::servers::{NAMES, Servers};
use crate::world::World;
use crate::zones::Served;
use std::path::Path;
use zhengming::zone::{Name, Rtype};
use zhengming::zonefile::{self, Rule};

const SERVFAIL: u16 = 2;

/// What is wrong, and the lines after a SOA.
const FAULTS: &[(Rule, &str)] = &[
    (Rule::NsMissing, "www A 192.0.2.1\n"),
    (Rule::GlueMissing, "@ NS ns\nwww A 192.0.2.1\nsub NS ns.sub\nsub NS ns.example.\n"),
    (Rule::TargetIsAlias, "@ NS ns\nns CNAME www\nwww A 192.0.2.1\nmail MX 10 ns\n"),
    (
        Rule::TtlConflict,
        "@ NS ns.example.\na 60 A 192.0.2.1\na 30 A 192.0.2.2\na 90 A 192.0.2.3\nt 90 TXT x\nt 30 TXT y\n",
    ),
    (Rule::DsDigest, "@ NS ns.example.\nsub NS ns.example.\nsub DS 1 13 2 abcd\n"),
];

#[test]
fn what_the_peers_serve_is_served() {
    let zones: Vec<Served> = FAULTS.iter().map(|(rule, lines)| zone(*rule, lines)).collect();
    let mut world = World::new(&zones);
    let mut servers = Servers::start(&zones);
    for (zone, (rule, _)) in zones.iter().zip(FAULTS) {
        let served = servers.serve(zone);
        assert_eq!(served[..3], [true; 3], "{rule}: {served:?}");
        if !served[3] {
            world.unserved.insert((Peer::Bind, zone.apex.to_lowercase()));
        }
    }
    ask_for_all(&mut servers, &world, &zones).check();
}

#[test]
fn a_zone_without_any_ttl_has_its_soas_minimum_or_what_peers_make_up() {
    let apex = Name::absolute("bare.example").expect("a name");
    let text = "@ SOA ns hm 1 2 3 4 77\n@ NS ns.example.\na A 192.0.2.1\nb 5 A 192.0.2.2\nc A 192.0.2.3\n\
                $TTL 9\nd A 192.0.2.4\n";
    let text = format!("$ORIGIN {apex}\n{text}");
    let report = zonefile::check_octets(text.as_bytes(), Path::new("zone"), &apex, false);
    let warned: Vec<Rule> = report.warnings.iter().map(|warning| warning.rule).collect();
    assert_eq!((report.errors.len(), warned.as_slice()), (0, &[Rule::TtlMissing][..]));
    let zones = [Served::read(apex, text, &report.records())];
    let mut world = World::new(&zones);
    world.leaves_out_ttls = true;
    let mut servers = Servers::start(&zones);
    assert_eq!(servers.serve(&zones[0]), [true; 4]);
    ask_for_all(&mut servers, &world, &zones).check();
}

/// Every name of the zones, and one below it, with some types.
fn ask_for_all(servers: &mut Servers, world: &World, zones: &[Served]) -> Counts {
    let mut counts = Counts::default();
    for line in zones.iter().flat_map(|zone| &zone.lines) {
        for below in ["", "x."] {
            let Ok(name) = Name::absolute(&format!("{below}{}", line.owner)) else { continue };
            for qtype in [line.rtype, Rtype::A, Rtype::DS] {
                let edns = Some((1232, true));
                let question = Question { name: name.clone(), qtype, edns, tcp: false, recursion: false };
                ask(servers, world, zones, &question, &mut counts);
            }
        }
    }
    counts
}

#[test]
fn a_zone_that_does_not_load_is_a_failure_and_nothing_of_its_parents() {
    let apex = Name::absolute("parent.example").expect("a name");
    let text = "@ SOA ns hm 1 2 3 4 300\n@ NS ns.example.\nbad NS ns.bad\nns.bad A 192.0.2.9\n\
                bad DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123\nto CNAME www.bad\n";
    let text = format!("$TTL 300\n$ORIGIN {apex}\n{text}");
    let report = zonefile::check_octets(text.as_bytes(), Path::new("zone"), &apex, false);
    let parent = Served::read(apex, text, &report.records());
    let broken = |apex: &str| {
        let apex = Name::absolute(apex).expect("a name");
        Served { apex, text: "$TTL 300\n@ SOA ns hm 1 2 3 4 300\nwww A 192.0.2.256\n".into(), lines: Vec::new() }
    };
    let zones = [parent, broken("bad.parent.example"), broken("bad.test")];
    let mut servers = Servers::start(&zones);
    let mut ask = |name: &str, qtype: Rtype| {
        let name = Name::absolute(name).expect("a name");
        let question = Question { name, qtype, edns: Some((1232, true)), tcp: false, recursion: false };
        servers.ask(&question)
    };
    for name in ["bad.parent.example", "ns.bad.parent.example", "x.y.bad.parent.example", "bad.test", "a.bad.test"] {
        for qtype in [Rtype::A, Rtype::NS, Rtype::SOA] {
            for (server, answer) in NAMES.iter().zip(ask(name, qtype)) {
                let is_empty = answer.sections.iter().all(std::collections::BTreeSet::is_empty);
                assert!((answer.rcode, answer.aa(), is_empty) == (SERVFAIL, false, true), "{server}: {name}\n{answer}");
            }
        }
    }
    // The DS is the parent's, to Knot, BIND and us (RFC 4035 §3.1.4.1); NSD fails here too.
    let [ours, _, knot, bind] = ask("bad.parent.example", Rtype::DS);
    for (server, answer) in [("Knot", knot), ("BIND", bind)] {
        assert!((ours.rcode, ours.answer()) == (answer.rcode, answer.answer()), "{server}:\n{answer}\n{ours}");
    }
    // An alias is answered as far as it is known, as NSD and BIND do; Knot refers to the child by what its parent says.
    let [ours, nsd, _, bind] = ask("to.parent.example", Rtype::A);
    for (server, answer) in [("NSD", nsd), ("BIND", bind)] {
        let same = (ours.rcode, ours.aa(), ours.answer()) == (answer.rcode, answer.aa(), answer.answer());
        assert!(same && ours.authority().is_empty(), "{server}:\n{answer}\n{ours}");
    }
}

fn zone(rule: Rule, lines: &str) -> Served {
    let apex = Name::absolute(&format!("{rule}.example")).expect("a name");
    let text = format!("$TTL 300\n$ORIGIN {apex}\n@ SOA ns hm 1 2 3 4 300\n{lines}");
    let report = zonefile::check_octets(text.as_bytes(), Path::new("zone"), &apex, false);
    let found: Vec<Rule> = report.errors.iter().map(|error| error.rule).collect();
    assert!(!found.is_empty() && found.iter().all(|found| *found == rule), "{found:?}");
    Served::read(apex, text, &report.records())
}
