//! Publishing one change at 100,000 names allocates no more than 64 KiB: a change copies a few pages, never the index.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, also in its helpers")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use zhengming::idn::{Bundle, Label};
use zhengming::registry::life::{Ends, Life, Reservation, TermEnd};
use zhengming::registry::{
    Account, Application, ApplicationId, Brake, Change, ChangeId, Claim, Due, Event, NameKey, Order, OrderId, Policy,
    Registration, Remittance, RemittanceId, Resolution, SetTotals, State, SuffixSet, Timestamp, Unavailable, Unit,
    UnitId, UnitKind, Variants, VisitName,
};
use zhengming::snapshot::{self, Snapshot};
use zhengming::update::overlay::Overlay;
use zhengming::update::publish::{Draft, Suffixes};
use zhengming::zone::{Name, Pages, Record, Rtype, Zone, ZoneSet};

/// What one publication may allocate.
const OCTETS_MAX: usize = 64 * 1024;
/// Names registered.
const NAMES: usize = 100_000;
/// Changes measured, each for another name.
const CHANGES: usize = 1000;
/// The suffix set's suffixes.
const SUFFIXES: [&str; 2] = ["xn--zfr164b", "xn--zfr164b.cn"];

/// Counts what this thread allocates.
struct Counting;

thread_local! {
    static OCTETS: Cell<usize> = const { Cell::new(0) };
}

fn count(octets: usize) {
    // A thread that is ending has no counter any more.
    let _ = OCTETS.try_with(|counted| counted.set(counted.get() + octets));
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller keeps the contract of `realloc`, and `pointer` came from the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A registry with one unit, whose names are all in the index already; the change's own image comes with its event.
struct OneUnit(Unit);

impl State for OneUnit {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        Ok((*id == self.0.id).then(|| self.0.clone()))
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        Ok(Some(registration(key.clone(), 1)))
    }

    fn change(&self, _: ChangeId) -> Result<Option<Change>, Unavailable> {
        Ok(None)
    }

    fn application(&self, _: ApplicationId) -> Result<Option<Application>, Unavailable> {
        Ok(None)
    }

    fn order(&self, _: OrderId) -> Result<Option<Order>, Unavailable> {
        Ok(None)
    }

    fn remittance(&self, _: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        Ok(None)
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        Ok(0)
    }

    fn claim(&self, _: &NameKey) -> Result<Option<Claim>, Unavailable> {
        Ok(None)
    }

    fn account(&self, _: Account) -> Result<Option<UnitId>, Unavailable> {
        Ok(None)
    }

    fn invoiced(&self, _: &str, _: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn names_of(&self, _: &UnitId, _: &mut VisitName<'_>) -> Result<(), Unavailable> {
        Ok(())
    }

    fn filings_of(&self, _: &UnitId, _: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        Bundle::of_itself(label)
    }

    fn same_bundle(&self, _: &NameKey, _: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn due(&self, _: Timestamp, _: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn ends(&self, _: Ends, _: &TermEnd, _: Timestamp, _: &mut dyn FnMut(&TermEnd) -> bool) -> Result<(), Unavailable> {
        Ok(())
    }

    fn reservation(&self, _: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        Ok(None)
    }

    fn kept_in_bundle(&self, _: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        Ok(Vec::new())
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        Ok(BTreeMap::new())
    }

    fn totals(&self, _: &Arc<str>) -> Result<SetTotals, Unavailable> {
        Ok(SetTotals { names: NAMES as u64 })
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        Ok(Brake::default())
    }
}

fn unit() -> Unit {
    Unit {
        id: UnitId::parse("unit").unwrap(),
        name: "靖远县教育局".into(),
        kind: UnitKind::Organ,
        region: zhengming::registry::Region::parse("620421").unwrap(),
        admin_function_proof: None,
        holds: Default::default(),
        penalties: zhengming::registry::Penalties::default(),
        site_review: None,
        account: None,
        version: 1,
    }
}

fn key(n: usize) -> NameKey {
    let label = Label::parse(&format!("教育局{n}")).unwrap();
    NameKey { label, set: SUFFIXES[0].into() }
}

fn registration(key: NameKey, version: u64) -> Registration {
    let octets = version.to_be_bytes();
    let address = std::net::Ipv4Addr::new(203, 0, octets[6], octets[7]);
    Registration {
        key,
        unit: UnitId::parse("unit").unwrap(),
        registered: Timestamp(0),
        expires: Timestamp(i64::MAX),
        kind: 1,
        primary: true,
        resolution: Some(Resolution::Addresses { addresses: vec![address.into()], ttl: 600, www: true }),
        resolved_by: version,
        holds: Default::default(),
        pending: None,
        life: Life::default(),
        variants: Variants::default(),
        version,
    }
}

fn zone(apex: &str) -> Zone {
    let apex = Name::absolute(apex).unwrap();
    let mut soa = Name::absolute("ns.example").unwrap().as_wire().to_vec();
    soa.extend_from_slice(Name::absolute("hostmaster.example").unwrap().as_wire());
    for number in [1u32, 1800, 900, 1_209_600, 300] {
        soa.extend_from_slice(&number.to_be_bytes());
    }
    let soa = Record { owner: apex.clone(), rtype: Rtype::SOA, ttl: 300, rdata: soa.into() };
    Zone::build(apex, [soa]).unwrap()
}

#[test]
fn one_change_among_100_000_names_allocates_at_most_64_kib() {
    let set = SuffixSet {
        suffixes: SUFFIXES.map(Arc::from).to_vec(),
        unit_kinds: vec![UnitKind::Organ],
        unit_kinds_with_proof: Vec::new(),
    };
    let policy = Policy { allow_special_addresses: true, ..Policy::of(vec![set]) };
    let suffixes = Suffixes::of(&policy);
    let mut edit = Pages::new().edit();
    for n in 0..NAMES {
        let name = registration(key(n), 1);
        let mut octets = Vec::new();
        zhengming::publication::published(&unit(), &name).unwrap().encode(&mut octets);
        edit.insert(name.key.label.as_ascii().as_bytes(), &octets);
    }
    let pages = edit.finish();
    assert_eq!(pages.len(), NAMES);
    let mut zones = ZoneSet::new(SUFFIXES.map(|suffix| zone(suffix).with_registrations(pages.clone())));
    drop(pages);
    let first = Snapshot { zones: zones.clone(), seq: 1, published_at: Timestamp(0) };
    let (mut publisher, reader) = snapshot::channel(first);
    let state = OneUnit(unit());
    let mut most = 0;
    for n in 0..CHANGES {
        let changed = [Event::Name(registration(key(n * (NAMES / CHANGES)), 2 + n as u64))];
        let before = OCTETS.get();
        let mut overlay = Overlay::new(&state);
        let mut draft = Draft::new(&zones, &suffixes);
        let serials = draft.apply(&mut overlay, &changed).unwrap().serials;
        let (next, _) = draft.finish();
        zones = next.expect("the change is visible");
        publisher.publish(Snapshot { zones: zones.clone(), seq: 2 + n as u64, published_at: Timestamp(0) });
        most = most.max(OCTETS.get() - before);
        assert_eq!(serials, SUFFIXES.map(|suffix| (format!("{suffix}.").into(), 2 + n as u32)));
    }
    let served = reader.load();
    let apex = Name::absolute(SUFFIXES[1]).unwrap();
    assert_eq!(served.zones.get(&apex).unwrap().serial(), 1 + CHANGES as u32);
    println!("one publication allocates at most {most} octets");
    assert!(most > 0, "the allocator counts nothing");
    assert!(most <= OCTETS_MAX, "one publication allocates {most} octets");
}
