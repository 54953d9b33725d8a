//! What can be asked of the registry, and by whom.

use super::change::Level;
use super::hold::HoldReason;
use super::ids::ChangeId;
use super::life::{Life, Reservation};
use super::name::{NameKey, Variants};
use super::penalty::{Penalties, PenaltyStep, Violation};
use super::procedure::{ApplicationCommand, OrderCommand, SiteReviewCommand};
use super::resolution::Resolution;
use super::time::Timestamp;
use super::unit::{Account, Region, Regions, UnitId, UnitKind};
use super::{Application, Holds, Order, Policy, Remittance, SiteReview};

/// What a principal may do; the table of roles and endpoints is in `admin::roles`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Submits changes.
    Submitter,
    /// First review, in its own region.
    LocalReviewer,
    /// 编办管理员: edits the units of its region and deletes their names.
    LocalAdmin,
    /// Second review.
    CentralReviewer,
    /// Recognises payments.
    Finance,
    /// Registers, holds, imports, and pushes changes approved elsewhere.
    Operator,
    /// Reads everything, the journal included.
    Auditor,
    /// Reads.
    Viewer,
    /// The program itself: due times and zone files.
    System,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The token's name.
    pub principal: Box<str>,
    /// Its role.
    pub role: Role,
    /// Where it may act; everywhere if absent.
    pub region: Option<Regions>,
}

/// What a decision is made against, apart from the state.
pub struct Context<'a> {
    /// The registry's settings.
    pub policy: &'a Policy,
    /// Who asks.
    pub actor: &'a Actor,
    /// The time of the transaction; never before that of the last one.
    pub now: Timestamp,
    /// The sequence number the transaction will have.
    pub seq: u64,
    /// The version the client saw of the object the command names (`If-Match`).
    pub if_match: Option<u64>,
    /// Whether a second factor confirmed the request (R60).
    pub confirmed: bool,
    /// Whether a master file of the set has records at or below the label; such a label cannot be registered.
    pub occupied: &'a dyn Fn(&NameKey) -> bool,
}

/// One thing to do; it happens whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum Command {
    /// Creates a unit or replaces its data; holds stay.
    PutUnit { id: UnitId, spec: UnitSpec },
    /// Notes that the unit has reported a change of its contacts; what they are is kept elsewhere (R53).
    ReportContacts { unit: UnitId, changed: Timestamp },
    /// Registers a name, or changes its kind and primary mark.
    PutName { key: NameKey, spec: NameSpec },
    /// Ends a registration; withdraws its pending change.
    DeleteName { key: NameKey },
    /// The same, because a line of an import says so: to the brake it is a part of a batch, whoever confirmed the file.
    RemoveImported { key: NameKey },
    /// Gives a name to another unit, with the id of the consent of the authority in charge (R6).
    ChangeHolder { key: NameKey, unit: UnitId, consent: Option<Box<str>> },
    /// Extends a term by whole years from its old end (R32).
    Renew { key: NameKey, years: u32 },
    /// Extends several terms by whole years from their old ends, all or none (R33).
    RenewAll { keys: Vec<NameKey>, years: u32 },
    /// Something to do with an application.
    Apply(ApplicationCommand),
    /// Something to do with orders and remittances.
    Charge(OrderCommand),
    /// Something to do with the review of a unit's site.
    ReviewSite { unit: UnitId, command: SiteReviewCommand },
    /// Proposes a resolution; with both approvals asserted it goes live at once.
    Submit { name: NameKey, resolution: Resolution, asserted: Vec<(Level, Box<str>)> },
    /// Approves or rejects a pending change.
    Review { change: ChangeId, level: Level, verdict: Verdict },
    /// Ends a pending change without a decision; by its submitter or an operator.
    Withdraw { change: ChangeId },
    /// Puts a hold on a unit or a name, or replaces the one with the same reason.
    PlaceHold { target: HoldTarget, reason: HoldReason, spec: HoldSpec },
    /// Imposes the next step of the penalty ladder on a unit (R56).
    Penalise { unit: UnitId, step: PenaltyStep, spec: PenaltySpec },
    /// Takes a hold away.
    LiftHold { target: HoldTarget, reason: HoldReason },
    /// The holds of a list, placed or lifted, all or none; `usize` is the line number of each in the list.
    HoldList { items: Vec<(usize, HoldItem)> },
    /// A batch of units and names; `usize` is the line number of each in the import.
    Import { items: Vec<(usize, ImportItem)> },
    /// What has fallen due by now; at most `limit` objects, so it is run again while its decisions have events. While
    /// the brake is engaged, suspensions stay due: a decision without events means nothing more can be done now.
    Due { limit: usize },
    /// Notices to units that are due by now, at most `limit` of them: nothing waits for these, and they wait while the brake
    /// is engaged. It is run again while its decisions have events.
    Notify { limit: usize },
    /// Asks to restore a name once its renewal is paid (解冻申请, R35).
    Unfreeze { key: NameKey },
    /// Notes since when the home page tells of the move to another name (R54), or that it does no longer.
    Migrate { key: NameKey, notice: Option<Timestamp> },
    /// Lets what the brake stopped take effect, and takes the clock as it is. Batches that were stopped are handed in
    /// again; they may then suspend as many names as the stopped one would have, or as `names` says.
    ReleaseBrake { reason: Box<str>, names: Option<u64> },
    /// The clock shows this time, which is not the time that has passed; due times wait.
    ClockJumped { shown: Timestamp },
    /// The clock shows the time that has passed again.
    ClockBack,
    /// Zone files or publication settings were read: each apex with the digest of what was read, where it changed.
    LoadZones { digests: Vec<(Box<str>, [u8; 32])> },
}

/// A unit's data as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitSpec {
    /// 单位全称.
    pub name: Box<str>,
    /// Organ, institution or social organisation.
    pub kind: UnitKind,
    /// Division code.
    pub region: Region,
    /// Proof of administrative functions (R2).
    pub admin_function_proof: Option<Box<str>>,
}

/// A registration's data as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSpec {
    /// The holder.
    pub unit: UnitId,
    /// Term in years (R24); required for a new name, refused when it differs from what is registered.
    pub years: Option<u32>,
    /// Slot of the application, 1..=7.
    pub kind: u8,
    /// 主域名.
    pub primary: bool,
    /// The variants that shall be active. If absent: of a new name those that are beyond doubt, of an old one those it has.
    pub variants: Option<Variants>,
}

/// A reviewer's verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No, with the reason the unit is shown (R18).
    Reject { reason: Box<str> },
}

/// What a hold is on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HoldTarget {
    /// A unit: all its names.
    Unit(UnitId),
    /// One name.
    Name(NameKey),
}

/// One line of a list of holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldItem {
    /// What it is on.
    pub target: HoldTarget,
    /// Why.
    pub reason: HoldReason,
    /// The hold to place; absent where the one with this reason is lifted.
    pub place: Option<HoldSpec>,
}

/// A penalty as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PenaltySpec {
    /// What it is for.
    pub violation: Violation,
    /// Id of the document or case.
    pub evidence: Box<str>,
    /// The midnight at which a suspension ends.
    pub end: Option<Timestamp>,
}

/// A hold as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSpec {
    /// From when. If absent: as before where the same reason already holds, else now.
    pub start: Option<Timestamp>,
    /// Until when, if it ends by itself.
    pub end: Option<Timestamp>,
    /// Id of the document or case.
    pub evidence: Box<str>,
}

/// One line of an import.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum ImportItem {
    /// A unit with its holds and its record, and its account number if it had one in the system before.
    Unit {
        id: UnitId,
        spec: UnitSpec,
        holds: Holds,
        penalties: Penalties,
        site_review: Option<Box<SiteReview>>,
        account: Option<Account>,
    },
    /// A label that is kept for its last holder.
    Kept(Reservation),
    /// An application as it stands.
    Application(Box<Application>),
    /// An order as it stands.
    Order(Box<Order>),
    /// A remittance as it stands.
    Remittance(Box<Remittance>),
    /// A name with everything it has.
    Name(Box<ImportName>),
}

/// A name of an import: past dates are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportName {
    /// Label and suffix set.
    pub key: NameKey,
    /// The holder.
    pub unit: UnitId,
    /// Start of the first term.
    pub registered: Timestamp,
    /// End of the current term.
    pub expires: Timestamp,
    /// Slot of the application, 1..=7.
    pub kind: u8,
    /// 主域名.
    pub primary: bool,
    /// Approved resolution.
    pub resolution: Option<Resolution>,
    /// Its holds.
    pub holds: Holds,
    /// Who approved the resolution.
    pub basis: ImportBasis,
    /// The variants that shall be active; those it has, if absent.
    pub variants: Option<Variants>,
    /// How far it is in its life beside its holds; what it has, where absent.
    pub life: Life,
}

/// Why an imported resolution counts as approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportBasis {
    /// Taken over from the system before.
    Migration,
    /// Approved elsewhere, by these reviewers.
    Approvals(Vec<(Level, Box<str>)>),
}

impl Role {
    /// The roles a token can have.
    pub const TOKENS: [Self; 8] = [
        Self::Submitter,
        Self::LocalReviewer,
        Self::LocalAdmin,
        Self::CentralReviewer,
        Self::Finance,
        Self::Operator,
        Self::Auditor,
        Self::Viewer,
    ];

    /// Whether a token of this role must say where it acts: those of a locality.
    pub fn is_local(self) -> bool {
        matches!(self, Self::LocalReviewer | Self::LocalAdmin)
    }

    /// The role's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitter => "submitter",
            Self::LocalReviewer => "local-reviewer",
            Self::LocalAdmin => "local-admin",
            Self::CentralReviewer => "central-reviewer",
            Self::Finance => "finance",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Viewer => "viewer",
            Self::System => "system",
        }
    }
}
