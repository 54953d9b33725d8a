//! Values of the store: postcard of the types below.
//!
//! The core types carry no file format; these say what is on disk. A change here needs a new [`FORMAT`]: a store of
//! another format is set aside and rebuilt from the journal, so no value is ever migrated.

use super::site_reviews::SiteReviewV1;
use crate::idn::Label;
use crate::registry::hold::Hold;
use crate::registry::{
    Account, Approval, Brake, Change, ChangeId, ChangeState, DelegationSigner, HoldReason, Holds, Jump, Leaving, Life,
    NameKey, NameServer, Outline, Penalties, Penalty, PenaltyStep, Recent, Registration, Release, Reservation,
    Resolution, Stage, Stop, TermEnd, Timestamp, Unit, UnitId, UnitKind, Variants, Violation,
};
use crate::registry::{Position, Region};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The number of the store's format, kept in it. It is 2 since one index entry serves both the schedule and listings by
/// the end of a term, and holds are counted; 3 since names have a life beside their holds, variants and an
/// index of packages, units have account numbers,
/// applications, orders and remittances are kept, and suspensions are counted by the hour; 4 since units have the review
/// of their site and an index of it, and holds that ended are remembered; 5 since claims and kept labels are found by their
/// packages; 6 since applications have picked forms, and applications, orders and remittances the time of their last
/// change; 7 since entries are kept in packs; 8 since batches of transactions are written whole; 9 since orders are
/// found by their invoices, and have the reason of their refund; 10 since the index of a unit's names has their outlines.
pub(super) const FORMAT: u32 = 10;

/// The octets of a value.
pub(super) fn write<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("values of these types always serialise")
}

/// The octet of an outline.
pub(super) fn write_outline(outline: Outline) -> Vec<u8> {
    let octet = match outline {
        Outline::Silent => 0,
        Outline::Resolves => 1,
        Outline::More => 2,
    };
    vec![octet]
}

/// The outline of what [`write_outline`] made; `None` if it is damaged.
pub(super) fn read_outline(octets: &[u8]) -> Option<Outline> {
    match octets {
        [0] => Some(Outline::Silent),
        [1] => Some(Outline::Resolves),
        [2] => Some(Outline::More),
        _ => None,
    }
}

/// The value of octets that [`write`] made; `None` if they are damaged.
pub(super) fn read<T: DeserializeOwned>(octets: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(octets) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// The value at the beginning of octets, and the rest of them; `None` if they are damaged.
pub(super) fn read_first<T: DeserializeOwned>(octets: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(octets).ok()
}

/// A transaction, as the last one of something.
#[derive(Serialize, Deserialize)]
pub(super) struct HeadV1 {
    seq: u64,
    hash: [u8; 32],
}

/// Counts of names per suffix set, and of active holds per reason.
#[derive(Serialize, Deserialize)]
pub(super) struct TotalsV1 {
    pub(super) names: Vec<(Box<str>, u64)>,
    /// On names, and on units.
    pub(super) holds: [Vec<(Box<str>, u64)>; 2],
}

/// The checkpoint to be trusted.
#[derive(Serialize, Deserialize)]
pub(super) struct MarkV1 {
    pub(super) seq: u64,
    pub(super) digest: [u8; 32],
    pub(super) made_with: [u8; 32],
}

/// The brake.
#[derive(Serialize, Deserialize)]
pub(super) struct BrakeV1 {
    stop: Option<StopV1>,
    /// Names suspended by set and minute.
    recent: Vec<(Box<str>, MinutesV1)>,
    /// Since when, and what the clock showed.
    jump: Option<(i64, i64)>,
}

type MinutesV1 = Vec<(i64, u64)>;

#[derive(Serialize, Deserialize)]
struct StopV1 {
    since: i64,
    set: Box<str>,
    names: u64,
    total: u64,
    protected: Option<Box<str>>,
    batch: bool,
    /// Until when, and for how many names of batches.
    release: Option<(i64, u64)>,
}

/// Up to which name each notice has been given: days, end of the term, name.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct NoticedV1(Vec<(i32, i64, Option<Box<str>>)>);

/// A kept label; it is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct ReservationV1 {
    unit: Box<str>,
    until: i64,
}

/// What is remembered of a zone.
#[derive(Serialize, Deserialize, Default)]
pub(super) struct ZoneV1 {
    pub(super) serial: u32,
    pub(super) digest: [u8; 32],
}

/// An answer given to an idempotency key.
#[derive(Serialize, Deserialize)]
pub(super) struct AnsweredV1 {
    pub(super) seq: u64,
    pub(super) digest: [u8; 32],
    pub(super) at: i64,
}

/// A unit; its id is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct UnitV1 {
    name: Box<str>,
    kind: Box<str>,
    region: Box<str>,
    admin_function_proof: Option<Box<str>>,
    holds: Vec<HoldV1>,
    account: Option<u32>,
    penalties: Vec<PenaltyV1>,
    site_review: Option<SiteReviewV1>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct PenaltyV1 {
    step: Box<str>,
    violation: Box<str>,
    evidence: Box<str>,
    by: Box<str>,
    at: i64,
    end: Option<i64>,
}

/// A registration; label and set are the key.
#[derive(Serialize, Deserialize)]
pub(super) struct NameV1 {
    unit: Box<str>,
    registered: i64,
    expires: i64,
    kind: u8,
    primary: bool,
    resolution: Option<ResolutionV1>,
    resolved_by: u64,
    holds: Vec<HoldV1>,
    pending: Option<u64>,
    version: u64,
    leaving: Option<(Box<str>, i64)>,
    unfreeze: Option<i64>,
    migration: Option<i64>,
    /// Simplified, traditional.
    variants: [Option<Box<str>>; 2],
}

/// A change; its id is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct ChangeV1 {
    name: Box<str>,
    resolution: ResolutionV1,
    submitter: Box<str>,
    submitted: i64,
    base: u64,
    state: Box<str>,
    local: Option<ApprovalV1>,
    central: Option<ApprovalV1>,
    reason: Option<Box<str>>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct HoldV1 {
    reason: Box<str>,
    start: i64,
    end: Option<i64>,
    active: bool,
    evidence: Box<str>,
    by: Box<str>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ApprovalV1 {
    by: Box<str>,
    at: i64,
    asserted: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) enum ResolutionV1 {
    Addresses { addresses: Vec<IpAddr>, ttl: u32, www: bool },
    Forward { target: Box<str>, code: u16, keep_path: bool, ttl: u32, www: bool },
    Delegation { servers: Vec<(Box<str>, Vec<IpAddr>)>, ds: Vec<(u16, u8, u8, Vec<u8>)>, ttl: u32 },
}

impl From<Position> for HeadV1 {
    fn from(position: Position) -> Self {
        Self { seq: position.seq, hash: position.hash }
    }
}

impl From<HeadV1> for Position {
    fn from(head: HeadV1) -> Self {
        Self { seq: head.seq, hash: head.hash }
    }
}

impl From<&Brake> for BrakeV1 {
    fn from(brake: &Brake) -> Self {
        let stop = |stop: &Stop| StopV1 {
            since: stop.since.0,
            set: stop.set.clone(),
            names: stop.names,
            total: stop.total,
            protected: stop.protected.clone(),
            batch: stop.batch,
            release: stop.release.map(|release| (release.until.0, release.names)),
        };
        let minutes = |set: &str, recent: &Recent| {
            (set.into(), recent.0.iter().map(|(minute, names)| (minute.0, *names)).collect())
        };
        Self {
            stop: brake.stop.as_ref().map(stop),
            recent: brake.recent.iter().map(|(set, recent)| minutes(set, recent)).collect(),
            jump: brake.jump.map(|jump| (jump.since.0, jump.shown.0)),
        }
    }
}

impl From<BrakeV1> for Brake {
    fn from(brake: BrakeV1) -> Self {
        let stop = |stop: StopV1| Stop {
            since: Timestamp(stop.since),
            set: stop.set,
            names: stop.names,
            total: stop.total,
            protected: stop.protected,
            batch: stop.batch,
            release: stop.release.map(|(until, names)| Release { until: Timestamp(until), names }),
        };
        let minutes = |(set, minutes): (Box<str>, MinutesV1)| {
            (set, Recent(minutes.into_iter().map(|(minute, names)| (Timestamp(minute), names)).collect()))
        };
        let jump = |(since, shown)| Jump { since: Timestamp(since), shown: Timestamp(shown) };
        Self {
            stop: brake.stop.map(stop),
            recent: brake.recent.into_iter().map(minutes).collect(),
            jump: brake.jump.map(jump),
        }
    }
}

impl NoticedV1 {
    /// As it is written.
    pub(super) fn new(noticed: &BTreeMap<i32, TermEnd>) -> Self {
        let write =
            |(days, end): (&i32, &TermEnd)| (*days, end.at.0, end.key.as_ref().map(|key| key.to_string().into()));
        Self(noticed.iter().map(write).collect())
    }

    /// As the registry knows it; `None` if a name is none.
    pub(super) fn read(self) -> Option<BTreeMap<i32, TermEnd>> {
        let read = |(days, at, key): (i32, i64, Option<Box<str>>)| {
            let key = match key {
                Some(key) => Some(NameKey::from_canonical(&key)?),
                None => None,
            };
            Some((days, TermEnd { at: Timestamp(at), key }))
        };
        self.0.into_iter().map(read).collect()
    }
}

impl From<&Reservation> for ReservationV1 {
    fn from(kept: &Reservation) -> Self {
        Self { unit: kept.unit.as_str().into(), until: kept.until.0 }
    }
}

impl ReservationV1 {
    /// The kept label with this key; `None` if the unit is none.
    pub(super) fn into_reservation(self, key: NameKey) -> Option<Reservation> {
        Some(Reservation { key, unit: UnitId::parse(&self.unit)?, until: Timestamp(self.until) })
    }
}

impl From<&Unit> for UnitV1 {
    fn from(unit: &Unit) -> Self {
        Self {
            name: unit.name.clone(),
            kind: unit.kind.as_str().into(),
            region: unit.region.as_str().into(),
            admin_function_proof: unit.admin_function_proof.clone(),
            holds: write_holds(&unit.holds),
            account: unit.account.map(|account| account.0),
            penalties: unit.penalties.0.iter().map(PenaltyV1::from).collect(),
            site_review: unit.site_review.as_deref().map(SiteReviewV1::from),
            version: unit.version,
        }
    }
}

impl UnitV1 {
    /// The unit with this id; `None` if a value is not one this program knows.
    pub(super) fn into_unit(self, id: UnitId) -> Option<Unit> {
        let site_review = match self.site_review {
            Some(review) => Some(Box::new(review.read()?)),
            None => None,
        };
        Some(Unit {
            id,
            name: self.name,
            kind: UnitKind::parse(&self.kind)?,
            region: Region::parse(&self.region)?,
            admin_function_proof: self.admin_function_proof,
            holds: read_holds(self.holds)?,
            penalties: Penalties(self.penalties.into_iter().map(PenaltyV1::read).collect::<Option<_>>()?),
            account: self.account.map(Account),
            site_review,
            version: self.version,
        })
    }
}

impl From<&Penalty> for PenaltyV1 {
    fn from(penalty: &Penalty) -> Self {
        Self {
            step: penalty.step.as_str().into(),
            violation: penalty.violation.as_str().into(),
            evidence: penalty.evidence.clone(),
            by: penalty.by.clone(),
            at: penalty.at.0,
            end: penalty.end.map(|end| end.0),
        }
    }
}

impl PenaltyV1 {
    fn read(self) -> Option<Penalty> {
        Some(Penalty {
            step: PenaltyStep::parse(&self.step)?,
            violation: Violation::parse(&self.violation)?,
            evidence: self.evidence,
            by: self.by,
            at: Timestamp(self.at),
            end: self.end.map(Timestamp),
        })
    }
}

impl From<&Registration> for NameV1 {
    fn from(name: &Registration) -> Self {
        Self {
            unit: name.unit.as_str().into(),
            registered: name.registered.0,
            expires: name.expires.0,
            kind: name.kind,
            primary: name.primary,
            resolution: name.resolution.as_ref().map(ResolutionV1::from),
            resolved_by: name.resolved_by,
            holds: write_holds(&name.holds),
            pending: name.pending.map(|id| id.0),
            version: name.version,
            leaving: name.life.leaving.map(|leaving| (leaving.stage.as_str().into(), leaving.until.0)),
            unfreeze: name.life.unfreeze.map(|at| at.0),
            migration: name.life.migration.map(|at| at.0),
            variants: [&name.variants.simplified, &name.variants.traditional]
                .map(|label| label.as_ref().map(|label| label.as_ascii().into())),
        }
    }
}

impl NameV1 {
    /// The registration with this key; `None` if a value is not one this program knows.
    pub(super) fn into_name(self, key: NameKey) -> Option<Registration> {
        let leaving = match self.leaving {
            Some((stage, until)) => Some(Leaving { stage: Stage::parse(&stage)?, until: Timestamp(until) }),
            None => None,
        };
        Some(Registration {
            key,
            unit: UnitId::parse(&self.unit)?,
            registered: Timestamp(self.registered),
            expires: Timestamp(self.expires),
            kind: self.kind,
            primary: self.primary,
            resolution: self.resolution.map(Resolution::from),
            resolved_by: self.resolved_by,
            holds: read_holds(self.holds)?,
            pending: self.pending.map(ChangeId),
            life: Life { leaving, unfreeze: self.unfreeze.map(Timestamp), migration: self.migration.map(Timestamp) },
            variants: read_variants(self.variants)?,
            version: self.version,
        })
    }
}

impl From<&Change> for ChangeV1 {
    fn from(change: &Change) -> Self {
        Self {
            name: change.name.to_string().into(),
            resolution: (&change.resolution).into(),
            submitter: change.submitter.clone(),
            submitted: change.submitted.0,
            base: change.base,
            state: change.state.as_str().into(),
            local: change.local.as_ref().map(ApprovalV1::from),
            central: change.central.as_ref().map(ApprovalV1::from),
            reason: change.reason.clone(),
            version: change.version,
        }
    }
}

impl ChangeV1 {
    /// The change with this id; `None` if a value is not one this program knows.
    pub(super) fn into_change(self, id: ChangeId) -> Option<Change> {
        Some(Change {
            id,
            name: NameKey::from_canonical(&self.name)?,
            resolution: self.resolution.into(),
            submitter: self.submitter,
            submitted: Timestamp(self.submitted),
            base: self.base,
            state: ChangeState::ALL.into_iter().find(|state| state.as_str() == &*self.state)?,
            local: self.local.map(Approval::from),
            central: self.central.map(Approval::from),
            reason: self.reason,
            version: self.version,
        })
    }
}

impl From<&Approval> for ApprovalV1 {
    fn from(approval: &Approval) -> Self {
        Self { by: approval.by.clone(), at: approval.at.0, asserted: approval.asserted }
    }
}

impl From<ApprovalV1> for Approval {
    fn from(approval: ApprovalV1) -> Self {
        Self { by: approval.by, at: Timestamp(approval.at), asserted: approval.asserted }
    }
}

impl From<&Resolution> for ResolutionV1 {
    fn from(resolution: &Resolution) -> Self {
        match resolution {
            Resolution::Addresses { addresses, ttl, www } => {
                Self::Addresses { addresses: addresses.clone(), ttl: *ttl, www: *www }
            }
            Resolution::Forward { target, code, keep_path, ttl, www } => {
                Self::Forward { target: target.clone(), code: *code, keep_path: *keep_path, ttl: *ttl, www: *www }
            }
            Resolution::Delegation { servers, ds, ttl } => Self::Delegation {
                servers: servers.iter().map(|server| (server.host.clone(), server.glue.clone())).collect(),
                ds: ds.iter().map(|ds| (ds.key_tag, ds.algorithm, ds.digest_type, ds.digest.clone())).collect(),
                ttl: *ttl,
            },
        }
    }
}

impl From<ResolutionV1> for Resolution {
    fn from(resolution: ResolutionV1) -> Self {
        match resolution {
            ResolutionV1::Addresses { addresses, ttl, www } => Self::Addresses { addresses, ttl, www },
            ResolutionV1::Forward { target, code, keep_path, ttl, www } => {
                Self::Forward { target, code, keep_path, ttl, www }
            }
            ResolutionV1::Delegation { servers, ds, ttl } => Self::Delegation {
                servers: servers.into_iter().map(|(host, glue)| NameServer { host, glue }).collect(),
                ds: ds.into_iter().map(read_ds).collect(),
                ttl,
            },
        }
    }
}

fn read_variants([simplified, traditional]: [Option<Box<str>>; 2]) -> Option<Variants> {
    let read = |text: Option<Box<str>>| match text {
        Some(text) => Label::from_canonical(&text).map(Some),
        None => Some(None),
    };
    Some(Variants { simplified: read(simplified)?, traditional: read(traditional)? })
}

fn read_ds((key_tag, algorithm, digest_type, digest): (u16, u8, u8, Vec<u8>)) -> DelegationSigner {
    DelegationSigner { key_tag, algorithm, digest_type, digest }
}

fn write_holds(holds: &Holds) -> Vec<HoldV1> {
    let write = |(reason, hold): (&HoldReason, &Hold)| HoldV1 {
        reason: reason.as_str().into(),
        start: hold.start.0,
        end: hold.end.map(|end| end.0),
        active: hold.active,
        evidence: hold.evidence.clone(),
        by: hold.by.clone(),
    };
    holds.0.iter().map(write).collect()
}

fn read_holds(holds: Vec<HoldV1>) -> Option<Holds> {
    let read = |hold: HoldV1| {
        let read = Hold {
            start: Timestamp(hold.start),
            end: hold.end.map(Timestamp),
            active: hold.active,
            evidence: hold.evidence,
            by: hold.by,
        };
        Some((HoldReason::parse(&hold.reason)?, read))
    };
    holds.into_iter().map(read).collect::<Option<_>>().map(Holds)
}
