//! The members of a journal line, version 1, in their order.
//!
//! The core types carry no file format; these are what is on the disk for good. Lines are never rewritten: a change of
//! meaning needs a version 2 beside this file.

mod filings;
mod read;
mod site_review;
mod text;
mod write;

pub(super) use read::Unknown;

use crate::registry::Timestamp;
use filings::{ApplicationV1, OrderV1, RemittanceV1};
use serde::{Deserialize, Serialize};
use site_review::{SiteNoticeV1, SiteReviewV1};
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
    #[serde(default, skip_serializing_if = "is_false")]
    confirmed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    residual_ttl: u32,
    prev: HexV1,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<HexV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActorV1 {
    principal: Text,
    role: Text,
    /// Where the principal acts, if that is one division.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Text>,
    /// Where it acts, if those are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    regions: Vec<Text>,
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
    VariantsEnded(VariantsEndedV1),
    Change(ChangeV1),
    /// Null in lines from before suspensions were counted: nothing is stopped.
    Brake(Option<BrakeV1>),
    ZoneLoaded(ZoneLoadedV1),
    Reserved(ReservedV1),
    ReservationEnded(ReservationEndedV1),
    Notice(NoticeV1),
    Noticed(NoticedV1),
    Application(ApplicationV1),
    Order(OrderV1),
    Remittance(RemittanceV1),
    SiteNotice(SiteNoticeV1),
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    penalties: Vec<PenaltyV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site_review: Option<SiteReviewV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PenaltyV1 {
    step: Text,
    violation: Text,
    evidence: Text,
    by: Text,
    at: TimeV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<TimeV1>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaving: Option<LeavingV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfreeze: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    migration: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variants: Option<VariantsV1>,
}

/// Active variants, in A-labels.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantsV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    simplified: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traditional: Option<Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeavingV1 {
    stage: Text,
    until: TimeV1,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReservedV1 {
    name: Text,
    unit: Text,
    until: TimeV1,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReservationEndedV1 {
    name: Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeV1 {
    kind: Text,
    name: Text,
    unit: Text,
    expires: TimeV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticedV1 {
    days: i32,
    expires: TimeV1,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRemovedV1 {
    name: Text,
    unit: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    variants: Option<VariantsV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantsEndedV1 {
    name: Text,
    labels: Vec<Text>,
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
    /// The members of a stop are there all together, or none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_until: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allowance: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    protected: Option<Text>,
    #[serde(default, skip_serializing_if = "is_false")]
    batch: bool,
    #[serde(default, skip_serializing_if = "MapV1::is_empty")]
    recent: MapV1<Vec<(TimeV1, u64)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jump: Option<JumpV1>,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct JumpV1 {
    since: TimeV1,
    shown: TimeV1,
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

impl<T> MapV1<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for MapV1<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
