//! From the members of a line to the core types.

use super::{
    BrakeV1, ChangeV1, EventV1, HoldV1, IdempotencyV1, LeavingV1, LineV1, MapV1, NameV1, PenaltyV1, ResolutionV1,
    ServerV1, SignerV1, Text, TimeV1, UnitV1, VariantsV1,
};
use crate::idn::Label;
use crate::registry::hold::Hold;
use crate::registry::{
    Account, Actor, Approval, Brake, Change, ChangeId, ChangeState, DelegationSigner, Event, HoldReason, Holds, Jump,
    Leaving, Life, NameKey, NameServer, Notice, NoticeKind, Noticed, Outcome, Penalties, Penalty, PenaltyStep, Recent,
    Region, Regions, Registration, Release, Request, Reservation, Resolution, Role, SiteReview, Stage, Stop, TermEnd,
    Transaction, Unit, UnitId, UnitKind, Variants, Violation,
};

/// A member whose value is none that this program knows.
#[derive(Debug)]
pub(in crate::journal) struct Unknown(pub(in crate::journal) &'static str);

pub(super) fn known<T>(value: Option<T>, member: &'static str) -> Result<T, Unknown> {
    value.ok_or(Unknown(member))
}

impl TryFrom<LineV1> for Transaction {
    type Error = Unknown;

    fn try_from(line: LineV1) -> Result<Self, Unknown> {
        let key = |idempotency: IdempotencyV1| {
            let digest = idempotency.digest.0.try_into().ok();
            Ok((idempotency.key, known(digest, "request.idempotency.digest")?))
        };
        let role = Role::TOKENS.into_iter().chain([Role::System]).find(|role| role.as_str() == &*line.actor.role);
        let regions = line.actor.region.into_iter().chain(line.actor.regions);
        let regions = regions.map(|region| known(Region::parse(&region), "actor.region"));
        let regions: Vec<Region> = regions.collect::<Result<_, _>>()?;
        Ok(Self {
            seq: line.seq,
            at: line.at.0,
            actor: Actor {
                principal: line.actor.principal,
                role: known(role, "actor.role")?,
                region: Regions::of(regions),
            },
            request: Request {
                operation: line.request.operation,
                target: line.request.target,
                note: line.request.note,
                key: line.request.idempotency.map(key).transpose()?,
            },
            outcome: Outcome {
                id: line.outcome.id,
                state: line.outcome.state,
                version: line.outcome.version,
                created: line.outcome.created,
            },
            events: line.events.into_iter().map(Event::try_from).collect::<Result<_, _>>()?,
            confirmed: line.confirmed,
            before: line.before,
            serials: line.serials.0,
            residual_ttl_secs: line.residual_ttl,
        })
    }
}

impl TryFrom<EventV1> for Event {
    type Error = Unknown;

    fn try_from(event: EventV1) -> Result<Self, Unknown> {
        Ok(match event {
            EventV1::Unit(unit) => Self::Unit(unit.try_into()?),
            EventV1::Name(name) => Self::Name(name.try_into()?),
            EventV1::NameRemoved(removed) => Self::NameRemoved {
                key: known(NameKey::from_canonical(&removed.name), "name_removed.name")?,
                unit: known(UnitId::parse(&removed.unit), "name_removed.unit")?,
                variants: read_variants(removed.variants, "name_removed.variants")?,
            },
            EventV1::VariantsEnded(ended) => Self::VariantsEnded {
                key: known(NameKey::from_canonical(&ended.name), "variants_ended.name")?,
                labels: known(
                    ended.labels.iter().map(|label| Label::from_canonical(label)).collect(),
                    "variants_ended.labels",
                )?,
            },
            EventV1::Change(change) => Self::Change(change.try_into()?),
            EventV1::Application(application) => Self::Application(application.try_into()?),
            EventV1::Order(order) => Self::Order(order.try_into()?),
            EventV1::Remittance(remittance) => Self::Remittance(remittance.try_into()?),
            EventV1::Brake(brake) => Self::Brake(brake.map(Brake::try_from).transpose()?.unwrap_or_default()),
            EventV1::ZoneLoaded(zone) => {
                let digest = known(zone.digest.0.try_into().ok(), "zone_loaded.digest")?;
                Self::ZoneLoaded { apex: zone.apex, digest }
            }
            EventV1::Reserved(kept) => Self::Reserved(Reservation {
                key: known(NameKey::from_canonical(&kept.name), "reserved.name")?,
                unit: known(UnitId::parse(&kept.unit), "reserved.unit")?,
                until: kept.until.0,
            }),
            EventV1::ReservationEnded(ended) => {
                Self::ReservationEnded { key: known(NameKey::from_canonical(&ended.name), "reservation_ended.name")? }
            }
            EventV1::Notice(notice) => Self::Notice(Notice {
                kind: known(NoticeKind::parse(&notice.kind), "notice.kind")?,
                name: known(NameKey::from_canonical(&notice.name), "notice.name")?,
                unit: known(UnitId::parse(&notice.unit), "notice.unit")?,
                expires: notice.expires.0,
                until: notice.until.map(|until| until.0),
            }),
            EventV1::Noticed(noticed) => {
                let key = noticed.name.map(|name| known(NameKey::from_canonical(&name), "noticed.name")).transpose()?;
                Self::Noticed(Noticed { days: noticed.days, upto: TermEnd { at: noticed.expires.0, key } })
            }
            EventV1::SiteNotice(notice) => Self::SiteNotice(notice.try_into()?),
        })
    }
}

impl TryFrom<UnitV1> for Unit {
    type Error = Unknown;

    fn try_from(unit: UnitV1) -> Result<Self, Unknown> {
        Ok(Self {
            id: known(UnitId::parse(&unit.id), "unit.id")?,
            name: unit.name,
            kind: known(UnitKind::parse(&unit.kind), "unit.kind")?,
            region: known(Region::parse(&unit.region), "unit.region")?,
            admin_function_proof: unit.admin_function_proof,
            holds: read_holds(unit.holds)?,
            penalties: read_penalties(unit.penalties)?,
            account: unit.account.map(Account),
            site_review: unit.site_review.map(SiteReview::try_from).transpose()?.map(Box::new),
            version: unit.version,
        })
    }
}

impl TryFrom<NameV1> for Registration {
    type Error = Unknown;

    fn try_from(name: NameV1) -> Result<Self, Unknown> {
        let pending = name.pending.map(|id| known(ChangeId::parse(&id), "name.pending")).transpose()?;
        let leaving = |line: LeavingV1| {
            let stage = known(Stage::parse(&line.stage), "name.leaving.stage")?;
            Ok(Leaving { stage, until: line.until.0 })
        };
        Ok(Self {
            key: known(NameKey::from_canonical(&name.name), "name.name")?,
            unit: known(UnitId::parse(&name.unit), "name.unit")?,
            registered: name.registered.0,
            expires: name.expires.0,
            kind: name.kind,
            primary: name.primary,
            resolution: name.resolution.map(Resolution::from),
            resolved_by: name.resolved_by,
            holds: read_holds(name.holds)?,
            pending,
            life: Life {
                leaving: name.leaving.map(leaving).transpose()?,
                unfreeze: name.unfreeze.map(|at| at.0),
                migration: name.migration.map(|at| at.0),
            },
            variants: read_variants(name.variants, "name.variants")?,
            version: name.version,
        })
    }
}

impl TryFrom<ChangeV1> for Change {
    type Error = Unknown;

    fn try_from(change: ChangeV1) -> Result<Self, Unknown> {
        let state = ChangeState::ALL.into_iter().find(|state| state.as_str() == &*change.state);
        Ok(Self {
            id: known(ChangeId::parse(&change.id), "change.id")?,
            name: known(NameKey::from_canonical(&change.name), "change.name")?,
            resolution: change.resolution.into(),
            submitter: change.submitter,
            submitted: change.submitted.0,
            base: change.base,
            state: known(state, "change.state")?,
            local: change.local.map(Approval::from),
            central: change.central.map(Approval::from),
            reason: change.reason,
            version: change.version,
        })
    }
}

impl TryFrom<BrakeV1> for Brake {
    type Error = Unknown;

    fn try_from(brake: BrakeV1) -> Result<Self, Unknown> {
        let release = |until: TimeV1| Release { until: until.0, names: brake.allowance.unwrap_or(0) };
        let stop = match (brake.since, brake.set, brake.names, brake.total) {
            (None, None, None, None) => None,
            (Some(since), Some(set), Some(names), Some(total)) => Some(Stop {
                since: since.0,
                set,
                names,
                total,
                protected: brake.protected,
                batch: brake.batch,
                release: brake.released_until.map(release),
            }),
            _ => return Err(Unknown("brake")),
        };
        let minutes = |(set, minutes): (Text, Vec<(TimeV1, u64)>)| {
            (set, Recent(minutes.into_iter().map(|(minute, names)| (minute.0, names)).collect()))
        };
        let recent = brake.recent.0.into_iter().map(minutes).collect();
        let jump = brake.jump.map(|jump| Jump { since: jump.since.0, shown: jump.shown.0 });
        Ok(Self { stop, recent, jump })
    }
}

impl From<ResolutionV1> for Resolution {
    fn from(resolution: ResolutionV1) -> Self {
        match resolution {
            ResolutionV1::Addresses { addresses, ttl, www } => Self::Addresses { addresses, ttl, www },
            ResolutionV1::Forward { target, code, keep_path, ttl, www } => {
                Self::Forward { target, code, keep_path, ttl, www }
            }
            ResolutionV1::Delegation { servers, ds, ttl } => {
                let server = |s: ServerV1| NameServer { host: s.host, glue: s.glue };
                let signer = |ds: SignerV1| DelegationSigner {
                    key_tag: ds.key_tag,
                    algorithm: ds.algorithm,
                    digest_type: ds.digest_type,
                    digest: ds.digest.0,
                };
                Self::Delegation {
                    servers: servers.into_iter().map(server).collect(),
                    ds: ds.into_iter().map(signer).collect(),
                    ttl,
                }
            }
        }
    }
}

fn read_variants(variants: Option<VariantsV1>, member: &'static str) -> Result<Variants, Unknown> {
    let Some(VariantsV1 { simplified, traditional }) = variants else { return Ok(Variants::default()) };
    let label = |text: Option<Text>| text.map(|text| known(Label::from_canonical(&text), member)).transpose();
    Ok(Variants { simplified: label(simplified)?, traditional: label(traditional)? })
}

fn read_penalties(penalties: Vec<PenaltyV1>) -> Result<Penalties, Unknown> {
    let read = |line: PenaltyV1| {
        Ok(Penalty {
            step: known(PenaltyStep::parse(&line.step), "unit.penalties")?,
            violation: known(Violation::parse(&line.violation), "unit.penalties")?,
            evidence: line.evidence,
            by: line.by,
            at: line.at.0,
            end: line.end.map(|end| end.0),
        })
    };
    penalties.into_iter().map(read).collect::<Result<_, _>>().map(Penalties)
}

fn read_holds(holds: MapV1<HoldV1>) -> Result<Holds, Unknown> {
    let read = |(reason, line): (Text, HoldV1)| {
        let hold = Hold {
            start: line.start.0,
            end: line.end.map(|end| end.0),
            active: line.active,
            evidence: line.evidence,
            by: line.by,
        };
        Ok((known(HoldReason::parse(&reason), "holds")?, hold))
    };
    holds.0.into_iter().map(read).collect::<Result<_, _>>().map(Holds)
}
