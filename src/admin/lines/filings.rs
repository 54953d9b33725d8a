//! The lines of applications, orders and remittances.

use super::super::json::Object;
use super::super::problem::Problem;
use super::super::v1::filings::{ApplicationApproval, ApplicationLevel, Paper, Payer, Purpose, papers};
use super::super::v1::requests::{region, unit_id};
use super::super::v1::{DayEdge, Resolution, ResolutionInput, name_key, time_at};
use crate::registry::{
    self, Application, ApplicationId, ApplicationState, Approval, Code, Confirmation, Fee, Money, Order, OrderBasis,
    OrderId, OrderState, PickedForm, Policy, Region, Remittance, RemittanceId, RemittanceState, Slot, Timestamp,
};
use serde::{Deserialize, Serialize};

/// An application; `R` is its resolution.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationLine<R> {
    id: String,
    unit: String,
    purpose: Purpose,
    slots: Vec<Object<SlotLine>>,
    resolution: R,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    papers: Vec<Object<Paper>>,
    submitter: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submitted: Option<String>,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<Object<ApplicationApproval>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unresolved: Option<String>,
    changed: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotLine {
    kind: u8,
    name: String,
    years: u32,
    /// The traditional form that was picked, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traditional: Option<String>,
}

/// An order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderLine {
    id: String,
    unit: String,
    /// Absent: it renews names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application: Option<String>,
    lines: Vec<Object<FeeLine>>,
    due: String,
    by: String,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmation: Option<Object<ConfirmationLine>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remittance: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    changed: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FeeLine {
    name: String,
    fee: String,
    years: u32,
    yearly: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmationLine {
    by: String,
    at: String,
    invoice: String,
    payer: Payer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voucher: Option<String>,
}

/// A remittance.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RemittanceLine {
    id: String,
    orders: Vec<String>,
    amount: String,
    by: String,
    at: String,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recognised: Option<Object<RecognisedLine>>,
    changed: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecognisedLine {
    by: String,
    at: String,
}

impl ApplicationLine<Object<ResolutionInput>> {
    /// The application that the line says; its region is its unit's, and its version that of whoever takes it.
    pub(super) fn read(self, policy: &Policy) -> Result<Application, Problem> {
        let approval = |level: ApplicationLevel| -> Result<Option<Approval>, Problem> {
            let given = self.approvals.iter().find(|Object(given)| given.level == level);
            let read = |Object(given): &Object<ApplicationApproval>| {
                let at = time("application.approvals", &given.at)?;
                Ok(Approval { by: given.by.as_str().into(), at, asserted: false })
            };
            given.map(read).transpose()
        };
        let (office, local) = (approval(ApplicationLevel::Office)?, approval(ApplicationLevel::Local)?);
        let central = approval(ApplicationLevel::Central)?;
        let slot = |(index, Object(slot)): (usize, Object<SlotLine>)| {
            let at = format!("application.slots[{index}]");
            let picked = |text: String| known(PickedForm::from_canonical(&text), &format!("{at}.traditional"));
            let traditional = slot.traditional.map(picked).transpose()?;
            let name = name_key(&slot.name, policy, &format!("{at}.name"))?;
            Ok(Slot { kind: slot.kind, name, years: slot.years, traditional })
        };
        Ok(Application {
            id: known(ApplicationId::parse(&self.id), "application.id")?,
            unit: unit_id(&self.unit, "application.unit")?,
            region: any_region()?,
            purpose: self.purpose.into(),
            slots: self.slots.into_iter().enumerate().map(slot).collect::<Result<_, Problem>>()?,
            resolution: self.resolution.0.into_registry("application.resolution")?,
            papers: papers(self.papers),
            submitter: self.submitter.into(),
            submitted: maybe("application.submitted", self.submitted.as_deref())?,
            state: one_of(&ApplicationState::ALL, ApplicationState::as_str, &self.state, "application.state")?,
            deadline: maybe("application.deadline", self.deadline.as_deref())?,
            office,
            local,
            central,
            reason: self.reason.map(Into::into),
            order: self.order.map(|id| known(OrderId::parse(&id), "application.order")).transpose()?,
            unresolved: self.unresolved.map(Into::into),
            changed: time("application.changed", &self.changed)?,
            version: 0,
        })
    }
}

impl OrderLine {
    /// The order that the line says; its region is its unit's, and its version that of whoever takes it.
    pub(super) fn read(self, policy: &Policy) -> Result<Order, Problem> {
        let line = |(index, Object(line)): (usize, Object<FeeLine>)| {
            let at = format!("order.lines[{index}]");
            Ok(registry::OrderLine {
                name: name_key(&line.name, policy, &format!("{at}.name"))?,
                fee: one_of(&Fee::ALL, Fee::as_str, &line.fee, &format!("{at}.fee"))?,
                years: line.years,
                yearly: known(Money::parse(&line.yearly), &format!("{at}.yearly"))?,
            })
        };
        let confirmation = |Object(given): Object<ConfirmationLine>| {
            Ok::<_, Problem>(Confirmation {
                by: given.by.into(),
                at: time("order.confirmation.at", &given.at)?,
                invoice: given.invoice.into(),
                payer: given.payer.into(),
                voucher: given.voucher.map(Into::into),
            })
        };
        let basis = match self.application {
            Some(id) => OrderBasis::Application(known(ApplicationId::parse(&id), "order.application")?),
            None => OrderBasis::Renewal,
        };
        Ok(Order {
            id: known(OrderId::parse(&self.id), "order.id")?,
            unit: unit_id(&self.unit, "order.unit")?,
            region: any_region()?,
            basis,
            lines: self.lines.into_iter().enumerate().map(line).collect::<Result<_, Problem>>()?,
            due: time("order.due", &self.due)?,
            by: self.by.into(),
            state: one_of(&OrderState::ALL, OrderState::as_str, &self.state, "order.state")?,
            confirmation: self.confirmation.map(confirmation).transpose()?,
            remittance: self.remittance.map(|id| known(RemittanceId::parse(&id), "order.remittance")).transpose()?,
            reason: self.reason.map(Into::into),
            changed: time("order.changed", &self.changed)?,
            version: 0,
        })
    }
}

impl RemittanceLine {
    /// The remittance that the line says; its regions are its orders', and its version that of whoever takes it.
    pub(super) fn read(self) -> Result<Remittance, Problem> {
        let order = |(index, id): (usize, String)| known(OrderId::parse(&id), &format!("remittance.orders[{index}]"));
        let recognised = |Object(given): Object<RecognisedLine>| {
            Ok::<_, Problem>((given.by.into(), time("remittance.recognised.at", &given.at)?))
        };
        Ok(Remittance {
            id: known(RemittanceId::parse(&self.id), "remittance.id")?,
            orders: self.orders.into_iter().enumerate().map(order).collect::<Result<_, Problem>>()?,
            regions: Vec::new(),
            amount: known(Money::parse(&self.amount), "remittance.amount")?,
            by: self.by.into(),
            at: time("remittance.at", &self.at)?,
            state: one_of(&RemittanceState::ALL, RemittanceState::as_str, &self.state, "remittance.state")?,
            recognised: self.recognised.map(recognised).transpose()?,
            changed: time("remittance.changed", &self.changed)?,
            version: 0,
        })
    }
}

impl From<&Application> for ApplicationLine<Resolution> {
    fn from(application: &Application) -> Self {
        let slot = |slot: &Slot| {
            let (kind, name, years) = (slot.kind, slot.name.to_string(), slot.years);
            let traditional = slot.traditional.as_ref().map(|form| form.as_str().to_owned());
            Object(SlotLine { kind, name, years, traditional })
        };
        let approvals = [
            (ApplicationLevel::Office, &application.office),
            (ApplicationLevel::Local, &application.local),
            (ApplicationLevel::Central, &application.central),
        ];
        let approval = |(level, approval): (ApplicationLevel, &Option<Approval>)| {
            let given = approval.as_ref()?;
            Some(Object(ApplicationApproval { level, by: given.by.to_string(), at: given.at.to_string() }))
        };
        Self {
            id: application.id.to_string(),
            unit: application.unit.to_string(),
            purpose: application.purpose.into(),
            slots: application.slots.iter().map(slot).collect(),
            resolution: (&application.resolution).into(),
            papers: application.papers.iter().map(|paper| Object(paper.into())).collect(),
            submitter: application.submitter.to_string(),
            submitted: application.submitted.map(|at| at.to_string()),
            state: application.state.as_str().into(),
            deadline: application.deadline.map(|at| at.to_string()),
            approvals: approvals.into_iter().filter_map(approval).collect(),
            reason: application.reason.as_deref().map(Into::into),
            order: application.order.map(|id| id.to_string()),
            unresolved: application.unresolved.as_deref().map(Into::into),
            changed: application.changed.to_string(),
        }
    }
}

impl From<&Order> for OrderLine {
    fn from(order: &Order) -> Self {
        let line = |line: &registry::OrderLine| {
            let (fee, yearly) = (line.fee.as_str().into(), line.yearly.to_string());
            Object(FeeLine { name: line.name.to_string(), fee, years: line.years, yearly })
        };
        let confirmation = |given: &Confirmation| {
            Object(ConfirmationLine {
                by: given.by.to_string(),
                at: given.at.to_string(),
                invoice: given.invoice.to_string(),
                payer: given.payer.into(),
                voucher: given.voucher.as_deref().map(Into::into),
            })
        };
        Self {
            id: order.id.to_string(),
            unit: order.unit.to_string(),
            application: order.application().map(|id| id.to_string()),
            lines: order.lines.iter().map(line).collect(),
            due: order.due.to_string(),
            by: order.by.to_string(),
            state: order.state.as_str().into(),
            confirmation: order.confirmation.as_ref().map(confirmation),
            remittance: order.remittance.map(|id| id.to_string()),
            reason: order.reason.as_deref().map(Into::into),
            changed: order.changed.to_string(),
        }
    }
}

impl From<&Remittance> for RemittanceLine {
    fn from(remittance: &Remittance) -> Self {
        let recognised =
            |(by, at): &(Box<str>, Timestamp)| Object(RecognisedLine { by: by.to_string(), at: at.to_string() });
        Self {
            id: remittance.id.to_string(),
            orders: remittance.orders.iter().map(ToString::to_string).collect(),
            amount: remittance.amount.to_string(),
            by: remittance.by.to_string(),
            at: remittance.at.to_string(),
            state: remittance.state.as_str().into(),
            recognised: remittance.recognised.as_ref().map(recognised),
            changed: remittance.changed.to_string(),
        }
    }
}

/// What stands where a line says nothing, until the unit is known.
fn any_region() -> Result<Region, Problem> {
    region("00")
}

fn time(field: &str, text: &str) -> Result<Timestamp, Problem> {
    time_at(Code::FilingInvalid, field, text, DayEdge::End)
}

fn maybe(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| time(field, text)).transpose()
}

/// One of these values; the refusal lists them.
fn one_of<T: Copy>(all: &[T], id: fn(T) -> &'static str, text: &str, field: &str) -> Result<T, Problem> {
    all.iter().copied().find(|value| id(*value) == text).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|value| id(*value)).collect();
        let en = format!("{field} has no such value; use one of: {}.", known.join(", "));
        let zh = format!("{field} 没有该取值，请使用以下取值之一：{}。", known.join("、"));
        Problem::registry(Code::FilingInvalid, en, zh).field(field)
    })
}

fn known<T>(value: Option<T>, field: &str) -> Result<T, Problem> {
    value.ok_or_else(|| {
        let en = format!("{field} is not written as an export writes it; export it anew, or correct it after the examples of the OpenAPI document.");
        let zh = format!("{field} 的写法与导出文件不符，请重新导出，或按 OpenAPI 文档中的示例更正。");
        Problem::registry(Code::FilingInvalid, en, zh).field(field)
    })
}
