//! The response being written: records, counts, name compression (RFC 1035 §4.1.4) and the size limit.

use super::header::HEADER_LEN;
use crate::zone::name::wire_len;
use crate::zone::rdata::names;
use crate::zone::record::CLASS_IN;
use crate::zone::{Rtype, SoaRef};

/// Most places in the message that later names are compressed with; it bounds the search.
const PLACES_MAX: usize = 32;
/// Labels of the question among them, counted from the right.
const PLACES_OF_QUESTION_MAX: usize = 16;
/// The two bits that mark a compression pointer.
const POINTER: u16 = 0xc000;

/// The section that a record goes to; the number is its count's position in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer = 1,
    Authority = 2,
    Additional = 3,
}

/// What was to be written does not fit. An RRset goes in whole or not at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

/// An owner name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    /// The name in the question from this octet of QNAME on.
    Question(usize),
    /// A name in wire form, compressed if it can be.
    Name(&'a [u8]),
    /// Labels before the name in the question from this octet of QNAME on.
    BelowQuestion(&'a [u8], usize),
    /// The name that was written at this octet of the message.
    Written(u16),
}

/// A response being written.
pub(super) struct Message<'m> {
    octets: &'m mut [u8],
    len: usize,
    limit: usize,
    /// QDCOUNT, ANCOUNT, NSCOUNT and ARCOUNT.
    counts: [u16; 4],
    question_end: usize,
    places: Places,
}

/// Where labels begin that names can be compressed with.
#[derive(Clone, Copy)]
struct Places {
    at: [u16; PLACES_MAX],
    /// Octets of the whole name from there on: others than these are not compared.
    name_lens: [u8; PLACES_MAX],
    len: usize,
}

impl<'m> Message<'m> {
    /// A message with `question` in it, bounded by `octets`, which hold more than a header and a question.
    #[inline]
    pub fn new(octets: &'m mut [u8], question: &[u8]) -> Self {
        let question_end = HEADER_LEN + question.len();
        octets[HEADER_LEN..question_end].copy_from_slice(question);
        let limit = octets.len();
        let counts = [u16::from(!question.is_empty()), 0, 0, 0];
        let places = Places { at: [0; PLACES_MAX], name_lens: [0; PLACES_MAX], len: 0 };
        Self { octets, len: question_end, limit, counts, question_end, places }
    }

    /// Octets written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The counts of the header.
    pub fn counts(&self) -> [u16; 4] {
        self.counts
    }

    /// The octets, for the header.
    pub fn octets_mut(&mut self) -> &mut [u8] {
        self.octets
    }

    /// Whether `len` octets more go in.
    pub fn has_room(&self, len: usize) -> bool {
        self.limit - self.len >= len
    }

    /// Keeps `len` octets more free of records; whether there is room for it.
    pub fn reserve(&mut self, len: usize) -> bool {
        let fits = self.has_room(len);
        if fits {
            self.limit -= len;
        }
        fits
    }

    /// Gives back what was reserved.
    pub fn release(&mut self) {
        self.limit = self.octets.len();
    }

    /// Takes out everything behind the question.
    pub fn truncate(&mut self) {
        self.len = self.question_end;
        self.counts = [self.counts[0], 0, 0, 0];
        self.places.len = 0;
    }

    /// Appends octets.
    #[inline]
    pub fn put(&mut self, octets: &[u8]) -> Result<(), Full> {
        let end = self.len + octets.len();
        if end > self.limit {
            return Err(Full);
        }
        self.octets[self.len..end].copy_from_slice(octets);
        self.len = end;
        Ok(())
    }

    /// Counts a record that was written with [`Message::put`] into the additional section.
    pub fn count_additional(&mut self) {
        self.counts[Section::Additional as usize] += 1;
    }

    /// Appends an RRset, whole or not at all. What it returns is the same owner for more records: no search finds it again.
    #[inline]
    pub fn rrset<'r, 'o>(
        &mut self,
        section: Section,
        mut owner: Owner<'o>,
        rtype: Rtype,
        ttl: u32,
        rdata: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Owner<'o>, Full> {
        self.whole(section, |message| {
            for rdata in rdata {
                owner = message.record(section, owner, rtype, ttl, |message| message.rdata(rtype, rdata))?;
            }
            Ok(owner)
        })
    }

    /// Appends a record whose RDATA, without names to compress, comes in pieces; its owner for more, as above.
    pub fn in_pieces<'r, 'o>(
        &mut self,
        section: Section,
        owner: Owner<'o>,
        rtype: Rtype,
        ttl: u32,
        rdata: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Owner<'o>, Full> {
        let mut pieces = rdata.into_iter();
        self.record(section, owner, rtype, ttl, |message| pieces.try_for_each(|piece| message.put(piece)))
    }

    /// Appends a zone's SOA with this TTL.
    pub fn soa<'o>(
        &mut self,
        section: Section,
        owner: Owner<'o>,
        ttl: u32,
        soa: SoaRef<'_>,
    ) -> Result<Owner<'o>, Full> {
        self.whole(section, |message| {
            message.record(section, owner, Rtype::SOA, ttl, |message| {
                for (name, below_apex) in [soa.mname, soa.rname].into_iter().zip(soa.below_apex) {
                    match (owner, below_apex) {
                        // No search: the apex stands in the question, as it does in nearly every negative answer.
                        (Owner::Question(apex), Some(len)) => {
                            message.put(&name[..usize::from(len)])?;
                            message.put(&pointer_to_question(apex))?;
                        }
                        _ => drop(message.name(name)?),
                    }
                }
                message.put(&soa.serial.to_be_bytes())?;
                message.put(soa.timers)
            })
        })
    }

    /// Appends a TXT record of this class for the question's name, whose TTL is 0.
    pub fn text(&mut self, class: u16, text: &[u8]) -> Result<(), Full> {
        self.whole(Section::Answer, |message| {
            message.put(&pointer_to_question(0))?;
            message.record_header(Rtype::TXT, class, 0)?;
            let length_at = message.len - 2;
            let length = u8::try_from(text.len()).map_err(|_| Full)?;
            message.put(&[length])?;
            message.put(text)?;
            message.octets[length_at..length_at + 2].copy_from_slice(&(u16::from(length) + 1).to_be_bytes());
            message.counts[Section::Answer as usize] += 1;
            Ok(())
        })
    }

    /// Whether the name at `at` in the message is `name`, case aside.
    pub fn is_name_at(&self, mut at: usize, mut name: &[u8]) -> bool {
        loop {
            while self.octets[at] >= 0xc0 {
                at = usize::from(u16::from_be_bytes([self.octets[at], self.octets[at + 1]]) & !POINTER);
            }
            let length = usize::from(self.octets[at]);
            if length != usize::from(name[0]) {
                return false;
            }
            if length == 0 {
                return true;
            }
            if !self.octets[at + 1..=at + length].eq_ignore_ascii_case(&name[1..=length]) {
                return false;
            }
            at += 1 + length;
            name = &name[1 + length..];
        }
    }

    /// Runs `write`, and takes back what it wrote if it did not all fit.
    #[inline]
    pub fn whole<T>(&mut self, section: Section, write: impl FnOnce(&mut Self) -> Result<T, Full>) -> Result<T, Full> {
        let (len, places_len, count) = (self.len, self.places.len, self.counts[section as usize]);
        let written = write(self);
        if written.is_err() {
            (self.len, self.places.len, self.counts[section as usize]) = (len, places_len, count);
        }
        written
    }

    #[inline]
    fn record<'o>(
        &mut self,
        section: Section,
        owner: Owner<'o>,
        rtype: Rtype,
        ttl: u32,
        rdata: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<Owner<'o>, Full> {
        let owner = self.owner(owner)?;
        self.record_header(rtype, CLASS_IN, ttl)?;
        let length_at = self.len - 2;
        rdata(self)?;
        let length = u16::try_from(self.len - length_at - 2).map_err(|_| Full)?;
        self.octets[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        self.counts[section as usize] += 1;
        Ok(owner)
    }

    /// Appends an owner name; how it is written the next time.
    #[inline]
    fn owner<'o>(&mut self, owner: Owner<'o>) -> Result<Owner<'o>, Full> {
        let at = match owner {
            Owner::Question(start) => return self.put(&pointer_to_question(start)).map(|()| owner),
            Owner::Written(at) => return self.put(&(POINTER | at).to_be_bytes()).map(|()| owner),
            Owner::Name(name) => self.name(name)?,
            Owner::BelowQuestion(labels, start) => {
                let at = self.len;
                self.put(labels)?;
                self.put(&pointer_to_question(start))?;
                at
            }
        };
        Ok(u16::try_from(at).ok().filter(|at| at & POINTER == 0).map_or(owner, Owner::Written))
    }

    /// Appends type, class, TTL and a length of zero.
    #[inline]
    pub fn record_header(&mut self, rtype: Rtype, class: u16, ttl: u32) -> Result<(), Full> {
        let ([t1, t0], [c1, c0], [l3, l2, l1, l0]) = (rtype.0.to_be_bytes(), class.to_be_bytes(), ttl.to_be_bytes());
        self.put(&[t1, t0, c1, c0, l3, l2, l1, l0, 0, 0])
    }

    /// Appends RDATA; names in it are compressed only where RFC 3597 §4 allows it.
    #[inline]
    fn rdata(&mut self, rtype: Rtype, rdata: &[u8]) -> Result<(), Full> {
        // The most frequent types need no look into the table: there is nothing in them to compress.
        if matches!(rtype, Rtype::A | Rtype::AAAA | Rtype::RRSIG | Rtype::NSEC | Rtype::NSEC3 | Rtype::DS) {
            return self.put(rdata);
        }
        let mut written = 0;
        for (range, _) in names(rtype, rdata).filter(|(_, usage)| usage.compress) {
            self.put(&rdata[written..range.start])?;
            self.name(&rdata[range.clone()])?;
            written = range.end;
        }
        self.put(&rdata[written..])
    }

    /// Appends a name in wire form, as much of it as can be as a pointer to one that is there; where it stands now.
    pub fn name(&mut self, name: &[u8]) -> Result<usize, Full> {
        if self.places.len == 0 {
            self.add_places_of_question();
        }
        let name_len = wire_len(name).ok_or(Full)?;
        let mut new_len = 0;
        let known = loop {
            if name[new_len] == 0 {
                break None;
            }
            let rest = &name[new_len..name_len];
            let is_known = |&place: &usize| {
                usize::from(self.places.name_lens[place]) == rest.len()
                    && self.is_name_at(usize::from(self.places.at[place]), rest)
            };
            if let Some(place) = (0..self.places.len).find(is_known) {
                break Some(self.places.at[place]);
            }
            new_len += 1 + usize::from(name[new_len]);
        };
        let start = self.len;
        self.put(&name[..new_len])?;
        match known {
            Some(place) => self.put(&(POINTER | place).to_be_bytes())?,
            None => self.put(&[0])?,
        }
        // Only now, when the name is whole: a comparison reads on to its end.
        let mut at = 0;
        while at < new_len {
            self.add_place(start + at, name_len - at);
            at += 1 + usize::from(name[at]);
        }
        Ok(known.filter(|_| new_len == 0).map_or(start, usize::from))
    }

    fn add_places_of_question(&mut self) {
        if self.counts[0] == 0 {
            return;
        }
        let end = HEADER_LEN + wire_len(&self.octets[HEADER_LEN..]).expect("the question was read before");
        let labels_from = |octets: &[u8], mut at: usize| {
            let mut count = 0;
            while octets[at] != 0 {
                at += 1 + usize::from(octets[at]);
                count += 1;
            }
            count
        };
        let mut left = labels_from(self.octets, HEADER_LEN);
        let mut at = HEADER_LEN;
        while at + 1 < end {
            if left <= PLACES_OF_QUESTION_MAX {
                self.add_place(at, end - at);
            }
            left -= 1;
            at += 1 + usize::from(self.octets[at]);
        }
    }

    fn add_place(&mut self, at: usize, name_len: usize) {
        if self.places.len < PLACES_MAX && at < usize::from(!POINTER) {
            self.places.at[self.places.len] = at as u16;
            self.places.name_lens[self.places.len] = name_len as u8;
            self.places.len += 1;
        }
    }
}

/// A pointer to the name in the question from this octet of QNAME on.
#[inline]
fn pointer_to_question(start: usize) -> [u8; 2] {
    (POINTER | (HEADER_LEN + start) as u16).to_be_bytes()
}
