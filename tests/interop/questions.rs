//! Questions aimed at the corners of a family of zones.

use crate::packet::Question;
use crate::random::Random;
use crate::zones::{Family, Served, below, longest};
use zhengming::zone::{Name, Rtype};

/// Types that are asked for: the frequent, the special and the unknown.
const TYPES: &[&str] = &[
    "A",
    "A",
    "A",
    "AAAA",
    "NS",
    "NS",
    "SOA",
    "DS",
    "DS",
    "ANY",
    "ANY",
    "CNAME",
    "DNAME",
    "MX",
    "TXT",
    "SRV",
    "HTTPS",
    "SVCB",
    "PTR",
    "CAA",
    "HINFO",
    "RRSIG",
    "NSEC",
    "DNSKEY",
    "NSEC3",
    "NSEC3PARAM",
    "TYPE65280",
    "TYPE0",
    "TYPE128",
    "TYPE65535",
    "MAILB",
    "NULL",
];
const UDP_SIZES: &[u16] = &[0, 511, 512, 513, 1232, 1232, 4096, 65_535];

/// `count` questions about the zones of `family`.
pub fn about(random: &mut Random, family: &Family, count: usize) -> Vec<Question> {
    (0..count).map(|_| question(random, family)).collect()
}

fn question(random: &mut Random, family: &Family) -> Question {
    let zone = &family.zones[random.below(family.zones.len())];
    let line = &zone.lines[random.below(zone.lines.len())];
    let name = name(random, family, zone, &line.owner, line.target.as_ref());
    let own_type = zone.lines.iter().find(|line| line.owner == name).map(|line| line.rtype);
    let qtype = match own_type {
        Some(rtype) if random.one_in(3) => rtype,
        _ => Rtype::from_mnemonic(random.pick(TYPES).as_bytes()).expect("a type"),
    };
    let name = if random.one_in(2) { other_case(random, &name) } else { name };
    let edns = if random.one_in(3) { None } else { Some((random.pick(UDP_SIZES), random.one_in(2))) };
    Question { name, qtype, edns, tcp: random.one_in(8), recursion: random.one_in(4) }
}

/// A name at, above, below or beside one that is in a zone.
fn name(random: &mut Random, family: &Family, zone: &Served, owner: &Name, target: Option<&Name>) -> Name {
    let labels = ["x", "*", "x.y", "*.*", "ns0", "a", "www", "new.\\000.q", "b.*"];
    match random.below(17) {
        0..=4 => owner.clone(),
        5 => owner.parent().unwrap_or_else(Name::root),
        6 | 7 => below(random.pick(&labels), owner).unwrap_or_else(|| owner.clone()),
        8 | 9 => instance(random, owner),
        10 => instance(random, owner).parent().unwrap_or_else(Name::root),
        11 => target.unwrap_or(owner).clone(),
        12 => below(random.pick(&labels), target.unwrap_or(owner)).unwrap_or_else(|| zone.apex.clone()),
        13 => beside(random, owner),
        14 => zone.apex.clone(),
        15 => longest(owner),
        _ => {
            let empty: Vec<&Name> = family.existing.difference(&family.owners).collect();
            if empty.is_empty() { zone.apex.clone() } else { random.pick(&empty).clone() }
        }
    }
}

/// An instance of the wildcards in a name: other labels in their place.
fn instance(random: &mut Random, name: &Name) -> Name {
    let mut wire = Vec::new();
    for label in name.labels() {
        let instead: &[&[u8]] = &[b"\x01x", b"\x02xy\x01z", b"\x01*", b"\x01a", b"\x03new\x01*"];
        if label == b"*" {
            wire.extend_from_slice(random.pick(instead));
        } else {
            wire.push(u8::try_from(label.len()).expect("a label"));
            wire.extend_from_slice(label);
        }
    }
    wire.push(0);
    Name::from_wire(&wire).map_or_else(|_| name.clone(), |(name, _)| name)
}

/// The name with one octet of its first label changed.
fn beside(random: &mut Random, name: &Name) -> Name {
    let mut wire = name.as_wire().to_vec();
    if wire[0] > 0 {
        let at = 1 + random.below(wire[0].into());
        wire[at] = wire[at].wrapping_add(1);
    }
    Name::from_wire(&wire).expect("its lengths are as they were").0
}

/// The name with some letters in the other case (draft-vixie-dnsext-dns0x20).
fn other_case(random: &mut Random, name: &Name) -> Name {
    let mut wire = name.as_wire().to_vec();
    for octet in &mut wire {
        // Length octets are below the letters.
        if octet.is_ascii_alphabetic() && random.one_in(2) {
            *octet ^= 0x20;
        }
    }
    Name::from_wire(&wire).expect("its lengths are as they were").0
}
