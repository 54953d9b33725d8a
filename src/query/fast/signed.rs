//! The hot path in zones with signatures: what does not exist with the NSEC3 records that deny it (RFC 5155 §7.2), and
//! addresses with their signatures.
//!
//! All of it is copied from octets that stand in the zone as they stand in a message. Only pointers differ, and of one
//! record what its form leaves open. What no few copies make is left to the full path: other denials (NSEC), wildcards,
//! delegations, what opt-out leaves without a record, and answers that do not fit.

use super::super::cookie::{Answered as CookieAnswered, COOKIE_LEN};
use super::super::edns::{OPT_LEN, OPTION_HEADER_LEN};
use super::super::header::HEADER_LEN;
use super::super::reply::{NOERROR, NXDOMAIN, UDP_SIZE_MIN};
use super::super::{Client, Kind, Outcome, Settings, Transport};
use super::{
    Answered, Asked, DO, NAME_LEN_MAX, ONE_ADDITIONAL, ONE_ANSWER, ONE_AUTHORITY, ONE_QUESTION, Opt, RECORD_LEN,
    Writer, record_head,
};
use crate::zone::denial::nsec3::Met;
use crate::zone::denial::{Denial, Nsec3Chain, Nsec3Ref};
use crate::zone::fragment::Records;
use crate::zone::{Link, NodeRef, RrsetRef, Rtype, Zone};

/// Octets that a compression pointer reaches.
const POINTER_REACH: usize = 0x4000;
/// Most records of proof in an answer made here.
const PROOFS_MAX: usize = 3;

/// What the request says beside its question.
pub(super) struct Terms {
    /// Octets of the response at most.
    size: usize,
    cookie: Option<CookieAnswered>,
}

/// What stands behind the SOA of a denial: its signatures, and the records of proof, each once.
struct Denied<'z> {
    /// Those of the SOA, and of the apex if that is to be proven.
    head: &'z Records,
    pieces: [Option<Piece<'z>>; PROOFS_MAX],
    links: [Option<Link>; PROOFS_MAX],
    known: usize,
    /// Octets of all of it, and how many records it is.
    len: usize,
    count: usize,
}

/// A record of proof with its signatures.
#[derive(Clone, Copy)]
enum Piece<'z> {
    /// It stands ready.
    Ready(&'z Records),
    /// It is put together.
    Formed(Nsec3Ref<'z>),
}

impl Terms {
    /// Those of a request with this OPT, for a room of `len` octets.
    #[inline]
    pub fn new(
        opt: &Opt<'_>,
        cookie: Option<CookieAnswered>,
        settings: &Settings,
        client: &Client,
        len: usize,
    ) -> Self {
        let size = match client.transport {
            Transport::Udp => usize::from(opt.udp_size.min(settings.udp_size_max).max(UDP_SIZE_MIN)),
            _ => usize::from(u16::MAX),
        };
        Self { size: size.min(len).min(POINTER_REACH), cookie }
    }

    /// Whether a response of `len` octets goes in with its OPT.
    #[inline]
    fn fits(&self, len: usize) -> bool {
        let cookie_len = if self.cookie.is_some() { OPTION_HEADER_LEN + COOKIE_LEN } else { 0 };
        len + OPT_LEN + cookie_len <= self.size
    }
}

impl<'z> Asked<'z> {
    /// Answers in place of a request that asks for signatures in a zone that has them, or leaves it as it is.
    #[inline(never)]
    pub(super) fn respond_signed(
        &self,
        zone: &'z Zone,
        settings: &Settings,
        terms: &Terms,
        octets: &mut [u8],
    ) -> Option<Outcome> {
        if zone.registrations().is_some() || !zone.is_plain_below_apex() {
            return None;
        }
        let mut writer = Writer { octets, len: usize::from(self.question_end), settings };
        let mut answered = self.answer_signed(zone, terms, &mut writer)?;
        answered.2 += ONE_ADDITIONAL;
        match &terms.cookie {
            None => writer.opt(DO, 0),
            Some(cookie) => writer.opt_with(DO, Some(&cookie.octets), None),
        }
        Some(writer.finish(self.position, answered, terms.cookie.is_some_and(|cookie| cookie.valid)))
    }

    /// Looks for the name as [`Zone::lookup`] does, up to two labels below the apex, and writes what is found.
    #[inline]
    fn answer_signed(
        &self,
        zone: &'z Zone,
        terms: &Terms,
        writer: &mut Writer<'_, '_, [u8]>,
    ) -> Option<Answered<'static>> {
        let Some(encloser) = self.bucket.stored(self.key()) else {
            let chain = nsec3(zone)?;
            let mut denied = Denied::new(zone.denial_head()?);
            denied.know(chain.apex());
            denied.add(chain, chain.find_below_apex(self.key()).link());
            denied.add_ready(chain.apex_wildcard(), chain.frequent_records()[1]);
            return self.deny(zone, (Kind::Nxdomain, NXDOMAIN), &denied, terms, writer);
        };
        let encloser = NodeRef::new(encloser);
        if encloser.is_cut() {
            return None;
        }
        if usize::from(self.start) == HEADER_LEN {
            return self.answer_from(zone, encloser, self.key(), terms, writer);
        }
        let apex_start = usize::from(self.apex_start);
        let is_two_below = usize::from(self.start) == HEADER_LEN + 1 + usize::from(writer.octets[HEADER_LEN]);
        if !is_two_below || encloser.has_dname() || encloser.has_wildcard_below() {
            return None;
        }
        let mut labels = [0; NAME_LEN_MAX];
        let labels = labels.get_mut(..apex_start - HEADER_LEN)?;
        labels.copy_from_slice(&writer.octets[HEADER_LEN..apex_start]);
        labels.make_ascii_lowercase();
        match zone.node(labels) {
            Some(node) if node.is_cut() => None,
            Some(node) => self.answer_from(zone, node, labels, terms, writer),
            None => {
                let chain = nsec3(zone)?;
                // With opt-out it may have none; what proves it then is above.
                let Met::Match(encloser) = chain.find_below_apex(self.key()) else { return None };
                let mut denied = Denied::new(zone.soa_signatures());
                denied.add(chain, encloser);
                denied.add(chain, chain.find_below_apex(labels).link());
                denied.add(chain, chain.find_wildcard_below_apex(self.key()).link());
                self.deny(zone, (Kind::Nxdomain, NXDOMAIN), &denied, terms, writer)
            }
        }
    }

    /// Answers from the records of a name, `labels` before the apex.
    fn answer_from(
        &self,
        zone: &'z Zone,
        node: NodeRef<'z>,
        labels: &[u8],
        terms: &Terms,
        writer: &mut Writer<'_, '_, [u8]>,
    ) -> Option<Answered<'static>> {
        if self.qtype == Rtype::ANY {
            return None;
        }
        for rrset in node.rrsets() {
            if rrset.rtype == self.qtype {
                // What else there is may need compression, or addresses beside it.
                let is_address = matches!(self.qtype, Rtype::A | Rtype::AAAA);
                return if is_address { writer.signed_rrset(node, rrset, terms) } else { None };
            }
            if rrset.rtype == Rtype::CNAME {
                return None;
            }
        }
        let chain = nsec3(zone)?;
        let Met::Match(link) = chain.find_below_apex(labels) else { return None };
        let mut denied = Denied::new(zone.soa_signatures());
        denied.add(chain, link);
        self.deny(zone, (Kind::Nodata, NOERROR), &denied, terms, writer)
    }

    /// Writes the SOA and what stands behind it.
    #[inline]
    fn deny(
        &self,
        zone: &Zone,
        (kind, rcode): (Kind, u16),
        denied: &Denied<'_>,
        terms: &Terms,
        writer: &mut Writer<'_, '_, [u8]>,
    ) -> Option<Answered<'static>> {
        if matches!(self.qtype, Rtype::AXFR | Rtype::IXFR) {
            return None;
        }
        if !terms.fits(writer.len + zone.negative_soa_len()? + denied.len) {
            return None;
        }
        let room = writer.octets.get_mut(writer.len..)?.first_chunk_mut()?;
        let mut len = writer.len + zone.write_negative_soa(room, self.apex_start)?;
        len = denied.head.write(writer.octets, len, self.apex_start);
        for piece in denied.pieces.iter().flatten() {
            len = match piece {
                Piece::Ready(records) => records.write(writer.octets, len, self.apex_start),
                Piece::Formed(record) => record.write(writer.octets, len, self.apex_start),
            };
        }
        writer.len = len;
        Some((kind, rcode, ONE_QUESTION + ONE_AUTHORITY * (1 + denied.count) as u64, None))
    }
}

/// The chain of a zone that denies with hashes.
#[inline]
fn nsec3(zone: &Zone) -> Option<&Nsec3Chain> {
    match zone.denial()? {
        Denial::Nsec3(chain) => Some(chain),
        Denial::Nsec(_) => None,
    }
}

impl<'z> Denied<'z> {
    #[inline]
    fn new(head: &'z Records) -> Self {
        let (len, count) = (head.len(), head.count());
        Self { head, pieces: [None; PROOFS_MAX], links: [None; PROOFS_MAX], known: 0, len, count }
    }

    /// Takes note of a record; whether it is new.
    #[inline]
    fn know(&mut self, link: Link) -> bool {
        let is_new = !self.links.contains(&Some(link));
        if is_new {
            self.links[self.known] = Some(link);
            self.known += 1;
        }
        is_new
    }

    /// Adds a record, unless it is there.
    #[inline]
    fn add(&mut self, chain: &'z Nsec3Chain, link: Link) {
        if self.know(link) {
            let record = chain.record(link);
            self.push(Piece::Formed(record), record.len(), record.count());
        }
    }

    /// The same for one that stands ready.
    #[inline]
    fn add_ready(&mut self, link: Link, records: &'z Records) {
        if self.know(link) {
            self.push(Piece::Ready(records), records.len(), records.count());
        }
    }

    #[inline]
    fn push(&mut self, piece: Piece<'z>, len: usize, count: usize) {
        self.pieces[self.known - 1] = Some(piece);
        self.len += len;
        self.count += count;
    }
}

impl Writer<'_, '_, [u8]> {
    /// Answers with addresses and their signatures.
    fn signed_rrset(&mut self, node: NodeRef<'_>, rrset: RrsetRef<'_>, terms: &Terms) -> Option<Answered<'static>> {
        if rrset.count > 1 && self.settings.rotate_rrsets {
            return None;
        }
        let records = rrset.rdata().map(|rdata| (rrset.rtype, rdata));
        let signatures = node.signatures(rrset.rtype).map(|rdata| (Rtype::RRSIG, rdata));
        let all = records.chain(signatures);
        let len = all.clone().map(|(_, rdata)| RECORD_LEN + rdata.len()).sum::<usize>();
        if !terms.fits(self.len + len) {
            return None;
        }
        let mut count = 0;
        for (rtype, rdata) in all {
            self.put(record_head(rtype, rrset.ttl, rdata.len() as u16));
            self.put_slice(rdata);
            count += ONE_ANSWER;
        }
        Some((Kind::Answer, NOERROR, ONE_QUESTION + count, None))
    }
}
