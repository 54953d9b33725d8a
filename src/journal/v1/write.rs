//! From the core types to the members of a line.

use super::site_review::SiteReviewV1;
use super::{
    ActorV1, ApprovalV1, BrakeV1, ChangeV1, EventV1, HexV1, HoldV1, IdempotencyV1, JumpV1, LeavingV1, LineV1, MapV1,
    NameRemovedV1, NameV1, NoticeV1, NoticedV1, OutcomeV1, PenaltyV1, RequestV1, ReservationEndedV1, ReservedV1,
    ResolutionV1, ServerV1, SignerV1, Text, TimeV1, UnitV1, VERSION, VariantsEndedV1, VariantsV1, ZoneLoadedV1,
};
use crate::idn::Label;
use crate::registry::hold::Hold;
use crate::registry::{
    Actor, Brake, Change, DelegationSigner, Event, HoldReason, Holds, NameServer, Penalty, Recent, Regions,
    Registration, Resolution, Transaction, Unit, Variants,
};

impl LineV1 {
    /// The line of a transaction after the one with the hash `prev`, its own hash left out.
    pub(in crate::journal) fn new(transaction: &Transaction, prev: &[u8]) -> Self {
        let Transaction { seq, at, actor, request, outcome, confirmed, events, before, serials, residual_ttl_secs } =
            transaction;
        Self {
            v: VERSION,
            seq: *seq,
            at: TimeV1(*at),
            actor: write_actor(actor),
            request: RequestV1 {
                operation: request.operation.clone(),
                target: request.target.clone(),
                note: request.note.clone(),
                idempotency: request
                    .key
                    .as_ref()
                    .map(|(key, digest)| IdempotencyV1 { key: key.clone(), digest: HexV1(digest.to_vec()) }),
            },
            outcome: OutcomeV1 {
                id: outcome.id.clone(),
                state: outcome.state.clone(),
                version: outcome.version,
                created: outcome.created,
            },
            events: events.iter().map(EventV1::from).collect(),
            serials: MapV1(serials.clone()),
            confirmed: *confirmed,
            before: before.clone(),
            residual_ttl: *residual_ttl_secs,
            prev: HexV1(prev.to_vec()),
            hash: None,
        }
    }
}

fn write_actor(actor: &Actor) -> ActorV1 {
    let regions: Vec<Text> = actor.region.iter().flat_map(Regions::iter).map(|region| region.as_str().into()).collect();
    let (region, regions) = match &*regions {
        [one] => (Some(one.clone()), Vec::new()),
        _ => (None, regions),
    };
    ActorV1 { principal: actor.principal.clone(), role: actor.role.as_str().into(), region, regions }
}

impl From<&Event> for EventV1 {
    fn from(event: &Event) -> Self {
        match event {
            Event::Unit(unit) => Self::Unit(unit.into()),
            Event::Name(name) => Self::Name(name.into()),
            Event::NameRemoved { key, unit, variants } => Self::NameRemoved(NameRemovedV1 {
                name: key.to_string().into(),
                unit: unit.as_str().into(),
                variants: write_variants(variants),
            }),
            Event::VariantsEnded { key, labels } => Self::VariantsEnded(VariantsEndedV1 {
                name: key.to_string().into(),
                labels: labels.iter().map(|label| label.as_ascii().into()).collect(),
            }),
            Event::Change(change) => Self::Change(change.into()),
            Event::Application(application) => Self::Application(application.into()),
            Event::Order(order) => Self::Order(order.into()),
            Event::Remittance(remittance) => Self::Remittance(remittance.into()),
            Event::Brake(brake) => Self::Brake((*brake != Brake::default()).then(|| brake.into())),
            Event::ZoneLoaded { apex, digest } => {
                Self::ZoneLoaded(ZoneLoadedV1 { apex: apex.clone(), digest: HexV1(digest.to_vec()) })
            }
            Event::Reserved(kept) => Self::Reserved(ReservedV1 {
                name: kept.key.to_string().into(),
                unit: kept.unit.as_str().into(),
                until: TimeV1(kept.until),
            }),
            Event::ReservationEnded { key } => {
                Self::ReservationEnded(ReservationEndedV1 { name: key.to_string().into() })
            }
            Event::Notice(notice) => Self::Notice(NoticeV1 {
                kind: notice.kind.to_string().into(),
                name: notice.name.to_string().into(),
                unit: notice.unit.as_str().into(),
                expires: TimeV1(notice.expires),
                until: notice.until.map(TimeV1),
            }),
            Event::Noticed(noticed) => Self::Noticed(NoticedV1 {
                days: noticed.days,
                expires: TimeV1(noticed.upto.at),
                name: noticed.upto.key.as_ref().map(|key| key.to_string().into()),
            }),
            Event::SiteNotice(notice) => Self::SiteNotice(notice.into()),
        }
    }
}

impl From<&Unit> for UnitV1 {
    fn from(unit: &Unit) -> Self {
        Self {
            id: unit.id.as_str().into(),
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

impl From<&Penalty> for PenaltyV1 {
    fn from(penalty: &Penalty) -> Self {
        Self {
            step: penalty.step.as_str().into(),
            violation: penalty.violation.as_str().into(),
            evidence: penalty.evidence.clone(),
            by: penalty.by.clone(),
            at: TimeV1(penalty.at),
            end: penalty.end.map(TimeV1),
        }
    }
}

impl From<&Registration> for NameV1 {
    fn from(name: &Registration) -> Self {
        Self {
            name: name.key.to_string().into(),
            unit: name.unit.as_str().into(),
            registered: TimeV1(name.registered),
            expires: TimeV1(name.expires),
            kind: name.kind,
            primary: name.primary,
            resolution: name.resolution.as_ref().map(ResolutionV1::from),
            resolved_by: name.resolved_by,
            holds: write_holds(&name.holds),
            pending: name.pending.map(|id| id.to_string().into()),
            version: name.version,
            leaving: name
                .life
                .leaving
                .map(|leaving| LeavingV1 { stage: leaving.stage.as_str().into(), until: TimeV1(leaving.until) }),
            unfreeze: name.life.unfreeze.map(TimeV1),
            migration: name.life.migration.map(TimeV1),
            variants: write_variants(&name.variants),
        }
    }
}

impl From<&Change> for ChangeV1 {
    fn from(change: &Change) -> Self {
        Self {
            id: change.id.to_string().into(),
            name: change.name.to_string().into(),
            resolution: (&change.resolution).into(),
            submitter: change.submitter.clone(),
            submitted: TimeV1(change.submitted),
            base: change.base,
            state: change.state.as_str().into(),
            local: change.local.as_ref().map(ApprovalV1::from),
            central: change.central.as_ref().map(ApprovalV1::from),
            reason: change.reason.clone(),
            version: change.version,
        }
    }
}

impl From<&Brake> for BrakeV1 {
    fn from(brake: &Brake) -> Self {
        let stop = brake.stop.as_ref();
        let release = stop.and_then(|stop| stop.release);
        let minutes = |set: &str, recent: &Recent| {
            (set.into(), recent.0.iter().map(|(minute, names)| (TimeV1(*minute), *names)).collect())
        };
        Self {
            since: stop.map(|stop| TimeV1(stop.since)),
            set: stop.map(|stop| stop.set.clone()),
            names: stop.map(|stop| stop.names),
            total: stop.map(|stop| stop.total),
            released_until: release.map(|release| TimeV1(release.until)),
            allowance: release.map(|release| release.names).filter(|names| *names > 0),
            protected: stop.and_then(|stop| stop.protected.clone()),
            batch: stop.is_some_and(|stop| stop.batch),
            recent: MapV1(brake.recent.iter().map(|(set, recent)| minutes(set, recent)).collect()),
            jump: brake.jump.map(|jump| JumpV1 { since: TimeV1(jump.since), shown: TimeV1(jump.shown) }),
        }
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
            Resolution::Delegation { servers, ds, ttl } => {
                let server = |s: &NameServer| ServerV1 { host: s.host.clone(), glue: s.glue.clone() };
                let signer = |ds: &DelegationSigner| SignerV1 {
                    key_tag: ds.key_tag,
                    algorithm: ds.algorithm,
                    digest_type: ds.digest_type,
                    digest: HexV1(ds.digest.clone()),
                };
                Self::Delegation {
                    servers: servers.iter().map(server).collect(),
                    ds: ds.iter().map(signer).collect(),
                    ttl: *ttl,
                }
            }
        }
    }
}

/// Absent where there is none, so that lines without variants keep their octets.
fn write_variants(variants: &Variants) -> Option<VariantsV1> {
    let text = |label: &Option<Label>| label.as_ref().map(|label| label.as_ascii().into());
    let Variants { simplified, traditional } = variants;
    (!variants.is_empty()).then(|| VariantsV1 { simplified: text(simplified), traditional: text(traditional) })
}

fn write_holds(holds: &Holds) -> MapV1<HoldV1> {
    let write = |(reason, hold): (&HoldReason, &Hold)| {
        let line = HoldV1 {
            start: TimeV1(hold.start),
            end: hold.end.map(TimeV1),
            active: hold.active,
            evidence: hold.evidence.clone(),
            by: hold.by.clone(),
        };
        (reason.as_str().into(), line)
    };
    MapV1(holds.0.iter().map(write).collect())
}
