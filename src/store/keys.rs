//! Keys of the store's trees: octet strings whose order is the order things are read in.
//!
//! ```text
//! names            set 00 label                 all names of a set together, in label order
//! names_by_unit    unit 00 label 00 set         a unit's names in the order of NameKey; its value is their outline
//! bundles          set 00 bundle 00 label         the names with a label in a bundle, in UTF-8
//! expiring         time kind label 00 set         names whose term will end: in the schedule as well
//! expired          time kind label 00 set         names on which EXPIRED is
//! leaving          time kind label 00 set         of those, the ones on their way to deletion
//! due              time kind object               edges of holds, of ways to deletion, of kept labels; object: a unit id,
//!                                                 or label 00 set
//! reservations     set 00 label                   kept labels
//! kept_bundles     set 00 bundle 00 label         kept labels by their packages
//! removals         set 00 label 00 seq         the transactions that ended a registration, for its history
//! past_holds       time seq object 00 reason    holds that ended then; object: a unit id, or a name
//! idempotency      length principal key
//! idempotency_age  time seq
//! ```
//! Labels, suffixes and unit ids hold no octet 00, so that a shorter one sorts before a longer one that begins with it.

use crate::idn::{Bundle, Label};
use crate::registry::{ChangeId, Due, DueKind, HoldReason, NameKey, TermEnd, Timestamp, UnitId};
use std::sync::Arc;

/// Ends a text inside a key.
const END: u8 = 0;
/// Octets of a time in a key.
const TIME_LEN: usize = 8;

/// Finds the shared text of a suffix, so that a million keys do not hold a million copies.
pub(super) type Intern<'a> = &'a dyn Fn(&str) -> Arc<str>;

/// Key of a registration.
pub(super) fn name(key: &NameKey) -> Vec<u8> {
    join(key.set.as_bytes(), key.label.as_ascii().as_bytes())
}

/// What the keys of all registrations of a set begin with.
pub(super) fn name_prefix(set: &str) -> Vec<u8> {
    join(set.as_bytes(), &[])
}

/// The registration of a key made by [`name`].
pub(super) fn read_name(octets: &[u8], intern: Intern<'_>) -> Option<NameKey> {
    let (set, label) = split(octets)?;
    Some(NameKey { label: Label::from_canonical(label)?, set: intern(set) })
}

/// Key of the end of a registration.
pub(super) fn removal(key: &NameKey, seq: u64) -> Vec<u8> {
    [&removal_prefix(key)[..], &seq.to_be_bytes()].concat()
}

/// What the keys of all ends of a name's registrations begin with.
pub(super) fn removal_prefix(key: &NameKey) -> Vec<u8> {
    join(&name(key), &[])
}

/// The transaction of a key made by [`removal`].
pub(super) fn read_removal(octets: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*octets.last_chunk()?))
}

/// Key of a hold that ended.
pub(super) fn past_hold(at: Timestamp, seq: u64, object: &str, reason: HoldReason) -> Vec<u8> {
    [&time(at)[..], &seq.to_be_bytes(), &join(object.as_bytes(), reason.as_str().as_bytes())].concat()
}

/// Key of a name under its unit.
pub(super) fn name_by_unit(unit: &UnitId, key: &NameKey) -> Vec<u8> {
    join(unit.as_str().as_bytes(), &label_first(key))
}

/// What the keys of all names of a unit begin with.
pub(super) fn unit_prefix(unit: &UnitId) -> Vec<u8> {
    join(unit.as_str().as_bytes(), &[])
}

/// The unit of a key made by [`name_by_unit`]; none of the key of a unit, whose id is all of it.
pub(super) fn unit_of_name(octets: &[u8]) -> Option<UnitId> {
    let end = octets.iter().position(|octet| *octet == END)?;
    UnitId::parse(std::str::from_utf8(&octets[..end]).ok()?)
}

/// The name of a key made by [`name_by_unit`].
pub(super) fn read_name_by_unit(octets: &[u8], intern: Intern<'_>) -> Option<NameKey> {
    let end = octets.iter().position(|octet| *octet == END)?;
    read_label_first(&octets[end + 1..], intern)
}

/// Key of a name under a bundle that one of its labels is in.
pub(super) fn bundle(bundle: &Bundle, key: &NameKey) -> Vec<u8> {
    [&bundle_prefix(bundle, &key.set)[..], key.label.as_ascii().as_bytes()].concat()
}

/// What the keys of all names of a bundle begin with.
pub(super) fn bundle_prefix(bundle: &Bundle, set: &str) -> Vec<u8> {
    join(&join(set.as_bytes(), bundle.as_str().as_bytes()), &[])
}

/// The name of a key made by [`bundle`].
pub(super) fn read_bundle(octets: &[u8], intern: Intern<'_>) -> Option<NameKey> {
    let (set, rest) = split(octets)?;
    let (_, label) = rest.split_once(char::from(END))?;
    Some(NameKey { label: Label::from_canonical(label)?, set: intern(set) })
}

/// What the keys made by [`bundle`] of one bundle have in common.
pub(super) fn package(octets: &[u8]) -> &[u8] {
    octets.iter().rposition(|octet| *octet == END).map_or(octets, |end| &octets[..end])
}

/// Key of a name by the end of its term: that of [`due`], so that one entry serves listings and the schedule.
pub(super) fn name_by_expiry(expires: Timestamp, key: &NameKey) -> Vec<u8> {
    due(&Due { at: expires, kind: DueKind::Expiry(key.clone()) })
}

/// The name of a key made by [`name_by_expiry`].
pub(super) fn read_name_by_expiry(octets: &[u8], intern: Intern<'_>) -> Option<NameKey> {
    read_label_first(octets.get(TIME_LEN + 1..)?, intern)
}

/// The place in the order of the ends of terms of a key made by [`name_by_expiry`].
pub(super) fn read_end(octets: &[u8], intern: Intern<'_>) -> Option<TermEnd> {
    Some(TermEnd { at: read_time(octets)?, key: Some(read_name_by_expiry(octets, intern)?) })
}

/// The least key after `end`.
pub(super) fn after_end(end: &TermEnd) -> Vec<u8> {
    match &end.key {
        Some(key) => [&name_by_expiry(end.at, key)[..], &[END]].concat(),
        None => time(end.at).to_vec(),
    }
}

/// Key of something due; keys sort as [`Due`] does.
pub(super) fn due(due: &Due) -> Vec<u8> {
    let (kind, object) = match &due.kind {
        DueKind::UnitHold(unit) => (0, unit.as_str().as_bytes().to_vec()),
        DueKind::NameHold(key) => (1, label_first(key)),
        DueKind::Expiry(key) => (2, label_first(key)),
        DueKind::Leaving(key) => (3, label_first(key)),
        DueKind::Reservation(key) => (4, label_first(key)),
    };
    [&time(due.at)[..], &[kind], &object].concat()
}

/// What is due by a key made by [`due`].
pub(super) fn read_due(octets: &[u8], intern: Intern<'_>) -> Option<Due> {
    let at = read_time(octets)?;
    let (kind, object) = octets.get(TIME_LEN..)?.split_first()?;
    let kind = match kind {
        0 => DueKind::UnitHold(UnitId::parse(std::str::from_utf8(object).ok()?)?),
        1 => DueKind::NameHold(read_label_first(object, intern)?),
        2 => DueKind::Expiry(read_label_first(object, intern)?),
        3 => DueKind::Leaving(read_label_first(object, intern)?),
        4 => DueKind::Reservation(read_label_first(object, intern)?),
        _ => return None,
    };
    Some(Due { at, kind })
}

/// Key of a change; in the order of submission.
pub(super) fn change(id: ChangeId) -> [u8; 8] {
    id.0.to_be_bytes()
}

/// Key of an idempotency key; the length keeps a principal apart from what follows it.
pub(super) fn answered(principal: &str, key: &str) -> Vec<u8> {
    let length = u32::try_from(principal.len()).expect("a principal is a token's name");
    [&length.to_be_bytes(), principal.as_bytes(), key.as_bytes()].concat()
}

/// Key of an idempotency key by its age.
pub(super) fn answered_at(at: Timestamp, seq: u64) -> Vec<u8> {
    [time(at), seq.to_be_bytes()].concat()
}

/// A time whose octets sort as times do, also before 1970.
pub(super) fn time(at: Timestamp) -> [u8; TIME_LEN] {
    (at.0 ^ i64::MIN).to_be_bytes()
}

/// The time a key begins with.
pub(super) fn read_time(octets: &[u8]) -> Option<Timestamp> {
    let octets = octets.get(..TIME_LEN)?.try_into().ok()?;
    Some(Timestamp(i64::from_be_bytes(octets) ^ i64::MIN))
}

/// The least key greater than every key that begins with `prefix`; none if there is no such key.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|octet| *octet < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

fn label_first(key: &NameKey) -> Vec<u8> {
    join(key.label.as_ascii().as_bytes(), key.set.as_bytes())
}

fn read_label_first(octets: &[u8], intern: Intern<'_>) -> Option<NameKey> {
    let (label, set) = split(octets)?;
    Some(NameKey { label: Label::from_canonical(label)?, set: intern(set) })
}

fn join(first: &[u8], second: &[u8]) -> Vec<u8> {
    [first, &[END], second].concat()
}

fn split(octets: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(octets).ok()?.split_once(char::from(END))
}
