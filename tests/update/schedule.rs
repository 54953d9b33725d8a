//! What falls due: to the second, over restarts, and not past the brake.

use crate::world::*;
use zhengming::registry::{Code, Command, HoldReason, Timestamp};
use zhengming::update::UpdateError;

#[test]
fn holds_start_and_end_and_terms_end_in_their_second() {
    let world = World::with_unit();
    let expires = end_of_day(0);
    world.submit(import(0..3, expires)).unwrap();
    let (start, end) = (Timestamp(NOW.0 + 60), Timestamp(NOW.0 + 120));
    world.submit(hold_name(1, HoldReason::Penalty, Some(start), Some(end))).unwrap();
    let mut serials = world.served().serials;
    let mut check = |now: Timestamp, held: [bool; 3], moved: bool| {
        world.set_clock(now);
        assert_eq!([0, 1, 2].map(|n| is_held(world.published(&key(n)))), held, "at {now}");
        let before = std::mem::replace(&mut serials, world.served().serials);
        assert_eq!(before[GOV[0]] + u32::from(moved), serials[GOV[0]], "at {now}");
    };
    check(Timestamp(start.0 - 1), [false; 3], false);
    check(start, [false, true, false], true);
    // Backwards is no way to undo anything.
    check(NOW, [false, true, false], false);
    check(Timestamp(end.0 - 1), [false, true, false], false);
    check(end, [false; 3], true);
    check(Timestamp(expires.0 - 1), [false; 3], false);
    check(expires, [true; 3], true);
    let before = world.served();
    check(Timestamp(expires.0 + 1_000_000), [true; 3], false);
    assert_eq!(world.served(), before);
}

#[test]
fn time_in_the_journal_never_runs_backwards() {
    let world = World::with_unit();
    world.set_clock(Timestamp(NOW.0 + 100));
    let later = world.submit(put_name(1)).unwrap();
    world.set_clock(NOW);
    let earlier = world.submit(put_name(2)).unwrap();
    assert_eq!((later.at, earlier.at), (Timestamp(NOW.0 + 100), Timestamp(NOW.0 + 100)));
    let mut world = world;
    world.restart();
    assert_eq!(world.submit(put_name(3)).unwrap().at, Timestamp(NOW.0 + 100));
}

#[test]
fn what_fell_due_while_down_is_applied_before_the_first_snapshot() {
    let mut world = World::with_unit();
    world.submit(import(0..5, end_of_day(1))).unwrap();
    let before = world.served();
    world.stop();
    world.clock.set(end_of_day(2));
    world.start();
    // The very first snapshot, not one after it: nothing has been waited for.
    assert!((0..5).all(|n| is_held(world.published(&key(n)))));
    assert_eq!(world.served().serials[GOV[1]], before.serials[GOV[1]] + 1);
    assert_eq!(world.served().serials[ORG], before.serials[ORG]);
}

#[test]
fn more_is_due_than_one_step_does() {
    let mut world = World::new();
    world.files.policy.brake_percent = 100;
    world.start();
    world.submit(put_unit()).unwrap();
    for batch in 0..3 {
        world.submit(import(batch * 800..(batch + 1) * 800, end_of_day(1))).unwrap();
    }
    let seq = world.seq();
    world.set_clock(end_of_day(1));
    assert!((0..2400).all(|n| is_held(world.published(&key(n)))));
    assert_eq!(world.seq(), seq + 3, "steps of 1,000");
    assert_eq!(world.metric("zhengming_names{set=\"xn--zfr164b\",state=\"expired\"}"), 2400.0);
}

#[test]
fn the_brake_stops_a_mass_expiry_until_an_operator_releases_it() {
    let mut world = World::with_unit();
    world.submit(import(0..300, end_of_day(500))).unwrap();
    world.submit(import(300..330, end_of_day(1))).unwrap();
    world.submit(hold_name(5, HoldReason::Penalty, None, Some(Timestamp(end_of_day(1).0 + 5)))).unwrap();
    assert!(is_held(world.published(&key(5))));
    world.set_clock(end_of_day(1));
    let held = |world: &World| (0..330).filter(|n| is_held(world.published(&key(*n)))).count();
    let check_engaged = |world: &World| {
        let brake = world.handle().status().brake.stop.expect("the brake is engaged");
        assert_eq!((brake.names, brake.total), (30, 330));
        assert_eq!(world.metric("zhengming_brake_engaged"), 1.0);
    };
    check_engaged(&world);
    assert_eq!(held(&world), 1);
    // Restorations go on, and changes too; time and a restart do not release it.
    world.set_clock(Timestamp(end_of_day(1).0 + 5));
    assert_eq!(held(&world), 0);
    world.submit(change(300, address(9))).unwrap();
    world.restart();
    check_engaged(&world);
    assert_eq!(held(&world), 0);
    world.submit(Command::ReleaseBrake { reason: "the terms ended as agreed".into(), names: None }).unwrap();
    world.read(|_| ());
    assert_eq!(world.handle().status().brake.stop, None);
    assert_eq!(held(&world), 30);
    assert_eq!(world.metric("zhengming_brake_engaged"), 0.0);
    let again = world.submit(Command::ReleaseBrake { reason: "once more".into(), names: None });
    let Err(UpdateError::Refused(refusals)) = again else { panic!("{again:?}") };
    assert_eq!(refusals.first().code, Code::BrakeNotEngaged);
}

#[test]
fn what_is_due_at_once_is_done_at_once() {
    let world = World::with_unit();
    world.submit(put_name(1)).unwrap();
    world.submit(change(1, address(1))).unwrap();
    world.submit(hold_name(1, HoldReason::Penalty, None, Some(Timestamp(NOW.0 + 10)))).unwrap();
    assert!(is_held(world.published(&key(1))));
    world.set_clock(Timestamp(NOW.0 + 10));
    assert!(!is_held(world.published(&key(1))));
    // The clock stands still; an import whose term has ended is held all the same.
    world.submit(import(2..3, end_of_day(-3))).unwrap();
    world.read(|_| ());
    assert!(is_held(world.published(&key(2))));
}

#[test]
fn a_clock_that_jumps_stops_what_is_due_and_not_what_is_asked() {
    let mut world = World::with_unit();
    world.submit(import(0..5, end_of_day(1))).unwrap();
    let held = |world: &World| (0..5).filter(|n| is_held(world.published(&key(*n)))).count();
    let jumped = |world: &World| {
        let metric = world.metric("zhengming_clock_jumped");
        (world.handle().status().brake.jump.map(|jump| jump.shown), metric)
    };
    // A step that clocks make is time passing.
    world.jump_clock(Timestamp(NOW.0 + 3600));
    assert_eq!(jumped(&world), (None, 0.0));
    world.jump_clock(end_of_day(9));
    assert_eq!((held(&world), jumped(&world)), (0, (Some(end_of_day(9)), 1.0)));
    // What is asked goes on by the time that has passed: no transaction is of a time to come.
    assert_eq!(world.submit(change(1, address(9))).unwrap().at, Timestamp(NOW.0 + 3600));
    world.restart();
    assert_eq!((held(&world), jumped(&world)), (0, (Some(end_of_day(9)), 1.0)));
    assert_eq!(world.submit(change(1, address(8))).unwrap().at, Timestamp(NOW.0 + 3600));
    // It comes back by itself, or an operator says that it is right.
    world.jump_clock(Timestamp(NOW.0 + 3700));
    assert_eq!((held(&world), jumped(&world)), (0, (None, 0.0)));
    world.jump_clock(end_of_day(9));
    assert!(jumped(&world).0.is_some());
    world.submit(Command::ReleaseBrake { reason: "the clock had stood still".into(), names: None }).unwrap();
    world.read(|_| ());
    assert_eq!((held(&world), jumped(&world)), (5, (None, 0.0)));
    assert_eq!(world.submit(change(1, address(7))).unwrap().at, end_of_day(9));
    // Backwards is a jump as well; time stands still until then or until a release.
    world.jump_clock(NOW);
    assert_eq!((jumped(&world).0, held(&world)), (Some(NOW), 5));
    assert_eq!(world.submit(change(1, address(6))).unwrap().at, end_of_day(9));
}

#[test]
fn a_clock_behind_the_journal_is_off_from_the_start() {
    let mut world = World::with_unit();
    world.set_clock(end_of_day(1));
    world.submit(import(0..2, end_of_day(2))).unwrap();
    world.restart_at(Timestamp(end_of_day(1).0 - 7200));
    assert!(world.handle().status().brake.jump.is_some());
    // Ahead, it may have been a long stop: what fell due is applied.
    world.restart_at(end_of_day(1));
    assert!(world.handle().status().brake.jump.is_none());
    world.restart_at(end_of_day(3));
    assert!(world.handle().status().brake.jump.is_none());
    assert!(is_held(world.published(&key(0))));
}
