//! The records of a zone while it is read and checked: compact, and found by owner before there is an index.
//!
//! Records stand one after the other in 64 pieces of memory, by the first bits of their owner's hash, which is the one the
//! index is ordered by. Each piece is sorted for itself; then all records of an owner stand together, and an owner is found
//! by binary search. The index is made from one piece after the other, and each goes when its pages are there: both
//! together never take much more than the index.

use super::denial::nsec3;
use super::name::{NAME_LEN_MAX, Name};
use super::node;
use super::pages::{PARTS, Pages, part};
use super::record::{Record, Rtype};
use std::cmp::Ordering;

/// Octets of a draft in front of its owner.
const HEADER_LEN: usize = 16;
/// An owner without a record: an empty non-terminal, or a mark.
const NO_RECORD: Rtype = Rtype(0);

/// Where a record was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Number of the file, in the order they were opened.
    pub file: u16,
    /// Its first line, from 1 on.
    pub line: u32,
}

/// The records of a zone.
pub struct Drafts {
    apex: Name,
    /// By the first bits of the hash.
    parts: Vec<Part>,
    /// Empty: it has the key of the hash.
    pages: Pages,
    /// The owner of the last record but for those of NSEC3: its labels before the apex's.
    last_owner: Vec<u8>,
    /// Whether there are zone cuts or DNAMEs.
    hides: bool,
    count: usize,
}

/// What shares the first bits of its hash.
#[derive(Default)]
pub(super) struct Part {
    /// For each draft owner length, marks, type, TTL, RDATA length, file and line, then owner relative to the apex and RDATA.
    octets: Vec<u8>,
    entries: Vec<Entry>,
}

/// Where a draft is, and the hash of its owner in lower case; in pieces of four octets, so that nothing is left empty between them.
#[derive(Clone, Copy)]
struct Entry {
    hash: [u32; 2],
    at: u32,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Its type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// Labels of its owner before the apex's, in the case they were written in; without a root label.
    pub owner: &'a [u8],
    /// RDATA in uncompressed wire form.
    pub rdata: &'a [u8],
    /// Where it was written.
    pub place: Place,
    marks: u8,
}

/// An owner with its records; without any it is an empty non-terminal.
#[derive(Clone, Copy)]
pub struct Owner<'a> {
    octets: &'a [u8],
    entries: &'a [Entry],
}

impl Drafts {
    /// No records of the zone `apex` yet.
    pub fn new(apex: &Name) -> Self {
        let parts = (0..PARTS).map(|_| Part::default()).collect();
        let (pages, last_owner) = (Pages::new(), Vec::new());
        Self { apex: apex.clone(), parts, pages, last_owner, hides: false, count: 0 }
    }

    /// The zone's apex.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// How many records there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a record, whose owner is a name in wire form; false, and nothing is added, if that is outside the zone.
    pub fn push(&mut self, owner: &[u8], rtype: Rtype, ttl: u32, rdata: &[u8], place: Place) -> bool {
        let Some(owner) = relative(owner, &self.apex) else { return false };
        self.count += 1;
        if is_of_nsec3(rtype, rdata) {
            // What is no hash proves nothing, and is no name of the zone either (RFC 5155 §7.2.8).
            if nsec3::hash_of_owner(owner).is_some() {
                self.add(Draft { rtype, ttl, owner, rdata, place, marks: 0 });
            }
            return true;
        }
        let marks = match rtype {
            Rtype::NS if !owner.is_empty() => node::CUT,
            Rtype::DNAME => node::DNAME,
            _ => 0,
        };
        self.hides |= marks != 0;
        if owner != self.last_owner {
            self.push_ancestors(owner, place);
            self.last_owner.clear();
            self.last_owner.extend_from_slice(owner);
        }
        self.add(Draft { rtype, ttl, owner, rdata, place, marks });
        true
    }

    /// Adds the names between `owner` and the apex: empty non-terminals exist (RFC 4592 §2.2.2), so that a missing name
    /// says that nothing is below it. Files are sorted more or less, so that most stand before their children.
    fn push_ancestors(&mut self, owner: &[u8], place: Place) {
        let last = std::mem::take(&mut self.last_owner);
        let mut below = owner;
        while let Some(&length) = below.first() {
            let (label, parent) = below.split_at(1 + usize::from(length));
            let marks = if label == b"\x01*" { node::WILDCARD_BELOW } else { 0 };
            let known = last.ends_with(parent) && is_below_or_at(&last, parent);
            if marks != 0 || !known {
                self.add(Draft { rtype: NO_RECORD, ttl: 0, owner: parent, rdata: &[], place, marks });
            }
            // What the last owner is below had its own ancestors added with it.
            if known {
                break;
            }
            below = parent;
        }
        self.last_owner = last;
    }

    fn add(&mut self, draft: Draft<'_>) {
        let Draft { rtype, ttl, owner, rdata, place, marks } = draft;
        let hash = self.hash(owner);
        let Part { octets, entries } = &mut self.parts[part(hash)];
        make_room(entries, 1);
        make_room(octets, HEADER_LEN + owner.len() + rdata.len());
        entries.push(Entry::new(hash, octets.len()));
        let mut header = [0; HEADER_LEN];
        (header[0], header[1]) = (u8::try_from(owner.len()).expect("a name has at most 255 octets"), marks);
        header[2..4].copy_from_slice(&rtype.0.to_le_bytes());
        header[4..8].copy_from_slice(&ttl.to_le_bytes());
        let rdata_len = u16::try_from(rdata.len()).expect("RDATA has at most 65,535 octets");
        header[8..10].copy_from_slice(&rdata_len.to_le_bytes());
        header[10..12].copy_from_slice(&place.file.to_le_bytes());
        header[12..].copy_from_slice(&place.line.to_le_bytes());
        octets.extend_from_slice(&header);
        octets.extend_from_slice(owner);
        octets.extend_from_slice(rdata);
    }

    /// What owners are told apart by at first.
    pub fn hash(&self, labels: &[u8]) -> u64 {
        let mut lower = [0; NAME_LEN_MAX];
        let lower = &mut lower[..labels.len()];
        lower.copy_from_slice(labels);
        // Length octets are below b'A', so lowering every octet cannot change them.
        lower.make_ascii_lowercase();
        self.pages.hash_octets(lower)
    }

    /// Brings the records of each owner together, by type and then in the order they came in. What follows needs it.
    pub fn sort(&mut self) {
        for Part { octets, entries } in &mut self.parts {
            let draft = |entry: &Entry| Draft::read(octets, entry.at());
            entries.sort_unstable_by(|a, b| {
                a.hash.cmp(&b.hash).then_with(|| compare(&draft(a), &draft(b)).then(a.at.cmp(&b.at)))
            });
        }
    }

    /// Every owner, in no useful order.
    pub fn owners(&self) -> impl Iterator<Item = Owner<'_>> {
        self.parts.iter().flat_map(Part::owners)
    }

    /// Every record, in no useful order.
    pub fn records(&self) -> impl Iterator<Item = Draft<'_>> {
        self.owners().flat_map(Owner::records)
    }

    /// A draft as a record with a whole name.
    pub fn record(&self, draft: Draft<'_>) -> Record {
        let Draft { rtype, ttl, owner, rdata, .. } = draft;
        Record { owner: self.name(owner), rtype, ttl, rdata: rdata.into() }
    }

    /// The name of these labels before the apex's.
    pub fn name(&self, labels: &[u8]) -> Name {
        let wire = [labels, self.apex.as_wire()].concat();
        Name::from_wire(&wire).expect("it was a name before").0
    }

    /// The owner with these labels before the apex's, in any case.
    pub fn find(&self, labels: &[u8]) -> Option<Owner<'_>> {
        let hash = self.hash(labels);
        let Part { octets, entries } = &self.parts[part(hash)];
        let first = entries.partition_point(|entry| entry.hash() < hash);
        let is_it = |entry: &&Entry| entry.hash() == hash && same_name(Draft::read(octets, entry.at()).owner, labels);
        let others = entries[first..].iter().take_while(|entry| entry.hash() == hash && !is_it(entry)).count();
        let entries = &entries[first + others..];
        let count = entries.iter().take_while(is_it).count();
        (count > 0).then(|| Owner { octets, entries: &entries[..count] })
    }

    /// What is nearest to the apex of the delegations and DNAMEs above a name, so that it hides it.
    pub fn hidden_by(&self, labels: &[u8]) -> Option<Owner<'_>> {
        if !self.hides {
            return None;
        }
        // Where each ancestor begins, from the name's parent on to the apex.
        let (mut starts, mut count, mut at) = ([0; NAME_LEN_MAX / 2 + 1], 0, 0);
        while at < labels.len() {
            at += 1 + usize::from(labels[at]);
            starts[count] = at;
            count += 1;
        }
        let ancestors = starts[..count].iter().rev().map(|&start| &labels[start..]);
        ancestors.filter_map(|above| self.find(above)).find(|owner| owner.marks() & (node::CUT | node::DNAME) != 0)
    }

    pub(super) fn into_parts(self) -> (Name, Pages, Vec<Part>) {
        (self.apex, self.pages, self.parts)
    }
}

impl Entry {
    fn new(hash: u64, at: usize) -> Self {
        let at = u32::try_from(at).expect("a piece of a zone's records is smaller than 4 GiB");
        // The high half first: they are ordered as the hash is.
        Self { hash: [(hash >> u32::BITS) as u32, hash as u32], at }
    }

    fn hash(&self) -> u64 {
        let [high, low] = self.hash.map(u64::from);
        high << u32::BITS | low
    }

    fn at(&self) -> usize {
        self.at as usize
    }
}

impl Part {
    pub(super) fn owners(&self) -> impl Iterator<Item = Owner<'_>> {
        let draft = |entry: &Entry| Draft::read(&self.octets, entry.at());
        let owners = self.entries.chunk_by(move |a, b| a.hash == b.hash && same_name(draft(a).owner, draft(b).owner));
        owners.map(|entries| Owner { octets: &self.octets, entries })
    }

    /// Octets of all drafts.
    pub(super) fn size(&self) -> usize {
        self.octets.len()
    }
}

impl<'a> Owner<'a> {
    /// Its labels before the apex's, in the case of the first time it was written; without a root label.
    pub fn labels(self) -> &'a [u8] {
        let first = self.entries.iter().map(|entry| entry.at()).min().expect("an owner has a draft");
        Draft::read(self.octets, first).owner
    }

    /// Its records by type, and then in the order they came in.
    pub fn records(self) -> impl Iterator<Item = Draft<'a>> + Clone {
        let drafts = self.entries.iter().map(move |entry| Draft::read(self.octets, entry.at()));
        drafts.filter(|draft| draft.rtype != NO_RECORD)
    }

    /// The first record of a type.
    pub fn first(self, rtype: Rtype) -> Option<Draft<'a>> {
        self.records().find(|draft| draft.rtype == rtype)
    }

    /// Whether it has records of a type.
    pub fn has(self, rtype: Rtype) -> bool {
        self.first(rtype).is_some()
    }

    /// Whether it has an address.
    pub fn has_address(self) -> bool {
        self.has(Rtype::A) || self.has(Rtype::AAAA)
    }

    /// Whether it is the apex.
    pub fn is_apex(self) -> bool {
        self.labels().is_empty()
    }

    pub(super) fn hash(self) -> u64 {
        self.entries[0].hash()
    }

    /// What the index says of it beside its records.
    pub(super) fn marks(self) -> u8 {
        self.entries.iter().fold(0, |marks, entry| marks | Draft::read(self.octets, entry.at()).marks)
    }

    /// Whether it is more than the owner of NSEC3 records: a name of the zone.
    pub fn is_name(self) -> bool {
        self.entries.iter().any(|entry| Draft::read(self.octets, entry.at()).nsec3_hash().is_none())
    }
}

impl<'a> Draft<'a> {
    #[inline]
    fn read(octets: &'a [u8], at: usize) -> Self {
        let octets = &octets[at..];
        let [owner_len, marks, t0, t1, l0, l1, l2, l3, r0, r1, f0, f1, n0, n1, n2, n3] =
            *octets.first_chunk::<HEADER_LEN>().expect("a header");
        let (owner, rest) = octets[HEADER_LEN..].split_at(usize::from(owner_len));
        let rdata = &rest[..usize::from(u16::from_le_bytes([r0, r1]))];
        let (rtype, ttl) = (Rtype(u16::from_le_bytes([t0, t1])), u32::from_le_bytes([l0, l1, l2, l3]));
        let place = Place { file: u16::from_le_bytes([f0, f1]), line: u32::from_le_bytes([n0, n1, n2, n3]) };
        Self { rtype, ttl, owner, rdata, place, marks }
    }

    /// The hash that the owner stands for, if this is an NSEC3 record or its signature: then it is no name of the zone
    /// (RFC 5155 §7.2.8).
    pub fn nsec3_hash(&self) -> Option<nsec3::Hash> {
        if is_of_nsec3(self.rtype, self.rdata) { nsec3::hash_of_owner(self.owner) } else { None }
    }
}

/// Makes room for as many elements more, at least an eighth of what there is: twice as much, as a list takes by itself,
/// would be as much memory again as all records.
fn make_room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8).max(64));
    }
}

/// The labels of a name in wire form before those of `apex`.
fn relative<'o>(owner: &'o [u8], apex: &Name) -> Option<&'o [u8]> {
    let apex = apex.as_wire();
    let mut at = 0;
    loop {
        if owner.len() - at == apex.len() && owner[at..].eq_ignore_ascii_case(apex) {
            return Some(&owner[..at]);
        }
        let length = usize::from(owner[at]);
        if length == 0 {
            return None;
        }
        at += 1 + length;
    }
}

/// Whether it is an NSEC3 record or the signature of one, whose owner is a hash.
fn is_of_nsec3(rtype: Rtype, rdata: &[u8]) -> bool {
    match rtype {
        Rtype::NSEC3 => true,
        Rtype::RRSIG => node::covered(rdata) == Some(Rtype::NSEC3),
        _ => false,
    }
}

/// Whether the labels `name` end with those of `above`, given that their octets do.
fn is_below_or_at(name: &[u8], above: &[u8]) -> bool {
    let start = name.len() - above.len();
    let mut at = 0;
    while at < start {
        at += 1 + usize::from(name[at]);
    }
    at == start
}

/// Orders drafts of one hash by owner, then type.
fn compare(a: &Draft<'_>, b: &Draft<'_>) -> Ordering {
    let lower = |name: &'_ [u8]| name.iter().map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    let by_name = if same_name(a.owner, b.owner) { Ordering::Equal } else { lower(a.owner).cmp(&lower(b.owner)) };
    by_name.then(a.rtype.cmp(&b.rtype))
}

fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}
