//! Random zones: small pools of labels, so that names meet each other in every way they can.

use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use zhengming::zone::rdata::Presentation;
use zhengming::zone::{Name, Record, Rtype};
use zhengming::zonefile::{self, Located};

/// Labels that names are made of, as in a master file. Some are there twice, to be more frequent.
const LABELS: &[&str] = &[
    "a",
    "b",
    "c",
    "a",
    "b",
    "*",
    "*",
    "*",
    "ns",
    "www",
    "MiXed",
    "_tcp",
    "x-y",
    "0",
    "\\000",
    "\\255\\254",
    "a\\.b",
    "a\\\\b",
    "\\064",
    "\\032",
    "\\\"",
    "xn--fiqs8s",
    "a\\*",
    "**",
    "sixty-three-octets-are-the-most-that-one-label-of-a-name-may-ha",
];
/// Types without names in them, and RDATA.
const PLAIN: &[(&str, &str)] = &[
    ("TXT", "\"text with spaces\" and \\\"more\\\""),
    ("TXT", "\"\""),
    ("AAAA", "2001:db8::1"),
    ("CAA", "0 issue \"ca.example\""),
    ("HINFO", "cpu os"),
    ("TYPE65280", "\\# 3 010203"),
    ("TLSA", "3 1 1 0123456789012345678901234567890123456789012345678901234567890123"),
    ("DS", "4711 13 2 0123456789012345678901234567890123456789012345678901234567890123"),
    ("SSHFP", "4 2 0123456789012345678901234567890123456789012345678901234567890123"),
];
const TTLS: &[u32] = &[0, 1, 60, 300, 3600, 86400, 604_800];
/// Of so many families one may have records for which BIND refuses a zone.
const ODD_ONE_IN: usize = 4;
/// Octets of the longest name.
const NAME_LEN_MAX: usize = 255;

/// A zone as the servers are given it.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its apex.
    pub apex: Name,
    /// Its master file.
    pub text: String,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// A record of a master file.
#[derive(Clone, Debug)]
pub struct Line {
    /// Owner name.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// RDATA as written.
    pub rdata: String,
    /// The name in it.
    pub target: Option<Name>,
}

/// Zones that have to do with each other: one, and some of those below it.
#[derive(Clone, Debug)]
pub struct Family {
    /// The zones; the first is above the others.
    pub zones: Vec<Served>,
    /// Every name that exists in one of them, in lower case, empty non-terminals among them.
    pub existing: BTreeSet<Name>,
    /// Those that own records.
    pub owners: BTreeSet<Name>,
}

/// A zone being made up.
struct Draft<'r> {
    random: &'r mut Random,
    apex: Name,
    lines: Vec<Line>,
    ttls: BTreeMap<(Name, Rtype), u32>,
    /// Names used so far.
    names: Vec<Name>,
    /// Names that belong to others.
    foreign: Vec<Name>,
}

/// The name made of labels as in a master file in front of another, if it is not too long.
pub fn below(labels: &str, name: &Name) -> Option<Name> {
    Name::parse(labels.as_bytes(), name).ok()
}

/// As many families as told.
pub fn families(random: &mut Random, count: usize) -> Vec<Family> {
    let apexes: Vec<Name> = (0..count).map(|number| apex(random, number)).collect();
    apexes.iter().map(|apex| Family::random(random, apex, &apexes)).collect()
}

fn apex(random: &mut Random, number: usize) -> Name {
    let above = ["test", "example", "Deep.Down.Test", "e.x.a.m.p.l.e.test"];
    Name::absolute(&format!("Z{number}.{}", random.pick(&above))).expect("a name")
}

impl Family {
    fn random(random: &mut Random, apex: &Name, others: &[Name]) -> Self {
        let may_be_odd = random.one_in(ODD_ONE_IN);
        let mut apexes = vec![apex.clone()];
        while apexes.len() < 4 && random.one_in(2) {
            let above = random.pick(&apexes);
            // Now and then there is a level between the two.
            let labels = if random.one_in(4) { "child.between" } else { random.pick(&["child", "a", "b", "Kind"]) };
            apexes.extend(below(labels, &above).filter(|child| !apexes.contains(child)));
        }
        let zones: Vec<Served> =
            apexes.iter().map(|apex| Served::random(random, apex, &apexes, others, may_be_odd)).collect();
        let owners: BTreeSet<Name> =
            zones.iter().flat_map(|zone| &zone.lines).map(|line| line.owner.to_lowercase()).collect();
        let mut existing = BTreeSet::new();
        for owner in &owners {
            let mut name = Some(owner.clone());
            while let Some(this) = name.filter(|this| this.is_within(apex)) {
                name = this.parent();
                existing.insert(this);
            }
        }
        Self { zones, existing, owners }
    }
}

impl Line {
    /// Whether BIND refuses its zone: NS at a wildcard has no meaning (RFC 4592 §4.2), and the apex's DS is the parent's
    /// (RFC 4035 §2.4).
    fn is_odd(&self, apex: &Name) -> bool {
        let is_apex = || self.owner.to_lowercase() == apex.to_lowercase();
        self.rtype == Rtype::NS && self.owner.labels().next() == Some(b"*") || self.rtype == Rtype::DS && is_apex()
    }
}

impl Served {
    /// A zone of lines.
    pub fn new(apex: Name, lines: Vec<Line>) -> Self {
        let mut text = String::new();
        for Line { owner, rtype, ttl, rdata, .. } in &lines {
            writeln!(text, "{owner} {ttl} IN {rtype} {rdata}").expect("a string");
        }
        Self { apex, text, lines }
    }

    /// A zone of others: its file, and what we read in it.
    pub fn read(apex: Name, text: String, records: &[Located]) -> Self {
        let lines = records.iter().map(|located| {
            let Record { owner, rtype, ttl, rdata } = located.record.clone();
            let target = matches!(rtype, Rtype::NS | Rtype::CNAME | Rtype::DNAME | Rtype::PTR);
            let target = target.then(|| Name::from_wire(&rdata).expect("it was read").0);
            Line { owner, rtype, ttl, rdata: Presentation { rtype, rdata: &rdata }.to_string(), target }
        });
        Self { apex, text, lines: lines.collect() }
    }

    fn random(random: &mut Random, apex: &Name, family: &[Name], others: &[Name], may_be_odd: bool) -> Self {
        let foreign = family.iter().filter(|other| *other != apex).cloned().chain((0..2).map(|_| random.pick(others)));
        let foreign = foreign.collect();
        let mut draft = Draft {
            random,
            apex: apex.clone(),
            lines: vec![],
            ttls: BTreeMap::new(),
            names: vec![apex.clone()],
            foreign,
        };
        draft.fill(family);
        let Draft { mut lines, .. } = draft;
        if !may_be_odd {
            lines.retain(|line| !line.is_odd(apex));
        }
        Self::new(apex.clone(), lines).mended()
    }

    /// Without the lines that somebody does not load: those that the check of zones names, and every DNAME that has
    /// data below it, or NS beside it below the apex (RFC 6672 §2.4 and §2.3); the latter is a warning to us.
    fn mended(mut self) -> Self {
        loop {
            let lines: Vec<Line> = self.lines.iter().filter(|line| !self.is_dname_in_the_way(line)).cloned().collect();
            if lines.len() < self.lines.len() {
                self = Self::new(self.apex, lines);
            }
            let report = zonefile::check_octets(self.text.as_bytes(), Path::new("zone"), &self.apex, false);
            if report.errors.is_empty() {
                return self;
            }
            let wrong: BTreeSet<u32> = report.errors.iter().map(|error| error.line).collect();
            assert!(!wrong.contains(&0), "{}\n{}", report.errors[0], self.text);
            let numbered = self.lines.into_iter().zip(1..);
            let lines = numbered.filter(|(_, number)| !wrong.contains(number)).map(|(line, _)| line).collect();
            self = Self::new(self.apex, lines);
        }
    }
}

impl Served {
    /// Takes out DS records that are at no delegation, which signers refuse (RFC 4035 §2.4).
    pub fn drop_lone_ds(&mut self) {
        let cuts = self.lines.iter().filter(|line| line.rtype == Rtype::NS).map(|line| line.owner.to_lowercase());
        let cuts: BTreeSet<Name> = cuts.collect();
        self.lines.retain(|line| line.rtype != Rtype::DS || cuts.contains(&line.owner.to_lowercase()));
        *self = Self::new(self.apex.clone(), std::mem::take(&mut self.lines));
    }

    /// Whether BIND refuses the zone, as no other does.
    pub fn is_odd(&self) -> bool {
        self.lines.iter().any(|line| line.is_odd(&self.apex))
    }

    fn is_dname_in_the_way(&self, dname: &Line) -> bool {
        let owner = dname.owner.to_lowercase();
        let has_beside = |line: &Line| {
            line.rtype == Rtype::NS && line.owner.to_lowercase() == owner && owner != self.apex.to_lowercase()
        };
        let is_below = |line: &Line| line.owner.to_lowercase() != owner && line.owner.is_within(&owner);
        dname.rtype == Rtype::DNAME && self.lines.iter().any(|line| has_beside(line) || is_below(line))
    }
}

impl Draft<'_> {
    fn fill(&mut self, family: &[Name]) {
        let apex = self.apex.clone();
        let own_server = below("ns", &apex).expect("short");
        let numbers = format!("{} 7200 3600 1209600 {}", 1 + self.random.below(1000), self.random.pick(TTLS));
        self.add(&apex, "SOA", &format!("{own_server} hostmaster.{apex} {numbers}"), None);
        // A server outside the zone is never an error, so there is always one that stays.
        self.add_target(&apex, "NS", "", Name::absolute("NS.elsewhere.invalid").expect("a name"));
        if !self.random.one_in(3) {
            self.add_target(&apex, "NS", "", own_server.clone());
            self.addresses(&own_server);
        }
        for child in family.iter().filter(|child| child.is_within(&apex) && **child != apex) {
            if !self.random.one_in(3) {
                self.delegation(child);
            }
        }
        for _ in 0..3 + self.random.below(30) {
            let owner = self.owner();
            self.node(&owner);
        }
        if self.random.one_in(3) {
            self.node(&apex);
        }
    }

    /// Something at `owner`.
    fn node(&mut self, owner: &Name) {
        match self.random.below(20) {
            0..=3 => self.addresses(owner),
            4 => self.delegation(owner),
            5 => self.delegation(owner),
            6..=8 => {
                let target = self.target();
                self.add_target(owner, "CNAME", "", target);
            }
            9 => {
                // A new name, which has nothing below it.
                let target = if self.random.one_in(4) { longest(&self.apex) } else { self.target() };
                if let Some(owner) = below(&format!("dname{}", self.lines.len()), owner) {
                    self.add_target(&owner, "DNAME", "", target);
                }
            }
            10 => self.circle(owner),
            11..=15 => self.hosts(owner),
            16 => self.large(owner),
            _ => {
                let (rtype, rdata) = self.random.pick(PLAIN);
                self.add(owner, rtype, rdata, None);
                if self.random.one_in(2) {
                    self.addresses(owner);
                }
            }
        }
    }

    fn addresses(&mut self, owner: &Name) {
        for number in 0..1 + self.random.below(3) {
            let host = self.random.below(250);
            if number != 1 {
                self.add(owner, "A", &format!("192.0.2.{host}"), None);
            } else {
                self.add(owner, "AAAA", &format!("2001:db8::{host:x}"), None);
            }
        }
    }

    /// A delegation: servers inside, beside, elsewhere and nowhere.
    fn delegation(&mut self, cut: &Name) {
        let count = if self.random.one_in(8) { 13 } else { 1 + self.random.below(3) };
        for number in 0..count {
            let inside = below(&format!("ns{number}"), cut).filter(|_| count > 3 || self.random.one_in(2));
            let server = inside.unwrap_or_else(|| self.target());
            // A few are left without an address; an error among those is mended.
            if server.is_within(&self.apex) && !self.random.one_in(6) {
                self.addresses(&server);
                if count > 3 {
                    self.add(&server, "AAAA", &format!("2001:db8:1::{number}"), None);
                }
            }
            self.add_target(cut, "NS", "", server);
        }
        if self.random.one_in(3) {
            self.add(cut, "DS", PLAIN[7].1, None);
        }
        if self.random.one_in(6) {
            let (rtype, rdata) = self.random.pick(PLAIN);
            let hidden = if self.random.one_in(2) { Some(cut.clone()) } else { below("hidden", cut) };
            if let Some(hidden) = hidden {
                self.add(&hidden, rtype, rdata, None);
            }
        }
    }

    /// Aliases that lead to each other, in a circle or a long chain.
    fn circle(&mut self, owner: &Name) {
        let mut here = owner.clone();
        let length = if self.random.one_in(4) { 20 } else { 1 + self.random.below(4) };
        for number in 0..length {
            let Some(next) = below(&format!("c{number}"), owner) else { return };
            self.add_target(&here, "CNAME", "", next.clone());
            here = next;
        }
        if self.random.one_in(2) {
            self.add_target(&here, "CNAME", "", owner.clone());
        } else {
            self.addresses(&here);
        }
    }

    /// Records that lead to hosts.
    fn hosts(&mut self, owner: &Name) {
        for number in 0..1 + self.random.below(3) {
            let target = self.target();
            let (rtype, before) = [
                ("MX", format!("{number} ")),
                ("SRV", format!("{number} 0 443 ")),
                ("PTR", String::new()),
                ("SVCB", format!("{number} ")),
                ("HTTPS", "1 ".into()),
                ("MX", format!("{number} ")),
                ("SRV", format!("{number} 0 443 ")),
            ][self.random.below(7)]
            .clone();
            let is_service = matches!(rtype, "SVCB" | "HTTPS");
            let target = if is_service && self.random.one_in(3) { Name::root() } else { target };
            self.add_target(owner, rtype, &before, target);
        }
    }

    /// RRsets that do not fit into small messages.
    fn large(&mut self, owner: &Name) {
        let (count, text) = (3 + self.random.below(20), "x".repeat(1 + self.random.below(200)));
        for number in 0..count {
            match self.random.one_in(3) {
                true => self.add(owner, "A", &format!("198.51.100.{number}"), None),
                false => self.add(owner, "TXT", &format!("{number}{text}"), None),
            }
        }
    }

    fn label(&mut self) -> &'static str {
        self.random.pick(LABELS)
    }

    /// A name in the zone, most of them new.
    fn owner(&mut self) -> Name {
        let mut name = if self.random.one_in(2) { self.apex.clone() } else { self.random.pick(&self.names) };
        let labels = match self.random.below(40) {
            0 => 40,
            1 => 12,
            2 => 0,
            _ => 1 + self.random.below(3),
        };
        for _ in 0..labels {
            let label = self.label();
            name = below(label, &name).unwrap_or(name);
        }
        if self.random.one_in(60) {
            name = longest(&name);
        }
        self.names.push(name.clone());
        name
    }

    /// A name that a record leads to.
    fn target(&mut self) -> Name {
        match self.random.below(12) {
            0..=5 => self.random.pick(&self.names),
            6 | 7 => self.owner(),
            8 => Name::absolute(self.random.pick(&["Host.elsewhere.invalid", "ns.elsewhere.invalid", "test"]))
                .expect("a name"),
            _ => {
                let foreign = self.random.pick(&self.foreign);
                let label = self.label();
                if self.random.one_in(2) { foreign } else { below(label, &foreign).unwrap_or(foreign) }
            }
        }
    }

    fn add_target(&mut self, owner: &Name, rtype: &str, before: &str, target: Name) {
        self.add(owner, rtype, &format!("{before}{target}"), Some(target));
    }

    fn add(&mut self, owner: &Name, rtype: &str, rdata: &str, target: Option<Name>) {
        let rtype = Rtype::from_mnemonic(rtype.as_bytes()).expect("a type");
        let ttl = self.random.pick(TTLS);
        let ttl = *self.ttls.entry((owner.to_lowercase(), rtype)).or_insert(ttl);
        self.lines.push(Line { owner: owner.clone(), rtype, ttl, rdata: rdata.to_owned(), target });
    }
}

/// A name below `name` of 255 octets, or nearly so.
pub fn longest(name: &Name) -> Name {
    let mut longest = name.clone();
    loop {
        let room = NAME_LEN_MAX - longest.as_wire().len();
        if room < 2 {
            return longest;
        }
        longest = below(&"l".repeat((room - 1).min(60)), &longest).expect("there is room");
    }
}
