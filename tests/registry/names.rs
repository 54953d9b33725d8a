//! Registrations: created, edited, renewed, ended (R5, R8, R24, R32).

use crate::world::*;
use zhengming::registry::command::{Command, HoldTarget, NameSpec};
use zhengming::registry::*;

fn put(key: &NameKey, spec: NameSpec) -> Command {
    Command::PutName { key: key.clone(), spec }
}

#[test]
fn a_name_is_registered_to_the_end_of_a_day() {
    let mut world = World::new();
    world.now = at("2024-02-29T15:00:00Z");
    let key = world.key("靖远县教育局。政务．cn");
    let decision = world.does(&operator(), put(&key, name_spec("u1", Some(2))));
    assert_eq!(&*decision.outcome.id, "xn--5nru1rvyheq2ar3pdik.xn--zfr164b");
    assert_eq!((&*decision.outcome.state, decision.outcome.created), ("inactive", true));
    let name = &world.memory.names[&key];
    assert_eq!((name.registered, name.expires), (world.now, at("2026-02-28T15:59:59Z")));
    assert_eq!((name.resolved_by, name.version), (0, decision.outcome.version));
}

#[test]
fn terms_and_slots_have_bounds() {
    let mut world = World::new();
    let key = world.key("靖远县教育局.政务");
    for years in [None, Some(0), Some(1), Some(11), Some(u32::MAX)] {
        let command = put(&key, name_spec("u1", years));
        assert_eq!(world.refuses(&operator(), command), (Code::TermInvalid, "years".into()));
    }
    for kind in [0, 8, 255] {
        let command = put(&key, NameSpec { kind, ..name_spec("u1", Some(2)) });
        assert_eq!(world.refuses(&operator(), command), (Code::KindInvalid, "kind".into()));
    }
    for (years, label) in [(2, "教育局"), (10, "财政局")] {
        let key = world.key(&format!("{label}.政务"));
        world.does(&operator(), put(&key, NameSpec { kind: 7, ..name_spec("u1", Some(years)) }));
    }
}

#[test]
fn labels_of_the_registry_itself_are_not_for_units() {
    let mut world = World::new();
    let (reserved, occupied) = (world.key("中国.政务"), world.key("国家.政务"));
    world.occupied.insert(occupied.clone());
    for (key, code) in [(reserved, Code::LabelReserved), (occupied, Code::LabelOccupied)] {
        assert_eq!(world.refuses(&operator(), put(&key, name_spec("u1", Some(2)))).0, code);
    }
    let elsewhere = world.key("靖远县教育局.政务");
    world.policy.sets.remove(0);
    assert_eq!(world.refuses(&operator(), put(&elsewhere, name_spec("u1", Some(2)))).0, Code::SuffixUnknown);
}

#[test]
fn a_name_changes_its_holder_with_consent_only() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    world.put_unit("u9", UnitKind::Organ);
    world.put_unit("u10", UnitKind::SocialOrganisation);
    let change = |unit: &str, consent: Option<&str>| Command::ChangeHolder {
        key: key.clone(),
        unit: unit_id(unit),
        consent: consent.map(Into::into),
    };
    for consent in [None, Some(""), Some("  "), Some("a\u{200b}b")] {
        assert_eq!(world.refuses(&operator(), change("u9", consent)), (Code::ConsentRequired, "consent".into()));
    }
    assert_eq!(world.refuses(&submitter(), change("u9", Some("doc-7"))).0, Code::RoleForbidden);
    assert_eq!(world.refuses(&operator(), change("nobody", Some("doc-7"))), (Code::UnitNotFound, "unit".into()));
    assert_eq!(world.refuses(&operator(), change("u10", Some("doc-7"))).0, Code::SuffixNotAllowed);
    // The old holder's hold and its waiting change stay behind with it; the resolution goes with the name.
    let waiting = world.submit(&key, addresses(&["203.0.113.6"]));
    let unit = world.memory.names[&key].unit.clone();
    let hold = Command::PlaceHold {
        target: HoldTarget::Unit(unit.clone()),
        reason: HoldReason::Legal,
        spec: hold_spec(None, None),
    };
    world.does(&operator(), hold);
    assert!(!world.memory.resolves(&key));
    let decision = world.does(&operator(), change("u9", Some("doc-7")));
    assert_eq!(&*decision.outcome.state, "active");
    assert!(world.memory.resolves(&key));
    assert_eq!(world.memory.changes[&waiting].state, ChangeState::Withdrawn);
    assert_eq!(world.memory.names[&key].unit, unit_id("u9"));
    // Once more changes nothing.
    assert!(world.does(&operator(), change("u9", Some("doc-7"))).events.is_empty());
    // From a unit that is held to one that is not, or back, it takes what placing and lifting its hold would.
    world.policy.second_factor = vec![Guarded::UnitHold];
    assert_eq!(world.refuses(&operator(), change("u1", Some("doc-8"))).0, Code::SecondFactorRequired);
    world.confirmed = true;
    world.does(&operator(), change("u1", Some("doc-8")));
    world.confirmed = false;
    assert_eq!(world.refuses(&operator(), change("u9", Some("doc-9"))).0, Code::SecondFactorRequired);
    let alike = Command::LiftHold { target: HoldTarget::Unit(unit_id("u1")), reason: HoldReason::Legal };
    world.policy.second_factor.clear();
    world.does(&operator(), alike);
    world.policy.second_factor = vec![Guarded::UnitHold];
    world.does(&operator(), change("u9", Some("doc-9")));
}

#[test]
fn a_name_stays_with_its_unit() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    for (unit, code) in [("u2", Code::NameOfOtherUnit), ("nobody", Code::NameOfOtherUnit)] {
        assert_eq!(world.refuses(&operator(), put(&key, name_spec(unit, Some(2)))), (code, "unit".into()));
    }
    let other = world.key("靖远县财政局.政务");
    let refused = world.refuses(&operator(), put(&other, name_spec("nobody", Some(2))));
    assert_eq!(refused, (Code::UnitNotFound, "unit".into()));
    let county = actor("county", Role::Operator, Some("620422"));
    assert_eq!(world.refuses(&county, put(&other, name_spec("u1", Some(2)))).0, Code::RegionForeign);
    assert_eq!(world.refuses(&county, put(&key, name_spec("u1", Some(2)))).0, Code::RegionForeign);
}

#[test]
fn an_edit_touches_kind_and_primary_only() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let before = world.memory.names[&key].clone();
    // The same again, with or without its term, changes nothing.
    for years in [Some(2), None] {
        let again = world.does(&operator(), put(&key, name_spec("u1", years)));
        assert_eq!((again.events.len(), again.outcome.version, again.outcome.created), (0, before.version, false));
    }
    for years in [1, 3, 11, u32::MAX] {
        let refused = world.refuses(&operator(), put(&key, name_spec("u1", Some(years))));
        assert_eq!(refused, (Code::TermByRenewalOnly, "years".into()));
    }
    world.now.0 += days(1);
    let edited = world.does(&operator(), put(&key, NameSpec { kind: 2, primary: false, ..name_spec("u1", None) }));
    let expected = Registration { kind: 2, primary: false, version: edited.outcome.version, ..before };
    assert_eq!(world.memory.names[&key], expected);
    assert_eq!(
        world.refuses(&operator(), put(&key, NameSpec { kind: 8, ..name_spec("u1", None) })).0,
        Code::KindInvalid
    );
}

#[test]
fn versions_guard_names() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let other = world.key("靖远县财政局.政务");
    world.if_match = Some(world.memory.names[&key].version + 1);
    for command in [
        put(&key, NameSpec { kind: 2, ..name_spec("u1", None) }),
        put(&other, name_spec("u1", Some(2))),
        Command::Renew { key: key.clone(), years: 2 },
        Command::DeleteName { key: key.clone() },
        Command::Submit { name: key.clone(), resolution: addresses(&["203.0.113.5"]), asserted: both("a", "b") },
        Command::PlaceHold { target: on_name(&key), reason: HoldReason::Legal, spec: hold_spec(None, None) },
        Command::PlaceHold { target: on_unit("u1"), reason: HoldReason::Legal, spec: hold_spec(None, None) },
    ] {
        assert_eq!(world.refuses(&operator(), command).0, Code::VersionStale);
    }
}

#[test]
fn a_renewal_counts_from_the_old_end() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    world.now.0 += days(100);
    world.does(&operator(), Command::Renew { key: key.clone(), years: 3 });
    assert_eq!(world.memory.names[&key].expires, at("2031-11-22T15:59:59Z"));
    for years in [0, 1, 11, 6] {
        let command = Command::Renew { key: key.clone(), years };
        assert_eq!(world.refuses(&operator(), command), (Code::TermInvalid, "years".into()), "{years}");
    }
    world.does(&operator(), Command::Renew { key: key.clone(), years: 5 });
    assert_eq!(world.memory.names[&key].expires, at("2036-11-22T15:59:59Z"));
    let missing = world.key("靖远县财政局.政务");
    assert_eq!(world.refuses(&operator(), Command::Renew { key: missing, years: 2 }).0, Code::NameNotFound);
}

#[test]
fn ten_years_may_remain_on_the_day_of_registration() {
    let mut world = World::new();
    let key = world.key("靖远县教育局.政务");
    world.does(&operator(), put(&key, name_spec("u1", Some(8))));
    world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    assert_eq!(world.refuses(&operator(), Command::Renew { key, years: 2 }).0, Code::TermInvalid);
}

#[test]
fn a_renewal_lifts_expired_and_nothing_else() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let place = Command::PlaceHold { target: on_name(&key), reason: HoldReason::Legal, spec: hold_spec(None, None) };
    world.does(&operator(), place);
    world.now = at("2031-01-01");
    world.tick();
    assert_eq!(world.holds_of(&key), [HoldReason::Legal, HoldReason::Expired]);
    // 2028 + 2 is still past.
    world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    assert_eq!(world.holds_of(&key), [HoldReason::Legal, HoldReason::Expired]);
    world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    assert_eq!(world.holds_of(&key), [HoldReason::Legal]);
    assert_eq!(world.tick(), 0);
}

#[test]
fn deletion_withdraws_what_is_pending() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    let decision = world.does(&operator(), Command::DeleteName { key: key.clone() });
    assert_eq!(&*decision.outcome.state, "deleted");
    assert!(!world.memory.names.contains_key(&key));
    assert_eq!(world.memory.changes[&change].state, ChangeState::Withdrawn);
    assert_eq!(world.refuses(&local(), approve(change, Level::Local)).0, Code::ChangeNotPending);
    assert_eq!(world.refuses(&operator(), Command::DeleteName { key: key.clone() }).0, Code::NameNotFound);
    // Whoever registers it next starts with nothing.
    let again = world.register("靖远县教育局.政务");
    assert_eq!((again.clone(), &world.memory.names[&again].resolution), (key, &None));
}
