//! When checkpoints are written, and by whom: a thread beside the writer's, from the pages of one version.
//!
//! The pages do not change under it, so that the writer goes on meanwhile; it only notes in the store which file is to
//! be trusted, once that is durable. A start without a checkpoint, or with an old one, is only slower.

use super::PUBLICATION_FORMAT;
use super::engine::Engine;
use super::mend::Slot;
use super::recover::Home;
use crate::journal::disk::Disk;
use crate::publication::published;
use crate::registry::{
    DelegationSigner, Hold, HoldReason, Holds, NameKey, NameServer, Penalties, Region, Registration, Resolution,
    Timestamp, Unit, UnitId, UnitKind, Variants,
};
use crate::store::Mark;
use crate::store::checkpoint::{remove_others, write};
use crate::zone::Pages;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The part of all names by which a checkpoint may be behind: an import writes each name about that often again, and a
/// start reads that part of the names from the store.
const BEHIND_PART: u64 = 8;
/// Objects by which it may be behind for long; reading them at start takes some hundredths of a second.
const BEHIND_LONG: u64 = 1000;
/// For how long it may be behind by more.
const LONG: Duration = Duration::from_secs(60);
/// Pause after a checkpoint, in times of what it took: what all of them take is bounded by that, however slow the disk.
const PAUSE_FACTOR: u32 = 20;
/// Pause after one that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(60);

/// How often checkpoints are written at most.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Changed objects that are worth one, however few names there are.
    pub events: u64,
    /// Shortest pause between two.
    pub pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { events: 64, pause: Duration::from_secs(10) }
    }
}

/// The checkpoints of one data directory.
pub struct Checkpoints {
    directory: PathBuf,
    /// Asked for its free space, of which the journal's share is left alone.
    disk: Arc<dyn Disk>,
    free_octets: u64,
    pace: Pace,
    made_with: [u8; 32],
    /// Objects changed since the last one was begun.
    behind: u64,
    /// When that was.
    begun: Instant,
    /// The next is not begun before.
    next: Instant,
    writing: Option<JoinHandle<(io::Result<Mark>, Duration)>>,
}

impl Checkpoints {
    /// Those in `home`, the last of which is `behind` by so many objects.
    pub fn new(home: &Home, pace: Pace, behind: u64) -> Self {
        let now = Instant::now();
        Self {
            directory: home.checkpoints(),
            disk: Arc::clone(&home.disk),
            free_octets: home.limits.free_octets,
            pace,
            made_with: made_with(),
            behind,
            begun: now,
            next: now,
            writing: None,
        }
    }

    /// Notes that so many objects have changed.
    pub fn applied(&mut self, events: u64) {
        self.behind = self.behind.saturating_add(events);
    }

    /// Whether another one is worth its while.
    fn is_due(&self, names: u64) -> bool {
        let much = self.behind >= self.pace.events.max(names / BEHIND_PART);
        let long = self.behind >= BEHIND_LONG && self.begun.elapsed() >= LONG;
        (much || long) && self.writing.is_none() && Instant::now() >= self.next
    }

    /// Begins to write one.
    fn begin(&mut self, seq: u64, sets: Vec<(Arc<str>, Pages)>) {
        let (directory, disk, made_with) = (self.directory.clone(), Arc::clone(&self.disk), self.made_with);
        // As much again as the journal asks for: a checkpoint is the first thing to do without.
        let needed = self.free_octets.saturating_mul(2);
        let work = move || {
            let begun = Instant::now();
            let has_room = || {
                let is_full = disk.free_octets()? < needed;
                if is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            };
            (write(&directory, seq, made_with, &sets, &has_room), begun.elapsed())
        };
        self.behind = 0;
        self.begun = Instant::now();
        match std::thread::Builder::new().name("checkpoint".into()).spawn(work) {
            Ok(thread) => self.writing = Some(thread),
            Err(error) => self.failed(&error),
        }
    }

    /// The mark of the one that is written, once it is; `wait` waits for that.
    fn take(&mut self, wait: bool) -> Option<Mark> {
        if !wait && !self.writing.as_ref()?.is_finished() {
            return None;
        }
        let Ok((written, took)) = self.writing.take()?.join() else {
            self.failed(&io::Error::other("its thread panicked"));
            return None;
        };
        match written {
            Ok(mark) => {
                tracing::debug!(seq = mark.seq, secs = took.as_secs_f64(), "a checkpoint was written");
                self.next = Instant::now() + self.pace.pause.max(took * PAUSE_FACTOR);
                Some(mark)
            }
            Err(error) => {
                self.failed(&error);
                None
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        tracing::warn!("no checkpoint was written, the next start may be slow: {error}");
        self.next = Instant::now() + FAILED_PAUSE;
        self.lost();
    }

    /// Notes that there is none to be trusted.
    pub fn lost(&mut self) {
        self.behind = u64::MAX;
    }
}

impl Engine {
    /// Takes the next step with checkpoints, if there is one to take now.
    pub fn checkpoint(&mut self) {
        if let Some(mark) = self.checkpoints.take(false) {
            self.vouch(&mark);
        }
        let names = self.suffixes.sets().filter_map(|set| self.suffixes.pages(&self.zones, set));
        if self.checkpoints.is_due(names.map(|pages| pages.len() as u64).sum()) {
            self.begin_checkpoint();
        }
    }

    /// Leaves a checkpoint of the end behind.
    pub fn last_checkpoint(&mut self) {
        if let Some(mark) = self.checkpoints.take(true) {
            self.vouch(&mark);
        }
        if self.checkpoints.behind > 0 {
            self.begin_checkpoint();
            if let Some(mark) = self.checkpoints.take(true) {
                self.vouch(&mark);
            }
        }
    }

    fn begin_checkpoint(&mut self) {
        let Slot::Ready(store) = &self.store else { return };
        let seq = self.journal.position().seq;
        // What the journal did not take is neither in the zones nor in the store.
        if store.position().seq == seq {
            let pages = |set: &Arc<str>| Some((Arc::clone(set), self.suffixes.pages(&self.zones, set)?.clone()));
            let sets = self.suffixes.sets().filter_map(pages).collect();
            self.checkpoints.begin(seq, sets);
        }
    }

    /// Has the store note that the file is to be trusted; then those before it are of no use.
    fn vouch(&mut self, mark: &Mark) {
        // A store that was rebuilt meanwhile has applied it too, or will be without a checkpoint until the next.
        let Slot::Ready(store) = &mut self.store else { return };
        if store.position().seq < mark.seq {
            return;
        }
        if let Err(error) = store.vouch(mark) {
            self.store_failed(&error.to_string(), false);
            return;
        }
        if let Err(error) = remove_others(&self.checkpoints.directory, mark.seq) {
            tracing::warn!("old checkpoints are not removed: {error}");
        }
    }
}

/// A digest of the form in which this program publishes names: what it makes of one name of every kind. Where it differs,
/// the octets of a checkpoint may mean something else.
pub fn made_with() -> [u8; 32] {
    let unit = Unit {
        id: UnitId::parse("unit-1").expect("a unit's id"),
        name: "某单位".into(),
        kind: UnitKind::Organ,
        region: Region::parse("62").expect("a region"),
        admin_function_proof: None,
        holds: Holds::default(),
        penalties: Penalties::default(),
        site_review: None,
        account: None,
        version: 1,
    };
    let key =
        NameKey { label: crate::idn::Label::from_canonical("xn--fiqs8s").expect("a label"), set: "xn--zfr164b".into() };
    let name = |resolution: Option<Resolution>, holds: Holds| Registration {
        key: key.clone(),
        unit: unit.id.clone(),
        registered: Timestamp(0),
        expires: Timestamp(1),
        kind: 1,
        primary: true,
        resolution,
        resolved_by: 1,
        holds,
        pending: None,
        life: crate::registry::Life::default(),
        variants: Variants::default(),
        version: 1,
    };
    let resolved = resolutions().into_iter().map(|resolution| name(Some(resolution), Holds::default()));
    let held = HoldReason::ALL.map(|reason| {
        let hold =
            Hold { start: Timestamp(0), end: None, active: true, evidence: "case 1".into(), by: "registry".into() };
        name(None, Holds([(reason, hold)].into()))
    });
    let mut octets = vec![PUBLICATION_FORMAT];
    for name in resolved.chain(held) {
        published(&unit, &name).expect("it has a resolution or a hold").encode(&mut octets);
    }
    Sha256::digest(&octets).into()
}

fn resolutions() -> [Resolution; 3] {
    let addresses = || vec![[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()];
    let server = NameServer { host: "ns.example".into(), glue: addresses() };
    let ds = DelegationSigner { key_tag: 1, algorithm: 13, digest_type: 2, digest: vec![7; 32] };
    [
        Resolution::Addresses { addresses: addresses(), ttl: 600, www: true },
        Resolution::Forward { target: "https://www.example/".into(), code: 302, keep_path: true, ttl: 300, www: true },
        Resolution::Delegation { servers: vec![server], ds: vec![ds], ttl: 3600 },
    ]
}
