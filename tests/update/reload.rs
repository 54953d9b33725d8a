//! New zone files and settings while running.

use crate::world::*;
use std::net::Ipv4Addr;
use zhengming::registry::{Event, Resolution};

fn loaded(world: &World) -> Vec<String> {
    let last = world.running().journal.transaction(world.running().journal.last()).unwrap().unwrap();
    let apex = |event: &Event| match event {
        Event::ZoneLoaded { apex, .. } => Some(apex.to_string()),
        _ => None,
    };
    last.events.iter().filter_map(apex).collect()
}

#[test]
fn the_first_start_journals_the_zones_and_the_next_does_not() {
    let mut world = World::new();
    world.start();
    assert_eq!(world.seq(), 1);
    assert_eq!(loaded(&world).len(), 3);
    assert!(world.served().serials.values().all(|serial| *serial == 7));
    world.restart();
    assert_eq!(world.seq(), 1);
    assert!(world.served().serials.values().all(|serial| *serial == 7));
}

#[test]
fn a_changed_file_moves_the_serial_and_keeps_the_registrations() {
    let mut world = World::with_unit();
    world.submit(import(0..3, end_of_day(500))).unwrap();
    let before = world.served();
    let unchanged = world.reload().unwrap();
    assert_eq!((unchanged.seq, unchanged.serials.len()), (None, 0));
    assert_eq!(world.served(), before);
    // The file's own serial is behind what was published: it does not count.
    world.files.digest = 2;
    let changed = world.reload().unwrap();
    assert_eq!(changed.serials, [(GOV[0], 9), (GOV[1], 9), (ORG, 8)].map(|(apex, serial)| (apex.into(), serial)));
    assert_eq!(world.served().names, before.names);
    // Now it is ahead.
    world.files.digest = 3;
    world.files.serial = 100;
    world.reload().unwrap();
    assert_eq!(world.served().serials[GOV[0]], 100);
    world.submit(change(1, address(99))).unwrap();
    assert_eq!(world.served().serials[GOV[0]], 101);
    let served = world.served();
    world.restart();
    assert_eq!(world.served(), served);
    // A file that changed while down moves it too.
    world.stop();
    world.files.digest = 4;
    world.start();
    assert_eq!(world.served().serials[GOV[0]], 102);
    assert_eq!(world.served().names, served.names);
}

#[test]
fn another_gateway_moves_the_serials_of_its_set() {
    let mut world = World::with_unit();
    world.submit(put_name(1)).unwrap();
    let target = "https://www.example/".into();
    let forward = Resolution::Forward { target, code: 302, keep_path: false, ttl: 300, www: true };
    world.submit(change(1, forward)).unwrap();
    let before = world.served();
    world.files.gateway = Ipv4Addr::new(192, 0, 2, 81);
    world.reload().unwrap();
    assert_eq!(loaded(&world), GOV);
    let after = world.served();
    assert_eq!(after.names, before.names);
    assert_eq!((after.serials[GOV[0]], after.serials[ORG]), (before.serials[GOV[0]] + 1, before.serials[ORG]));
    let snapshot = world.running().snapshots.load();
    assert!(snapshot.zones.iter().any(|zone| zone.gateway().v4 == [world.files.gateway]));
}

#[test]
fn a_zone_that_was_away_comes_back_above_its_last_serial() {
    let mut world = World::with_unit();
    world.submit(import(0..3, end_of_day(500))).unwrap();
    world.submit(change(1, address(77))).unwrap();
    let before = world.served();
    world.files.with_cn = false;
    world.reload().unwrap();
    assert!(!world.served().serials.contains_key(GOV[1]));
    world.submit(change(2, address(78))).unwrap();
    world.files.with_cn = true;
    world.reload().unwrap();
    let after = world.served();
    assert!(after.serials[GOV[1]] > before.serials[GOV[1]]);
    let of = |apex: &str| -> Vec<_> {
        after.names.iter().filter(|((a, _), _)| a == apex).map(|((_, l), p)| (l.clone(), p.clone())).collect()
    };
    assert_eq!(of(GOV[0]), of(GOV[1]));
}
