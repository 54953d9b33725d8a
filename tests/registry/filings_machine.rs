//! Random histories of applications, orders and remittances, beside what else happens to their units and names.

use crate::filings::{admin, finance, world};
use crate::world::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zhengming::registry::command::{Command, ImportBasis, ImportItem, ImportName, PenaltySpec, UnitSpec, Verdict};
use zhengming::registry::procedure::{ApplicationCommand, OrderCommand};
use zhengming::registry::*;

const LABELS: [&str; 5] = ["靖远县教育局", "靖远教育", "教育网", "靖远县财政局", "财政网"];

/// One step; indexes choose among what there is, so that most steps mean something.
#[derive(Clone, Debug)]
enum Move {
    Create { names: (usize, usize), years: u32, plan: usize, submit: bool },
    Submit { application: usize },
    Review { application: usize, step: usize, who: usize, approve: bool },
    Withdraw { application: usize, who: usize },
    Renewal { name: usize, years: u32 },
    Years { order: usize, years: u32 },
    Confirm { order: usize },
    Cancel { order: usize, who: usize },
    Remit { orders: (usize, usize), off: u64 },
    Recognise { remittance: usize, off: u64 },
    TakeBack { remittance: usize },
    Refund { order: usize },
    Put { name: usize },
    Delete { name: usize },
    Renew { name: usize, years: u32 },
    Blacklist { lift: bool },
    Penalise,
    Relocate { near: bool },
    Tick,
    Rates { yuan: u32 },
}

fn step() -> impl Strategy<Value = (i64, Move)> {
    let index = || 0..64usize;
    let off = || prop_oneof![5 => Just(0u64), 1 => Just(1u64)];
    let what = prop_oneof![
        6 => ((index(), index()), 1..12u32, index(), prop::bool::weighted(0.8))
            .prop_map(|(names, years, plan, submit)| Move::Create { names, years, plan, submit }),
        2 => index().prop_map(|application| Move::Submit { application }),
        12 => (index(), index(), index(), prop::bool::weighted(0.8))
            .prop_map(|(application, step, who, approve)| Move::Review { application, step, who, approve }),
        1 => (index(), index()).prop_map(|(application, who)| Move::Withdraw { application, who }),
        2 => (index(), 1..9u32).prop_map(|(name, years)| Move::Renewal { name, years }),
        1 => (index(), 1..12u32).prop_map(|(order, years)| Move::Years { order, years }),
        6 => index().prop_map(|order| Move::Confirm { order }),
        1 => (index(), index()).prop_map(|(order, who)| Move::Cancel { order, who }),
        5 => ((index(), index()), off()).prop_map(|(orders, off)| Move::Remit { orders, off }),
        5 => (index(), off()).prop_map(|(remittance, off)| Move::Recognise { remittance, off }),
        1 => index().prop_map(|remittance| Move::TakeBack { remittance }),
        1 => index().prop_map(|order| Move::Refund { order }),
        1 => index().prop_map(|name| Move::Put { name }),
        1 => index().prop_map(|name| Move::Delete { name }),
        1 => (index(), 2..9u32).prop_map(|(name, years)| Move::Renew { name, years }),
        1 => any::<bool>().prop_map(|lift| Move::Blacklist { lift }),
        1 => Just(Move::Penalise),
        1 => prop::bool::weighted(0.7).prop_map(|near| Move::Relocate { near }),
        1 => Just(Move::Tick),
        1 => (100..900u32).prop_map(|yuan| Move::Rates { yuan }),
    ];
    (prop_oneof![4 => 0..90i64, 1 => 0..days(200)], what)
}

fn nth<K: Copy, V>(map: &BTreeMap<K, V>, index: usize) -> Option<K> {
    // The latest few are what most steps are about.
    map.keys().rev().nth(index % map.len().clamp(1, 4)).copied()
}

fn name(world: &World, index: usize) -> NameKey {
    world.key(&format!("{}.政务", LABELS[index % LABELS.len()]))
}

fn plan(index: usize) -> Resolution {
    match index % 4 {
        0 => forward(&format!("https://{}.政务/", LABELS[index / 4 % LABELS.len()])),
        _ => addresses(&["203.0.113.5"]),
    }
}

fn command(world: &mut World, step: &Move) -> (Actor, Command) {
    let apply = |command| Command::Apply(command);
    let charge = |command| Command::Charge(command);
    let application = |world: &World, index| nth(&world.memory.applications, index).unwrap_or(ApplicationId(0));
    let order = |world: &World, index| nth(&world.memory.orders, index).unwrap_or(OrderId(0));
    let remittance = |world: &World, index| nth(&world.memory.remittances, index).unwrap_or(RemittanceId(0));
    let any = |who: usize| [submitter(), admin(), operator(), central()][who % 4].clone();
    match *step {
        Move::Create { names: (one, two), years, plan: chosen, submit } => {
            let slot = |kind, index| SlotSpec { kind, name: name(world, index), years: Some(years) };
            let slots = vec![slot(1, one), slot(2, two)];
            let spec = ApplicationSpec { purpose: Purpose::Site, slots, resolution: plan(chosen), papers: Vec::new() };
            (submitter(), apply(ApplicationCommand::Create { unit: unit_id("u1"), spec, submit }))
        }
        Move::Submit { application: index } => {
            (submitter(), apply(ApplicationCommand::Submit { application: application(world, index) }))
        }
        Move::Review { application: index, step, who, approve } => {
            let application = application(world, index);
            // Most often whoever's turn it is; now and then another level, or one who took part already.
            let awaited =
                world.memory.applications.get(&application).and_then(|application| application.state.awaits());
            let step = awaited.filter(|_| step % 4 > 0).unwrap_or([Step::Office, Step::Local, Step::Central][step % 3]);
            let role = if step == Step::Central { Role::CentralReviewer } else { Role::LocalReviewer };
            let who = ["local", "central", "office", "submitter"][who % 4];
            let verdict = if approve { Verdict::Approve } else { Verdict::Reject { reason: "no".into() } };
            let (papers, forms) = (Vec::new(), Vec::new());
            let review = ApplicationCommand::Review { application, step, verdict, papers, forms, confirm: true };
            (actor(who, role, None), apply(review))
        }
        Move::Withdraw { application: index, who } => {
            (any(who), apply(ApplicationCommand::Withdraw { application: application(world, index) }))
        }
        Move::Renewal { name: index, years } => {
            let names = vec![name(world, index)];
            (submitter(), charge(OrderCommand::Renewal { unit: unit_id("u1"), names, years }))
        }
        Move::Years { order: index, years } => {
            let order = order(world, index);
            let line = world.memory.orders.get(&order).and_then(|order| order.lines.first());
            let key = line.map_or_else(|| name(world, 0), |line| line.name.clone());
            (admin(), charge(OrderCommand::ChangeYears { order, years: vec![(key, years)] }))
        }
        Move::Confirm { order: index } => {
            let (order, invoice) = (order(world, index), "1".into());
            (admin(), charge(OrderCommand::Confirm { order, invoice, payer: Payer::Treasury, voucher: None }))
        }
        Move::Cancel { order: index, who } => (any(who), charge(OrderCommand::Withdraw { order: order(world, index) })),
        Move::Remit { orders: (one, two), off } => {
            let orders: BTreeSet<OrderId> = [order(world, one), order(world, two)].into();
            let sum: Money = orders.iter().filter_map(|id| world.memory.orders.get(id)).map(Order::amount).sum();
            let orders = orders.into_iter().collect();
            (admin(), charge(OrderCommand::Remit { orders, amount: Money(sum.0 + off) }))
        }
        Move::Recognise { remittance: index, off } => {
            let remittance = remittance(world, index);
            let sum = world.memory.remittances.get(&remittance).map_or(Money(0), |remittance| remittance.amount);
            (finance(), charge(OrderCommand::Recognise { remittance, amount: Money(sum.0 + off) }))
        }
        Move::TakeBack { remittance: index } => {
            (admin(), charge(OrderCommand::TakeBack { remittance: remittance(world, index) }))
        }
        Move::Refund { order: index } => (finance(), refund(order(world, index))),
        Move::Penalise => {
            let unit = &world.memory.units[&unit_id("u1")];
            let step = unit.penalties.next();
            let end = Timestamp(world.now.end_of_day().0 + 1);
            let end = (step == PenaltyStep::Suspension).then_some(end);
            let spec = PenaltySpec { violation: Violation::Other, evidence: "case-2".into(), end };
            (operator(), Command::Penalise { unit: unit_id("u1"), step, spec })
        }
        Move::Relocate { near } => {
            let region = Region::parse(if near { "620421" } else { "620521" }).unwrap();
            let spec = UnitSpec { region, ..unit_spec(UnitKind::Organ) };
            (operator(), Command::PutUnit { id: unit_id("u1"), spec })
        }
        Move::Tick => (clock(), Command::Due { limit: 100 }),
        Move::Put { name: index } => {
            (operator(), Command::PutName { key: name(world, index), spec: name_spec("u1", Some(2)) })
        }
        Move::Delete { name: index } => (operator(), Command::DeleteName { key: name(world, index) }),
        Move::Renew { name: index, years } => (operator(), Command::RenewAll { keys: vec![name(world, index)], years }),
        Move::Blacklist { lift } => {
            let (target, reason) = (on_unit("u1"), HoldReason::Blacklist);
            let place = Command::PlaceHold { target: target.clone(), reason, spec: hold_spec(None, None) };
            (operator(), if lift { Command::LiftHold { target, reason } } else { place })
        }
        Move::Rates { yuan } => {
            // A new row from now on; what is due already keeps its rate.
            let from = Timestamp(world.now.0 + 1);
            world.policy.rates.rows.push(Rate { set: "xn--zfr164b".into(), area: Area::Ordinary, from, yuan });
            (clock(), Command::Due { limit: 100 })
        }
    }
}

/// What must hold after every step.
fn check(world: &World) -> Result<(), TestCaseError> {
    let Memory { applications, orders, remittances, names, .. } = &world.memory;
    let mut claims: BTreeSet<&NameKey> = BTreeSet::new();
    for claim in applications.values().flat_map(Application::claims).chain(orders.values().flat_map(Order::claims)) {
        prop_assert!(claims.insert(claim), "{claim} is claimed twice");
    }
    for application in applications.values() {
        prop_assert!(application.claims().all(|name| !names.contains_key(name)), "claimed and registered");
        prop_assert_eq!(application.deadline.is_some(), application.state.awaits().is_some());
        check_paid(world, application)?;
    }
    for order in orders.values() {
        let sum: u64 = order.lines.iter().map(|line| line.yearly.0 * u64::from(line.years)).sum();
        prop_assert_eq!(order.amount(), Money(sum));
        prop_assert_eq!(order.confirmation.is_some(), is_confirmed(order));
        let remittance = order.remittance.map(|id| &remittances[&id]);
        match order.state {
            OrderState::Remitted => prop_assert_eq!(remittance.map(|r| r.state), Some(RemittanceState::Remitted)),
            OrderState::Consumed => prop_assert_eq!(remittance.map(|r| r.state), Some(RemittanceState::Recognised)),
            OrderState::Refunded => {}
            _ => prop_assert!(remittance.is_none()),
        }
    }
    for remittance in remittances.values().filter(|remittance| remittance.state != RemittanceState::Withdrawn) {
        let sum: Money = remittance.orders.iter().map(|id| orders[id].amount()).sum();
        prop_assert_eq!(remittance.amount, sum, "sums match");
        prop_assert!(remittance.orders.iter().all(|id| orders[id].remittance == Some(remittance.id)));
    }
    let region = &world.memory.units[&unit_id("u1")].region;
    prop_assert!(orders.values().all(|order| order.region == *region), "orders are where their unit is");
    // One that was taken back has no orders any more that would take it along.
    for remittance in remittances.values().filter(|remittance| remittance.state != RemittanceState::Withdrawn) {
        prop_assert_eq!(&remittance.regions[..], std::slice::from_ref(region));
    }
    for name in names.values() {
        prop_assert!(name.expires <= world.now.term_end(10), "no more than ten years remain");
    }
    Ok(())
}

/// A withdrawn order may have been confirmed before.
fn is_confirmed(order: &Order) -> bool {
    match order.state {
        OrderState::AwaitingFee => false,
        OrderState::Withdrawn => order.confirmation.is_some(),
        _ => true,
    }
}

/// Three principals stand behind what is payable, and order and application go together.
fn check_paid(world: &World, application: &Application) -> Result<(), TestCaseError> {
    use ApplicationState as S;
    let order = application.order.map(|id| &world.memory.orders[&id]);
    let expected = match application.state {
        S::AwaitingFee => OrderState::AwaitingFee,
        S::FeeConfirmed => OrderState::Confirmed,
        S::Remitted => OrderState::Remitted,
        S::Registered => OrderState::Consumed,
        S::Withdrawn => {
            let ended = |order: &Order| matches!(order.state, OrderState::Withdrawn | OrderState::Refunded);
            prop_assert!(order.is_none_or(ended));
            return Ok(());
        }
        _ => {
            prop_assert!(order.is_none());
            return Ok(());
        }
    };
    let order = order.expect("it has one");
    prop_assert_eq!(order.state, expected);
    prop_assert_eq!(order.application(), Some(application.id));
    let reviewers = [&application.local, &application.central].map(|given| given.as_ref().map(|given| &given.by));
    let behind: BTreeSet<_> = reviewers.into_iter().flatten().chain([&application.submitter]).collect();
    prop_assert_eq!(behind.len(), 3, "three principals");
    for slot in &application.slots {
        let line = order.lines.iter().find(|line| line.name == slot.name);
        prop_assert_eq!(line.map(|line| line.years), Some(slot.years));
    }
    Ok(())
}

fn refund(order: OrderId) -> Command {
    Command::Charge(OrderCommand::Refund { order, reason: "已无法办理".into() })
}

/// Wherever an order or an application has come to, somebody can bring it to an end; what may be paid for happens, if nothing
/// changes meanwhile; and the impossible orders of a remittance are told, so that the others go on without them.
fn check_ends(world: &World) -> Result<(), TestCaseError> {
    let far = actor("far", Role::LocalAdmin, None);
    let charge = |command| Command::Charge(command);
    for order in world.memory.orders.values().filter(|order| !order.state.has_ended()) {
        let (mut world, id) = (world.clone(), order.id);
        let way = match order.state {
            OrderState::AwaitingFee => (far.clone(), charge(OrderCommand::Withdraw { order: id })),
            _ => (finance(), refund(id)),
        };
        prop_assert!(world.ask(&way.0, &way.1).is_ok(), "{order:?}");
        prop_assert!(world.memory.orders[&id].state.has_ended());
        let application = order.application().map(|id| &world.memory.applications[&id]);
        prop_assert!(application.is_none_or(|application| application.state.has_ended()));
    }
    for application in world.memory.applications.values().filter(|application| !application.state.has_ended()) {
        let is_paid =
            application.order.is_some_and(|order| world.memory.orders[&order].state > OrderState::AwaitingFee);
        let end = Command::Apply(ApplicationCommand::Withdraw { application: application.id });
        prop_assert!(is_paid || world.clone().ask(&operator(), &end).is_ok(), "{application:?}");
    }
    for order in world.memory.orders.values().filter(|order| order.state == OrderState::AwaitingFee) {
        let (mut world, order, amount) = (world.clone(), order.id, order.amount());
        let confirm = OrderCommand::Confirm { order, invoice: "1".into(), payer: Payer::Unit, voucher: None };
        if world.ask(&far, &charge(confirm)).is_ok() {
            let remitted = world.does(&far, charge(OrderCommand::Remit { orders: vec![order], amount })).outcome.id;
            let remittance = RemittanceId::parse(&remitted).unwrap();
            world.does(&finance(), charge(OrderCommand::Recognise { remittance, amount }));
        }
    }
    for remittance in world.memory.remittances.values().filter(|r| r.state == RemittanceState::Remitted) {
        let (mut world, id, amount) = (world.clone(), remittance.id, remittance.amount);
        let mut refunded = 0;
        while let Err(refusals) = world.ask(&finance(), &charge(OrderCommand::Recognise { remittance: id, amount })) {
            let first = refusals.first();
            prop_assert_eq!(first.code, Code::OrderImpossible);
            let index = first.field.as_deref().and_then(|field| field.strip_prefix("orders[")?.strip_suffix(']'));
            let index: usize = index.and_then(|index| index.parse().ok()).expect("it names the order");
            world.does(&finance(), refund(remittance.orders[index]));
            refunded += 1;
            prop_assert!(refunded <= remittance.orders.len());
        }
    }
    Ok(())
}

/// The same registry somewhere else: all it has, as the lines of an export, taken over into nothing.
fn moved(world: &World) -> World {
    let from = &world.memory;
    let unit = |unit: &Unit| ImportItem::Unit {
        id: unit.id.clone(),
        spec: UnitSpec {
            name: unit.name.clone(),
            kind: unit.kind,
            region: unit.region.clone(),
            admin_function_proof: unit.admin_function_proof.clone(),
        },
        holds: unit.holds.clone(),
        penalties: unit.penalties.clone(),
        site_review: None,
        account: unit.account,
    };
    let name = |name: &Registration| ImportName {
        key: name.key.clone(),
        unit: name.unit.clone(),
        registered: name.registered,
        expires: name.expires,
        kind: name.kind,
        primary: name.primary,
        resolution: name.resolution.clone(),
        // What is renewed and waits to be unfrozen comes restored.
        holds: Holds(name.holds.0.clone().into_iter().filter(|(r, _)| *r != HoldReason::Expired).collect()),
        basis: ImportBasis::Migration,
        variants: Some(name.variants.clone()),
        life: name.life,
    };
    let units = from.units.values().map(unit);
    let names = from.names.values().map(|registered| ImportItem::Name(Box::new(name(registered))));
    let applications = from.applications.values().cloned().map(Box::new).map(ImportItem::Application);
    let orders = from.orders.values().cloned().map(Box::new).map(ImportItem::Order);
    let remittances = from.remittances.values().cloned().map(Box::new).map(ImportItem::Remittance);
    let lines = units.chain(names).chain(applications).chain(orders).chain(remittances).enumerate().collect();
    let mut copy = World { memory: Memory::default(), seq: 1, ..world.clone() };
    copy.does(&operator(), Command::Import { items: lines });
    copy
}

/// What is under way and what has been, versions apart.
/// Without versions, and without the regions of remittances that were taken back: they are those of that time, and of the time
/// of the import where one brings them.
fn filed(world: &World) -> (Vec<Application>, Vec<Order>, Vec<Remittance>) {
    let Memory { applications, orders, mut remittances, .. } = world.memory.clone();
    let taken_back = |remittance: &&mut Remittance| remittance.state == RemittanceState::Withdrawn;
    remittances.values_mut().filter(taken_back).for_each(|remittance| remittance.regions.clear());
    (
        applications.into_values().map(|one| Application { version: 0, ..one }).collect(),
        orders.into_values().map(|one| Order { version: 0, ..one }).collect(),
        remittances.into_values().map(|one| Remittance { version: 0, ..one }).collect(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn histories_of_fees_keep_the_promises(steps in prop::collection::vec(step(), 1..90)) {
        let mut world = world();
        let mut replayed = world.memory.clone();
        for (seconds, step) in steps {
            world.now.0 += seconds;
            let (who, command) = command(&mut world, &step);
            let before = world.memory.clone();
            match world.ask(&who, &command) {
                Err(_) => prop_assert_eq!(&world.memory, &before),
                Ok(decision) => {
                    decision.events.iter().for_each(|event| replayed.apply(event));
                    // Every name that comes is one that was not there: nothing is registered twice.
                    if let Command::Charge(OrderCommand::Recognise { .. }) = command {
                        let registered = world.memory.names.keys().filter(|key| !before.names.contains_key(*key)).count();
                        let asked = decision.events.iter().filter_map(|event| match event {
                            Event::Application(application) => Some(application.slots.len()),
                            _ => None,
                        });
                        prop_assert_eq!(registered, asked.sum::<usize>());
                    }
                }
            }
            prop_assert_eq!(&replayed, &world.memory, "the events alone give the same state");
            check(&world)?;
        }
        check_ends(&world)?;
        // A registry moves at any moment, and has the same to go on with; moved again, nothing changes.
        let copy = moved(&world);
        prop_assert_eq!(filed(&copy), filed(&world));
        check(&copy)?;
        prop_assert_eq!(filed(&moved(&copy)), filed(&world));
    }
}
