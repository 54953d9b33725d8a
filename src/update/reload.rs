//! Zones and settings as they are read: which of them changed since they were last served, and the serials they get.

use super::engine::{CommitError, Engine};
use super::handle::{Receipt, UpdateError};
use super::publish::{Apex, Suffixes};
use super::recover::is_ahead;
use super::scan::scan_all;
use super::{PUBLICATION_FORMAT, Reload};
use crate::registry::{Actor, Command, Context, Policy, Request, Role, Transaction, decide};
use crate::store::{Store, ZoneMark};
use crate::telemetry::ChangeResult;
use crate::zone::{Gateway, Name, Pages, Unloaded, ZoneSet};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::sync::Arc;

/// What was read, ready to be served.
struct Loaded {
    zones: ZoneSet,
    suffixes: Suffixes,
    policy: Policy,
    /// What differs from what was served last.
    changed: Vec<Changed>,
}

/// One zone that is not what was served last.
struct Changed {
    apex: Box<str>,
    /// Of everything the zone was made from.
    digest: [u8; 32],
    /// Its new serial and the digest of its file alone, for the auditor; none if it is not served any more.
    served: Option<(u32, [u8; 32])>,
}

/// The digest of a zone that is not served any more: when it is again, it differs, whatever its registrations did
/// meanwhile.
const NOT_SERVED: [u8; 32] = [0; 32];

impl Engine {
    /// Serves new zones and settings, with the registrations as they are: those just `scanned`, or those served now.
    /// Journalled, if anything visible may differ.
    ///
    /// # Errors
    /// [`LoadError`]; the old ones are served on then.
    pub fn load(&mut self, reload: Reload, scanned: Option<Vec<(Arc<str>, Pages)>>) -> Result<Receipt, LoadError> {
        if let Some(why) = &self.stopped {
            return Err(CommitError::Unwritable(why.clone()).into());
        }
        let store = self.store.ready().map_err(CommitError::Store)?;
        let known = store.zones().map_err(|error| CommitError::Store(error.to_string()))?;
        let suffixes = Suffixes::of(&reload.policy);
        let pages = match scanned {
            Some(scanned) => scanned,
            None => self.pages_of(store, &suffixes)?,
        };
        let asked_by = reload.asked_by.clone();
        let loaded = Loaded::new(reload, suffixes, &pages, &known);
        let now = self.now();
        let seq = self.journal.position().seq + 1;
        let actor = Actor { principal: "configuration".into(), role: Role::System, region: None };
        let context = Context {
            policy: &loaded.policy,
            actor: &actor,
            now,
            seq,
            if_match: None,
            confirmed: false,
            occupied: &|_| false,
        };
        let digests = loaded.changed.iter().map(|zone| (zone.apex.clone(), zone.digest)).collect();
        let decision = decide(store, &context, &Command::LoadZones { digests });
        let decision = decision.map_err(|refusals| LoadError::Refused(UpdateError::Refused(refusals)))?;
        let serials: Vec<(Box<str>, u32)> =
            loaded.changed.iter().filter_map(|zone| Some((zone.apex.clone(), zone.served?.0))).collect();
        let mut receipt = Receipt {
            seq: None,
            at: now,
            outcome: decision.outcome.clone(),
            serials: serials.clone(),
            residual_ttl_secs: 0,
            replayed: false,
            preview: None,
        };
        let mut written = None;
        if !loaded.changed.is_empty() {
            let request = Request {
                operation: "zones.load".into(),
                target: "zones".into(),
                note: Some(loaded.note(asked_by.as_deref()).into()),
                key: None,
            };
            let (outcome, events) = (decision.outcome, decision.events);
            let transaction = Transaction {
                seq,
                at: now,
                actor,
                request,
                outcome,
                confirmed: false,
                events,
                before: Vec::new(),
                serials,
                // What a file changes is in its own TTLs; nobody asks how long a single name of it lives on.
                residual_ttl_secs: 0,
            };
            let positions = self.append(std::slice::from_ref(&transaction))?;
            self.metrics.changed("zones.load", ChangeResult::Committed);
            receipt.seq = Some(seq);
            written = Some((transaction, positions));
        }
        self.zones = loaded.zones;
        self.suffixes = loaded.suffixes;
        self.policy = loaded.policy;
        self.publish();
        self.note_unloaded();
        // The rules may have changed what is due: grace, the brake's limits.
        self.due_done = None;
        if let Some((transaction, positions)) = written {
            self.settle(std::slice::from_ref(&transaction), &positions);
        }
        Ok(receipt)
    }
}

impl Engine {
    /// Tells handles and metrics which zones are not loaded.
    fn note_unloaded(&self) {
        let text = |name: &Name| -> Box<str> { name.to_lowercase().to_string().into() };
        let unloaded: Vec<Box<str>> = self.zones.unloaded().iter().map(|zone| text(zone.apex())).collect();
        self.metrics.zones_unloaded(unloaded.len());
        let suffix = self.suffixes.unloaded_in(&self.zones).map(|apex| apex.text.clone());
        self.status.set(|status| (status.unloaded, status.unloaded_suffix) = (unloaded, suffix));
        self.report();
    }

    /// The registrations of the sets. If one is not served yet, they are read from the store.
    fn pages_of(&self, store: &Store, suffixes: &Suffixes) -> Result<Vec<(Arc<str>, Pages)>, CommitError> {
        let served = |set: &Arc<str>| Some((Arc::clone(set), self.suffixes.pages(&self.zones, set)?.clone()));
        if let Some(all) = suffixes.sets().map(served).collect() {
            return Ok(all);
        }
        let sets: Vec<Arc<str>> = suffixes.sets().map(Arc::clone).collect();
        let loaded = scan_all(store, &sets).map_err(|error| CommitError::Store(error.to_string()))?;
        Ok(loaded.sets)
    }
}

/// Why zones and settings were not taken.
#[derive(Debug)]
pub enum LoadError {
    /// They cannot be journalled, or the store cannot be read.
    Commit(CommitError),
    /// The registry says no.
    Refused(UpdateError),
}

impl LoadError {
    /// What the caller is told.
    pub fn answer(self) -> UpdateError {
        match self {
            Self::Commit(error) => error.answer(),
            Self::Refused(error) => error,
        }
    }
}

impl From<CommitError> for LoadError {
    fn from(error: CommitError) -> Self {
        Self::Commit(error)
    }
}

impl Loaded {
    fn new(reload: Reload, suffixes: Suffixes, pages: &[(Arc<str>, Pages)], known: &[ZoneMark]) -> Self {
        let Reload { zones: files, unloaded, gateways, policy, .. } = reload;
        let mut changed = Vec::new();
        let zones = files.into_iter().map(|(zone, file)| {
            let name = zone.apex().to_lowercase();
            let apex = Apex { text: name.to_string().into(), name };
            let set = suffixes.set_of(&apex.name);
            let gateway = gateways.iter().find(|(of, _)| Some(of) == set).map(|(_, gateway)| gateway.clone());
            let gateway = gateway.unwrap_or_default();
            let digest = digest(&file, set.map_or("", |set| set), &gateway);
            let mark = known.iter().find(|mark| mark.apex == apex.text);
            // What a zone is signed with in its file includes its serial, which so cannot be another.
            let serial = if zone.is_signed() { zone.serial() } else { next_serial(zone.serial(), digest, mark) };
            if mark.is_none_or(|mark| mark.digest != digest) {
                changed.push(Changed { apex: apex.text, digest, served: Some((serial, file)) });
            }
            let zone = zone.with_serial(serial).with_gateway(gateway);
            match set.and_then(|set| pages.iter().find(|(of, _)| of == set)) {
                Some((_, pages)) => zone.with_registrations(pages.clone()),
                None => zone,
            }
        });
        let zones = ZoneSet::with_unloaded(zones.collect::<Vec<_>>(), unloaded);
        let served = |mark: &ZoneMark| zones.iter().any(|zone| zone.apex().to_lowercase().to_string() == *mark.apex);
        let gone = known.iter().filter(|mark| mark.digest != NOT_SERVED && !served(mark));
        changed.extend(gone.map(|mark| Changed { apex: mark.apex.clone(), digest: NOT_SERVED, served: None }));
        Self { zones, suffixes, policy, changed }
    }

    /// Who asked, and the files' digests as `sha256sum` prints them, for the auditor.
    fn note(&self, asked_by: Option<&str>) -> String {
        let mut note = asked_by.map_or_else(String::new, |principal| format!("asked by {principal}: "));
        for (position, zone) in self.changed.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            write!(note, "{separator}{}", zone.apex).expect("a string takes every write");
            let Some((_, file)) = zone.served else {
                let is_unloaded = |unloaded: &Unloaded| unloaded.apex().to_lowercase().to_string() == *zone.apex;
                let is_unloaded = self.zones.unloaded().iter().any(is_unloaded);
                note.push_str(if is_unloaded { " could not be loaded" } else { " not served any more" });
                continue;
            };
            note.push_str(" sha256 ");
            for octet in file {
                write!(note, "{octet:02x}").expect("a string takes every write");
            }
        }
        note
    }
}

/// The serial to serve a zone with. What changed moves it, what was served already keeps it, and the file's own is a
/// floor: it counts where it is ahead (RFC 1982 §3.2).
fn next_serial(file: u32, digest: [u8; 32], mark: Option<&ZoneMark>) -> u32 {
    match mark {
        None => file,
        Some(mark) if mark.digest == digest => mark.serial,
        Some(mark) if is_ahead(file, mark.serial) => file,
        Some(mark) => mark.serial.wrapping_add(1),
    }
}

/// Of everything a zone's answers depend on beside its registrations.
fn digest(file: &[u8; 32], set: &str, gateway: &Gateway) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update([PUBLICATION_FORMAT]);
    hash.update(file);
    hash.update((set.len() as u64).to_be_bytes());
    hash.update(set.as_bytes());
    hash.update((gateway.v4.len() as u64).to_be_bytes());
    for address in &gateway.v4 {
        hash.update(address.octets());
    }
    for address in &gateway.v6 {
        hash.update(address.octets());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(serial: u32) -> ZoneMark {
        ZoneMark { apex: "example.".into(), serial, digest: [1; 32] }
    }

    #[track_caller]
    fn check(file: u32, digest: u8, served: Option<u32>, expected: u32) {
        assert_eq!(next_serial(file, [digest; 32], served.map(mark).as_ref()), expected);
    }

    #[test]
    fn serials_never_go_back() {
        check(7, 1, None, 7);
        check(7, 1, Some(9), 9);
        check(7, 2, Some(9), 10);
        check(12, 2, Some(9), 12);
        check(12, 1, Some(9), 9);
        // Round the end of the circle (RFC 1982).
        check(3, 2, Some(u32::MAX), 3);
        check(u32::MAX, 2, Some(3), 4);
        check(7, 2, Some(u32::MAX), 7);
        check(1 << 31, 2, Some(0), 1);
    }

    #[test]
    fn a_digest_covers_the_gateway_and_the_set() {
        let v4: Gateway = Gateway { v4: vec!["192.0.2.1".parse().expect("an address")], v6: Vec::new() };
        let digests = [
            digest(&[0; 32], "a", &Gateway::default()),
            digest(&[0; 32], "b", &Gateway::default()),
            digest(&[0; 32], "a", &v4),
        ];
        assert!(digests.iter().enumerate().all(|(i, a)| digests[i + 1..].iter().all(|b| a != b)));
    }
}
