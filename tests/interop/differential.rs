//! Random zones, and questions aimed at their corners.

use crate::compare::{self, Case, Peer, TOLERANCES};
use crate::packet::{Question, Response, rcode_name};
use crate::random::{self, Random};
use crate::servers::{NAMES, SERVERS, Servers};
use crate::world::World;
use crate::zones::Served;
use crate::{questions, signing, zones};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use zhengming::zone::Rtype;

/// Families of zones in one run, and questions about each: more than 10,000 pairs.
const FAMILIES: u64 = 60;
const QUESTIONS: u64 = 200;
/// Families in one start of the servers.
const FAMILIES_PER_START: u64 = 60;
/// Starts beyond those told, while a kind of answer is missing.
const STARTS_MORE: u64 = 5;
/// Different differences that are printed; one is enough to fail.
const SHOWN_MAX: usize = 12;

/// Kinds of answer, none of which may be missing in a run.
const KINDS: &[&str] = &[
    "hit",
    "NODATA",
    "NXDOMAIN",
    "empty non-terminal",
    "wildcard",
    "wildcard NODATA",
    "CNAME",
    "CNAME to nothing",
    "DNAME",
    "YXDOMAIN",
    "referral",
    "referral with glue",
    "alias to referral",
    "DS at a cut",
    "ANY",
    "REFUSED",
    "truncation",
    "additional data",
    "signed records",
    "signed CNAME",
    "signed DNAME",
    "signed wildcard, NSEC",
    "signed wildcard, NSEC3",
    "NXDOMAIN with NSEC",
    "NXDOMAIN with NSEC3",
    "NODATA with NSEC",
    "NODATA with NSEC3",
    "empty non-terminal with NSEC",
    "empty non-terminal with NSEC3",
    "wildcard NODATA with NSEC",
    "wildcard NODATA with NSEC3",
    "signed referral",
    "insecure referral with NSEC",
    "insecure referral with NSEC3",
];

/// What a run has counted.
#[derive(Default)]
pub struct Counts {
    pairs: usize,
    kinds: BTreeMap<&'static str, usize>,
    tolerances: BTreeMap<(&'static str, String), usize>,
    /// By what differs: how often, and where it was seen first.
    faults: BTreeMap<String, (usize, String)>,
}

#[test]
fn the_peers_answer_the_same() {
    let mut random = Random(random::seed());
    let families = random::number("INTEROP_FAMILIES").unwrap_or(FAMILIES);
    let questions = random::number("INTEROP_QUESTIONS").unwrap_or(QUESTIONS);
    let mut counts = Counts::default();
    let starts = families.div_ceil(FAMILIES_PER_START);
    for start in 0..starts + STARTS_MORE {
        // A rare kind may be missing by chance: then it is looked for a little longer.
        if counts.faults.len() >= SHOWN_MAX || (start >= starts && counts.missing().is_empty()) {
            break;
        }
        round(&mut random, families.min(FAMILIES_PER_START) as usize, questions as usize, &mut counts);
    }
    counts.print();
    counts.check();
    assert_eq!(counts.missing(), [""; 0], "kinds of answer that were never met");
}

fn round(random: &mut Random, families: usize, questions: usize, counts: &mut Counts) {
    let mut families = zones::families(random, families);
    signing::sign_some(random, &mut families);
    let zones: Vec<_> = families.iter().flat_map(|family| family.zones.clone()).collect();
    let mut world = World::new(&zones);
    let mut servers = Servers::start(&zones);
    for zone in &zones {
        check_loaded(&mut servers, zone, &mut world);
    }
    for family in &families {
        for question in questions::about(random, family, questions) {
            ask(&mut servers, &world, &family.zones, &question, counts);
        }
    }
}

/// Fails unless all servers serve the zone; BIND refuses some, and is not asked about those.
fn check_loaded(servers: &mut Servers, zone: &Served, world: &mut World) {
    let mut refused = servers.serve(zone).map(|is_served| !is_served);
    if refused[3] && zone.is_odd() {
        world.unserved.insert((Peer::Bind, zone.apex.to_lowercase()));
        refused[3] = false;
    }
    if let Some((server, _)) = servers.all.iter().zip(refused).find(|(_, refused)| *refused) {
        let apex = zone.apex.to_string().to_lowercase();
        let apex = apex.trim_end_matches('.');
        let log = server.log();
        let said: Vec<&str> = log.lines().filter(|line| line.to_lowercase().contains(apex)).take(5).collect();
        panic!("{} does not serve\n{}{said:#?}", server.name, zone.text);
    }
}

/// Asks all of them, over TCP too if an answer is truncated, and compares.
pub fn ask(servers: &mut Servers, world: &World, zones: &[Served], question: &Question, counts: &mut Counts) {
    let answers = servers.ask(question);
    let is_truncated = answers.iter().any(Response::tc);
    let whole = if is_truncated { servers.ask(&Question { tcp: true, ..question.clone() }) } else { answers.clone() };
    counts.pairs += 1;
    for kind in kinds(world, question, &answers[0], &whole[0]) {
        *counts.kinds.entry(kind).or_default() += 1;
    }
    let mut other_proofs = 0;
    for (peer, number) in Peer::ALL.into_iter().zip(1..) {
        let case = |question, answers: &[Response; SERVERS]| Case {
            question,
            world,
            peer,
            both_add: answers[1].additional().intersection(answers[2].additional()).cloned().collect(),
            ours: answers[0].clone(),
            theirs: answers[number].clone(),
        };
        let over_tcp = Question { tcp: question.tcp || is_truncated, ..question.clone() };
        let mut found = compare::compare(case(&over_tcp, &whole));
        if is_truncated {
            let why = compare::truncation(&case(question, &answers), &whole[0], &whole[number]);
            found = why.and_then(|why| Ok(found?.into_iter().chain(why).collect()));
        }
        match found {
            Ok(needed) => {
                other_proofs += usize::from(needed.contains(&compare::OTHER_PROOF));
                for name in needed {
                    *counts.tolerances.entry((name, format!("{peer:?}"))).or_default() += 1;
                }
            }
            Err(left) => {
                let text = || (0, report(&left, peer, world, zones, question, &answers));
                counts.faults.entry(format!("{peer:?} {left}")).or_insert_with(text).0 += 1;
            }
        }
    }
    let is_enough = |theirs: &&Response| compare::proves_as_much(&whole[0], theirs);
    if other_proofs == Peer::ALL.len() && !whole[1..].iter().any(|theirs| is_enough(&theirs)) {
        let text = || (0, report("nobody has our proof", Peer::Bind, world, zones, question, &answers));
        counts.faults.entry("nobody has our proof".into()).or_insert_with(text).0 += 1;
    }
}

fn kinds(world: &World, question: &Question, udp: &Response, ours: &Response) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let name = &question.name;
    let has = |rtype| ours.answer().iter().any(|record| record.rtype == rtype);
    let is_negative = ours.has_authority(Rtype::SOA);
    let is_referral = ours.has_authority(Rtype::NS) && !ours.has_authority(Rtype::SOA);
    let mut add = |kind, applies: bool| kinds.extend(applies.then_some(kind));
    let rcode = rcode_name(ours.rcode);
    let answered = !ours.answer().is_empty();
    add("truncation", udp.tc());
    add("REFUSED", rcode == "REFUSED");
    add("NXDOMAIN", rcode == "NXDOMAIN" && !answered);
    add("YXDOMAIN", rcode == "YXDOMAIN");
    let nodata = rcode == "NOERROR" && !answered && is_negative;
    add("NODATA", nodata && world.is_owner(name));
    add("empty non-terminal", nodata && world.exists(name) && !world.is_owner(name));
    add("wildcard NODATA", nodata && !world.exists(name));
    let alias = has(Rtype::CNAME) && question.qtype != Rtype::CNAME;
    add("CNAME", alias && !is_negative);
    add("CNAME to nothing", alias && is_negative);
    add("DNAME", has(Rtype::DNAME) && question.qtype != Rtype::DNAME);
    add("hit", answered && world.is_owner(name));
    add("wildcard", answered && !world.exists(name) && !has(Rtype::DNAME));
    add("referral", is_referral && !answered);
    add("alias to referral", is_referral && answered);
    add("referral with glue", is_referral && !ours.additional().is_empty());
    add("DS at a cut", answered && question.qtype == Rtype::DS);
    add("ANY", answered && question.qtype == Rtype::ANY);
    add("additional data", answered && !ours.additional().is_empty());
    if !question.edns.is_some_and(|(_, dnssec_ok)| dnssec_ok) {
        return kinds;
    }
    let (nsec, nsec3) = (ours.has_authority(Rtype::NSEC), ours.has_authority(Rtype::NSEC3));
    let is_signed = has(Rtype::RRSIG) && question.qtype != Rtype::RRSIG;
    add("signed records", is_signed);
    add("signed CNAME", is_signed && alias);
    add("signed DNAME", is_signed && has(Rtype::DNAME));
    add("signed referral", is_referral && ours.has_authority(Rtype::DS));
    for (applies, names) in [
        (is_signed && !world.exists(name), ["signed wildcard, NSEC", "signed wildcard, NSEC3"]),
        (rcode == "NXDOMAIN", ["NXDOMAIN with NSEC", "NXDOMAIN with NSEC3"]),
        (nodata && world.is_owner(name), ["NODATA with NSEC", "NODATA with NSEC3"]),
        (
            nodata && world.exists(name) && !world.is_owner(name),
            ["empty non-terminal with NSEC", "empty non-terminal with NSEC3"],
        ),
        (nodata && !world.exists(name), ["wildcard NODATA with NSEC", "wildcard NODATA with NSEC3"]),
        (is_referral, ["insecure referral with NSEC", "insecure referral with NSEC3"]),
    ] {
        add(names[0], applies && nsec);
        add(names[1], applies && nsec3);
    }
    kinds
}

/// Everything that is needed to see what happened.
fn report(
    left: &str,
    peer: Peer,
    world: &World,
    zones: &[Served],
    question: &Question,
    answers: &[Response; SERVERS],
) -> String {
    let mut text = format!("\n######## {peer:?}: {left}\n{question}\n");
    for (name, answer) in NAMES.iter().zip(answers) {
        writeln!(text, "\n==== {name}\n{answer}").expect("a string");
    }
    let apex = world.apex_of(&question.name);
    for zone in zones.iter().filter(|zone| Some(zone.apex.to_lowercase()) == apex) {
        writeln!(text, "==== the zone {}\n{}", zone.apex, zone.text).expect("a string");
    }
    text
}

impl Counts {
    /// Kinds of answer that were not met yet.
    fn missing(&self) -> Vec<&'static str> {
        KINDS.iter().copied().filter(|kind| !self.kinds.contains_key(kind)).collect()
    }

    /// Fails if there was a difference without a reason.
    pub fn check(&self) {
        let shown = self.faults.values().take(SHOWN_MAX).map(|(count, text)| format!("{count} times:{text}"));
        assert!(self.faults.is_empty(), "differences without a reason:\n{}", shown.collect::<String>());
    }

    /// Prints what was met how often.
    pub fn print(&self) {
        println!("{} pairs of zone and question, each answered by {SERVERS} servers", self.pairs);
        for (kind, count) in &self.kinds {
            println!("{count:8} {kind}");
        }
        println!("differences that were accepted:");
        for ((name, peer), count) in &self.tolerances {
            let why = TOLERANCES.iter().find(|tolerance| tolerance.name == *name);
            let why = why.map(|why| format!(": {} ({})", why.reason, why.reference)).unwrap_or_default();
            println!("{count:8} {peer} {name}{why}");
        }
    }
}
