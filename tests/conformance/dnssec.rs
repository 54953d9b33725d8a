//! Zones with signatures and a chain of denial, made from unsigned lines, and what an answer from them consists of.
//!
//! Nobody looks into the signatures here, which are constant; `tests/signed` has real ones, and validators.

use crate::dns::{Opt, Query, Response, name, record};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use zhengming::query::Transport;
use zhengming::zone::denial::Params;
use zhengming::zone::{Name, Record, Rtype, Zone, ZoneSet};

/// How a zone denies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    Nsec,
    Nsec3,
    /// NSEC3, in which insecure delegations are left out (RFC 5155 §6).
    OptOut,
    /// Not at all: signatures alone.
    None,
}

/// A zone of its own, and the names that its hashes stand for.
pub struct Signed {
    zones: ZoneSet,
    hashed: BTreeMap<String, String>,
}

/// One iteration and a salt, as [`params`] reads them.
const PARAMS: &str = "1 0 1 ab";

impl Signed {
    /// Signs the lines of `text` under `apex`, and adds the chain.
    pub fn new(apex: &str, text: &str, chain: Chain) -> Self {
        let apex = name(apex);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut records: Vec<Record> = lines.map(|line| record(line, &apex)).collect();
        let hashed = match chain {
            Chain::Nsec => add_nsec(&apex, &mut records),
            Chain::Nsec3 => add_nsec3(&apex, &mut records, false),
            Chain::OptOut => add_nsec3(&apex, &mut records, true),
            Chain::None => BTreeMap::new(),
        };
        sign(&apex, &mut records);
        let zones = ZoneSet::new([Zone::build(apex, records).unwrap_or_else(|error| panic!("{error}"))]);
        Self { zones, hashed }
    }

    /// The answer to a query with DO over UDP that takes so much.
    pub fn ask(&self, name: &str, qtype: &str, udp_size: u16) -> Response {
        let edns = Some(Opt { flags: 0x8000, udp_size, ..Opt::new() });
        Query { edns, ..Query::new(name, qtype) }.ask(&self.zones)
    }

    /// The same over TCP, of any size.
    pub fn ask_tcp(&self, name: &str, qtype: &str) -> Response {
        let edns = Some(Opt { flags: 0x8000, ..Opt::new() });
        let request = Query { edns, ..Query::new(name, qtype) }.to_wire();
        Response::of(&self.zones, Transport::Tcp, &request).expect("an answer")
    }

    /// The answer to a query as it is.
    pub fn without_do(&self, query: &Query) -> Response {
        query.ask(&self.zones)
    }

    /// Fails unless the answer consists of this: RCODE and flags, and a line for each owner in a section with the types
    /// it has there in order, `+` behind those that are followed by their signature. Owners of NSEC3 show as the name that
    /// was hashed, in parentheses.
    #[track_caller]
    pub fn is(&self, name: &str, qtype: &str, expected: &str) {
        let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        assert_eq!(self.shape(&self.ask(name, qtype, 1232)), expected.join("\n"), "{name} {qtype}");
    }

    /// The hash of a name, whether the zone has it or not.
    pub fn hash_of(&self, name: &str) -> String {
        base32hex(&params().hash([Name::absolute(name).expect("a name").as_wire(), &[]]))
    }

    /// Lines of [`Signed::is`] for the records that match these names and cover those, each once.
    pub fn proof(&self, matched: &[&str], covered: &[&str]) -> String {
        let mut owners: Vec<&String> = Vec::new();
        for (name, matches) in matched.iter().map(|name| (name, true)).chain(covered.iter().map(|name| (name, false))) {
            let hash = self.hash_of(name);
            assert_eq!(self.hashed.contains_key(&hash), matches, "{name}");
            // The chain is a ring: what is before the first is covered by the last.
            let (_, owner) = self.hashed.range(..=hash).last().or(self.hashed.iter().last()).expect("a chain");
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        owners.iter().map(|owner| format!("\nNS ({owner}) NSEC3+")).collect()
    }

    /// What the answer consists of.
    pub fn shape(&self, response: &Response) -> String {
        let mut shape = response.text().lines().next().expect("an RCODE").to_owned();
        for (heading, lines) in ["AN", "NS", "AR"].iter().zip(&response.sections) {
            let mut last = "";
            for line in lines {
                let fields: Vec<&str> = line.split(' ').collect();
                let [owner, _ttl, rtype, first, ..] = fields[..] else { panic!("{line}") };
                let types = shape.rsplit(' ').next().unwrap_or_default();
                if rtype == "RRSIG" && owner == last && types == first {
                    shape += "+";
                    continue;
                }
                if owner != last {
                    let hash = owner.split('.').next().and_then(|hash| self.hashed.get(&hash.to_ascii_lowercase()));
                    let shown = hash.map_or_else(|| owner.to_owned(), |name| format!("({name})"));
                    write!(shape, "\n{heading} {shown}").expect("a string");
                    last = owner;
                }
                write!(shape, " {rtype}").expect("a string");
            }
        }
        shape
    }
}

/// Owners of records that belong to the zone itself, in canonical order, with their types; and its cuts.
fn owners(apex: &Name, records: &[Record]) -> Vec<(String, Vec<Rtype>)> {
    let cuts = cuts(apex, records);
    let mut owners = BTreeMap::<Vec<String>, (String, Vec<Rtype>)>::new();
    for record in records {
        let owner = record.owner.to_string().to_ascii_lowercase();
        if !is_below(&owner, &cuts) {
            let labels = owner.trim_end_matches('.').rsplit('.').map(str::to_owned).collect();
            let (_, types) = owners.entry(labels).or_insert((owner, Vec::new()));
            if !types.contains(&record.rtype) {
                types.push(record.rtype);
            }
        }
    }
    owners.into_values().collect()
}

fn cuts(apex: &Name, records: &[Record]) -> Vec<String> {
    let cuts = records.iter().filter(|record| record.rtype == Rtype::NS && record.owner != *apex);
    cuts.map(|record| record.owner.to_string()).collect()
}

fn is_below(owner: &str, cuts: &[String]) -> bool {
    cuts.iter().any(|cut| owner.ends_with(&format!(".{cut}")))
}

fn add_nsec(apex: &Name, records: &mut Vec<Record>) -> BTreeMap<String, String> {
    let owners = owners(apex, records);
    for (index, (owner, types)) in owners.iter().enumerate() {
        let (next, _) = &owners[(index + 1) % owners.len()];
        let types: Vec<String> = types.iter().map(ToString::to_string).collect();
        records.push(record(&format!("{owner} 300 NSEC {next} {} RRSIG NSEC", types.join(" ")), apex));
    }
    BTreeMap::new()
}

fn params() -> Params {
    Params::read(&[1, 0, 0, 1, 1, 0xab]).expect("parameters")
}

fn add_nsec3(apex: &Name, records: &mut Vec<Record>, opt_out: bool) -> BTreeMap<String, String> {
    records.push(record(&format!("@ 0 NSEC3PARAM {PARAMS}"), apex));
    let params = params();
    let mut hashes = BTreeMap::new();
    for (owner, types) in owners(apex, records) {
        let is_insecure = types.contains(&Rtype::NS) && !types.contains(&Rtype::DS) && owner != apex.to_string();
        if opt_out && is_insecure {
            continue;
        }
        // Empty non-terminals have a record too (RFC 5155 §7.1).
        let mut name = owner.as_str();
        while name.len() >= apex.to_string().len() {
            let wire = Name::absolute(name).expect("a name");
            hashes.insert(base32hex(&params.hash([wire.as_wire(), &[]])), name.to_owned());
            name = name.split_once('.').expect("the apex comes first").1;
        }
    }
    let sorted: Vec<&String> = hashes.keys().collect();
    for (index, hash) in sorted.iter().enumerate() {
        let (next, flags) = (sorted[(index + 1) % sorted.len()], u8::from(opt_out));
        records.push(record(&format!("{hash} 300 NSEC3 1 {flags} 1 ab {next} A RRSIG"), apex));
    }
    hashes
}

/// Adds a signature for each RRset that belongs to the zone, but NS at a cut (RFC 4035 §2.2).
fn sign(apex: &Name, records: &mut Vec<Record>) {
    let cuts = cuts(apex, records);
    let mut signatures: Vec<Record> = Vec::new();
    let mut seen = Vec::new();
    for Record { owner, rtype, ttl, .. } in records.iter() {
        let (text, key) = (owner.to_string(), (owner.clone(), *rtype));
        if is_below(&text, &cuts) || cuts.contains(&text) && *rtype == Rtype::NS || seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let labels = text.trim_start_matches("*.").matches('.').count();
        let line =
            format!("{text} {ttl} RRSIG {rtype} 13 {labels} {ttl} 20300101000000 20200101000000 4711 {apex} AAAA");
        signatures.push(record(&line, apex));
    }
    records.extend(signatures);
}

fn base32hex(octets: &[u8]) -> String {
    let bit = |n: usize| usize::from(octets[n / 8] >> (7 - n % 8) & 1);
    let digits = (0..octets.len() * 8 / 5).map(|digit| (0..5).fold(0, |value, n| value << 1 | bit(digit * 5 + n)));
    digits.map(|digit| char::from(b"0123456789abcdefghijklmnopqrstuv"[digit])).collect()
}
