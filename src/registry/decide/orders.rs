//! Orders: what is owed for applications and renewals, and its confirmation by the local office (R25–R33, R61).

use super::{Case, applications, changes, names, notices, remittances, terms};
use crate::registry::order::{INVOICE_LEN_MAX, RENEWAL_NAMES_MAX, invoice_key, is_invoice, is_voucher};
use crate::registry::{
    Application, ApplicationState, Claim, Code, Confirmation, Decision, Event, Fee, Money, NameKey, Named as _, Order,
    OrderBasis, OrderId, OrderLine, OrderState, Payer, Refusal, Region, Registration, RenewedBy, Role, Unit, UnitId,
};
use std::collections::BTreeSet;

/// Orders further years of names of one unit; what is owed is known at once (R26).
pub(super) fn renewal(case: &Case<'_>, unit: &UnitId, keys: &[NameKey], years: u32) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::LocalAdmin, Role::Operator])?;
    let unit = case.unit(unit).map_err(|refusal| refusal.at("unit"))?;
    case.check_version(None)?;
    let extended = extended(case, keys, years, RenewedBy::Order)?;
    let mut lines = Vec::with_capacity(keys.len());
    for (index, name) in extended.iter().enumerate() {
        let field = |refusal: Refusal| refusal.at(format!("names[{index}]"));
        if name.unit != unit.id {
            return Err(field(names::check_holder(name, &unit.id).expect_err("it is another unit's")));
        }
        let yearly = yearly(case, &name.key, &unit.region).map_err(field)?;
        lines.push(OrderLine { name: name.key.clone(), fee: Fee::Renewal, years, yearly });
    }
    let order = new(case, &unit, OrderBasis::Renewal, lines)?;
    Ok(saved(case, order, Vec::new()).creating(true))
}

/// Extends several terms at once, where no fee is kept here.
pub(super) fn renew_all(case: &Case<'_>, keys: &[NameKey], years: u32) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Operator])?;
    case.check_version(None)?;
    let mut events = Vec::with_capacity(keys.len());
    for name in extended(case, keys, years, RenewedBy::Operator)? {
        events.extend(renewed(case, name)?);
    }
    Ok(case.decision(events, "renewals", "renewed", 0))
}

/// A name whose term was extended, and the notice that it would miss by that.
pub(super) fn renewed(case: &Case<'_>, name: Registration) -> Result<Vec<Event>, Refusal> {
    let missed = notices::missed(case, &name)?;
    let renewed = Event::Name(Registration { version: case.seq(), ..name });
    Ok([renewed].into_iter().chain(missed).collect())
}

/// The names with their terms extended, if all of them can be; one that cannot refuses all (R33).
fn extended(case: &Case<'_>, keys: &[NameKey], years: u32, by: RenewedBy) -> Result<Vec<Registration>, Refusal> {
    check_count(keys.len(), RENEWAL_NAMES_MAX, "names")?;
    names::check_years(years)?;
    let mut seen = BTreeSet::new();
    let mut extended = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        let field = |refusal: Refusal| refusal.at(format!("names[{index}]"));
        if !seen.insert(key) {
            return Err(field(repeated(&key.to_unicode())));
        }
        let (name, _) = case.name(key).map_err(field)?;
        names::check_unclaimed(case, key, None).map_err(field)?;
        extended.push(terms::renewed(case, name, years, by).map_err(field)?);
    }
    Ok(extended)
}

/// The order for an application that passed its reviews.
pub(super) fn of_application(case: &Case<'_>, application: &Application, unit: &Unit) -> Result<Order, Refusal> {
    let line = |slot: &crate::registry::Slot| {
        let yearly = yearly(case, &slot.name, &unit.region)?;
        Ok(OrderLine { name: slot.name.clone(), fee: Fee::Registration, years: slot.years, yearly })
    };
    let lines = application.slots.iter().map(line).collect::<Result<_, Refusal>>()?;
    new(case, unit, OrderBasis::Application(application.id), lines)
}

/// Changes years while the fee is awaited (R30); the rates stay those of the day the amount became due.
pub(super) fn change_years(case: &Case<'_>, id: OrderId, years: &[(NameKey, u32)]) -> Result<Decision, Refusal> {
    case.check_role(&[Role::LocalAdmin])?;
    let mut order = find(case, id, &[OrderState::AwaitingFee])?;
    check_count(years.len(), RENEWAL_NAMES_MAX, "years")?;
    let before = order.lines.clone();
    let mut seen = BTreeSet::new();
    for (index, (key, years)) in years.iter().enumerate() {
        let field = |refusal: Refusal, member: &str| refusal.at(format!("years[{index}].{member}"));
        if !seen.insert(key) {
            return Err(field(repeated(&key.to_unicode()), "name"));
        }
        let Some(line) = order.lines.iter_mut().find(|line| line.name == *key) else {
            return Err(field(not_in_order(id, key), "name"));
        };
        names::check_years(*years).map_err(|refusal| field(refusal, "years"))?;
        if order.basis == OrderBasis::Renewal {
            let (name, _) = case.name(key).map_err(|refusal| field(refusal, "name"))?;
            terms::renewed(case, name, *years, RenewedBy::Order).map_err(|refusal| field(refusal, "years"))?;
        }
        line.years = *years;
    }
    if order.lines == before {
        return Ok(case.decision(Vec::new(), id.to_string(), order.state.as_str(), order.version));
    }
    let mut events = Vec::new();
    if let Some(mut application) = application_of(case, &order)? {
        for slot in &mut application.slots {
            slot.years = order.lines.iter().find(|line| line.name == slot.name).map_or(slot.years, |line| line.years);
        }
        events.push(Event::Application(case.changed_application(application)));
    }
    Ok(saved(case, order, events))
}

/// Confirms that the fee was taken, with the number of its invoice (R28).
pub(super) fn confirm(
    case: &Case<'_>,
    id: OrderId,
    invoice: &str,
    payer: Payer,
    voucher: Option<&str>,
) -> Result<Decision, Refusal> {
    case.check_role(&[Role::LocalAdmin])?;
    let order = find(case, id, &[OrderState::AwaitingFee])?;
    check_invoice(invoice)?;
    if voucher.is_some_and(|voucher| !is_voucher(voucher)) {
        return Err(Refusal::new(
            Code::VoucherInvalid,
            "A voucher's number has 12 digits and 6 capital letters, as in 202311220001ABCDEF; correct it, or leave it out.",
            "缴费凭证号为 12 位数字加 6 位大写字母，例如 202311220001ABCDEF，请更正或不填。",
        )
        .at("voucher"));
    }
    check_invoice_free(case, &order, invoice, payer, &|other| case.check_region(&other.region).is_ok())?;
    // What recognition would refuse must not be paid for.
    remittances::check_possible(case, &order)?;
    let confirmation = Confirmation {
        by: case.actor().principal.clone(),
        at: case.now(),
        invoice: invoice.into(),
        payer,
        voucher: voucher.map(Into::into),
    };
    let events = application_in(case, &order, ApplicationState::FeeConfirmed)?;
    Ok(saved(case, Order { state: OrderState::Confirmed, confirmation: Some(confirmation), ..order }, events))
}

/// Ends an order that is not paid; a confirmed one, whose fee has to be given back elsewhere, by an operator only.
pub(super) fn withdraw(case: &Case<'_>, id: OrderId) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Submitter, Role::LocalAdmin, Role::Operator])?;
    let states: &[OrderState] = match case.actor().role {
        Role::Operator => &[OrderState::AwaitingFee, OrderState::Confirmed],
        _ => &[OrderState::AwaitingFee],
    };
    let order = within(case, id)?;
    if order.confirmation.is_some() && !states.contains(&order.state) {
        return Err(paid(&order));
    }
    check_state(&order, states)?;
    let application = application_of(case, &order)?.map(applications::ended);
    let events = application.map(|application| Event::Application(case.changed_application(application)));
    Ok(saved(case, withdrawn(case, order), events.into_iter().collect()))
}

/// Ends an order whose fee was taken: what it was for does not happen, and whoever has the money gives it back. Of a
/// remittance that is not recognised it is taken out that way; its amount stays in the remittance's, which has been sent so.
pub(super) fn refund(case: &Case<'_>, id: OrderId, reason: &str) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Finance, Role::Operator])?;
    let order = find(case, id, &[OrderState::Confirmed, OrderState::Remitted])?;
    changes::check_reason(reason)?;
    let ended = |application| Application { reason: Some(reason.into()), ..applications::ended(application) };
    let application = application_of(case, &order)?.map(ended);
    let events = application.map(|application| Event::Application(case.changed_application(application)));
    Ok(saved(
        case,
        Order { state: OrderState::Refunded, reason: Some(reason.into()), ..order },
        events.into_iter().collect(),
    ))
}

fn check_invoice(invoice: &str) -> Result<(), Refusal> {
    if is_invoice(invoice) {
        return Ok(());
    }
    let refusal = if invoice.trim().is_empty() {
        Refusal::new(
            Code::InvoiceRequired,
            "The fee is confirmed with the number of its invoice; give it as invoice.",
            "确认收费须填写发票号码，请在 invoice 中填写。",
        )
    } else {
        Refusal::new(
            Code::InvoiceInvalid,
            format!(
                "An invoice's number is at most {INVOICE_LEN_MAX} letters, digits and single hyphens of ASCII, as in 24622000000012345678; \
                 give the number alone."
            ),
            format!(
                "发票号码由半角字母、数字及其间的连字符组成，不超过 {INVOICE_LEN_MAX} 个字符，例如 24622000000012345678，请只填写号码。"
            ),
        )
    };
    Err(refusal.at("invoice"))
}

/// That the invoice is no other payer's. A unit has one invoice for as many of its orders as it pays at once, and a treasury or
/// an office (R29) one for orders of many units, where `may_share` says so of the other order.
pub(super) fn check_invoice_free(
    case: &Case<'_>,
    order: &Order,
    invoice: &str,
    payer: Payer,
    may_share: &dyn Fn(&Order) -> bool,
) -> Result<(), Refusal> {
    let number = invoice_key(invoice);
    // Whoever shares it with one that has it shares it with all of them: the first says it, but for its own older image.
    let mut first = None;
    case.state.invoiced(&number, &mut |id| {
        first = (id != order.id).then_some(id);
        first.is_none()
    })?;
    let Some(other) = first.map(|id| case.order(id)).transpose()? else { return Ok(()) };
    let pays_for_many = payer != Payer::Unit && other.confirmation.as_ref().is_some_and(|given| given.payer == payer);
    if other.unit == order.unit || pays_for_many && may_share(&other) {
        return Ok(());
    }
    let id = other.id;
    Err(Refusal::new(
        Code::InvoiceUsed,
        format!(
            "The fee of order {id}, of another unit, was taken on invoice {invoice}; check the number, and give the invoice of this order. One that the treasury or the office paid for several units takes the same payer each time."
        ),
        format!(
            "发票 {invoice} 已用于另一单位的订单 {id}，请核对号码，填写本订单的发票；财政或编办为多个单位统一支付的，各订单的 payer 须相同。"
        ),
    )
    .at("invoice"))
}

/// The order without a payment.
pub(super) fn withdrawn(case: &Case<'_>, order: Order) -> Order {
    case.changed_order(Order { state: OrderState::Withdrawn, ..order })
}

/// What the name costs a unit of the region for a year, as of now.
pub(super) fn yearly(case: &Case<'_>, name: &NameKey, region: &Region) -> Result<Money, Refusal> {
    case.policy().rates.yearly(&name.set, region, case.now()).ok_or_else(|| {
        let shown = name.to_unicode();
        Refusal::new(
            Code::RateMissing,
            format!("There is no rate for {shown} on this day; have the registry set one first."),
            format!("{shown} 目前没有收费标准，须由注册局先行设定。"),
        )
    })
}

/// The order in one of `states`, within the actor's reach, in the version that the client saw.
pub(super) fn find(case: &Case<'_>, id: OrderId, states: &[OrderState]) -> Result<Order, Refusal> {
    let order = within(case, id)?;
    check_state(&order, states)?;
    Ok(order)
}

fn within(case: &Case<'_>, id: OrderId) -> Result<Order, Refusal> {
    let order = case.order(id)?;
    check_within(case, &order)?;
    case.check_version(Some(order.version))?;
    Ok(order)
}

/// An order whose fee was taken is not taken back: its money has to go somewhere.
fn paid(order: &Order) -> Refusal {
    let (id, state, state_zh) = (order.id, order.state.as_str(), order.state.zh());
    let (en, zh) = match order.state {
        OrderState::Confirmed | OrderState::Remitted => (
            format!(
                "The fee of order {id} was taken; have finance refund it (POST /v1/orders/{id}/refund), which ends it."
            ),
            format!("订单 {id} 已收费，请由财务退款（POST /v1/orders/{id}/refund），退款后订单即终止。"),
        ),
        _ => (
            format!("Order {id} is {state}: what it was for is over, and there is nothing to take back."),
            format!("订单 {id} 的状态为{state_zh}，已了结，无需也不能撤销。"),
        ),
    };
    Refusal::new(Code::OrderNotPending, en, zh)
}

/// That the order's unit is within the actor's reach: where it is now counts, not where it was when it ordered.
pub(super) fn check_within(case: &Case<'_>, order: &Order) -> Result<(), Refusal> {
    let unit = case.state.unit(&order.unit)?;
    case.check_region(unit.as_ref().map_or(&order.region, |unit| &unit.region))
}

pub(super) fn check_state(order: &Order, states: &[OrderState]) -> Result<(), Refusal> {
    if states.contains(&order.state) {
        return Ok(());
    }
    let (id, state, state_zh) = (order.id, order.state.as_str(), order.state.zh());
    Err(Refusal::new(
        Code::OrderNotPending,
        format!("Order {id} is {state}, and this is not done in that state; read it to see how it stands."),
        format!("订单 {id} 的状态为{state_zh}，不能进行此操作，请先查询其状态。"),
    ))
}

/// The application that the order is for, if it is for one.
pub(super) fn application_of(case: &Case<'_>, order: &Order) -> Result<Option<Application>, Refusal> {
    order.application().map(|id| case.application(id)).transpose()
}

/// The order's application, if it is for one, in a new state.
pub(super) fn application_in(case: &Case<'_>, order: &Order, state: ApplicationState) -> Result<Vec<Event>, Refusal> {
    let application = application_of(case, order)?;
    let moved = application.map(|old| Event::Application(case.changed_application(Application { state, ..old })));
    Ok(moved.into_iter().collect())
}

/// That a list has something in it, and not more than `most`.
pub(super) fn check_count(count: usize, most: usize, field: &str) -> Result<(), Refusal> {
    if count == 0 {
        return Err(Refusal::new(
            Code::BatchEmpty,
            "The list is empty; name what it shall be done with.",
            "列表为空，请填写要办理的项目。",
        )
        .at(field));
    }
    if count > most {
        return Err(Refusal::new(
            Code::BatchTooLarge,
            format!("A batch has at most {most} entries; send the rest in further ones."),
            format!("每批最多 {most} 项，其余请分批办理。"),
        )
        .at(field));
    }
    Ok(())
}

pub(super) fn repeated(shown: &str) -> Refusal {
    Refusal::new(
        Code::ItemRepeated,
        format!("{shown} is in the list twice; name each once."),
        format!("{shown} 在列表中重复，每项只能出现一次。"),
    )
}

/// The refusal that an open claim on a name is.
pub(super) fn claimed(name: &NameKey, claim: Claim) -> Refusal {
    let shown = name.to_unicode();
    let (en, zh) = match claim {
        Claim::Application(id) => (
            format!("{shown} is applied for in {id}; wait for its outcome, or have it withdrawn."),
            format!("{shown} 已在申请 {id} 中，请等待其结果，或先撤回该申请。"),
        ),
        Claim::Order(id) => (
            format!("{shown} is in the open order {id}; have it paid or withdrawn first."),
            format!("{shown} 有未办结的续费订单 {id}，请先缴费或撤销。"),
        ),
    };
    Refusal::new(Code::NameClaimed, en, zh)
}

fn new(case: &Case<'_>, unit: &Unit, basis: OrderBasis, lines: Vec<OrderLine>) -> Result<Order, Refusal> {
    Ok(Order {
        id: OrderId(case.new_id()?),
        unit: unit.id.clone(),
        region: unit.region.clone(),
        basis,
        lines,
        due: case.now(),
        by: case.actor().principal.clone(),
        state: OrderState::AwaitingFee,
        confirmation: None,
        remittance: None,
        reason: None,
        changed: case.now(),
        version: case.seq(),
    })
}

/// The order's new image behind `events`, as a decision about it.
fn saved(case: &Case<'_>, order: Order, mut events: Vec<Event>) -> Decision {
    let order = case.changed_order(order);
    let (id, state) = (order.id.to_string(), order.state.as_str());
    events.push(Event::Order(order));
    case.decision(events, id, state, 0)
}

fn not_in_order(id: OrderId, key: &NameKey) -> Refusal {
    let shown = key.to_unicode();
    Refusal::new(
        Code::NameNotFound,
        format!("{shown} is not in order {id}; read the order to see its names."),
        format!("订单 {id} 中没有 {shown}，请查询订单中的域名。"),
    )
}

impl Case<'_> {
    /// The number of the next application, order or remittance: that of the transaction, unless ids that were brought from
    /// elsewhere have come as far.
    pub(super) fn new_id(&self) -> Result<u64, Refusal> {
        Ok(self.seq().max(self.state.last_filing()?.saturating_add(1)))
    }

    /// The application as this transaction leaves it.
    pub(super) fn changed_application(&self, application: Application) -> Application {
        Application { changed: self.now(), version: self.seq(), ..application }
    }

    /// The order as this transaction leaves it.
    pub(super) fn changed_order(&self, order: Order) -> Order {
        Order { changed: self.now(), version: self.seq(), ..order }
    }

    /// The order, which must be there.
    pub(super) fn order(&self, id: OrderId) -> Result<Order, Refusal> {
        self.state.order(id)?.ok_or_else(|| {
            Refusal::new(
                Code::OrderNotFound,
                format!("There is no order {id}; use the id that was answered when it was made."),
                format!("订单 {id} 不存在，请使用创建时返回的编号。"),
            )
        })
    }
}
