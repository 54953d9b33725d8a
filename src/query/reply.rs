//! What is decided about the response while it is being written, and how it is finished.

use super::cookie::{Answered, COOKIE_LEN};
use super::edns::{ExtendedError, KEEPALIVE_LEN, OPT_LEN, OPTION_HEADER_LEN, Options, ZONE_VERSION_LEN};
use super::message::{Full, Message, Owner, Section};
use super::proof::Proofs;
use super::request::Request;
use super::{Client, Kind, Outcome, Settings, Transport};
use crate::tsig::{self, Verdict};
use crate::zone::{NodeRef, RrsetRef, Rtype, Zone};

/// RCODE NOERROR.
pub(super) const NOERROR: u16 = 0;
/// RCODE FORMERR.
pub(super) const FORMERR: u16 = 1;
/// RCODE SERVFAIL.
pub(super) const SERVFAIL: u16 = 2;
/// RCODE NXDOMAIN.
pub(super) const NXDOMAIN: u16 = 3;
/// RCODE NOTIMP.
pub(super) const NOTIMP: u16 = 4;
/// RCODE REFUSED.
pub(super) const REFUSED: u16 = 5;
/// RCODE YXDOMAIN (RFC 6672 §2.2).
pub(super) const YXDOMAIN: u16 = 6;
/// RCODE NOTAUTH (RFC 8945 §3).
pub(super) const NOTAUTH: u16 = 9;
/// Extended RCODE BADVERS (RFC 6891 §6.1.3).
pub(super) const BADVERS: u16 = 16;
/// Extended RCODE BADCOOKIE (RFC 7873 §8).
pub(super) const BADCOOKIE: u16 = 23;

/// Octets of OPT that a signature leaves room for: what always has to fit.
const OPT_LEN_MIN: usize = OPT_LEN + OPTION_HEADER_LEN + COOKIE_LEN + KEEPALIVE_LEN;

/// What every client takes over UDP, EDNS or not (RFC 1035 §4.2.1).
pub(super) const UDP_SIZE_MIN: u16 = 512;

/// The response in the making.
pub(super) struct Reply<'z, 'm> {
    /// Its octets.
    pub message: Message<'m>,
    /// Its RCODE.
    pub rcode: u16,
    /// AA.
    pub authoritative: bool,
    /// What kind of answer it has become.
    pub kind: Kind,
    /// The zone of the question.
    pub zone: Option<usize>,
    /// Whether it is made from a wildcard or a DNAME.
    pub synthesised: bool,
    /// Records of proof that the authority section is to have.
    pub proofs: Option<Proofs<'z>>,
    /// Which record of an RRset an answer begins with, modulo their number; 0: the first.
    rotation: u16,
    dnssec_ok: bool,
    truncated: bool,
    error: Option<ExtendedError<'z>>,
    nsid: &'z [u8],
    cookie: Option<Answered>,
    keepalive: Option<u16>,
    zone_version: Option<(u8, u32)>,
    signature: Option<Signature<'z>>,
}

/// What is known of the request's TSIG.
#[derive(Clone, Copy)]
struct Signature<'z> {
    check: tsig::Check<'z>,
    /// Whether the answer's own has room: a name of 255 octets and a key's like it do not go into 512.
    fits: bool,
}

impl<'z, 'm> Reply<'z, 'm> {
    /// An empty response to `request`.
    #[inline]
    pub fn new(request: &Request<'_>, settings: &'z Settings, client: &Client, octets: &'m mut [u8]) -> Self {
        let size = match (client.transport, &request.edns) {
            (Transport::Udp, None) => usize::from(UDP_SIZE_MIN),
            // A client that says less than 512 means 512 (RFC 6891 §6.2.3).
            (Transport::Udp, Some(edns)) => usize::from(edns.udp_size.min(settings.udp_size_max).max(UDP_SIZE_MIN)),
            _ => usize::from(u16::MAX),
        };
        let size = size.min(octets.len());
        let question = request.question.as_ref().map_or(&[][..], |question| question.octets);
        let mut reply = Self {
            message: Message::new(&mut octets[..size], question),
            rcode: 0,
            authoritative: false,
            kind: Kind::Error,
            zone: None,
            synthesised: false,
            proofs: None,
            // The ID of a good client is random. Over HTTPS and QUIC it is 0 (RFC 8484 §4.1, RFC 9250 §4.2.1), so that
            // there the seconds rotate.
            rotation: if settings.rotate_rrsets { request.header.id().wrapping_add(client.now as u16) } else { 0 },
            dnssec_ok: request.edns.is_some_and(|edns| edns.dnssec_ok),
            truncated: false,
            error: None,
            nsid: &settings.nsid,
            cookie: None,
            keepalive: None,
            zone_version: None,
            signature: None,
        };
        if let Some(record) = &request.tsig {
            reply.check_signature(record, settings, client, request.edns.is_some());
        }
        if let Some(edns) = &request.edns {
            // Over UDP the option is ignored (RFC 7828 §3.2.1).
            let asks = edns.keepalive && client.transport.has_keepalive();
            reply.keepalive = asks.then_some(settings.keepalive);
            if let (Some(cookies), Some(Some(sent))) = (&settings.cookies, &edns.cookie) {
                // The low bits: cookies count modulo 2³² (RFC 9018 §4.3).
                reply.cookie = Some(cookies.answer(sent, client.address, client.now as u32));
            }
            if !reply.message.reserve(edns.response_len(reply.options())) {
                // An NSID too long for this message is left out; OPT itself and a cookie always fit.
                reply.nsid = &[];
                reply.message.reserve(edns.response_len(reply.options()));
            }
        }
        reply
    }

    /// Checks the request's TSIG, and keeps room for the answer's.
    #[cold]
    fn check_signature(&mut self, record: &tsig::Record<'_>, settings: &'z Settings, client: &Client, has_opt: bool) {
        let check = settings.keys.check(record, client.now);
        let opt_len = if has_opt { OPT_LEN_MIN } else { 0 };
        let fits = self.message.has_room(opt_len + check.record_len()) && self.message.reserve(check.record_len());
        self.signature = Some(Signature { check, fits });
    }

    /// What was found out about the request's signature, if it has one.
    #[inline]
    pub fn signature(&self) -> Option<Verdict> {
        self.signature.as_ref().map(|signature| signature.check.verdict())
    }

    /// The name of the key that the request is signed with, in wire form and lower case, if it is well signed.
    #[inline]
    pub fn key_name(&self) -> Option<&'z [u8]> {
        self.signature.as_ref()?.check.key_name()
    }

    fn options(&self) -> Options<'_> {
        let cookie = self.cookie.as_ref().map(|cookie| &cookie.octets[..]);
        Options {
            nsid: self.nsid,
            cookie,
            keepalive: self.keepalive,
            error: self.error,
            zone_version: self.zone_version,
            padded_before: None,
        }
    }

    /// Whether the client sent a good server cookie; none if it sent no cookie that we answer.
    pub fn cookie(&self) -> Option<bool> {
        self.cookie.map(|cookie| cookie.valid)
    }

    /// Whether signatures and proofs go with the records of `zone`.
    #[inline]
    pub fn signs(&self, zone: &Zone) -> bool {
        self.dnssec_ok && zone.is_signed()
    }

    /// With which of `count` records an RRset of the answer section begins.
    #[inline]
    pub fn first_of(&self, count: usize) -> usize {
        if self.rotation == 0 || count < 2 { 0 } else { usize::from(self.rotation) % count }
    }

    /// Appends an RRset of `node`, with its signatures if they are wanted: all or nothing. Returns the owner for more.
    #[inline]
    pub fn rrset<'o>(
        &mut self,
        section: Section,
        owner: Owner<'o>,
        zone: &Zone,
        node: NodeRef<'_>,
        rrset: RrsetRef<'_>,
    ) -> Result<Owner<'o>, Full> {
        let first = if section == Section::Answer { self.first_of(usize::from(rrset.count)) } else { 0 };
        let signs = self.signs(zone);
        let write = |message: &mut Message<'_>| match first {
            0 => message.rrset(section, owner, rrset.rtype, rrset.ttl, rrset.rdata()),
            _ => {
                let rotated = rrset.rdata().skip(first).chain(rrset.rdata().take(first));
                message.rrset(section, owner, rrset.rtype, rrset.ttl, rotated)
            }
        };
        if !signs {
            return write(&mut self.message);
        }
        self.message.whole(section, |message| {
            let owner = write(message)?;
            message.rrset(section, owner, Rtype::RRSIG, rrset.ttl, node.signatures(rrset.rtype))
        })
    }

    /// Appends the zone's SOA, with its signatures if they are wanted: all or nothing.
    #[inline]
    pub fn soa(&mut self, section: Section, owner: Owner<'_>, zone: &Zone, ttl: u32) -> Result<(), Full> {
        if !self.signs(zone) {
            return self.message.soa(section, owner, ttl, zone.soa()).map(drop);
        }
        self.message.whole(section, |message| {
            let owner = message.soa(section, owner, ttl, zone.soa())?;
            let signatures = zone.node(&[]).into_iter().flat_map(|apex| apex.signatures(Rtype::SOA));
            message.rrset(section, owner, Rtype::RRSIG, ttl, signatures).map(drop)
        })
    }

    /// Appends the records of proof noted so far, when the answer section is complete.
    #[inline]
    pub fn write_proofs(&mut self) {
        let Some(proofs) = self.proofs.take() else { return };
        if !self.truncated {
            let written = proofs.write(self);
            self.require(written);
        }
    }

    /// Refuses or rejects: no records.
    pub fn fail(&mut self, rcode: u16, kind: Kind) {
        self.rcode = rcode;
        self.kind = kind;
    }

    /// Adds an extended error, which is sent if the request has EDNS and the message room for it.
    pub fn set_error(&mut self, info_code: u16, extra_text: &'z [u8]) {
        let error = ExtendedError { info_code, extra_text };
        if self.message.reserve(error.len()) {
            self.error = Some(error);
        }
    }

    /// Adds the version of the zone that encloses QNAME (RFC 9660), if there is room for it.
    pub fn set_zone_version(&mut self, zone: &Zone) {
        if let Ok(labels) = u8::try_from(zone.depth())
            && self.message.reserve(ZONE_VERSION_LEN)
        {
            self.zone_version = Some((labels, zone.serial()));
        }
    }

    /// Gives up on an answer that does not fit: what is sent is the question, and TC that sends the client to TCP
    /// (RFC 2181 §9: an incomplete answer is of no use to it).
    pub fn truncate(&mut self) {
        self.message.truncate();
        self.truncated = true;
    }

    /// Takes note of what a mandatory part of the answer met.
    pub fn require<T>(&mut self, written: Result<T, Full>) {
        if written.is_err() {
            self.truncate();
        }
    }

    /// Whether the answer was given up.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Completes the message.
    #[inline]
    pub fn finish(&mut self, request: &Request<'_>, settings: &Settings, client: &Client) -> Outcome {
        self.message.release();
        if let Some(edns) = &request.edns {
            let udp_size = settings.udp_size_max.max(UDP_SIZE_MIN);
            // Room for it was reserved.
            let cookie = self.cookie.as_ref().map(|cookie| &cookie.octets[..]);
            // In the clear padding would only make reflected answers larger.
            let pads = edns.padding && client.transport.is_encrypted();
            let padded_before = pads.then(|| self.signature_len());
            let (keepalive, error, zone_version) = (self.keepalive, self.error, self.zone_version);
            let options = Options { nsid: self.nsid, cookie, keepalive, error, zone_version, padded_before };
            let _reserved = edns.write(&mut self.message, udp_size, self.rcode, options);
        }
        let counts = self.message.counts();
        let mut len = self.message.len();
        request.header.write_response(
            self.message.octets_mut(),
            self.rcode,
            self.authoritative,
            self.truncated,
            counts,
        );
        if let (Some(record), Some(Signature { check, fits: true })) = (&request.tsig, self.signature) {
            len = check.sign(record, self.message.octets_mut(), len, client.now).expect("room for it was kept");
        }
        let cookie = self.cookie.is_some_and(|cookie| cookie.valid);
        let (rcode, synthesised, tsig) = (self.rcode, self.synthesised, self.signature());
        Outcome { len, rcode, kind: self.kind, zone: self.zone, truncated: self.truncated, cookie, synthesised, tsig }
    }

    /// Octets of the answer's TSIG.
    fn signature_len(&self) -> usize {
        self.signature.filter(|signature| signature.fits).map_or(0, |signature| signature.check.record_len())
    }

    /// A signed answer that does not fit with its signature says only that: without records, and with RCODE NOERROR
    /// (RFC 8945 §5.3).
    #[cold]
    pub fn fit_signature(&mut self) {
        let Some(Signature { check, fits }) = self.signature else { return };
        if check.verdict() != Verdict::Good {
            return;
        }
        if !fits {
            self.truncate();
        }
        if self.truncated {
            self.rcode = NOERROR;
        }
    }
}
