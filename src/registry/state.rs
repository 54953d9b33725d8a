//! What decisions are made on: the state as the store, or the writer's speculation on top of it, shows it.

use super::application::Application;
use super::brake::Brake;
use super::change::Change;
use super::ids::{ApplicationId, ChangeId, OrderId, RemittanceId};
use super::life::{Ends, Reservation, TermEnd};
use super::name::{NameKey, Outline, Registration};
use super::order::{Claim, Order, Remittance};
use super::time::Timestamp;
use super::unit::{Account, Unit, UnitId};
use crate::idn::{Bundle, Label};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state cannot be read now; nothing is decided on guesses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state cannot be read: {0}")]
pub struct Unavailable(pub String);

/// What is called with each name of a unit; whether to go on.
pub type VisitName<'a> = dyn FnMut(&NameKey, Outline) -> bool + 'a;

/// A readable state. Every method fails with [`Unavailable`] if the state cannot be read now, and for no other reason.
#[allow(clippy::missing_errors_doc, reason = "said once for all of them")]
pub trait State {
    /// The unit, if there is one.
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable>;
    /// The registration, if there is one.
    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable>;
    /// The change, if there is one.
    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable>;
    /// The application, if there is one.
    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable>;
    /// The order, if there is one.
    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable>;
    /// The remittance, if there is one.
    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable>;
    /// The highest number among the ids of applications, orders and remittances; 0 if there are none.
    fn last_filing(&self) -> Result<u64, Unavailable>;
    /// Who has a claim on the name or on a variant of it, if somebody has.
    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable>;
    /// Whose the account number is, if it is assigned.
    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable>;
    /// Calls `visit` with each order whose fee was taken on the invoice with this number, as
    /// [`invoice_key`](super::order::invoice_key) has it, the older ones first, until it answers false.
    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable>;
    /// Calls `visit` with the key of each name of the unit and its outline, in key order, until it answers false.
    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable>;
    /// Calls `visit` with each application and each order of the unit, ended ones too, the applications first and the older ones
    /// of both first, until it answers false.
    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable>;
    /// The bundle of a label by the table that the state's index is made with.
    fn bundle_of(&self, label: &Label) -> Bundle;
    /// Calls `visit` with each *other* registered name of the set that has a label, its own or an active variant, in the
    /// bundle of `key`'s label, in label order, until it answers false. There is none or one, but for names that were
    /// registered under another table.
    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable>;
    /// Calls `visit` with what falls due at or before `now`, earliest first, until it answers false.
    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable>;
    /// Calls `visit` with the names after `after` whose terms end at or before `until`, earliest first, until it answers
    /// false.
    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable>;
    /// The label that is kept, if it is.
    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable>;
    /// The labels of the set that are kept in the bundle of `key`'s label, itself among them, in no order.
    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable>;
    /// Up to which name each notice has been given, by its days from the end of the term.
    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable>;
    /// How many names the set has. The key is the primary suffix.
    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable>;
    /// The brake.
    fn brake(&self) -> Result<Brake, Unavailable>;
}

/// One thing the schedule holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: DueKind,
}

/// What falls due. Derived from the object's image alone, see [`due_of_unit`] and [`due_of_name`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKind {
    /// A hold of the unit starts or ends, its site review's deadline has passed, or it is to be reminded of that.
    UnitHold(UnitId),
    /// A hold of the name starts or ends.
    NameHold(NameKey),
    /// The name's term ends and EXPIRED is not on it yet.
    Expiry(NameKey),
    /// A stage of the name's way to deletion ends.
    Leaving(NameKey),
    /// The label is kept no longer.
    Reservation(NameKey),
}

/// Counts of one suffix set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetTotals {
    /// Registered names.
    pub names: u64,
}

/// When something of the unit next falls due: the starts of its inactive holds, the ends of all, and the deadline of its
/// site review with the reminders of it.
pub fn due_of_unit(unit: &Unit) -> Option<Timestamp> {
    let review = unit.site_review.as_ref();
    let neglected = review.and_then(|review| review.consequence()).map(|(at, _)| at);
    let reminded = review.and_then(|review| review.reminder);
    [next_hold_edge(&unit.holds), neglected, reminded].into_iter().flatten().min()
}

/// When something of the name next falls due by its holds, EXPIRED apart.
pub fn due_of_name(name: &Registration) -> Option<Timestamp> {
    next_hold_edge(&name.holds)
}

/// When the stage of its way to deletion ends, if the name is on it.
pub fn due_of_leaving(name: &Registration) -> Option<Timestamp> {
    name.life.leaving.map(|leaving| leaving.until)
}

/// Whether [`Ends::Expired`] has the name.
pub fn is_expired_only(name: &Registration) -> bool {
    due_of_expiry(name).is_none() && name.life.leaving.is_none()
}

/// When the name's term ends, while EXPIRED is not on it. The policy's grace comes on top of it.
pub fn due_of_expiry(name: &Registration) -> Option<Timestamp> {
    (!name.holds.0.contains_key(&super::HoldReason::Expired)).then_some(name.expires)
}

/// The bundles that a registration has labels in beside its own label, each once: one with a table, none without, and more
/// where its variants were activated under another table. A bundle that is the name's own label is nobody else's, and need not
/// be looked for. `bundle_of` is the state's.
pub fn bundles_of(name: &Registration, bundle_of: &dyn Fn(&Label) -> Bundle) -> Vec<Bundle> {
    let own = name.key.label.as_ascii();
    let mut bundles: Vec<Bundle> = name.labels().map(bundle_of).filter(|bundle| bundle.as_str() != own).collect();
    bundles.sort_unstable();
    bundles.dedup();
    bundles
}

fn next_hold_edge(holds: &super::Holds) -> Option<Timestamp> {
    let edges = holds.0.values().flat_map(|hold| [(!hold.active).then_some(hold.start), hold.end]);
    edges.flatten().min()
}
