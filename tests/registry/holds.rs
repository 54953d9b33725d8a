//! Holds placed and lifted by people (R55, R56).

use crate::world::*;
use zhengming::registry::command::{Command, HoldSpec, HoldTarget};
use zhengming::registry::hold::EVIDENCE_LEN_MAX;
use zhengming::registry::*;

fn place(target: HoldTarget, reason: HoldReason, spec: HoldSpec) -> Command {
    Command::PlaceHold { target, reason, spec }
}

fn lift(target: HoldTarget, reason: HoldReason) -> Command {
    Command::LiftHold { target, reason }
}

#[test]
fn a_name_resolves_only_when_no_reason_is_left() {
    use HoldReason::*;
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let all = [Legal, Blacklist, SiteReviewFailed, SiteNotSubmitted, RegistryAdmin, UnitRequest];
    let targets = || [on_name(&key), on_unit("u1")];
    for reason in all {
        for target in targets() {
            assert_eq!(&*world.does(&operator(), place(target, reason, hold_spec(None, None))).outcome.state, "held");
        }
    }
    for (index, reason) in all.into_iter().enumerate() {
        for (on_unit, target) in targets().into_iter().enumerate() {
            assert!(!world.memory.resolves(&key));
            let state = world.does(&operator(), lift(target, reason)).outcome.state;
            let none_left = index == all.len() - 1;
            assert_eq!(&*state == "active", none_left && on_unit == 1, "{reason:?}");
        }
    }
    assert!(world.memory.resolves(&key));
}

#[test]
fn one_hold_per_reason_is_replaced_and_keeps_its_start() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let start = world.now;
    world.does(&operator(), place(on_name(&key), HoldReason::Legal, hold_spec(None, None)));
    world.now.0 += 100;
    // The same again is no change; new evidence is, and the hold goes on from where it began.
    let again = world.does(&operator(), place(on_name(&key), HoldReason::Legal, hold_spec(None, None)));
    assert_eq!(again.events, []);
    let spec = HoldSpec { evidence: "case-2".into(), ..hold_spec(None, None) };
    world.does(&operator(), place(on_name(&key), HoldReason::Legal, spec));
    let holds = &world.memory.names[&key].holds.0;
    assert_eq!((holds.len(), holds[&HoldReason::Legal].start), (1, start));
    assert_eq!((&*holds[&HoldReason::Legal].evidence, &*holds[&HoldReason::Legal].by), ("case-2", "operator"));
}

#[test]
fn a_future_start_is_scheduled() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let (start, end) = (Timestamp(world.now.0 + 60), Timestamp(world.now.0 + 120));
    world.does(&operator(), place(on_unit("u1"), HoldReason::SiteNotSubmitted, hold_spec(Some(start), Some(end))));
    assert!(world.memory.resolves(&key));
    world.now = start;
    assert_eq!(world.tick(), 1);
    assert!(!world.memory.resolves(&key));
    world.now = end;
    assert_eq!(world.tick(), 1);
    assert!(world.memory.resolves(&key));
    assert_eq!(world.memory.units[&unit_id("u1")].holds, Holds::default());
}

#[test]
fn times_and_evidence_are_checked() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let now = world.now.0;
    let time = |secs: i64| Some(Timestamp(now + secs));
    let evidence = |text: &str| HoldSpec { evidence: text.into(), ..hold_spec(None, None) };
    let long = "x".repeat(EVIDENCE_LEN_MAX + 1);
    for (reason, spec, field) in [
        (HoldReason::Legal, evidence(""), "evidence"),
        (HoldReason::Legal, evidence(" "), "evidence"),
        (HoldReason::Legal, evidence("a\nb"), "evidence"),
        (HoldReason::Legal, evidence(&long), "evidence"),
        (HoldReason::Legal, hold_spec(None, time(0)), "end"),
        (HoldReason::Legal, hold_spec(None, time(-1)), "end"),
        (HoldReason::Legal, hold_spec(time(-10), time(-5)), "end"),
        (HoldReason::Legal, hold_spec(time(10), time(10)), "end"),
        (HoldReason::Legal, hold_spec(time(10), time(5)), "end"),
        (HoldReason::Penalty, hold_spec(None, None), "end"),
        (HoldReason::Penalty, hold_spec(None, time(days(90) + 1)), "end"),
        (HoldReason::Penalty, hold_spec(time(-1), time(days(90))), "end"),
        (HoldReason::Penalty, hold_spec(Some(Timestamp(i64::MIN)), time(days(90))), "end"),
    ] {
        for target in [on_name(&key), on_unit("u1")] {
            let refused = world.refuses(&operator(), place(target, reason, spec.clone()));
            assert_eq!(refused, (Code::HoldInvalid, field.into()), "{spec:?}");
        }
    }
    let other = HoldSpec { evidence: "case-2".into(), ..hold_spec(time(60), time(60 + days(90))) };
    for spec in [hold_spec(None, time(days(90))), other] {
        world.does(&operator(), place(on_unit("u1"), HoldReason::Penalty, spec));
    }
}

#[test]
fn a_penalty_cannot_be_prolonged_past_ninety_days() {
    let mut world = World::new();
    let start = world.now.0;
    let until = |day: i64| hold_spec(None, Some(Timestamp(start + days(day))));
    world.does(&operator(), place(on_unit("u1"), HoldReason::Penalty, until(30)));
    world.now.0 += days(20);
    assert_eq!(world.refuses(&operator(), place(on_unit("u1"), HoldReason::Penalty, until(91))).0, Code::HoldInvalid);
    world.does(&operator(), place(on_unit("u1"), HoldReason::Penalty, until(90)));
}

#[test]
fn expired_is_the_clocks() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    for target in [on_name(&key), on_unit("u1")] {
        let placed = place(target.clone(), HoldReason::Expired, hold_spec(None, None));
        assert_eq!(world.refuses(&operator(), placed).0, Code::HoldByClockOnly);
        assert_eq!(world.refuses(&operator(), lift(target, HoldReason::Expired)).0, Code::HoldByClockOnly);
    }
}

#[test]
fn what_is_not_there_is_said() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let missing = world.key("靖远县财政局.政务");
    for (target, code) in [
        (on_name(&key), Code::HoldNotFound),
        (on_unit("u1"), Code::HoldNotFound),
        (on_name(&missing), Code::NameNotFound),
        (on_unit("nobody"), Code::UnitNotFound),
    ] {
        assert_eq!(world.refuses(&operator(), lift(target, HoldReason::Legal)).0, code);
    }
    let county = actor("county", Role::Operator, Some("620422"));
    for target in [on_name(&key), on_unit("u1")] {
        let command = place(target, HoldReason::Legal, hold_spec(None, None));
        assert_eq!(world.refuses(&county, command).0, Code::RegionForeign);
    }
}

/// R56: a decision suspends for 90 days in all, however often it is placed; another decision has its own.
#[test]
fn a_penalty_placed_again_goes_on_from_its_beginning() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let begun = world.now;
    let until = |days: i64| Some(begun.add_days(days));
    let penalty = |spec: HoldSpec| place(on_name(&key), HoldReason::Penalty, spec);
    world.does(&operator(), penalty(hold_spec(None, until(60))));
    world.now = begun.add_days(50);
    let now = Some(world.now);
    for start in [None, now, Some(begun.add_days(51))] {
        let longer = penalty(hold_spec(start, until(91)));
        assert_eq!(world.refuses(&operator(), longer), (Code::HoldInvalid, "end".into()), "{start:?}");
    }
    world.does(&operator(), penalty(hold_spec(now, until(90))));
    let other = HoldSpec { evidence: "case-2".into(), ..hold_spec(now, until(140)) };
    world.does(&operator(), penalty(other));
}
