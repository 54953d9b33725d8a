//! Imports: whole or not at all, again without harm.

use crate::world::*;
use zhengming::registry::command::{Command, ImportBasis, ImportItem, ImportName};
use zhengming::registry::decide::IMPORT_BATCH_MAX;
use zhengming::registry::*;

fn hold(start: Timestamp, end: Option<Timestamp>) -> Hold {
    Hold { start, end, active: false, evidence: "case-1".into(), by: "before".into() }
}

fn holds(reason: HoldReason, hold: Hold) -> Holds {
    Holds([(reason, hold)].into())
}

fn unit_line(id: &str, kind: UnitKind, holds: Holds) -> ImportItem {
    ImportItem::Unit {
        id: unit_id(id),
        spec: unit_spec(kind),
        holds,
        penalties: Penalties::default(),
        site_review: None,
        account: None,
    }
}

fn name_line(name: ImportName) -> ImportItem {
    ImportItem::Name(Box::new(name))
}

/// The code, line and field of each refusal.
fn refused(result: Result<Decision, Refusals>) -> Vec<(Code, Option<usize>, String)> {
    let refusals = result.expect_err("the batch is refused");
    refusals.iter().map(|r| (r.code, r.line, r.field.as_deref().unwrap_or_default().into())).collect()
}

#[test]
fn a_batch_brings_units_and_names_at_once_and_again_without_change() {
    let mut world = World::new();
    let mut line = world.import_line("靖远县财政局.政务");
    line.unit = unit_id("u9");
    let items = vec![(1, unit_line("u9", UnitKind::Organ, Holds::default())), (2, name_line(line))];
    let command = Command::Import { items };
    let decision = world.does(&operator(), command.clone());
    assert_eq!((decision.events.len(), decision.outcome.created), (2, true));
    let key = world.key("靖远县财政局.政务");
    assert!(world.memory.resolves(&key));
    assert_eq!(world.memory.names[&key].resolved_by, decision.outcome.version);
    world.now.0 += 100;
    assert_eq!(world.does(&operator(), command).events, []);
}

#[test]
fn every_bad_line_is_reported_and_nothing_is_taken() {
    let mut world = World::new();
    let taken = world.key("靖远县人民医院.公益");
    world.does(&operator(), Command::PutName { key: taken, spec: name_spec("u2", Some(2)) });
    world.occupied.insert(world.key("国家.政务"));
    let before = world.memory.clone();
    let line = |name: &str| world.import_line(name);
    let good = line("靖远县财政局.政务");
    let with = |edit: &dyn Fn(&mut ImportName)| {
        let mut line = good.clone();
        edit(&mut line);
        line
    };
    let now = world.now;
    let past = Timestamp(now.0 - days(1));
    let lines = vec![
        good.clone(),
        with(&|l| l.unit = unit_id("nobody")),
        with(&|l| l.kind = 0),
        ImportName { unit: unit_id("u1"), ..line("靖远县人民医院.公益") },
        line("国家.政务"),
        line("中国.政务"),
        line("靖远县文化馆.公益"),
        with(&|l| l.registered = Timestamp(now.0 + 1)),
        with(&|l| l.expires = l.registered.add_years(0).end_of_day().add_years(20)),
        with(&|l| (l.registered, l.expires) = (past, Timestamp(past.0 - days(2)))),
        with(&|l| l.resolution = Some(addresses(&[]))),
        with(&|l| l.basis = ImportBasis::Approvals(both("a", "operator"))),
        with(&|l| l.basis = ImportBasis::Approvals(Vec::new())),
        with(&|l| l.holds = holds(HoldReason::Expired, hold(past, None))),
        with(&|l| l.holds = holds(HoldReason::Penalty, hold(past, None))),
    ];
    let result = world.import(lines);
    let expected = [
        (Code::UnitNotFound, "name.unit"),
        (Code::KindInvalid, "name.kind"),
        (Code::NameOfOtherUnit, "name.unit"),
        (Code::LabelOccupied, "name.name"),
        (Code::LabelReserved, "name.name"),
        (Code::SuffixNotAllowed, "name.name"),
        (Code::TermInvalid, "name.registered"),
        (Code::TermInvalid, "name.expires"),
        (Code::TermInvalid, "name.registered"),
        (Code::AddressInvalid, "name.resolution.addresses"),
        (Code::SamePrincipal, "name.approvals"),
        (Code::ApprovalsIncomplete, "name.approvals"),
        (Code::HoldByClockOnly, "name.holds"),
        (Code::HoldInvalid, "name.holds"),
    ];
    let expected: Vec<_> =
        expected.iter().enumerate().map(|(i, (code, field))| (*code, Some(i + 2), (*field).to_owned())).collect();
    assert_eq!(refused(result), expected);
    assert_eq!(world.memory, before);
}

#[test]
fn a_line_takes_nothing_away() {
    let mut world = World::new();
    let line = world.import_line("靖远县教育局.政务");
    world.import(vec![line.clone()]).unwrap();
    let key = line.key.clone();
    let spec = hold_spec(None, None);
    world
        .does(&operator(), Command::PlaceHold { target: on_name(&key), reason: HoldReason::Legal, spec: spec.clone() });
    world.does(&operator(), Command::PlaceHold { target: on_unit("u1"), reason: HoldReason::Blacklist, spec });
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    let before = world.memory.clone();
    let without_resolution = ImportName { resolution: None, ..line.clone() };
    for again in [line.clone(), without_resolution] {
        let items = vec![(1, unit_line("u1", UnitKind::Organ, Holds::default())), (2, name_line(again))];
        assert_eq!(world.does(&operator(), Command::Import { items }).events, []);
    }
    assert_eq!(world.memory, before);
    assert_eq!(world.memory.names[&key].pending, Some(change));
    // Once the term was renewed, the old line is out of date.
    world.does(&operator(), Command::Renew { key, years: 2 });
    assert_eq!(refused(world.import(vec![line])), [(Code::TermByRenewalOnly, Some(1), "name.expires".into())]);
}

#[test]
fn holds_of_a_line_are_judged_by_the_clock() {
    let mut world = World::new();
    let (past, future) = (Timestamp(world.now.0 - 10), Timestamp(world.now.0 + 10));
    for (hold, active) in [
        (hold(past, None), Some(true)),
        (hold(past, Some(future)), Some(true)),
        (hold(future, None), Some(false)),
        (hold(past, Some(world.now)), None),
    ] {
        let mut world = world.clone();
        let line =
            ImportName { holds: holds(HoldReason::Legal, hold), ..world.import_line("靖远县教育局.政务") };
        world.import(vec![line.clone()]).unwrap();
        let found = world.memory.names[&line.key].holds.0.get(&HoldReason::Legal);
        assert_eq!(found.map(|hold| (hold.active, &*hold.by)), active.map(|active| (active, "before")));
    }
    let items = vec![(1, unit_line("u1", UnitKind::Organ, holds(HoldReason::Expired, hold(past, None))))];
    assert_eq!(world.refuses(&operator(), Command::Import { items }), (Code::HoldByClockOnly, "unit.holds".into()));
}

/// What has ended takes away the hold that it tells of, and takes the second factor that lifting takes; whatever was placed
/// since, for something else or by another, stands.
#[test]
fn an_ended_hold_lifts_the_one_it_tells_of_and_no_other() {
    let mut world = World::new();
    let placed = hold(world.now, None);
    let with = |hold: &Hold| vec![(1, unit_line("u1", UnitKind::Organ, holds(HoldReason::Legal, hold.clone())))];
    world.does(&operator(), Command::Import { items: with(&placed) });
    let lifted_at = Timestamp(world.now.0 + 60);
    let told = placed.lifted(lifted_at);
    world.now.0 += 120;
    let kept = |world: &World| world.memory.units[&unit_id("u1")].holds.0.contains_key(&HoldReason::Legal);
    let ended_by_itself = Hold { end: Some(lifted_at), ..placed.clone() };
    let of_another = Hold { by: "another".into(), ..told.clone() };
    let for_another_case = Hold { evidence: "case-2".into(), ..told.clone() };
    for other in [ended_by_itself, of_another, for_another_case] {
        assert_eq!(world.does(&operator(), Command::Import { items: with(&other) }).events, [], "{other:?}");
    }
    world.policy.second_factor = vec![Guarded::UnitHold];
    assert_eq!(world.refuses(&operator(), Command::Import { items: with(&told) }).0, Code::SecondFactorRequired);
    assert!(kept(&world));
    let mut confirmed = world.clone();
    confirmed.confirmed = true;
    confirmed.does(&operator(), Command::Import { items: with(&told) });
    assert!(!kept(&confirmed));
    // Placed anew since, it stands against the old file.
    world.policy.second_factor.clear();
    world.does(&operator(), Command::LiftHold { target: on_unit("u1"), reason: HoldReason::Legal });
    world.does(&operator(), Command::Import { items: with(&Hold { start: world.now, ..placed }) });
    assert_eq!(world.does(&operator(), Command::Import { items: with(&told) }).events, []);
    assert!(kept(&world));
}

#[test]
fn who_placed_a_hold_is_told_in_words() {
    let mut world = World::new();
    let long = "x".repeat(101);
    for by in ["a\nb", " ", "a\u{202e}b", "a\u{e0041}b", long.as_str()] {
        let hold = Hold { by: by.into(), ..hold(world.now, None) };
        let line =
            ImportName { holds: holds(HoldReason::Legal, hold), ..world.import_line("靖远县教育局.政务") };
        assert_eq!(refused(world.import(vec![line])), [(Code::HoldInvalid, Some(1), "name.holds".into())], "{by:?}");
    }
}

/// Renewed and not unfrozen, a name goes into another registry as it is, and waits there for the request (R35). An old line
/// does not freeze a name that was unfrozen since, and no line unfreezes one.
#[test]
fn a_frozen_name_stays_frozen() {
    let mut world = World::new();
    let registered = Timestamp(world.now.0 - days(1000));
    let expired = Hold { evidence: "term".into(), by: "clock".into(), ..hold(registered.term_end(2), None) };
    let frozen = ImportName {
        registered,
        expires: registered.term_end(4),
        holds: holds(HoldReason::Expired, expired.clone()),
        ..world.import_line("靖远县教育局.政务")
    };
    let (key, import) = (frozen.key.clone(), |line: &ImportName| vec![line.clone()]);
    world.import(import(&frozen)).unwrap();
    assert_eq!(world.holds_of(&key), [HoldReason::Expired]);
    let before = world.memory.clone();
    let without = ImportName { holds: Holds::default(), ..frozen.clone() };
    for line in [&frozen, &without] {
        world.import(import(line)).unwrap();
        assert_eq!(world.memory, before);
    }
    world.does(&submitter(), Command::Unfreeze { key: key.clone() });
    assert!(world.memory.resolves(&key));
    world.import(import(&frozen)).unwrap();
    assert!(world.memory.resolves(&key));
    // Nobody else puts EXPIRED on a term that lasts, and where nobody asks to unfreeze, nothing waits for it.
    let mut world = World::new();
    let of_another = Hold { by: "operator".into(), ..expired };
    let forged = ImportName { holds: holds(HoldReason::Expired, of_another), ..frozen.clone() };
    assert_eq!(refused(world.import(vec![forged])), [(Code::HoldByClockOnly, Some(1), "name.holds".into())]);
    world.policy.terms.profiles = vec![("xn--zfr164b".into(), Profile::ICANN_RGP)];
    assert_eq!(refused(world.import(vec![frozen])), [(Code::HoldByClockOnly, Some(1), "name.holds".into())]);
}

#[test]
fn a_term_that_is_over_expires_the_name_at_once() {
    let mut world = World::new();
    let registered = Timestamp(world.now.0 - days(1000));
    let old = |holds| ImportName {
        registered,
        expires: registered.term_end(2),
        holds,
        ..world.import_line("靖远县教育局.政务")
    };
    let expired = holds(HoldReason::Expired, hold(registered.term_end(2), None));
    for line in [old(Holds::default()), old(expired)] {
        let mut world = world.clone();
        world.import(vec![line.clone()]).unwrap();
        assert_eq!(world.holds_of(&line.key), [HoldReason::Expired]);
        assert_eq!(world.tick(), 0);
        // A later line that brings a term lifts it.
        let renewed = ImportName { expires: registered.term_end(5), holds: Holds::default(), ..line.clone() };
        world.import(vec![renewed]).unwrap();
        assert!(world.memory.resolves(&line.key));
    }
    world.policy.expiry_grace_secs = days(1000);
    let line =
        ImportName { registered, expires: registered.term_end(2), ..world.import_line("靖远县教育局.政务") };
    world.import(vec![line.clone()]).unwrap();
    assert!(world.memory.resolves(&line.key));
}

/// ICANN's profile: redemption is the last time in which a later term restores a name, in a file as by a renewal.
#[test]
fn no_line_restores_a_name_past_its_final_notice() {
    let mut world = World::new();
    world.policy.terms.profiles = vec![("xn--zfr164b".into(), Profile::ICANN_RGP)];
    let line = world.import_line("靖远县教育局.政务");
    world.import(vec![line.clone()]).unwrap();
    let (key, end) = (line.key.clone(), world.memory.names[&line.key].expires);
    let later = ImportName { expires: end.add_years(2), ..line.clone() };
    let pass = |world: &mut World, days: i64| {
        world.now = end.add_days(days);
        world.tick();
        world.notify();
    };
    pass(&mut world, 0);
    pass(&mut world, 45);
    assert_eq!(world.memory.names[&key].life.leaving.map(|leaving| leaving.stage), Some(Stage::Final));
    let mut redeemed = world.clone();
    redeemed.import(vec![later.clone()]).unwrap();
    assert!(redeemed.memory.resolves(&key));
    // The redemption has run out, whether the clock has come to it or not; then for five days nothing helps.
    world.now = end.add_days(75);
    assert_eq!(refused(world.import(vec![later.clone()])), [(Code::DeletionFinal, Some(1), "name.expires".into())]);
    pass(&mut world, 75);
    let leaving = world.memory.names[&key].life.leaving;
    assert_eq!(leaving.map(|leaving| leaving.stage), Some(Stage::PendingDelete));
    let before = world.memory.clone();
    assert_eq!(refused(world.import(vec![later.clone()])), [(Code::DeletionFinal, Some(1), "name.expires".into())]);
    assert_eq!(world.memory, before);
    // The line that it came with, or that an export of today has, changes nothing.
    let today = ImportName { life: Life { leaving, ..Life::default() }, ..line.clone() };
    for same in [line, today] {
        assert_eq!(world.import(vec![same]).unwrap().events, []);
    }
    // Once it is gone, it is a new name.
    pass(&mut world, 80);
    assert!(!world.memory.names.contains_key(&key));
    world.import(vec![later]).unwrap();
    assert!(world.memory.resolves(&key));
}

#[test]
fn lines_see_the_lines_before_them() {
    let mut world = World::new();
    let to = |world: &World, from: &str, to: &str| ImportName {
        resolution: Some(forward(&format!("https://{to}/"))),
        ..world.import_line(from)
    };
    let there = to(&world, "靖远县教育局.政务", "靖远县财政局.政务");
    let back = to(&world, "靖远县财政局.政务", "靖远县教育局.政务");
    assert_eq!(
        refused(world.import(vec![there, back])),
        [(Code::TargetLoop, Some(2), "name.resolution.target".into())]
    );
    // A unit that changes its kind is held against the names of the same batch.
    let mut line = world.import_line("靖远县教育局.政务");
    line.unit = unit_id("u9");
    let items = vec![
        (1, unit_line("u9", UnitKind::Organ, Holds::default())),
        (2, name_line(line)),
        (3, unit_line("u9", UnitKind::SocialOrganisation, Holds::default())),
    ];
    let result = world.ask(&operator(), &Command::Import { items });
    assert_eq!(refused(result), [(Code::SuffixNotAllowed, Some(3), "unit.kind".into())]);
}

#[test]
fn the_brake_stops_a_batch() {
    let mut world = World::new();
    let lines: Vec<_> = (0..30).map(|n| world.import_line(&format!("第{n}中学.政务"))).collect();
    world.import(lines.clone()).unwrap();
    let held = |count: usize| -> Vec<ImportName> {
        let hold = || holds(HoldReason::Legal, hold(Timestamp(0), None));
        lines[..count].iter().map(|line| ImportName { holds: hold(), ..line.clone() }).collect()
    };
    assert_eq!(refused(world.import(held(21))), [(Code::Brake, None, String::new())]);
    let on_unit = vec![(1, unit_line("u1", UnitKind::Organ, holds(HoldReason::Legal, hold(Timestamp(0), None))))];
    assert_eq!(world.refuses(&operator(), Command::Import { items: on_unit }).0, Code::Brake);
    world.does(&operator(), Command::ReleaseBrake { reason: "seen".into(), names: Some(0) });
    world.import(held(20)).unwrap();
    // Names that come in held suspend nobody.
    let new = |n| ImportName {
        holds: holds(HoldReason::Legal, hold(Timestamp(0), None)),
        ..world.import_line(&format!("第{n}小学.政务"))
    };
    let new: Vec<_> = (0..30).map(new).collect();
    world.import(new).unwrap();
}

#[test]
fn a_batch_has_a_limit_and_a_role() {
    let mut world = World::new();
    let line = world.import_line("靖远县教育局.政务");
    let items = |count| (1..=count).map(|n| (n, name_line(line.clone()))).collect();
    assert_eq!(
        world.refuses(&operator(), Command::Import { items: items(IMPORT_BATCH_MAX + 1) }).0,
        Code::BatchTooLarge
    );
    assert_eq!(world.refuses(&submitter(), Command::Import { items: items(1) }).0, Code::RoleForbidden);
    assert_eq!(world.does(&operator(), Command::Import { items: items(IMPORT_BATCH_MAX) }).events.len(), 1);
    assert_eq!(world.does(&operator(), Command::Import { items: Vec::new() }).events, []);
    let county = actor("county", Role::Operator, Some("620422"));
    assert_eq!(world.refuses(&county, Command::Import { items: items(1) }).0, Code::RegionForeign);
}
