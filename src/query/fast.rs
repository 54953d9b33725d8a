//! The answers that nearly all queries get, made in place of the request: the hot path.
//!
//! ```text
//! request ─▶ read ─▶ zone by its tail ─▶ one probe ─▶ answer, NODATA, NXDOMAIN or hold, written over the request
//!              └──────────┴─────────────────┴──▶ anything else: untouched, for the full path
//! ```
//!
//! It knows: one question of class IN, at most an OPT with no option but a cookie, a name not too long, in a zone that
//! needs no signatures for this client. Whatever it does not know it leaves alone; both paths give the same octets
//! (`tests/properties/fast.rs`). So all that may fail comes first, and writing is the last step.

use super::cookie::{COOKIE_LEN, Sent};
use super::edns::{OPT_LEN, OPTION_HEADER_LEN};
use super::header::HEADER_LEN;
use super::reply::{NOERROR, NXDOMAIN, UDP_SIZE_MIN};
use super::request::RawRecord;
use super::{Client, Kind, Outcome, Settings, Transport};
use crate::zone::name::wire_len;
use crate::zone::record::CLASS_IN;
use crate::zone::{Bucket, Enclosing, Hash, Pages, PublishedRef, RrsetRef, Rtype, Zone, ZoneSet};

/// What every client takes, so that sizes need no look at what it says.
pub(super) const ROOM: usize = UDP_SIZE_MIN as usize;
/// Longest request that is looked at: the longest name with its question, and an OPT with the longest cookie.
pub(super) const REQUEST_LEN_MAX: usize =
    HEADER_LEN + NAME_LEN_MAX + TYPE_AND_CLASS_LEN + OPT_LEN + OPTION_HEADER_LEN + 40;
/// Longest name: `www` before the longest label, in a suffix. A multiple of a vector register's length.
const NAME_LEN_MAX: usize = 96;
/// What most names are shorter than.
const NAME_LEN_SHORT: usize = 64;
/// Most labels.
const LABELS_MAX: usize = 8;
/// Longest label; the two bits above it mark a compression pointer.
const LABEL_LEN_MAX: usize = 63;
/// Octets of QTYPE and QCLASS.
const TYPE_AND_CLASS_LEN: usize = 4;
/// QR and the opcode in the third octet: clear in a query.
const NOT_A_QUERY: u8 = 0xf8;
/// QR and AA.
const AUTHORITATIVE_RESPONSE: u8 = 0x84;
const TC: u8 = 0x02;
const RD: u8 = 0x01;
/// The four counts with one question and nothing else.
const ONE_QUESTION: u64 = 1 << 48;
const ONE_ANSWER: u64 = 1 << 32;
const ONE_AUTHORITY: u64 = 1 << 16;
const ONE_ADDITIONAL: u64 = 1;
/// The owner of every answer: the name in the question.
const QNAME_POINTER: u16 = 0xc000 | HEADER_LEN as u16;
/// Octets of a record without its RDATA, its owner a pointer.
const RECORD_LEN: usize = 12;
/// Longest EXTRA-TEXT written here; those of holds have at most 40 octets.
const EXTRA_TEXT_LEN_MAX: usize = 40;
/// Octets of our OPT with a cookie and an extended error.
const OPT_AND_OPTIONS_LEN_MAX: usize =
    OPT_LEN + OPTION_HEADER_LEN + COOKIE_LEN + OPTION_HEADER_LEN + 2 + EXTRA_TEXT_LEN_MAX;
/// Why writing does not fail.
const THERE_IS_ROOM: &str = "what does not fit is left to the full path before";
/// The bit "DNSSEC answer OK" in the first octet of OPT's flags.
const DO: u8 = 0x80;
const OPTION_COOKIE: u16 = 10;
const OPTION_EXTENDED_ERROR: u16 = 15;
/// What can be registered begins with it.
const A_LABEL_PREFIX: &[u8; 4] = b"xn--";
const WWW: &[u8; 4] = b"\x03www";

/// The labels of QNAME.
#[derive(Clone, Copy)]
struct Labels {
    /// Where each begins, the root's left out: an octet each, that of the last label lowest.
    starts: u64,
    count: usize,
    /// Octets of the name.
    len: usize,
}

/// The request's OPT.
struct Opt<'q> {
    dnssec_ok: bool,
    cookie: Option<Sent<'q>>,
}

/// What has been answered: kind, RCODE, and the counts of the sections.
type Answered = (Kind, u16, u64);

/// An extended error: INFO-CODE and EXTRA-TEXT.
type ExtendedError<'z> = (u16, &'z [u8]);

/// The response, and how far it is written.
struct Writer<'m> {
    octets: &'m mut [u8; ROOM],
    len: usize,
    /// Whether the records of an RRset rotate: the full path's.
    rotates: bool,
}

/// A question that the hot path may answer, read from its request: the first of two steps, between which others of a
/// batch are read, so that the look-ups of all of them wait for memory together.
pub struct Asked<'z> {
    /// QNAME in lower case (RFC 4343). What follows it is not looked at.
    name: [u8; NAME_LEN_MAX],
    labels: Labels,
    qtype: Rtype,
    enclosing: Enclosing<'z>,
    /// Where the label below the apex begins.
    start: usize,
    probe: Probe<'z>,
}

/// How far the look-up of a registration is.
enum Probe<'z> {
    /// The name cannot be registered.
    No,
    /// The hash of its label is known.
    Hashed(&'z Pages, Hash),
    /// It is in these records or nowhere.
    Found(Bucket<'z>),
}

impl<'z> Asked<'z> {
    /// Reads the request at the start of `octets`, `request_len` long; none if the hot path does not know it.
    #[inline(always)]
    pub(super) fn read(zones: &'z ZoneSet, octets: &[u8; ROOM], request_len: usize) -> Option<Self> {
        let header: &[u8; HEADER_LEN] = octets.first_chunk().expect("there is room for a header");
        let counts = u64::from_be_bytes(*header.last_chunk().expect("the counts are its end"));
        let is_plain = header[2] & NOT_A_QUERY == 0 && counts & !ONE_ADDITIONAL == ONE_QUESTION;
        if !is_plain || request_len > REQUEST_LEN_MAX {
            return None;
        }
        let labels = Labels::read(octets)?;
        let [t1, t0, c1, c0] = *octets[HEADER_LEN + labels.len..].first_chunk()?;
        let qtype = Rtype(u16::from_be_bytes([t1, t0]));
        let is_in = u16::from_be_bytes([c1, c0]) == CLASS_IN;
        if labels.question_end() > request_len || !is_in || matches!(qtype, Rtype::AXFR | Rtype::IXFR) {
            return None;
        }
        // Length octets are below b'A', so lowering every octet cannot change them.
        let mut name: [u8; NAME_LEN_MAX] = *octets[HEADER_LEN..].first_chunk()?;
        let (first, rest) = name.split_at_mut(NAME_LEN_SHORT);
        first.make_ascii_lowercase();
        if labels.len > NAME_LEN_SHORT {
            rest.make_ascii_lowercase();
        }
        let enclosing = zones.enclosing_by_tail(name.get(..labels.len)?, labels.starts, labels.count)?;
        if labels.count == enclosing.zone.depth() {
            return None;
        }
        let start = labels.start_of(enclosing.zone.depth());
        let label = name.get(start + 1..enclosing.apex_start)?;
        let probe = match enclosing.zone.registrations() {
            Some(pages) if label.first_chunk() == Some(A_LABEL_PREFIX) => Probe::Hashed(pages, pages.hash(label)),
            _ => Probe::No,
        };
        Some(Self { name, labels, qtype, enclosing, start, probe })
    }

    /// Walks to the records that its registration is among, if it is registered.
    #[inline(always)]
    pub(super) fn find(&mut self) {
        if let Probe::Hashed(pages, hash) = self.probe {
            self.probe = Probe::Found(pages.bucket(hash));
        }
    }

    /// The same, and asks the memory for these records.
    #[inline(always)]
    pub fn fetch(&mut self) {
        self.find();
        if let Probe::Found(bucket) = self.probe {
            bucket.touch();
        }
    }

    /// Answers in place of the request that this was read from, as [`super::respond_fully`] would, or leaves it as it is.
    #[inline(always)]
    pub(super) fn respond(
        &self,
        settings: &Settings,
        client: &Client,
        octets: &mut [u8; ROOM],
        request_len: usize,
    ) -> Option<Outcome> {
        let question_end = self.labels.question_end();
        let has_opt = octets[HEADER_LEN - 1] & ONE_ADDITIONAL as u8 != 0;
        let opt = if has_opt { Some(Opt::read(octets.get(question_end..request_len)?)?) } else { None };
        let dnssec_ok = opt.as_ref().is_some_and(|opt| opt.dnssec_ok);
        let zone = self.enclosing.zone;
        // QUIC has rules of its own (RFC 9250 §4.2.1).
        if client.transport == Transport::Quic
            || dnssec_ok && zone.is_signed()
            || zone.is_restricted() && !zone.allows(client.address, None)
        {
            return None;
        }
        let mut cookie = None;
        if let (Some(cookies), Some(Opt { cookie: Some(sent), .. })) = (&settings.cookies, &opt) {
            let answered = cookies.answer(sent, client.address, client.now as u32);
            if cookies.required && !answered.valid {
                return None;
            }
            cookie = Some(answered);
        }
        let recursion_desired = octets[2] & RD;
        let mut error = None;
        let mut writer = Writer { octets, len: question_end, rotates: settings.rotate_rrsets };
        let (kind, rcode, mut counts) = self.answer(&mut writer, &mut error)?;
        if has_opt {
            let udp_size = settings.udp_size_max.max(UDP_SIZE_MIN);
            writer.opt(udp_size, dnssec_ok, cookie.as_ref().map(|cookie| &cookie.octets), error);
            counts += ONE_ADDITIONAL;
        }
        let len = writer.finish(recursion_desired, rcode, counts);
        let (zone, cookie) = (Some(self.enclosing.position), cookie.is_some_and(|cookie| cookie.valid));
        Some(Outcome { len, rcode, kind, zone, truncated: false, cookie, synthesised: false, tsig: None })
    }

    /// Looks for the name as [`Zone::lookup`] does, and writes what is found; none, and nothing is written, for what is not
    /// answered here.
    #[inline(always)]
    fn answer(&self, writer: &mut Writer<'_>, error: &mut Option<ExtendedError<'z>>) -> Option<Answered> {
        let Self { name, labels, qtype, enclosing: Enclosing { zone, apex_start, .. }, start, .. } = *self;
        let below = labels.count - zone.depth();
        if let Probe::Found(bucket) = self.probe {
            let Some(octets) = bucket.get(name.get(start + 1..apex_start)?) else {
                return writer.nxdomain(zone, apex_start);
            };
            let is_www = below == 2 && name.first_chunk() == Some(WWW);
            let Some((v4, v6, ttl, www)) = PublishedRef::addresses(octets) else {
                return answer_other(zone, octets, below == 1, is_www, apex_start, qtype, writer, error);
            };
            if below != 1 && !(is_www && www) {
                return writer.nxdomain(zone, apex_start);
            }
            return writer.addresses_of(zone, qtype, v4, v6, ttl, apex_start);
        }
        match find_static(zone, &name, below, start, apex_start, qtype)? {
            Static::Rrset(rrset) => writer.rrset(rrset),
            Static::Nodata => writer.nodata(zone, apex_start),
            Static::Missing => writer.nxdomain(zone, apex_start),
        }
    }
}

/// Leaves of a response made here the question, and of OPT the cookie; with TC set.
pub(super) fn truncate(octets: &mut [u8], len: usize) -> usize {
    let name_len = wire_len(&octets[HEADER_LEN..]).expect("the question was read before");
    let question_end = HEADER_LEN + name_len + TYPE_AND_CLASS_LEN;
    let [_, _, a1, a0, n1, n0, _, additional] = octets[4..HEADER_LEN] else { return 0 };
    let mut rest = &octets[question_end..len];
    for _ in 0..u16::from_be_bytes([a1, a0]) + u16::from_be_bytes([n1, n0]) {
        let _ = RawRecord::read(&mut rest);
    }
    let opt_at = len - rest.len();
    let has_cookie = rest.get(OPT_LEN..).is_some_and(|options| options.starts_with(&OPTION_COOKIE.to_be_bytes()));
    let options_len = if has_cookie { OPTION_HEADER_LEN + COOKIE_LEN } else { 0 };
    let opt_len = if additional == 0 { 0 } else { OPT_LEN + options_len };
    octets.copy_within(opt_at..opt_at + opt_len, question_end);
    if opt_len > 0 {
        octets[question_end + OPT_LEN - 1] = options_len as u8;
    }
    octets[2] |= TC;
    octets[6..10].fill(0);
    question_end + opt_len
}

/// The same where a registration publishes no addresses of its own.
#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "the rest of one function")]
fn answer_other<'z>(
    zone: &'z Zone,
    octets: &'z [u8],
    is_itself: bool,
    is_www: bool,
    apex_start: usize,
    qtype: Rtype,
    writer: &mut Writer<'_>,
    error: &mut Option<ExtendedError<'z>>,
) -> Option<Answered> {
    // Referrals look for names to compress: the full path's.
    if PublishedRef::is_delegation(octets) {
        return None;
    }
    match PublishedRef::new(octets) {
        PublishedRef::Held { info_code, extra_text, .. } if extra_text.as_bytes().len() <= EXTRA_TEXT_LEN_MAX => {
            *error = Some((info_code, extra_text.as_bytes()));
            let (_, rcode, counts) = writer.nxdomain(zone, apex_start)?;
            Some((Kind::Held, rcode, counts))
        }
        PublishedRef::Forward { ttl, www, .. } if is_itself || is_www && www => {
            let (v4, v6) = zone.gateway_rdata();
            writer.addresses_of(zone, qtype, v4, v6, ttl, apex_start)
        }
        PublishedRef::Forward { .. } => writer.nxdomain(zone, apex_start),
        _ => None,
    }
}

/// What the master file has for a name.
enum Static<'z> {
    /// Addresses.
    Rrset(RrsetRef<'z>),
    Nodata,
    Missing,
}

/// One or two labels below the apex: names of the master file, as long as nothing but themselves answers for them.
#[inline(never)]
fn find_static<'z>(
    zone: &'z Zone,
    name: &[u8; NAME_LEN_MAX],
    below: usize,
    start: usize,
    apex_start: usize,
    qtype: Rtype,
) -> Option<Static<'z>> {
    if !zone.is_plain_below_apex() {
        return None;
    }
    let Some(mut node) = zone.node(&name[start..apex_start]) else { return Some(Static::Missing) };
    if below > 1 {
        if below > 2 || node.is_cut() || node.has_dname() || node.has_wildcard_below() {
            return None;
        }
        match zone.node(&name[..apex_start]) {
            Some(found) => node = found,
            None => return Some(Static::Missing),
        }
    }
    if node.is_cut() || qtype == Rtype::ANY {
        return None;
    }
    for rrset in node.rrsets() {
        if rrset.rtype == qtype {
            // What else there is may need compression, or addresses beside it.
            return matches!(qtype, Rtype::A | Rtype::AAAA).then_some(Static::Rrset(rrset));
        }
        if rrset.rtype == Rtype::CNAME {
            return None;
        }
    }
    Some(Static::Nodata)
}

impl Labels {
    /// The labels of the name behind the header.
    #[inline(always)]
    fn read(octets: &[u8; ROOM]) -> Option<Self> {
        let mut labels = Self { starts: 0, count: 0, len: 0 };
        loop {
            let length = usize::from(octets[HEADER_LEN + labels.len]);
            if length == 0 {
                labels.len += 1;
                return (labels.count <= LABELS_MAX).then_some(labels);
            }
            labels.starts = labels.starts << u8::BITS | labels.len as u64;
            labels.count += 1;
            labels.len += 1 + length;
            if length > LABEL_LEN_MAX || labels.len >= NAME_LEN_MAX {
                return None;
            }
        }
    }

    /// Where QTYPE and QCLASS behind the name end.
    #[inline(always)]
    fn question_end(self) -> usize {
        HEADER_LEN + self.len + TYPE_AND_CLASS_LEN
    }

    /// Where the label begins that has `right` labels to the right of it.
    #[inline(always)]
    fn start_of(self, right: usize) -> usize {
        usize::from((self.starts >> (u8::BITS as usize * right)) as u8)
    }
}

impl<'q> Opt<'q> {
    /// The OPT at the start of `octets`, if it is version 0 with at most a cookie.
    #[inline]
    fn read(octets: &'q [u8]) -> Option<Self> {
        let ([root, t1, t0, _, _, _, version, flags, _, l1, l0], options) = octets.split_first_chunk::<OPT_LEN>()?;
        if *root != 0 || u16::from_be_bytes([*t1, *t0]) != Rtype::OPT.0 || *version != 0 {
            return None;
        }
        let dnssec_ok = flags & DO != 0;
        let options = options.get(..usize::from(u16::from_be_bytes([*l1, *l0])))?;
        if options.is_empty() {
            return Some(Self { dnssec_ok, cookie: None });
        }
        let ([c1, c0, l1, l0], data) = options.split_first_chunk()?;
        let is_cookie = u16::from_be_bytes([*c1, *c0]) == OPTION_COOKIE;
        let is_all = usize::from(u16::from_be_bytes([*l1, *l0])) == data.len();
        if !is_cookie || !is_all {
            return None;
        }
        Some(Self { dnssec_ok, cookie: Some(Sent::read(data)?) })
    }
}

impl Writer<'_> {
    #[inline(always)]
    fn put<const LEN: usize>(&mut self, octets: [u8; LEN]) {
        *self.octets[self.len..].first_chunk_mut().expect(THERE_IS_ROOM) = octets;
        self.len += LEN;
    }

    #[inline]
    fn put_slice(&mut self, octets: &[u8]) {
        self.octets[self.len..self.len + octets.len()].copy_from_slice(octets);
        self.len += octets.len();
    }

    /// Whether `len` octets fit, and an OPT behind them.
    #[inline(always)]
    fn has_room(&self, len: usize) -> bool {
        self.len + len + OPT_AND_OPTIONS_LEN_MAX <= ROOM
    }

    /// Answers from the addresses of a name.
    #[inline(always)]
    fn addresses_of(
        &mut self,
        zone: &Zone,
        qtype: Rtype,
        v4: &[[u8; 4]],
        v6: &[[u8; 16]],
        ttl: u32,
        apex_start: usize,
    ) -> Option<Answered> {
        // For ANY one RRset is enough (RFC 8482 §4.1).
        match qtype {
            Rtype::A | Rtype::ANY if !v4.is_empty() => self.addresses(Rtype::A, ttl, v4),
            Rtype::AAAA | Rtype::ANY if !v6.is_empty() => self.addresses(Rtype::AAAA, ttl, v6),
            _ => self.nodata(zone, apex_start),
        }
    }

    #[inline(always)]
    fn addresses<const LEN: usize>(&mut self, rtype: Rtype, ttl: u32, rdata: &[[u8; LEN]]) -> Option<Answered> {
        let count = rdata.len();
        if !self.has_room((RECORD_LEN + LEN) * count) || self.rotates && count > 1 {
            return None;
        }
        let head = record_head(rtype, ttl, LEN as u16);
        for rdata in rdata {
            self.put(head);
            self.put(*rdata);
        }
        Some((Kind::Answer, NOERROR, ONE_QUESTION + ONE_ANSWER * count as u64))
    }

    /// Answers with addresses of the master file.
    fn rrset(&mut self, rrset: RrsetRef<'_>) -> Option<Answered> {
        let count = rrset.count;
        if !self.has_room(RECORD_LEN * usize::from(count) + rrset.len()) || self.rotates && count > 1 {
            return None;
        }
        for rdata in rrset.rdata() {
            self.put(record_head(rrset.rtype, rrset.ttl, rdata.len() as u16));
            self.put_slice(rdata);
        }
        Some((Kind::Answer, NOERROR, ONE_QUESTION + ONE_ANSWER * u64::from(count)))
    }

    #[inline(always)]
    fn nodata(&mut self, zone: &Zone, apex_start: usize) -> Option<Answered> {
        self.soa(zone, apex_start)?;
        Some((Kind::Nodata, NOERROR, ONE_QUESTION + ONE_AUTHORITY))
    }

    #[inline(always)]
    fn nxdomain(&mut self, zone: &Zone, apex_start: usize) -> Option<Answered> {
        self.soa(zone, apex_start)?;
        Some((Kind::Nxdomain, NXDOMAIN, ONE_QUESTION + ONE_AUTHORITY))
    }

    /// Writes the SOA of a negative answer.
    fn soa(&mut self, zone: &Zone, apex_start: usize) -> Option<()> {
        let room = self.octets.get_mut(self.len..ROOM - OPT_AND_OPTIONS_LEN_MAX)?;
        self.len += zone.write_negative_soa(room, (HEADER_LEN + apex_start) as u16)?;
        Some(())
    }

    /// Our OPT: with the cookie for the client, and an extended error with its text (RFC 8914).
    #[inline]
    fn opt(&mut self, udp_size: u16, dnssec_ok: bool, cookie: Option<&[u8; COOKIE_LEN]>, error: Option<(u16, &[u8])>) {
        let ([t1, t0], [s1, s0]) = (Rtype::OPT.0.to_be_bytes(), udp_size.to_be_bytes());
        let flags = if dnssec_ok { DO } else { 0 };
        self.put([0, t1, t0, s1, s0, 0, 0, flags, 0, 0, 0]);
        if cookie.is_none() && error.is_none() {
            return;
        }
        let options_at = self.len;
        if let Some(cookie) = cookie {
            self.option(OPTION_COOKIE, COOKIE_LEN);
            self.put(*cookie);
        }
        if let Some((info_code, extra_text)) = error {
            self.option(OPTION_EXTENDED_ERROR, 2 + extra_text.len());
            self.put(info_code.to_be_bytes());
            self.put_slice(extra_text);
        }
        let length = (self.len - options_at) as u16;
        self.octets[options_at - 2..options_at].copy_from_slice(&length.to_be_bytes());
    }

    #[inline]
    fn option(&mut self, code: u16, length: usize) {
        let ([c1, c0], [l1, l0]) = (code.to_be_bytes(), (length as u16).to_be_bytes());
        self.put([c1, c0, l1, l0]);
    }

    /// Completes the header, whose ID is the request's; how long the response is.
    #[inline]
    fn finish(self, recursion_desired: u8, rcode: u16, counts: u64) -> usize {
        self.octets[2] = AUTHORITATIVE_RESPONSE | recursion_desired;
        self.octets[3] = rcode as u8;
        self.octets[4..HEADER_LEN].copy_from_slice(&counts.to_be_bytes());
        self.len
    }
}

/// Everything of an answer's record but its RDATA, for the name asked.
#[inline]
fn record_head(rtype: Rtype, ttl: u32, length: u16) -> [u8; RECORD_LEN] {
    let ([o1, o0], [t1, t0], [c1, c0]) = (QNAME_POINTER.to_be_bytes(), rtype.0.to_be_bytes(), CLASS_IN.to_be_bytes());
    let ([s3, s2, s1, s0], [l1, l0]) = (ttl.to_be_bytes(), length.to_be_bytes());
    [o1, o0, t1, t0, c1, c0, s3, s2, s1, s0, l1, l0]
}
