//! Claims and kept labels are of a whole package by the table, and follow it when it becomes another one.

use super::*;
use crate::idn::table::{Builder, Table};
use crate::registry::{Claim, Money, OrderBasis, OrderLine, OrderState};

fn table() -> Arc<Table> {
    let mut builder = Builder::new();
    builder.lgr(include_str!("../../../config/idn-zh.xml")).unwrap();
    Arc::new(builder.finish())
}

fn name(label: &str) -> NameKey {
    NameKey { label: Label::parse(label).unwrap(), set: "xn--zfr164b".into() }
}

fn order(state: OrderState) -> Event {
    let line = OrderLine { name: name("国家税务总局"), fee: Fee::ALL[0], years: 2, yearly: Money(1) };
    Event::Order(Order {
        id: OrderId(1),
        unit: unit_id(1),
        region: Region::parse("62").unwrap(),
        basis: OrderBasis::Renewal,
        lines: vec![line],
        due: Timestamp(9),
        by: "submitter".into(),
        state,
        confirmation: None,
        remittance: None,
        version: 1,
    })
}

#[test]
fn claims_and_kept_labels_follow_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let open = |table: Option<Arc<Table>>| Store::open(directory.path(), table).unwrap();
    let kept = Reservation { key: name("教育局总台"), unit: unit_id(1), until: Timestamp(9) };
    let apply = |store: &mut Store, seq: u64, events: Vec<Event>| {
        let transaction = Transaction { seq, events, ..founding() };
        store.apply(&transaction, position(seq)).unwrap();
    };
    let (own, variant, other) = (name("国家税务总局"), name("國家稅務總局"), name("国家税务局"));
    let told = |store: &Store| [&own, &variant, &other].map(|name| store.claim(name).unwrap());
    let kept_as = |store: &Store| ["教育局总台", "教育局總臺"].map(|label| store.kept_in_bundle(&name(label)).unwrap());
    let claim = Some(Claim::Order(OrderId(1)));

    let mut store = open(None);
    apply(&mut store, 1, vec![order(OrderState::ALL[0]), Event::Reserved(kept.clone())]);
    assert_eq!((told(&store), kept_as(&store)), ([claim, None, None], [vec![kept.clone()], vec![]]));
    drop(store);
    let store = open(Some(table()));
    let whole = ([claim, claim, None], [vec![kept.clone()], vec![kept.clone()]]);
    assert_eq!((told(&store), kept_as(&store)), whole, "the table makes packages");
    drop(store);
    let mut store = open(Some(table()));
    assert_eq!((told(&store), kept_as(&store)), whole);
    apply(&mut store, 2, vec![order(OrderState::Consumed), Event::ReservationEnded { key: kept.key.clone() }]);
    assert_eq!((told(&store), kept_as(&store)), ([None; 3], [vec![], vec![]]));
}
