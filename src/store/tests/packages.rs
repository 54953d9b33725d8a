//! Names, claims and kept labels are found by whole packages of the table, and follow it when it becomes another one.

use super::*;
use crate::idn::Bundle;
use crate::idn::table::{Builder, Table};
use crate::registry::{Claim, Money, OrderBasis, OrderLine, OrderState};
use crate::store::{meta, packs::Packs};
use std::sync::LazyLock;

/// Three labels of one package by the table, two of another, and one alone.
const FORMS: [&str; 6] = ["国局", "國局", "囯侷", "发山", "發山", "山山"];

fn table() -> Arc<Table> {
    static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| {
        let mut builder = Builder::new();
        builder.lgr(include_str!("../../../config/idn-zh.xml")).unwrap();
        Arc::new(builder.finish())
    });
    Arc::clone(&TABLE)
}

impl Store {
    /// Everything in it that follows from the journal and the table, tree by tree.
    pub(crate) fn contents(&mut self) -> BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>> {
        self.flush().unwrap();
        let plain = |tree: sled::Tree| {
            let entries = tree.iter().map(|entry| entry.unwrap());
            let entries = entries.map(|(key, value)| (key.to_vec(), value.to_vec()));
            entries.filter(|(key, _)| key != meta::CHECKPOINT.as_bytes()).collect()
        };
        let entries = |name: &[u8]| match (name, self.trees.db.open_tree(name).unwrap()) {
            (b"meta" | b"__sled__default", tree) => plain(tree),
            (_, tree) => Packs::new(tree).range(&[], None).map(|entry| entry.unwrap()).collect(),
        };
        self.trees.db.tree_names().into_iter().map(|name| (name.to_vec(), entries(&name))).collect()
    }
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
        reason: None,
        changed: Timestamp(9),
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
        store.flush().unwrap();
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

/// What happens to the store.
#[derive(Clone, Debug)]
enum Step {
    /// A transaction; the process may stop after so many writes while it is written.
    Apply(Vec<Event>, Option<usize>),
    /// It is opened again, with or without the table.
    Open(bool),
    /// The same, after the process had stopped while the indexes were made for a table.
    OpenHalfMade(bool),
}

fn form(n: usize) -> Label {
    Label::parse(FORMS[n % FORMS.len()]).unwrap()
}

fn event() -> impl Strategy<Value = Event> {
    let of = || (0..FORMS.len(), 0..SETS.len()).prop_map(|(n, set)| NameKey { label: form(n), set: SETS[set].into() });
    // Of any package, as under another table.
    let active = || proptest::option::weighted(0.3, (0..FORMS.len()).prop_map(form));
    let variants = (active(), active()).prop_map(|(simplified, traditional)| Variants { simplified, traditional });
    let registered = (of(), variants, super::name())
        .prop_map(|(key, variants, name)| Event::Name(Registration { key, variants, ..name }));
    let kept = (of(), 0..UNITS, times());
    let kept = kept.prop_map(|(key, n, until)| Event::Reserved(Reservation { key, unit: unit_id(n), until }));
    let unit = |n: u64| unit_id(usize::try_from(n).unwrap());
    let filed = |n: u64| NameKey { label: form(usize::try_from(n).unwrap()), set: SETS[0].into() };
    prop_oneof![
        6 => registered,
        2 => of().prop_map(|key| Event::NameRemoved { key, unit: unit_id(0), variants: Variants::default() }),
        3 => kept,
        1 => of().prop_map(|key| Event::ReservationEnded { key }),
        4 => samples::event(FILINGS, unit, filed),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let stop = proptest::option::weighted(0.3, 0..30usize);
    prop_oneof![
        6 => (proptest::collection::vec(event(), 1..6), stop).prop_map(|(events, stop)| Step::Apply(events, stop)),
        1 => any::<bool>().prop_map(Step::Open),
        1 => any::<bool>().prop_map(Step::OpenHalfMade),
    ]
}

/// Whether each look-up by package finds what looking through everything finds.
fn agree(store: &Store, model: &Model, table: Option<&Table>) {
    let bundle = |label: &Label| table.map_or_else(|| Bundle::of_itself(label), |table| table.bundle(label));
    for (n, set) in (0..FORMS.len()).flat_map(|n| SETS.map(|set| (n, set))) {
        let key = NameKey { label: form(n), set: set.into() };
        let is_same = |label: &Label, of: &Arc<str>| *of == key.set && bundle(label) == bundle(&key.label);
        let same = |own: &NameKey| is_same(&own.label, &own.set);
        let mut found = Vec::new();
        let visit = &mut |other: &NameKey| {
            found.push(other.clone());
            true
        };
        store.same_bundle(&key, visit).unwrap();
        let within = |name: &&Registration| name.key != key && name.labels().any(|label| is_same(label, &name.key.set));
        assert!(found.iter().eq(model.names.values().filter(within).map(|name| &name.key)), "{key}: {found:?}");
        let mut kept = store.kept_in_bundle(&key).unwrap();
        kept.sort_by(|a, b| a.key.cmp(&b.key));
        assert!(kept.iter().eq(model.kept.values().filter(|kept| same(&kept.key))), "{key}: {kept:?}");
        let application = model.applications.values().find(|application| application.claims().any(same));
        let order = model.orders.values().find(|order| order.claims().any(same));
        let claim = application.map(|a| Claim::Application(a.id)).or(order.map(|order| Claim::Order(order.id)));
        assert_eq!(store.claim(&key).unwrap(), claim, "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packages_follow_whichever_table_there_is(steps in proptest::collection::vec(step(), 1..16)) {
        let directory = tempfile::tempdir().unwrap();
        let open = |with: bool| Store::open(directory.path(), with.then(table)).unwrap();
        let mut with = false;
        let mut store = open(with);
        let mut model = Model::default();
        let mut log = vec![founding()];
        store.apply(&log[0], position(1)).unwrap();
        model.apply(&log[0], position(1));
        for step in steps {
            match step {
                Step::Apply(events, stop) => {
                    let transaction = Transaction { seq: model.position.seq + 1, events, ..founding() };
                    let at = position(transaction.seq);
                    store.apply(&transaction, at).unwrap();
                    model.apply(&transaction, at);
                    log.push(transaction);
                    if let Some(stop) = stop {
                        store.trees.stops.store(stop, SeqCst);
                        drop(store.flush());
                        drop(store);
                        store = open(with);
                    }
                }
                Step::Open(other) => {
                    drop(store);
                    with = other;
                    store = open(with);
                }
                Step::OpenHalfMade(other) => {
                    store.forget_packages().unwrap();
                    drop(store);
                    with = other;
                    store = open(with);
                }
            }
            apply_all(&mut store, &log);
            agree(&store, &model, with.then(table).as_deref());
        }
        // Made from nothing with the last table, it is the same in every entry.
        let other = tempfile::tempdir().unwrap();
        let mut anew = Store::open(other.path(), with.then(table)).unwrap();
        for transaction in &log {
            anew.apply(transaction, position(transaction.seq)).unwrap();
        }
        prop_assert_eq!(anew.contents(), store.contents());
    }
}
