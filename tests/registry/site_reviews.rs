//! Reviews of units' sites: who does what in which state, what neglect brings, and what the pass lifts (R17, R18, R20, R22, R23, R55).

use crate::world::*;
use zhengming::registry::command::{Command, ImportItem, Verdict};
use zhengming::registry::procedure::SiteReviewCommand as Site;
use zhengming::registry::*;

/// Twenty working days after Sunday, 22 November 2026.
const SUBMIT_BY: &str = "2026-12-18T15:59:59Z";

fn on(unit: &str, command: Site) -> Command {
    Command::ReviewSite { unit: unit_id(unit), command }
}

fn open(unit: &str) -> Command {
    on(unit, Site::Open { kind: SiteReviewKind::New, deadline: None })
}

fn submit(unit: &str, name: &NameKey) -> Command {
    on(unit, Site::Submit { name: name.clone() })
}

fn approve(unit: &str, step: SiteStep) -> Command {
    on(unit, Site::Decide { step, verdict: Verdict::Approve, papers: Vec::new() })
}

fn reject(unit: &str, step: SiteStep) -> Command {
    let verdict = Verdict::Reject { reason: "标识位置不符".into() };
    on(unit, Site::Decide { step, verdict, papers: Vec::new() })
}

fn postpone(to: Timestamp) -> Command {
    on("u1", Site::Postpone { deadline: to, reason: "单位搬迁".into() })
}

fn admin() -> Actor {
    actor("admin", Role::LocalAdmin, Some("620421"))
}

/// The reviewer of u2's region.
fn away() -> Actor {
    actor("away", Role::LocalReviewer, Some("620422"))
}

fn review_of(world: &World, unit: &str) -> SiteReview {
    *world.memory.units[&unit_id(unit)].site_review.clone().expect("a review")
}

/// Reasons, and who placed each.
fn holds_of(world: &World, unit: &str) -> Vec<(HoldReason, String)> {
    let holds = &world.memory.units[&unit_id(unit)].holds.0;
    holds.iter().filter(|(_, hold)| hold.active).map(|(reason, hold)| (*reason, hold.by.to_string())).collect()
}

/// A world with one resolving name of the organ u1, whose site is under review.
fn opened() -> (World, NameKey) {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    world.does(&operator(), open("u1"));
    (world, key)
}

/// The same, both reviews passed: an organ's papers are awaited.
fn awaiting_papers() -> (World, NameKey) {
    let (mut world, key) = opened();
    world.does(&submitter(), submit("u1", &key));
    world.does(&local(), approve("u1", SiteStep::Local));
    world.does(&central(), approve("u1", SiteStep::Central));
    (world, key)
}

fn pass(world: &mut World, key: &NameKey) {
    world.does(&submitter(), submit("u1", key));
    world.does(&local(), approve("u1", SiteStep::Local));
    world.does(&central(), approve("u1", SiteStep::Central));
    world.does(&local(), approve("u1", SiteStep::Paper));
}

fn skip_to(world: &mut World, at: Timestamp) {
    world.now = at;
    world.tick();
}

/// The last second in time, and the one after it.
fn pass_deadline(world: &mut World, key: &NameKey) {
    let deadline = review_of(world, "u1").deadline.expect("a deadline");
    let resolved = world.memory.resolves(key);
    skip_to(world, deadline);
    assert_eq!(world.memory.resolves(key), resolved, "the last second is in time");
    skip_to(world, Timestamp(deadline.0 + 1));
}

#[test]
fn papers_are_asked_of_organs_alone() {
    let (mut world, key) = awaiting_papers();
    let review = review_of(&world, "u1");
    assert_eq!((review.state, review.paper), (SiteReviewState::Paper, None), "no pass without papers");
    let paper = Paper { paper: "letter".into(), scan: "scan-1".into() };
    let confirm = |papers| on("u1", Site::Decide { step: SiteStep::Paper, verdict: Verdict::Approve, papers });
    world.policy.site_review.papers = vec!["letter".into(), "form".into()];
    let refused = world.refuses(&local(), confirm(vec![paper.clone()]));
    assert_eq!(refused, (Code::PapersIncomplete, "papers".into()));
    world.policy.site_review.papers.pop();
    assert_eq!(&*world.does(&local(), confirm(vec![paper.clone()])).outcome.state, "passed");
    let review = review_of(&world, "u1");
    assert_eq!((review.state, review.deadline, review.papers), (SiteReviewState::Passed, None, vec![paper]));
    assert!(world.memory.resolves(&key));

    // An institution is through with the second review, and there are no papers to confirm.
    let other = world.key("靖远县教育局.公益");
    world.does(&operator(), Command::PutName { key: other.clone(), spec: name_spec("u2", Some(2)) });
    world.does(&operator(), open("u2"));
    world.does(&submitter(), submit("u2", &other));
    world.does(&away(), approve("u2", SiteStep::Local));
    assert_eq!(&*world.does(&central(), approve("u2", SiteStep::Central)).outcome.state, "passed");
    assert_eq!(world.refuses(&away(), approve("u2", SiteStep::Paper)).0, Code::SiteReviewNotPending);
}

#[test]
fn a_site_that_is_not_handed_in_holds_all_names_until_it_has_passed() {
    let (mut world, key) = opened();
    assert_eq!(review_of(&world, "u1").deadline, Some(at(SUBMIT_BY)));
    pass_deadline(&mut world, &key);
    let unit = world.memory.units[&unit_id("u1")].clone();
    let hold = unit.holds.0[&HoldReason::SiteNotSubmitted].clone();
    assert_eq!((hold.start, hold.end, hold.active), (Timestamp(at(SUBMIT_BY).0 + 1), None, true));
    assert_eq!((&*hold.by, &*hold.evidence), ("clock", review_of(&world, "u1").id.to_string().as_str()));
    assert!(!world.memory.resolves(&key) && world.tick() == 0);
    // A name that comes later is the unit's too.
    let later = world.resolve("靖远县财政局.政务", addresses(&["203.0.113.6"]));
    assert!(!world.memory.resolves(&later));
    // Handed in late, it is reviewed, and only its pass brings the names back.
    world.does(&submitter(), submit("u1", &key));
    world.does(&local(), approve("u1", SiteStep::Local));
    world.does(&central(), approve("u1", SiteStep::Central));
    assert!(!world.memory.resolves(&key));
    world.does(&local(), approve("u1", SiteStep::Paper));
    assert!(world.memory.resolves(&key) && world.memory.resolves(&later));
    assert_eq!(holds_of(&world, "u1"), []);
}

#[test]
fn what_is_rejected_and_not_corrected_in_time_holds_the_unit() {
    let steps = [SiteStep::Local, SiteStep::Central, SiteStep::Paper];
    for (index, step) in steps.into_iter().enumerate() {
        let (mut world, key) = opened();
        world.does(&submitter(), submit("u1", &key));
        for passed in &steps[..index] {
            let who = if *passed == SiteStep::Central { central() } else { local() };
            world.does(&who, approve("u1", *passed));
        }
        let who = if step == SiteStep::Central { central() } else { local() };
        let bare = Verdict::Reject { reason: " ".into() };
        let bare = on("u1", Site::Decide { step, verdict: bare, papers: Vec::new() });
        assert_eq!(world.refuses(&who, bare), (Code::ReasonRequired, "reason".into()));
        world.does(&who, reject("u1", step));
        let review = review_of(&world, "u1");
        assert_eq!((review.state, review.reason.as_deref()), (SiteReviewState::Rejected, Some("标识位置不符")));
        // Ten working days after Sunday, 22 November; corrected within them, nothing happens.
        assert_eq!(review.deadline, Some(at("2026-12-04T15:59:59Z")));
        let mut corrected = world.clone();
        corrected.does(&submitter(), submit("u1", &key));
        skip_to(&mut corrected, at("2027-06-01"));
        assert!(corrected.memory.resolves(&key) && review_of(&corrected, "u1").local.is_none());

        pass_deadline(&mut world, &key);
        assert!(!world.memory.resolves(&key));
        assert_eq!(holds_of(&world, "u1"), [(HoldReason::SiteReviewFailed, "clock".into())], "{step:?}");
        pass(&mut world, &key);
        assert!(world.memory.resolves(&key) && holds_of(&world, "u1").is_empty());
    }
}

#[test]
fn papers_that_do_not_come_hold_an_organ() {
    let (mut world, key) = awaiting_papers();
    pass_deadline(&mut world, &key);
    assert_eq!(holds_of(&world, "u1"), [(HoldReason::SiteReviewFailed, "clock".into())]);
    world.does(&local(), approve("u1", SiteStep::Paper));
    assert!(world.memory.resolves(&key));
}

/// Reviewers have deadlines too, and whoever waits for them is not held for it.
#[test]
fn slow_reviewers_hold_nobody() {
    let (mut world, key) = opened();
    world.does(&submitter(), submit("u1", &key));
    let first = review_of(&world, "u1");
    assert_eq!(first.deadline, Some(at("2026-11-27T15:59:59Z")), "five working days");
    skip_to(&mut world, at("2027-03-01"));
    assert!(review_of(&world, "u1").is_overdue(world.now) && world.memory.resolves(&key));
    world.does(&local(), approve("u1", SiteStep::Local));
    skip_to(&mut world, at("2027-05-01"));
    assert!(review_of(&world, "u1").is_overdue(world.now) && world.memory.resolves(&key));
    assert_eq!(world.memory.units[&unit_id("u1")].holds, Holds::default());
}

#[test]
fn two_levels_are_two_people_and_neither_handed_it_in() {
    let (mut world, key) = opened();
    // Whoever has the role, but not the turn.
    for step in [SiteStep::Local, SiteStep::Central, SiteStep::Paper] {
        let who = if step == SiteStep::Central { central() } else { local() };
        assert_eq!(world.refuses(&who, approve("u1", step)).0, Code::SiteReviewNotPending, "{step:?}");
    }
    world.does(&submitter(), submit("u1", &key));
    assert_eq!(world.refuses(&submitter(), submit("u1", &key)).0, Code::SiteReviewNotPending);
    assert_eq!(world.refuses(&central(), approve("u1", SiteStep::Central)).0, Code::LocalReviewFirst);
    assert_eq!(world.refuses(&away(), approve("u1", SiteStep::Local)).0, Code::RegionForeign);
    let both_roles = actor("submitter", Role::LocalReviewer, None);
    assert_eq!(world.refuses(&both_roles, approve("u1", SiteStep::Local)).0, Code::SamePrincipal);
    for who in [submitter(), admin(), operator(), central(), clock()] {
        assert_eq!(world.refuses(&who, approve("u1", SiteStep::Local)).0, Code::RoleForbidden);
    }
    world.does(&local(), approve("u1", SiteStep::Local));
    for principal in ["local", "submitter"] {
        let same = actor(principal, Role::CentralReviewer, None);
        assert_eq!(world.refuses(&same, approve("u1", SiteStep::Central)).0, Code::SamePrincipal);
    }
    world.does(&central(), approve("u1", SiteStep::Central));
    for principal in ["central", "submitter"] {
        let same = actor(principal, Role::LocalReviewer, None);
        assert_eq!(world.refuses(&same, approve("u1", SiteStep::Paper)).0, Code::SamePrincipal);
    }
    // The office that decided first takes the papers.
    world.does(&local(), approve("u1", SiteStep::Paper));
    assert_eq!(world.refuses(&local(), reject("u1", SiteStep::Paper)).0, Code::SiteReviewNotPending);
}

#[test]
fn a_site_has_a_registered_valid_name() {
    let (mut world, key) = opened();
    let other = world.register("靖远县财政局.政务");
    let invalid = (Code::SiteNameInvalid, "name".to_owned());
    let refused = |world: &World, key: &NameKey| world.clone().refuses(&submitter(), submit("u1", key));
    let hold = |target, reason| Command::PlaceHold { target, reason, spec: hold_spec(None, None) };
    // Registered, and the unit's own.
    assert_eq!(refused(&world, &world.key("靖远县民政局.政务")), invalid);
    let foreign = world.key("靖远县教育局.公益");
    world.does(&operator(), Command::PutName { key: foreign.clone(), spec: name_spec("u2", Some(2)) });
    assert_eq!(refused(&world, &foreign), invalid);
    // Held, itself or with its unit; a hold to come is none yet.
    for target in [on_name(&key), on_unit("u1")] {
        let mut held = world.clone();
        held.does(&operator(), hold(target, HoldReason::Legal));
        assert_eq!(refused(&held, &key), invalid);
    }
    // The holds that this review is to end do not stand in its way.
    for reason in [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed] {
        let mut held = world.clone();
        held.does(&operator(), hold(on_unit("u1"), reason));
        held.does(&submitter(), submit("u1", &key));
    }
    // Expired: with the last second of its term, grace or not.
    let end = world.memory.names[&key].expires;
    world.policy.expiry_grace_secs = days(30);
    skip_to(&mut world, Timestamp(end.0 - 1));
    world.clone().does(&submitter(), submit("u1", &key));
    skip_to(&mut world, end);
    assert_eq!(refused(&world, &key), invalid);
    world.does(&operator(), Command::Renew { key: key.clone(), years: 2 });
    world.does(&submitter(), submit("u1", &key));
    // What was valid may be gone when the registry looks at it; another name can be given after a rejection.
    world.does(&local(), approve("u1", SiteStep::Local));
    world.does(&operator(), Command::DeleteName { key: key.clone() });
    assert_eq!(world.refuses(&central(), approve("u1", SiteStep::Central)), invalid);
    world.does(&central(), reject("u1", SiteStep::Central));
    world.does(&operator(), Command::Renew { key: other.clone(), years: 2 });
    world.does(&submitter(), submit("u1", &other));
}

#[test]
fn a_review_is_opened_by_the_administration_and_gives_its_working_days() {
    let mut world = World::new();
    for who in [submitter(), local(), central(), actor("finance", Role::Finance, None), clock()] {
        assert_eq!(world.refuses(&who, open("u1")).0, Code::RoleForbidden);
    }
    assert_eq!(world.refuses(&admin(), open("u2")).0, Code::RegionForeign);
    assert_eq!(world.refuses(&operator(), open("u9")).0, Code::UnitNotFound);
    let until = |deadline| on("u1", Site::Open { kind: SiteReviewKind::Recheck, deadline: Some(deadline) });
    let (sooner, later) = (Timestamp(at(SUBMIT_BY).0 - 1), world.now.add_days(367));
    for bad in [sooner, later, world.now, Timestamp(i64::MIN), Timestamp(i64::MAX)] {
        assert_eq!(world.refuses(&operator(), until(bad)), (Code::SiteDeadlineInvalid, "deadline".into()));
    }
    world.does(&admin(), until(at(SUBMIT_BY)));
    assert_eq!(world.refuses(&operator(), open("u1")).0, Code::SiteReviewPending);
    // It stays with the unit, whatever else of it is edited.
    let review = review_of(&world, "u1");
    let spec = command::UnitSpec { name: "靖远县教育体育局".into(), ..unit_spec(UnitKind::Organ) };
    world.does(&operator(), Command::PutUnit { id: unit_id("u1"), spec });
    assert_eq!(review_of(&world, "u1"), review);
    // A blacklisted unit has no site to review; a unit without a review, nothing to hand in.
    let reason = HoldReason::Blacklist;
    world.does(&operator(), Command::PlaceHold { target: on_unit("u2"), reason, spec: hold_spec(None, None) });
    assert_eq!(world.refuses(&operator(), open("u2")).0, Code::UnitBlacklisted);
    let name = world.key("靖远县教育局.公益");
    assert_eq!(world.refuses(&operator(), submit("u2", &name)).0, Code::SiteReviewNotFound);
    // After the pass there is another one, some day.
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    pass(&mut world, &key);
    world.does(&operator(), open("u1"));
    assert!(review_of(&world, "u1").id > review.id && review_of(&world, "u1").name.is_none());
}

#[test]
fn an_operator_postpones_and_cancels_with_a_second_factor_where_a_hold_goes() {
    let (mut world, key) = opened();
    world.policy.second_factor = vec![Guarded::UnitHold];
    let old = review_of(&world, "u1").deadline.expect("a deadline");
    for bad in [old, world.now, world.now.add_days(367)] {
        assert_eq!(world.refuses(&operator(), postpone(bad)).0, Code::SiteDeadlineInvalid);
    }
    let bare = on("u1", Site::Postpone { deadline: at("2027-01-15"), reason: String::new().into() });
    assert_eq!(world.refuses(&operator(), bare).0, Code::ReasonRequired);
    for who in [admin(), submitter(), local(), central()] {
        assert_eq!(world.refuses(&who, postpone(at("2027-01-15"))).0, Code::RoleForbidden);
        assert_eq!(world.refuses(&who, on("u1", Site::Cancel)).0, Code::RoleForbidden);
    }
    world.does(&operator(), postpone(at("2027-01-15")));
    skip_to(&mut world, old.add_days(1));
    assert!(world.memory.resolves(&key));
    pass_deadline(&mut world, &key);
    assert!(!world.memory.resolves(&key));
    // Now a hold goes with it.
    let later = postpone(at("2027-02-28"));
    assert_eq!(world.refuses(&operator(), later.clone()).0, Code::SecondFactorRequired);
    assert_eq!(world.refuses(&operator(), on("u1", Site::Cancel)).0, Code::SecondFactorRequired);
    world.confirmed = true;
    let mut cancelled = world.clone();
    cancelled.does(&operator(), on("u1", Site::Cancel));
    assert!(cancelled.memory.resolves(&key));
    assert_eq!(review_of(&cancelled, "u1").state, SiteReviewState::Cancelled);
    assert_eq!(cancelled.refuses(&operator(), on("u1", Site::Cancel)).0, Code::SiteReviewNotPending);
    assert_eq!(cancelled.refuses(&submitter(), submit("u1", &key)).0, Code::SiteReviewNotPending);
    cancelled.does(&operator(), open("u1"));
    world.does(&operator(), later);
    assert!(world.memory.resolves(&key));
    pass_deadline(&mut world, &key);
    assert!(!world.memory.resolves(&key), "and the new one counts");
    // While a reviewer has it, and after its pass, there is nothing to postpone.
    world.does(&submitter(), submit("u1", &key));
    assert_eq!(world.refuses(&operator(), postpone(at("2027-05-28"))).0, Code::SiteReviewNotPending);
    world.does(&local(), approve("u1", SiteStep::Local));
    world.does(&central(), approve("u1", SiteStep::Central));
    world.does(&local(), approve("u1", SiteStep::Paper));
    assert_eq!(world.refuses(&operator(), on("u1", Site::Cancel)).0, Code::SiteReviewNotPending);
}

/// Holds that people place are theirs: the clock takes none away and the pass lifts none.
#[test]
fn holds_of_people_stay_and_their_word_is_the_last() {
    let reason = HoldReason::SiteNotSubmitted;
    let by_hand = |end| Command::PlaceHold { target: on_unit("u1"), reason, spec: hold_spec(None, end) };
    let lift = Command::LiftHold { target: on_unit("u1"), reason };
    // Placed before the deadline, it is still there after the pass.
    let (mut world, key) = opened();
    world.does(&operator(), by_hand(None));
    skip_to(&mut world, at("2026-12-20"));
    assert_eq!(holds_of(&world, "u1"), [(reason, "operator".into())]);
    pass(&mut world, &key);
    assert_eq!(holds_of(&world, "u1"), [(reason, "operator".into())]);
    world.does(&operator(), lift.clone());
    assert!(world.memory.resolves(&key));
    // One that would end by itself, or has not begun, does not reach as far as the deadline does.
    let (mut world, key) = opened();
    world.does(&operator(), by_hand(Some(at("2026-12-25"))));
    skip_to(&mut world, at("2026-12-26"));
    assert_eq!(holds_of(&world, "u1"), [(reason, "clock".into())]);
    // Lifted by hand, what the clock placed does not come back.
    world.does(&operator(), lift);
    skip_to(&mut world, at("2027-06-01"));
    assert!(world.memory.resolves(&key) && review_of(&world, "u1").missed);
    // Other reasons are others' business.
    let legal = HoldReason::Legal;
    let (mut world, key) = opened();
    pass_deadline(&mut world, &key);
    world.does(&submitter(), submit("u1", &key));
    world.does(&operator(), Command::PlaceHold { target: on_unit("u1"), reason: legal, spec: hold_spec(None, None) });
    world.does(&local(), approve("u1", SiteStep::Local));
    assert_eq!(world.refuses(&central(), approve("u1", SiteStep::Central)).0, Code::SiteNameInvalid);
    world.does(&operator(), Command::LiftHold { target: on_unit("u1"), reason: legal });
    world.does(&central(), approve("u1", SiteStep::Central));
    world.does(&operator(), Command::PlaceHold { target: on_unit("u1"), reason: legal, spec: hold_spec(None, None) });
    world.does(&local(), approve("u1", SiteStep::Paper));
    assert_eq!(holds_of(&world, "u1"), [(legal, "operator".into())]);
}

/// A campaign that nobody answered is a mass suspension like any other.
#[test]
fn the_brake_looks_at_missed_deadlines() {
    let (mut world, first) = opened();
    let mut keys: Vec<NameKey> =
        (0..20).map(|n| world.resolve(&format!("第{n}中学.政务"), addresses(&["203.0.113.5"]))).collect();
    keys.push(first);
    skip_to(&mut world, Timestamp(at(SUBMIT_BY).0 + 1));
    let stop = world.memory.brake.engaged().cloned().expect("21 names at once");
    assert_eq!((stop.names, stop.total, stop.batch), (21, 21, false));
    assert!(keys.iter().all(|key| world.memory.resolves(key)) && !review_of(&world, "u1").missed);
    // Postponed meanwhile, nothing is left to be released; as it is, it takes effect with the release.
    let mut postponed = world.clone();
    postponed.does(&operator(), postpone(at("2027-01-15")));
    let release = Command::ReleaseBrake { reason: "seen".into(), names: None };
    for (world, held) in [(&mut postponed, false), (&mut world, true)] {
        world.does(&operator(), release.clone());
        world.tick();
        assert!(keys.iter().all(|key| world.memory.resolves(key) != held));
    }
}

/// What the decision tells units of their sites.
fn told(decision: &Decision) -> Vec<String> {
    let notice = |event: &Event| match event {
        Event::SiteNotice(notice) => {
            Some(format!("{} {} {}", notice.kind, notice.state.as_str(), notice.unit.as_str()))
        }
        _ => None,
    };
    decision.events.iter().filter_map(notice).collect()
}

/// Everything the clock does at `now`, and what it tells.
fn told_at(world: &mut World, now: Timestamp) -> Vec<String> {
    world.now = now;
    let mut all = Vec::new();
    loop {
        let decision = world.does(&clock(), Command::Due { limit: 2 });
        if decision.events.is_empty() {
            return all;
        }
        all.extend(told(&decision));
    }
}

#[test]
fn units_are_told_of_what_is_asked_and_reminded_each_once() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    assert_eq!(told(&world.does(&operator(), open("u1"))), ["asked open u1"]);
    let deadline = at(SUBMIT_BY);
    for (days, expected) in [(-7, "due-7 open u1"), (-2, "due-2 open u1")] {
        assert_eq!(told_at(&mut world, Timestamp(deadline.add_days(days).0 - 1)), [] as [&str; 0]);
        assert_eq!(told_at(&mut world, deadline.add_days(days)), [expected]);
        // A clock that runs back and forth tells nothing twice.
        assert_eq!(told_at(&mut world, deadline.add_days(days - 1)), [] as [&str; 0]);
        assert_eq!(told_at(&mut world, deadline.add_days(days)), [] as [&str; 0]);
    }
    assert_eq!(told_at(&mut world, deadline), [] as [&str; 0]);
    assert_eq!(told_at(&mut world, Timestamp(deadline.0 + 1)), ["lapsed open u1"]);
    assert_eq!(holds_of(&world, "u1"), [(HoldReason::SiteNotSubmitted, "clock".into())]);
    assert_eq!(told_at(&mut world, deadline.add_days(9)), [] as [&str; 0]);

    // More time is something new that is asked, with reminders of its own.
    let later = world.now.add_days(20);
    assert_eq!(told(&world.does(&operator(), postpone(later))), ["asked open u1"]);
    assert_eq!(told_at(&mut world, later.add_days(-7)), ["due-7 open u1"]);
    // While reviewers have it, the unit is asked nothing; what they reject or ask for, it is told.
    assert_eq!(told(&world.does(&submitter(), submit("u1", &key))), [] as [&str; 0]);
    assert_eq!(told_at(&mut world, later.add_days(-2)), [] as [&str; 0]);
    assert_eq!(told(&world.does(&local(), reject("u1", SiteStep::Local))), ["asked rejected u1"]);
    let correct_by = review_of(&world, "u1").deadline.unwrap();
    // A jump past both reminders gives the last, and one past the deadline what has become of it.
    let mut late = world.clone();
    assert_eq!(told_at(&mut late, Timestamp(correct_by.0 + 1)), ["lapsed rejected u1"]);
    assert_eq!(told_at(&mut world, correct_by.add_days(-1)), ["due-2 rejected u1"]);
    world.does(&submitter(), submit("u1", &key));
    world.does(&local(), approve("u1", SiteStep::Local));
    assert_eq!(told(&world.does(&central(), approve("u1", SiteStep::Central))), ["asked paper u1"]);
    assert_eq!(told(&world.does(&local(), approve("u1", SiteStep::Paper))), [] as [&str; 0]);
    let end = world.now.add_days(400);
    assert_eq!(told_at(&mut world, end), [] as [&str; 0]);
}

#[test]
fn reminders_are_set_by_configuration_and_kept_back_by_the_brake() {
    let mut world = World::new();
    world.policy.site_review.notices_days = vec![-10, -3];
    world.register("靖远县教育局.政务");
    world.does(&operator(), open("u1"));
    let deadline = at(SUBMIT_BY);
    let mut none = world.clone();
    // Taken back meanwhile, a reminder is none; so is one where none are set any more.
    none.policy.site_review.notices_days = Vec::new();
    assert_eq!(told_at(&mut none, deadline), [] as [&str; 0]);
    none.does(&operator(), on("u1", Site::Cancel));
    assert_eq!(told(&none.does(&operator(), open("u1"))), ["asked open u1"]);
    assert_eq!(review_of(&none, "u1").reminder, None);

    assert_eq!(told_at(&mut world, deadline.add_days(-10)), ["due-10 open u1"]);
    world.does(&clock(), Command::ClockJumped { shown: deadline });
    assert_eq!(told_at(&mut world, deadline.add_days(-3)), [] as [&str; 0]);
    world.does(&clock(), Command::ClockBack);
    assert_eq!(told_at(&mut world, deadline.add_days(-3)), ["due-3 open u1"]);
}

/// A registry that takes a review over was told nothing by the one it comes from but what is past.
#[test]
fn an_imported_review_is_reminded_of_what_is_to_come() {
    let (mut world, _) = opened();
    let unit = world.memory.units[&unit_id("u1")].clone();
    let line = SiteReview { reminder: None, ..review_of(&world, "u1") };
    let item = |review: &SiteReview| ImportItem::Unit {
        id: unit_id("u1"),
        spec: unit_spec(unit.kind),
        holds: Holds::default(),
        penalties: Penalties::default(),
        site_review: Some(Box::new(review.clone())),
        account: None,
    };
    let import = |review: &SiteReview| Command::Import { items: vec![(1, item(review))] };
    assert_eq!(world.does(&operator(), import(&line)).events, [], "the same again changes nothing");
    let mut other = World::new();
    let deadline = line.deadline.unwrap();
    other.now = deadline.add_days(-4);
    let decision = other.does(&operator(), import(&line));
    assert_eq!((decision.events.len(), told(&decision).len()), (1, 0));
    assert_eq!(review_of(&other, "u1").reminder, Some(deadline.add_days(-2)));
    assert_eq!(told_at(&mut other, deadline.add_days(-2)), ["due-2 open u1"]);
    assert_eq!(told_at(&mut other, Timestamp(deadline.0 + 1)), ["lapsed open u1"]);
}

/// A file from before a review was taken back does not bring it to life again, nor the hold of its deadline; a fresh one says
/// that it is over.
#[test]
fn an_old_file_does_not_revive_a_cancelled_review() {
    let (mut world, key) = opened();
    pass_deadline(&mut world, &key);
    let item = |world: &World| {
        let unit = &world.memory.units[&unit_id("u1")];
        ImportItem::Unit {
            id: unit.id.clone(),
            spec: unit_spec(UnitKind::Organ),
            holds: unit.holds.clone(),
            penalties: unit.penalties.clone(),
            site_review: unit.site_review.clone(),
            account: unit.account,
        }
    };
    let old = item(&world);
    world.now.0 += 60;
    let told = told(&world.does(&operator(), on("u1", Site::Cancel)));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("cancelled"), "{told:?}");
    let cancelled = world.memory.clone();
    world.does(&operator(), Command::Import { items: vec![(1, old)] });
    assert_eq!(world.memory.units, cancelled.units);
    assert!(world.memory.resolves(&key));
    let mut elsewhere = World { memory: Memory { units: [].into(), ..Memory::default() }, ..world.clone() };
    elsewhere.does(&operator(), Command::Import { items: vec![(1, item(&world))] });
    assert_eq!(review_of(&elsewhere, "u1"), review_of(&world, "u1"));
    assert_eq!(elsewhere.tick(), 0, "nothing is due of it");
}
