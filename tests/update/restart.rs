//! Stopping and starting: what is served is the same after, whatever was lost of the store.

use crate::world::*;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use zhengming::journal::Limits;
use zhengming::registry::{Command, HoldReason, Timestamp};
use zhengming::update::{self, StartError};

/// Registered, changed, held, restored and deleted names in both states.
fn work(world: &World) {
    world.submit(import(0..40, end_of_day(500))).unwrap();
    world.submit(import(40..45, end_of_day(1))).unwrap();
    world.submit(put_name(50)).unwrap();
    world.submit(change(3, address(200))).unwrap();
    world.submit(hold_name(4, HoldReason::Legal, None, None)).unwrap();
    world.submit(hold_name(5, HoldReason::Penalty, None, Some(Timestamp(NOW.0 + 50)))).unwrap();
    world.submit(Command::DeleteName { key: key(6) }).unwrap();
    world.set_clock(Timestamp(NOW.0 + 60));
    world.submit(hold_unit(HoldReason::UnitRequest)).unwrap();
    world.submit(change(7, address(201))).unwrap();
}

fn remove_store(world: &World) {
    fs::remove_dir_all(world.path().join("sled")).unwrap();
}

fn asides(world: &World) -> usize {
    let entries = fs::read_dir(world.path()).unwrap().filter_map(Result::ok);
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("sled.aside-")).count()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn the_same_is_served_after_a_restart_and_without_the_store() {
    let mut world = World::with_unit();
    work(&world);
    let (served, seq) = (world.served(), world.seq());
    let counted = |world: &World| {
        let text = world.telemetry.exporter.render();
        let counts = |line: &&str| {
            (line.starts_with("zhengming_names{") || line.starts_with("zhengming_holds{")) && !line.ends_with(" 0")
        };
        text.lines().filter(counts).map(String::from).collect::<Vec<_>>()
    };
    let counts = counted(&world);
    assert!(counts.len() >= 3, "{counts:?}");
    let check = |world: &World| {
        assert_eq!((world.served(), world.seq()), (served.clone(), seq));
        assert_eq!(counted(world), counts);
    };
    world.restart();
    check(&world);
    world.stop();
    remove_store(&world);
    world.start();
    check(&world);
    assert_eq!(asides(&world), 0);
}

#[test]
fn a_damaged_store_is_set_aside_and_rebuilt() {
    let mut world = World::with_unit();
    work(&world);
    let served = world.served();
    for damage in 0..5 {
        world.stop();
        let file = world.path().join("sled").join(if damage % 4 == 0 { "conf" } else { "db" });
        let mut octets = fs::read(&file).unwrap();
        match damage {
            0 | 1 | 4 => octets.fill(0x5a),
            2 => octets.truncate(octets.len() / 3),
            _ => octets.iter_mut().skip(100).step_by(50).for_each(|octet| *octet ^= 0xff),
        }
        fs::write(&file, octets).unwrap();
        world.start();
        assert_eq!(world.served(), served, "damage {damage}");
        assert!(world.submit(change(1, address(250))).is_ok());
        world.submit(change(1, address(1))).unwrap();
        assert_eq!(world.served().names, served.names);
        let serials = world.served().serials;
        world.restart();
        assert_eq!(world.served().serials, serials);
        // The unit is held, so that none of this was visible.
        assert_eq!(serials, served.serials);
    }
    assert_eq!(asides(&world), 1, "it was set aside, and only the newest is kept");
}

#[test]
fn a_store_behind_the_journal_catches_up() {
    let mut world = World::with_unit();
    world.submit(import(0..10, end_of_day(500))).unwrap();
    world.stop();
    let old = world.path().join("old");
    copy(&world.path().join("sled"), &old);
    world.start();
    work(&world);
    let served = world.served();
    world.stop();
    remove_store(&world);
    fs::rename(&old, world.path().join("sled")).unwrap();
    world.start();
    assert_eq!(world.served(), served);
    assert_eq!(asides(&world), 0);
}

#[test]
fn segments_before_the_store_need_not_be_readable() {
    let mut world = World::new();
    world.limits = Limits { segment_octets: 4096, ..Limits::default() };
    world.start();
    world.submit(put_unit()).unwrap();
    work(&world);
    let (served, seq) = (world.served(), world.seq());
    world.stop();
    let mut segments: Vec<_> = fs::read_dir(world.journal_path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.sort();
    assert!(segments.len() >= 3, "{segments:?}");
    segments.pop();
    for segment in &segments {
        fs::write(segment, b"\xff not a journal").unwrap();
    }
    world.start();
    assert_eq!((world.served(), world.seq()), (served, seq));
    world.submit(change(8, address(9))).unwrap();
    // But they are missed when the store is.
    world.stop();
    remove_store(&world);
    assert!(matches!(world.try_start(), Err(StartError::Journal(_))));
}

#[test]
fn acknowledged_changes_that_the_journal_has_lost_stop_the_start_until_the_loss_is_accepted() {
    let mut world = World::with_unit();
    world.submit(import(0..10, end_of_day(500))).unwrap();
    world.stop();
    let old = world.path().join("old");
    copy(&world.journal_path(), &old);
    world.start();
    let before = world.served();
    for last in 100..120 {
        world.submit(change(1, address(last))).unwrap();
    }
    let (lost_serials, seq) = (world.served().serials, world.seq());
    world.stop();
    fs::remove_dir_all(world.journal_path()).unwrap();
    fs::rename(&old, world.journal_path()).unwrap();

    let Err(StartError::Behind { applied, last }) = world.try_start() else { panic!("it started") };
    assert_eq!((applied, last), (seq, seq - 20));
    assert!(matches!(update::rebuild(world.path(), None, false), Err(StartError::Behind { .. })));
    assert_eq!(asides(&world), 0, "nothing was touched");

    let rebuilt = update::rebuild(world.path(), None, true).unwrap();
    assert_eq!((rebuilt.lost, rebuilt.seq), (20, last + 1));
    assert!(rebuilt.aside.is_some_and(|path| path.exists()));
    world.start();
    let after = world.served();
    assert_eq!(after.names, before.names);
    for (apex, serial) in &after.serials {
        assert!(*serial > lost_serials[apex], "{apex} went from {} to {serial}", lost_serials[apex]);
    }
    let moved = world.submit(change(1, address(7))).unwrap();
    assert_eq!(moved.serials[0].1, after.serials[GOV[0]] + 1);
    // Once accepted it is as if it had always been so.
    let served = world.served();
    world.stop();
    remove_store(&world);
    world.start();
    assert_eq!(world.served(), served);
}

#[test]
fn a_rebuild_changes_nothing_that_is_served() {
    let mut world = World::with_unit();
    work(&world);
    let (served, seq) = (world.served(), world.seq());
    assert!(matches!(update::rebuild(world.path(), None, false), Err(StartError::Locked { .. })));
    world.stop();
    for accept_loss in [false, true] {
        let rebuilt = update::rebuild(world.path(), None, accept_loss).unwrap();
        assert_eq!((rebuilt.seq, rebuilt.lost), (seq, 0));
        world.start();
        assert_eq!((world.served(), world.seq()), (served.clone(), seq));
        world.stop();
    }
}

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let mut world = World::with_unit();
    let Err(StartError::Locked { holder, .. }) = start(world.path(), &world).map(drop) else { panic!("two started") };
    assert_eq!(holder, format!("process {}", std::process::id()));
    world.submit(put_name(1)).unwrap();
    world.restart();
}

/// Two that are graver than the hold of a name in the property below, and one that is less grave.
const UNIT_HOLDS: [HoldReason; 3] = [HoldReason::Legal, HoldReason::Blacklist, HoldReason::UnitRequest];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is done, what is served is what the store would be served as, serials move with what is visible, and what was
    /// counted change by change is what there is.
    #[test]
    fn the_served_index_is_the_stores(steps in proptest::collection::vec((0usize..8, 0usize..4, 0u8..3), 1..25)) {
        let mut world = World::with_unit();
        world.submit(import(0..2, end_of_day(2))).unwrap();
        let mut days = 0;
        for (kind, n, last) in steps {
            let before = world.served();
            match kind {
                0 => drop(world.submit(put_name(n))),
                1 => drop(world.submit(change(n, address(last)))),
                2 => drop(world.submit(hold_name(n, HoldReason::RegistryAdmin, None, None))),
                3 => drop(world.submit(lift_name(n, HoldReason::RegistryAdmin))),
                4 => drop(world.submit(Command::DeleteName { key: key(n) })),
                5 => drop(world.submit(hold_unit(UNIT_HOLDS[usize::from(last)]))),
                6 => drop(world.submit(lift_unit(UNIT_HOLDS[usize::from(last)]))),
                _ => {
                    days += 1;
                    world.set_clock(end_of_day(days));
                }
            }
            let after = world.served();
            let moved = u32::from(before.names != after.names);
            for (apex, serial) in &after.serials {
                let expected = before.serials[apex] + if *apex == ORG { 0 } else { moved };
                prop_assert_eq!(*serial, expected);
            }
        }
        let (served, counted) = (world.served(), world.counted());
        world.restart();
        prop_assert_eq!((world.served(), world.counted()), (served.clone(), counted.clone()));
        world.stop();
        remove_store(&world);
        world.start();
        prop_assert_eq!((world.served(), world.counted()), (served, counted));
    }
}
