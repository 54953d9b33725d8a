//! Applications, orders and remittances in the store: their values, and the entries of their indexes.
//!
//! ```text
//! filings          letter 'd' time id             applications that wait for a review, by its deadline
//!                  letter 's' state region 00 id  by state, then region
//!                  letter 'r' region 00 id        by region
//!                  letter 'u' unit 00 id          by unit
//!                  letter 'i' invoice 00 id       orders whose fee was taken, by the number of the invoice
//! claims           set 00 bundle 00 letter id     who has a claim on a label and its variants
//! accounts         account unit                   whose an account number is
//! ```
//! The letter is that of the object's id. A region begins with those around it, so that one range of keys is a region with
//! all that lies inside it.

use super::keys;
use super::trees::Tree;
use super::v1::{ApprovalV1, ResolutionV1};
use crate::idn::{Bundle, Label};
use crate::registry::{
    Account, Application, ApplicationId, ApplicationState, Approval, Claim, Confirmation, Fee, Money, NameKey, Order,
    OrderBasis, OrderId, OrderLine, OrderState, Paper, Payer, PickedForm, Purpose, Region, Remittance, RemittanceId,
    RemittanceState, Slot, Timestamp, UnitId,
};
use serde::{Deserialize, Serialize};

/// Octets of an id in a key.
const ID_LEN: usize = 8;
/// The letters of ids.
pub(super) const APPLICATION: u8 = b'a';
pub(super) const ORDER: u8 = b'o';
pub(super) const REMITTANCE: u8 = b'r';

/// The bundle of a label.
pub(super) type BundleOf<'a> = &'a dyn Fn(&Label) -> Bundle;

/// An index entry.
pub(super) type IndexEntry = (Tree, Vec<u8>);

/// What an application has in the indexes.
pub(super) fn application_entries(application: &Application, bundle_of: BundleOf<'_>) -> Vec<IndexEntry> {
    let (id, region) = (application.id.0, application.region.as_str());
    let mut entries = listed(APPLICATION, application.state as u8, region, id);
    entries.push((Tree::Filings, by_unit(APPLICATION, &application.unit, Some(id))));
    if let (Some(_), Some(deadline)) = (application.state.awaits(), application.deadline) {
        entries.push((Tree::Filings, by_deadline(deadline, Some(id))));
    }
    entries.extend(application.claims().map(|name| (Tree::Claims, claim(name, bundle_of, APPLICATION, id))));
    entries
}

/// What an order has in the indexes.
pub(super) fn order_entries(order: &Order, bundle_of: BundleOf<'_>) -> Vec<IndexEntry> {
    let mut entries = listed(ORDER, order.state as u8, order.region.as_str(), order.id.0);
    entries.push((Tree::Filings, by_unit(ORDER, &order.unit, Some(order.id.0))));
    entries.extend(order.invoice().map(|invoice| (Tree::Filings, by_invoice(&invoice, Some(order.id.0)))));
    entries.extend(order.claims().map(|name| (Tree::Claims, claim(name, bundle_of, ORDER, order.id.0))));
    entries
}

/// What a remittance has in the indexes.
pub(super) fn remittance_entries(remittance: &Remittance) -> Vec<IndexEntry> {
    listed(REMITTANCE, remittance.state as u8, remittance.common_region(), remittance.id.0)
}

fn listed(letter: u8, state: u8, region: &str, id: u64) -> Vec<IndexEntry> {
    let with_id = |mut key: Vec<u8>| {
        key.push(0);
        key.extend(id.to_be_bytes());
        (Tree::Filings, key)
    };
    vec![with_id(by_state(letter, state, region)), with_id(by_region(letter, region))]
}

/// What the keys of objects in this state and region begin with.
pub(super) fn by_state(letter: u8, state: u8, region: &str) -> Vec<u8> {
    [&[letter, b's', state], region.as_bytes()].concat()
}

/// What the keys of objects in this region begin with.
pub(super) fn by_region(letter: u8, region: &str) -> Vec<u8> {
    [&[letter, b'r'], region.as_bytes()].concat()
}

/// What the keys of a unit's objects begin with, or the key of one.
pub(super) fn by_unit(letter: u8, unit: &UnitId, id: Option<u64>) -> Vec<u8> {
    let mut key = [&[letter, b'u'], unit.as_str().as_bytes(), &[0]].concat();
    key.extend(id.into_iter().flat_map(u64::to_be_bytes));
    key
}

/// What the keys of orders on the invoice begin with, or the key of one.
pub(super) fn by_invoice(invoice: &str, id: Option<u64>) -> Vec<u8> {
    let mut key = [&[ORDER, b'i'], invoice.as_bytes(), &[0]].concat();
    key.extend(id.into_iter().flat_map(u64::to_be_bytes));
    key
}

/// What the keys of applications that are due at this second begin with, or the key of one.
pub(super) fn by_deadline(at: Timestamp, id: Option<u64>) -> Vec<u8> {
    let mut key = [&[APPLICATION, b'd'][..], &keys::time(at)].concat();
    key.extend(id.into_iter().flat_map(u64::to_be_bytes));
    key
}

/// The number of the id that a key of `filings` ends with.
pub(super) fn id_of(key: &[u8]) -> Option<u64> {
    key.last_chunk::<ID_LEN>().map(|octets| u64::from_be_bytes(*octets))
}

/// What the keys of claims on a name, or on a variant of it, begin with.
pub(super) fn claims_on(name: &NameKey, bundle_of: BundleOf<'_>) -> Vec<u8> {
    keys::bundle_prefix(&bundle_of(&name.label), &name.set)
}

fn claim(name: &NameKey, bundle_of: BundleOf<'_>, letter: u8, id: u64) -> Vec<u8> {
    let mut key = claims_on(name, bundle_of);
    key.push(letter);
    key.extend(id.to_be_bytes());
    key
}

/// The claim of a key made above.
pub(super) fn read_claim(key: &[u8]) -> Option<Claim> {
    let id = id_of(key)?;
    match key.len().checked_sub(ID_LEN + 1).map(|at| key[at])? {
        APPLICATION => Some(Claim::Application(ApplicationId(id))),
        ORDER => Some(Claim::Order(OrderId(id))),
        _ => None,
    }
}

/// What the key of an account number begins with, or its key.
pub(super) fn account(account: Account, unit: Option<&UnitId>) -> Vec<u8> {
    let mut key = account.0.to_be_bytes().to_vec();
    key.extend(unit.into_iter().flat_map(|unit| unit.as_str().as_bytes()));
    key
}

/// The unit of a key made by [`account`].
pub(super) fn read_account(key: &[u8]) -> Option<UnitId> {
    UnitId::parse(std::str::from_utf8(key.get(4..)?).ok()?)
}

/// Kind, name, years, and the traditional form that was picked.
type SlotV1 = (u8, Box<str>, u32, Option<Box<str>>);

/// An application; its id is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct ApplicationV1 {
    unit: Box<str>,
    region: Box<str>,
    purpose: Box<str>,
    slots: Vec<SlotV1>,
    resolution: ResolutionV1,
    papers: Vec<(Box<str>, Box<str>)>,
    submitter: Box<str>,
    submitted: Option<i64>,
    state: Box<str>,
    deadline: Option<i64>,
    approvals: [Option<ApprovalV1>; 3],
    reason: Option<Box<str>>,
    order: Option<u64>,
    unresolved: Option<Box<str>>,
    changed: i64,
    version: u64,
}

/// An order; its id is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct OrderV1 {
    unit: Box<str>,
    region: Box<str>,
    application: Option<u64>,
    /// Name, type, years, fen a year.
    lines: Vec<(Box<str>, Box<str>, u32, u64)>,
    due: i64,
    by: Box<str>,
    state: Box<str>,
    confirmation: Option<ConfirmationV1>,
    remittance: Option<u64>,
    reason: Option<Box<str>>,
    changed: i64,
    version: u64,
}

#[derive(Serialize, Deserialize)]
struct ConfirmationV1 {
    by: Box<str>,
    at: i64,
    invoice: Box<str>,
    payer: Box<str>,
    voucher: Option<Box<str>>,
}

/// A remittance; its id is the key.
#[derive(Serialize, Deserialize)]
pub(super) struct RemittanceV1 {
    orders: Vec<u64>,
    regions: Vec<Box<str>>,
    amount: u64,
    by: Box<str>,
    at: i64,
    state: Box<str>,
    recognised: Option<(Box<str>, i64)>,
    changed: i64,
    version: u64,
}

impl From<&Application> for ApplicationV1 {
    fn from(application: &Application) -> Self {
        let approvals = [&application.office, &application.local, &application.central];
        let slot = |slot: &Slot| {
            let picked = slot.traditional.as_ref().map(|form| form.as_str().into());
            (slot.kind, slot.name.to_string().into(), slot.years, picked)
        };
        Self {
            unit: application.unit.as_str().into(),
            region: application.region.as_str().into(),
            purpose: application.purpose.as_str().into(),
            slots: application.slots.iter().map(slot).collect(),
            resolution: (&application.resolution).into(),
            papers: application.papers.iter().map(|p| (p.paper.clone(), p.scan.clone())).collect(),
            submitter: application.submitter.clone(),
            submitted: application.submitted.map(|at| at.0),
            state: application.state.as_str().into(),
            deadline: application.deadline.map(|at| at.0),
            approvals: approvals.map(|approval| approval.as_ref().map(ApprovalV1::from)),
            reason: application.reason.clone(),
            order: application.order.map(|id| id.0),
            unresolved: application.unresolved.clone(),
            changed: application.changed.0,
            version: application.version,
        }
    }
}

impl ApplicationV1 {
    /// The application with this id; `None` if a value is not one this program knows.
    pub(super) fn into_application(self, id: ApplicationId) -> Option<Application> {
        let slot = |(kind, name, years, picked): SlotV1| {
            let traditional = match picked {
                Some(form) => Some(PickedForm::from_canonical(&form)?),
                None => None,
            };
            Some(Slot { kind, name: NameKey::from_canonical(&name)?, years, traditional })
        };
        let [office, local, central] = self.approvals.map(|approval| approval.map(Approval::from));
        Some(Application {
            id,
            unit: UnitId::parse(&self.unit)?,
            region: Region::parse(&self.region)?,
            purpose: Purpose::parse(&self.purpose)?,
            slots: self.slots.into_iter().map(slot).collect::<Option<_>>()?,
            resolution: self.resolution.into(),
            papers: self.papers.into_iter().map(|(paper, scan)| Paper { paper, scan }).collect(),
            submitter: self.submitter,
            submitted: self.submitted.map(Timestamp),
            state: ApplicationState::parse(&self.state)?,
            deadline: self.deadline.map(Timestamp),
            office,
            local,
            central,
            reason: self.reason,
            order: self.order.map(OrderId),
            unresolved: self.unresolved,
            changed: Timestamp(self.changed),
            version: self.version,
        })
    }
}

impl From<&Order> for OrderV1 {
    fn from(order: &Order) -> Self {
        let line =
            |line: &OrderLine| (line.name.to_string().into(), line.fee.as_str().into(), line.years, line.yearly.0);
        let confirmation = |given: &Confirmation| ConfirmationV1 {
            by: given.by.clone(),
            at: given.at.0,
            invoice: given.invoice.clone(),
            payer: given.payer.as_str().into(),
            voucher: given.voucher.clone(),
        };
        Self {
            unit: order.unit.as_str().into(),
            region: order.region.as_str().into(),
            application: order.application().map(|id| id.0),
            lines: order.lines.iter().map(line).collect(),
            due: order.due.0,
            by: order.by.clone(),
            state: order.state.as_str().into(),
            confirmation: order.confirmation.as_ref().map(confirmation),
            remittance: order.remittance.map(|id| id.0),
            reason: order.reason.clone(),
            changed: order.changed.0,
            version: order.version,
        }
    }
}

impl OrderV1 {
    /// The order with this id; `None` if a value is not one this program knows.
    pub(super) fn into_order(self, id: OrderId) -> Option<Order> {
        let line = |(name, fee, years, yearly): (Box<str>, Box<str>, u32, u64)| {
            Some(OrderLine {
                name: NameKey::from_canonical(&name)?,
                fee: Fee::parse(&fee)?,
                years,
                yearly: Money(yearly),
            })
        };
        let confirmation = |given: ConfirmationV1| {
            Some(Confirmation {
                by: given.by,
                at: Timestamp(given.at),
                invoice: given.invoice,
                payer: Payer::parse(&given.payer)?,
                voucher: given.voucher,
            })
        };
        let confirmation = match self.confirmation {
            Some(given) => Some(confirmation(given)?),
            None => None,
        };
        Some(Order {
            id,
            unit: UnitId::parse(&self.unit)?,
            region: Region::parse(&self.region)?,
            basis: self.application.map_or(OrderBasis::Renewal, |id| OrderBasis::Application(ApplicationId(id))),
            lines: self.lines.into_iter().map(line).collect::<Option<_>>()?,
            due: Timestamp(self.due),
            by: self.by,
            state: OrderState::parse(&self.state)?,
            confirmation,
            remittance: self.remittance.map(RemittanceId),
            reason: self.reason,
            changed: Timestamp(self.changed),
            version: self.version,
        })
    }
}

impl From<&Remittance> for RemittanceV1 {
    fn from(remittance: &Remittance) -> Self {
        Self {
            orders: remittance.orders.iter().map(|id| id.0).collect(),
            regions: remittance.regions.iter().map(|region| region.as_str().into()).collect(),
            amount: remittance.amount.0,
            by: remittance.by.clone(),
            at: remittance.at.0,
            state: remittance.state.as_str().into(),
            recognised: remittance.recognised.as_ref().map(|(by, at)| (by.clone(), at.0)),
            changed: remittance.changed.0,
            version: remittance.version,
        }
    }
}

impl RemittanceV1 {
    /// The remittance with this id; `None` if a value is not one this program knows.
    pub(super) fn into_remittance(self, id: RemittanceId) -> Option<Remittance> {
        Some(Remittance {
            id,
            orders: self.orders.into_iter().map(OrderId).collect(),
            regions: self.regions.iter().map(|region| Region::parse(region)).collect::<Option<_>>()?,
            amount: Money(self.amount),
            by: self.by,
            at: Timestamp(self.at),
            state: RemittanceState::parse(&self.state)?,
            recognised: self.recognised.map(|(by, at)| (by, Timestamp(at))),
            changed: Timestamp(self.changed),
            version: self.version,
        })
    }
}
