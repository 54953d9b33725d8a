//! The overlay against a naive model: events on top of a base read as the same events applied to it.

use super::*;
use crate::idn::Table;
use crate::idn::table::Builder;
use crate::registry::{
    ChangeState, Hold, HoldReason, Holds, Leaving, Life, Noticed, Region, Resolution, Stage, UnitKind, Variants,
    samples,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;

const SETS: [&str; 2] = ["xn--55qw42g", "xn--zfr164b"];
/// Three labels of one package by the table, two of another, and one alone.
const LABELS: [&str; 6] = ["国局", "國局", "囯侷", "发山", "發山", "山山"];
/// As many names as labels under sets.
const NAMES: u8 = 12;

/// The table that comes with the program.
static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut builder = Builder::new();
    builder.lgr(include_str!("../../../config/idn-zh.xml")).unwrap();
    builder.finish()
});

/// A state as plain maps, read by looking through all of them.
#[derive(Clone, Default)]
struct Model {
    units: BTreeMap<UnitId, Unit>,
    names: BTreeMap<NameKey, Registration>,
    changes: BTreeMap<ChangeId, Change>,
    applications: BTreeMap<ApplicationId, Application>,
    orders: BTreeMap<OrderId, Order>,
    remittances: BTreeMap<RemittanceId, Remittance>,
    brake: Brake,
    kept: BTreeMap<NameKey, Reservation>,
    noticed: BTreeMap<i32, TermEnd>,
}

impl Model {
    fn apply(&mut self, event: &Event) {
        match event.clone() {
            Event::Unit(unit) => drop(self.units.insert(unit.id.clone(), unit)),
            Event::Name(name) => drop(self.names.insert(name.key.clone(), name)),
            Event::NameRemoved { key, .. } => drop(self.names.remove(&key)),
            Event::Change(change) => drop(self.changes.insert(change.id, change)),
            Event::Application(new) => drop(self.applications.insert(new.id, new)),
            Event::Order(new) => drop(self.orders.insert(new.id, new)),
            Event::Remittance(new) => drop(self.remittances.insert(new.id, new)),
            Event::Brake(brake) => self.brake = brake,
            Event::Reserved(kept) => drop(self.kept.insert(kept.key.clone(), kept)),
            Event::ReservationEnded { key } => drop(self.kept.remove(&key)),
            Event::Noticed(noticed) => drop(self.noticed.insert(noticed.days, noticed.upto)),
            Event::VariantsEnded { .. } | Event::ZoneLoaded { .. } | Event::Notice(_) | Event::SiteNotice(_) => {}
        }
    }
}

impl State for Model {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        Ok(self.units.get(id).cloned())
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        Ok(self.names.get(key).cloned())
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        Ok(self.changes.get(&id).cloned())
    }

    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        Ok(self.applications.get(&id).cloned())
    }

    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        Ok(self.orders.get(&id).cloned())
    }

    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        Ok(self.remittances.get(&id).cloned())
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        let applications = self.applications.keys().map(|id| id.0);
        Ok(applications
            .chain(self.orders.keys().map(|id| id.0))
            .chain(self.remittances.keys().map(|id| id.0))
            .max()
            .unwrap_or(0))
    }

    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        let bundle = self.bundle_of(&name.label);
        let same = |own: &NameKey| own.set == name.set && self.bundle_of(&own.label) == bundle;
        let application = self.applications.values().find(|application| application.claims().any(same));
        let order = self.orders.values().find(|order| order.claims().any(same));
        let application = application.map(|application| Claim::Application(application.id));
        Ok(application.or(order.map(|order| Claim::Order(order.id))))
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        Ok(self.units.values().find(|unit| unit.account == Some(account)).map(|unit| unit.id.clone()))
    }

    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        let _ = self
            .orders
            .values()
            .filter(|order| order.invoice().as_deref() == Some(invoice))
            .all(|order| visit(order.id));
        Ok(())
    }

    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable> {
        let _ = self.names.values().filter(|name| name.unit == *unit).all(|name| visit(&name.key, name.outline()));
        Ok(())
    }

    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        let applications = self.applications.values().filter(|application| application.unit == *unit);
        let applications = applications.map(|application| Claim::Application(application.id));
        let orders = self.orders.values().filter(|order| order.unit == *unit).map(|order| Claim::Order(order.id));
        let _ = applications.chain(orders).all(visit);
        Ok(())
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        TABLE.bundle(label)
    }

    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        let bundle = self.bundle_of(&key.label);
        let shares = |name: &&Registration| {
            let within = name.labels().any(|label| self.bundle_of(label) == bundle);
            name.key.set == key.set && name.key != *key && within
        };
        let _ = self.names.values().filter(shares).all(|name| visit(&name.key));
        Ok(())
    }

    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        let mut dues = Vec::new();
        for unit in self.units.values() {
            dues.extend(due_of_unit(unit).map(|at| Due { at, kind: DueKind::UnitHold(unit.id.clone()) }));
        }
        for name in self.names.values() {
            dues.extend(due_of_name(name).map(|at| Due { at, kind: DueKind::NameHold(name.key.clone()) }));
            dues.extend(due_of_expiry(name).map(|at| Due { at, kind: DueKind::Expiry(name.key.clone()) }));
            dues.extend(due_of_leaving(name).map(|at| Due { at, kind: DueKind::Leaving(name.key.clone()) }));
        }
        let kept = self.kept.values();
        dues.extend(kept.map(|kept| Due { at: kept.until, kind: DueKind::Reservation(kept.key.clone()) }));
        dues.sort();
        let _ = dues.iter().filter(|due| due.at <= now).all(visit);
        Ok(())
    }

    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable> {
        let names = self.names.values().filter(|name| {
            let only = name.holds.0.contains_key(&HoldReason::Expired) && name.life.leaving.is_none();
            which == Ends::All || only
        });
        let ends = names.map(|name| TermEnd { at: name.expires, key: Some(name.key.clone()) });
        let ends: BTreeSet<TermEnd> = ends.filter(|end| end > after && end.at <= until).collect();
        let _ = ends.iter().all(visit);
        Ok(())
    }

    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        Ok(self.kept.get(key).cloned())
    }

    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        let bundle = self.bundle_of(&key.label);
        let same = |kept: &&Reservation| kept.key.set == key.set && self.bundle_of(&kept.key.label) == bundle;
        Ok(self.kept.values().filter(same).cloned().collect())
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        Ok(self.noticed.clone())
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        Ok(SetTotals { names: self.names.keys().filter(|key| key.set == *set).count() as u64 })
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        Ok(self.brake.clone())
    }
}

fn unit_id(n: u8) -> UnitId {
    UnitId::parse(&format!("u{n}")).unwrap()
}

fn label(n: u8) -> Label {
    Label::parse(LABELS[usize::from(n / 2 % 6)]).unwrap()
}

fn name_key(n: u8) -> NameKey {
    NameKey { label: label(n), set: SETS[usize::from(n % 2)].into() }
}

/// What applications and orders are about: each number has a package of its own.
fn filed(n: u64) -> NameKey {
    NameKey { label: Label::parse(&format!("局{n}")).unwrap(), set: SETS[0].into() }
}

fn holds() -> impl Strategy<Value = Holds> {
    let hold = (0i64..9, proptest::option::of(0i64..9), any::<bool>()).prop_map(|(start, end, active)| Hold {
        start: Timestamp(start),
        end: end.map(Timestamp),
        active,
        evidence: "case".into(),
        by: "operator".into(),
    });
    let reason = prop_oneof![Just(HoldReason::Legal), Just(HoldReason::Penalty), Just(HoldReason::Expired)];
    proptest::collection::btree_map(reason, hold, 0..3).prop_map(Holds)
}

fn event() -> impl Strategy<Value = Event> {
    let review = proptest::option::of(samples::site_review(name_key(1)).prop_map(Box::new));
    let unit = (0u8..3, holds(), review, 1u64..99).prop_map(|(n, holds, site_review, version)| {
        Event::Unit(Unit {
            id: unit_id(n),
            name: "单位".into(),
            kind: UnitKind::Organ,
            region: Region::parse("62").unwrap(),
            admin_function_proof: None,
            holds,
            penalties: crate::registry::Penalties::default(),
            site_review,
            account: (version % 2 == 0).then(|| Account(u32::from(n))),
            version,
        })
    });
    let leaving =
        (0usize..2, 0i64..9).prop_map(|(stage, until)| Leaving { stage: Stage::ALL[stage], until: Timestamp(until) });
    let leaving = proptest::option::weighted(0.3, leaving);
    // Of any package, as under another table.
    let form = || proptest::option::weighted(0.3, (0..NAMES).prop_map(label));
    let variants = (form(), form()).prop_map(|(simplified, traditional)| Variants { simplified, traditional });
    let name = (0..NAMES, 0u8..3, holds(), 0i64..9, leaving, (variants, 1u64..99));
    let name = name.prop_map(|(n, unit, holds, expires, leaving, (variants, version))| {
        Event::Name(Registration {
            key: name_key(n),
            unit: unit_id(unit),
            registered: Timestamp(0),
            expires: Timestamp(expires),
            kind: 1,
            primary: false,
            resolution: None,
            resolved_by: 0,
            holds,
            pending: None,
            life: Life { leaving, ..Life::default() },
            variants,
            version,
        })
    });
    let removed = (0..NAMES).prop_map(|n| Event::NameRemoved {
        key: name_key(n),
        unit: unit_id(0),
        variants: Variants::default(),
    });
    let change = (1u64..4, 0u8..8, 1u64..99).prop_map(|(id, n, version)| {
        Event::Change(Change {
            id: ChangeId(id),
            name: name_key(n),
            resolution: Resolution::Addresses { addresses: Vec::new(), ttl: 600, www: false },
            submitter: "submitter".into(),
            submitted: Timestamp(0),
            base: 0,
            state: ChangeState::Submitted,
            local: None,
            central: None,
            reason: None,
            version,
        })
    });
    let brake = proptest::option::of(1u64..9).prop_map(|names| {
        let brake = |names| Brake::default().counting(SETS[0], names, Timestamp(0));
        Event::Brake(names.map(brake).unwrap_or_default())
    });
    let kept = (0..NAMES, 0i64..9).prop_map(|(n, until)| {
        let (key, unit) = (name_key(n), unit_id(0));
        Event::Reserved(Reservation { key, unit, until: Timestamp(until) })
    });
    let ended = (0..NAMES).prop_map(|n| Event::ReservationEnded { key: name_key(n) });
    let noticed = (-1i32..1, 0i64..9, 0u8..8).prop_map(|(days, at, n)| {
        Event::Noticed(Noticed { days, upto: TermEnd { at: Timestamp(at), key: Some(name_key(n)) } })
    });
    let filing = samples::event(4, |n| unit_id(u8::try_from(n % 3).unwrap()), filed);
    prop_oneof![3 => unit, 6 => name, 2 => removed, 1 => change, 1 => brake, 2 => kept, 1 => ended, 1 => noticed, 4 => filing]
}

/// The first `limit` of what a visit shows.
fn visited<T: Clone>(limit: usize, run: impl FnOnce(&mut dyn FnMut(&T) -> bool) -> Result<(), Unavailable>) -> Vec<T> {
    let mut seen = Vec::new();
    run(&mut |item| {
        seen.push(item.clone());
        seen.len() < limit
    })
    .unwrap();
    seen
}

fn agree(overlay: &Overlay<'_>, model: &Model, limit: usize) {
    for n in 0..3 {
        let id = unit_id(n);
        assert_eq!(overlay.unit(&id), model.unit(&id));
        let names =
            |state: &dyn State| visited(limit, |v| state.names_of(&id, &mut |key, outline| v(&(key.clone(), outline))));
        assert_eq!(names(overlay), names(model));
        let filings = |state: &dyn State| visited(limit, |v| state.filings_of(&id, &mut |filing| v(&filing)));
        assert_eq!(filings(overlay), filings(model));
    }
    // Those of the samples, and what one of them begins with.
    for invoice in ["NO. 1", "NO. 12", "NO."] {
        let invoiced = |state: &dyn State| visited(limit, |v| state.invoiced(invoice, &mut |id| v(&id)));
        assert_eq!(invoiced(overlay), invoiced(model));
    }
    for n in 0..NAMES {
        let key = name_key(n);
        assert_eq!(overlay.name(&key), model.name(&key));
        assert_eq!(visited(limit, |v| overlay.same_bundle(&key, v)), visited(limit, |v| model.same_bundle(&key, v)));
        assert_eq!(overlay.reservation(&key), model.reservation(&key));
        // In no order.
        let kept = |state: &dyn State| {
            let mut kept = state.kept_in_bundle(&key).unwrap();
            kept.sort_by(|a, b| a.key.cmp(&b.key));
            kept
        };
        assert_eq!(kept(overlay), kept(model));
    }
    for n in 0..8 {
        let variant = NameKey { label: Label::parse(&format!("侷{n}")).unwrap(), ..filed(n) };
        for key in [filed(n), variant] {
            assert_eq!(overlay.claim(&key), model.claim(&key));
        }
    }
    for id in 1..4 {
        assert_eq!(overlay.change(ChangeId(id)), model.change(ChangeId(id)));
    }
    assert_eq!(overlay.noticed(), model.noticed());
    for (which, after, until) in [(Ends::All, -1, 9), (Ends::All, 3, 6), (Ends::Expired, -1, 9), (Ends::Expired, 3, 6)]
    {
        for key in [None, Some(name_key(3))] {
            let (after, until) = (TermEnd { at: Timestamp(after), key }, Timestamp(until));
            let walk = |state: &dyn State| visited(limit, |v| state.ends(which, &after, until, v));
            assert_eq!(walk(overlay), walk(model));
        }
    }
    for id in 1..10 {
        assert_eq!(overlay.application(ApplicationId(id)), model.application(ApplicationId(id)));
        assert_eq!(overlay.order(OrderId(id)), model.order(OrderId(id)));
        assert_eq!(overlay.remittance(RemittanceId(id)), model.remittance(RemittanceId(id)));
    }
    for now in [0, 4, 9].map(Timestamp) {
        assert_eq!(visited(limit, |v| overlay.due(now, v)), visited(limit, |v| model.due(now, v)));
    }
    for set in SETS.map(Arc::from) {
        assert_eq!(overlay.totals(&set), model.totals(&set));
    }
    assert_eq!(overlay.brake(), model.brake());
}

proptest! {
    #[test]
    fn events_on_top_read_as_events_applied(
        below in vec(event(), 0..20),
        on_top in vec(event(), 0..20),
        limit in 1usize..12,
    ) {
        let mut model = Model::default();
        below.iter().for_each(|event| model.apply(event));
        let base = model.clone();
        let mut overlay = Overlay::new(&base);
        agree(&overlay, &model, limit);
        for event in &on_top {
            overlay.apply(event).unwrap();
            model.apply(event);
            agree(&overlay, &model, limit);
        }
        let mut earliest: Vec<Timestamp> = Vec::new();
        for name in on_top.iter().filter_map(|e| if let Event::Name(name) = e { Some(&name.key) } else { None }) {
            if let Some(name) = model.name(name).unwrap() {
                earliest.extend(due_of_name(&name).into_iter().chain(due_of_expiry(&name)));
                earliest.extend(due_of_leaving(&name));
            }
        }
        for unit in on_top.iter().filter_map(|e| if let Event::Unit(unit) = e { Some(&unit.id) } else { None }) {
            earliest.extend(due_of_unit(&model.unit(unit).unwrap().unwrap()));
        }
        for kept in on_top.iter().filter_map(|e| if let Event::Reserved(kept) = e { Some(&kept.key) } else { None }) {
            earliest.extend(model.reservation(kept).unwrap().map(|kept| kept.until));
        }
        prop_assert_eq!(overlay.next_due(), earliest.into_iter().min());
    }
}
