//! Zones with the errors of `check-zone` that keep no server from serving them: the answers are the peers'.

use crate::compare::Peer;
use crate::differential::{Counts, ask};
use crate::packet::Question;
use crate::servers::Servers;
use crate::world::World;
use crate::zones::Served;
use std::path::Path;
use zhengming::zone::{Name, Rtype};
use zhengming::zonefile::{self, Rule};

/// What is wrong, and the lines after a SOA.
const FAULTS: &[(Rule, &str)] = &[
    (Rule::NsMissing, "www A 192.0.2.1\n"),
    (Rule::GlueMissing, "@ NS ns\nwww A 192.0.2.1\nsub NS ns.sub\nsub NS ns.example.\n"),
    (Rule::TargetIsAlias, "@ NS ns\nns CNAME www\nwww A 192.0.2.1\nmail MX 10 ns\n"),
    (Rule::DsDigest, "@ NS ns.example.\nsub NS ns.example.\nsub DS 1 13 2 abcd\n"),
];

#[test]
fn what_the_peers_serve_is_served() {
    let zones: Vec<Served> = FAULTS.iter().map(|(rule, lines)| zone(*rule, lines)).collect();
    let mut world = World::new(&zones);
    let mut servers = Servers::start(&zones);
    let mut counts = Counts::default();
    for (zone, (rule, _)) in zones.iter().zip(FAULTS) {
        let served = servers.serve(zone);
        assert_eq!(served[..3], [true; 3], "{rule}: {served:?}");
        if !served[3] {
            world.unserved.insert((Peer::Bind, zone.apex.to_lowercase()));
        }
    }
    for zone in &zones {
        for line in &zone.lines {
            for below in ["", "x."] {
                let Ok(name) = Name::absolute(&format!("{below}{}", line.owner)) else { continue };
                for qtype in [line.rtype, Rtype::A, Rtype::DS] {
                    let question =
                        Question { name: name.clone(), qtype, edns: Some((1232, true)), tcp: false, recursion: false };
                    ask(&mut servers, &world, &zones, &question, &mut counts);
                }
            }
        }
    }
    counts.check();
}

fn zone(rule: Rule, lines: &str) -> Served {
    let apex = Name::absolute(&format!("{rule}.example")).expect("a name");
    let text = format!("$TTL 300\n$ORIGIN {apex}\n@ SOA ns hm 1 2 3 4 300\n{lines}");
    let report = zonefile::check_octets(text.as_bytes(), Path::new("zone"), &apex, false);
    let found: Vec<Rule> = report.errors.iter().map(|error| error.rule).collect();
    assert!(!found.is_empty() && found.iter().all(|found| *found == rule), "{found:?}");
    Served::read(apex, text, &report.records)
}
