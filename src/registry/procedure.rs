//! What can be asked about applications, orders, remittances and reviews of sites; the rest of the commands is in `command`.

use super::application::{ApplicationSpec, FormPick, Paper, Step};
use super::command::Verdict;
use super::fee::Money;
use super::ids::{ApplicationId, OrderId, RemittanceId};
use super::name::NameKey;
use super::order::Payer;
use super::site_review::{SiteReviewKind, SiteStep};
use super::time::Timestamp;
use super::unit::UnitId;

/// One thing to do with an application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum ApplicationCommand {
    /// Draws an application up, and hands it in if `submit`.
    Create { unit: UnitId, spec: ApplicationSpec, submit: bool },
    /// Replaces the contents of a draft or a rejected application.
    Edit { application: ApplicationId, spec: ApplicationSpec },
    /// Hands a draft in, or a rejected application again.
    Submit { application: ApplicationId },
    /// Decides one step. The first review may tick papers, the second picks traditional forms where they are not certain;
    /// `confirm` says that a name which has nothing of the unit's name, or looks like another unit's, was seen and is
    /// right (R7).
    Review {
        application: ApplicationId,
        step: Step,
        verdict: Verdict,
        papers: Vec<Paper>,
        forms: Vec<FormPick>,
        confirm: bool,
    },
    /// Ends an application, and with it its order.
    Withdraw { application: ApplicationId },
}

/// One thing to do with orders and remittances.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum OrderCommand {
    /// Orders further years for names of one unit (R32, R33).
    Renewal { unit: UnitId, names: Vec<NameKey>, years: u32 },
    /// Changes the years of names while the fee is awaited (R30).
    ChangeYears { order: OrderId, years: Vec<(NameKey, u32)> },
    /// Confirms that the fee was taken (R28, R29).
    Confirm { order: OrderId, invoice: Box<str>, payer: Payer, voucher: Option<Box<str>> },
    /// Ends an order that is not paid, and with it its application.
    Withdraw { order: OrderId },
    /// Ends an order whose fee was taken, and with it its application: the fee is given back.
    Refund { order: OrderId, reason: Box<str> },
    /// Sends confirmed orders on; `amount` must be their sum (R27).
    Remit { orders: Vec<OrderId>, amount: Money },
    /// Recognises a remittance, if what arrived is its amount: all its orders are consumed at once (R27).
    Recognise { remittance: RemittanceId, amount: Money },
    /// Takes a remittance back before it is recognised; its orders are free for another one.
    TakeBack { remittance: RemittanceId },
}

/// One thing to do with the review of a unit's site.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum SiteReviewCommand {
    /// Opens a review. Its deadline is the configured one, if none is given, and never sooner.
    Open { kind: SiteReviewKind, deadline: Option<Timestamp> },
    /// Gives the unit until later, and takes away the hold that the old deadline brought.
    Postpone { deadline: Timestamp, reason: Box<str> },
    /// Hands it in with the site's name (R23), or hands it in again.
    Submit { name: NameKey },
    /// Decides one step; the confirmation of papers may tick them.
    Decide { step: SiteStep, verdict: Verdict, papers: Vec<Paper> },
    /// Takes a review back that should not have been opened, with the holds that its deadlines brought.
    Cancel,
}
