//! The table itself: every RR type with its mnemonic and the fields of its RDATA.

use super::Field::{self, *};
use super::NameUse;
use crate::zone::record::Rtype;

/// One RR type.
#[derive(Debug)]
pub struct Descriptor {
    /// Its number.
    pub rtype: Rtype,
    /// Its mnemonic (the IANA registry "Resource Record (RR) TYPEs").
    pub mnemonic: &'static str,
    /// The fields of its RDATA in order; none if it has no form in master files but `\#` (RFC 3597).
    pub fields: Option<&'static [Field]>,
}

/// The descriptor of `rtype`, if the type is known.
pub fn descriptor(rtype: Rtype) -> Option<&'static Descriptor> {
    TABLE.iter().find(|descriptor| descriptor.rtype == rtype)
}

/// The descriptor of a mnemonic in any case.
pub fn by_mnemonic(mnemonic: &[u8]) -> Option<&'static Descriptor> {
    TABLE.iter().find(|descriptor| descriptor.mnemonic.as_bytes().eq_ignore_ascii_case(mnemonic))
}

const fn row(number: u16, mnemonic: &'static str, fields: &'static [Field]) -> Descriptor {
    Descriptor { rtype: Rtype(number), mnemonic, fields: Some(fields) }
}

const fn bare(number: u16, mnemonic: &'static str) -> Descriptor {
    Descriptor { rtype: Rtype(number), mnemonic, fields: None }
}

/// A name of a type from RFC 1035: compressed in messages (RFC 3597 §4), lower-cased in canonical form (RFC 4034 §6.2).
const OLD: Field = Name(NameUse { compress: true, lowercase: true, additional: false });
/// The same, and its addresses go into the additional section.
const OLD_HOST: Field = Name(NameUse { compress: true, lowercase: true, additional: true });
/// A name that is never compressed but lower-cased (the list of RFC 4034 §6.2 as corrected by RFC 6840 §5.1).
const LOWER: Field = Name(NameUse { compress: false, lowercase: true, additional: false });
/// The same, with additional data.
const LOWER_HOST: Field = Name(NameUse { compress: false, lowercase: true, additional: true });
/// A name that stays as it is.
const KEPT: Field = Name(NameUse { compress: false, lowercase: false, additional: false });
/// A name that stays as it is, with additional data.
const KEPT_HOST: Field = Name(NameUse { compress: false, lowercase: false, additional: true });

/// All types, the frequent ones first: it is searched from the front.
pub static TABLE: &[Descriptor] = &[
    row(1, "A", &[Ipv4]),
    row(28, "AAAA", &[Ipv6]),
    row(2, "NS", &[OLD_HOST]),
    row(43, "DS", &[U16, Algorithm, U8, Hex]),
    row(46, "RRSIG", &[Type, Algorithm, U8, U32, Time, Time, U16, LOWER, Base64]),
    row(50, "NSEC3", &[U8, U8, U16, Salt, Hash, Bitmap]),
    row(47, "NSEC", &[KEPT, Bitmap]),
    row(5, "CNAME", &[OLD]),
    row(16, "TXT", &[Texts]),
    row(15, "MX", &[U16, OLD_HOST]),
    row(6, "SOA", &[OLD, OLD, U32, Period, Period, Period, Period]),
    row(12, "PTR", &[OLD]),
    row(33, "SRV", &[U16, U16, U16, LOWER_HOST]),
    row(48, "DNSKEY", &[U16, U8, Algorithm, Base64]),
    row(257, "CAA", &[U8, Tag, Octets]),
    row(52, "TLSA", &[U8, U8, U8, Hex]),
    row(65, "HTTPS", &[U16, KEPT_HOST, SvcParams]),
    row(64, "SVCB", &[U16, KEPT_HOST, SvcParams]),
    row(3, "MD", &[OLD_HOST]),
    row(4, "MF", &[OLD_HOST]),
    row(7, "MB", &[OLD_HOST]),
    row(8, "MG", &[OLD]),
    row(9, "MR", &[OLD]),
    bare(10, "NULL"),
    row(11, "WKS", &[Ipv4, Services]),
    row(13, "HINFO", &[Text, Text]),
    row(14, "MINFO", &[OLD, OLD]),
    row(17, "RP", &[LOWER, LOWER]),
    row(18, "AFSDB", &[U16, LOWER_HOST]),
    row(19, "X25", &[Digits]),
    row(20, "ISDN", &[Text, TextIfAny]),
    row(21, "RT", &[U16, LOWER_HOST]),
    row(22, "NSAP", &[Nsap]),
    row(23, "NSAP-PTR", &[KEPT]),
    row(24, "SIG", &[OldType, Algorithm, U8, U32, Time, Time, U16, LOWER, Base64]),
    row(25, "KEY", &[U16, U8, Algorithm, Base64]),
    row(26, "PX", &[U16, LOWER, LOWER]),
    row(27, "GPOS", &[Text, Text, Text]),
    row(29, "LOC", &[Location]),
    row(30, "NXT", &[LOWER, NxtBitmap]),
    row(31, "EID", &[Hex]),
    row(32, "NIMLOC", &[Hex]),
    row(34, "ATMA", &[Atma]),
    row(35, "NAPTR", &[U16, U16, Text, Text, Text, LOWER]),
    row(36, "KX", &[U16, LOWER_HOST]),
    row(37, "CERT", &[CertType, U16, Algorithm, Base64]),
    row(38, "A6", &[A6, NameIfAny(NameUse { compress: false, lowercase: true, additional: false })]),
    row(39, "DNAME", &[LOWER]),
    row(40, "SINK", &[U8, U8, U8, Base64IfAny]),
    bare(41, "OPT"),
    row(42, "APL", &[Prefixes]),
    row(44, "SSHFP", &[U8, U8, Hex]),
    row(45, "IPSECKEY", &[IpsecKey]),
    row(49, "DHCID", &[Base64]),
    row(51, "NSEC3PARAM", &[U8, U8, U16, Salt]),
    row(53, "SMIMEA", &[U8, U8, U8, Hex]),
    row(55, "HIP", &[Hip]),
    row(56, "NINFO", &[Texts]),
    row(57, "RKEY", &[U16, U8, Algorithm, Base64]),
    row(58, "TALINK", &[KEPT, KEPT]),
    row(59, "CDS", &[U16, Algorithm, U8, Hex]),
    row(60, "CDNSKEY", &[U16, U8, Algorithm, Base64]),
    row(61, "OPENPGPKEY", &[Base64]),
    row(62, "CSYNC", &[U32, U16, Bitmap]),
    row(63, "ZONEMD", &[U32, U8, U8, Hex]),
    row(66, "DSYNC", &[Type, Scheme, U16, KEPT]),
    row(67, "HHIT", &[Base64]),
    row(68, "BRID", &[Base64]),
    row(99, "SPF", &[Texts]),
    bare(100, "UINFO"),
    bare(101, "UID"),
    bare(102, "GID"),
    bare(103, "UNSPEC"),
    row(104, "NID", &[U16, Locator]),
    row(105, "L32", &[U16, Ipv4]),
    row(106, "L64", &[U16, Locator]),
    row(107, "LP", &[U16, KEPT]),
    row(108, "EUI48", &[Eui48]),
    row(109, "EUI64", &[Eui64]),
    bare(128, "NXNAME"),
    bare(249, "TKEY"),
    bare(250, "TSIG"),
    bare(251, "IXFR"),
    bare(252, "AXFR"),
    bare(253, "MAILB"),
    bare(254, "MAILA"),
    bare(255, "ANY"),
    row(256, "URI", &[U16, U16, Octets]),
    row(258, "AVC", &[Texts]),
    row(259, "DOA", &[U32, U32, U8, Text, Base64OrDash]),
    row(260, "AMTRELAY", &[AmtRelay]),
    row(261, "RESINFO", &[Texts]),
    row(262, "WALLET", &[Texts]),
    row(263, "CLA", &[Texts]),
    bare(264, "IPN"),
    row(32768, "TA", &[U16, Algorithm, U8, Hex]),
    row(32769, "DLV", &[U16, Algorithm, U8, Hex]),
];
