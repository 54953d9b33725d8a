//! Applications, orders and remittances as members of a line.

use super::read::{Unknown, known};
use super::{ApprovalV1, ResolutionV1, Text, TimeV1};
use crate::registry::{
    Application, ApplicationId, ApplicationState, Approval, Confirmation, Fee, Money, NameKey, Order, OrderBasis,
    OrderId, OrderLine, OrderState, Paper, Payer, PickedForm, Purpose, Region, Remittance, RemittanceId,
    RemittanceState, Slot, Timestamp, UnitId,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationV1 {
    id: Text,
    unit: Text,
    region: Text,
    purpose: Text,
    slots: Vec<SlotV1>,
    resolution: ResolutionV1,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    papers: Vec<PaperV1>,
    submitter: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submitted: Option<TimeV1>,
    state: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<TimeV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    office: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    central: Option<ApprovalV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unresolved: Option<Text>,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotV1 {
    kind: u8,
    name: Text,
    years: u32,
    /// An A-label, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traditional: Option<Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperV1 {
    paper: Text,
    scan: Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderV1 {
    id: Text,
    unit: Text,
    region: Text,
    /// Absent: it renews names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<Text>,
    lines: Vec<OrderLineV1>,
    due: TimeV1,
    by: Text,
    state: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmation: Option<ConfirmationV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remittance: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Text>,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderLineV1 {
    name: Text,
    fee: Text,
    years: u32,
    yearly: Text,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmationV1 {
    by: Text,
    at: TimeV1,
    invoice: Text,
    payer: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voucher: Option<Text>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemittanceV1 {
    id: Text,
    orders: Vec<Text>,
    regions: Vec<Text>,
    amount: Text,
    by: Text,
    at: TimeV1,
    state: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recognised: Option<RecognisedV1>,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<TimeV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecognisedV1 {
    by: Text,
    at: TimeV1,
}

/// When an object changed; lines from before that was noted have no member for it, and keep their octets.
fn noted(changed: Timestamp) -> Option<TimeV1> {
    (changed != Timestamp(0)).then_some(TimeV1(changed))
}

impl From<&Paper> for PaperV1 {
    fn from(paper: &Paper) -> Self {
        Self { paper: paper.paper.clone(), scan: paper.scan.clone() }
    }
}

impl From<PaperV1> for Paper {
    fn from(line: PaperV1) -> Self {
        Self { paper: line.paper, scan: line.scan }
    }
}

impl From<&Application> for ApplicationV1 {
    fn from(application: &Application) -> Self {
        let slot = |slot: &Slot| SlotV1 {
            kind: slot.kind,
            name: slot.name.to_string().into(),
            years: slot.years,
            traditional: slot.traditional.as_ref().map(|form| form.as_str().into()),
        };
        let approval = |approval: &Option<Approval>| approval.as_ref().map(ApprovalV1::from);
        Self {
            id: application.id.to_string().into(),
            unit: application.unit.as_str().into(),
            region: application.region.as_str().into(),
            purpose: application.purpose.as_str().into(),
            slots: application.slots.iter().map(slot).collect(),
            resolution: (&application.resolution).into(),
            papers: application.papers.iter().map(PaperV1::from).collect(),
            submitter: application.submitter.clone(),
            submitted: application.submitted.map(TimeV1),
            state: application.state.as_str().into(),
            deadline: application.deadline.map(TimeV1),
            office: approval(&application.office),
            local: approval(&application.local),
            central: approval(&application.central),
            reason: application.reason.clone(),
            order: application.order.map(|id| id.to_string().into()),
            unresolved: application.unresolved.clone(),
            version: application.version,
            changed: noted(application.changed),
        }
    }
}

impl TryFrom<ApplicationV1> for Application {
    type Error = Unknown;

    fn try_from(line: ApplicationV1) -> Result<Self, Unknown> {
        let slot = |slot: SlotV1| {
            let name = known(NameKey::from_canonical(&slot.name), "application.slots.name")?;
            let form = |text: Text| known(PickedForm::from_canonical(&text), "application.slots.traditional");
            Ok(Slot { kind: slot.kind, name, years: slot.years, traditional: slot.traditional.map(form).transpose()? })
        };
        let order = |id: Text| known(OrderId::parse(&id), "application.order");
        Ok(Self {
            id: known(ApplicationId::parse(&line.id), "application.id")?,
            unit: known(UnitId::parse(&line.unit), "application.unit")?,
            region: known(Region::parse(&line.region), "application.region")?,
            purpose: known(Purpose::parse(&line.purpose), "application.purpose")?,
            slots: line.slots.into_iter().map(slot).collect::<Result<_, Unknown>>()?,
            resolution: line.resolution.into(),
            papers: line.papers.into_iter().map(Paper::from).collect(),
            submitter: line.submitter,
            submitted: line.submitted.map(|at| at.0),
            state: known(ApplicationState::parse(&line.state), "application.state")?,
            deadline: line.deadline.map(|at| at.0),
            office: line.office.map(Approval::from),
            local: line.local.map(Approval::from),
            central: line.central.map(Approval::from),
            reason: line.reason,
            order: line.order.map(order).transpose()?,
            unresolved: line.unresolved,
            changed: line.changed.map_or(Timestamp(0), |at| at.0),
            version: line.version,
        })
    }
}

impl From<&Order> for OrderV1 {
    fn from(order: &Order) -> Self {
        let line = |line: &OrderLine| OrderLineV1 {
            name: line.name.to_string().into(),
            fee: line.fee.as_str().into(),
            years: line.years,
            yearly: line.yearly.to_string().into(),
        };
        let confirmation = |given: &Confirmation| ConfirmationV1 {
            by: given.by.clone(),
            at: TimeV1(given.at),
            invoice: given.invoice.clone(),
            payer: given.payer.as_str().into(),
            voucher: given.voucher.clone(),
        };
        Self {
            id: order.id.to_string().into(),
            unit: order.unit.as_str().into(),
            region: order.region.as_str().into(),
            application: order.application().map(|id| id.to_string().into()),
            lines: order.lines.iter().map(line).collect(),
            due: TimeV1(order.due),
            by: order.by.clone(),
            state: order.state.as_str().into(),
            confirmation: order.confirmation.as_ref().map(confirmation),
            remittance: order.remittance.map(|id| id.to_string().into()),
            reason: order.reason.clone(),
            version: order.version,
            changed: noted(order.changed),
        }
    }
}

impl TryFrom<OrderV1> for Order {
    type Error = Unknown;

    fn try_from(line: OrderV1) -> Result<Self, Unknown> {
        let basis = match line.application {
            Some(id) => OrderBasis::Application(known(ApplicationId::parse(&id), "order.application")?),
            None => OrderBasis::Renewal,
        };
        let one = |line: OrderLineV1| {
            Ok(OrderLine {
                name: known(NameKey::from_canonical(&line.name), "order.lines.name")?,
                fee: known(Fee::parse(&line.fee), "order.lines.fee")?,
                years: line.years,
                yearly: known(Money::parse(&line.yearly), "order.lines.yearly")?,
            })
        };
        let confirmation = |given: ConfirmationV1| {
            Ok(Confirmation {
                by: given.by,
                at: given.at.0,
                invoice: given.invoice,
                payer: known(Payer::parse(&given.payer), "order.confirmation.payer")?,
                voucher: given.voucher,
            })
        };
        let remittance = |id: Text| known(RemittanceId::parse(&id), "order.remittance");
        Ok(Self {
            id: known(OrderId::parse(&line.id), "order.id")?,
            unit: known(UnitId::parse(&line.unit), "order.unit")?,
            region: known(Region::parse(&line.region), "order.region")?,
            basis,
            lines: line.lines.into_iter().map(one).collect::<Result<_, Unknown>>()?,
            due: line.due.0,
            by: line.by,
            state: known(OrderState::parse(&line.state), "order.state")?,
            confirmation: line.confirmation.map(confirmation).transpose()?,
            remittance: line.remittance.map(remittance).transpose()?,
            reason: line.reason,
            changed: line.changed.map_or(Timestamp(0), |at| at.0),
            version: line.version,
        })
    }
}

impl From<&Remittance> for RemittanceV1 {
    fn from(remittance: &Remittance) -> Self {
        let recognised = |(by, at): &(Text, Timestamp)| RecognisedV1 { by: by.clone(), at: TimeV1(*at) };
        Self {
            id: remittance.id.to_string().into(),
            orders: remittance.orders.iter().map(|id| id.to_string().into()).collect(),
            regions: remittance.regions.iter().map(|region| region.as_str().into()).collect(),
            amount: remittance.amount.to_string().into(),
            by: remittance.by.clone(),
            at: TimeV1(remittance.at),
            state: remittance.state.as_str().into(),
            recognised: remittance.recognised.as_ref().map(recognised),
            version: remittance.version,
            changed: noted(remittance.changed),
        }
    }
}

impl TryFrom<RemittanceV1> for Remittance {
    type Error = Unknown;

    fn try_from(line: RemittanceV1) -> Result<Self, Unknown> {
        let region = |text: Text| known(Region::parse(&text), "remittance.regions");
        let order = |id: Text| known(OrderId::parse(&id), "remittance.orders");
        Ok(Self {
            id: known(RemittanceId::parse(&line.id), "remittance.id")?,
            orders: line.orders.into_iter().map(order).collect::<Result<_, _>>()?,
            regions: line.regions.into_iter().map(region).collect::<Result<_, _>>()?,
            amount: known(Money::parse(&line.amount), "remittance.amount")?,
            by: line.by,
            at: line.at.0,
            state: known(RemittanceState::parse(&line.state), "remittance.state")?,
            recognised: line.recognised.map(|given| (given.by, given.at.0)),
            changed: line.changed.map_or(Timestamp(0), |at| at.0),
            version: line.version,
        })
    }
}

impl From<&Approval> for ApprovalV1 {
    fn from(approval: &Approval) -> Self {
        Self { by: approval.by.clone(), at: TimeV1(approval.at), asserted: approval.asserted }
    }
}

impl From<ApprovalV1> for Approval {
    fn from(line: ApprovalV1) -> Self {
        Self { by: line.by, at: line.at.0, asserted: line.asserted }
    }
}
