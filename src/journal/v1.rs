//! The members of a journal line, version 1, in their order.
//!
//! The core types carry no file format; these are what is on the disk for good. Lines are never rewritten: a change of
//! meaning needs a version 2 beside this file.

use crate::registry::hold::Hold;
use crate::registry::{
    Actor, Approval, Brake, Change, ChangeId, ChangeState, DelegationSigner, Event, HoldReason, Holds, NameKey,
    NameServer, Outcome, Region, Registration, Request, Resolution, Role, Timestamp, Transaction, Unit, UnitId,
    UnitKind,
};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

/// The version that these types are.
pub(super) const VERSION: u32 = 1;

type Text = Box<str>;

/// One line. `hash` is added to the text when it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineV1 {
    v: u32,
    seq: u64,
    at: TimeV1,
    actor: ActorV1,
    request: RequestV1,
    outcome: OutcomeV1,
    events: Vec<EventV1>,
    serials: MapV1<u32>,
    prev: HexV1,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<HexV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorV1 {
    principal: Text,
    role: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestV1 {
    operation: Text,
    target: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idempotency: Option<IdempotencyV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdempotencyV1 {
    key: Text,
    digest: HexV1,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeV1 {
    id: Text,
    state: Text,
    version: u64,
    created: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EventV1 {
    Unit(UnitV1),
    Name(NameV1),
    NameRemoved(NameRemovedV1),
    Change(ChangeV1),
    Brake(Option<BrakeV1>),
    ZoneLoaded(ZoneLoadedV1),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitV1 {
    id: Text,
    name: Text,
    kind: Text,
    region: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admin_function_proof: Option<Text>,
    holds: MapV1<HoldV1>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameV1 {
    name: Text,
    unit: Text,
    registered: TimeV1,
    expires: TimeV1,
    kind: u8,
    primary: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionV1>,
    resolved_by: u64,
    holds: MapV1<HoldV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pending: Option<Text>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRemovedV1 {
    name: Text,
    unit: Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeV1 {
    id: Text,
    name: Text,
    resolution: ResolutionV1,
    submitter: Text,
    submitted: TimeV1,
    base: u64,
    state: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    central: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BrakeV1 {
    since: TimeV1,
    set: Text,
    names: u64,
    total: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_until: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneLoadedV1 {
    apex: Text,
    digest: HexV1,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldV1 {
    start: TimeV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<TimeV1>,
    active: bool,
    evidence: Text,
    by: Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalV1 {
    by: Text,
    at: TimeV1,
    asserted: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
enum ResolutionV1 {
    #[serde(rename = "A")]
    Addresses { addresses: Vec<IpAddr>, ttl: u32, www: bool },
    #[serde(rename = "URL")]
    Forward { target: Text, code: u16, keep_path: bool, ttl: u32, www: bool },
    #[serde(rename = "NS")]
    Delegation { servers: Vec<ServerV1>, ds: Vec<SignerV1>, ttl: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerV1 {
    host: Text,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    glue: Vec<IpAddr>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerV1 {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: HexV1,
}

/// A time, in RFC 3339.
struct TimeV1(Timestamp);

/// Octets, in lower-case hexadecimal.
struct HexV1(Vec<u8>);

/// A JSON object whose members keep their order.
struct MapV1<T>(Vec<(Text, T)>);

// ---- from the core types ---------------------------------------------------------------------------------------------

impl LineV1 {
    /// The line of a transaction after the one with the hash `prev`, its own hash left out.
    pub(super) fn new(transaction: &Transaction, prev: &[u8]) -> Self {
        let Transaction { seq, at, actor, request, outcome, events, serials } = transaction;
        Self {
            v: VERSION,
            seq: *seq,
            at: TimeV1(*at),
            actor: ActorV1 {
                principal: actor.principal.clone(),
                role: actor.role.as_str().into(),
                region: actor.region.as_ref().map(|region| region.as_str().into()),
            },
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
            prev: HexV1(prev.to_vec()),
            hash: None,
        }
    }
}

impl From<&Event> for EventV1 {
    fn from(event: &Event) -> Self {
        match event {
            Event::Unit(unit) => Self::Unit(unit.into()),
            Event::Name(name) => Self::Name(name.into()),
            Event::NameRemoved { key, unit } => {
                Self::NameRemoved(NameRemovedV1 { name: key.to_string().into(), unit: unit.as_str().into() })
            }
            Event::Change(change) => Self::Change(change.into()),
            Event::Brake(brake) => Self::Brake(brake.as_ref().map(BrakeV1::from)),
            Event::ZoneLoaded { apex, digest } => {
                Self::ZoneLoaded(ZoneLoadedV1 { apex: apex.clone(), digest: HexV1(digest.to_vec()) })
            }
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
            version: unit.version,
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
        }
    }
}

impl From<&Change> for ChangeV1 {
    fn from(change: &Change) -> Self {
        let approval = |approval: &Approval| ApprovalV1 {
            by: approval.by.clone(),
            at: TimeV1(approval.at),
            asserted: approval.asserted,
        };
        Self {
            id: change.id.to_string().into(),
            name: change.name.to_string().into(),
            resolution: (&change.resolution).into(),
            submitter: change.submitter.clone(),
            submitted: TimeV1(change.submitted),
            base: change.base,
            state: change.state.as_str().into(),
            local: change.local.as_ref().map(approval),
            central: change.central.as_ref().map(approval),
            reason: change.reason.clone(),
            version: change.version,
        }
    }
}

impl From<&Brake> for BrakeV1 {
    fn from(brake: &Brake) -> Self {
        Self {
            since: TimeV1(brake.since),
            set: brake.set.clone(),
            names: brake.names,
            total: brake.total,
            released_until: brake.released_until.map(TimeV1),
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

// ---- to the core types -----------------------------------------------------------------------------------------------

/// A member whose value is none that this program knows.
#[derive(Debug)]
pub(super) struct Unknown(pub(super) &'static str);

fn known<T>(value: Option<T>, member: &'static str) -> Result<T, Unknown> {
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
        let region = line.actor.region.map(|region| known(Region::parse(&region), "actor.region"));
        Ok(Self {
            seq: line.seq,
            at: line.at.0,
            actor: Actor {
                principal: line.actor.principal,
                role: known(role, "actor.role")?,
                region: region.transpose()?,
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
            serials: line.serials.0,
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
            },
            EventV1::Change(change) => Self::Change(change.try_into()?),
            EventV1::Brake(brake) => Self::Brake(brake.map(Brake::from)),
            EventV1::ZoneLoaded(zone) => {
                let digest = known(zone.digest.0.try_into().ok(), "zone_loaded.digest")?;
                Self::ZoneLoaded { apex: zone.apex, digest }
            }
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
            version: unit.version,
        })
    }
}

impl TryFrom<NameV1> for Registration {
    type Error = Unknown;

    fn try_from(name: NameV1) -> Result<Self, Unknown> {
        let pending = name.pending.map(|id| known(ChangeId::parse(&id), "name.pending")).transpose()?;
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
            version: name.version,
        })
    }
}

impl TryFrom<ChangeV1> for Change {
    type Error = Unknown;

    fn try_from(change: ChangeV1) -> Result<Self, Unknown> {
        let state = ChangeState::ALL.into_iter().find(|state| state.as_str() == &*change.state);
        let approval = |line: ApprovalV1| Approval { by: line.by, at: line.at.0, asserted: line.asserted };
        Ok(Self {
            id: known(ChangeId::parse(&change.id), "change.id")?,
            name: known(NameKey::from_canonical(&change.name), "change.name")?,
            resolution: change.resolution.into(),
            submitter: change.submitter,
            submitted: change.submitted.0,
            base: change.base,
            state: known(state, "change.state")?,
            local: change.local.map(approval),
            central: change.central.map(approval),
            reason: change.reason,
            version: change.version,
        })
    }
}

impl From<BrakeV1> for Brake {
    fn from(brake: BrakeV1) -> Self {
        Self {
            since: brake.since.0,
            set: brake.set,
            names: brake.names,
            total: brake.total,
            released_until: brake.released_until.map(|at| at.0),
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

// ---- text forms ------------------------------------------------------------------------------------------------------

impl Serialize for TimeV1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TimeV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let secs = match text.strip_prefix('@') {
            // Outside the calendar, as [`Timestamp`] writes it.
            Some(secs) => secs.parse().ok(),
            None => text.parse().ok().map(|time: jiff::Timestamp| time.as_second()),
        };
        secs.map(|secs| Self(Timestamp(secs))).ok_or_else(|| de::Error::custom(format!("`{text}` is not a time")))
    }
}

impl Serialize for HexV1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::line::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for HexV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        super::line::from_hex(text.as_bytes()).map(Self).ok_or_else(|| de::Error::custom("not lower-case hexadecimal"))
    }
}

impl<T: Serialize> Serialize for MapV1<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for MapV1<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = MapV1<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(MapV1(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}
