//! The invoice of a fee (R28) is of one payer: of one unit, or of a treasury or an office that pays for many (R29).

use crate::filings::{admin, finance, world};
use crate::world::*;
use zhengming::registry::command::{Command, ImportItem, UnitSpec};
use zhengming::registry::procedure::OrderCommand;
use zhengming::registry::*;

const INVOICE: &str = "062001900111-12345678";

/// A name of the unit, and an order for further years of it.
fn ordered(world: &mut World, unit: &str, name: &str) -> OrderId {
    let key = world.key(name);
    world.does(&operator(), Command::PutName { key: key.clone(), spec: name_spec(unit, Some(2)) });
    let renewal = OrderCommand::Renewal { unit: unit_id(unit), names: vec![key], years: 2 };
    OrderId::parse(&world.does(&submitter(), Command::Charge(renewal)).outcome.id).unwrap()
}

fn confirm(order: OrderId, invoice: &str, payer: Payer) -> Command {
    Command::Charge(OrderCommand::Confirm { order, invoice: invoice.into(), payer, voucher: None })
}

/// Two orders of `u1`, and one of `u3`.
fn orders() -> (World, [OrderId; 3]) {
    let mut world = world();
    world.put_unit("u3", UnitKind::Organ);
    let one = ordered(&mut world, "u1", "靖远县水务局.政务");
    let two = ordered(&mut world, "u1", "靖远县财政局.政务");
    let other = ordered(&mut world, "u3", "靖远县司法局.政务");
    (world, [one, two, other])
}

#[test]
fn an_invoice_of_one_unit_is_not_anothers() {
    let (mut world, [one, two, other]) = orders();
    let used = (Code::InvoiceUsed, "invoice".to_owned());
    world.does(&admin(), confirm(one, "24622000ab", Payer::Unit));
    for payer in Payer::ALL {
        assert_eq!(world.refuses(&admin(), confirm(other, "24622000ab", payer)), used, "{payer:?}");
    }
    assert_eq!(world.refuses(&admin(), confirm(other, "24622000AB", Payer::Unit)), used, "in other letters");
    let refusals = world.ask(&admin(), &confirm(other, "24622000ab", Payer::Unit)).unwrap_err();
    let told = refusals.first();
    assert!(told.en.contains(&one.to_string()) && told.zh.contains(&one.to_string()), "{told:?}");
    // A unit pays for many orders at once.
    world.does(&admin(), confirm(two, "24622000ab", Payer::Unit));
    world.does(&admin(), confirm(other, "24622000ac", Payer::Unit));
}

#[test]
fn a_treasury_pays_for_many_units_on_one_invoice() {
    for payer in [Payer::Treasury, Payer::Office] {
        let (mut world, [one, _, other]) = orders();
        world.does(&admin(), confirm(one, INVOICE, payer));
        for another in Payer::ALL.into_iter().filter(|another| *another != payer) {
            assert_eq!(world.refuses(&admin(), confirm(other, INVOICE, another)).0, Code::InvoiceUsed, "{another:?}");
        }
        // The treasury of another division is another payer.
        let mut away = world.clone();
        let elsewhere = Region::parse("532329").unwrap();
        let spec = UnitSpec { region: elsewhere, ..unit_spec(UnitKind::Organ) };
        away.does(&operator(), Command::PutUnit { id: unit_id("u3"), spec });
        let there = actor("admin", Role::LocalAdmin, Some("532329"));
        assert_eq!(away.refuses(&there, confirm(other, INVOICE, payer)).0, Code::InvoiceUsed);
        world.does(&admin(), confirm(other, INVOICE, payer));
    }
}

#[test]
fn the_number_of_an_order_that_was_ended_unpaid_or_refunded_is_free() {
    let (world, [one, _, other]) = orders();
    type End = fn(OrderId) -> (Actor, Command);
    let refund: End = |order| (finance(), Command::Charge(OrderCommand::Refund { order, reason: "号码填错".into() }));
    let withdraw: End = |order| (operator(), Command::Charge(OrderCommand::Withdraw { order }));
    for end in [refund, withdraw] {
        let mut world = world.clone();
        world.does(&admin(), confirm(one, INVOICE, Payer::Unit));
        assert_eq!(world.refuses(&admin(), confirm(other, INVOICE, Payer::Unit)).0, Code::InvoiceUsed);
        let (who, command) = end(one);
        world.does(&who, command);
        world.does(&admin(), confirm(other, INVOICE, Payer::Unit));
    }
}

#[test]
fn an_import_brings_invoices_along_and_no_second_payer_of_one() {
    let (mut world, [one, two, other]) = orders();
    let unpaid = world.clone();
    world.does(&admin(), confirm(one, INVOICE, Payer::Unit));
    world.does(&admin(), confirm(two, INVOICE, Payer::Unit));
    let line = |world: &World, id: OrderId| ImportItem::Order(Box::new(world.memory.orders[&id].clone()));
    let mut elsewhere = unpaid.clone();
    elsewhere.does(&admin(), confirm(other, INVOICE, Payer::Unit));
    let import = |items: Vec<ImportItem>| Command::Import { items: items.into_iter().enumerate().collect() };

    // Both of the unit's orders come; what was paid on the same number by another is refused, also within one batch.
    let mut taken = unpaid.clone();
    taken.now.0 += 60;
    taken.does(&operator(), import(vec![line(&world, one), line(&world, two)]));
    let used = (Code::InvoiceUsed, "order.confirmation.invoice".to_owned());
    assert_eq!(taken.refuses(&operator(), import(vec![line(&elsewhere, other)])), used);
    assert_eq!(taken.refuses(&admin(), confirm(other, INVOICE, Payer::Unit)).0, Code::InvoiceUsed);
    let mut together = unpaid.clone();
    together.now.0 += 60;
    let lines = vec![line(&world, one), line(&elsewhere, other)];
    assert_eq!(together.refuses(&operator(), import(lines)), used);

    // What has been consumed on it, before numbers were compared, is taken over as it happened.
    let mut consumed = elsewhere.memory.orders[&other].clone();
    (consumed.state, consumed.remittance) = (OrderState::Consumed, Some(RemittanceId(99)));
    taken.does(&operator(), import(vec![ImportItem::Order(Box::new(consumed))]));
}
