//! Questions as octets, and responses taken apart: by a decoder of its own, so that a fault of ours cannot hide.

use std::collections::BTreeSet;
use std::fmt;
use zhengming::zone::rdata::Presentation;
use zhengming::zone::{Name, Rtype};

const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
/// What is not a matter of the answer: QR, RD, RA, AD, CD, Z and the opcode.
const OTHER_FLAGS: u16 = 0xf9f0;

/// A question, and how it is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// QNAME in its case.
    pub name: Name,
    /// QTYPE.
    pub qtype: Rtype,
    /// UDP size and DO, if it has EDNS.
    pub edns: Option<(u16, bool)>,
    /// Whether it goes over TCP.
    pub tcp: bool,
    /// Whether RD is set.
    pub recursion: bool,
}

/// A record as answers are compared by: names in lower case, uncompressed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Owner name.
    pub owner: Name,
    /// Type.
    pub rtype: Rtype,
    /// Class.
    pub class: u16,
    /// Seconds.
    pub ttl: u32,
    /// RDATA.
    pub rdata: Vec<u8>,
}

/// OPT, options apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// UDP size of the server.
    pub udp_size: u16,
    /// Version.
    pub version: u8,
    /// DO and Z.
    pub flags: u16,
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Octets of it.
    pub len: usize,
    /// The second 16 bits.
    pub flags: u16,
    /// RCODE, extended bits included.
    pub rcode: u16,
    /// The question section as it stands.
    pub question: Vec<u8>,
    /// Answer, authority and additional, without OPT, TSIG and what stands twice.
    pub sections: [BTreeSet<Record>; 3],
    /// Whether a record stood twice in a section.
    pub repeats: bool,
    /// OPT.
    pub opt: Option<Opt>,
    /// Option codes in it.
    pub options: Vec<u16>,
}

impl Question {
    /// The message.
    pub fn to_wire(&self, id: u16) -> Vec<u8> {
        let mut wire = Vec::from(id.to_be_bytes());
        let counts = [1, 0, 0, u16::from(self.edns.is_some())];
        for number in [u16::from(self.recursion) << 8].into_iter().chain(counts) {
            wire.extend(number.to_be_bytes());
        }
        wire.extend(self.section());
        if let Some((size, dnssec_ok)) = self.edns {
            wire.extend([0, 0, 41]);
            wire.extend(size.to_be_bytes());
            wire.extend([0, 0, if dnssec_ok { 0x80 } else { 0 }, 0, 0, 0]);
        }
        wire
    }

    /// The question section.
    pub fn section(&self) -> Vec<u8> {
        [self.name.as_wire(), &self.qtype.0.to_be_bytes(), &[0, 1]].concat()
    }
}

impl Response {
    /// The response in `octets`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let mut cursor = Cursor { octets, at: 2 };
        let flags = cursor.u16()?;
        let counts = [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?];
        let start = cursor.at;
        for _ in 0..counts[0] {
            cursor.name()?;
            cursor.take(4)?;
        }
        let question = octets[start..cursor.at].to_vec();
        let mut response = Self {
            len: octets.len(),
            flags,
            rcode: flags & 0xf,
            question,
            sections: Default::default(),
            repeats: false,
            opt: None,
            options: Vec::new(),
        };
        for (section, count) in counts[1..].iter().enumerate() {
            for _ in 0..*count {
                response.read_record(section, &mut cursor)?;
            }
        }
        if cursor.at < octets.len() {
            return Err(format!("{} octets after the last record", octets.len() - cursor.at));
        }
        Ok(response)
    }

    fn read_record(&mut self, section: usize, cursor: &mut Cursor<'_>) -> Result<(), String> {
        let owner = cursor.name()?.to_lowercase();
        let (rtype, class) = (Rtype(cursor.u16()?), cursor.u16()?);
        let ttl = u32::from(cursor.u16()?) << 16 | u32::from(cursor.u16()?);
        let rdata = cursor.rdata(rtype)?;
        match rtype {
            Rtype::OPT if section == 2 && self.opt.is_none() => {
                self.rcode |= (ttl >> 24 << 4) as u16;
                self.opt = Some(Opt { udp_size: class, version: (ttl >> 16) as u8, flags: ttl as u16 });
                let mut options = Cursor { octets: &rdata, at: 0 };
                while options.at < rdata.len() {
                    self.options.push(options.u16()?);
                    let length = options.u16()?;
                    options.take(length.into())?;
                }
            }
            Rtype::OPT => return Err("an OPT out of place".into()),
            Rtype::TSIG => {}
            _ => {
                // Names in these keep their case, so to Knot, BIND and us records may differ by it (RFC 6840 §5.1).
                let may_repeat = matches!(rtype, Rtype::SVCB | Rtype::HTTPS);
                let is_new = self.sections[section].insert(Record { owner, rtype, class, ttl, rdata });
                self.repeats |= !is_new && !may_repeat;
            }
        }
        Ok(())
    }

    /// Whether AA is set.
    pub fn aa(&self) -> bool {
        self.flags & AA != 0
    }

    /// Whether TC is set.
    pub fn tc(&self) -> bool {
        self.flags & TC != 0
    }

    /// The flags that have nothing to do with what was found.
    pub fn other_flags(&self) -> u16 {
        self.flags & OTHER_FLAGS
    }

    /// Records of the answer section.
    pub fn answer(&self) -> &BTreeSet<Record> {
        &self.sections[0]
    }

    /// Records of the authority section.
    pub fn authority(&self) -> &BTreeSet<Record> {
        &self.sections[1]
    }

    /// Records of the additional section.
    pub fn additional(&self) -> &BTreeSet<Record> {
        &self.sections[2]
    }

    /// Whether the authority section has a record of this type.
    pub fn has_authority(&self, rtype: Rtype) -> bool {
        self.authority().iter().any(|record| record.rtype == rtype)
    }
}

/// The name of an RCODE.
pub fn rcode_name(rcode: u16) -> String {
    let known = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"];
    match (known.get(usize::from(rcode)), rcode) {
        (Some(name), _) => (*name).into(),
        (None, 9) => "NOTAUTH".into(),
        (None, 16) => "BADVERS".into(),
        (None, other) => format!("RCODE{other}"),
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dig {} {}", self.name, self.qtype)?;
        f.write_str(if self.recursion { "" } else { " +norec" })?;
        match self.edns {
            None => f.write_str(" +noedns")?,
            Some((size, dnssec_ok)) => write!(f, " +bufsize={size}{}", if dnssec_ok { " +dnssec" } else { "" })?,
        }
        f.write_str(if self.tcp { " +tcp" } else { " +ignore" })
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rdata = Presentation { rtype: self.rtype, rdata: &self.rdata };
        write!(f, "{} {} {} {rdata}", self.owner, self.ttl, self.rtype)
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ";; status: {}, flags: qr", rcode_name(self.rcode))?;
        for (bit, name) in [(AA, "aa"), (TC, "tc"), (0x100, "rd"), (0x80, "ra"), (0x20, "ad"), (0x10, "cd")] {
            f.write_str(if self.flags & bit != 0 { " " } else { continue })?;
            f.write_str(name)?;
        }
        writeln!(f, "; {} octets", self.len)?;
        if let Some(opt) = self.opt {
            writeln!(
                f,
                "; EDNS: {}, flags {:x}, udp {}, options {:?}",
                opt.version, opt.flags, opt.udp_size, self.options
            )?;
        }
        for (heading, records) in ["ANSWER", "AUTHORITY", "ADDITIONAL"].iter().zip(&self.sections) {
            if !records.is_empty() {
                writeln!(f, ";; {heading}")?;
            }
            for record in records {
                writeln!(f, "{record}")?;
            }
        }
        Ok(())
    }
}

struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn take(&mut self, len: usize) -> Result<&[u8], String> {
        let taken = self.octets.get(self.at..self.at + len).ok_or("octets are missing")?;
        self.at += len;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, String> {
        let octets = self.take(2)?;
        Ok(u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn name(&mut self) -> Result<Name, String> {
        let (mut wire, mut at, mut end) = (Vec::new(), self.at, None);
        loop {
            let length = *self.octets.get(at).ok_or("a name has no end")?;
            if length >= 0xc0 {
                let low = *self.octets.get(at + 1).ok_or("a pointer is cut off")?;
                let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                if target >= at {
                    return Err("a pointer forwards".into());
                }
                end.get_or_insert(at + 2);
                at = target;
                continue;
            }
            let label = self.octets.get(at..=at + usize::from(length)).ok_or("a label is cut off")?;
            wire.extend_from_slice(label);
            at += label.len();
            if length == 0 {
                break;
            }
        }
        self.at = end.unwrap_or(at);
        Ok(Name::from_wire(&wire).map_err(|error| error.to_string())?.0)
    }

    /// RDATA with names uncompressed and in lower case; only types of RFC 1035 may compress them (RFC 3597 §4).
    fn rdata(&mut self, rtype: Rtype) -> Result<Vec<u8>, String> {
        let length = usize::from(self.u16()?);
        let end = self.at + length;
        let (before, names) = match rtype {
            Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::DNAME => (0, 1),
            Rtype::SOA | Rtype(17) => (0, 2),
            Rtype::MX | Rtype::SVCB | Rtype::HTTPS => (2, 1),
            Rtype::SRV => (6, 1),
            // Knot has the signer's name in lower case.
            Rtype::RRSIG => (18, 1),
            _ => (length, 0),
        };
        let compressed = matches!(rtype, Rtype::NS | Rtype::CNAME | Rtype::PTR | Rtype::SOA | Rtype::MX);
        let mut rdata = self.take(before)?.to_vec();
        for _ in 0..names {
            let start = self.at;
            let name = self.name()?.to_lowercase();
            if !compressed && self.at - start != name.as_wire().len() {
                return Err(format!("a name in {rtype} is compressed"));
            }
            rdata.extend_from_slice(name.as_wire());
        }
        let rest = end.checked_sub(self.at).ok_or("RDATA is too short for its names")?;
        rdata.extend_from_slice(self.take(rest)?);
        Ok(rdata)
    }
}
