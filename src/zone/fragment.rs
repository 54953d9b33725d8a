//! Records in the form they have in a message, made once for all of them: the SOA of negative answers, and what proves them.

use super::record::{CLASS_IN, Rtype};

/// Longest record that is kept: of its two names some 60 octets stand before the apex's labels.
pub const SOA_LEN_MAX: usize = 96;
/// What nearly all are not longer than.
const LEN_SHORT: usize = 64;
/// The room it is written to: what one octet counts can be written to without a look at where it ends.
pub const ROOM: usize = u8::MAX as usize + size_of::<u32>();
/// Octets of an owner that is a compression pointer.
const POINTER_LEN: usize = 2;
/// Octets of type, class, TTL and length.
const FIXED_LEN: usize = 10;
/// The two bits that mark a compression pointer.
const POINTER: u16 = 0xc000;

/// A SOA record whose owner, MNAME and RNAME end with pointers to the apex, wherever that stands in the message.
pub(super) struct SoaFragment {
    octets: [u8; SOA_LEN_MAX],
    len: u8,
    /// Where the pointers of MNAME and RNAME are; the owner's is at the beginning.
    pointers_at: [u8; 2],
    serial_at: u8,
}

/// Records as they stand in a message, but for where the apex is in it and where they are. Their owner is the apex, or
/// written out below it once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Records {
    octets: Box<[u8]>,
    /// Where pointers to the apex are.
    to_apex: Box<[u32]>,
    /// Where pointers to the owner that is written out are.
    to_owner: Box<[u32]>,
    /// Where that is.
    owner_at: u32,
}

impl Records {
    /// Appends a record, its owner a pointer: to the apex, or to what is written out. Where its RDATA begins.
    pub(super) fn push(&mut self, is_to_apex: bool, rtype: Rtype, ttl: u32, rdata: &[u8]) -> usize {
        let mut octets = std::mem::take(&mut self.octets).into_vec();
        let pointers = if is_to_apex { &mut self.to_apex } else { &mut self.to_owner };
        let at = u32::try_from(octets.len()).expect("two RRsets are far shorter than 4 GiB");
        *pointers = pointers.iter().copied().chain([at]).collect();
        octets.extend_from_slice(&[0; POINTER_LEN]);
        octets.extend_from_slice(&rtype.0.to_be_bytes());
        octets.extend_from_slice(&CLASS_IN.to_be_bytes());
        octets.extend_from_slice(&ttl.to_be_bytes());
        octets.extend_from_slice(&u16::try_from(rdata.len()).expect("RDATA has at most 65,535 octets").to_be_bytes());
        octets.extend_from_slice(rdata);
        self.octets = octets.into();
        self.octets.len() - rdata.len()
    }

    /// Records whose first owner begins with `labels`.
    pub(super) fn below(labels: &[u8]) -> Self {
        Self { octets: labels.into(), ..Self::default() }
    }

    /// These records of the apex, and `other` behind them.
    pub(super) fn and(&self, other: &Self) -> Self {
        let shift = u32::try_from(self.len()).expect("an RRset is far shorter than 4 GiB");
        let behind = |pointers: &[u32]| pointers.iter().map(|at| at + shift).collect::<Vec<_>>();
        Self {
            octets: [&self.octets[..], &other.octets].concat().into(),
            to_apex: [self.to_apex.to_vec(), behind(&other.to_apex)].concat().into(),
            to_owner: behind(&other.to_owner).into(),
            owner_at: other.owner_at + shift,
        }
    }

    /// The same with other octets, of the same length.
    pub(super) fn with_octets(&self, octets: Box<[u8]>) -> Self {
        Self { octets, ..self.clone() }
    }

    /// Their octets, pointers aside.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Fills octets of RDATA, which are kept elsewhere, with zeros.
    pub(super) fn clear(&mut self, range: std::ops::Range<usize>) {
        self.octets[range].fill(0);
    }

    /// How many octets they are.
    #[inline]
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// How many they are.
    #[inline]
    pub fn count(&self) -> usize {
        self.to_apex.len() + self.to_owner.len()
    }

    /// Where each record's RDATA begins and ends, and its type and TTL.
    pub(super) fn each(&self) -> impl Iterator<Item = (Rtype, u32, std::ops::Range<usize>)> {
        let mut next = self.to_apex.iter().chain(&self.to_owner).map(|at| *at as usize).min();
        std::iter::from_fn(move || {
            let at = next?;
            let rdata_at = at + POINTER_LEN + FIXED_LEN;
            let fixed: &[u8; FIXED_LEN] = self.octets[at + POINTER_LEN..].first_chunk()?;
            let [t1, t0, _, _, s3, s2, s1, s0, l1, l0] = *fixed;
            let end = rdata_at + usize::from(u16::from_be_bytes([l1, l0]));
            next = (end < self.octets.len()).then_some(end);
            Some((Rtype(u16::from_be_bytes([t1, t0])), u32::from_be_bytes([s3, s2, s1, s0]), rdata_at..end))
        })
    }

    /// Writes them to octet `at` of a message in which the apex stands at `apex_at`; where they end. There is room, and no
    /// octet of them is too far for a pointer.
    #[inline]
    pub fn write(&self, message: &mut [u8], at: usize, apex_at: u8) -> usize {
        let out = &mut message[at..at + self.octets.len()];
        out.copy_from_slice(&self.octets);
        point(out, &self.to_apex, u16::from(apex_at));
        point(out, &self.to_owner, at as u16 + self.owner_at as u16);
        at + self.octets.len()
    }
}

/// Writes pointers to octet `target` of the message.
#[inline]
fn point(out: &mut [u8], places: &[u32], target: u16) {
    for &at in places {
        if let Some(place) = out.get_mut(at as usize..).and_then(<[u8]>::first_chunk_mut) {
            *place = (POINTER | target).to_be_bytes();
        }
    }
}

impl SoaFragment {
    /// Octets of the record.
    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// The fragment of a SOA with this TTL: labels of MNAME and RNAME before the apex's, and its five numbers. None if it is
    /// too long.
    pub fn new(ttl: u32, labels: [&[u8]; 2], numbers: &[u8]) -> Option<Self> {
        let mut record = vec![0; POINTER_LEN];
        record.extend_from_slice(&Rtype::SOA.0.to_be_bytes());
        record.extend_from_slice(&CLASS_IN.to_be_bytes());
        record.extend_from_slice(&ttl.to_be_bytes());
        record.extend_from_slice(&[0; 2]);
        let pointers_at = labels.map(|labels| {
            record.extend_from_slice(labels);
            record.extend_from_slice(&[0; POINTER_LEN]);
            (record.len() - POINTER_LEN) as u8
        });
        let serial_at = record.len() as u8;
        record.extend_from_slice(numbers);
        let rdata_at = POINTER_LEN + FIXED_LEN;
        let length = u16::try_from(record.len() - rdata_at).expect("two names and five numbers are short");
        record[rdata_at - 2..rdata_at].copy_from_slice(&length.to_be_bytes());
        let mut octets = [0; SOA_LEN_MAX];
        octets.get_mut(..record.len())?.copy_from_slice(&record);
        Some(Self { octets, len: record.len() as u8, pointers_at, serial_at })
    }

    /// Writes the record to the start of `out` for a message in which the apex stands at `apex_at`; how long it is. Copies
    /// of a fixed length need no call; what they write behind the record is nothing.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; ROOM], apex_at: u8, serial: u32) -> usize {
        out[..LEN_SHORT].copy_from_slice(&self.octets[..LEN_SHORT]);
        if usize::from(self.len) > LEN_SHORT {
            out[LEN_SHORT..SOA_LEN_MAX].copy_from_slice(&self.octets[LEN_SHORT..]);
        }
        let pointer = (POINTER | u16::from(apex_at)).to_be_bytes();
        for at in [0, self.pointers_at[0], self.pointers_at[1]].map(usize::from) {
            out[at..at + POINTER_LEN].copy_from_slice(&pointer);
        }
        let serial_at = usize::from(self.serial_at);
        out[serial_at..serial_at + size_of::<u32>()].copy_from_slice(&serial.to_be_bytes());
        usize::from(self.len)
    }
}
