//! One owner name of a zone's static part, as the index keeps it: its marks and its RRsets.
//!
//! ```text
//! marks: u8 | owner, relative to the apex, as written, if that is not the key | RRsets, by type
//! RRset: type: u16 | TTL: u32 | count: u16 | octets that follow: u32 | (length: u16 | RDATA) × count
//! of one record: type: u16 | TTL with its highest bit set: u32 | length: u16 | RDATA
//! ```
//!
//! The key is the owner in lower case, so both are equally long; nearly always they are the same, and the owner stands there once.

use super::pages::Stored;
use super::record::Rtype;

/// Where RDATA of RRSIG has the TTL of what was signed (RFC 4034 §3.1).
const ORIGINAL_TTL: std::ops::Range<usize> = 4..8;
/// A zone cut: NS records below the apex (RFC 2181 §6).
pub(super) const CUT: u8 = 1;
/// A DNAME, which takes over everything below.
pub(super) const DNAME: u8 = 2;
/// The label `*` exists directly below.
pub(super) const WILDCARD_BELOW: u8 = 4;
/// The owner was not written in lower case; it follows, as it was.
const WRITTEN: u8 = 8;
/// Octets of an RRset's type and TTL.
const TYPE_AND_TTL_LEN: usize = 6;
/// Octets of the count, and of the number of octets that follow, where there are several records.
const COUNT_AND_LEN_LEN: usize = 6;
/// The highest bit of a TTL, which has no meaning in one (RFC 2181 §8): the RRset is one record.
const ONE_RECORD: u32 = 1 << 31;

/// A node of a zone; without RRsets it is an empty non-terminal.
#[derive(Clone, Copy, Debug)]
pub struct NodeRef<'a> {
    marks: u8,
    owner: &'a [u8],
    rrsets: &'a [u8],
}

/// Records of one owner and type.
#[derive(Clone, Copy, Debug)]
pub struct RrsetRef<'a> {
    /// Their type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// How many they are; at least one.
    pub count: u16,
    records: &'a [u8],
}

impl<'a> NodeRef<'a> {
    /// Reads a record of [`super::Zone::nodes`].
    ///
    /// # Panics
    /// On other octets, possibly.
    #[inline]
    pub fn new(Stored { key, value }: Stored<'a>) -> Self {
        let (marks, rest) = (value[0], &value[1..]);
        let (owner, rrsets) = if marks & WRITTEN == 0 { (key, rest) } else { rest.split_at(key.len()) };
        Self { marks, owner, rrsets }
    }

    /// The labels in front of the apex's, in the case they were written in; without a root label.
    pub fn owner(&self) -> &'a [u8] {
        self.owner
    }

    /// Whether the name is a zone cut.
    pub fn is_cut(&self) -> bool {
        self.marks & CUT != 0
    }

    /// Whether the name has a DNAME.
    pub fn has_dname(&self) -> bool {
        self.marks & DNAME != 0
    }

    /// Whether `*` exists directly below.
    pub fn has_wildcard_below(&self) -> bool {
        self.marks & WILDCARD_BELOW != 0
    }

    /// All RRsets, by type.
    #[inline]
    pub fn rrsets(&self) -> impl Iterator<Item = RrsetRef<'a>> + use<'a> {
        let mut rest = self.rrsets;
        std::iter::from_fn(move || {
            let ([t1, t0, ttl @ ..], after) = rest.split_first_chunk::<TYPE_AND_TTL_LEN>()?;
            let (rtype, ttl) = (Rtype(u16::from_be_bytes([*t1, *t0])), u32::from_be_bytes(*ttl));
            let (count, records);
            if ttl & ONE_RECORD != 0 {
                let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                (count, (records, rest)) = (1, after.split_at(2 + length));
            } else {
                let ([c1, c0, length @ ..], after) = after.split_first_chunk::<COUNT_AND_LEN_LEN>()?;
                count = u16::from_be_bytes([*c1, *c0]);
                (records, rest) = after.split_at(u32::from_be_bytes(*length) as usize);
            }
            Some(RrsetRef { rtype, ttl: ttl & !ONE_RECORD, count, records })
        })
    }

    /// The RRset of this type.
    #[inline]
    pub fn rrset(&self, rtype: Rtype) -> Option<RrsetRef<'a>> {
        self.rrsets().find(|rrset| rrset.rtype == rtype)
    }

    /// RDATA of the signatures of the RRset of this type.
    #[inline]
    pub fn signatures(&self, rtype: Rtype) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let all = self.rrset(Rtype::RRSIG).into_iter().flat_map(|signatures| signatures.rdata());
        all.filter(move |rdata| covered(rdata) == Some(rtype))
    }

    /// Whether the RRset of this type has signatures.
    pub fn is_signed(&self, rtype: Rtype) -> bool {
        self.signatures(rtype).next().is_some()
    }

    /// The TTL of a signature: that of the RRset it covers (RFC 4034 §3), or that which this had when it was signed
    /// (§3.1.4) if it is not there. `signatures` are all of the node.
    pub fn signature_ttl(&self, signatures: RrsetRef<'_>, rdata: &[u8]) -> u32 {
        let covered = covered(rdata).and_then(|rtype| self.rrset(rtype));
        let original = || rdata.get(ORIGINAL_TTL).and_then(|octets| octets.try_into().ok()).map(u32::from_be_bytes);
        covered.map(|rrset| rrset.ttl).or_else(original).unwrap_or(signatures.ttl)
    }
}

impl<'a> RrsetRef<'a> {
    /// Octets of all RDATA.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "an RRset has a record at least")]
    pub fn len(&self) -> usize {
        self.records.len() - 2 * usize::from(self.count)
    }

    /// RDATA of each record, names in it uncompressed.
    #[inline]
    pub fn rdata(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        let mut rest = self.records;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_at_checked(2)?;
            let (rdata, after) = after.split_at(usize::from(u16::from_be_bytes([length[0], length[1]])));
            rest = after;
            Some(rdata)
        })
    }
}

/// The type that RDATA of RRSIG covers (RFC 4034 §3.1.1).
#[inline]
pub(super) fn covered(rdata: &[u8]) -> Option<Rtype> {
    rdata.first_chunk().map(|number| Rtype(u16::from_be_bytes(*number)))
}

/// Begins a node whose owner is `key` in the case of `written`.
pub(super) fn begin(marks: u8, key: &[u8], written: &[u8], out: &mut Vec<u8>) {
    if key == written {
        out.push(marks);
    } else {
        out.push(marks | WRITTEN);
        out.extend_from_slice(written);
    }
}

/// Appends one RRset to a node being written.
pub(super) fn write_rrset<R: AsRef<[u8]>>(rtype: Rtype, ttl: u32, rdata: &[R], out: &mut Vec<u8>) {
    // A TTL with that bit counts as none (RFC 2181 §8).
    let ttl = if ttl & ONE_RECORD == 0 { ttl } else { 0 };
    out.extend_from_slice(&rtype.0.to_be_bytes());
    if rdata.len() == 1 {
        out.extend_from_slice(&(ttl | ONE_RECORD).to_be_bytes());
    } else {
        let length: usize = rdata.iter().map(|one| 2 + one.as_ref().len()).sum();
        let count = u16::try_from(rdata.len()).expect("an RRset that fits no message is refused before");
        out.extend_from_slice(&ttl.to_be_bytes());
        out.extend_from_slice(&count.to_be_bytes());
        out.extend_from_slice(&u32::try_from(length).expect("so are its octets").to_be_bytes());
    }
    for one in rdata.iter().map(AsRef::as_ref) {
        out.extend_from_slice(&u16::try_from(one.len()).expect("RDATA has at most 65,535 octets").to_be_bytes());
        out.extend_from_slice(one);
    }
}
