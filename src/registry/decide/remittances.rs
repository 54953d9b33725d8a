//! Remittances: confirmed orders sent on together, and recognised together; then what they are for happens (R27).

use super::draft::Draft;
use super::{Case, applications, forms, names, orders, resolutions, terms};
use crate::registry::order::REMITTANCE_ORDERS_MAX;
use crate::registry::{
    Application, ApplicationState, Code, Context, Decision, Event, Holds, Life, Money, Order, OrderId, OrderState,
    Refusal, Registration, Remittance, RemittanceId, RemittanceState, RenewedBy, Role, Slot, Unit, Variants,
};
use std::collections::BTreeSet;

pub(super) fn remit(case: &Case<'_>, ids: &[OrderId], amount: Money) -> Result<Decision, Refusal> {
    case.check_role(&[Role::LocalAdmin])?;
    case.check_version(None)?;
    orders::check_count(ids.len(), REMITTANCE_ORDERS_MAX, "orders")?;
    let id = RemittanceId(case.new_id()?);
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for (index, order) in ids.iter().enumerate() {
        let field = |refusal: Refusal| refusal.at(format!("orders[{index}]"));
        if !seen.insert(order) {
            return Err(field(orders::repeated(&order.to_string())));
        }
        let order = case.order(*order).map_err(field)?;
        orders::check_within(case, &order).map_err(field)?;
        orders::check_state(&order, &[OrderState::Confirmed]).map_err(field)?;
        all.push(order);
    }
    check_amount(amount, all.iter().map(Order::amount).sum())?;
    // What recognition would refuse is not sent to it.
    consume_all(case, &all).map_err(|(index, refusal)| of_order(refusal, index))?;
    let mut regions = BTreeSet::new();
    let mut events = Vec::new();
    for order in all {
        regions.insert(order.region.clone());
        events.extend(orders::application_in(case, &order, ApplicationState::Remitted)?);
        events.push(moved(case, order, OrderState::Remitted, Some(id)));
    }
    let remittance = Remittance {
        id,
        orders: ids.to_vec(),
        regions: regions.into_iter().collect(),
        amount,
        by: case.actor().principal.clone(),
        at: case.now(),
        state: RemittanceState::Remitted,
        recognised: None,
        changed: case.now(),
        version: case.seq(),
    };
    Ok(saved(case, remittance, events).creating(true))
}

/// Consumes all orders at once, or none: those that something stands in the way of are named, so that they can be refunded.
/// What was refunded has arrived with the others, and is not consumed.
pub(super) fn recognise(case: &Case<'_>, id: RemittanceId, amount: Money) -> Result<Decision, Refusal> {
    case.check_role(&[Role::Finance])?;
    let remittance = find(case, id)?;
    let all = remittance.orders.iter().map(|id| case.order(*id)).collect::<Result<Vec<Order>, Refusal>>()?;
    check_arrived(amount, &all)?;
    let open: Vec<Order> = all.into_iter().filter(|order| order.state != OrderState::Refunded).collect();
    let consumed = consume_all(case, &open).map_err(|(index, refusal)| {
        match remittance.orders.iter().position(|id| *id == open[index].id) {
            Some(index) => of_order(refusal, index),
            None => refusal,
        }
    })?;
    let mut events = Vec::new();
    for (order, consumed) in open.iter().zip(consumed) {
        events.extend(consumed);
        events.push(moved(case, order.clone(), OrderState::Consumed, Some(id)));
    }
    let recognised = Some((case.actor().principal.clone(), case.now()));
    Ok(saved(case, Remittance { state: RemittanceState::Recognised, recognised, ..remittance }, events))
}

/// Frees the orders of a remittance that has not arrived.
pub(super) fn take_back(case: &Case<'_>, id: RemittanceId) -> Result<Decision, Refusal> {
    case.check_role(&[Role::LocalAdmin])?;
    let remittance = find(case, id)?;
    let mut events = Vec::new();
    for order in &remittance.orders {
        let order = case.order(*order)?;
        if order.state == OrderState::Refunded {
            continue;
        }
        events.extend(orders::application_in(case, &order, ApplicationState::FeeConfirmed)?);
        events.push(moved(case, order, OrderState::Confirmed, None));
    }
    Ok(saved(case, Remittance { state: RemittanceState::Withdrawn, ..remittance }, events))
}

/// That recognition would not refuse the order as things are now.
pub(super) fn check_possible(case: &Case<'_>, order: &Order) -> Result<(), Refusal> {
    consume_all(case, std::slice::from_ref(order)).map(drop).map_err(|(_, refusal)| refusal)
}

/// The same about the order at this place of the remittance's.
fn of_order(refusal: Refusal, index: usize) -> Refusal {
    if refusal.code == Code::Unavailable { refusal } else { refusal.at(format!("orders[{index}]")) }
}

/// What each of the orders is for, done; or which of them are impossible, with the place of the first.
fn consume_all(case: &Case<'_>, all: &[Order]) -> Result<Vec<Vec<Event>>, (usize, Refusal)> {
    // A plan is held against the names that the orders before it register.
    let mut draft = Draft::new(case.state);
    let (mut done, mut impossible) = (Vec::new(), Vec::new());
    for (index, order) in all.iter().enumerate() {
        match consume(&draft, case.context, order) {
            Ok(consumed) => {
                for event in &consumed {
                    if let Event::Name(name) = event {
                        draft.put_name(name.clone());
                    }
                }
                done.push(consumed);
            }
            // These are no fault of the order's.
            Err(refusal) if matches!(refusal.code, Code::Unavailable | Code::RegionForeign) => {
                return Err((index, refusal));
            }
            Err(refusal) => impossible.push((index, order, refusal)),
        }
    }
    match impossible.first() {
        Some((index, ..)) => Err((*index, refused(&impossible))),
        None => Ok(done),
    }
}

/// The refusal of orders that are impossible: each with its code, why the first is, and how they are ended.
fn refused(impossible: &[(usize, &Order, Refusal)]) -> Refusal {
    let (_, first, why) = &impossible[0];
    let list: Vec<String> =
        impossible.iter().map(|(_, order, why)| format!("{} ({})", order.id, why.code.as_str())).collect();
    let (id, en, zh) = (first.id, &why.en, &why.zh);
    let (en, zh) = if first.state == OrderState::AwaitingFee {
        (
            format!("Order {id} cannot be carried out: {en} As long as that is so take no fee for it, or withdraw it."),
            format!("订单 {id} 无法办理：{zh}在此情况消除之前请勿收费，或撤销该订单。"),
        )
    } else {
        let (ids, ids_zh) = (list.join(", "), list.join("、"));
        (
            format!(
                "Nothing was done, as these orders cannot be carried out: {ids}. Of {id}: {en} Mend what is in the way, \
                 or have finance refund them (POST /v1/orders/ID/refund); the others go on without them."
            ),
            format!(
                "以下订单无法办理，因此未作任何处理：{ids_zh}。其中 {id}：{zh}请消除障碍，或由财务退款（POST /v1/orders/编号/refund），其余订单可继续办理。"
            ),
        )
    };
    Refusal::new(Code::OrderImpossible, en, zh)
}

/// What an order is for, done: new names, or longer terms.
fn consume(draft: &Draft<'_>, context: &Context<'_>, order: &Order) -> Result<Vec<Event>, Refusal> {
    // If-Match was about the remittance.
    let context = Context { if_match: None, ..*context };
    let case = Case { state: draft, context: &context };
    let unit = case.unit(&order.unit)?;
    let Some(application) = orders::application_of(&case, order)? else { return extend(&case, order) };
    applications::check_unit(&unit)?;
    let mut application = application;
    let mut events = Vec::new();
    for slot in &application.slots {
        applications::check_free(&case, &slot.name, &unit, Some(application.id))?;
        names::check_registrable(&case, &slot.name, &unit)?;
        let plan = resolutions::check(&case, &slot.name, &application.resolution);
        if let Err(refusal) = &plan {
            // It was approved, but settings or other names' forwards have moved. The names are paid for all the same;
            // they do not resolve until another plan is approved.
            application.unresolved = Some(refusal.to_string().into());
        }
        let (variants, lost) = forms::active(&case, slot)?;
        if let Some(refusal) = lost {
            application.unresolved.get_or_insert_with(|| refusal.to_string().into());
        }
        events.extend(terms::take_kept(&case, &slot.name)?);
        events.push(Event::Name(Registration { variants, ..registered(&case, slot, &unit, plan.ok()) }));
    }
    let registered = Application { state: ApplicationState::Registered, ..application };
    events.push(Event::Application(case.changed_application(registered)));
    Ok(events)
}

fn registered(
    case: &Case<'_>,
    slot: &Slot,
    unit: &Unit,
    resolution: Option<crate::registry::Resolution>,
) -> Registration {
    Registration {
        key: slot.name.clone(),
        unit: unit.id.clone(),
        registered: case.now(),
        expires: case.now().term_end(slot.years),
        kind: slot.kind,
        // The full name is the site's main one until the unit says otherwise (R9).
        primary: slot.kind == 1,
        resolved_by: if resolution.is_some() { case.seq() } else { 0 },
        resolution,
        holds: Holds::default(),
        pending: None,
        life: Life::default(),
        variants: Variants::default(),
        version: case.seq(),
    }
}

fn extend(case: &Case<'_>, order: &Order) -> Result<Vec<Event>, Refusal> {
    let one = |line: &crate::registry::OrderLine| {
        let (name, _) = case.name(&line.name)?;
        names::check_holder(&name, &order.unit)?;
        orders::renewed(case, terms::renewed(case, name, line.years, RenewedBy::Order)?)
    };
    let names = order.lines.iter().map(one).collect::<Result<Vec<_>, Refusal>>()?;
    Ok(names.into_iter().flatten().collect())
}

fn moved(case: &Case<'_>, order: Order, state: OrderState, remittance: Option<RemittanceId>) -> Event {
    Event::Order(case.changed_order(Order { state, remittance, ..order }))
}

fn find(case: &Case<'_>, id: RemittanceId) -> Result<Remittance, Refusal> {
    let remittance = case.remittance(id)?;
    // Its regions are those of its units as they are now, see `standing`.
    remittance.regions.iter().try_for_each(|region| case.check_region(region))?;
    case.check_version(Some(remittance.version))?;
    if remittance.state == RemittanceState::Remitted {
        return Ok(remittance);
    }
    let (en, zh) = if remittance.state == RemittanceState::Recognised {
        (
            format!("Remittance {id} is recognised: what its orders were for has happened, and nothing is left to do."),
            format!("汇款批次 {id} 已认款，所付订单均已办结，无需也不能再办理。"),
        )
    } else {
        (
            format!(
                "Remittance {id} was taken back and takes no more decisions; make a new one of its confirmed orders."
            ),
            format!("汇款批次 {id} 已撤回，不能再办理，请用其中已确认收费的订单另建批次。"),
        )
    };
    Err(Refusal::new(Code::RemittanceNotPending, en, zh))
}

fn check_amount(given: Money, sum: Money) -> Result<(), Refusal> {
    if given == sum {
        return Ok(());
    }
    Err(Refusal::new(
        Code::AmountMismatch,
        format!("The orders come to {sum} yuan, not {given}; nothing was consumed. Check both, and try again."),
        format!("订单合计 {sum} 元，与 {given} 元不符，未作任何处理，请核对后重试。"),
    )
    .at("amount"))
}

/// That what arrived is what was sent, and that is with what was refunded since.
fn check_arrived(given: Money, all: &[Order]) -> Result<(), Refusal> {
    let sent: Money = all.iter().map(Order::amount).sum();
    let refunded: Money = all.iter().filter(|order| order.state == OrderState::Refunded).map(Order::amount).sum();
    if given == sent || refunded == Money::default() {
        return check_amount(given, sent);
    }
    Err(Refusal::new(
        Code::AmountMismatch,
        format!(
            "{sent} yuan were sent, and {refunded} of them are refunded since; the amount that was sent is wanted, not \
             {given}. Nothing was consumed; check what arrived, and try again."
        ),
        format!(
            "汇款金额为 {sent} 元（含其后已退款的 {refunded} 元），应填写汇款金额，与 {given} 元不符，未作任何处理，请核对到账金额后重试。"
        ),
    )
    .at("amount"))
}

/// The remittance's new image behind `events`, as a decision about it.
fn saved(case: &Case<'_>, remittance: Remittance, mut events: Vec<Event>) -> Decision {
    let remittance = Remittance { changed: case.now(), version: case.seq(), ..remittance };
    let (id, state) = (remittance.id.to_string(), remittance.state.as_str());
    events.push(Event::Remittance(remittance));
    case.decision(events, id, state, 0)
}

impl Case<'_> {
    /// The remittance, which must be there.
    pub(super) fn remittance(&self, id: RemittanceId) -> Result<Remittance, Refusal> {
        self.state.remittance(id)?.ok_or_else(|| {
            Refusal::new(
                Code::RemittanceNotFound,
                format!("There is no remittance {id}; use the id that was answered when it was made."),
                format!("汇款批次 {id} 不存在，请使用创建时返回的编号。"),
            )
        })
    }
}
