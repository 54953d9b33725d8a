//! The records of an NSEC3 chain in the form they have in a message. What many of them have in common is kept once.
//!
//! ```text
//! label | pointer to the apex, type, class, TTL, length | NSEC3: parameters, next hash, types
//!       | pointer to the label, type, class, TTL, length | RRSIG: what is covered, times, key and signer, signature
//! ```
//!
//! All of it but the label, the next hash, the times and the signature is a form, of which a zone has as many as there are
//! kinds of owner. The label and the next hash are in the chain anyway, so a record keeps times and signatures alone.

use super::{HASH_LEN, Hash, Hashed, LABEL_LEN};
use crate::zone::fragment::Records;
use crate::zone::name::wire_len;
use crate::zone::node::NodeRef;
use crate::zone::record::Rtype;
use foldhash::quality::RandomState;
use std::collections::HashMap;
use std::ops::Range;

/// A label with its length.
pub type Label = [u8; 1 + LABEL_LEN];

/// Where RDATA of RRSIG has the signature's end and begin (RFC 4034 §3.1).
const TIMES: Range<usize> = 8..16;
/// Where its signer's name begins.
const SIGNER_AT: usize = 18;
/// Where RDATA of NSEC3 has the salt's length (RFC 5155 §3.2).
const SALT_LEN_AT: usize = 4;
/// Forms whose number is one octet; this one says that four more follow.
const MORE: u8 = u8::MAX;

/// All records, by their position in the chain.
#[derive(Default)]
pub(super) struct Forms {
    forms: Box<[Form]>,
    /// Of each record the number of its form, and what fills the gaps of that.
    fillings: Box<[u8]>,
    places: Places,
}

/// Where the fillings are.
enum Places {
    /// All have this length, as in nearly all zones: those with one algorithm and few forms.
    Even(usize),
    /// Where each begins.
    Uneven(Box<[usize]>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Even(0)
    }
}

/// What records have in common.
#[derive(PartialEq, Eq, Hash)]
struct Form {
    /// With zeros in the gaps.
    records: Records,
    case: Case,
    /// Where the next hash is, if it is the chain's next.
    next_at: Option<usize>,
    /// What else differs, in ascending order.
    gaps: Box<[Range<usize>]>,
}

/// How the label is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Case {
    Lower,
    Upper,
    /// As it stands in the form.
    Mixed,
}

/// A record of the chain, with its signatures.
#[derive(Clone, Copy)]
pub struct Nsec3Ref<'c> {
    form: &'c Form,
    filling: &'c [u8],
    hash: &'c Hash,
    next: &'c Hash,
}

impl Forms {
    /// The forms of nodes in ascending order of their hashes.
    pub fn of(sorted: &[(Hash, Hashed)]) -> Self {
        let mut known: HashMap<Form, usize, RandomState> = HashMap::default();
        let (mut fillings, mut starts) = (Vec::new(), Vec::with_capacity(sorted.len()));
        let mut filling = Vec::new();
        let next = sorted.iter().cycle().skip(1);
        for ((hash, node), (next, _)) in sorted.iter().zip(next) {
            filling.clear();
            let form = Form::of(hash, next, NodeRef::new(node.stored()), &mut filling);
            let count = known.len();
            let number = *known.entry(form).or_insert(count);
            starts.push(fillings.len());
            match u8::try_from(number) {
                Ok(number) if number < MORE => fillings.push(number),
                _ => {
                    fillings.push(MORE);
                    fillings.extend_from_slice(&u32::try_from(number).expect("a form a record").to_le_bytes());
                }
            }
            fillings.extend_from_slice(&filling);
        }
        let mut forms: Vec<(Form, usize)> = known.into_iter().collect();
        forms.sort_unstable_by_key(|(_, number)| *number);
        let forms = forms.into_iter().map(|(form, _)| form).collect();
        let len = fillings.len() / starts.len().max(1);
        let is_even = len * starts.len() == fillings.len() && starts.iter().enumerate().all(|(n, at)| *at == n * len);
        let places = if is_even { Places::Even(len) } else { Places::Uneven(starts.into()) };
        Self { forms, fillings: fillings.into(), places }
    }

    /// The `index`th record, whose hash and the next one's are these.
    #[inline]
    pub fn get<'c>(&'c self, index: usize, hash: &'c Hash, next: &'c Hash) -> Nsec3Ref<'c> {
        let range = match &self.places {
            Places::Even(len) => index * len..(index + 1) * len,
            Places::Uneven(starts) => starts[index]..starts.get(index + 1).copied().unwrap_or(self.fillings.len()),
        };
        let (number, filling) = match &self.fillings[range] {
            [MORE, a, b, c, d, filling @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, filling),
            [number, filling @ ..] => (usize::from(*number), filling),
            [] => (0, &[][..]),
        };
        Nsec3Ref { form: &self.forms[number], filling, hash, next }
    }

    /// Octets of all of it.
    pub fn memory(&self) -> usize {
        let forms = self.forms.iter().map(|form| size_of::<Form>() + form.records.len()).sum::<usize>();
        let starts = match &self.places {
            Places::Even(_) => 0,
            Places::Uneven(starts) => size_of_val(&**starts),
        };
        forms + self.fillings.len() + starts
    }
}

impl Form {
    /// The form of a node, and appended to `filling` what it leaves out.
    fn of(hash: &Hash, next: &Hash, node: NodeRef<'_>, filling: &mut Vec<u8>) -> Self {
        let owner = node.owner();
        let case = match owner {
            owner if owner == label(hash, Case::Lower) => Case::Lower,
            owner if owner == label(hash, Case::Upper) => Case::Upper,
            _ => Case::Mixed,
        };
        let mut records = Records::below(owner);
        if case != Case::Mixed {
            records.clear(0..owner.len());
        }
        let (mut next_at, mut gaps) = (None, Vec::new());
        if let Some(rrset) = node.rrset(Rtype::NSEC3) {
            for (position, rdata) in rrset.rdata().enumerate() {
                let at = records.push(position == 0, Rtype::NSEC3, rrset.ttl, rdata);
                if let Some(found) = next_of(rdata)
                    && rrset.count == 1
                    && rdata[found.clone()] == *next
                {
                    next_at = Some(at + found.start);
                    records.clear(at + found.start..at + found.end);
                }
            }
            for rdata in node.signatures(Rtype::NSEC3) {
                let at = records.push(false, Rtype::RRSIG, rrset.ttl, rdata);
                for range in varying(rdata) {
                    filling.extend_from_slice(&rdata[range.clone()]);
                    gaps.push(at + range.start..at + range.end);
                    records.clear(at + range.start..at + range.end);
                }
            }
        }
        Self { records, case, next_at, gaps: gaps.into() }
    }
}

impl<'c> Nsec3Ref<'c> {
    /// The label below the apex, with its length, in the case it was written in.
    #[inline]
    pub fn label(&self) -> Label {
        match self.form.case {
            Case::Mixed => self.form.records.octets().first_chunk().copied().unwrap_or([0; 1 + LABEL_LEN]),
            case => label(self.hash, case),
        }
    }

    /// Octets of the record and its signatures, if its owner ends with a pointer.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "a record has octets")]
    pub fn len(&self) -> usize {
        self.form.records.len()
    }

    /// How many records that is.
    #[inline]
    pub fn count(&self) -> usize {
        self.form.records.count()
    }

    /// Writes them to octet `at` of a message in which the apex stands at `apex_at`; where they end. There is room, and no
    /// octet of them is too far for a pointer.
    #[inline]
    pub fn write(&self, message: &mut [u8], at: usize, apex_at: u8) -> usize {
        let end = self.form.records.write(message, at, apex_at);
        self.fill(&mut message[at..end]);
        end
    }

    /// The same as records of their own.
    pub(super) fn to_records(self) -> Records {
        let mut octets: Box<[u8]> = self.form.records.octets().into();
        self.fill(&mut octets);
        self.form.records.with_octets(octets)
    }

    #[inline]
    fn fill(&self, octets: &mut [u8]) {
        if let Some(label) = octets.first_chunk_mut()
            && self.form.case != Case::Mixed
        {
            *label = self.label();
        }
        if let Some(at) = self.form.next_at {
            octets[at..at + HASH_LEN].copy_from_slice(self.next);
        }
        let mut filling = self.filling;
        for gap in &self.form.gaps {
            let (content, rest) = filling.split_at(gap.len());
            octets[gap.clone()].copy_from_slice(content);
            filling = rest;
        }
    }

    /// Type, TTL and RDATA in pieces of the record and its signatures.
    pub fn records(self) -> impl Iterator<Item = (Rtype, u32, impl Iterator<Item = &'c [u8]> + Clone)> {
        self.form.records.each().map(move |(rtype, ttl, rdata)| (rtype, ttl, self.pieces(rdata)))
    }

    fn pieces(self, rdata: Range<usize>) -> impl Iterator<Item = &'c [u8]> + Clone {
        let next = self.form.next_at.map(|at| (at, &self.next[..]));
        let mut filling = self.filling;
        let filled = self.form.gaps.iter().map(move |gap| {
            let (content, rest) = filling.split_at(gap.len());
            filling = rest;
            (gap.start, content)
        });
        let (mut at, end) = (rdata.start, rdata.end);
        let here = next.into_iter().chain(filled).filter(move |(gap, _)| rdata.contains(gap));
        here.chain([(end, &[][..])]).flat_map(move |(gap, content)| {
            let before = &self.form.records.octets()[at..gap];
            at = gap + content.len();
            [before, content]
        })
    }
}

/// Where RDATA of NSEC3 has the next hash, if that is of the usual length.
fn next_of(rdata: &[u8]) -> Option<Range<usize>> {
    let length_at = SALT_LEN_AT + 1 + usize::from(*rdata.get(SALT_LEN_AT)?);
    let range = length_at + 1..length_at + 1 + HASH_LEN;
    (usize::from(*rdata.get(length_at)?) == HASH_LEN && range.end <= rdata.len()).then_some(range)
}

/// What differs from signature to signature.
fn varying(rdata: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let signer_len = rdata.get(SIGNER_AT..).and_then(wire_len);
    let ranges = signer_len.map(|len| [TIMES, SIGNER_AT + len..rdata.len()]);
    ranges.into_iter().flatten()
}

/// The label that is the Base32hex form of a hash (RFC 5155 §3.3), eight digits at a time.
#[inline]
fn label(hash: &Hash, case: Case) -> Label {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // From digits to letters: what comes between '9' and 'a', or 'A'.
    let gap = u64::from(if case == Case::Upper { b'A' - b'9' - 1 } else { b'a' - b'9' - 1 });
    let mut label = [LABEL_LEN as u8; 1 + LABEL_LEN];
    for (digits, octets) in label[1..].as_chunks_mut::<8>().0.iter_mut().zip(hash.as_chunks::<5>().0) {
        let [a, b, c, d, e] = *octets;
        let bits = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        // Halved three times, until each octet has five of the bits.
        let bits = (bits & 0xff_fff0_0000) << 12 | bits & 0xf_ffff;
        let bits = (bits & 0x000f_fc00_000f_fc00) << 6 | bits & 0x0000_03ff_0000_03ff;
        let bits = (bits & 0x03e0_03e0_03e0_03e0) << 3 | bits & 0x001f_001f_001f_001f;
        // The highest bit of an octet tells whether it is above nine.
        let letters = (bits + ONES * (0x80 - 10)) >> 7 & ONES;
        *digits = (bits + ONES * u64::from(b'0') + letters * gap).to_be_bytes();
    }
    label
}
