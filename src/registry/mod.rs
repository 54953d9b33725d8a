//! The registry's rules: units, registrations, changes and holds; `decide` says what a command does, and does nothing else.
//!
//! Pure: the time, the sequence number and the state are arguments, nothing is read or written here. A decision is a
//! list of [`Event`]s, each the whole new image of one object, so that applying an event twice equals applying it once.

pub mod application;
pub mod brake;
pub mod calendar;
pub mod change;
pub mod command;
pub mod decide;
pub mod divisions;
pub mod event;
pub mod fee;
pub mod filed;
pub mod hold;
pub mod ids;
pub mod labels;
pub mod life;
pub mod lookalikes;
pub mod name;
pub mod order;
pub mod penalty;
pub mod policy;
pub mod procedure;
pub mod refusal;
pub mod resolution;
pub mod review;
#[cfg(test)]
pub mod samples;
pub mod site_review;
pub mod state;
pub mod time;
pub mod unit;
pub mod words;

pub use application::{
    Application, ApplicationSpec, ApplicationState, FormPick, Paper, PickedForm, Purpose, Slot, SlotSpec, Step,
};
pub use brake::{Brake, Jump, Recent, Release, Stop, Suspension};
pub use calendar::{Calendar, DayRange};
pub use change::{Approval, Change, ChangeState, Level};
pub use command::{Actor, Command, Context, Role};
pub use decide::{Appraisal, Warning, appraise, decide, is_related, publisher_of, rehearse};
pub use divisions::Divisions;
pub use event::{Decision, Event, Hash, Outcome, Position, Request, Transaction};
pub use fee::{Area, Fee, Money, PoorArea, Rate, Rates};
pub use filed::Filed;
pub use hold::{Hold, HoldReason, Holds};
pub use ids::{ApplicationId, ChangeId, OrderId, RemittanceId, SiteReviewId};
pub use labels::Labels;
pub use life::{Leaving, Life, Notice, NoticeKind, Noticed, Profile, RenewedBy, Reservation, Stage, TermEnd, Terms};
pub use lookalikes::LookAlikes;
pub use name::{NameKey, NameState, Outline, Registration, Variants};
pub use order::{Claim, Confirmation, Order, OrderBasis, OrderLine, OrderState, Payer, Remittance, RemittanceState};
pub use penalty::{Penalties, Penalty, PenaltyStep, Violation};
pub use policy::{Guarded, Policy, SuffixSet};
pub use refusal::{Code, Refusal, Refusals};
pub use resolution::{DelegationSigner, NameServer, Resolution};
pub use review::ReviewRules;
pub use site_review::{
    SiteNotice, SiteNoticeKind, SiteReview, SiteReviewKind, SiteReviewRules, SiteReviewState, SiteStep,
};
pub use state::{Due, DueKind, SetTotals, State, Unavailable, VisitName};
pub use time::Timestamp;
pub use unit::{Account, Region, Regions, Unit, UnitId, UnitKind};
pub use words::Named;
