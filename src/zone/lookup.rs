//! Finding a name in one zone (RFC 1034 §4.3.2 step 3, RFC 4592, RFC 6672).
//!
//! Every ancestor of a name that exists, exists. So the search goes down from the apex label by label and ends at the
//! first name that is missing: what it costs is bounded by the depth of the zone, not by the query.

use super::contents::Zone;
use super::name::NAME_LEN_MAX;
use super::node::NodeRef;
use super::published::PublishedRef;
use super::qname::Qname;

/// What labels directly below the apex begin with if they can be registered.
const A_LABEL_PREFIX: &[u8] = b"xn--";
/// The label `*` in wire form.
const WILDCARD: &[u8] = b"\x01*";

/// What a name meets in a zone.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// The name is a node of the static part.
    Node(NodeRef<'a>),
    /// The name does not exist, but its closest encloser has a wildcard below it that stands for it.
    Wildcard(NodeRef<'a>, Gap),
    /// The name is at or below a zone cut.
    Cut {
        /// The cut.
        node: NodeRef<'a>,
        /// Where the cut's name begins in the name looked for; 0 for the cut itself.
        start: usize,
    },
    /// The name is below a DNAME.
    Dname {
        /// The DNAME's node.
        node: NodeRef<'a>,
        /// Where its name begins in the name looked for.
        start: usize,
    },
    /// The name is at or below a registered name.
    Registered {
        /// What the registration publishes.
        published: PublishedRef<'a>,
        /// Where the registered name begins in the name looked for; 0 for the registered name itself.
        start: usize,
        /// Whether the name looked for is the registered name with `www` in front.
        www: bool,
    },
    /// The name does not exist.
    Missing(Gap),
}

/// Where the existing part of a name ends (RFC 5155 §1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where the closest encloser begins in the name looked for.
    pub encloser: usize,
    /// Where the next closer name begins in it: one label before.
    pub next_closer: usize,
}

impl Zone {
    /// Looks for `name`, in which the apex begins at `apex_start`.
    #[inline]
    pub fn lookup(&self, name: &Qname, apex_start: usize) -> Found<'_> {
        let depth_of_apex = self.depth();
        let depth = name.label_count() - depth_of_apex;
        if let Some(registrations) = self.registrations()
            && depth > 0
        {
            let start = name.start_of_last(depth_of_apex + 1);
            let label = name.label_at(start);
            if label.starts_with(A_LABEL_PREFIX) {
                let Some(octets) = registrations.get(label) else {
                    return Found::Missing(Gap { encloser: apex_start, next_closer: start });
                };
                let www = depth == 2 && name.label_at(0) == b"www";
                return Found::Registered { published: PublishedRef::new(octets), start, www };
            }
        }
        self.lookup_static(name, apex_start, depth_of_apex, depth)
    }

    fn lookup_static(&self, name: &Qname, apex_start: usize, depth_of_apex: usize, depth: usize) -> Found<'_> {
        let mut encloser = self.node(&[]).expect("the apex has a SOA");
        let mut encloser_start = apex_start;
        for below in 1..=depth {
            if encloser.has_dname() {
                return Found::Dname { node: encloser, start: encloser_start };
            }
            let start = name.start_of_last(depth_of_apex + below);
            let Some(node) = self.node(&name.as_wire()[start..apex_start]) else {
                let gap = Gap { encloser: encloser_start, next_closer: start };
                return self.wildcard(&name.as_wire()[encloser_start..apex_start], encloser, gap);
            };
            if node.is_cut() {
                return Found::Cut { node, start };
            }
            (encloser, encloser_start) = (node, start);
        }
        Found::Node(encloser)
    }

    /// The wildcard below the closest encloser, whose name relative to the apex is `owner` (RFC 4592 §3.3.1).
    fn wildcard(&self, owner: &[u8], encloser: NodeRef<'_>, gap: Gap) -> Found<'_> {
        if !encloser.has_wildcard_below() {
            return Found::Missing(gap);
        }
        let mut key = [0; NAME_LEN_MAX + WILDCARD.len()];
        key[..WILDCARD.len()].copy_from_slice(WILDCARD);
        key[WILDCARD.len()..WILDCARD.len() + owner.len()].copy_from_slice(owner);
        match self.node(&key[..WILDCARD.len() + owner.len()]) {
            Some(node) => Found::Wildcard(node, gap),
            None => Found::Missing(gap),
        }
    }
}
