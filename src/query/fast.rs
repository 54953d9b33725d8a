//! The answers that nearly all queries get, made straight from the request's octets: the hot path.
//!
//! ```text
//! request ─▶ read ─▶ zone by its tail ─▶ one probe ─▶ answer, NODATA, NXDOMAIN or hold, written in place
//!              └──────────┴─────────────────┴──▶ anything else: the full path
//! ```
//!
//! It knows: one question of class IN, at most an OPT with no option but a cookie, a name not too long, in a zone that
//! needs no signatures for this client. Whatever it does not know it leaves alone; both paths give the same octets
//! (`tests/properties/fast.rs`).

use super::cookie::Sent;
use super::edns::OPT_LEN;
use super::header::HEADER_LEN;
use super::reply::{NOERROR, NXDOMAIN, UDP_SIZE_MIN};
use super::{Client, Kind, Outcome, Settings, Transport};
use crate::zone::record::CLASS_IN;
use crate::zone::{NodeRef, PublishedRef, Rtype, Zone, ZoneSet};

/// What every client takes, so that sizes need no look at what it says.
const ROOM: usize = UDP_SIZE_MIN as usize;
/// Longest name: `www` before the longest label, in a suffix. A multiple of a vector register's length.
const NAME_LEN_MAX: usize = 96;
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
const RD: u8 = 0x01;
/// The four counts with one question and nothing else.
const ONE_QUESTION: u64 = 1 << 48;
const ONE_ANSWER: u64 = 1 << 32;
const ONE_AUTHORITY: u64 = 1 << 16;
const ONE_ADDITIONAL: u64 = 1;
/// The owner of every answer: the name in the question.
const QNAME_POINTER: u16 = 0xc000 | HEADER_LEN as u16;
/// The bit "DNSSEC answer OK" in the first octet of OPT's flags.
const DO: u8 = 0x80;
const OPTION_COOKIE: u16 = 10;
const OPTION_EXTENDED_ERROR: u16 = 15;
/// What can be registered begins with it.
const A_LABEL_PREFIX: &[u8; 4] = b"xn--";
const WWW: &[u8; 4] = b"\x03www";

/// QNAME in lower case, with the beginnings of its labels.
struct Name {
    wire: [u8; NAME_LEN_MAX],
    len: usize,
    starts: [u8; LABELS_MAX],
    labels: usize,
}

/// The request's OPT.
struct Opt<'q> {
    dnssec_ok: bool,
    cookie: Option<Sent<'q>>,
}

/// What the answer will be.
enum Found<'z> {
    /// Addresses of a registration or the gateway.
    Addresses {
        v4: &'z [[u8; 4]],
        v6: &'z [[u8; 16]],
        ttl: u32,
    },
    /// A name of the master file.
    Node(NodeRef<'z>),
    Missing,
    Held {
        info_code: u16,
        extra_text: &'z [u8],
    },
}

/// The response and how far it is written.
struct Writer<'m> {
    octets: &'m mut [u8; ROOM],
    len: usize,
    counts: u64,
}

/// Answers `request` as [`super::respond_fully`] does, or leaves it to it.
#[inline]
pub(super) fn respond(
    zones: &ZoneSet,
    settings: &Settings,
    client: &Client,
    request: &[u8],
    response: &mut [u8],
) -> Option<Outcome> {
    let header: &[u8; HEADER_LEN] = request.first_chunk()?;
    let counts = u64::from_be_bytes(*header.last_chunk()?);
    let is_plain = header[2] & NOT_A_QUERY == 0 && counts & !ONE_ADDITIONAL == ONE_QUESTION;
    // QUIC has rules of its own (RFC 9250 §4.2.1).
    if !is_plain || client.transport == Transport::Quic {
        return None;
    }
    let name = Name::read(&request[HEADER_LEN..])?;
    let name_end = HEADER_LEN + name.len;
    let [t1, t0, c1, c0] = *request[name_end..].first_chunk()?;
    let (qtype, qclass) = (Rtype(u16::from_be_bytes([t1, t0])), u16::from_be_bytes([c1, c0]));
    if qclass != CLASS_IN || matches!(qtype, Rtype::AXFR | Rtype::IXFR) {
        return None;
    }
    let question_end = name_end + TYPE_AND_CLASS_LEN;
    let opt = if counts & ONE_ADDITIONAL != 0 { Some(Opt::read(&request[question_end..])?) } else { None };

    let enclosing = zones.enclosing_by_tail(name.wire(), name.starts())?;
    let zone = enclosing.zone;
    let needs_signatures = zone.is_signed() && opt.as_ref().is_some_and(|opt| opt.dnssec_ok);
    if needs_signatures || !zone.allows(client.address) {
        return None;
    }
    let found = find(zone, &name, enclosing.apex_start)?;
    let mut cookie = None;
    if let (Some(cookies), Some(Opt { cookie: Some(sent), .. })) = (&settings.cookies, &opt) {
        let answered = cookies.answer(sent, client.address, client.now as u32);
        if cookies.required && !answered.valid {
            return None;
        }
        cookie = Some(answered);
    }

    let mut writer = Writer::new(request, question_end, response.first_chunk_mut()?);
    let (kind, rcode) = match found {
        Found::Addresses { v4, v6, ttl } => writer.addresses(qtype, v4, v6, ttl, settings.rotate_rrsets)?,
        Found::Node(node) => writer.node(qtype, node, settings.rotate_rrsets)?,
        Found::Missing => (Kind::Nxdomain, NXDOMAIN),
        Found::Held { .. } => (Kind::Held, NXDOMAIN),
    };
    if kind != Kind::Answer {
        let apex_at = (HEADER_LEN + enclosing.apex_start) as u16;
        writer.len += zone.write_negative_soa(&mut writer.octets[writer.len..], apex_at)?;
        writer.counts += ONE_AUTHORITY;
    }
    if let Some(opt) = &opt {
        let error =
            if let Found::Held { info_code, extra_text } = found { Some((info_code, extra_text)) } else { None };
        let udp_size = settings.udp_size_max.max(UDP_SIZE_MIN);
        writer.opt(udp_size, opt.dnssec_ok, cookie.as_ref().map(|cookie| &cookie.octets[..]), error)?;
    }
    let len = writer.finish(header[2] & RD, rcode);
    let cookie = cookie.is_some_and(|cookie| cookie.valid);
    let zone = Some(enclosing.position);
    Some(Outcome { len, rcode, kind, zone, truncated: false, cookie, synthesised: false, tsig: None })
}

/// Looks for `name` as [`Zone::lookup`] does; none for what is not answered here.
#[inline]
fn find<'z>(zone: &'z Zone, name: &Name, apex_start: usize) -> Option<Found<'z>> {
    let below = name.labels - zone.depth();
    let start = usize::from(*name.starts.get(below.checked_sub(1)?)?);
    let label = name.wire.get(start + 1..apex_start)?;
    if let Some(registrations) = zone.registrations()
        && label.starts_with(A_LABEL_PREFIX)
    {
        let Some(octets) = registrations.get(label) else { return Some(Found::Missing) };
        return find_registered(zone, name, below, octets);
    }
    find_static(zone, name, below, start, apex_start)
}

#[inline]
fn find_registered<'z>(zone: &'z Zone, name: &Name, below: usize, octets: &'z [u8]) -> Option<Found<'z>> {
    // Referrals look for names to compress: the full path's.
    if PublishedRef::is_delegation(octets) {
        return None;
    }
    let published = PublishedRef::new(octets);
    let is_www = || below == 2 && name.wire.first_chunk() == Some(WWW) && published.www();
    Some(match published {
        PublishedRef::Held { info_code, extra_text, .. } => {
            Found::Held { info_code, extra_text: extra_text.as_bytes() }
        }
        _ if below != 1 && !is_www() => Found::Missing,
        PublishedRef::Addresses { v4, v6, ttl, .. } => Found::Addresses { v4, v6, ttl },
        PublishedRef::Forward { ttl, .. } => {
            let (v4, v6) = zone.gateway_rdata();
            Found::Addresses { v4, v6, ttl }
        }
        PublishedRef::Delegation(_) => return None,
    })
}

/// One or two labels below the apex: names of the master file, as long as nothing but themselves answers for them.
#[inline]
fn find_static<'z>(zone: &'z Zone, name: &Name, below: usize, start: usize, apex_start: usize) -> Option<Found<'z>> {
    if !zone.is_plain_below_apex() {
        return None;
    }
    let Some(mut node) = zone.node(&name.wire[start..apex_start]) else { return Some(Found::Missing) };
    if below > 1 {
        if below > 2 || node.is_cut() || node.has_dname() || node.has_wildcard_below() {
            return None;
        }
        match zone.node(&name.wire[..apex_start]) {
            Some(found) => node = found,
            None => return Some(Found::Missing),
        }
    }
    (!node.is_cut()).then_some(Found::Node(node))
}

impl Name {
    /// The name at the start of `octets`.
    #[inline(always)]
    fn read(octets: &[u8]) -> Option<Self> {
        let mut name = Self { wire: [0; NAME_LEN_MAX], len: 0, starts: [0; LABELS_MAX], labels: 0 };
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at)?);
            if length == 0 {
                break;
            }
            if length > LABEL_LEN_MAX {
                return None;
            }
            *name.starts.get_mut(name.labels)? = at as u8;
            name.labels += 1;
            at += 1 + length;
            if at >= NAME_LEN_MAX {
                return None;
            }
        }
        name.len = at + 1;
        name.wire[..=at].copy_from_slice(&octets[..=at]);
        // Length octets are below b'A', so lowering every octet cannot change them.
        name.wire.make_ascii_lowercase();
        Some(name)
    }

    #[inline]
    fn wire(&self) -> &[u8] {
        &self.wire[..self.len]
    }

    #[inline]
    fn starts(&self) -> &[u8] {
        &self.starts[..self.labels]
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

impl<'m> Writer<'m> {
    /// A response that begins as `request` does up to the end of its question.
    #[inline]
    fn new(request: &[u8], question_end: usize, octets: &'m mut [u8; ROOM]) -> Self {
        octets[..question_end].copy_from_slice(&request[..question_end]);
        Self { octets, len: question_end, counts: ONE_QUESTION }
    }

    #[inline]
    fn put<const LEN: usize>(&mut self, octets: [u8; LEN]) -> Option<()> {
        *self.octets.get_mut(self.len..)?.first_chunk_mut()? = octets;
        self.len += LEN;
        Some(())
    }

    #[inline]
    fn put_slice(&mut self, octets: &[u8]) -> Option<()> {
        self.octets.get_mut(self.len..)?.get_mut(..octets.len())?.copy_from_slice(octets);
        self.len += octets.len();
        Some(())
    }

    /// Writes everything of an answer's record but its RDATA, for the name asked.
    #[inline]
    fn record(&mut self, rtype: Rtype, ttl: u32, length: u16) -> Option<()> {
        let ([o1, o0], [t1, t0], [c1, c0]) =
            (QNAME_POINTER.to_be_bytes(), rtype.0.to_be_bytes(), CLASS_IN.to_be_bytes());
        let ([s3, s2, s1, s0], [l1, l0]) = (ttl.to_be_bytes(), length.to_be_bytes());
        self.counts += ONE_ANSWER;
        self.put([o1, o0, t1, t0, c1, c0, s3, s2, s1, s0, l1, l0])
    }

    #[inline]
    fn addresses(
        &mut self,
        qtype: Rtype,
        v4: &[[u8; 4]],
        v6: &[[u8; 16]],
        ttl: u32,
        rotates: bool,
    ) -> Option<(Kind, u16)> {
        // For ANY one RRset is enough (RFC 8482 §4.1).
        match qtype {
            Rtype::A | Rtype::ANY if !v4.is_empty() => self.rrset(Rtype::A, v4, ttl, rotates)?,
            Rtype::AAAA | Rtype::ANY if !v6.is_empty() => self.rrset(Rtype::AAAA, v6, ttl, rotates)?,
            _ => return Some((Kind::Nodata, NOERROR)),
        }
        Some((Kind::Answer, NOERROR))
    }

    #[inline]
    fn rrset<const LEN: usize>(&mut self, rtype: Rtype, rdata: &[[u8; LEN]], ttl: u32, rotates: bool) -> Option<()> {
        if rotates && rdata.len() > 1 {
            return None;
        }
        for rdata in rdata {
            self.record(rtype, ttl, LEN as u16)?;
            self.put(*rdata)?;
        }
        Some(())
    }

    /// The records of a node that is no cut: addresses, or that there are none.
    #[inline]
    fn node(&mut self, qtype: Rtype, node: NodeRef<'_>, rotates: bool) -> Option<(Kind, u16)> {
        for rrset in node.rrsets() {
            if rrset.rtype == Rtype::CNAME || qtype == Rtype::ANY {
                return None;
            }
            if rrset.rtype != qtype {
                continue;
            }
            // What else there is may need compression, or addresses beside it.
            if !matches!(qtype, Rtype::A | Rtype::AAAA) || rotates && rrset.count > 1 {
                return None;
            }
            for rdata in rrset.rdata() {
                self.record(qtype, rrset.ttl, u16::try_from(rdata.len()).ok()?)?;
                self.put_slice(rdata)?;
            }
            return Some((Kind::Answer, NOERROR));
        }
        Some((Kind::Nodata, NOERROR))
    }

    /// Our OPT: with the cookie for the client, and an extended error with its text (RFC 8914).
    #[inline]
    fn opt(
        &mut self,
        udp_size: u16,
        dnssec_ok: bool,
        cookie: Option<&[u8]>,
        error: Option<(u16, &[u8])>,
    ) -> Option<()> {
        let ([t1, t0], [s1, s0]) = (Rtype::OPT.0.to_be_bytes(), udp_size.to_be_bytes());
        let flags = if dnssec_ok { DO } else { 0 };
        self.put([0, t1, t0, s1, s0, 0, 0, flags, 0, 0, 0])?;
        let options_at = self.len;
        if let Some(cookie) = cookie {
            self.option(OPTION_COOKIE, cookie.len())?;
            self.put_slice(cookie)?;
        }
        if let Some((info_code, extra_text)) = error {
            self.option(OPTION_EXTENDED_ERROR, 2 + extra_text.len())?;
            self.put(info_code.to_be_bytes())?;
            self.put_slice(extra_text)?;
        }
        let length = (self.len - options_at) as u16;
        self.octets[options_at - 2..options_at].copy_from_slice(&length.to_be_bytes());
        self.counts += ONE_ADDITIONAL;
        Some(())
    }

    #[inline]
    fn option(&mut self, code: u16, length: usize) -> Option<()> {
        let ([c1, c0], [l1, l0]) = (code.to_be_bytes(), u16::try_from(length).ok()?.to_be_bytes());
        self.put([c1, c0, l1, l0])
    }

    /// Completes the header, whose ID came with the question; how long the response is.
    #[inline]
    fn finish(self, recursion_desired: u8, rcode: u16) -> usize {
        self.octets[2] = AUTHORITATIVE_RESPONSE | recursion_desired;
        self.octets[3] = rcode as u8;
        self.octets[4..HEADER_LEN].copy_from_slice(&self.counts.to_be_bytes());
        self.len
    }
}
