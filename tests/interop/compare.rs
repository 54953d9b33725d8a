//! What may differ between two answers to one question: each accepted difference with its reason.

use crate::packet::{Question, Record, Response, rcode_name};
use crate::world::World;
use std::collections::BTreeSet;
use zhengming::zone::{Name, Rtype};

const NOERROR: u16 = 0;
const FORMERR: u16 = 1;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;
const NOTIMP: u16 = 4;
const YXDOMAIN: u16 = 6;
/// Smallest UDP size (RFC 1035 §4.2.1), and the largest of all three servers.
const UDP_SIZES: (u16, u16) = (512, 1232);
/// Most CNAME records in one answer of ours.
const OUR_CHAIN_MAX: usize = 16;
/// Octets that addresses of one name may need: an RRset goes in whole or not at all.
const ADDRESS_LEN_MAX: usize = 200;
/// Octets that their signature may need beside: two long names and the longest signature here.
const SIGNATURE_LEN_MAX: usize = 500;
/// After so many aliases Knot stops.
const KNOT_CHAIN_MAX: usize = 5;
/// Of so many aliases BIND makes a failure.
const BIND_CHAIN_MAX: usize = 12;
/// The tolerance for a proof that is not ours; if all peers need it for one answer, ours must have all that one has.
pub const OTHER_PROOF: &str = "another proof";
/// Seconds that NSD and Knot make up.
const DEFAULT_TTL: u32 = 3600;
/// Labels of a question that we compress names with.
const COMPRESSED_LABELS_MAX: usize = 16;

/// The server that Zhengming is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// NSD.
    Nsd,
    /// Knot.
    Knot,
    /// BIND.
    Bind,
}

impl Peer {
    /// All of them, in the order of their answers.
    pub const ALL: [Self; 3] = [Self::Nsd, Self::Knot, Self::Bind];
}

/// One question, and what two servers answer.
pub struct Case<'a> {
    /// The question.
    pub question: &'a Question,
    /// All zones.
    pub world: &'a World,
    /// The other one.
    pub peer: Peer,
    /// Additional data of NSD and Knot, both.
    pub both_add: BTreeSet<Record>,
    /// Our answer.
    pub ours: Response,
    /// Its answer.
    pub theirs: Response,
}

/// A difference that is accepted.
pub struct Tolerance {
    /// A short name, for the count.
    pub name: &'static str,
    /// Why it is accepted.
    pub reason: &'static str,
    /// What says so.
    pub reference: &'static str,
    /// Takes the difference out of the case, if it is there: what it leaves is still compared.
    apply: fn(&mut Case<'_>) -> bool,
}

/// All of them, in the order they are tried.
pub const TOLERANCES: &[Tolerance] = &[
    Tolerance {
        name: "TTL left out",
        reason: "without $TTL and a TTL, NSD and Knot take 3600 seconds; BIND and we that of the record before, or for all \
                 of a zone that begins without one the SOA's MINIMUM",
        reference: "RFC 1035 §5.1: the last stated value; RFC 2308 §4: the meaning of MINIMUM before $TTL",
        apply: ttl_left_out,
    },
    Tolerance {
        name: "unequal TTLs",
        reason: "NSD sends each record of an RRset with its own, BIND all with the first, Knot with the last; we with the \
                 lowest, which is what who receives NSD's goes by",
        reference: "RFC 2181 §5.2: one TTL for the set, and the lowest if there are others",
        apply: unequal_ttls,
    },
    Tolerance {
        name: "reserved type",
        reason: "Knot does not implement type 0, nor BIND any that only questions may have; to NSD and us no name has them",
        reference: "RFC 6895 §3.1 reserves them and says no more",
        apply: reserved_type,
    },
    Tolerance {
        name: "refused zone",
        reason: "BIND alone takes NS at a wildcard and DS at an apex for errors; there is no answer from a refused zone",
        reference: "RFC 4592 §4.2: discouraged; RFC 4035 §2.4",
        apply: refused_zone,
    },
    Tolerance {
        name: "half a signed zone",
        reason: "without DNSKEY and a chain of NSEC or NSEC3 a zone is not signed to BIND, nor to NSD without a signature \
                 of DNSKEY; Knot and we serve what signatures and proofs it has",
        reference: "RFC 4035 §2.1: a signed zone has all of it; §3.1 does not ask whether it is complete",
        apply: half_signed,
    },
    Tolerance {
        name: "one RRset for ANY",
        reason: "NSD, Knot and we pick an RRset each, BIND gives all; NSD knows only some types to pick from, BIND no DS alone",
        reference: "RFC 8482 §4.1: a subset of the RRsets will do",
        apply: any,
    },
    Tolerance {
        name: "ANY below a DNAME",
        reason: "to BIND the CNAME that it makes is an answer to ANY; NSD, Knot and we follow it",
        reference: "RFC 6672 §3.2 step 3c: go back to step 1",
        apply: any_below_dname,
    },
    Tolerance {
        name: "NS at a wildcard",
        reason: "Knot refers to the wildcard's own name; NSD and we make NS records from it as from any other",
        reference: "RFC 4592 §4.2: the semantics are not defined",
        apply: wildcard_ns,
    },
    Tolerance {
        name: "DNAME at a wildcard",
        reason: "Knot makes a DNAME of the name below the asterisk; NSD and we leave it where it is",
        reference: "RFC 6672 §3.3: discouraged, RFC 4592 §4.4: no consensus",
        apply: wildcard_dname,
    },
    Tolerance {
        name: "DS at an apex",
        reason: "NSD may pass over the closest zone above, and any DS at the apex; BIND one that does not delegate",
        reference: "RFC 4035 §3.1.4.1: the parent's",
        apply: ds_at_apex,
    },
    Tolerance {
        name: "name too long after a DNAME",
        reason: "Knot goes on with a name that it could not make; NSD and we stop",
        reference: "RFC 6672 §3.2 step 3c: YXDOMAIN, and exit",
        apply: too_long,
    },
    Tolerance {
        name: "denial types at an alias",
        reason: "Knot and BIND do not follow a CNAME for NSEC and RRSIG, nor NSD for NSEC3, even if there is no such record",
        reference: "RFC 1034 §4.3.2 step 3a follows it; RFC 4035 §2.5 lets NSEC and RRSIG stand beside it",
        apply: denial_type_at_alias,
    },
    Tolerance {
        name: "alias into another zone",
        reason: "Knot and BIND stay in the zone of the question; NSD and we start again with every zone we have",
        reference: "RFC 1034 §4.3.2 step 3a: go back to step 1",
        apply: alias_into_other_zone,
    },
    Tolerance {
        name: "long chain of aliases",
        reason: "the servers stop at different lengths: Knot after 5, we after 16, NSD later; BIND fails at 12, and in circles",
        reference: "RFC 1034 §3.6.2 asks for no length",
        apply: long_chain,
    },
    Tolerance {
        name: "DNAME met again",
        reason: "NSD ends a chain at a DNAME that is in the answer already; Knot, BIND and we use it again",
        reference: "RFC 6672 §3.2 step 3c: go back to step 1",
        apply: dname_again,
    },
    Tolerance {
        name: "one tree for all zones",
        reason: "to NSD a name exists if it does in any zone, such as glue in the parent of the zone that answers",
        reference: "RFC 1034 §4.3.2 step 3 searches one zone",
        apply: one_tree,
    },
    Tolerance {
        name: "owner of NSEC3",
        reason: "to NSD the owner of an NSEC3 record, or of its signature, is a name as any other; to Knot, BIND and us none",
        reference: "RFC 5155 §7.2.8: asked for, it is denied",
        apply: nsec3_owner,
    },
    Tolerance {
        name: "NSEC at a cut",
        reason: "BIND answers with the parent's NSEC at a delegation; NSD, Knot and we refer",
        reference: "RFC 4035 §3.1.4.1 excepts DS only",
        apply: nsec_at_cut,
    },
    Tolerance {
        name: "signatures asked for",
        reason: "of all signatures at a name Knot sends some",
        reference: "RFC 4035 §3.1.1 speaks of RRsets and their signatures only",
        apply: some_signatures,
    },
    Tolerance {
        name: "no proof at all",
        reason: "Knot denies without SOA, AA and OPT where opt-out, or a chain with gaps, leaves no NSEC3 record to prove it by",
        reference: "RFC 5155 §7.2.2 and §7.2.1: the closest provable encloser",
        apply: no_proof,
    },
    Tolerance {
        name: OTHER_PROOF,
        reason: "NSD leaves out what covers a DNAME's target and adds a closest encloser; Knot and BIND leave out, or \
                 show in other ways, that a wildcard is an empty non-terminal",
        reference: "RFC 4035 §3.1.3, RFC 5155 §7.2; ours must have all that some peer has",
        apply: other_proof,
    },
    Tolerance {
        name: "NS of the zone in authority",
        reason: "NSD and BIND add the zone's servers to positive answers; a courtesy that costs room",
        reference: "RFC 1034 §4.3.2 does not ask for it",
        apply: authority_ns,
    },
    Tolerance {
        name: "glue cut silently",
        reason: "Knot and NSD leave out glue that does not fit; we say so with TC",
        reference: "RFC 9471 §3.1",
        apply: silent_glue,
    },
    Tolerance {
        name: "additional data",
        reason: "beyond in-domain glue it is a courtesy, and each server decides",
        reference: "RFC 1034 §4.3.2 step 6: useful, RFC 9471 §3.2: MAY",
        apply: additional,
    },
];

/// Compares, and returns the tolerances that were needed.
///
/// # Errors
/// What is left after all of them.
pub fn compare(mut case: Case<'_>) -> Result<Vec<&'static str>, String> {
    form(&case)?;
    let needed = TOLERANCES.iter().filter(|tolerance| (tolerance.apply)(&mut case));
    let needed = needed.map(|tolerance| tolerance.name).collect();
    let Case { ours, theirs, .. } = &case;
    let mut left = Vec::new();
    if ours.rcode != theirs.rcode {
        left.push(format!("RCODE {} {}", rcode_name(ours.rcode), rcode_name(theirs.rcode)));
    }
    for (name, a, b) in [("AA", ours.aa(), theirs.aa()), ("TC", ours.tc(), theirs.tc())] {
        left.extend((a != b).then(|| format!("{name} {a} {b}")));
    }
    for (name, (a, b)) in ["answer", "authority", "additional"].iter().zip(ours.sections.iter().zip(&theirs.sections)) {
        let only = |a: &BTreeSet<Record>, b: &BTreeSet<Record>| {
            a.difference(b).map(|record| record.rtype.to_string()).collect::<BTreeSet<_>>()
        };
        if a != b {
            left.push(format!("{name}: only we {:?}, only they {:?}", only(a, b), only(b, a)));
        }
    }
    if left.is_empty() { Ok(needed) } else { Err(left.join("; ")) }
}

/// What holds of every answer of ours, whatever the others say.
fn form(case: &Case<'_>) -> Result<(), String> {
    let Case { question, ours, world, .. } = case;
    let fault = |text: &str| Err(text.to_owned());
    if ours.question != question.section() {
        return fault("the question is not repeated as it was written");
    }
    if ours.other_flags() != 0x8000 | u16::from(question.recursion) << 8 {
        return fault("flags");
    }
    let expected = question.edns.map(|(_, dnssec_ok)| (UDP_SIZES.1, 0, if dnssec_ok { 0x8000 } else { 0 }));
    if ours.opt.map(|opt| (opt.udp_size, opt.version, opt.flags)) != expected {
        return fault("OPT");
    }
    if ours.repeats {
        return fault("a record stands twice in a section");
    }
    if !question.tcp && ours.len > limit(question) {
        return fault("longer than the client takes");
    }
    if ours.tc() && ours.sections.iter().any(|section| !section.is_empty()) {
        return fault("records beside TC");
    }
    match ours.additional().iter().find(|record| record.rtype != Rtype::RRSIG && !world.has(record)) {
        Some(record) => Err(format!("nobody has the additional {record}")),
        None => Ok(()),
    }
}

/// Octets that an answer may have.
pub fn limit(question: &Question) -> usize {
    match question.edns {
        _ if question.tcp => usize::from(u16::MAX),
        None => UDP_SIZES.0.into(),
        Some((size, _)) => size.clamp(UDP_SIZES.0, UDP_SIZES.1).into(),
    }
}

/// Why TC differs, where it does. `ours` and `theirs` came over UDP, the others with the same question over TCP.
///
/// # Errors
/// What cannot be explained.
pub fn truncation(
    case: &Case<'_>,
    ours_whole: &Response,
    theirs_whole: &Response,
) -> Result<Option<&'static str>, String> {
    let Case { question, ours, theirs, peer, .. } = case;
    let limit = limit(question);
    if ours.tc() && ours_whole.len <= limit {
        return Err(format!("TC, but {} octets fit into {limit}", ours_whole.len));
    }
    if ours.rcode != ours_whole.rcode {
        return Err(format!("with TC {}, without {}", rcode_name(ours.rcode), rcode_name(ours_whole.rcode)));
    }
    // NSD and BIND too follow a chain of aliases to its end; Knot stops where the room ends, with NOERROR.
    let is_alike = ours_whole.rcode == theirs_whole.rcode && *peer != Peer::Knot;
    if is_alike && ours.tc() && theirs.tc() && ours.rcode != theirs.rcode {
        return Err(format!("RCODE with TC {} {}", rcode_name(ours.rcode), rcode_name(theirs.rcode)));
    }
    match (ours.tc(), theirs.tc()) {
        (true, false) => {
            let glue = in_domain_glue(ours_whole);
            let lacks = |a: &BTreeSet<Record>, b: &BTreeSet<Record>| !a.is_subset(b);
            if lacks(&glue, theirs.additional()) {
                return Ok(Some("TC for glue that they leave out (RFC 9471 §3.1)"));
            }
            if lacks(ours_whole.answer(), theirs.answer()) || lacks(ours_whole.authority(), theirs.authority()) {
                return Ok(Some("TC for records that they leave out (RFC 2181 §9)"));
            }
            if question.name.labels().count() > COMPRESSED_LABELS_MAX || theirs_whole.len < ours_whole.len {
                return Ok(Some("TC where they compress more, as names of many labels (RFC 1035 §4.1.4: optional)"));
            }
            Err("TC, but they fit everything in".into())
        }
        (false, true) if theirs_whole.len <= limit => Err("they set TC, although everything fits".into()),
        (false, true) => Ok(Some("they set TC for what we leave out or compress better")),
        _ => Ok(None),
    }
}

/// Addresses of servers below the cut, in a referral.
fn in_domain_glue(response: &Response) -> BTreeSet<Record> {
    let servers = response.authority().iter().filter(|record| record.rtype == Rtype::NS);
    let inside: BTreeSet<Name> =
        servers.filter_map(|ns| target(ns).filter(|server| server.is_within(&ns.owner))).collect();
    response.additional().iter().filter(|record| inside.contains(&record.owner)).cloned().collect()
}

/// The name that a record leads to.
fn target(record: &Record) -> Option<Name> {
    Name::from_wire(&record.rdata).ok().map(|(name, _)| name)
}

fn aliases(response: &Response) -> impl Iterator<Item = &Record> {
    response.answer().iter().filter(|record| record.rtype == Rtype::CNAME)
}

/// Makes the two equal: nothing is left to compare.
fn settle(case: &mut Case<'_>) -> bool {
    case.theirs = case.ours.clone();
    true
}

fn ttl_left_out(case: &mut Case<'_>) -> bool {
    if !case.world.leaves_out_ttls || case.peer == Peer::Bind {
        return false;
    }
    let mut changed = false;
    let set = |sections: &mut [BTreeSet<Record>]| {
        for section in sections {
            *section = std::mem::take(section).into_iter().map(|record| Record { ttl: 0, ..record }).collect();
        }
    };
    if case.ours.sections != case.theirs.sections {
        changed = case.theirs.sections.iter().flatten().any(|record| record.ttl == DEFAULT_TTL);
        set(&mut case.ours.sections);
        set(&mut case.theirs.sections);
    }
    changed
}

fn unequal_ttls(case: &mut Case<'_>) -> bool {
    let Case { world, ours, theirs, .. } = case;
    let mut changed = false;
    for (ours, theirs) in ours.sections.iter().zip(&mut theirs.sections) {
        let lowered = std::mem::take(theirs).into_iter().map(|record| {
            let same =
                |ours: &&Record| (&ours.owner, ours.rtype, &ours.rdata) == (&record.owner, record.rtype, &record.rdata);
            // Signatures are no RRset: each has a TTL of its own.
            let found = ours.iter().find(same).filter(|ours| ours.ttl != record.ttl && ours.rtype != Rtype::RRSIG);
            let stated = found.map_or_else(BTreeSet::new, |_| world.ttls_of(&record.owner, record.rtype));
            match found {
                Some(ours) if stated.first() == Some(&ours.ttl) && stated.contains(&record.ttl) => {
                    changed = true;
                    ours.clone()
                }
                _ => record,
            }
        });
        *theirs = lowered.collect();
    }
    changed
}

fn reserved_type(case: &mut Case<'_>) -> bool {
    let applies = match case.peer {
        Peer::Nsd => false,
        Peer::Knot => case.question.qtype == Rtype(0) && case.theirs.rcode == NOTIMP,
        Peer::Bind => {
            let is_meta = matches!(case.question.qtype.0, 0 | 41 | 128..=254);
            is_meta && matches!(case.theirs.rcode, FORMERR | NOTIMP)
        }
    };
    applies && settle(case)
}

fn refused_zone(case: &mut Case<'_>) -> bool {
    let targets = aliases(&case.ours).filter_map(target);
    let mut names = targets.chain([case.question.name.clone()]);
    let refused = &case.world.unserved;
    let is_refused = |name: Name| case.world.apex_of(&name).is_some_and(|apex| refused.contains(&(case.peer, apex)));
    let applies = names.any(is_refused);
    drop(names);
    applies && settle(case)
}

fn any(case: &mut Case<'_>) -> bool {
    if case.question.qtype == Rtype::ANY && case.peer == Peer::Bind && case.ours.answer() != case.theirs.answer() {
        // BIND gives the signatures even if DO is not set.
        let ours = case.ours.answer().clone();
        case.theirs.sections[0].retain(|record| record.rtype != Rtype::RRSIG || ours.contains(record));
    }
    // At the end of the chain, which may be a circle.
    let mut name = case.question.name.to_lowercase();
    for _ in aliases(&case.ours) {
        let next = aliases(&case.ours).find(|alias| alias.owner == name).and_then(target);
        // A CNAME met for ANY is itself an answer.
        let Some(next) = next.filter(|next| case.ours.answer().iter().any(|record| record.owner == *next)) else {
            break;
        };
        name = next;
    }
    let types = |response: &Response| -> BTreeSet<Rtype> {
        let here = response.answer().iter().filter(|record| record.owner == name && record.rtype != Rtype::RRSIG);
        here.map(|record| record.rtype).collect()
    };
    let (ours, theirs) = (types(&case.ours), types(&case.theirs));
    let is_empty = case.theirs.sections.iter().all(BTreeSet::is_empty);
    let picks_none = match case.peer {
        Peer::Nsd => theirs.is_empty() && case.theirs.has_authority(Rtype::SOA),
        // It may pick the signatures alone.
        Peer::Knot => theirs.is_empty() && !case.theirs.answer().is_empty(),
        Peer::Bind => is_empty && ours.contains(&Rtype::DS),
    };
    if case.question.qtype != Rtype::ANY || ours.len() != 1 || ours == theirs || (theirs.is_empty() && !picks_none) {
        return false;
    }
    // RCODE and AA are compared all the same.
    for response in [&mut case.ours, &mut case.theirs] {
        response.sections = Default::default();
    }
    true
}

fn any_below_dname(case: &mut Case<'_>) -> bool {
    let (ours, theirs) = (&case.ours, &case.theirs);
    let has_made = |response: &Response| response.answer().iter().any(|record| record.rtype == Rtype::DNAME);
    let is_asked = case.peer == Peer::Bind && case.question.qtype == Rtype::ANY;
    let stops = theirs.rcode == NOERROR && theirs.answer().is_subset(ours.answer()) && has_made(theirs);
    let goes_on = ours.rcode != NOERROR || ours.answer() != theirs.answer() || ours.authority() != theirs.authority();
    let applies = is_asked && stops && goes_on;
    applies && settle(case)
}

fn wildcard_ns(case: &mut Case<'_>) -> bool {
    let is_wildcard = |record: &Record| record.rtype == Rtype::NS && record.owner.labels().next() == Some(b"*");
    let name = case.question.name.to_lowercase();
    // Asked for itself, the wildcard is a cut like others.
    let cut = case.theirs.authority().iter().find(|record| is_wildcard(record) && !name.is_within(&record.owner));
    let applies = case.peer == Peer::Knot && cut.is_some() && !case.theirs.aa();
    let applies = applies || (cut.is_some() && aliases(&case.ours).next().is_some());
    applies && settle(case)
}

fn wildcard_dname(case: &mut Case<'_>) -> bool {
    let is_wildcard = |record: &Record| record.rtype == Rtype::DNAME && record.owner.labels().next() == Some(b"*");
    let is_copy = |record: &Record| record.rtype == Rtype::DNAME && record.owner.labels().next() != Some(b"*");
    let (ours, theirs) = (case.ours.answer(), case.theirs.answer());
    let applies = case.peer == Peer::Knot && ours.iter().any(is_wildcard) && theirs.iter().any(is_copy);
    applies && settle(case)
}

fn too_long(case: &mut Case<'_>) -> bool {
    let applies = case.peer == Peer::Knot && case.ours.rcode == YXDOMAIN && !same(case);
    applies && case.ours.answer().is_subset(case.theirs.answer()) && settle(case)
}

fn ds_at_apex(case: &mut Case<'_>) -> bool {
    let targets = aliases(&case.ours).filter_map(target);
    let names: Vec<Name> = targets.chain([case.question.name.to_lowercase()]).collect();
    let is_apex = names.iter().any(|name| case.world.apex_of(name).as_ref() == Some(name));
    let applies = case.peer != Peer::Knot && case.question.qtype == Rtype::DS && is_apex;
    applies && !same(case) && settle(case)
}

fn denial_type_at_alias(case: &mut Case<'_>) -> bool {
    let types = match case.peer {
        Peer::Nsd => [Rtype::NSEC3; 2],
        Peer::Knot | Peer::Bind => [Rtype::NSEC, Rtype::RRSIG],
    };
    let stops = aliases(&case.theirs).count() < aliases(&case.ours).count();
    let applies = types.contains(&case.question.qtype) && stops && case.theirs.rcode == NOERROR && case.theirs.aa();
    applies && settle(case)
}

fn alias_into_other_zone(case: &mut Case<'_>) -> bool {
    // A DS is the parent's, so an alias to an apex leads there.
    let apex = |name: &Name| {
        let apex = case.world.apex_of(name);
        let is_apex = apex.as_ref() == Some(&name.to_lowercase());
        let parent = name.parent().filter(|_| is_apex && case.question.qtype == Rtype::DS);
        parent.and_then(|parent| case.world.apex_of(&parent)).or(apex)
    };
    let home = apex(&case.question.name);
    let mut name = case.question.name.to_lowercase();
    let mut leaves = false;
    // The chain may be a circle, so no more steps than it has links.
    for _ in aliases(&case.ours) {
        let alias = aliases(&case.ours).find(|alias| alias.owner == name);
        let Some(next) = alias.filter(|alias| case.theirs.answer().contains(alias)).and_then(target) else { break };
        leaves |= apex(&next) != home;
        name = if leaves { break } else { next };
    }
    let applies = case.peer != Peer::Nsd && leaves && case.theirs.aa();
    applies && !same(case) && settle(case)
}

/// Whether there is no difference worth a reason.
fn same(case: &Case<'_>) -> bool {
    let (ours, theirs) = (&case.ours, &case.theirs);
    ours.rcode == theirs.rcode && ours.answer() == theirs.answer() && ours.authority() == theirs.authority()
}

/// Whether nothing is in authority, but for what shows that a wildcard may stand for a name.
fn is_bare(response: &Response) -> bool {
    response.authority().iter().all(is_proof)
}

fn long_chain(case: &mut Case<'_>) -> bool {
    if case.theirs.rcode == SERVFAIL {
        let (ours, theirs) = (&case.ours, &case.theirs);
        let leads_on = |alias| aliases(ours).any(|next| target(alias).as_ref() == Some(&next.owner));
        let is_circle = aliases(ours).all(leads_on);
        let is_long = is_circle || aliases(ours).count() >= BIND_CHAIN_MAX;
        let applies = case.peer == Peer::Bind && is_long && aliases(theirs).all(|alias| ours.answer().contains(alias));
        return applies && settle(case);
    }
    let [ours, theirs] = [&case.ours, &case.theirs].map(|response| aliases(response).count());
    // As long as theirs, our chain may end before its end all the same.
    let we_stop = ours < theirs || ours == theirs && ours == OUR_CHAIN_MAX && is_bare(&case.ours);
    let (shorter, longer) = if we_stop { (&case.ours, &case.theirs) } else { (&case.theirs, &case.ours) };
    let limit = if we_stop { OUR_CHAIN_MAX } else { KNOT_CHAIN_MAX };
    let stopped = aliases(shorter).count() >= limit && shorter.rcode == NOERROR && is_bare(shorter);
    let applies = stopped && aliases(shorter).all(|alias| longer.answer().contains(alias));
    applies && !same(case) && settle(case)
}

fn dname_again(case: &mut Case<'_>) -> bool {
    let (ours, theirs) = (&case.ours, &case.theirs);
    let used = |alias: &Record| {
        let dnames = theirs.answer().iter().filter(|record| record.rtype == Rtype::DNAME);
        dnames.filter(|dname| alias.owner != dname.owner && alias.owner.is_within(&dname.owner)).count()
    };
    let again = aliases(ours).filter(|alias| !theirs.answer().contains(alias)).any(|alias| used(alias) > 0);
    let is_start = theirs.answer().is_subset(ours.answer()) && theirs.rcode == NOERROR && theirs.authority().is_empty();
    let applies = case.peer == Peer::Nsd && again && is_start;
    applies && settle(case)
}

fn one_tree(case: &mut Case<'_>) -> bool {
    let targets = aliases(&case.ours).chain(aliases(&case.theirs)).filter_map(target);
    let names: Vec<Name> = targets.chain([case.question.name.clone()]).collect();
    let applies = case.peer == Peer::Nsd && !same(case) && names.iter().any(|name| case.world.exists_elsewhere(name));
    let applies = applies && matches!(case.theirs.rcode, NOERROR | NXDOMAIN);
    applies && settle(case)
}

fn nsec3_owner(case: &mut Case<'_>) -> bool {
    let applies = case.peer == Peer::Nsd && !same(case) && case.world.is_below_nsec3(&case.question.name);
    applies && settle(case)
}

fn nsec_at_cut(case: &mut Case<'_>) -> bool {
    let refers = !case.ours.aa() && case.ours.has_authority(Rtype::NS);
    let answers = case.theirs.answer().iter().any(|record| record.rtype == Rtype::NSEC);
    let applies = case.peer == Peer::Bind && case.question.qtype == Rtype::NSEC && refers && answers;
    applies && settle(case)
}

fn some_signatures(case: &mut Case<'_>) -> bool {
    let (ours, theirs) = (case.ours.answer(), case.theirs.answer());
    let applies = case.peer == Peer::Knot && case.question.qtype == Rtype::RRSIG;
    let applies = applies && !theirs.is_empty() && theirs.is_subset(ours) && theirs != ours;
    if applies {
        case.theirs.sections[0] = ours.clone();
    }
    applies
}

fn half_signed(case: &mut Case<'_>) -> bool {
    let apex = case.world.apex_of(&case.question.name);
    let has = |is: &dyn Fn(Rtype, &[u8]) -> bool| apex.as_ref().is_some_and(|apex| case.world.has_at(apex, is));
    let is_signed_to_peer = match case.peer {
        Peer::Nsd => has(&|rtype, rdata| covers(rtype, rdata, Rtype::DNSKEY)),
        Peer::Bind => {
            has(&|rtype, _| rtype == Rtype::DNSKEY) && has(&|rtype, _| matches!(rtype, Rtype::NSEC | Rtype::NSEC3PARAM))
        }
        Peer::Knot => true,
    };
    if is_signed_to_peer {
        return false;
    }
    let mut found = false;
    let sections = case.ours.sections.iter_mut().zip(&mut case.theirs.sections);
    for (number, section) in
        sections.enumerate().flat_map(|(number, (ours, theirs))| [(number, ours), (number, theirs)])
    {
        let before = section.len();
        // Asked for as such, they give them too.
        let is_asked = |record: &Record| number == 0 && record.rtype == case.question.qtype;
        section.retain(|record| is_asked(record) || record.rtype != Rtype::RRSIG && !is_proof(record));
        found |= section.len() < before;
    }
    found
}

/// Whether the record denies, or signs one that does.
fn is_proof(record: &Record) -> bool {
    let types = [Rtype::NSEC, Rtype::NSEC3];
    types.contains(&record.rtype) || types.iter().any(|rtype| covers(record.rtype, &record.rdata, *rtype))
}

/// Whether a record of this type is a signature of records of type `covered`.
pub fn covers(rtype: Rtype, rdata: &[u8], covered: Rtype) -> bool {
    rtype == Rtype::RRSIG && rdata.starts_with(&covered.0.to_be_bytes())
}

fn no_proof(case: &mut Case<'_>) -> bool {
    let is_bare = !case.theirs.aa() && case.theirs.sections.iter().all(BTreeSet::is_empty);
    let applies = case.peer == Peer::Knot && is_bare && case.theirs.rcode == NXDOMAIN && case.ours.rcode == NXDOMAIN;
    let is_asked = case.question.edns.is_some_and(|(_, dnssec_ok)| dnssec_ok);
    applies && is_asked && settle(case)
}

/// The records of a response that deny, and their signatures.
fn proof(response: &Response) -> BTreeSet<Record> {
    response.authority().iter().filter(|record| is_proof(record)).cloned().collect()
}

/// Whether our proof has all that theirs has.
pub fn proves_as_much(ours: &Response, theirs: &Response) -> bool {
    proof(theirs).is_subset(&proof(ours))
}

fn other_proof(case: &mut Case<'_>) -> bool {
    let (ours, theirs) = (proof(&case.ours), proof(&case.theirs));
    let applies = ours != theirs && case.ours.rcode == case.theirs.rcode;
    if applies {
        case.theirs.sections[1].retain(|record| !is_proof(record));
        case.theirs.sections[1].extend(ours);
    }
    applies
}

fn authority_ns(case: &mut Case<'_>) -> bool {
    let is_positive = case.theirs.aa() && !case.theirs.answer().is_empty();
    if case.peer == Peer::Knot || !is_positive || case.ours.has_authority(Rtype::NS) {
        return false;
    }
    let world = case.world;
    let is_apex = |record: &Record| {
        (record.rtype == Rtype::NS || covers(record.rtype, &record.rdata, Rtype::NS))
            && world.apex_of(&record.owner).as_ref() == Some(&record.owner)
    };
    let before = case.theirs.authority().len();
    case.theirs.sections[1].retain(|record| !is_apex(record));
    case.theirs.authority().len() < before
}

fn silent_glue(case: &mut Case<'_>) -> bool {
    let ours = in_domain_glue(&case.ours);
    let missing = !case.question.tcp && !ours.is_subset(case.theirs.additional());
    if missing {
        case.theirs.sections[2].extend(ours);
    }
    missing
}

fn additional(case: &mut Case<'_>) -> bool {
    let differ = case.ours.additional() != case.theirs.additional();
    // What both add and we do not, although there is room for it, is no matter of taste.
    // Signatures follow what they sign, and may have been left out of the comparison before.
    let both_add = case.both_add.iter().filter(|record| record.rtype != Rtype::RRSIG);
    // Their TTL may be one they made up.
    let same = |a: &Record, b: &Record| (&a.owner, a.rtype, &a.rdata) == (&b.owner, b.rtype, &b.rdata);
    let lacks = both_add.into_iter().any(|record| !case.ours.additional().iter().any(|ours| same(ours, record)));
    let signature = if case.question.edns.is_some_and(|(_, dnssec_ok)| dnssec_ok) { SIGNATURE_LEN_MAX } else { 0 };
    if lacks && case.ours.len + ADDRESS_LEN_MAX + signature < limit(case.question) {
        return false;
    }
    for response in [&mut case.ours, &mut case.theirs] {
        response.sections[2] = in_domain_glue(response);
    }
    differ
}
