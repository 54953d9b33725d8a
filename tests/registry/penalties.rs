//! The penalty ladder: no step is skipped, a suspension lifts itself at a midnight, the last step closes the registry.

use crate::world::*;
use proptest::prelude::*;
use zhengming::registry::command::{Command, ImportBasis, ImportItem, ImportName, PenaltySpec};
use zhengming::registry::*;

fn penalty(step: PenaltyStep, end: Option<Timestamp>) -> Command {
    let spec = PenaltySpec { violation: Violation::DataMismatch, evidence: "case-1".into(), end };
    Command::Penalise { unit: unit_id("u1"), step, spec }
}

/// The midnight after so many days in Asia/Shanghai.
fn midnight(world: &World, days: i64) -> Timestamp {
    Timestamp(world.now.add_days(days - 1).end_of_day().0 + 1)
}

fn warned() -> (World, NameKey) {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    world.does(&operator(), penalty(PenaltyStep::Warning, None));
    (world, key)
}

#[test]
fn a_suspension_lasts_to_a_midnight_within_ninety_days() {
    let (mut world, key) = warned();
    assert!(world.memory.resolves(&key), "a warning is on record only");
    let bad = [
        None,
        Some(midnight(&world, 91)),
        Some(Timestamp(midnight(&world, 30).0 - 1)),
        Some(world.now),
        Some(Timestamp(i64::MAX)),
        Some(Timestamp(i64::MIN)),
    ];
    for end in bad {
        let refused = world.refuses(&operator(), penalty(PenaltyStep::Suspension, end));
        assert_eq!(refused, (Code::PenaltyInvalid, "end".into()), "{end:?}");
    }
    let end = midnight(&world, 90);
    assert!(end.to_string().ends_with("T16:00:00Z"));
    world.does(&operator(), penalty(PenaltyStep::Suspension, Some(end)));
    assert!(!world.memory.resolves(&key));
    world.now = Timestamp(end.0 - 1);
    world.tick();
    assert!(!world.memory.resolves(&key));
    world.now = end;
    world.tick();
    assert!(world.memory.resolves(&key));
}

#[test]
fn the_last_step_deletes_and_closes() {
    let (mut world, key) = warned();
    let change = world.submit(&key, addresses(&["203.0.113.9"]));
    let end = midnight(&world, 9);
    world.does(&operator(), penalty(PenaltyStep::Suspension, Some(end)));
    world.now = end;
    world.tick();
    let done = world.does(&operator(), penalty(PenaltyStep::Deletion, None));
    assert_eq!(&*done.outcome.state, "blacklisted");
    let name = world.memory.names[&key].clone();
    assert_eq!(name.effective_hold(&world.memory.units[&unit_id("u1")]), Some(HoldReason::Blacklist));
    assert_eq!(
        (name.resolution, name.pending, world.memory.changes[&change].state),
        (None, None, ChangeState::Withdrawn)
    );
    // Nothing restores the name, and nothing new is registered: by hand or by an import.
    let renewed = world.refuses(&operator(), Command::Renew { key: key.clone(), years: 2 });
    assert_eq!(renewed.0, Code::DeletionFinal);
    let other = Command::PutName { key: world.key("靖远县财政局.政务"), spec: name_spec("u1", Some(2)) };
    assert_eq!(world.refuses(&operator(), other).0, Code::UnitBlacklisted);
    let approved = ImportBasis::Approvals(both("r-1", "r-2"));
    let line = ImportName { basis: approved, ..world.import_line("靖远县民政局.政务") };
    let refused = world.import(vec![line]).unwrap_err();
    assert_eq!(refused.first().code, Code::UnitBlacklisted);
    let again = world.import(vec![world.import_line("靖远县教育局.政务")]).unwrap_err();
    assert_eq!(again.first().code, Code::UnitBlacklisted);
    for step in PenaltyStep::ALL {
        assert_eq!(world.refuses(&operator(), penalty(step, None)).0, Code::UnitBlacklisted);
    }
    // A year later the name is gone; off the blacklist, the ladder begins anew.
    world.now = world.now.add_days(366);
    world.tick();
    assert!(!world.memory.names.contains_key(&key));
    // Its label is kept for nobody: the unit could not have it.
    assert!(!world.memory.kept.contains_key(&key));
    let (target, reason) = (on_unit("u1"), HoldReason::Blacklist);
    world.does(&operator(), Command::LiftHold { target, reason });
    assert_eq!(world.refuses(&operator(), penalty(PenaltyStep::Suspension, None)).0, Code::PenaltyOutOfOrder);
    world.does(&operator(), penalty(PenaltyStep::Warning, None));
}

/// Until it is gone, a name that a penalty has deleted is nobody's: no change, no other holder and no import brings it back,
/// also not once its unit is off the blacklist; and nobody frees it before its time.
#[test]
fn what_is_withheld_stays_withheld() {
    let (mut world, key) = warned();
    world.put_unit("u9", UnitKind::Organ);
    let line = world.import_line("靖远县教育局.政务");
    let end = midnight(&world, 9);
    world.does(&operator(), penalty(PenaltyStep::Suspension, Some(end)));
    world.does(&operator(), penalty(PenaltyStep::Deletion, None));
    let consent = || Some("doc-1".into());
    let submit = |asserted| Command::Submit { name: key.clone(), resolution: addresses(&["203.0.113.6"]), asserted };
    let change = |unit: &str| Command::ChangeHolder { key: key.clone(), unit: unit_id(unit), consent: consent() };
    let delete = || Command::DeleteName { key: key.clone() };
    let admin = actor("admin", Role::LocalAdmin, Some("620421"));
    let other = world.key("靖远县财政局.政务");
    world.does(&operator(), Command::PutName { key: other.clone(), spec: name_spec("u9", Some(2)) });
    let to_listed = Command::ChangeHolder { key: other, unit: unit_id("u1"), consent: consent() };
    assert_eq!(world.refuses(&operator(), to_listed), (Code::UnitBlacklisted, "unit".into()));
    for listed in [true, false] {
        if !listed {
            world.does(&operator(), Command::LiftHold { target: on_unit("u1"), reason: HoldReason::Blacklist });
        }
        assert_eq!(world.refuses(&submitter(), submit(Vec::new())).0, Code::DeletionFinal);
        assert_eq!(world.refuses(&operator(), submit(both("r-1", "r-2"))).0, Code::DeletionFinal);
        assert_eq!(world.refuses(&operator(), change("u9")).0, Code::DeletionFinal);
        for who in [&admin, &operator()] {
            assert_eq!(world.refuses(who, delete()).0, Code::DeletionFinal);
        }
        let expires = world.memory.names[&key].expires;
        let line = ImportName { expires, ..line.clone() };
        assert!(matches!(
            world.import(vec![line]).unwrap_err().first().code,
            Code::UnitBlacklisted | Code::DeletionFinal
        ));
    }
    // Its export is taken over as it is: the unit's record says why it is on its way.
    let (unit, name) = (world.memory.units[&unit_id("u1")].clone(), world.memory.names[&key].clone());
    let mut copy = World::new();
    copy.now = world.now;
    let spec = unit_spec(UnitKind::Organ);
    let unit = ImportItem::Unit {
        id: unit_id("u1"),
        spec,
        holds: unit.holds,
        penalties: unit.penalties,
        site_review: None,
        account: None,
    };
    let line = ImportName {
        registered: name.registered,
        expires: name.expires,
        resolution: None,
        life: name.life,
        ..copy.import_line("靖远县教育局.政务")
    };
    copy.does(&operator(), Command::Import { items: vec![(1, unit), (2, ImportItem::Name(Box::new(line)))] });
    assert_eq!(copy.memory.names[&key].life, name.life);
}

/// A local office does not take a name from under an order or a penalty: registered anew, it would be free of it.
#[test]
fn what_an_authority_holds_only_an_operator_deletes() {
    use HoldReason::{Blacklist, Legal, Penalty, RegistryAdmin, SiteReviewFailed, UnitRequest};
    let admin = actor("admin", Role::LocalAdmin, Some("620421"));
    for reason in [Legal, Blacklist, Penalty, SiteReviewFailed, RegistryAdmin, UnitRequest] {
        for on_the_unit in [false, true] {
            let mut world = World::new();
            let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
            let target = if on_the_unit { on_unit("u1") } else { on_name(&key) };
            let spec = hold_spec(None, Some(world.now.add_days(9)));
            world.does(&operator(), Command::PlaceHold { target, reason, spec });
            let delete = Command::DeleteName { key: key.clone() };
            if matches!(reason, Legal | Blacklist | Penalty) {
                assert_eq!(world.refuses(&admin, delete.clone()).0, Code::RoleForbidden, "{reason:?}");
                world.does(&operator(), delete);
            } else {
                world.does(&admin, delete);
            }
        }
    }
}

#[test]
fn only_an_operator_penalises() {
    let (mut world, _) = warned();
    for who in [submitter(), local(), central(), clock()] {
        let refused = world.refuses(&who, penalty(PenaltyStep::Suspension, None));
        assert_eq!(refused.0, Code::RoleForbidden);
    }
    let nobody = Command::Penalise {
        unit: unit_id("u9"),
        step: PenaltyStep::Warning,
        spec: PenaltySpec { violation: Violation::Other, evidence: "case-1".into(), end: None },
    };
    assert_eq!(world.refuses(&operator(), nobody).0, Code::UnitNotFound);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Whatever is asked in whatever order, the record climbs the ladder step by step.
    #[test]
    fn the_ladder_never_skips(steps in prop::collection::vec((0..4usize, 0..40i64), 1..40)) {
        let mut world = World::new();
        world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
        for (step, later) in steps {
            world.now = world.now.add_days(later);
            world.tick();
            let command = match step {
                3 => Command::LiftHold { target: on_unit("u1"), reason: HoldReason::Blacklist },
                1 => penalty(PenaltyStep::Suspension, Some(midnight(&world, 20))),
                _ => penalty(PenaltyStep::ALL[step], None),
            };
            drop(world.ask(&operator(), &command));
            let record = &world.memory.units[&unit_id("u1")].penalties.0;
            for pair in record.windows(2) {
                let next = Penalties(vec![pair[0].clone()]).next();
                prop_assert_eq!(pair[1].step, next);
            }
            prop_assert!(record.first().is_none_or(|first| first.step == PenaltyStep::Warning));
        }
    }
}
