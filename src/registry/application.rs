//! Applications: what a unit asks to register, and how far its reviews and its fee have come.
//!
//! ```text
//! draft ──submit──▶ office_review ──▶ local_review ──▶ central_review ──▶ awaiting_fee ──▶ fee_confirmed ──▶ remitted
//!   ▲              (where configured)   │ reject            │ reject          │ delete         (order)      (batch) │
//!   └───edit, resubmit─── rejected ◀────┴───────────────────┘                 ▼                                     ▼
//!                                                              withdrawn ◀────┘                registered ◀──recognised
//! ```
//!
//! From its submission until it ends, an application claims its names: nobody else can apply for or register them.

use super::change::Approval;
use super::ids::{ApplicationId, OrderId};
use super::name::NameKey;
use super::resolution::Resolution;
use super::time::Timestamp;
use super::unit::{Region, UnitId};
use crate::idn::Label;

/// Most names of one application (R8).
pub const SLOTS_MAX: usize = 7;
/// Most papers on the check-list; the founding forms have four.
pub const PAPERS_MAX: usize = 16;
/// Longest id of a paper or of its scan in octets; they are ids, not the documents.
pub const PAPER_LEN_MAX: usize = 200;

/// One application as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// `a` and a `seq`.
    pub id: ApplicationId,
    /// The unit that shall hold the names.
    pub unit: UnitId,
    /// The unit's region at the last step; lists are cut by it.
    pub region: Region,
    /// What the names are for.
    pub purpose: Purpose,
    /// The names, in the order of their kinds.
    pub slots: Vec<Slot>,
    /// What all of them shall resolve to: exactly one plan (R42).
    pub resolution: Resolution,
    /// The papers that came with it (R20), in the order of their ids.
    pub papers: Vec<Paper>,
    /// The principal that submitted it last; before that, the one that drew it up.
    pub submitter: Box<str>,
    /// When it was last submitted.
    pub submitted: Option<Timestamp>,
    /// Where it stands.
    pub state: ApplicationState,
    /// Until when the review it waits for should be done (R19); a deadline that passes decides nothing.
    pub deadline: Option<Timestamp>,
    /// The government office's approval, where one is needed.
    pub office: Option<Approval>,
    /// The first review.
    pub local: Option<Approval>,
    /// The second review.
    pub central: Option<Approval>,
    /// Why it was rejected (R18), or ended by others than its unit.
    pub reason: Option<Box<str>>,
    /// The order for its fee, from the second review on.
    pub order: Option<OrderId>,
    /// Why the names were registered without the plan, or without a traditional form that was picked, if that had become
    /// impossible meanwhile.
    pub unresolved: Option<Box<str>>,
    /// When any of this last changed; of two images the later one counts. 0 in journals from before it was noted.
    pub changed: Timestamp,
    /// `seq` of the transaction that last changed it; its ETag.
    pub version: u64,
}

/// One name of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// 1 full name, 2 short name, 3–4 usual short names, 5 site's full name, 6–7 its short names (R8).
    pub kind: u8,
    /// The name.
    pub name: NameKey,
    /// For how long (R24).
    pub years: u32,
    /// What the second review made of its traditional form; if nothing, the form is active that leaves no doubt.
    pub traditional: Option<PickedForm>,
}

/// A decision about a name's traditional form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickedForm {
    /// None is active.
    Nothing,
    /// This one is active.
    Label(Label),
}

/// The form that a reviewer picks for the name of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormPick {
    /// Which slot.
    pub kind: u8,
    /// The form.
    pub form: PickedForm,
}

/// A paper on the check-list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Paper {
    /// Which paper, as the configuration names it.
    pub paper: Box<str>,
    /// Id of its scan.
    pub scan: Box<str>,
}

/// What names are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// 网站: the unit's site.
    Site,
    /// 名称: the unit's name, with or without a site (R3).
    Name,
    /// 栏目: a column of a site.
    Column,
    /// 专题: a topic of a site.
    Topic,
    /// 业务系统: a system of the unit.
    System,
}

/// Who reviews, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The government office above, where the configuration asks for it.
    Office,
    /// 初审: the reviewer of the unit's region.
    Local,
    /// 复审: the registry's reviewer.
    Central,
}

impl Step {
    /// The step's name in the API, where it is a level.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Office => "office",
            Self::Local => "local",
            Self::Central => "central",
        }
    }
}

/// How far an application has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApplicationState {
    /// Not handed in.
    Draft,
    /// Waits for the government office.
    OfficeReview,
    /// Waits for the first review.
    LocalReview,
    /// Waits for the second review.
    CentralReview,
    /// Both reviews passed; its fee is due.
    AwaitingFee,
    /// 收费确认: the local office confirmed the fee.
    FeeConfirmed,
    /// Its order is in a remittance.
    Remitted,
    /// The remittance was recognised, and its names were registered with it.
    Registered,
    /// Refused by a reviewer; can be edited and submitted again.
    Rejected,
    /// Ended without a decision.
    Withdrawn,
}

/// An application's contents as a client gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationSpec {
    /// What the names are for.
    pub purpose: Purpose,
    /// The names.
    pub slots: Vec<SlotSpec>,
    /// What they shall resolve to.
    pub resolution: Resolution,
    /// Papers that come with it.
    pub papers: Vec<Paper>,
}

/// One name as a client gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotSpec {
    /// Which slot.
    pub kind: u8,
    /// The name.
    pub name: NameKey,
    /// Its term; required, and refused with a code of its own where it is missing.
    pub years: Option<u32>,
}

impl Application {
    /// The names that nobody else can have while it is under way.
    pub fn claims(&self) -> impl Iterator<Item = &NameKey> {
        let under_way = self.state.is_under_way();
        self.slots.iter().filter(move |_| under_way).map(|slot| &slot.name)
    }
}

impl ApplicationState {
    /// All states.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::OfficeReview,
        Self::LocalReview,
        Self::CentralReview,
        Self::AwaitingFee,
        Self::FeeConfirmed,
        Self::Remitted,
        Self::Registered,
        Self::Rejected,
        Self::Withdrawn,
    ];

    /// Whether it is handed in and not ended.
    pub fn is_under_way(self) -> bool {
        (Self::OfficeReview..=Self::Remitted).contains(&self)
    }

    /// Whether nothing comes after it.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Registered | Self::Withdrawn)
    }

    /// The review it waits for.
    pub fn awaits(self) -> Option<Step> {
        match self {
            Self::OfficeReview => Some(Step::Office),
            Self::LocalReview => Some(Step::Local),
            Self::CentralReview => Some(Step::Central),
            _ => None,
        }
    }

    /// Whether its contents can be edited and submitted.
    pub fn is_editable(self) -> bool {
        matches!(self, Self::Draft | Self::Rejected)
    }

    /// The state's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::OfficeReview => "office_review",
            Self::LocalReview => "local_review",
            Self::CentralReview => "central_review",
            Self::AwaitingFee => "awaiting_fee",
            Self::FeeConfirmed => "fee_confirmed",
            Self::Remitted => "remitted",
            Self::Registered => "registered",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl PickedForm {
    /// What stands for no form; no label is so.
    pub const NOTHING: &'static str = "none";

    /// The A-label, or [`Self::NOTHING`].
    pub fn as_str(&self) -> &str {
        match self {
            Self::Nothing => Self::NOTHING,
            Self::Label(label) => label.as_ascii(),
        }
    }

    /// The decision that [`Self::as_str`] wrote.
    pub fn from_canonical(text: &str) -> Option<Self> {
        if text == Self::NOTHING { Some(Self::Nothing) } else { Label::from_canonical(text).map(Self::Label) }
    }
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 5] = [Self::Site, Self::Name, Self::Column, Self::Topic, Self::System];

    /// Whether it takes a path below the unit's name instead of a name of its own (R12).
    pub fn needs_path(self) -> bool {
        matches!(self, Self::Column | Self::Topic | Self::System)
    }

    /// The purpose's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Site => "site",
            Self::Name => "name",
            Self::Column => "column",
            Self::Topic => "topic",
            Self::System => "system",
        }
    }

    /// The purpose named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}
