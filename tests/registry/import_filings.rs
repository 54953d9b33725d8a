//! Applications, orders and remittances of an import: one after the other in a batch, the later image, ids that are kept.

use crate::filings::{admin, confirm, finance, review, spec, world};
use crate::world::*;
use zhengming::registry::command::{Command, ImportItem, Verdict};
use zhengming::registry::procedure::{ApplicationCommand, OrderCommand};
use zhengming::registry::*;

fn apply(world: &mut World, tag: &str) -> Application {
    let spec = spec(world, tag);
    let create = Command::Apply(ApplicationCommand::Create { unit: unit_id("u1"), spec, submit: true });
    let id = ApplicationId::parse(&world.does(&submitter(), create).outcome.id).unwrap();
    world.memory.applications[&id].clone()
}

fn import(items: Vec<ImportItem>) -> Command {
    Command::Import { items: items.into_iter().enumerate().map(|(index, item)| (index + 1, item)).collect() }
}

fn line(application: &Application) -> ImportItem {
    ImportItem::Application(Box::new(application.clone()))
}

fn name(world: &World, text: &str) -> ImportItem {
    ImportItem::Name(Box::new(world.import_line(text)))
}

/// An application that waits for its fee, with its order, elsewhere.
fn due() -> (Application, Order) {
    let mut elsewhere = world();
    let id = apply(&mut elsewhere, "").id;
    elsewhere.does(&local(), review(id, Step::Local, Verdict::Approve));
    elsewhere.does(&central(), review(id, Step::Central, Verdict::Approve));
    let application = elsewhere.memory.applications[&id].clone();
    let order = elsewhere.memory.orders[&application.order.unwrap()].clone();
    (application, order)
}

#[test]
fn a_line_sees_what_the_lines_before_it_claim() {
    let (application, order) = due();
    let mut world = world();
    // The name is claimed from the line on in which it is applied for.
    let command = import(vec![line(&application), name(&world, "靖远教育.政务")]);
    let refusals = world.ask(&operator(), &command).expect_err("claimed");
    assert_eq!((refusals.first().code, refusals.first().line), (Code::NameClaimed, Some(2)));
    // Once it is registered, it is not.
    let registered = Application { state: ApplicationState::Registered, ..application.clone() };
    world.clone().does(&operator(), import(vec![line(&application), line(&registered), name(&world, "靖远教育.政务")]));
    // An order stands behind its application.
    let order = ImportItem::Order(Box::new(order));
    assert_eq!(world.refuses(&operator(), import(vec![order.clone()])).0, Code::ApplicationNotFound);
    world.does(&operator(), import(vec![line(&application), order]));
    let key = application.slots[0].name.clone();
    let put = Command::PutName { key, spec: name_spec("u1", Some(2)) };
    assert_eq!(world.refuses(&operator(), put).0, Code::NameClaimed);
}

#[test]
fn what_was_taken_over_goes_on_and_new_ids_come_behind_it() {
    let (application, order) = due();
    // Ids of a registry that has come far.
    let far = 1_000_000;
    let application = Application { id: ApplicationId(far), order: Some(OrderId(far + 5)), ..application };
    let order = Order { id: OrderId(far + 5), basis: OrderBasis::Application(application.id), ..order };
    let mut world = world();
    world.does(&operator(), import(vec![line(&application), ImportItem::Order(Box::new(order.clone()))]));
    world.now.0 += 60;
    world.does(&admin(), confirm(order.id));
    let amount = order.amount();
    let remit = Command::Charge(OrderCommand::Remit { orders: vec![order.id], amount });
    let remittance = RemittanceId::parse(&world.does(&admin(), remit).outcome.id).unwrap();
    assert_eq!(remittance, RemittanceId(far + 6));
    world.does(&finance(), Command::Charge(OrderCommand::Recognise { remittance, amount }));
    assert!(world.memory.resolves(&application.slots[1].name));
    assert_eq!(apply(&mut world, "新").id, ApplicationId(far + 7));
    // The file again, and one from before: what has happened since stays.
    let before = world.memory.clone();
    let again = import(vec![line(&application), ImportItem::Order(Box::new(order))]);
    world.now.0 += 60;
    assert_eq!(world.does(&operator(), again).events, []);
    assert_eq!(world.memory, before);
    // The id is another unit's application elsewhere.
    let other = Application { unit: unit_id("u2"), changed: world.now, ..application };
    let refused = world.refuses(&operator(), import(vec![line(&other)]));
    assert_eq!(refused, (Code::FilingInvalid, "application.id".into()));
}

#[test]
fn of_two_images_the_later_one_counts() {
    let mut elsewhere = world();
    let first = apply(&mut elsewhere, "");
    elsewhere.now.0 += 60;
    elsewhere.does(&local(), review(first.id, Step::Local, Verdict::Approve));
    let later = elsewhere.memory.applications[&first.id].clone();
    assert!(later.changed > first.changed);
    let mut world = world();
    world.now.0 += 60;
    world.does(&operator(), import(vec![line(&first), line(&later)]));
    let state = |world: &World| world.memory.applications[&first.id].state;
    assert_eq!(state(&world), ApplicationState::CentralReview);
    assert_eq!(world.does(&operator(), import(vec![line(&first)])).events, []);
    assert_eq!(state(&world), ApplicationState::CentralReview);
}

#[test]
fn what_contradicts_itself_is_refused_by_member() {
    let (application, order) = due();
    let mut world = world();
    let now = world.now;
    let with = |edit: &dyn Fn(&mut Application)| {
        let mut edited = application.clone();
        edit(&mut edited);
        line(&edited)
    };
    let same = |approval: &Option<Approval>| approval.clone();
    let cases = [
        ("slots", with(&|a| a.slots.clear())),
        ("slots", with(&|a| a.slots[1].kind = 1)),
        ("slots", with(&|a| a.slots[1].years = 11)),
        ("submitter", with(&|a| a.submitter = " ".into())),
        ("submitted", with(&|a| a.submitted = None)),
        ("deadline", with(&|a| a.deadline = Some(now))),
        ("approvals", with(&|a| a.local = None)),
        ("approvals", with(&|a| a.central = None)),
        ("approvals", with(&|a| a.central = same(&a.local))),
        ("approvals", with(&|a| a.submitter = "central".into())),
        ("order", with(&|a| a.order = None)),
        ("reason", with(&|a| (a.state, a.reason) = (ApplicationState::Rejected, None))),
        ("changed", with(&|a| a.changed = Timestamp(now.0 + 1))),
        ("changed", with(&|a| a.submitted = Some(Timestamp(now.0 + 1)))),
    ];
    for (member, item) in cases {
        let refused = world.refuses(&operator(), import(vec![item]));
        assert_eq!(refused, (Code::FilingInvalid, format!("application.{member}")));
    }
    world.does(&operator(), import(vec![line(&application)]));
    let with = |edit: &dyn Fn(&mut Order)| {
        let mut edited = order.clone();
        edit(&mut edited);
        ImportItem::Order(Box::new(edited))
    };
    let cases = [
        ("lines", with(&|o| o.lines.clear())),
        ("by", with(&|o| o.by = "".into())),
        ("confirmation", with(&|o| o.state = OrderState::Confirmed)),
        ("remittance", with(&|o| o.remittance = Some(RemittanceId(9)))),
        ("changed", with(&|o| o.due = Timestamp(now.0 + 1))),
        ("application", with(&|o| o.id = OrderId(99))),
    ];
    for (member, item) in cases {
        let refused = world.refuses(&operator(), import(vec![item]));
        assert_eq!(refused, (Code::FilingInvalid, format!("order.{member}")));
    }
    world.does(&operator(), import(vec![ImportItem::Order(Box::new(order.clone()))]));
    let remittance = |orders: &[OrderId], amount: Money, state: RemittanceState| {
        ImportItem::Remittance(Box::new(Remittance {
            id: RemittanceId(99),
            orders: orders.to_vec(),
            regions: Vec::new(),
            amount,
            by: "admin".into(),
            at: now,
            state,
            recognised: None,
            changed: now,
            version: 0,
        }))
    };
    let sum = order.amount();
    for (member, item) in [
        ("orders", remittance(&[], sum, RemittanceState::Remitted)),
        ("orders", remittance(&[order.id], sum, RemittanceState::Remitted)),
        ("recognised", remittance(&[order.id], sum, RemittanceState::Recognised)),
    ] {
        let refused = world.refuses(&operator(), import(vec![item]));
        assert_eq!(refused, (Code::FilingInvalid, format!("remittance.{member}")));
    }
    let unknown = remittance(&[OrderId(7777)], sum, RemittanceState::Remitted);
    assert_eq!(world.refuses(&operator(), import(vec![unknown])).0, Code::OrderNotFound);
}
