//! Which NSEC or NSEC3 records prove what an answer says (RFC 4035 §3.1.3 and §3.1.4, RFC 5155 §7.2).
//!
//! They are noted while names are followed and written when the answer section is complete.

use super::answer::{CHAIN_LEN_MAX, Sought};
use super::message::{Full, Owner, Section};
use super::reply::Reply;
use crate::zone::denial::nsec3::Met;
use crate::zone::denial::{Nsec3Chain, Nsec3Ref, NsecChain};
use crate::zone::name::NAME_LEN_MAX;
use crate::zone::{Denial, Enclosing, Gap, Link, Rtype, Zone};

/// Most records of proof in one answer: one for each alias from a wildcard, three for how the chain ends.
const PROOFS_MAX: usize = CHAIN_LEN_MAX + 3;

/// Records to be written.
pub(super) struct Proofs<'z> {
    noted: [Option<Noted<'z>>; PROOFS_MAX],
    len: usize,
}

/// A record of proof.
#[derive(Clone, Copy)]
struct Noted<'z> {
    zone: &'z Zone,
    link: Link,
    /// Where the zone's apex begins in QNAME, if that is in the zone.
    apex_in_question: Option<usize>,
}

impl<'z> Proofs<'z> {
    /// None yet.
    pub fn new() -> Self {
        Self { noted: [None; PROOFS_MAX], len: 0 }
    }

    /// Notes a record once. There is room for all that one answer needs.
    fn add(&mut self, new: Noted<'z>) {
        let mut known = self.noted[..self.len].iter().flatten();
        let is_new = !known.any(|known| std::ptr::eq(known.zone, new.zone) && known.link == new.link);
        if is_new && self.len < PROOFS_MAX {
            self.noted[self.len] = Some(new);
            self.len += 1;
        }
    }

    /// Writes them.
    pub fn write(&self, reply: &mut Reply<'z, '_>) -> Result<(), Full> {
        for noted in self.noted[..self.len].iter().flatten() {
            match noted.zone.denial() {
                Some(Denial::Nsec(chain)) => noted.write_nsec(chain, reply)?,
                Some(Denial::Nsec3(chain)) => noted.write_nsec3(chain.record(noted.link), reply)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl<'z> Noted<'z> {
    fn write_nsec(&self, chain: &NsecChain, reply: &mut Reply<'z, '_>) -> Result<(), Full> {
        let Some(node) = chain.node(self.zone, self.link) else { return Ok(()) };
        let Some(rrset) = node.rrset(Rtype::NSEC) else { return Ok(()) };
        let mut name = [0; NAME_LEN_MAX];
        let owner = self.name(node.owner(), &mut name);
        reply.rrset(Section::Authority, owner, self.zone, node, rrset).map(drop)
    }

    fn write_nsec3(&self, nsec3: Nsec3Ref<'_>, reply: &mut Reply<'z, '_>) -> Result<(), Full> {
        let (label, mut name) = (nsec3.label(), [0; NAME_LEN_MAX]);
        let mut owner = match self.apex_in_question {
            // A hash is like no other name: all there is to compress with is the apex.
            Some(apex) => Owner::BelowQuestion(&label, apex),
            None => self.name(&label, &mut name),
        };
        reply.message.whole(Section::Authority, |message| {
            for (rtype, ttl, rdata) in nsec3.records() {
                owner = message.in_pieces(Section::Authority, owner, rtype, ttl, rdata)?;
            }
            Ok(())
        })
    }

    /// The name of these labels before the zone's apex.
    fn name<'b>(&self, labels: &[u8], buffer: &'b mut [u8; NAME_LEN_MAX]) -> Owner<'b> {
        let apex = self.zone.apex().as_wire();
        let (below, rest) = buffer.split_at_mut(labels.len());
        below.copy_from_slice(labels);
        rest[..apex.len()].copy_from_slice(apex);
        Owner::Name(&buffer[..labels.len() + apex.len()])
    }
}

/// That the name does not exist, and no wildcard stands for it (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
pub(super) fn name_error<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, gap: Gap, reply: &mut Reply<'z, '_>) {
    prove(enclosing, sought, reply, |denial, add| {
        let name = sought.name.as_wire();
        match denial {
            Denial::Nsec(chain) => {
                add(chain.at_or_before(&name[..enclosing.apex_start]));
                add(chain.wildcard_below(&name[gap.encloser..enclosing.apex_start]));
            }
            Denial::Nsec3(chain) => {
                let encloser = closest_encloser(chain, enclosing, name, gap, add);
                if encloser == enclosing.apex_start {
                    add(chain.apex_wildcard());
                } else {
                    add(chain.find_wildcard_below(&name[encloser..]).link());
                }
            }
        }
    });
}

/// That the name from `start` of the sought one on exists and has no records of a type: the type asked for (RFC 4035
/// §3.1.3.1, RFC 5155 §7.2.3 and §7.2.4), or DS if it is a delegation (RFC 4035 §3.1.4, RFC 5155 §7.2.7).
pub(super) fn no_data<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, start: usize, reply: &mut Reply<'z, '_>) {
    prove(enclosing, sought, reply, |denial, add| {
        let name = sought.name.as_wire();
        match denial {
            // An empty non-terminal has no NSEC: the one that covers it shows by its next name that something is below.
            Denial::Nsec(chain) => add(chain.at_or_before(&name[start..enclosing.apex_start])),
            Denial::Nsec3(chain) => match find(chain, enclosing, name, start) {
                Met::Match(link) => add(link),
                // Opted out, as are empty non-terminals above such names only.
                Met::Cover(_) => {
                    let gap = Gap { encloser: parent(name, start), next_closer: start };
                    closest_encloser(chain, enclosing, name, gap, add);
                }
            },
        }
    });
}

/// That nothing is closer to the name than the wildcard whose records answer (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
pub(super) fn wildcard_answer<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, gap: Gap, reply: &mut Reply<'z, '_>) {
    prove(enclosing, sought, reply, |denial, add| {
        let name = sought.name.as_wire();
        match denial {
            Denial::Nsec(chain) => add(chain.at_or_before(&name[..enclosing.apex_start])),
            Denial::Nsec3(chain) => add(chain.find(&name[gap.next_closer..]).link()),
        }
    });
}

/// That nothing is closer to the name than a wildcard, which has no records of the type (RFC 4035 §3.1.3.4, RFC 5155
/// §7.2.5).
pub(super) fn wildcard_no_data<'z>(enclosing: Enclosing<'z>, sought: &Sought<'_>, gap: Gap, reply: &mut Reply<'z, '_>) {
    prove(enclosing, sought, reply, |denial, add| {
        let name = sought.name.as_wire();
        match denial {
            Denial::Nsec(chain) => {
                add(chain.at_or_before(&name[..enclosing.apex_start]));
                add(chain.wildcard_below(&name[gap.encloser..enclosing.apex_start]));
            }
            Denial::Nsec3(chain) => {
                closest_encloser(chain, enclosing, name, gap, add);
                add(chain.find_wildcard_below(&name[gap.encloser..]).link());
            }
        }
    });
}

/// Notes what `choose` adds, if the client asked for it and the zone has it.
#[inline]
fn prove<'z>(
    enclosing: Enclosing<'z>,
    sought: &Sought<'_>,
    reply: &mut Reply<'z, '_>,
    choose: impl FnOnce(&Denial, &mut dyn FnMut(Link)),
) {
    let zone = enclosing.zone;
    if !reply.signs(zone) {
        return;
    }
    if let Some(denial) = zone.denial() {
        let proofs = reply.proofs.get_or_insert_with(Proofs::new);
        let apex_in_question = match sought.owner(enclosing.apex_start) {
            Owner::Question(start) => Some(start),
            _ => None,
        };
        choose(denial, &mut |link| proofs.add(Noted { zone, link, apex_in_question }));
    }
}

/// The closest provable encloser (RFC 5155 §7.2.1): the closest encloser, or with opt-out, where that may have no
/// record, a name above it. Adds the record that matches it and the one that covers the next closer name; where it begins.
fn closest_encloser(
    chain: &Nsec3Chain,
    enclosing: Enclosing<'_>,
    name: &[u8],
    mut gap: Gap,
    add: &mut dyn FnMut(Link),
) -> usize {
    loop {
        if let Met::Match(link) = find(chain, enclosing, name, gap.encloser) {
            add(link);
            add(chain.find(&name[gap.next_closer..]).link());
            return gap.encloser;
        }
        // Ends at the apex at the latest, which has a record.
        gap = Gap { encloser: parent(name, gap.encloser), next_closer: gap.encloser };
    }
}

/// What stands for the name that begins at `start` of `name`.
fn find(chain: &Nsec3Chain, enclosing: Enclosing<'_>, name: &[u8], start: usize) -> Met {
    if start == enclosing.apex_start { Met::Match(chain.apex()) } else { chain.find(&name[start..]) }
}

/// Where the name above the one that begins at `start` begins.
fn parent(name: &[u8], start: usize) -> usize {
    start + 1 + usize::from(name[start])
}
