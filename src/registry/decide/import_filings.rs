//! Applications, orders and remittances of an import: taken over as they stand and with their ids, so that a registry moves
//! while they are under way. Of two images the later one counts; what has been decided here since the file was written stays.

use super::{Case, applications, is_text, names, orders};
use crate::registry::application::SLOTS_MAX;
use crate::registry::change::{REASON_LEN_MAX, REVIEWER_LEN_MAX};
use crate::registry::order::{INVOICE_TAKEN_LEN_MAX, REMITTANCE_ORDERS_MAX, RENEWAL_NAMES_MAX, is_voucher};
use crate::registry::{
    Application, ApplicationState, Approval, Claim, Code, Guarded, Money, NameKey, Order, OrderState, Refusal,
    Remittance, RemittanceState, Timestamp, UnitId,
};
use std::collections::BTreeSet;

/// The application's new image, if the line has one.
pub(super) fn application(case: &Case<'_>, line: &Application) -> Result<Option<Application>, Refusal> {
    let unit = case.unit(&line.unit).map_err(|refusal| refusal.at("application.unit"))?;
    if let Some(own) = case.state.application(line.id)? {
        check_same_unit(&own.unit, &line.unit, "application.id")?;
        let same = Application { region: own.region.clone(), version: own.version, ..line.clone() } == own;
        if own.changed > line.changed || same {
            return Ok(None);
        }
    }
    check_application(case, line).map_err(|what| incomplete("application", what))?;
    if line.state.is_under_way() {
        for (index, slot) in line.slots.iter().enumerate() {
            applications::check_free(case, &slot.name, &unit, Some(line.id))
                .map_err(|refusal| refusal.at(format!("application.slots[{index}].name")))?;
        }
    }
    if line.central.is_some() && line.state.is_under_way() {
        // The plan takes effect without another look once the fee is there.
        case.check_second_factor(Guarded::DnsChange)?;
    }
    Ok(Some(Application { region: unit.region, version: case.seq(), ..line.clone() }))
}

/// The order's new image, if the line has one; its application stands before it.
pub(super) fn order(case: &Case<'_>, line: &Order) -> Result<Option<Order>, Refusal> {
    let unit = case.unit(&line.unit).map_err(|refusal| refusal.at("order.unit"))?;
    if let Some(own) = case.state.order(line.id)? {
        check_same_unit(&own.unit, &line.unit, "order.id")?;
        let same = Order { region: own.region.clone(), version: own.version, ..line.clone() } == own;
        if own.changed > line.changed || same {
            return Ok(None);
        }
    }
    check_order(case, line).map_err(|what| incomplete("order", what))?;
    if let Some(id) = line.application() {
        let field = |refusal: Refusal| refusal.at("order.application");
        let application = case.application(id).map_err(field)?;
        if application.unit != line.unit || application.order != Some(line.id) {
            return Err(field(incomplete("order", "application")));
        }
    }
    for (index, key) in line.claims().enumerate() {
        // Whether the unit still has the name is seen when the order is consumed: it may have been deleted meanwhile.
        let other = case.state.claim(key)?.filter(|claim| *claim != Claim::Order(line.id));
        if let Some(claim) = other {
            return Err(orders::claimed(key, claim).at(format!("order.lines[{index}].name")));
        }
    }
    // What has been consumed on a number that was taken twice stays as it happened.
    if let Some(given) = line.confirmation.as_ref().filter(|_| !line.state.has_ended()) {
        orders::check_invoice_free(case, line, &given.invoice, given.payer, &|_| true)
            .map_err(|refusal| refusal.at("order.confirmation.invoice"))?;
    }
    Ok(Some(Order { region: unit.region, version: case.seq(), ..line.clone() }))
}

/// The remittance's new image, if the line has one; its orders stand before it.
pub(super) fn remittance(case: &Case<'_>, line: &Remittance) -> Result<Option<Remittance>, Refusal> {
    if let Some(own) = case.state.remittance(line.id)? {
        if own.orders != line.orders {
            return Err(other_object("remittance.id"));
        }
        let same = Remittance { regions: own.regions.clone(), version: own.version, ..line.clone() } == own;
        if own.changed > line.changed || same {
            return Ok(None);
        }
    }
    check_remittance(case, line).map_err(|what| incomplete("remittance", what))?;
    let (mut regions, mut sum) = (BTreeSet::new(), Vec::new());
    for (index, id) in line.orders.iter().enumerate() {
        let order = case.order(*id).map_err(|refusal| refusal.at(format!("remittance.orders[{index}]")))?;
        if line.state == RemittanceState::Remitted && order.remittance != Some(line.id) {
            return Err(incomplete("remittance", "orders"));
        }
        regions.insert(order.region.clone());
        sum.push(order.amount());
    }
    if line.state == RemittanceState::Remitted && line.amount != sum.into_iter().sum::<Money>() {
        return Err(incomplete("remittance", "amount"));
    }
    Ok(Some(Remittance { regions: regions.into_iter().collect(), version: case.seq(), ..line.clone() }))
}

/// What is missing in the application or contradicts its state, by member.
fn check_application(case: &Case<'_>, line: &Application) -> Result<(), &'static str> {
    use ApplicationState as S;
    let state = line.state;
    let kinds: BTreeSet<u8> = line.slots.iter().map(|slot| slot.kind).collect();
    let sound = line.slots.iter().all(|s| names::check_kind(s.kind).is_ok() && names::check_years(s.years).is_ok());
    hold((1..=SLOTS_MAX).contains(&line.slots.len()) && kinds.len() == line.slots.len() && sound, "slots")?;
    hold(is_text(&line.submitter, REVIEWER_LEN_MAX), "submitter")?;
    hold(!state.is_under_way() || line.submitted.is_some(), "submitted")?;
    hold(line.deadline.is_some() == state.awaits().is_some(), "deadline")?;
    let approvals = [&line.office, &line.local, &line.central].map(Option::as_ref);
    let passed_local = (S::CentralReview..=S::Registered).contains(&state);
    let passed_central = (S::AwaitingFee..=S::Registered).contains(&state);
    hold(!passed_local || line.local.is_some(), "approvals")?;
    hold(!passed_central || line.central.is_some(), "approvals")?;
    hold(!passed_central || line.order.is_some(), "order")?;
    hold(are_different(&line.submitter, approvals.into_iter().flatten()), "approvals")?;
    hold(state != S::Rejected || line.reason.is_some(), "reason")?;
    hold(line.reason.as_ref().is_none_or(|reason| is_text(reason, REASON_LEN_MAX)), "reason")?;
    hold(applications::papers(&line.papers).is_ok(), "papers")?;
    let given = approvals.into_iter().flatten().map(|approval| approval.at);
    hold(are_past(case, given.chain(line.submitted).chain([line.changed])), "changed")
}

fn check_order(case: &Case<'_>, line: &Order) -> Result<(), &'static str> {
    use OrderState as S;
    let keys: BTreeSet<&NameKey> = line.lines.iter().map(|line| &line.name).collect();
    let sound = line.lines.iter().all(|line| names::check_years(line.years).is_ok());
    hold((1..=RENEWAL_NAMES_MAX).contains(&line.lines.len()) && keys.len() == line.lines.len() && sound, "lines")?;
    hold(is_text(&line.by, REVIEWER_LEN_MAX), "by")?;
    let is_paid = matches!(line.state, S::Confirmed | S::Remitted | S::Consumed | S::Refunded);
    hold(is_paid == line.confirmation.is_some() || line.state == S::Withdrawn, "confirmation")?;
    let is_sent = matches!(line.state, S::Remitted | S::Consumed);
    hold(is_sent == line.remittance.is_some() || line.state == S::Refunded, "remittance")?;
    if let Some(given) = &line.confirmation {
        // Numbers that were taken before they had a form are taken over as they are.
        let texts = is_text(&given.by, REVIEWER_LEN_MAX) && is_text(&given.invoice, INVOICE_TAKEN_LEN_MAX);
        hold(texts && given.voucher.as_deref().is_none_or(is_voucher), "confirmation")?;
    }
    let is_reason = |reason: &str| line.state == S::Refunded && is_text(reason, REASON_LEN_MAX);
    hold(line.reason.as_deref().is_none_or(is_reason), "reason")?;
    let confirmed = line.confirmation.as_ref().map(|given| given.at);
    hold(are_past(case, [line.due, line.changed].into_iter().chain(confirmed)), "changed")
}

fn check_remittance(case: &Case<'_>, line: &Remittance) -> Result<(), &'static str> {
    let orders: BTreeSet<_> = line.orders.iter().collect();
    let count = (1..=REMITTANCE_ORDERS_MAX).contains(&line.orders.len()) && orders.len() == line.orders.len();
    hold(count, "orders")?;
    let recognised = line.recognised.as_ref();
    hold((line.state == RemittanceState::Recognised) == recognised.is_some(), "recognised")?;
    let mut principals = recognised.map(|(by, _)| by).into_iter().chain([&line.by]);
    hold(principals.all(|by| is_text(by, REVIEWER_LEN_MAX)), "by")?;
    hold(are_past(case, [line.at, line.changed].into_iter().chain(recognised.map(|(_, at)| *at))), "changed")
}

fn hold(holds: bool, member: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(member) }
}

/// R17: submitter and approvers are all different principals, each with a name.
fn are_different<'a>(submitter: &str, approvals: impl Iterator<Item = &'a Approval>) -> bool {
    let mut seen = BTreeSet::from([submitter]);
    let mut all = approvals.map(|approval| &*approval.by);
    all.all(|by| is_text(by, REVIEWER_LEN_MAX) && seen.insert(by))
}

fn are_past(case: &Case<'_>, mut times: impl Iterator<Item = Timestamp>) -> bool {
    times.all(|at| at <= case.now())
}

fn check_same_unit(own: &UnitId, line: &UnitId, field: &str) -> Result<(), Refusal> {
    if own == line { Ok(()) } else { Err(other_object(field)) }
}

/// Ids are kept, and this one is another object's here.
fn other_object(field: &str) -> Refusal {
    Refusal::new(
        Code::FilingInvalid,
        "Another application, order or remittance has this id here; such lines go into the registry that they came from, or into one that has none.",
        "此编号在本注册局已属于其他申请、订单或汇款批次；这类记录只能导入原注册局，或尚无此类记录的注册局。",
    )
    .at(field)
}

fn object_zh(object: &str) -> &'static str {
    match object {
        "application" => "申请",
        "order" => "订单",
        _ => "汇款批次",
    }
}

/// What a line lacks, or has against its state.
fn incomplete(object: &str, member: &str) -> Refusal {
    Refusal::new(
        Code::FilingInvalid,
        format!(
            "The line lacks what the state of the {object} needs or contradicts it, or has times to come ({member}); export it anew."
        ),
        format!("该行缺少{}状态所需的内容或与之不符，或时间晚于现在（{member}），请重新导出。", object_zh(object)),
    )
    .at(format!("{object}.{member}"))
}
