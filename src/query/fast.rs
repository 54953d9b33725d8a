//! The answers that nearly all queries get, made in place of the request: the hot path.
//!
//! ```text
//! request ─▶ read ─▶ zone by its tail ─▶ one probe ─▶ answer, NODATA, NXDOMAIN or hold, written over the request
//!              └──────────┴─────────────────┴──▶ anything else: untouched, for the full path
//! ```
//!
//! It knows: one question of class IN, at most an OPT with no option but a cookie, a name not too long; and of zones that
//! need signatures for this client what [`signed`] says. Whatever it does not know it leaves alone; both paths give the
//! same octets (`tests/properties/fast.rs`). So all that may fail comes first, and writing is the last step.
//!
//! Each step is a loop of its caller's over some requests of a batch, so that their look-ups wait for memory together.
//! Between the steps a request is only what the next one needs ([`Asked`]); whatever else is wanted of it is read from
//! its octets again, and who asks is not looked at before something depends on it.

mod signed;

use super::cookie::{COOKIE_LEN, Cookies, Sent};
use super::edns::{OPT_LEN, OPTION_HEADER_LEN};
use super::header::HEADER_LEN;
use super::reply::{NOERROR, NXDOMAIN, UDP_SIZE_MIN};
use super::request::RawRecord;
use super::{Client, Kind, Outcome, Settings};
use crate::zone::fragment::SOA_LEN_MAX;
use crate::zone::name::wire_len;
use crate::zone::record::CLASS_IN;
use crate::zone::{Bucket, Hash, NodeRef, Pages, PublishedRef, RrsetRef, Rtype, Tail, Zone, ZoneSet};

/// What every client takes, so that sizes need no look at what it says, signatures aside.
pub(super) const ROOM: usize = UDP_SIZE_MIN as usize;
/// Longest request that is looked at: the longest name with its question, and an OPT with the longest cookie.
pub(super) const REQUEST_LEN_MAX: usize =
    HEADER_LEN + NAME_LEN_MAX + TYPE_AND_CLASS_LEN + OPT_LEN + OPTION_HEADER_LEN + 40;
/// Longest name: `www` before the longest label, in a suffix.
const NAME_LEN_MAX: usize = 96;
/// Most labels of a name that is not directly below an apex: where they begin goes into one word with the root's.
const LABELS_MAX: usize = 7;
/// The bits above the length of a label; they mark compression pointers.
const NOT_A_LENGTH: u8 = 0xc0;
/// Longest label: all bits of its length set.
const LABEL_LEN_MAX: usize = 63;
/// It with its length.
const KEY_LEN_MAX: usize = 1 + LABEL_LEN_MAX;
/// What most labels are shorter than, with their length.
const KEY_LEN_SHORT: usize = 32;
/// Octets of QTYPE and QCLASS.
const TYPE_AND_CLASS_LEN: usize = 4;
/// Where the question ends at most.
const QUESTION_END_MAX: usize = HEADER_LEN + NAME_LEN_MAX + TYPE_AND_CLASS_LEN;
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
/// The label `www`, whose octets may differ in the bit of case.
const WWW: u32 = u32::from_le_bytes(*b"\x03www");
const CASE_OF_WWW: u32 = u32::from_le_bytes([0, 0x20, 0x20, 0x20]);

/// The request's OPT.
struct Opt<'q> {
    /// Largest UDP response the client takes.
    udp_size: u16,
    /// Its flag, where it stands.
    dnssec_ok: u8,
    options: &'q [u8],
}

/// What has been answered: kind, RCODE, the counts of the sections, and an extended error.
type Answered<'z> = (Kind, u16, u64, Option<ExtendedError<'z>>);

/// An extended error: INFO-CODE and EXTRA-TEXT.
type ExtendedError<'z> = (u16, &'z [u8]);

/// The response, and how far it is written. How long its octets are is known to the compiler where they are few.
struct Writer<'m, 's, O: ?Sized = [u8; ROOM]> {
    octets: &'m mut O,
    len: usize,
    settings: &'s Settings,
}

/// A question that the hot path may answer, read from its request: room for one, which is used again and again. What
/// is said of octets counts from the start of the message.
#[derive(Clone, Copy)]
pub struct Asked<'z> {
    /// The zone that encloses QNAME; none if the hot path does not know the request.
    zone: Option<&'z Zone>,
    /// The index that the label below the apex is looked for in; none without a zone.
    pages: Option<&'z Pages>,
    hash: Hash,
    /// What it is in, if it is there.
    bucket: Bucket<'z>,
    /// The label below the apex in lower case (RFC 4343), its length before it. What follows it is not looked at.
    key: [u8; KEY_LEN_MAX],
    /// Whether it can be registered. Else it is looked for in the master file, with its length.
    is_registrable: bool,
    qtype: Rtype,
    /// Where that label begins.
    start: u8,
    /// Where the apex begins.
    apex_start: u8,
    /// Where QTYPE and QCLASS end.
    question_end: u8,
    /// The zone's position in the set.
    position: u16,
}

impl<'z> Asked<'z> {
    /// Room for a question; no request has been read into it.
    pub const NONE: Self = Self {
        zone: None,
        pages: None,
        hash: Hash::ZERO,
        bucket: Bucket::EMPTY,
        key: [0; KEY_LEN_MAX],
        is_registrable: false,
        qtype: Rtype(0),
        start: 0,
        apex_start: 0,
        position: 0,
        question_end: 0,
    };

    /// There is no request that the hot path knows.
    #[inline(always)]
    pub fn clear(&mut self) {
        (self.zone, self.pages) = (None, None);
    }

    /// The first step: reads the request at the start of `octets`, `request_len` long.
    #[inline(always)]
    pub(super) fn read(&mut self, zones: &'z ZoneSet, octets: &[u8; ROOM], request_len: usize) {
        self.clear();
        // What it does not know it leaves at that.
        let _ = self.try_read(zones, octets, request_len);
    }

    #[inline(always)]
    fn try_read(&mut self, zones: &'z ZoneSet, octets: &[u8; ROOM], request_len: usize) -> Option<()> {
        let header: &[u8; HEADER_LEN] = octets.first_chunk()?;
        let counts = u64::from_be_bytes(*header.last_chunk()?);
        let is_plain = header[2] & NOT_A_QUERY == 0 && counts & !ONE_ADDITIONAL == ONE_QUESTION;
        if !is_plain || request_len > REQUEST_LEN_MAX {
            return None;
        }
        let is_www = u32::from_le_bytes(*octets[HEADER_LEN..].first_chunk()?) | CASE_OF_WWW == WWW;
        let start = if is_www { HEADER_LEN + size_of_val(&WWW) } else { HEADER_LEN };
        let (zone, tail, name_end) = match zones.enclosing_label(octets, start, HEADER_LEN + NAME_LEN_MAX) {
            Some(found) => found,
            None => enclosing(zones, octets)?,
        };
        let [t1, t0, c1, c0] = *octets[name_end..].first_chunk()?;
        let qtype = Rtype(u16::from_be_bytes([t1, t0]));
        let is_in = u16::from_be_bytes([c1, c0]) == CLASS_IN;
        let question_end = name_end + TYPE_AND_CLASS_LEN;
        if question_end > request_len || !is_in {
            return None;
        }
        // An apex itself has no label below.
        if tail.below == 0 {
            return None;
        }
        (self.start, self.apex_start, self.position) = (tail.below, tail.apex_start, tail.position);
        (self.qtype, self.question_end) = (qtype, question_end as u8);
        let start = usize::from(tail.below);
        let mut short: [u8; KEY_LEN_SHORT] = *octets[start..].first_chunk()?;
        // The length is below b'A', so lowering cannot change it.
        short.make_ascii_lowercase();
        *self.key.first_chunk_mut()? = short;
        if self.label_len() >= KEY_LEN_SHORT {
            let mut long: [u8; KEY_LEN_MAX - KEY_LEN_SHORT] = *octets[start + KEY_LEN_SHORT..].first_chunk()?;
            long.make_ascii_lowercase();
            *self.key.last_chunk_mut()? = long;
        }
        self.zone = Some(zone);
        if let Some(pages) = zone.registrations()
            && self.label().first_chunk() == Some(A_LABEL_PREFIX)
        {
            self.hash = pages.hash(self.label());
            (self.is_registrable, self.pages) = (true, Some(pages));
        } else {
            self.hash = zone.nodes().hash(self.key());
            (self.is_registrable, self.pages) = (false, Some(zone.nodes()));
        }
        Some(())
    }

    /// Octets of the label below the apex.
    #[inline(always)]
    fn label_len(&self) -> usize {
        // What the mask takes away is never there: it spares a comparison each time.
        usize::from(self.apex_start.wrapping_sub(self.start).wrapping_sub(1)) & LABEL_LEN_MAX
    }

    /// The label below the apex.
    #[inline(always)]
    fn label(&self) -> &[u8] {
        &self.key[1..=self.label_len()]
    }

    /// The same with its length before it.
    #[inline(always)]
    fn key(&self) -> &[u8] {
        &self.key[..=self.label_len()]
    }

    /// The second step: walks to the records that the label is among, if it is there, and asks the memory for them. What
    /// it returns depends on them, so that whoever uses it for all requests of a group waits for the memory once.
    #[inline(always)]
    pub fn fetch(&mut self) -> u8 {
        let Some(pages) = self.pages else { return 0 };
        self.bucket = pages.bucket(self.hash);
        self.bucket.touch()
    }

    /// The third step: answers in place of the request that this was read from, as [`super::respond_fully`] would, or leaves
    /// it as it is: also if it has a cookie, for signatures, for [`Asked::respond_with_more`].
    #[inline(always)]
    pub(super) fn respond(
        &self,
        settings: &Settings,
        client: impl Fn() -> Client,
        octets: &mut [u8; ROOM],
        request_len: usize,
    ) -> Option<Outcome> {
        let zone = self.zone?;
        if zone.is_restricted() && !zone.allows(client().address, None) {
            return None;
        }
        let question_end = usize::from(self.question_end);
        let has_opt = octets[HEADER_LEN - 1] & ONE_ADDITIONAL as u8 != 0;
        let mut dnssec_ok = 0;
        if has_opt {
            let opt = Opt::read(octets.get(question_end..request_len)?)?;
            dnssec_ok = opt.dnssec_ok;
            if !opt.options.is_empty() || dnssec_ok != 0 && zone.is_signed() {
                return None;
            }
        }
        let mut writer = Writer { octets, len: question_end, settings };
        let mut answered = self.answer(zone, &mut writer)?;
        if has_opt {
            answered.2 += ONE_ADDITIONAL;
            match answered.3 {
                None => writer.opt(dnssec_ok, 0),
                error => writer.opt_with(dnssec_ok, None, error),
            }
        }
        Some(writer.finish(self.position, answered, false))
    }

    /// The same for a request with an option, which has to be a cookie, or for signatures. Apart, because making cookies and
    /// hashing names takes longer than all else.
    #[inline(never)]
    pub(super) fn respond_with_more(
        &self,
        settings: &Settings,
        client: &Client,
        octets: &mut [u8],
        request_len: usize,
    ) -> Option<Outcome> {
        let zone = self.zone?;
        if *octets.get(HEADER_LEN - 1)? & ONE_ADDITIONAL as u8 == 0 || !zone.allows(client.address, None) {
            return None;
        }
        let question_end = usize::from(self.question_end);
        let opt = Opt::read(octets.get(question_end..request_len)?)?;
        let mut cookie = None;
        if !opt.options.is_empty() {
            let sent = opt.cookie()?;
            let answer = |cookies: &Cookies| cookies.answer(&sent, client.address, client.now as u32);
            cookie = settings.cookies.as_ref().map(answer);
            let is_valid = cookie.is_some_and(|cookie| cookie.valid);
            if settings.cookies.as_ref().is_some_and(|cookies| cookies.required) && !is_valid {
                return None;
            }
        }
        if opt.dnssec_ok != 0 && zone.is_signed() {
            let terms = signed::Terms::new(&opt, cookie, settings, client, octets.len());
            return self.respond_signed(zone, settings, &terms, octets);
        }
        let dnssec_ok = opt.dnssec_ok;
        let mut writer = Writer { octets: octets.first_chunk_mut()?, len: question_end, settings };
        let mut answered = self.answer(zone, &mut writer)?;
        answered.2 += ONE_ADDITIONAL;
        writer.opt_with(dnssec_ok, cookie.as_ref().map(|cookie| &cookie.octets), answered.3);
        Some(writer.finish(self.position, answered, cookie.is_some_and(|cookie| cookie.valid)))
    }

    /// Looks for the name as [`Zone::lookup`] does, and writes what is found; none, and nothing is written, for what is not
    /// answered here.
    #[inline(always)]
    fn answer(&self, zone: &'z Zone, writer: &mut Writer<'_, '_>) -> Option<Answered<'z>> {
        if !self.is_registrable {
            return self.answer_static(zone, writer);
        }
        let Some(octets) = self.bucket.get(self.label()) else {
            return writer.nxdomain(self, zone);
        };
        let start = usize::from(self.start);
        let is_itself = start == HEADER_LEN;
        let is_www = start == HEADER_LEN + size_of_val(&WWW)
            && u32::from_le_bytes(*writer.octets[HEADER_LEN..].first_chunk()?) | CASE_OF_WWW == WWW;
        let Some((v4, v6, ttl, www)) = PublishedRef::addresses(octets) else {
            return self.answer_other(zone, octets, is_itself, is_www, writer);
        };
        if !(is_itself || is_www && www) {
            return writer.nxdomain(self, zone);
        }
        writer.addresses_of(self, zone, v4, v6, ttl)
    }

    /// The same where a registration publishes no addresses of its own.
    #[inline(never)]
    fn answer_other(
        &self,
        zone: &'z Zone,
        octets: &'z [u8],
        is_itself: bool,
        is_www: bool,
        writer: &mut Writer<'_, '_>,
    ) -> Option<Answered<'z>> {
        // Referrals look for names to compress: the full path's.
        if PublishedRef::is_delegation(octets) {
            return None;
        }
        match PublishedRef::new(octets) {
            PublishedRef::Held { info_code, extra_text, .. } if extra_text.as_bytes().len() <= EXTRA_TEXT_LEN_MAX => {
                let (_, rcode, counts, _) = writer.nxdomain(self, zone)?;
                Some((Kind::Held, rcode, counts, Some((info_code, extra_text.as_bytes()))))
            }
            PublishedRef::Forward { ttl, www, .. } if is_itself || is_www && www => {
                let (v4, v6) = zone.gateway_rdata();
                writer.addresses_of(self, zone, v4, v6, ttl)
            }
            PublishedRef::Forward { .. } => writer.nxdomain(self, zone),
            _ => None,
        }
    }

    /// The same for names of the master file, one or two labels below the apex, as long as nothing but themselves answers
    /// for them.
    #[inline(never)]
    fn answer_static(&self, zone: &'z Zone, writer: &mut Writer<'_, '_>) -> Option<Answered<'z>> {
        let apex_start = usize::from(self.apex_start);
        if !zone.is_plain_below_apex() {
            return None;
        }
        let Some(node) = self.bucket.stored(self.key()) else { return writer.nxdomain(self, zone) };
        let mut node = NodeRef::new(node);
        if usize::from(self.start) > HEADER_LEN {
            let is_two_below = usize::from(self.start) == HEADER_LEN + 1 + usize::from(writer.octets[HEADER_LEN]);
            if !is_two_below || node.is_cut() || node.has_dname() || node.has_wildcard_below() {
                return None;
            }
            let mut name = [0; NAME_LEN_MAX];
            let name = name.get_mut(..apex_start - HEADER_LEN)?;
            name.copy_from_slice(&writer.octets[HEADER_LEN..apex_start]);
            name.make_ascii_lowercase();
            match zone.node(name) {
                Some(found) => node = found,
                None => return writer.nxdomain(self, zone),
            }
        }
        if node.is_cut() || self.qtype == Rtype::ANY {
            return None;
        }
        for rrset in node.rrsets() {
            if rrset.rtype == self.qtype {
                // What else there is may need compression, or addresses beside it.
                return if matches!(self.qtype, Rtype::A | Rtype::AAAA) { writer.rrset(rrset) } else { None };
            }
            if rrset.rtype == Rtype::CNAME {
                return None;
            }
        }
        writer.nodata(self, zone)
    }
}

/// The zone that encloses the name behind the header, where they meet, and where the name ends.
#[inline(never)]
fn enclosing<'z>(zones: &'z ZoneSet, octets: &[u8; ROOM]) -> Option<(&'z Zone, Tail, usize)> {
    let (starts, name_end) = read_labels(octets)?;
    let (zone, tail) = zones.enclosing_by_tail(octets.get(..name_end)?, starts)?;
    Some((zone, tail, name_end))
}

/// Where the labels of the name behind the header begin, an octet each, the root's lowest; and where the name ends.
#[inline(always)]
fn read_labels(octets: &[u8; ROOM]) -> Option<(u64, usize)> {
    let (mut starts, mut at, mut seen) = (HEADER_LEN as u64, HEADER_LEN, 0);
    let mut length = octets[at];
    while length != 0 {
        at += 1 + usize::from(length);
        seen |= length;
        if at >= HEADER_LEN + NAME_LEN_MAX {
            return None;
        }
        starts = starts << u8::BITS | at as u64;
        length = octets[at];
    }
    // A start that was pushed out of the word was not zero.
    let fits = starts >> (u8::BITS as usize * LABELS_MAX) <= HEADER_LEN as u64;
    (seen & NOT_A_LENGTH == 0 && fits).then_some((starts, at + 1))
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

impl<'q> Opt<'q> {
    /// The OPT at the start of `octets`, if it is of version 0.
    #[inline(always)]
    fn read(octets: &'q [u8]) -> Option<Self> {
        let ([root, t1, t0, s1, s0, _, version, flags, _, l1, l0], options) = octets.split_first_chunk::<OPT_LEN>()?;
        if *root != 0 || u16::from_be_bytes([*t1, *t0]) != Rtype::OPT.0 || *version != 0 {
            return None;
        }
        let options = options.get(..usize::from(u16::from_be_bytes([*l1, *l0])))?;
        Some(Self { udp_size: u16::from_be_bytes([*s1, *s0]), dnssec_ok: flags & DO, options })
    }

    /// Its cookie, if that is its only option.
    fn cookie(&self) -> Option<Sent<'q>> {
        let ([c1, c0, l1, l0], data) = self.options.split_first_chunk()?;
        let is_cookie = u16::from_be_bytes([*c1, *c0]) == OPTION_COOKIE;
        let is_all = usize::from(u16::from_be_bytes([*l1, *l0])) == data.len();
        if is_cookie && is_all { Sent::read(data) } else { None }
    }
}

impl<O: AsMut<[u8]> + ?Sized> Writer<'_, '_, O> {
    #[inline(always)]
    fn put<const LEN: usize>(&mut self, octets: [u8; LEN]) {
        *self.octets.as_mut()[self.len..].first_chunk_mut().expect(THERE_IS_ROOM) = octets;
        self.len += LEN;
    }

    #[inline]
    fn put_slice(&mut self, octets: &[u8]) {
        self.octets.as_mut()[self.len..self.len + octets.len()].copy_from_slice(octets);
        self.len += octets.len();
    }

    /// Our OPT, before options of so many octets.
    #[inline(always)]
    fn opt(&mut self, dnssec_ok: u8, options_len: u16) {
        let udp_size = self.settings.udp_size_max.max(UDP_SIZE_MIN);
        let ([t1, t0], [s1, s0], [l1, l0]) =
            (Rtype::OPT.0.to_be_bytes(), udp_size.to_be_bytes(), options_len.to_be_bytes());
        self.put([0, t1, t0, s1, s0, 0, 0, dnssec_ok, 0, l1, l0]);
    }

    /// It with the cookie for the client, and an extended error with its text (RFC 8914).
    #[inline(never)]
    fn opt_with(&mut self, dnssec_ok: u8, cookie: Option<&[u8; COOKIE_LEN]>, error: Option<ExtendedError<'_>>) {
        let cookie_len = cookie.map_or(0, |_| OPTION_HEADER_LEN + COOKIE_LEN);
        let error_len = error.map_or(0, |(_, text)| OPTION_HEADER_LEN + 2 + text.len());
        self.opt(dnssec_ok, (cookie_len + error_len) as u16);
        if let Some(cookie) = cookie {
            self.option(OPTION_COOKIE, COOKIE_LEN);
            self.put(*cookie);
        }
        if let Some((info_code, extra_text)) = error {
            self.option(OPTION_EXTENDED_ERROR, 2 + extra_text.len());
            self.put(info_code.to_be_bytes());
            self.put_slice(extra_text);
        }
    }

    #[inline]
    fn option(&mut self, code: u16, length: usize) {
        let ([c1, c0], [l1, l0]) = (code.to_be_bytes(), (length as u16).to_be_bytes());
        self.put([c1, c0, l1, l0]);
    }

    /// Completes the header, whose ID and RD are the request's.
    #[inline(always)]
    fn finish(self, position: u16, (kind, rcode, counts, _): Answered<'_>, cookie: bool) -> Outcome {
        let octets = self.octets.as_mut();
        octets[2] = AUTHORITATIVE_RESPONSE | octets[2] & RD;
        octets[3] = rcode as u8;
        octets[4..HEADER_LEN].copy_from_slice(&counts.to_be_bytes());
        let (len, zone) = (self.len, Some(usize::from(position)));
        Outcome { len, rcode, kind, zone, truncated: false, cookie, synthesised: false, tsig: None }
    }
}

impl Writer<'_, '_> {
    /// Whether `len` octets fit, and an OPT behind them.
    #[inline(always)]
    fn has_room(&self, len: usize) -> bool {
        self.len + len + OPT_AND_OPTIONS_LEN_MAX <= ROOM
    }

    /// Answers from the addresses of a name.
    #[inline(always)]
    fn addresses_of<'z>(
        &mut self,
        asked: &Asked<'_>,
        zone: &Zone,
        v4: &[[u8; 4]],
        v6: &[[u8; 16]],
        ttl: u32,
    ) -> Option<Answered<'z>> {
        // For ANY one RRset is enough (RFC 8482 §4.1).
        match asked.qtype {
            Rtype::A | Rtype::ANY if !v4.is_empty() => self.addresses(Rtype::A, ttl, v4),
            Rtype::AAAA | Rtype::ANY if !v6.is_empty() => self.addresses(Rtype::AAAA, ttl, v6),
            _ => self.nodata(asked, zone),
        }
    }

    #[inline(always)]
    fn addresses<'z, const LEN: usize>(&mut self, rtype: Rtype, ttl: u32, rdata: &[[u8; LEN]]) -> Option<Answered<'z>> {
        const { assert!(QUESTION_END_MAX + RECORD_LEN + LEN + OPT_AND_OPTIONS_LEN_MAX <= ROOM) }
        if let [rdata] = rdata {
            self.address(rtype, ttl, rdata);
            return Some((Kind::Answer, NOERROR, ONE_QUESTION + ONE_ANSWER, None));
        }
        if !self.has_room((RECORD_LEN + LEN) * rdata.len()) || self.settings.rotate_rrsets {
            return None;
        }
        for rdata in rdata {
            self.address(rtype, ttl, rdata);
        }
        Some((Kind::Answer, NOERROR, ONE_QUESTION + ONE_ANSWER * rdata.len() as u64, None))
    }

    /// Writes a record for the name asked.
    #[inline(always)]
    fn address<const LEN: usize>(&mut self, rtype: Rtype, ttl: u32, rdata: &[u8; LEN]) {
        let end = self.len + RECORD_LEN + LEN;
        let (first, last) = self.octets[self.len..end].split_at_mut(RECORD_LEN);
        first.copy_from_slice(&record_head(rtype, ttl, LEN as u16));
        last.copy_from_slice(rdata);
        self.len = end;
    }

    /// Answers with addresses of the master file.
    fn rrset<'z>(&mut self, rrset: RrsetRef<'_>) -> Option<Answered<'z>> {
        let count = rrset.count;
        if !self.has_room(RECORD_LEN * usize::from(count) + rrset.len()) || count > 1 && self.settings.rotate_rrsets {
            return None;
        }
        for rdata in rrset.rdata() {
            self.put(record_head(rrset.rtype, rrset.ttl, rdata.len() as u16));
            self.put_slice(rdata);
        }
        Some((Kind::Answer, NOERROR, ONE_QUESTION + ONE_ANSWER * u64::from(count), None))
    }

    #[inline(always)]
    fn nodata<'z>(&mut self, asked: &Asked<'_>, zone: &Zone) -> Option<Answered<'z>> {
        self.soa(asked, zone)?;
        Some((Kind::Nodata, NOERROR, ONE_QUESTION + ONE_AUTHORITY, None))
    }

    #[inline(always)]
    fn nxdomain<'z>(&mut self, asked: &Asked<'_>, zone: &Zone) -> Option<Answered<'z>> {
        self.soa(asked, zone)?;
        Some((Kind::Nxdomain, NXDOMAIN, ONE_QUESTION + ONE_AUTHORITY, None))
    }

    /// Writes the SOA of a negative answer, which is the first record, so that there is room.
    #[inline(always)]
    fn soa(&mut self, asked: &Asked<'_>, zone: &Zone) -> Option<()> {
        // Transfers are not asked for over UDP.
        if matches!(asked.qtype, Rtype::AXFR | Rtype::IXFR) {
            return None;
        }
        const { assert!(QUESTION_END_MAX + SOA_LEN_MAX + OPT_AND_OPTIONS_LEN_MAX <= ROOM) }
        self.len += zone.write_negative_soa(self.octets[self.len..].first_chunk_mut()?, asked.apex_start)?;
        Some(())
    }
}

/// Everything of an answer's record but its RDATA, for the name asked.
#[inline]
fn record_head(rtype: Rtype, ttl: u32, length: u16) -> [u8; RECORD_LEN] {
    let ([o1, o0], [t1, t0], [c1, c0]) = (QNAME_POINTER.to_be_bytes(), rtype.0.to_be_bytes(), CLASS_IN.to_be_bytes());
    let ([s3, s2, s1, s0], [l1, l0]) = (ttl.to_be_bytes(), length.to_be_bytes());
    [o1, o0, t1, t0, c1, c0, s3, s2, s1, s0, l1, l0]
}
