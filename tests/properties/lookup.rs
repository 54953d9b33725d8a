//! Answers from random small zones equal those of a naive model: a list of records, and RFC 1034 §4.3.2 word by word.

use crate::dns::{self, Query, Response, registrations};
use proptest::prelude::*;
use std::collections::BTreeSet;
use zhengming::query::Transport;
use zhengming::zone::{Name, Published, Rtype, ZoneSet};

/// Records of the same zone in the model; a registration is the records that the answer table says it is.
#[derive(Clone, Debug)]
struct ModelZone {
    apex: Labels,
    lines: Vec<Line>,
    /// Whether labels that begin with `xn--` are registered ones only.
    registers: bool,
    held: Vec<Labels>,
}

/// A name as its labels, from left to right.
type Labels = Vec<String>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    owner: Labels,
    ttl: u32,
    rtype: String,
    rdata: String,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    rcode: u16,
    aa: bool,
    answer: Vec<String>,
    authority: Vec<String>,
    additional: BTreeSet<String>,
    held: bool,
}

fn labels(text: &str) -> Labels {
    text.split('.').filter(|label| !label.is_empty()).map(str::to_owned).collect()
}

fn text(name: &[String]) -> String {
    format!("{}.", name.join("."))
}

fn is_within(name: &[String], ancestor: &[String]) -> bool {
    name.ends_with(ancestor)
}

impl Line {
    fn new(owner: &[String], ttl: u32, rtype: &str, rdata: &str) -> Self {
        Self { owner: owner.to_vec(), ttl, rtype: rtype.into(), rdata: rdata.into() }
    }

    fn as_owned_by(&self, owner: &[String]) -> String {
        format!("{} {} {} {}", text(owner), self.ttl, self.rtype, self.rdata)
    }

    /// The name that its RDATA ends with.
    fn target(&self) -> Labels {
        labels(self.rdata.rsplit(' ').next().unwrap_or_default())
    }
}

impl ModelZone {
    fn exists(&self, name: &[String]) -> bool {
        self.lines.iter().any(|line| is_within(&line.owner, name))
    }

    fn rrset(&self, name: &[String], rtype: &str) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.owner == name && line.rtype == rtype).collect()
    }

    /// The records at `name` that a question of this type asks for.
    fn asked(&self, name: &[String], qtype: &str) -> Vec<&Line> {
        if qtype != "ANY" {
            return self.rrset(name, qtype);
        }
        let types = self.lines.iter().filter(|line| line.owner == name).map(|line| dns::rtype(&line.rtype));
        types.min().map_or_else(Vec::new, |first| self.rrset(name, &first.to_string()))
    }

    fn soa(&self) -> String {
        let soa = self.rrset(&self.apex, "SOA")[0];
        Line { ttl: 900, ..soa.clone() }.as_owned_by(&self.apex)
    }

    /// Where the search for `name` ends.
    fn search(&self, name: &[String], qtype: &str) -> Found {
        let depth = name.len() - self.apex.len();
        for below in 1..=depth {
            let encloser = name[name.len() - self.apex.len() - below + 1..].to_vec();
            let here = name[name.len() - self.apex.len() - below..].to_vec();
            // What can be registered is the registry's alone, whatever the file says at the apex.
            let is_registrable = self.registers && below == 1 && here[0].starts_with("xn--");
            if !is_registrable && !self.rrset(&encloser, "DNAME").is_empty() {
                return Found::Dname(encloser);
            }
            if !self.exists(&here) {
                let wildcard = [vec!["*".to_owned()], encloser].concat();
                let found = self.exists(&wildcard) && !is_registrable;
                return if found { Found::Node(wildcard) } else { Found::Missing };
            }
            let is_asked_of_parent = below == depth && qtype == "DS";
            if !is_asked_of_parent && !self.rrset(&here, "NS").is_empty() {
                return Found::Cut(here);
            }
        }
        Found::Node(name.to_vec())
    }

    /// The addresses at `node`, owned by `name`: the same, or what the wildcard `node` stands for.
    fn addresses(&self, node: &[String], name: &[String]) -> impl Iterator<Item = String> {
        let lines = self.lines.iter().filter(|line| matches!(&*line.rtype, "A" | "AAAA"));
        lines.filter(move |line| line.owner == node).map(|line| line.as_owned_by(name))
    }
}

#[derive(Debug)]
enum Found {
    Node(Labels),
    Cut(Labels),
    Dname(Labels),
    Missing,
}

fn model(zones: &[ModelZone], qname: &[String], qtype: &str) -> Expected {
    let mut expected = Expected { aa: true, ..Expected::default() };
    let mut name = qname.to_vec();
    let mut seen: Vec<Labels> = vec![];
    while seen.len() < 16 && !seen.contains(&name) {
        let mut around: Vec<&ModelZone> = zones.iter().filter(|zone| is_within(&name, &zone.apex)).collect();
        around.sort_by_key(|zone| zone.apex.len());
        let mut zone = around.pop();
        if qtype == "DS" && zone.is_some_and(|zone| zone.apex == name) {
            zone = around.pop().or(zone);
        }
        let Some(zone) = zone else {
            if seen.is_empty() {
                return Expected { rcode: 5, ..Expected::default() };
            }
            return expected;
        };
        seen.push(name.clone());
        match zone.search(&name, qtype) {
            Found::Missing => {
                expected.rcode = 3;
                expected.authority.push(zone.soa());
                expected.held = zone.held.iter().any(|held| is_within(&name, held));
                return expected;
            }
            Found::Cut(cut) => {
                expected.aa = seen.len() > 1;
                for server in zone.rrset(&cut, "NS") {
                    expected.authority.push(server.as_owned_by(&cut));
                    let target = server.target();
                    // Of registrations, glue is what lies inside the name (row 14).
                    let around = if zone.registers && cut[0].starts_with("xn--") { &cut } else { &zone.apex };
                    if is_within(&target, around) {
                        match zone.search(&target, "A") {
                            Found::Node(node) => expected.additional.extend(zone.addresses(&node, &target)),
                            Found::Cut(_) => expected.additional.extend(zone.addresses(&target, &target)),
                            Found::Dname(_) | Found::Missing => {}
                        }
                    }
                }
                return expected;
            }
            Found::Dname(owner) => {
                let dname = zone.rrset(&owner, "DNAME")[0];
                // A DNAME that is met again is not repeated.
                let dname_record = dname.as_owned_by(&owner);
                if !expected.answer.contains(&dname_record) {
                    expected.answer.push(dname_record);
                }
                let target = [&name[..name.len() - owner.len()], &dname.target()].concat();
                expected.answer.push(Line::new(&name, dname.ttl, "CNAME", &text(&target)).as_owned_by(&name));
                if qtype == "CNAME" {
                    return expected;
                }
                name = target;
            }
            Found::Node(node) => {
                let asked = zone.asked(&node, qtype);
                for record in asked.iter().map(|line| line.as_owned_by(&name)) {
                    if !expected.answer.contains(&record) {
                        expected.answer.push(record);
                    }
                }
                for line in &asked {
                    let target = line.target();
                    if matches!(&*line.rtype, "MX" | "NS") && is_within(&target, &zone.apex) {
                        match zone.search(&target, "A") {
                            Found::Node(node) => expected.additional.extend(zone.addresses(&node, &target)),
                            Found::Cut(_) => {
                                expected.additional.extend(zone.addresses(&target, &target));
                            }
                            _ => {}
                        }
                    }
                }
                let cname = zone.rrset(&node, "CNAME");
                if !asked.is_empty() {
                    return expected;
                }
                let Some(cname) = cname.first() else {
                    expected.authority.push(zone.soa());
                    return expected;
                };
                expected.answer.push(cname.as_owned_by(&name));
                name = cname.target();
            }
        }
    }
    expected
}

/// Random records without what a zone may not hold: a CNAME beside others, two CNAME or DNAME, NS or DNAME at `*`.
fn tidy(apex: &Labels, lines: Vec<Line>) -> Vec<Line> {
    let mut kept: Vec<Line> = vec![];
    for line in lines {
        let is_apex = line.owner == *apex;
        let beside = |rtype: &str| kept.iter().any(|other| other.owner == line.owner && other.rtype == rtype);
        let alone = !kept.iter().any(|other| other.owner == line.owner);
        let ttl =
            kept.iter().find(|other| other.owner == line.owner && other.rtype == line.rtype).map(|other| other.ttl);
        let fits = match &*line.rtype {
            "CNAME" => alone && !is_apex,
            "DNAME" => !beside("DNAME") && (is_apex || !beside("NS")) && line.owner[0] != "*",
            "NS" => is_apex || (!beside("DNAME") && line.owner[0] != "*"),
            "DS" => !is_apex,
            _ => true,
        };
        let repeated = kept
            .iter()
            .any(|other| other.owner == line.owner && other.rtype == line.rtype && other.rdata == line.rdata);
        if fits && !beside("CNAME") && !repeated {
            kept.push(Line { ttl: ttl.unwrap_or(line.ttl), ..line });
        }
    }
    kept
}

fn name_below(apex: &'static str, depth: std::ops::Range<usize>) -> impl Strategy<Value = Labels> {
    let label = prop::sample::select(vec!["a", "b", "k", "*"]);
    prop::collection::vec(label, depth)
        .prop_map(move |below| [below.into_iter().map(str::to_owned).collect(), labels(apex)].concat())
}

fn line(apex: &'static str) -> impl Strategy<Value = Line> {
    let target = prop_oneof![
        6 => name_below(apex, 0..4),
        1 => name_below("z", 0..3),
        1 => Just(labels("ns.test")),
    ];
    let registered = prop::sample::select(vec!["xn--a.z", "www.xn--a.z", "xn--b.z", "a.xn--b.z", "xn--c.z"]);
    let alias = prop_oneof![4 => target.clone(), 1 => registered.prop_map(labels)];
    let alias = alias.prop_map(|name| text(&name));
    let target = target.prop_map(|name| text(&name));
    let rdata = prop_oneof![
        4 => (1..9u8).prop_map(|n| ("A", format!("192.0.2.{n}"))),
        1 => (1..9u8).prop_map(|n| ("AAAA", format!("2001:db8::{n}"))),
        2 => (1..9u8).prop_map(|n| ("TXT", format!("\"{n}\""))),
        1 => (1..3u8, target.clone()).prop_map(|(n, target)| ("MX", format!("{n} {target}"))),
        2 => target.prop_map(|target| ("NS", target)),
        1 => Just(("DS", "1 13 2 00".to_owned())),
        3 => alias.clone().prop_map(|target| ("CNAME", target)),
        1 => alias.prop_map(|target| ("DNAME", target)),
    ];
    (name_below(apex, 0..4), 1..4u32, rdata)
        .prop_map(|(owner, ttl, (rtype, rdata))| Line::new(&owner, ttl, rtype, &rdata))
}

fn static_zone(apex: &'static str) -> impl Strategy<Value = ModelZone> {
    prop::collection::vec(line(apex), 0..14).prop_map(move |lines| {
        let soa = Line::new(&labels(apex), 3600, "SOA", "ns.test. hostmaster.test. 1 7200 3600 1209600 900");
        let apex = labels(apex);
        let lines = [vec![soa], tidy(&apex, lines)].concat();
        ModelZone { apex, lines, registers: false, held: vec![] }
    })
}

fn published() -> impl Strategy<Value = Published> {
    let v4 = |n: u8| std::net::IpAddr::from([203, 0, 113, n]);
    let name = |text: &str| Name::absolute(text).expect("a name");
    prop_oneof![
        (1..4u8, any::<bool>()).prop_map(move |(count, www)| Published::Addresses {
            addresses: (0..count).map(v4).collect(),
            ttl: 600,
            www
        }),
        any::<bool>().prop_map(move |signed| Published::Delegation {
            servers: vec![(name("ns.a.xn--b.z"), vec![v4(9)]), (name("ns.test"), vec![])],
            ds: if signed { vec![vec![0, 1, 13, 2, 0].into()] } else { vec![] },
            ttl: 3600
        }),
        Just(Published::Held { info_code: 15, extra_text: "hold=PENALTY".into(), status: 403 }),
    ]
}

/// Puts into the model what the answer table says of the registration `name`.
fn publish(zone: &mut ModelZone, name: &Labels, published: &Published) {
    let mut add = |owner: &[String], ttl, rtype: &str, rdata: String| {
        zone.lines.push(Line::new(owner, ttl, rtype, &rdata));
    };
    match published {
        Published::Addresses { addresses, ttl, www } => {
            let copy = [vec!["www".to_owned()], name.clone()].concat();
            for owner in [Some(name), Some(&copy).filter(|_| *www)].into_iter().flatten() {
                addresses.iter().for_each(|address| add(owner, *ttl, "A", address.to_string()));
            }
        }
        Published::Delegation { servers, ds, ttl } => {
            for (server, glue) in servers {
                add(name, *ttl, "NS", server.to_string());
                let server = labels(&server.to_string());
                if is_within(&server, name) {
                    glue.iter().for_each(|address| add(&server, *ttl, "A", address.to_string()));
                }
            }
            ds.iter().for_each(|_| add(name, *ttl, "DS", "1 13 2 00".to_owned()));
        }
        _ => zone.held.push(name.clone()),
    }
}

fn setting() -> impl Strategy<Value = (ZoneSet, Vec<ModelZone>)> {
    let registered = prop::collection::vec(published(), 0..4);
    (static_zone("z"), prop::option::of(static_zone("k.z")), prop::option::of(registered)).prop_map(
        |(mut parent, child, registered)| {
            let build = |zone: &ModelZone| {
                let lines: Vec<String> = zone.lines.iter().map(|line| line.as_owned_by(&line.owner)).collect();
                dns::zone(&text(&zone.apex), &lines.join("\n"))
            };
            let mut zones = vec![build(&parent)];
            if let Some(registered) = registered {
                let entries: Vec<_> = ["xn--a", "xn--b", "xn--c"].into_iter().zip(registered).collect();
                zones[0] = zones[0].clone().with_registrations(registrations(&entries));
                parent.registers = true;
                for (label, published) in &entries {
                    publish(&mut parent, &labels(&format!("{label}.z")), published);
                }
            }
            zones.extend(child.as_ref().map(build));
            (ZoneSet::new(zones), [Some(parent), child].into_iter().flatten().collect())
        },
    )
}

fn question() -> impl Strategy<Value = (Labels, &'static str)> {
    let label = prop::sample::select(vec!["a", "b", "k", "*", "c", "www", "xn--a", "xn--b", "xn--c", "xn--d"]);
    let registered = (prop::sample::select(vec!["", "www.", "a.", "ns.a."]), prop::sample::select(vec!["a", "b", "c"]));
    let name = prop_oneof![
        8 => prop::collection::vec(label, 0..4).prop_map(|below| text(&[&below[..], &["z"]].concat().map_text())),
        4 => name_below("z", 0..4).prop_map(|name| text(&name)),
        3 => registered.prop_map(|(below, label)| format!("{below}xn--{label}.z.")),
        1 => Just("other.".to_owned()),
    ];
    let types = vec!["A", "A", "A", "AAAA", "TXT", "MX", "NS", "DS", "CNAME", "DNAME", "SOA", "ANY"];
    (name.prop_map(|name| labels(&name)), prop::sample::select(types))
}

trait MapText {
    fn map_text(self) -> Vec<String>;
}

impl MapText for Vec<&str> {
    fn map_text(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}

fn compare(zones: &ZoneSet, models: &[ModelZone], qname: &Labels, qtype: &str) -> Result<(), TestCaseError> {
    let request = Query::new(&text(qname), qtype).to_wire();
    let response = Response::of(zones, Transport::Tcp, &request).expect("an answer");
    let [answer, authority, additional] = &response.sections;
    let found = Expected {
        rcode: response.rcode(),
        aa: response.aa(),
        answer: answer.clone(),
        authority: authority.clone(),
        additional: additional.iter().cloned().collect(),
        held: response.extended_error().is_some_and(|(code, _)| code == 15),
    };
    prop_assert_eq!(found.additional.len(), additional.len(), "repeated: {:?}", additional);
    prop_assert!(!response.tc());
    prop_assert_eq!(found, model(models, qname, qtype), "{} {}", text(qname), qtype);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn answers_are_those_of_the_model(
        (zones, models) in setting(),
        questions in prop::collection::vec(question(), 24),
    ) {
        for (qname, qtype) in &questions {
            compare(&zones, &models, qname, qtype)?;
        }
        // And every name that is there, with every type.
        for line in models.iter().flat_map(|model| &model.lines) {
            for qtype in ["A", "NS", "DS", "CNAME", "ANY"] {
                compare(&zones, &models, &line.owner, qtype)?;
            }
        }
    }
}

#[test]
fn the_model_knows_wildcards_and_cuts() {
    let apex = labels("z");
    let lines = ["*.a.z 1 A 192.0.2.1", "b.z 1 NS ns.b.z.", "ns.b.z 1 A 192.0.2.2"].map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        Line::new(&labels(fields[0]), 1, fields[2], fields[3])
    });
    let soa = Line::new(&apex, 3600, "SOA", "ns.test. hostmaster.test. 1 7200 3600 1209600 900");
    let lines = [vec![soa], lines.to_vec()].concat();
    let zone = ModelZone { apex, lines, registers: false, held: vec![] };
    let ask = |name: &str| model(std::slice::from_ref(&zone), &labels(name), "A");
    assert_eq!(ask("x.a.z").answer, ["x.a.z. 1 A 192.0.2.1"]);
    assert_eq!(ask("x.c.z").rcode, 3);
    assert_eq!((ask("a.z").rcode, ask("a.z").authority.len()), (0, 1));
    assert_eq!(ask("x.b.z").additional.len(), 1);
    assert_eq!(ask("other").rcode, 5);
    assert_eq!(dns::rtype("A"), Rtype::A);
}
