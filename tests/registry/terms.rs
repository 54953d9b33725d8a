//! The life of terms: renewal and unfreezing, notices each once, the way to deletion, the label kept (R32, R35–R37, R54).

use crate::world::*;
use std::collections::BTreeSet;
use zhengming::registry::command::Command;
use zhengming::registry::life::Unfreeze;
use zhengming::registry::*;

fn renew(key: &NameKey, years: u32) -> Command {
    Command::Renew { key: key.clone(), years }
}

fn unfreeze(key: &NameKey) -> Command {
    Command::Unfreeze { key: key.clone() }
}

/// A world with one resolving name of `u1`, and the end of its term.
fn one() -> (World, NameKey, Timestamp) {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let end = world.memory.names[&key].expires;
    (world, key, end)
}

/// Everything the clock does at `now`; the notices.
fn pass(world: &mut World, now: Timestamp) -> Vec<Notice> {
    world.now = now;
    let mut notices = Vec::new();
    loop {
        let decision = world.does(&clock(), Command::Due { limit: 100 });
        if decision.events.is_empty() {
            break;
        }
        notices.extend(notices_of(&decision));
    }
    notices.extend(world.notify());
    notices
}

fn kinds(notices: &[Notice]) -> Vec<String> {
    notices.iter().map(|notice| notice.kind.to_string()).collect()
}

#[test]
fn each_notice_is_given_once_in_its_second() {
    let (mut world, key, end) = one();
    for (days, text) in [(-30, "term-30"), (-7, "term-7"), (5, "term+5")] {
        assert_eq!(pass(&mut world, Timestamp(end.add_days(days).0 - 1)), []);
        let notices = pass(&mut world, end.add_days(days));
        assert_eq!(kinds(&notices), [text]);
        let notice = &notices[0];
        assert_eq!((&notice.name, notice.unit.as_str(), notice.expires, notice.until), (&key, "u1", end, None));
        assert_eq!(pass(&mut world, end.add_days(days)), []);
    }
    // The term that a renewal makes has its own notices; the old end is behind it.
    world.does(&operator(), renew(&key, 2));
    let end = world.memory.names[&key].expires;
    assert_eq!(kinds(&pass(&mut world, end.add_days(-30))), ["term-30"]);
}

#[test]
fn a_clock_that_jumps_gives_the_last_notice_that_is_worth_giving() {
    for (days, expected) in [
        (-7, vec!["term-7"]),
        (-1, vec!["term-7"]),
        (0, vec![]),
        (4, vec![]),
        (5, vec!["term+5"]),
        (34, vec!["term+5"]),
    ] {
        let (mut world, _, end) = one();
        assert_eq!(kinds(&pass(&mut world, end.add_days(days))), expected, "{days}");
    }
    // News of long ago is none.
    let (mut world, _, end) = one();
    assert_eq!(pass(&mut world, end.add_days(35)), []);
}

#[test]
fn small_steps_give_as_many_notices_as_large_ones() {
    let mut world = World::new();
    let keys: Vec<NameKey> =
        (0..20).map(|n| world.resolve(&format!("第{n}中学.政务"), addresses(&["203.0.113.5"]))).collect();
    let end = world.memory.names[&keys[0]].expires;
    let notices = pass(&mut world, end.add_days(-30));
    let told: BTreeSet<&NameKey> = notices.iter().map(|notice| &notice.name).collect();
    assert_eq!((notices.len(), told.len()), (20, 20));
    // A clock that runs back and forth tells nobody anything twice.
    assert_eq!(pass(&mut world, end.add_days(-40)), []);
    assert_eq!(pass(&mut world, end.add_days(-30)), []);
}

#[test]
fn a_name_that_comes_behind_the_others_is_not_forgotten() {
    let (mut world, key, end) = one();
    assert_eq!(kinds(&pass(&mut world, end.add_days(-3))), ["term-7"]);
    // The label stands before that of the other, so that the walk has passed its place.
    let mut line = world.import_line("一局.政务");
    line.expires = end;
    assert!(line.key < key);
    let decision = world.import(vec![line.clone()]).expect("granted");
    assert_eq!(kinds(&notices_of(&decision)), ["term-7"]);
    assert_eq!(pass(&mut world, end.add_days(-3)), []);
    // The same line again changes nothing and tells nothing; one that comes before the walk waits for it.
    assert_eq!(world.import(vec![line]).expect("granted").events, []);
    let mut later = world.import_line("一所.政务");
    later.expires = end.add_days(2);
    assert_eq!(notices_of(&world.import(vec![later]).expect("granted")), []);
    assert_eq!(kinds(&pass(&mut world, end.add_days(-3))), ["term-7"]);
}

#[test]
fn the_brake_keeps_notices_back() {
    let mut world = World::new();
    let keys: Vec<NameKey> =
        (0..30).map(|n| world.resolve(&format!("第{n}中学.政务"), addresses(&["203.0.113.5"]))).collect();
    let end = world.memory.names[&keys[0]].expires;
    assert_eq!(pass(&mut world, end.add_days(5)), []);
    assert!(world.memory.brake.stop.is_some());
    world.does(&operator(), Command::ReleaseBrake { reason: "seen".into(), names: None });
    assert_eq!(pass(&mut world, end.add_days(5)).len(), 30);
}

#[test]
fn two_unpaid_years_lead_to_the_final_notice_and_it_to_deletion() {
    let (mut world, key, end) = one();
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    pass(&mut world, end.add_days(5));
    assert_eq!(pass(&mut world, Timestamp(end.add_days(730).0 - 1)), []);
    let notices = pass(&mut world, end.add_days(730));
    assert_eq!(kinds(&notices), ["final"]);
    let until = end.add_days(760);
    assert_eq!(notices[0].until, Some(until));
    assert_eq!(world.memory.names[&key].life.leaving, Some(Leaving { stage: Stage::Final, until }));
    // To the last second a renewal restores it, as far as it is renewed.
    let mut restored = world.clone();
    restored.now = Timestamp(until.0 - 1);
    restored.does(&operator(), renew(&key, 2));
    let name = &restored.memory.names[&key];
    assert_eq!((name.life, name.expires), (Life::default(), end.add_years(2)));
    assert!(!restored.memory.resolves(&key), "the term has ended again before now");
    restored.does(&operator(), renew(&key, 2));
    assert!(restored.memory.resolves(&key));

    world.now = until;
    // Nothing restores it any more, whether the clock has come to it or not.
    assert_eq!(world.refuses(&operator(), renew(&key, 2)).0, Code::DeletionFinal);
    assert_eq!(world.refuses(&submitter(), unfreeze(&key)).0, Code::DeletionFinal);
    let notices = pass(&mut world, until);
    assert_eq!(kinds(&notices), ["deleted"]);
    assert_eq!(notices[0].until, Some(until.add_days(365)));
    assert!(!world.memory.names.contains_key(&key));
    assert_eq!(world.memory.changes[&change].state, ChangeState::Withdrawn);
    assert_eq!(world.refuses(&operator(), renew(&key, 2)).0, Code::NameNotFound);
}

#[test]
fn a_deleted_label_is_kept_for_its_unit() {
    let (mut world, key, end) = one();
    for days in [5, 730, 760] {
        pass(&mut world, end.add_days(days));
    }
    world.put_unit("u3", UnitKind::Organ);
    let register = |unit: &str| Command::PutName { key: key.clone(), spec: name_spec(unit, Some(2)) };
    assert_eq!(world.refuses(&operator(), register("u3")).0, Code::LabelKept);
    let mut line = world.import_line("靖远县教育局.政务");
    line.unit = unit_id("u3");
    assert_eq!(world.import(vec![line]).expect_err("refused").first().code, Code::LabelKept);
    // Its own unit comes back, and the label is no longer kept.
    let mut back = world.clone();
    back.does(&operator(), register("u1"));
    assert!(back.memory.kept.is_empty() && !back.memory.resolves(&key), "a new registration, nothing approved");
    // A year later anybody may have it.
    let free = end.add_days(760 + 365);
    pass(&mut world, Timestamp(free.0 - 1));
    assert_eq!(world.refuses(&operator(), register("u3")).0, Code::LabelKept);
    pass(&mut world, free);
    assert!(world.memory.kept.is_empty());
    world.does(&operator(), register("u3"));
}

#[test]
fn the_other_profile_redeems_for_a_month_and_ends_five_days_later() {
    let (mut world, key, end) = one();
    world.policy.terms.profiles = vec![("xn--zfr164b".into(), Profile::ICANN_RGP)];
    pass(&mut world, end);
    assert!(!world.memory.resolves(&key));
    assert_eq!(kinds(&pass(&mut world, end.add_days(45))), ["final"]);
    let mut restored = world.clone();
    restored.now = end.add_days(74);
    restored.does(&operator(), renew(&key, 2));
    assert!(restored.memory.resolves(&key));

    pass(&mut world, end.add_days(75));
    let pending = Leaving { stage: Stage::PendingDelete, until: end.add_days(80) };
    assert_eq!(world.memory.names[&key].life.leaving, Some(pending));
    assert_eq!(world.refuses(&operator(), renew(&key, 2)).0, Code::DeletionFinal);
    assert_eq!(pass(&mut world, Timestamp(end.add_days(80).0 - 1)), []);
    assert_eq!(kinds(&pass(&mut world, end.add_days(80))), ["deleted"]);
    // Free for everybody at once.
    world.put_unit("u3", UnitKind::Organ);
    world.does(&operator(), Command::PutName { key, spec: name_spec("u3", Some(2)) });
}

#[test]
fn sets_have_profiles_of_their_own() {
    let (mut world, key, end) = one();
    world.policy.terms.profiles = vec![("xn--55qw42g".into(), Profile::ICANN_RGP)];
    let other = world.key("靖远县医院.公益");
    world.does(&operator(), Command::PutName { key: other.clone(), spec: name_spec("u2", Some(2)) });
    let notices = pass(&mut world, end.add_days(60));
    assert_eq!(notices.iter().map(|notice| &notice.name).collect::<Vec<_>>(), [&other]);
    assert_eq!(world.memory.names[&key].life, Life::default());
}

#[test]
fn mass_deletion_waits_for_a_release() {
    let mut world = World::new();
    let keys: Vec<NameKey> =
        (0..30).map(|n| world.resolve(&format!("第{n}中学.政务"), addresses(&["203.0.113.5"]))).collect();
    let end = world.memory.names[&keys[0]].expires;
    let release = || Command::ReleaseBrake { reason: "seen".into(), names: None };
    pass(&mut world, end);
    world.does(&operator(), release());
    assert_eq!(pass(&mut world, end.add_days(730)).len(), 30);
    assert_eq!(world.memory.brake.stop, None);
    pass(&mut world, end.add_days(760));
    assert_eq!((world.memory.names.len(), world.memory.brake.stop.as_ref().map(|stop| stop.names)), (30, Some(30)));
    world.does(&operator(), release());
    assert_eq!(pass(&mut world, end.add_days(760)).len(), 30);
    assert_eq!((world.memory.names.len(), world.memory.brake.stop.clone()), (0, None));
}

#[test]
fn what_the_brake_has_stopped_is_never_given_up() {
    let mut world = World::new();
    let keys: Vec<NameKey> =
        (0..30).map(|n| world.resolve(&format!("第{n}中学.政务"), addresses(&["203.0.113.5"]))).collect();
    let end = world.memory.names[&keys[0]].expires;
    assert_eq!(pass(&mut world, end.add_days(4000)), []);
    assert!(keys.iter().all(|key| world.memory.resolves(key)));
}

#[test]
fn a_request_to_unfreeze_restores_where_the_profile_asks_for_it() {
    let (mut world, key, end) = one();
    assert_eq!(world.refuses(&submitter(), unfreeze(&key)).0, Code::NotFrozen);
    pass(&mut world, end);
    // By default an operator's renewal is enough; `orders` are for those that units pay.
    let mut direct = world.clone();
    direct.does(&operator(), renew(&key, 2));
    assert!(direct.memory.resolves(&key));

    world.policy.terms.national.unfreeze = Unfreeze::Always;
    assert_eq!(world.refuses(&actor("a", Role::Viewer, None), unfreeze(&key)).0, Code::RoleForbidden);
    // First renewed, then asked.
    let mut paid_first = world.clone();
    paid_first.does(&operator(), renew(&key, 2));
    assert!(!paid_first.memory.resolves(&key));
    assert_eq!(paid_first.memory.names[&key].expires, end.add_years(2));
    paid_first.tick();
    paid_first.does(&submitter(), unfreeze(&key));
    assert!(paid_first.memory.resolves(&key));
    assert_eq!(paid_first.memory.names[&key].life, Life::default());
    // First asked, then renewed; asking twice is asking once.
    world.does(&submitter(), unfreeze(&key));
    assert_eq!(world.does(&submitter(), unfreeze(&key)).events, []);
    assert!(!world.memory.resolves(&key));
    world.does(&operator(), renew(&key, 2));
    assert!(world.memory.resolves(&key));
    assert_eq!(world.memory.names[&key].life, Life::default());
}

#[test]
fn a_move_is_announced_for_three_months() {
    let (mut world, key, _) = one();
    world.now = at("2027-03-01T01:00:00Z");
    let migrate = |notice: Option<&str>| Command::Migrate { key: key.clone(), notice: notice.map(at) };
    let delete = || Command::DeleteName { key: key.clone() };
    for bad in ["2026-11-01", "2028-03-02"] {
        assert_eq!(world.refuses(&operator(), migrate(Some(bad))), (Code::MigrationInvalid, "notice".into()));
    }
    world.does(&operator(), migrate(Some("2027-03-01")));
    assert_eq!(world.does(&operator(), migrate(Some("2027-03-01"))).events, []);
    world.now = Timestamp::parse_end("2027-05-31").unwrap();
    assert_eq!(world.refuses(&operator(), delete()).0, Code::MigrationRunning);
    // Taken back, it is any name again.
    let mut stays = world.clone();
    stays.does(&operator(), migrate(None));
    stays.does(&operator(), delete());
    world.now = at("2027-06-01");
    world.does(&operator(), delete());
}

#[test]
fn leap_days_end_on_the_28th_and_ten_years_are_the_most() {
    let mut world = World::new();
    world.now = at("2028-02-29T04:00:00Z");
    let key = world.register("靖远县教育局.政务");
    assert_eq!(world.memory.names[&key].expires, Timestamp::parse_end("2030-02-28").unwrap());
    for years in [0, 1, 9, 11, u32::MAX] {
        assert_eq!(world.refuses(&operator(), renew(&key, years)), (Code::TermInvalid, "years".into()), "{years}");
    }
    world.does(&operator(), renew(&key, 8));
    assert_eq!(world.refuses(&operator(), renew(&key, 2)).0, Code::TermInvalid);
}

/// R37: whoever lets a name run out may have it again within a year, also if it was deleted by hand meanwhile; whoever gives a
/// name up in its term has given it up. Both are told.
#[test]
fn a_deletion_by_hand_keeps_the_label_of_what_has_run_out_alone() {
    let admin = actor("admin", Role::LocalAdmin, Some("620421"));
    let mut world = World::new();
    world.put_unit("u3", UnitKind::Organ);
    let (given_up, run_out) = (world.register("靖远县教育局.政务"), world.register("靖远县财政局.政务"));
    let delete = |key: &NameKey| Command::DeleteName { key: key.clone() };
    let put = |key: &NameKey| Command::PutName { key: key.clone(), spec: name_spec("u3", Some(2)) };
    let notice = notices_of(&world.does(&admin, delete(&given_up)));
    assert_eq!((notice[0].kind, notice[0].until), (NoticeKind::Deleted, None));
    world.does(&operator(), put(&given_up));
    world.now = Timestamp(world.memory.names[&run_out].expires.0 + 1);
    world.tick();
    let notice = notices_of(&world.does(&admin, delete(&run_out)));
    assert_eq!((notice[0].kind, notice[0].until), (NoticeKind::Deleted, Some(world.now.add_days(365))));
    assert_eq!(world.refuses(&operator(), put(&run_out)).0, Code::LabelKept);
    world.register("靖远县财政局.政务");
}
