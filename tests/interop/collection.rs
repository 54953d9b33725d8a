//! Zones and questions of others: any folder of them, put to all servers as it is.
//!
//! `INTEROP_COLLECTION` names the folder; without it the small one of this tree is asked. A zone is a file `NAME.zone` or
//! `NAME.txt`, in the folder or below it; its apex is the owner of its SOA, or NAME where that is written relatively.
//! Its questions stand in `NAME.queries` (a name and a type on each line) or `NAME.json` (a list of objects with `Name`
//! and `Type`, or with these in `Query`), in the same folder or in `Queries` or `ExpectedResponses` beside it. More
//! questions are derived from the names in the zone. `INTEROP_ZONES` takes so many zones, evenly, instead of all.

use crate::compare::Peer;
use crate::differential::{Counts, ask};
use crate::packet::Question;
use crate::random;
use crate::servers::{NAMES, SERVERS, Servers};
use crate::support::tree;
use crate::world::World;
use crate::zones::{Served, below};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use zhengming::zone::{Name, Rtype};
use zhengming::zonefile;

/// Octets of an apex; NSD 4.6 ends at its start if it has a zone of 222.
const APEX_LEN_MAX: usize = 200;
/// Zones in one start of the servers.
const ZONES_PER_START: usize = 100;
/// Derived questions about one zone.
const DERIVED_MAX: usize = 60;
/// Types in derived questions, beside those that the owner has.
const TYPES: &[Rtype] = &[Rtype::A, Rtype::NS, Rtype::DS, Rtype::SOA];
/// What we refuse even where nobody else does: Knot's check does not see that glue is missing below a name that exists
/// (RFC 1034 §4.2.1), NSD and BIND ask for no glue below a cut at all.
const ALONE: &[&str] = &["GlueMissing"];
/// Different verdicts that are shown.
const SHOWN_MAX: usize = 20;

/// A zone of the collection.
struct Item {
    path: PathBuf,
    zone: Served,
    questions: BTreeSet<(Name, Rtype)>,
    /// Why we refuse it.
    refusal: Option<String>,
}

#[test]
fn a_collection_of_others_is_answered_the_same() {
    let directory = env::var_os("INTEROP_COLLECTION").map_or_else(|| tree("tests/data/collection"), PathBuf::from);
    let items = read_all(&directory);
    assert!(!items.is_empty(), "{} has no zones", directory.display());
    let verdicts = compare_verdicts(&items);
    let mut counts = Counts::default();
    let mut asked = 0;
    for batch in batches(&items) {
        asked += batch.len();
        put(&batch, &mut counts);
    }
    println!("{} zones, {asked} of them served", items.len());
    counts.print();
    counts.check();
    assert!(verdicts.is_empty(), "verdicts that nobody shares:\n{verdicts}");
}

/// All zones in the folder and below it, by path.
fn read_all(directory: &Path) -> Vec<Item> {
    let (mut folders, mut paths) = (vec![directory.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zone" || extension == "txt") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let count = random::number("INTEROP_ZONES").map_or(paths.len(), |count| count as usize).max(1);
    let step = (paths.len() / count).max(1);
    paths.into_iter().step_by(step).filter_map(Item::read).collect()
}

impl Item {
    /// The zone at `path` and its questions; none if the file has no SOA at all, and so no apex.
    fn read(path: PathBuf) -> Option<Self> {
        let octets = fs::read(&path).expect("readable");
        let stem = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let read = |origin: &Name| zonefile::check_octets(&octets, &path, origin, false);
        let soa = |report: &zonefile::Report| {
            let found = report.records().into_iter().find(|located| located.record.rtype == Rtype::SOA);
            found.map(|located| located.record.owner)
        };
        let apex = match soa(&read(&Name::root()))? {
            owner if owner == Name::root() => Name::absolute(&stem).unwrap_or(owner),
            owner => owner,
        };
        let report = read(&apex);
        let refusal =
            report.errors.iter().find(|error| error.rule.keeps_from_serving()).map(|error| format!("{:?}", error.rule));
        let zone = Served::read(apex, String::from_utf8_lossy(&octets).into_owned(), &report.records());
        let mut questions = questions_beside(&path, &stem, &zone.apex);
        questions.extend(derived(&zone));
        Some(Self { path, zone, questions, refusal })
    }

    /// Every name in it and its questions.
    fn mentions(&self) -> BTreeSet<Name> {
        let lines = self.zone.lines.iter();
        let names = lines.flat_map(|line| [Some(&line.owner), line.target.as_ref()]).flatten();
        names.chain(self.questions.iter().map(|(name, _)| name)).map(Name::to_lowercase).collect()
    }
}

/// The questions that come with a zone.
fn questions_beside(path: &Path, stem: &str, apex: &Name) -> BTreeSet<(Name, Rtype)> {
    let folder = path.parent().expect("a folder");
    let beside = ["Queries", "ExpectedResponses"].map(|name| folder.parent().unwrap_or(folder).join(name));
    let mut pairs = Vec::new();
    for folder in [folder.to_owned()].iter().chain(&beside) {
        if let Ok(text) = fs::read_to_string(folder.join(format!("{stem}.queries"))) {
            let fields = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
            pairs.extend(fields.map(|(name, rtype)| (name.to_owned(), rtype.trim().to_owned())));
        }
        let Ok(text) = fs::read(folder.join(format!("{stem}.json"))) else { continue };
        let list: Value = serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{stem}.json: {error}"));
        for entry in list.as_array().into_iter().flatten() {
            let query = entry.get("Query").unwrap_or(entry);
            if let (Some(name), Some(rtype)) = (query["Name"].as_str(), query["Type"].as_str()) {
                pairs.push((name.to_owned(), rtype.to_owned()));
            }
        }
    }
    let question = |(name, rtype): (String, String)| {
        let name = Name::parse(name.as_bytes(), apex).unwrap_or_else(|error| panic!("{stem}: {name}: {error:?}"));
        (name, Rtype::from_mnemonic(rtype.as_bytes()).unwrap_or_else(|| panic!("{stem}: {rtype}")))
    };
    pairs.into_iter().map(question).collect()
}

/// Questions about every name in the zone, what is below and above it, and an instance of each wildcard.
fn derived(zone: &Served) -> BTreeSet<(Name, Rtype)> {
    let mut all = BTreeSet::new();
    for line in &zone.lines {
        let parent = line.owner.parent().filter(|parent| parent.is_within(&zone.apex));
        let instance = parent.as_ref().and_then(|parent| below("instance", parent));
        let names = [Some(line.owner.clone()), parent, instance, below("x", &line.owner), below("*", &line.owner)];
        for name in names.into_iter().flatten() {
            all.extend(TYPES.iter().chain([&line.rtype]).map(|rtype| (name.clone(), *rtype)));
        }
    }
    let step = (all.len() / DERIVED_MAX).max(1);
    all.into_iter().step_by(step).collect()
}

/// What others say of each zone is printed; returned is what we say alone.
fn compare_verdicts(items: &[Item]) -> String {
    let mut tally = BTreeMap::<String, (usize, &Path)>::new();
    for item in items {
        let apex = item.zone.apex.to_string();
        let takes = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).arg(&item.path).output();
            output.unwrap_or_else(|error| panic!("{program}: {error}; tests/run installs it")).status.success()
        };
        let peers = [
            takes("nsd-checkzone", &[&apex]),
            takes("kzonecheck", &["-o", &apex]),
            takes("named-checkzone", &["-q", &apex]),
        ];
        let ours = item.refusal.as_deref().unwrap_or("taken");
        let theirs = peers.iter().zip(&NAMES[1..]).map(|(takes, name)| if *takes { *name } else { "-" });
        let line = format!("we: {ours}; taken by {}", theirs.collect::<Vec<_>>().join(" "));
        let is_alone = peers.iter().all(|takes| *takes == item.refusal.is_some()) && !ALONE.contains(&ours);
        tally.entry(format!("{}{line}", if is_alone { "ALONE " } else { "" })).or_insert((0, &item.path)).0 += 1;
    }
    println!("zones by verdict:");
    let mut alone = String::new();
    for (line, (count, first)) in &tally {
        let text = format!("{count:8} {line}; first {}\n", first.display());
        print!("{text}");
        if line.starts_with("ALONE") && alone.lines().count() < SHOWN_MAX {
            alone += &text;
        }
    }
    alone
}

/// The zones that we serve, in groups in which no zone has to do with another's names.
fn batches(items: &[Item]) -> Vec<Vec<&Item>> {
    let mut batches: Vec<(Vec<&Item>, BTreeSet<Name>)> = Vec::new();
    let mut full = Vec::new();
    let is_served = |item: &&Item| item.refusal.is_none() && item.zone.apex.as_wire().len() <= APEX_LEN_MAX;
    for item in items.iter().filter(is_served) {
        let (apex, mentions) = (item.zone.apex.to_lowercase(), item.mentions());
        let is_apart = |(others, names): &(Vec<&Item>, BTreeSet<Name>)| {
            let inside = |apex: &Name, names: &BTreeSet<Name>| names.iter().any(|name| name.is_within(apex));
            !inside(&apex, names) && others.iter().all(|other| !inside(&other.zone.apex.to_lowercase(), &mentions))
        };
        match batches.iter_mut().find(|batch| is_apart(batch)) {
            Some((others, names)) => {
                others.push(item);
                names.extend(mentions);
            }
            None => batches.push((vec![item], mentions)),
        }
        full.extend(batches.extract_if(.., |(others, _)| others.len() == ZONES_PER_START).map(|(batch, _)| batch));
    }
    full.into_iter().chain(batches.into_iter().map(|(batch, _)| batch)).collect()
}

/// Asks everything about these zones.
fn put(batch: &[&Item], counts: &mut Counts) {
    let zones: Vec<Served> = batch.iter().map(|item| item.zone.clone()).collect();
    let mut world = World::new(&zones);
    world.leaves_out_ttls = batch.iter().any(|item| !item.zone.text.contains("$TTL"));
    let mut servers = Servers::start(&zones);
    for zone in &zones {
        let serve: [bool; SERVERS] = servers.serve(zone);
        assert!(serve[0], "we do not serve {}", zone.apex);
        for (peer, _) in Peer::ALL.into_iter().zip(&serve[1..]).filter(|(_, serves)| !**serves) {
            world.unserved.insert((peer, zone.apex.to_lowercase()));
        }
    }
    for item in batch {
        for (name, qtype) in &item.questions {
            for edns in [None, Some((1232, true))] {
                let question = Question { name: name.clone(), qtype: *qtype, edns, tcp: false, recursion: false };
                ask(&mut servers, &world, std::slice::from_ref(&item.zone), &question, counts);
            }
        }
    }
}
