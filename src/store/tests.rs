//! The store against a naive model: random transactions, batches, stops between any two writes to packs, reopening, listings.

mod filings;
mod packages;
mod packs;
mod past;
mod site_reviews;
mod stopped;

use super::trees::Tree;
use super::{NameFilter, PAGE_ITEMS_MAX, Store, StoreError, list::PAGE_ENTRIES_MAX, set_aside};
use crate::idn::Label;
use crate::registry::life::Ends;
use crate::registry::state::{due_of_expiry, due_of_name, due_of_unit};
use crate::registry::*;
use filings::{FILINGS, filed};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

const SETS: [&str; 2] = ["xn--55qw42g", "xn--zfr164b"];
const UNITS: usize = 4;
const LABELS: usize = 6;
const DAY: i64 = 86_400;

/// What the store should hold, kept as plainly as possible.
#[derive(Clone, Default)]
struct Model {
    units: BTreeMap<UnitId, Unit>,
    names: BTreeMap<NameKey, Registration>,
    changes: BTreeMap<ChangeId, Change>,
    applications: BTreeMap<ApplicationId, Application>,
    orders: BTreeMap<OrderId, Order>,
    remittances: BTreeMap<RemittanceId, Remittance>,
    brake: Brake,
    zones: BTreeMap<Box<str>, (u32, [u8; 32])>,
    kept: BTreeMap<NameKey, Reservation>,
    noticed: BTreeMap<i32, TermEnd>,
    /// By principal and key.
    answered: BTreeMap<(Box<str>, Box<str>), Reply>,
    past: past::Past,
    position: Position,
    /// The time of the last transaction.
    at: i64,
}

/// Number, digest and time of the transaction that answered an idempotency key.
type Reply = (u64, [u8; 32], Timestamp);

impl Model {
    fn apply(&mut self, transaction: &Transaction, position: Position) {
        let before = self.clone();
        for event in &transaction.events {
            match event.clone() {
                Event::Unit(unit) => drop(self.units.insert(unit.id.clone(), unit)),
                Event::Name(name) => drop(self.names.insert(name.key.clone(), name)),
                Event::NameRemoved { key, .. } => drop(self.names.remove(&key)),
                Event::Change(change) => drop(self.changes.insert(change.id, change)),
                Event::Application(new) => drop(self.applications.insert(new.id, new)),
                Event::Order(new) => drop(self.orders.insert(new.id, new)),
                Event::Remittance(new) => drop(self.remittances.insert(new.id, new)),
                Event::Brake(brake) => self.brake = brake,
                Event::VariantsEnded { .. } => {}
                Event::Reserved(kept) => drop(self.kept.insert(kept.key.clone(), kept)),
                Event::ReservationEnded { key } => drop(self.kept.remove(&key)),
                Event::Noticed(noticed) => drop(self.noticed.insert(noticed.days, noticed.upto)),
                Event::Notice(_) | Event::SiteNotice(_) => {}
                Event::ZoneLoaded { apex, digest } => self.zones.entry(apex).or_default().1 = digest,
            }
        }
        for (apex, serial) in &transaction.serials {
            self.zones.entry(apex.clone()).or_default().0 = *serial;
        }
        if let Some((key, digest)) = &transaction.request.key {
            let key = (transaction.actor.principal.clone(), key.clone());
            self.answered.insert(key, (transaction.seq, *digest, transaction.at));
        }
        (self.position, self.at) = (position, transaction.at.0);
        past::note(self, &before, transaction);
    }

    fn due(&self, now: Timestamp) -> Vec<Due> {
        let units = self.units.values().filter_map(|unit| {
            let at = due_of_unit(unit)?;
            Some(Due { at, kind: DueKind::UnitHold(unit.id.clone()) })
        });
        let holds = self.names.values().filter_map(|name| {
            let at = due_of_name(name)?;
            Some(Due { at, kind: DueKind::NameHold(name.key.clone()) })
        });
        let expiries = self.names.values().filter_map(|name| {
            let at = due_of_expiry(name)?;
            Some(Due { at, kind: DueKind::Expiry(name.key.clone()) })
        });
        let leaving = self.names.values().filter_map(|name| {
            let at = name.life.leaving?.until;
            Some(Due { at, kind: DueKind::Leaving(name.key.clone()) })
        });
        let kept = self.kept.values();
        let kept = kept.map(|kept| Due { at: kept.until, kind: DueKind::Reservation(kept.key.clone()) });
        let all: BTreeSet<Due> =
            units.chain(holds).chain(expiries).chain(leaving).chain(kept).filter(|due| due.at <= now).collect();
        all.into_iter().collect()
    }

    fn shows(&self, filter: &NameFilter, name: &Registration) -> bool {
        let unit = &self.units[&name.unit];
        let active = |holds: &Holds, reason| holds.0.get(&reason).is_some_and(|hold| hold.active);
        filter.unit.as_ref().is_none_or(|unit| *unit == name.unit)
            && filter.set.as_ref().is_none_or(|set| *set == name.key.set)
            && filter.state.is_none_or(|state| state == name.state(unit))
            && filter.hold.is_none_or(|reason| active(&name.holds, reason) || active(&unit.holds, reason))
            && filter.expires_from.is_none_or(|from| from <= name.expires)
            && filter.expires_to.is_none_or(|to| name.expires <= to)
            && filter.idle_since.is_none_or(|since| name.registered <= since && name.state(unit) == NameState::Inactive)
    }
}

// ---- random transactions ---------------------------------------------------------------------------------------------

fn unit_id(n: usize) -> UnitId {
    UnitId::parse(&format!("unit-{n}")).unwrap()
}

fn key(label: usize, set: usize) -> NameKey {
    // Some labels begin with others, so that a key that did not end its texts would mix them up.
    let label = Label::from_canonical(&format!("xn--{}", "a1b2c3".split_at(label % LABELS + 1).0)).unwrap();
    NameKey { label, set: SETS[set % SETS.len()].into() }
}

/// A plain name of the first unit.
fn registered(key: NameKey) -> Registration {
    Registration {
        key,
        unit: unit_id(0),
        registered: Timestamp(0),
        expires: Timestamp(1),
        kind: 1,
        primary: false,
        resolution: None,
        resolved_by: 0,
        holds: Holds::default(),
        pending: None,
        life: Life::default(),
        variants: Variants::default(),
        version: 1,
    }
}

/// One of many names.
fn numbered(n: usize, set: &str) -> NameKey {
    NameKey { label: Label::from_canonical(&format!("xn--{n:08}")).unwrap(), set: set.into() }
}

fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![4 => 0..200i64, 1 => -50..0i64].prop_map(Timestamp)
}

fn holds() -> impl Strategy<Value = Holds> {
    let hold = (times(), proptest::option::of(times()), any::<bool>()).prop_map(|(start, end, active)| Hold {
        start,
        end,
        active,
        evidence: "case 7".into(),
        by: "registry".into(),
    });
    proptest::collection::btree_map(proptest::sample::select(HoldReason::ALL.to_vec()), hold, 0..3).prop_map(Holds)
}

fn resolution() -> impl Strategy<Value = Resolution> {
    let ip = || {
        prop_oneof![
            any::<u32>().prop_map(|n| n.to_be_bytes().into()),
            any::<u128>().prop_map(|n| n.to_be_bytes().into())
        ]
    };
    let server = (ip(), any::<bool>()).prop_map(|(ip, glued): (std::net::IpAddr, bool)| NameServer {
        host: "ns.example".into(),
        glue: if glued { vec![ip] } else { Vec::new() },
    });
    let ds = (any::<u16>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..48))
        .prop_map(|(key_tag, algorithm, digest)| DelegationSigner { key_tag, algorithm, digest_type: 2, digest });
    prop_oneof![
        (proptest::collection::vec(ip(), 1..4), any::<bool>()).prop_map(|(addresses, www)| Resolution::Addresses {
            addresses,
            ttl: 600,
            www
        }),
        (any::<bool>(), any::<bool>()).prop_map(|(keep_path, www)| Resolution::Forward {
            target: "https://www.example/".into(),
            code: 302,
            keep_path,
            ttl: 300,
            www
        }),
        (proptest::collection::vec(server, 1..3), proptest::collection::vec(ds, 0..2))
            .prop_map(|(servers, ds)| Resolution::Delegation { servers, ds, ttl: 3600 }),
    ]
}

fn unit() -> impl Strategy<Value = Unit> {
    let (account, more) = (proptest::option::of(0..2u32), site_reviews::parts());
    (0..UNITS, holds(), any::<u64>(), account, more).prop_map(|(n, holds, version, account, (region, site_review))| {
        Unit {
            id: unit_id(n),
            name: "某县某局".into(),
            kind: UnitKind::Institution,
            region,
            admin_function_proof: (version % 2 == 0).then(|| "doc-1".into()),
            holds,
            // Two numbers for each unit, so that they change and are no other's.
            penalties: Penalties(penalties(n, version)),
            site_review,
            account: account.map(|odd| Account(2 * u32::try_from(n).unwrap() + odd)),
            version,
        }
    })
}

fn name() -> impl Strategy<Value = Registration> {
    let place = (0..LABELS, 0..SETS.len(), 0..UNITS);
    let leaving = (0..2usize, times()).prop_map(|(stage, until)| Leaving { stage: Stage::ALL[stage], until });
    let maybe = || proptest::option::weighted(0.2, times());
    let life = (proptest::option::weighted(0.3, leaving), maybe(), maybe());
    let life = life.prop_map(|(leaving, unfreeze, migration)| Life { leaving, unfreeze, migration });
    (place, times(), proptest::option::of(resolution()), (holds(), life), any::<u64>()).prop_map(
        |((label, set, unit), expires, resolution, (holds, life), version)| Registration {
            key: key(label, set),
            unit: unit_id(unit),
            registered: Timestamp(expires.0 - 100),
            expires,
            kind: 3,
            primary: version % 2 == 0,
            resolved_by: if resolution.is_some() { version } else { 0 },
            resolution,
            holds,
            pending: (version % 3 == 0).then_some(ChangeId(version)),
            life,
            variants: Variants::default(),
            version,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let state = proptest::sample::select(ChangeState::ALL.to_vec());
    (1..5u64, resolution(), state, any::<bool>()).prop_map(|(id, resolution, state, approved)| Change {
        id: ChangeId(id),
        name: key(1, 1),
        resolution,
        submitter: "portal".into(),
        submitted: Timestamp(5),
        base: 3,
        state,
        local: approved.then(|| Approval { by: "local".into(), at: Timestamp(6), asserted: id % 2 == 0 }),
        central: None,
        reason: (!approved).then(|| "address not reachable".into()),
        version: id + 9,
    })
}

/// A record that depends on what the unit is.
fn penalties(n: usize, version: u64) -> Vec<Penalty> {
    let penalty = |step| Penalty {
        step,
        violation: Violation::ALL[n % 4],
        evidence: "case-1".into(),
        by: "operator".into(),
        at: Timestamp(9),
        end: (step == PenaltyStep::Suspension).then_some(Timestamp(DAY)),
    };
    PenaltyStep::ALL.into_iter().take(usize::try_from(version % 4).unwrap()).map(penalty).collect()
}

fn event() -> impl Strategy<Value = Event> {
    let brake = || {
        let stop =
            (any::<u64>(), proptest::option::of(times()), any::<bool>()).prop_map(|(names, until, batch)| Stop {
                since: Timestamp(9),
                set: SETS[0].into(),
                names,
                total: 100,
                protected: batch.then(|| key(0, 0).to_string().into()),
                batch,
                release: until.map(|until| Release { until, names }),
            });
        let jump = (times(), times()).prop_map(|(since, shown)| Jump { since, shown });
        let recent = (times(), any::<u64>()).prop_map(|minute| Recent(vec![minute]));
        let recent = proptest::collection::btree_map(proptest::sample::select(SETS.to_vec()), recent, 0..3);
        (proptest::option::of(stop), recent, proptest::option::of(jump)).prop_map(|(stop, recent, jump)| {
            let recent = recent.into_iter().map(|(set, minutes)| (set.into(), minutes)).collect();
            Brake { stop, recent, jump }
        })
    };
    prop_oneof![
        2 => unit().prop_map(Event::Unit),
        6 => name().prop_map(Event::Name),
        3 => (0..LABELS, 0..SETS.len()).prop_map(|(l, s)| Event::NameRemoved { key: key(l, s), unit: unit_id(0), variants: Variants::default() }),
        2 => change().prop_map(Event::Change),
        4 => samples::event(FILINGS, |n| unit_id(usize::try_from(n).unwrap()), filed),
        1 => brake().prop_map(Event::Brake),
        2 => (0..LABELS, 0..SETS.len(), 0..UNITS, times()).prop_map(|(l, s, u, until)| {
            Event::Reserved(Reservation { key: key(l, s), unit: unit_id(u), until })
        }),
        1 => (0..LABELS, 0..SETS.len()).prop_map(|(l, s)| Event::ReservationEnded { key: key(l, s) }),
        1 => (-2..2i32, times(), proptest::option::of(0..LABELS)).prop_map(|(days, at, l)| {
            Event::Noticed(Noticed { days, upto: TermEnd { at, key: l.map(|l| key(l, 0)) } })
        }),
        1 => any::<[u8; 32]>().prop_map(|digest| Event::ZoneLoaded { apex: "xn--zfr164b.".into(), digest }),
    ]
}

/// A transaction, its number and its distance from the one before left to whoever applies it.
fn transaction() -> impl Strategy<Value = (i64, Transaction)> {
    let request_key = proptest::option::of((0..3u8, any::<[u8; 32]>()));
    let serials = proptest::collection::vec(any::<u32>().prop_map(|serial| ("xn--zfr164b.".into(), serial)), 0..2);
    let later = prop_oneof![3 => 0..10i64, 1 => 0..9 * DAY];
    (later, proptest::collection::vec(event(), 0..6), request_key, serials, 0..2u8).prop_map(
        |(later, events, request_key, serials, principal)| {
            let transaction = Transaction {
                seq: 0,
                at: Timestamp(0),
                actor: Actor { principal: format!("token-{principal}").into(), role: Role::Operator, region: None },
                request: Request {
                    operation: "import".into(),
                    target: "batch".into(),
                    note: None,
                    key: request_key.map(|(n, digest)| (format!("key-{n}").into(), digest)),
                },
                outcome: Outcome { id: "batch".into(), state: "done".into(), version: 1, created: true },
                confirmed: false,
                events,
                before: Vec::new(),
                serials,
                residual_ttl_secs: 0,
            };
            (later, transaction)
        },
    )
}

fn filter() -> impl Strategy<Value = NameFilter> {
    use proptest::option::of;
    let states = proptest::sample::select(NameState::ALL.to_vec());
    let reasons = proptest::sample::select(HoldReason::ALL.to_vec());
    let idle = proptest::option::weighted(0.2, times());
    (of(0..UNITS), of(0..SETS.len()), of(states), of(reasons), of(times()), of(times()), idle).prop_map(
        |(unit, set, state, hold, expires_from, expires_to, idle_since)| NameFilter {
            unit: unit.map(unit_id),
            set: set.map(|set| SETS[set].into()),
            state,
            hold,
            expires_from,
            expires_to,
            idle_since,
        },
    )
}

/// What happens to the store.
#[derive(Clone, Debug)]
enum Step {
    Apply(i64, Box<Transaction>),
    /// Everything from some transaction on is applied again.
    Redo(Index),
    /// What is unwritten begins to be written, and whatever comes next does not wait for it.
    WriteBehind,
    Flush,
    /// The process stops after so many writes to packs while all is written.
    Stop(usize),
    /// The process stops.
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let apply = || transaction().prop_map(|(later, transaction)| (later, Box::new(transaction)));
    let step = prop_oneof![
        7 => apply().prop_map(|(later, transaction)| Step::Apply(later, transaction)),
        1 => any::<Index>().prop_map(Step::Redo),
        3 => Just(Step::WriteBehind),
        2 => Just(Step::Flush),
        2 => (0..40usize).prop_map(Step::Stop),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..24)
}

// ---- comparing -------------------------------------------------------------------------------------------------------

/// The first transaction: every unit that names may belong to.
fn founding() -> Transaction {
    let unit = |n| Unit {
        id: unit_id(n),
        name: "某单位".into(),
        kind: UnitKind::Organ,
        region: Region::parse("62").unwrap(),
        admin_function_proof: None,
        holds: Holds::default(),
        penalties: Penalties::default(),
        site_review: None,
        account: None,
        version: 1,
    };
    Transaction {
        seq: 1,
        at: Timestamp(0),
        actor: Actor { principal: "token".into(), role: Role::Operator, region: None },
        request: Request { operation: "import".into(), target: "batch".into(), note: None, key: None },
        outcome: Outcome { id: "batch".into(), state: "done".into(), version: 1, created: true },
        events: (0..UNITS).map(|n| Event::Unit(unit(n))).collect(),
        confirmed: false,
        before: Vec::new(),
        serials: Vec::new(),
        residual_ttl_secs: 0,
    }
}

fn position(seq: u64) -> Position {
    Position { seq, hash: [u8::try_from(seq % 251).unwrap(); 32] }
}

fn compare(store: &Store, model: &Model) {
    assert_eq!(store.position(), model.position);
    filings::compare(store, model);
    past::compare(store, model);
    site_reviews::compare(store, model);
    let mut units = Vec::new();
    store
        .for_each_unit(&mut |unit| {
            units.push(unit);
            true
        })
        .unwrap();
    assert!(units.iter().eq(model.units.values()));
    let mut names = Vec::new();
    store
        .for_each_name(&mut |name| {
            names.push(name);
            true
        })
        .unwrap();
    let mut by_set: Vec<_> = model.names.values().cloned().collect();
    by_set.sort_by(|a, b| (&a.key.set, &a.key.label).cmp(&(&b.key.set, &b.key.label)));
    assert_eq!(names, by_set);
    for (label, set) in (0..LABELS).flat_map(|label| (0..SETS.len()).map(move |set| (label, set))) {
        assert_eq!(store.name(&key(label, set)).unwrap().as_ref(), model.names.get(&key(label, set)));
    }
    for n in 0..UNITS {
        assert_eq!(store.unit(&unit_id(n)).unwrap().as_ref(), model.units.get(&unit_id(n)));
        let mut of_unit = Vec::new();
        store
            .names_of(&unit_id(n), &mut |key, outline| {
                of_unit.push((key.clone(), outline));
                true
            })
            .unwrap();
        let naive = model.names.values().filter(|name| name.unit == unit_id(n));
        assert!(of_unit.iter().cloned().eq(naive.map(|name| (name.key.clone(), name.outline()))), "{of_unit:?}");
    }
    for id in (0..6).map(ChangeId) {
        assert_eq!(store.change(id).unwrap().as_ref(), model.changes.get(&id));
    }
    for now in [-60, -1, 0, 50, i64::MAX].map(Timestamp) {
        let mut due = Vec::new();
        store
            .due(now, &mut |next| {
                due.push(next.clone());
                true
            })
            .unwrap();
        assert_eq!(due, model.due(now));
    }
    for (label, set) in (0..LABELS).flat_map(|label| (0..SETS.len()).map(move |set| (label, set))) {
        assert_eq!(store.reservation(&key(label, set)).unwrap().as_ref(), model.kept.get(&key(label, set)));
    }
    assert_eq!(store.noticed().unwrap(), model.noticed);
    compare_ends(store, model);
    for set in SETS.map(Arc::<str>::from) {
        let names = model.names.keys().filter(|key| key.set == set).count() as u64;
        assert_eq!(store.totals(&set).unwrap(), SetTotals { names });
    }
    assert_eq!(store.brake().unwrap(), model.brake);
    let zones = store.zones().unwrap().into_iter().map(|zone| (zone.apex, (zone.serial, zone.digest)));
    assert!(zones.eq(model.zones.clone()));
    for (principal, key) in (0..2).flat_map(|p| (0..3).map(move |k| (format!("token-{p}"), format!("key-{k}")))) {
        for later in [0, 5, 6 * DAY, 8 * DAY] {
            let now = Timestamp(model.at + later);
            let known = model.answered.get(&(principal.as_str().into(), key.as_str().into()));
            let naive = known.filter(|(.., at)| now.0 - at.0 <= 7 * DAY).map(|(seq, digest, _)| (*seq, *digest));
            let found = store.answered(&principal, &key, now).unwrap().map(|found| (found.seq, found.digest));
            assert_eq!(found, naive);
        }
    }
}

/// Names in the order of the ends of their terms, from some place to some time; and what is due beside them.
fn compare_ends(store: &Store, model: &Model) {
    for which in [Ends::All, Ends::Expired] {
        for (after, until) in [(-99, 999), (20, 120), (0, 0)].map(|(a, u)| (Timestamp(a), Timestamp(u))) {
            for key in [None, Some(key(2, 1))] {
                let after = TermEnd { at: after, key };
                let only = |name: &&Registration| due_of_expiry(name).is_none() && name.life.leaving.is_none();
                let names = model.names.values().filter(|name| which == Ends::All || only(name));
                let ends = names.map(|name| TermEnd { at: name.expires, key: Some(name.key.clone()) });
                let naive: BTreeSet<TermEnd> = ends.filter(|end| *end > after && end.at <= until).collect();
                let mut found = Vec::new();
                let visit = &mut |end: &TermEnd| {
                    found.push(end.clone());
                    true
                };
                store.ends(which, &after, until, visit).unwrap();
                assert!(found.iter().eq(&naive), "{found:?} {naive:?}");
            }
        }
    }
    let all = model.due(Timestamp(100));
    let naive: Vec<&Due> = all.iter().filter(|due| !matches!(due.kind, DueKind::Expiry(_))).collect();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let edges = store.edges_after(after.as_ref(), Timestamp(100), 3).unwrap();
        found.extend(edges.iter().cloned());
        after = edges.into_iter().next_back();
        if after.is_none() {
            break;
        }
    }
    assert!(found.iter().eq(naive), "{found:?}");
}

/// Reads a whole listing by pages.
fn list_all(store: &Store, filter: &NameFilter, limit: usize) -> Vec<Registration> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = store.list_names(filter, cursor.as_deref(), limit).unwrap();
        assert!(page.items.len() <= limit.max(1));
        all.extend(page.items);
        let Some(next) = page.next else { return all };
        assert!(cursor.is_none_or(|last| last < next), "cursors move on");
        cursor = Some(next);
    }
}

/// The store as the next start finds it: what was unwritten comes from the journal again.
fn reopen(store: Store, directory: &Path, log: &[Transaction]) -> Store {
    drop(store);
    let mut store = Store::open(directory, None).unwrap();
    apply_all(&mut store, log);
    store
}

fn apply_all(store: &mut Store, log: &[Transaction]) {
    for transaction in log {
        store.apply(transaction, position(transaction.seq)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_equals_a_naive_model(steps in steps(), filters in proptest::collection::vec((filter(), 0..5usize), 6)) {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), None).unwrap();
        let mut model = Model::default();
        let mut log = vec![founding()];
        store.apply(&log[0], position(1)).unwrap();
        model.apply(&log[0], position(1));
        for step in steps {
            let number = |later: i64, mut transaction: Box<Transaction>| {
                transaction.seq = model.position.seq + 1;
                transaction.at = Timestamp(model.at + later);
                *transaction
            };
            match step {
                Step::Apply(later, transaction) => log.push(number(later, transaction)),
                Step::Redo(from) => apply_all(&mut store, &log[from.index(log.len())..]),
                Step::WriteBehind => store.begin_flush().unwrap(),
                Step::Flush => store.flush().unwrap(),
                Step::Stop(writes) => {
                    store.trees.stops.store(writes, SeqCst);
                    drop(store.flush());
                    drop(store);
                    store = Store::open(directory.path(), None).unwrap();
                    // What the file of a batch has needs no journal; but an earlier batch than the last may be the one that stopped.
                    if store.position() == model.position {
                        compare(&store, &model);
                    }
                    apply_all(&mut store, &log);
                }
                Step::Reopen => store = reopen(store, directory.path(), &log),
            }
            let last = log.last().unwrap();
            if last.seq > model.position.seq {
                store.apply(last, position(last.seq)).unwrap();
                model.apply(last, position(last.seq));
            }
            compare(&store, &model);
        }
        for (filter, limit) in filters {
            let listed = list_all(&store, &filter, limit);
            let keys: BTreeSet<_> = listed.iter().map(|name| name.key.clone()).collect();
            prop_assert_eq!(keys.len(), listed.len(), "each name once");
            let naive = model.names.values().filter(|name| model.shows(&filter, name));
            prop_assert!(naive.map(|name| &name.key).eq(keys.iter()));
            prop_assert!(listed.iter().all(|name| model.names[&name.key] == *name));
        }
        let mut units = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.list_units(cursor.as_deref(), 1).unwrap();
            units.extend(page.items);
            cursor = page.next;
            if cursor.is_none() { break }
        }
        prop_assert!(units.iter().eq(model.units.values()));
    }
}

fn holds_until(end: i64) -> Holds {
    let hold = Hold {
        start: Timestamp(0),
        end: Some(Timestamp(end)),
        active: true,
        evidence: "case 1".into(),
        by: "registry".into(),
    };
    Holds([(HoldReason::Legal, hold)].into())
}

#[test]
fn pages_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    let many = PAGE_ENTRIES_MAX + 10;
    let mut transaction = founding();
    let name = |n: usize| {
        let holds = if n + 1 == many { holds_until(9) } else { Holds::default() };
        Registration { expires: Timestamp(100), holds, ..registered(numbered(n, SETS[0])) }
    };
    transaction.events.extend((0..many).map(|n| Event::Name(name(n))));
    store.apply(&transaction, position(1)).unwrap();
    let all = NameFilter::default();
    assert_eq!(store.list_names(&all, None, usize::MAX).unwrap().items.len(), PAGE_ITEMS_MAX);
    let rare = NameFilter { hold: Some(HoldReason::Legal), ..all };
    let page = store.list_names(&rare, None, 10).unwrap();
    assert!(page.items.is_empty(), "the one held name lies behind the entries of one page");
    let page = store.list_names(&rare, page.next.as_deref(), 10).unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    // The cursor of another listing, or none at all, is refused or leads to nothing foreign.
    let of_unit = NameFilter { unit: Some(unit_id(1)), ..NameFilter::default() };
    let foreign = NameFilter { unit: Some(unit_id(0)), ..NameFilter::default() };
    let cursor = store.list_names(&foreign, None, 1).unwrap().next.unwrap();
    assert!(store.list_names(&of_unit, Some(&cursor), 10).unwrap().items.is_empty());
    for wrong in ["", "n", "n0", "u00", "nzz", "正名", "e0001"] {
        assert!(store.list_names(&of_unit, Some(wrong), 10).map_or(true, |page| page.items.is_empty()), "{wrong}");
    }
    assert!(store.list_names(&of_unit, Some("n00"), 10).is_err());
}

#[test]
fn idempotency_keys_do_not_pile_up() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    for seq in 1..=60 {
        let mut transaction = founding();
        (transaction.seq, transaction.at) = (seq, Timestamp(i64::try_from(seq).unwrap() * DAY));
        transaction.request.key = Some((format!("key-{seq}").into(), [1; 32]));
        store.apply(&transaction, position(seq)).unwrap();
    }
    assert_eq!(store.trees[Tree::Idempotency].iter().count(), 8, "of the last seven days, and of today");
    assert_eq!(store.trees[Tree::IdempotencyAge].iter().count(), 8);
}

#[test]
fn another_format_is_told_apart_from_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    store.apply(&founding(), position(1)).unwrap();
    store.trees.meta.insert("format", &[0, 0, 0, 200]).unwrap();
    store.flush().unwrap();
    drop(store);
    assert!(matches!(
        Store::open(directory.path(), None),
        Err(StoreError::Format { found: 200, expected: crate::store::v1::FORMAT })
    ));
    let aside = set_aside(directory.path(), Timestamp(1_795_339_469)).unwrap();
    assert!(aside.to_string_lossy().ends_with(".aside-20261122T092429Z"), "{}", aside.display());
    assert_eq!(Store::open(directory.path(), None).unwrap().position(), Position::default());
    assert!(set_aside(directory.path(), Timestamp(1_795_339_469)).unwrap().to_string_lossy().ends_with("Z.1"));
    fs::remove_dir_all(aside).unwrap();
}

#[test]
fn a_full_disk_is_no_damage() {
    use std::io::{Error, ErrorKind};
    assert!(matches!(super::unopened(Error::from(ErrorKind::StorageFull)), StoreError::Io(_)));
    assert!(matches!(super::unopened(Error::from(ErrorKind::UnexpectedEof)), StoreError::Damaged(_)));
    assert!(matches!(super::unopened(sled::Error::ReportableBug(String::new())), StoreError::Damaged(_)));
}

#[test]
fn a_wrong_count_is_found_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), None).unwrap();
    let mut transaction = founding();
    transaction.events.push(Event::Name(registered(key(0, 0))));
    store.apply(&transaction, position(1)).unwrap();
    store.flush().unwrap();
    store.trees[Tree::Names].clear().unwrap();
    assert!(matches!(store.for_each_name(&mut |_| true), Err(StoreError::Damaged(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Damaged files give an error or the old state, never a panic or a wrong position.
    #[test]
    fn damaged_files_do_not_panic(damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..40), cut in any::<Option<Index>>()) {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path(), None).unwrap();
        for seq in 1..=3 {
            store.apply(&Transaction { seq, ..founding() }, position(seq)).unwrap();
        }
        store.flush().unwrap();
        drop(store);
        for entry in fs::read_dir(directory.path()).unwrap().map(Result::unwrap).filter(|e| e.path().is_file()) {
            let mut octets = fs::read(entry.path()).unwrap();
            let used = octets.iter().rposition(|octet| *octet != 0).map_or(0, |last| last + 1);
            for (at, value) in &damage {
                if used > 0 { octets[at.index(used)] ^= value; }
            }
            octets.truncate(cut.map_or(octets.len(), |cut| cut.index(octets.len().max(1))));
            fs::write(entry.path(), octets).unwrap();
        }
        if let Ok(store) = Store::open(directory.path(), None) {
            prop_assert!(store.position().seq <= 3);
            drop(store.for_each_unit(&mut |_| true));
            drop(store.for_each_name(&mut |_| true));
        }
    }
}

/// A lock that is still held is waited for, and is no damage.
#[test]
fn a_lock_still_held_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let held = Store::open(directory.path(), None).unwrap();
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| Store::open(directory.path(), None).map(|store| store.position()));
        // Whether the other thread has begun to wait or not, it must find the store open in the end.
        std::thread::yield_now();
        drop(held);
        assert_eq!(opening.join().unwrap().unwrap(), Position::default());
    });
}
