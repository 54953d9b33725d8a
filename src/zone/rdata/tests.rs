//! Every descriptor reads what it prints, and refuses what it cannot mean.

use super::*;
use crate::zone::name::Name;
use proptest::prelude::*;

fn origin() -> Name {
    Name::absolute("xn--zfr164b").unwrap()
}

fn rtype(mnemonic: &str) -> Rtype {
    Rtype::from_mnemonic(mnemonic.as_bytes()).unwrap()
}

fn print(rtype: Rtype, rdata: &[u8]) -> String {
    Presentation { rtype, rdata }.to_string()
}

/// What `text` is printed as after it was read.
fn reprint(mnemonic: &str, text: &str) -> String {
    let rtype = rtype(mnemonic);
    let rdata = from_text(rtype, text, &origin()).unwrap_or_else(|error| panic!("{mnemonic} {text}: {error}"));
    let printed = print(rtype, &rdata);
    assert_eq!(from_text(rtype, &printed, &Name::root()).as_deref(), Ok(&*rdata), "{mnemonic} {printed}");
    printed
}

#[test]
fn every_type_has_an_example_that_survives() {
    let examples = [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8::1", "2001:db8::1"),
        ("NS", "ns1.nic", "ns1.nic.xn--zfr164b."),
        ("CNAME", "@", "xn--zfr164b."),
        ("DNAME", ".", "."),
        ("PTR", r"a\.b\065.example.", r"a\.bA.example."),
        ("MX", "010 mail", "10 mail.xn--zfr164b."),
        ("SOA", "ns hm.example. 7 30m 15M 2w 300", "ns.xn--zfr164b. hm.example. 7 1800 900 1209600 300"),
        ("TXT", r#"a "b c" "" \"\010"#, r#""a" "b c" "" "\"\010""#),
        ("SPF", "v=spf1", "\"v=spf1\""),
        ("HINFO", "a \"b c\"", "\"a\" \"b c\""),
        ("RP", "a. b.", "a. b."),
        ("MINFO", "a. b.", "a. b."),
        ("AFSDB", "1 a.", "1 a."),
        ("SRV", "1 2 3 a.", "1 2 3 a."),
        ("NAPTR", r#"1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" ."#, r#"1 2 "u" "E2U+sip" "!^.*$!sip:a@b!" ."#),
        ("CAA", "0 issue \"ca.example; x=y\"", "0 issue \"ca.example; x=y\""),
        ("CAA", "128 iodef \"\"", "128 iodef \"\""),
        ("TLSA", "3 1 1 ab cd", "3 1 1 ABCD"),
        ("SMIMEA", "3 1 1 abcd", "3 1 1 ABCD"),
        ("SSHFP", "4 2 abcd", "4 2 ABCD"),
        ("DS", "60485 ECDSAP256SHA256 2 abcd", "60485 13 2 ABCD"),
        ("CDS", "0 0 0 00", "0 0 0 00"),
        ("CDNSKEY", "0 3 0 AA==", "0 3 0 AA=="),
        ("DNSKEY", "257 3 17 Zm9v YmE=", "257 3 17 Zm9vYmE="),
        ("KEY", "257 3 8 Zm9v", "257 3 8 Zm9v"),
        (
            "RRSIG",
            "TYPE65280 13 1 300 20380119031408 0 7 a. Zm9v",
            "TYPE65280 13 1 300 20380119031408 19700101000000 7 a. Zm9v",
        ),
        ("NSEC", "b. TYPE1234 A NS TYPE65535", "b. A NS TYPE1234 TYPE65535"),
        ("NSEC", "b.", "b."),
        ("NSEC3", "1 0 0 - cpnmuoj1 A", "1 0 0 - CPNMUOJ1 A"),
        ("NSEC3", "1 1 12 aabb cpnmuoj1", "1 1 12 AABB CPNMUOJ1"),
        ("NSEC3PARAM", "1 0 0 -", "1 0 0 -"),
        ("SVCB", "0 a.", "0 a."),
        (
            "HTTPS",
            r#"1 . port=443 alpn="h2,h3" mandatory=port,alpn no-default-alpn ipv4hint=192.0.2.1,192.0.2.2"#,
            r#"1 . mandatory=alpn,port alpn="h2,h3" no-default-alpn port=443 ipv4hint=192.0.2.1,192.0.2.2"#,
        ),
        ("SVCB", r#"1 a. ipv6hint=2001:db8::1 ech=Zm9v"#, "1 a. ech=Zm9v ipv6hint=2001:db8::1"),
        ("SVCB", r#"1 a. dohpath=/q{?dns} key65333=ex1 ohttp"#, r#"1 a. dohpath="/q{?dns}" ohttp key65333="ex1""#),
        ("HTTPS", r#"1 . dohpath="/{x,dns*}/{+y}""#, r#"1 . dohpath="/{x,dns*}/{+y}""#),
        ("URI", "10 1 \"https://example/\"", "10 1 \"https://example/\""),
        ("OPENPGPKEY", "Zm9v YmE=", "Zm9vYmE="),
        ("DHCID", "Zm9v", "Zm9v"),
        ("ZONEMD", "2018031500 1 1 abcd", "2018031500 1 1 ABCD"),
        ("CSYNC", "66 3 A NS AAAA", "66 3 A NS AAAA"),
        ("EUI48", "00-00-5E-00-53-2a", "00-00-5e-00-53-2a"),
        ("EUI64", "00-00-5e-ef-10-00-00-2a", "00-00-5e-ef-10-00-00-2a"),
        ("LOC", "39 54 20 N 116 E 44m", "39 54 20.000 N 116 0 0.000 E 44.00m 1.00m 10000.00m 10.00m"),
        ("LOC", "90 S 0 0 0.5 w -100000m 0 2m 3.00", "90 0 0.000 S 0 0 0.500 W -100000.00m 0.00m 2.00m 3.00m"),
        ("CERT", "PGP 0 0 Zm9v", "3 0 0 Zm9v"),
        ("DLV", "1 8 2 abcd", "1 8 2 ABCD"),
        ("L32", "10 192.0.2.1", "10 192.0.2.1"),
        ("LP", "10 a.", "10 a."),
        ("X25", "311061700956", "\"311061700956\""),
        ("RT", "10 a.", "10 a."),
        ("KX", "10 a.", "10 a."),
        ("PX", "10 a. b.", "10 a. b."),
        ("MD", "a.", "a."),
        ("MF", "a.", "a."),
        ("MB", "a.", "a."),
        ("MG", "a.", "a."),
        ("MR", "a.", "a."),
        ("ISDN", "150862028003217 \"004\"", "\"150862028003217\" \"004\""),
        ("WKS", "192.0.2.1 tcp SMTP 80 7", "192.0.2.1 6 7 25 80"),
        ("WKS", "192.0.2.1 132", "192.0.2.1 132"),
        ("ISDN", "150862028003217", "\"150862028003217\""),
        ("NSAP", "0x47.0005.80.005a00", "0x47000580005A00"),
        ("NSAP-PTR", "Foo.", "Foo."),
        ("SIG", "A 8 2 300 20380119031408 0 7 A. Zm9v", "A 8 2 300 20380119031408 19700101000000 7 A. Zm9v"),
        ("GPOS", "-32.6882 116.8652 10.0", "\"-32.6882\" \"116.8652\" \"10.0\""),
        ("NXT", "a. TYPE127 NS A", "a. A NS TYPE127"),
        ("NXT", "a. 2 127", "a. NS TYPE127"),
        ("NXT", "a.", "a."),
        ("EID", "12 89ab", "1289AB"),
        ("NIMLOC", "1289ab", "1289AB"),
        ("ATMA", "+358.400.1234567", "+3584001234567"),
        ("ATMA", "39.246f.00", "39246F00"),
        ("A6", "64 1:2:3:4:5:6:7:8 a.", "64 ::5:6:7:8 a."),
        ("A6", "0 2001:db8::1", "0 2001:db8::1"),
        ("A6", "128 a.", "128 a."),
        ("A6", "61 ff:ff:ff:ffff:: a.", "61 0:0:0:7:: a."),
        ("SINK", "1 0 0 Zm9v", "1 0 0 Zm9v"),
        ("SINK", "1 0 0", "1 0 0"),
        ("APL", "!1:10.0.0.0/8 2:2001:db8::/32 1:0.0.0.0/0", "!1:10.0.0.0/8 2:2001:db8::/32 1:0.0.0.0/0"),
        ("APL", "", ""),
        ("IPSECKEY", "10 1 2 192.0.2.38 Zm9v YmE=", "10 1 2 192.0.2.38 Zm9vYmE="),
        ("IPSECKEY", "10 0 2 . Zm9v", "10 0 2 . Zm9v"),
        ("IPSECKEY", "10 2 2 2001:db8:0:8002::2000:1 Zm9v", "10 2 2 2001:db8:0:8002::2000:1 Zm9v"),
        ("IPSECKEY", "10 3 2 GW Zm9v", "10 3 2 GW.xn--zfr164b. Zm9v"),
        ("IPSECKEY", "10 0 0 .", "10 0 0 ."),
        ("HIP", "2 200100107b1a74df Zm9v", "2 200100107B1A74DF Zm9v"),
        ("HIP", "2 20 Zm9v rvs RVS2.", "2 20 Zm9v rvs.xn--zfr164b. RVS2."),
        ("NINFO", "a b", "\"a\" \"b\""),
        ("RKEY", "0 3 8 Zm9v", "0 3 8 Zm9v"),
        ("TALINK", "a. .", "a. ."),
        ("DSYNC", "CDS NOTIFY 5359 a.", "CDS 1 5359 a."),
        ("DSYNC", "TYPE65280 129 0 a.", "TYPE65280 129 0 a."),
        ("HHIT", "Zm9v", "Zm9v"),
        ("BRID", "Zm9v", "Zm9v"),
        ("NID", "10 14:4FFF:ff20:ee64", "10 0014:4fff:ff20:ee64"),
        ("L64", "10 2001:0db8:1140:1000", "10 2001:0db8:1140:1000"),
        ("AVC", "a b", "\"a\" \"b\""),
        ("DOA", "1 2 3 image/gif Zm 9v", "1 2 3 \"image/gif\" Zm9v"),
        ("DOA", "1 2 3 \"\" -", "1 2 3 \"\" -"),
        ("AMTRELAY", "10 0 1 192.0.2.15", "10 0 1 192.0.2.15"),
        ("AMTRELAY", "10 1 2 2001:db8::15", "10 1 2 2001:db8::15"),
        ("AMTRELAY", "128 1 3 Relay.", "128 1 3 Relay."),
        ("AMTRELAY", "128 0 0 .", "128 0 0 ."),
        ("RESINFO", "qnamemin exterr=15-17", "\"qnamemin\" \"exterr=15-17\""),
        ("WALLET", "BTC wxyz", "\"BTC\" \"wxyz\""),
        ("CLA", "a", "\"a\""),
        ("TA", "1 8 2 abcd", "1 8 2 ABCD"),
        ("TYPE65280", r"\# 3 abcd EF", r"\# 3 ABCDEF"),
        ("NULL", r"\# 0", r"\# 0"),
        ("A", r"\# 4 C0 00 02 01", "192.0.2.1"),
    ];
    for (mnemonic, text, printed) in examples {
        assert_eq!(reprint(mnemonic, text), printed, "{mnemonic}");
    }
    for descriptor in TABLE.iter().filter(|descriptor| descriptor.fields.is_some()) {
        let has_example = examples.iter().any(|(mnemonic, ..)| *mnemonic == descriptor.mnemonic);
        assert!(has_example, "{} has no example", descriptor.mnemonic);
    }
}

#[test]
fn what_a_type_cannot_mean_is_refused() {
    let refused = [
        ("A", "192.0.2", Fault::Bad(Field::Ipv4)),
        ("A", "", Fault::Missing(Field::Ipv4)),
        ("A", "192.0.2.1 x", Fault::Surplus),
        ("A", "\"192.0.2.1\"", Fault::Bad(Field::Ipv4)),
        ("AAAA", "192.0.2.1", Fault::Bad(Field::Ipv6)),
        ("NS", "a..b", Fault::Name(crate::zone::NameError::EmptyLabel)),
        ("NS", "政务.", Fault::NonAscii),
        ("MX", "65536 a.", Fault::Bad(Field::U16)),
        ("MX", "-1 a.", Fault::Bad(Field::U16)),
        ("SOA", "a. b. 1 2 3 4 5x", Fault::Bad(Field::Period)),
        ("SOA", "a. b. 1h 2 3 4 5", Fault::Bad(Field::U32)),
        ("TXT", "", Fault::Missing(Field::Texts)),
        ("TXT", r"a\256", Fault::Name(crate::zone::NameError::BadEscape)),
        ("TXT", "a=\"b c\"", Fault::Bad(Field::Texts)),
        ("CAA", "0 is_sue x", Fault::Bad(Field::Tag)),
        ("DS", "1 8 2", Fault::Missing(Field::Hex)),
        ("DS", "1 8 2 abc", Fault::Bad(Field::Hex)),
        ("DNSKEY", "257 3 8 Zg", Fault::Bad(Field::Base64)),
        ("RRSIG", "A 8 1 1 20230229000000 0 7 a. Zm9v", Fault::Bad(Field::Time)),
        ("NSEC3", "1 0 0 - - A", Fault::Bad(Field::Hash)),
        ("NSEC", "a. A WHAT", Fault::Bad(Field::Bitmap)),
        ("SVCB", "1 . port=1 port=2", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . no-default-alpn", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . dohpath", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . dohpath=q{?dns}", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . dohpath=/q", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . dohpath=/q{?dnssec}", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . mandatory=port", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . mandatory=mandatory", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . alpn=h2,", Fault::Bad(Field::SvcParams)),
        ("SVCB", "1 . key007=x", Fault::Bad(Field::SvcParams)),
        ("EUI48", "00-00-5e-00-53", Fault::Bad(Field::Eui48)),
        ("LOC", "91 N 0 E 0", Fault::Bad(Field::Location)),
        ("LOC", "90 0 0.001 N 0 E 0", Fault::Bad(Field::Location)),
        ("TYPE65280", "abcd", Fault::GenericOnly),
        ("X25", "31x", Fault::Bad(Field::Digits)),
        ("X25", "311", Fault::Bad(Field::Digits)),
        ("WKS", "192.0.2.1 tcp 65536", Fault::Bad(Field::Services)),
        ("WKS", "192.0.2.1", Fault::Missing(Field::Services)),
        ("ISDN", "1 2 3", Fault::Surplus),
        ("ISDN", "", Fault::Missing(Field::Text)),
        ("NSAP", "4700", Fault::Bad(Field::Nsap)),
        ("NSAP", "0x470", Fault::Bad(Field::Nsap)),
        ("NSAP", "0x", Fault::Bad(Field::Nsap)),
        ("NXT", "a. TYPE128", Fault::Bad(Field::NxtBitmap)),
        ("NXT", "a. TYPE0", Fault::Bad(Field::NxtBitmap)),
        ("ATMA", "+", Fault::Bad(Field::Atma)),
        ("ATMA", "+12a", Fault::Bad(Field::Atma)),
        ("ATMA", "123", Fault::Bad(Field::Atma)),
        ("A6", "0 ::1 a.", Fault::Surplus),
        ("A6", "129 ::1 a.", Fault::Bad(Field::A6)),
        ("APL", "1:192.0.2.0/33", Fault::Bad(Field::Prefixes)),
        ("APL", "3:1/2", Fault::Bad(Field::Prefixes)),
        ("APL", "1:192.0.2.0", Fault::Bad(Field::Prefixes)),
        ("APL", "1:2001:db8::/32", Fault::Bad(Field::Prefixes)),
        ("IPSECKEY", "10 0 2 a. Zm9v", Fault::Bad(Field::IpsecKey)),
        ("IPSECKEY", "10 1 2 192.0.2.1", Fault::Missing(Field::Base64)),
        ("IPSECKEY", "10 4 2 192.0.2.1 Zm9v", Fault::Bad(Field::IpsecKey)),
        ("IPSECKEY", "10 2 2 192.0.2.1 Zm9v", Fault::Bad(Field::IpsecKey)),
        ("HIP", "2 - Zm9v", Fault::Bad(Field::Hip)),
        ("HIP", "2 20", Fault::Missing(Field::Hip)),
        ("NID", "10 1:2:3", Fault::Bad(Field::Locator)),
        ("NID", "10 1::2:3", Fault::Bad(Field::Locator)),
        ("NID", "10 1:2:3:00004", Fault::Bad(Field::Locator)),
        ("DSYNC", "CDS OTHER 1 a.", Fault::Bad(Field::Scheme)),
        ("DOA", "1 2 3 a", Fault::Missing(Field::Base64)),
        ("AMTRELAY", "10 2 0 .", Fault::Bad(Field::AmtRelay)),
        ("AMTRELAY", "10 0 0 a.", Fault::Bad(Field::AmtRelay)),
        ("AMTRELAY", "10 0 4 .", Fault::Bad(Field::AmtRelay)),
        ("A", r"\# 3 c00002", Fault::GenericRdata),
        ("A", r"\# 4 c00002", Fault::GenericForm),
        ("NS", r"\# 2 c00c", Fault::GenericRdata),
        ("TXT", r"\# 0", Fault::GenericRdata),
    ];
    for (mnemonic, text, fault) in refused {
        let found = from_text(rtype(mnemonic), text, &origin()).map_err(|error| error.fault);
        assert_eq!(found, Err(fault), "{mnemonic} {text}");
        assert!(!fault.en().is_empty() && !fault.zh().is_empty());
    }
    let long = format!("\"{}\"", "x".repeat(256));
    assert!(from_text(Rtype::TXT, &long, &origin()).is_err());
    let longest = vec![format!("\"{}\"", "x".repeat(255)); 256];
    assert_eq!(from_text(Rtype::TXT, &longest[..255].join(" "), &origin()).unwrap().len(), 255 * 256);
    assert!(from_text(Rtype::TXT, &longest.join(" "), &origin()).is_err());
}

#[test]
fn octets_that_break_a_rule_of_their_type_are_malformed() {
    let malformed: &[(&str, &[u8])] = &[
        ("A", &[192, 0, 2]),
        ("NS", &[1, b'a']),
        ("NS", &[0xc0, 0]),
        ("MX", &[0, 1, 0, 0]),
        ("TXT", &[2, b'a']),
        ("CAA", &[0, 0]),
        ("CAA", &[0, 1, b'-']),
        ("DS", &[0, 1, 8, 2]),
        ("DNSKEY", &[1, 1, 3, 8]),
        // RFC 4034 §4.1.2: windows rise, their lengths are 1 to 32, no zeros at their ends.
        ("NSEC", &[0, 0, 1, 1, 0, 1, 1]),
        ("NSEC", &[0, 1, 1, 1, 0, 1, 1]),
        ("NSEC", &[0, 0, 0]),
        ("NSEC", &[0, 0, 2, 1, 0]),
        // RFC 9460 §2.2: keys rise, values have their form.
        ("SVCB", &[0, 1, 0, 0, 3, 0, 2, 1, 1, 0, 3, 0, 2, 1, 1]),
        ("SVCB", &[0, 1, 0, 0, 3, 0, 1, 1]),
        ("SVCB", &[0, 1, 0, 0, 1, 0, 2, 2, b'h']),
        ("SVCB", &[0, 1, 0, 0, 2, 0, 0]),
        ("X25", &[4, b'3', b'1', b'1', b'x']),
        ("A6", &[0; 18]),
        ("A6", &[64, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("A6", &[129, 0]),
        ("A6", &[127, 3, 0]),
        // RFC 3123 §4: no zeros at the end, no other families.
        ("APL", &[0, 1, 8, 2, 10, 0]),
        ("APL", &[0, 3, 8, 1, 10]),
        ("APL", &[0, 1, 33, 1, 10]),
        ("APL", &[0, 1, 32, 5, 1, 2, 3, 4, 5]),
        ("NXT", &[0, 0x80]),
        ("NXT", &[0, 0x40, 0]),
        ("IPSECKEY", &[10, 0, 2]),
        ("IPSECKEY", &[10, 1, 2, 192, 0, 2]),
        ("IPSECKEY", &[10, 4, 0]),
        ("HIP", &[0, 2, 0, 1, 1]),
        ("HIP", &[1, 2, 0, 1, 1]),
        ("HIP", &[1, 2, 0, 1, 1, 1, 3, b'a']),
        ("AMTRELAY", &[10, 0, 1]),
        ("AMTRELAY", &[10, 0x84]),
        ("ATMA", &[2, b'1']),
        ("ATMA", &[1, b'x']),
        ("NSAP", &[]),
        ("LOC", &[1, 0x12, 0x16, 0x13, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for &(mnemonic, octets) in malformed {
        assert!(!is_well_formed(rtype(mnemonic), octets), "{mnemonic} {octets:?}");
        assert!(print(rtype(mnemonic), octets).starts_with("\\# "));
    }
}

#[test]
fn names_in_rdata_are_found_with_their_use() {
    let rdata = from_text(Rtype::SOA, "A. B.c. 1 2 3 4 5", &origin()).unwrap();
    let found: Vec<_> = names(Rtype::SOA, &rdata).map(|(range, usage)| (range, usage.compress)).collect();
    assert_eq!(found, [(0..3, true), (3..8, true)]);
    let mut lower = from_text(Rtype::SRV, "1 2 3 A.B.", &origin()).unwrap();
    assert!(names(Rtype::SRV, &lower).all(|(_, usage)| usage.additional && !usage.compress));
    lowercase_names(Rtype::SRV, &mut lower);
    assert_eq!(print(Rtype::SRV, &lower), "1 2 3 a.b.");
    let mut kept = from_text(Rtype::NSEC, "A. NS", &origin()).unwrap();
    lowercase_names(Rtype::NSEC, &mut kept);
    assert_eq!(print(Rtype::NSEC, &kept), "A. NS");
    assert_eq!(names(Rtype::NS, &[3, b'a']).count(), 0);
}

#[test]
fn mnemonics_go_both_ways() {
    for descriptor in TABLE {
        assert_eq!(Rtype::from_mnemonic(descriptor.mnemonic.as_bytes()), Some(descriptor.rtype));
        assert_eq!(descriptor.rtype.to_string(), descriptor.mnemonic);
    }
    assert_eq!(Rtype::from_mnemonic(b"type1"), Some(Rtype::A));
    assert_eq!(Rtype(65280).to_string(), "TYPE65280");
    for text in [&b"TYPE"[..], b"TYPE65536", b"TYPE-1", b"B", b""] {
        assert_eq!(Rtype::from_mnemonic(text), None);
    }
    assert!(!Rtype::ANY.is_data() && !Rtype::OPT.is_data() && Rtype::CAA.is_data());
}

#[test]
fn periods_take_units() {
    let periods = [("0", 0), ("1h30m", 5400), ("2W1d", 1_296_000), ("1S", 1), ("4294967295", u32::MAX)];
    for (text, seconds) in periods {
        assert_eq!(mnemonic::period(text.as_bytes()), Some(seconds), "{text}");
    }
    for text in ["", "h", "1h30", "4294967296", "9999999w", "1y", "+1", "1 h"] {
        assert_eq!(mnemonic::period(text.as_bytes()), None, "{text}");
    }
}

fn any_known_type() -> impl Strategy<Value = Rtype> {
    (0..TABLE.len()).prop_map(|row| TABLE[row].rtype)
}

proptest! {
    /// Whatever octets stand in a record: what is printed is read back as the same octets. Octets that fit no field
    /// are printed as `\#`, which only an unknown type takes back.
    #[test]
    fn print_then_parse_is_the_identity(rtype in any_known_type(), rdata in prop::collection::vec(any::<u8>(), 0..80)) {
        let printed = print(rtype, &rdata);
        if is_well_formed(rtype, &rdata) {
            let read = from_text(rtype, &printed, &Name::root());
            prop_assert_eq!(read.as_deref(), Ok(&*rdata), "{} {}", rtype, printed);
        } else {
            prop_assert!(printed.starts_with("\\# "));
            prop_assert!(from_text(rtype, &printed, &Name::root()).is_err());
        }
    }

    /// Service parameters have the most ways to go wrong.
    #[test]
    fn service_params_survive_printing(params in service_params()) {
        let rdata = [&[0, 1, 0][..], &params].concat();
        let printed = print(Rtype::SVCB, &rdata);
        let read = from_text(Rtype::SVCB, &printed, &origin());
        prop_assert_eq!(read.as_deref(), Ok(&*rdata), "{}", printed);
    }

    /// The same for octets made field by field, which reach the fields behind the first one.
    #[test]
    fn fields_survive_printing((rtype, rdata) in well_formed()) {
        prop_assume!(rdata.len() <= 65_535);
        prop_assert!(is_well_formed(rtype, &rdata), "{} {:?}", rtype, rdata);
        let printed = print(rtype, &rdata);
        let read = from_text(rtype, &printed, &origin());
        prop_assert_eq!(read.as_deref(), Ok(&*rdata), "{} {}", rtype, printed);
    }

    /// No text makes the parser panic, and what it takes is well formed.
    #[test]
    fn random_text_never_panics(rtype in any_known_type(), text in "[-0-9a-zA-Z .\\\\\"()=,#@:\n\u{80}-\u{90}]{0,60}") {
        if let Ok(rdata) = from_text(rtype, &text, &origin()) {
            prop_assert!(is_well_formed(rtype, &rdata));
        }
    }
}

fn well_formed() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    let rows: Vec<_> = TABLE.iter().filter(|descriptor| descriptor.fields.is_some()).collect();
    (0..rows.len()).prop_flat_map(move |row| {
        let fields: Vec<_> = rows[row].fields.unwrap_or_default().iter().map(|&field| octets_of(field)).collect();
        let rtype = rows[row].rtype;
        fields.prop_map(move |fields| (rtype, fields.concat()))
    })
}

fn octets_of(field: Field) -> BoxedStrategy<Vec<u8>> {
    let counted = |from: usize, to: usize| {
        prop::collection::vec(any::<u8>(), from..to).prop_map(|octets| {
            let mut counted = vec![octets.len() as u8];
            counted.extend(octets);
            counted
        })
    };
    match field {
        Field::Name(_) => {
            prop::collection::vec(counted(1, 20), 0..4).prop_map(|labels| [labels.concat(), vec![0]].concat()).boxed()
        }
        Field::U8 | Field::Algorithm | Field::Scheme => prop::collection::vec(any::<u8>(), 1).boxed(),
        Field::U16 | Field::Type | Field::OldType | Field::CertType => prop::collection::vec(any::<u8>(), 2).boxed(),
        Field::U32 | Field::Period | Field::Time | Field::Ipv4 => prop::collection::vec(any::<u8>(), 4).boxed(),
        Field::Eui48 => prop::collection::vec(any::<u8>(), 6).boxed(),
        Field::Eui64 | Field::Locator => prop::collection::vec(any::<u8>(), 8).boxed(),
        Field::Ipv6 => prop::collection::vec(any::<u8>(), 16).boxed(),
        Field::Text | Field::Salt => counted(0, 256).boxed(),
        // `well_formed` puts it last, where it may be missing; A6 has its name by the prefix.
        Field::NameIfAny(_) => Just(vec![]).boxed(),
        Field::TextIfAny => prop_oneof![Just(vec![]), counted(0, 256)].boxed(),
        Field::Digits => "[0-9]{4,20}".prop_map(|text| [vec![text.len() as u8], text.into_bytes()].concat()).boxed(),
        Field::Base64IfAny | Field::Base64OrDash => prop::collection::vec(any::<u8>(), 0..80).boxed(),
        Field::Nsap => prop::collection::vec(any::<u8>(), 1..30).boxed(),
        Field::Atma => prop_oneof![
            prop::collection::vec(any::<u8>(), 1..20).prop_map(|octets| [vec![0], octets].concat()),
            "[0-9]{1,15}".prop_map(|digits| [vec![1], digits.into_bytes()].concat()),
        ]
        .boxed(),
        Field::Prefixes => prop::collection::vec(apl_item(), 0..6).prop_map(|items| items.concat()).boxed(),
        Field::A6 => a6().boxed(),
        Field::Services => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..100), 1..=255u8)
            .prop_map(|(protocol, bits, last)| [vec![protocol], bits, vec![last]].concat())
            .boxed(),
        Field::NxtBitmap => prop::collection::vec(any::<u8>(), 0..15)
            .prop_map(|mut bits| {
                bits.push(1);
                bits[0] &= 0x7f;
                bits
            })
            .boxed(),
        Field::IpsecKey => (any::<u8>(), 1..=255u8, gateway(), prop::collection::vec(any::<u8>(), 1..60))
            .prop_map(|(first, algorithm, (kind, gateway), key)| [vec![first, kind, algorithm], gateway, key].concat())
            .boxed(),
        Field::AmtRelay => (any::<u8>(), any::<bool>(), gateway())
            .prop_map(|(first, discovery, (kind, relay))| {
                [vec![first, if discovery { 0x80 | kind } else { kind }], relay].concat()
            })
            .boxed(),
        Field::Hip => {
            let octets = || prop::collection::vec(any::<u8>(), 1..40);
            let names = prop::collection::vec(octets_of(Field::Name(PLAIN)), 0..3);
            (any::<u8>(), octets(), octets(), names)
                .prop_map(|(algorithm, hit, key, names)| {
                    [vec![hit.len() as u8, algorithm, 0, key.len() as u8], hit, key, names.concat()].concat()
                })
                .boxed()
        }
        Field::Hash => counted(1, 256).boxed(),
        Field::Texts => prop::collection::vec(counted(0, 60), 1..4).prop_map(|texts| texts.concat()).boxed(),
        Field::Tag => "[a-zA-Z0-9]{1,15}".prop_map(|tag| [vec![tag.len() as u8], tag.into_bytes()].concat()).boxed(),
        Field::Octets => prop::collection::vec(any::<u8>(), 0..300).boxed(),
        Field::Base64 | Field::Hex => prop::collection::vec(any::<u8>(), 1..80).boxed(),
        Field::Bitmap => prop::collection::btree_set(any::<u16>(), 0..20)
            .prop_map(|types| {
                let mut out = Vec::new();
                parse::write_bitmap(&mut types.into_iter().map(Rtype).collect::<Vec<_>>(), &mut out);
                out
            })
            .boxed(),
        Field::SvcParams => service_params().boxed(),
        Field::Location => (0..=9u8, 0..=9u8, 0..=648_000_000u32, 0..=1_296_000_000u32, any::<u32>())
            .prop_map(|(digit, power, north, east, altitude)| {
                let power = if digit == 0 { 0 } else { power };
                let mut out = vec![0, digit << 4 | power, 0x00, 0x99];
                out.extend(((1 << 31) - 324_000_000 + north).to_be_bytes());
                out.extend(((1 << 31) - 648_000_000 + east).to_be_bytes());
                out.extend(altitude.to_be_bytes());
                out
            })
            .boxed(),
    }
}

const PLAIN: NameUse = NameUse { compress: false, lowercase: false, additional: false };

/// Kind and octets of a gateway.
fn gateway() -> impl Strategy<Value = (u8, Vec<u8>)> {
    prop_oneof![
        Just((0, vec![])),
        prop::collection::vec(any::<u8>(), 4).prop_map(|octets| (1, octets)),
        prop::collection::vec(any::<u8>(), 16).prop_map(|octets| (2, octets)),
        octets_of(Field::Name(PLAIN)).prop_map(|name| (3, name)),
    ]
}

fn apl_item() -> impl Strategy<Value = Vec<u8>> {
    (any::<bool>(), any::<bool>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..16)).prop_map(
        |(six, negated, length, mut address)| {
            address.truncate(if six { 16 } else { 4 });
            while address.last() == Some(&0) {
                address.pop();
            }
            let (family, bits) = if six { (2, 129) } else { (1, 33) };
            [vec![0, family, length % bits, address.len() as u8 | if negated { 0x80 } else { 0 }], address].concat()
        },
    )
}

fn a6() -> impl Strategy<Value = Vec<u8>> {
    (0..=128u8, any::<u128>(), octets_of(Field::Name(PLAIN))).prop_map(|(prefix_len, address, name)| {
        let suffix = (address & u128::MAX.checked_shr(prefix_len.into()).unwrap_or(0)).to_be_bytes();
        let suffix = suffix[16 - usize::from(128 - prefix_len).div_ceil(8)..].to_vec();
        [vec![prefix_len], suffix, if prefix_len > 0 { name } else { vec![] }].concat()
    })
}

fn service_params() -> impl Strategy<Value = Vec<u8>> {
    let value = prop::collection::vec(any::<u8>(), 0..20);
    // The octets that are escaped twice are rare among all.
    let octet = prop_oneof![any::<u8>(), prop::sample::select(b"\\,\" ;".to_vec())];
    let ids = prop::collection::vec(prop::collection::vec(octet, 1..6), 1..4);
    let text_keys = prop::collection::btree_map(9..65_535u16, value, 0..4);
    let template = prop::collection::vec(any::<char>(), 0..10)
        .prop_map(|text| [b"/", String::from_iter(text).as_bytes(), b"{?dns}"].concat())
        .prop_filter("braces would make other expressions", |text| {
            text.iter().filter(|&&octet| octet == b'{').count() == 1
        });
    (prop::option::of(ids), prop::option::of(any::<u16>()), prop::option::of(template), text_keys).prop_map(
        |(ids, port, path, others)| {
            let mut params = others;
            if let Some(ids) = ids {
                params.insert(1, ids.iter().flat_map(|id| [vec![id.len() as u8], id.clone()].concat()).collect());
            }
            port.map(|port| params.insert(3, port.to_be_bytes().to_vec()));
            path.map(|path| params.insert(7, path));
            let mut out = Vec::new();
            for (key, value) in params {
                out.extend(key.to_be_bytes());
                out.extend((value.len() as u16).to_be_bytes());
                out.extend(value);
            }
            out
        },
    )
}
