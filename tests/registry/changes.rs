//! Changes and their two approvals (R17, R18, R41), submitter and reviewers being three.

use crate::world::*;
use zhengming::registry::change::{REASON_LEN_MAX, REVIEWER_LEN_MAX};
use zhengming::registry::command::Command;
use zhengming::registry::*;

fn submit(key: &NameKey, asserted: Vec<(Level, Box<str>)>) -> Command {
    Command::Submit { name: key.clone(), resolution: addresses(&["203.0.113.6"]), asserted }
}

#[test]
fn a_change_goes_live_by_local_then_central_approval() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let (old, new) = (addresses(&["203.0.113.5"]), addresses(&["203.0.113.6"]));
    let change = world.submit(&key, new.clone());
    assert_eq!(world.memory.names[&key].pending, Some(change));
    for (actor, level, state, resolution) in
        [(local(), Level::Local, "locally_approved", old), (central(), Level::Central, "live", new)]
    {
        let decision = world.does(&actor, approve(change, level));
        assert_eq!(&*decision.outcome.state, state);
        assert_eq!(world.memory.names[&key].resolution, Some(resolution));
    }
    let (name, change) = (&world.memory.names[&key], &world.memory.changes[&change]);
    assert_eq!((name.pending, name.resolved_by, name.version), (None, world.seq - 1, world.seq - 1));
    let by = |approval: &Option<Approval>| approval.as_ref().map(|a| (a.by.to_string(), a.asserted)).unwrap();
    assert_eq!((by(&change.local), by(&change.central)), (("local".into(), false), ("central".into(), false)));
}

#[test]
fn approvals_given_elsewhere_are_asserted_by_an_operator() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let decision = world.does(&operator(), submit(&key, both("r-1", "r-2")));
    assert_eq!((&*decision.outcome.state, decision.outcome.created), ("live", true));
    assert!(world.memory.resolves(&key));
    let change = &world.memory.changes[&ChangeId::parse(&decision.outcome.id).unwrap()];
    assert!([&change.local, &change.central].into_iter().flatten().all(|approval| approval.asserted));
}

/// What is approved for a held name is what it resolves to later, and is not live now.
#[test]
fn a_change_of_a_held_name_is_held() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let hold = hold_spec(None, None);
    let target = on_name(&key);
    world.does(&operator(), Command::PlaceHold { target: target.clone(), reason: HoldReason::Legal, spec: hold });
    let decision = world.does(&operator(), submit(&key, both("r-1", "r-2")));
    assert_eq!((&*decision.outcome.state, decision.outcome.created), ("held", true));
    let change = &world.memory.changes[&ChangeId::parse(&decision.outcome.id).unwrap()];
    assert_eq!((change.state, world.memory.resolves(&key)), (ChangeState::Live, false));
    world.does(&operator(), Command::LiftHold { target, reason: HoldReason::Legal });
    assert!(world.memory.resolves(&key));
}

#[test]
fn incomplete_or_doubled_approvals_are_refused() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let (l, c) = (Level::Local, Level::Central);
    let long = "x".repeat(REVIEWER_LEN_MAX + 1);
    for (asserted, code, field) in [
        (vec![(l, "a")], Code::ApprovalsIncomplete, "approvals"),
        (vec![(c, "a")], Code::ApprovalsIncomplete, "approvals"),
        (vec![(l, "a"), (l, "b")], Code::ApprovalsIncomplete, "approvals"),
        (vec![(l, "a"), (c, "b"), (c, "d")], Code::ApprovalsIncomplete, "approvals"),
        (vec![(l, ""), (c, "b")], Code::ApprovalsIncomplete, "approvals[0].by"),
        (vec![(l, "a"), (c, "b ")], Code::ApprovalsIncomplete, "approvals[1].by"),
        (vec![(l, "a"), (c, &long)], Code::ApprovalsIncomplete, "approvals[1].by"),
        (vec![(l, "a"), (c, "a")], Code::SamePrincipal, "approvals"),
        (vec![(c, "a"), (l, "a")], Code::SamePrincipal, "approvals"),
        (vec![(l, "operator"), (c, "b")], Code::SamePrincipal, "approvals"),
        (vec![(l, "a"), (c, "operator")], Code::SamePrincipal, "approvals"),
    ] {
        let asserted: Vec<_> = asserted.into_iter().map(|(level, by)| (level, by.into())).collect();
        assert_eq!(world.refuses(&operator(), submit(&key, asserted.clone())), (code, field.into()), "{asserted:?}");
    }
    // The order they come in does not matter.
    world.does(&operator(), submit(&key, vec![(c, "b".into()), (l, "a".into())]));
}

#[test]
fn roles_decide_who_may_submit_assert_and_review() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    for role in [Role::LocalReviewer, Role::CentralReviewer, Role::Viewer, Role::System] {
        let command = submit(&key, Vec::new());
        assert_eq!(world.refuses(&actor("a", role, None), command).0, Code::RoleForbidden);
    }
    assert_eq!(world.refuses(&submitter(), submit(&key, both("a", "b"))).0, Code::RoleForbidden);
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    for (role, level) in [
        (Role::Operator, Level::Local),
        (Role::Operator, Level::Central),
        (Role::LocalReviewer, Level::Central),
        (Role::CentralReviewer, Level::Local),
        (Role::Submitter, Level::Local),
        (Role::Viewer, Level::Central),
        (Role::System, Level::Local),
    ] {
        let who = actor("another", role, None);
        assert_eq!(world.refuses(&who, approve(change, level)).0, Code::RoleForbidden, "{role:?}");
    }
}

#[test]
fn the_local_level_is_the_units_own() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    for region in ["620422", "62042110", "620421100", "63", "530000"] {
        let Some(region) = Region::parse(region) else { continue };
        let foreign = Actor { principal: "local-2".into(), role: Role::LocalReviewer, region: Some(region.into()) };
        assert_eq!(world.refuses(&foreign, approve(change, Level::Local)).0, Code::RegionForeign);
        assert_eq!(world.refuses(&foreign, reject(change, Level::Local, "no")).0, Code::RegionForeign);
    }
    world.does(&actor("prefecture", Role::LocalReviewer, Some("6204")), approve(change, Level::Local));
    let submitter = actor("submitter-2", Role::Submitter, Some("620422"));
    assert_eq!(world.refuses(&submitter, submit(&key, Vec::new())).0, Code::RegionForeign);
}

#[test]
fn levels_come_in_order_and_once() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    assert_eq!(world.refuses(&central(), approve(change, Level::Central)).0, Code::LocalReviewFirst);
    assert_eq!(world.refuses(&central(), reject(change, Level::Central, "no")).0, Code::LocalReviewFirst);
    world.does(&local(), approve(change, Level::Local));
    assert_eq!(world.refuses(&local(), approve(change, Level::Local)).0, Code::ChangeNotPending);
    world.does(&central(), approve(change, Level::Central));
    for (actor, level) in [(local(), Level::Local), (central(), Level::Central)] {
        assert_eq!(world.refuses(&actor, approve(change, level)).0, Code::ChangeNotPending);
    }
    assert_eq!(world.refuses(&local(), approve(ChangeId(999), Level::Local)).0, Code::ChangeNotFound);
}

#[test]
fn nobody_decides_twice_under_two_roles() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    let same = |role| actor("submitter", role, None);
    assert_eq!(world.refuses(&same(Role::LocalReviewer), approve(change, Level::Local)).0, Code::SamePrincipal);
    world.does(&local(), approve(change, Level::Local));
    for name in ["submitter", "local"] {
        let who = actor(name, Role::CentralReviewer, None);
        assert_eq!(world.refuses(&who, approve(change, Level::Central)).0, Code::SamePrincipal);
    }
}

#[test]
fn a_rejection_shows_its_reason_and_frees_the_name() {
    for at_central in [false, true] {
        let mut world = World::new();
        let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
        let change = world.submit(&key, addresses(&["203.0.113.6"]));
        let (who, level) = match at_central {
            false => (local(), Level::Local),
            true => (central(), Level::Central),
        };
        if at_central {
            world.does(&local(), approve(change, Level::Local));
        }
        for reason in ["", "  ", "a\u{7}b", &"x".repeat(REASON_LEN_MAX + 1)] {
            assert_eq!(world.refuses(&who, reject(change, level, reason)), (Code::ReasonRequired, "reason".into()));
        }
        world.does(&who, reject(change, level, "地址与表格不符"));
        let closed = &world.memory.changes[&change];
        assert_eq!((closed.state, closed.reason.as_deref()), (ChangeState::Rejected, Some("地址与表格不符")));
        assert_eq!(world.memory.names[&key].pending, None);
        assert_eq!(world.memory.names[&key].resolution, Some(addresses(&["203.0.113.5"])));
        world.submit(&key, addresses(&["203.0.113.7"]));
    }
}

#[test]
fn one_change_waits_at_a_time_until_it_is_withdrawn() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    assert_eq!(world.refuses(&submitter(), submit(&key, Vec::new())).0, Code::ChangePending);
    assert_eq!(world.refuses(&operator(), submit(&key, both("a", "b"))).0, Code::ChangePending);
    let stranger = actor("submitter-2", Role::Submitter, None);
    assert_eq!(world.refuses(&stranger, Command::Withdraw { change }).0, Code::RoleForbidden);
    world.does(&submitter(), Command::Withdraw { change });
    assert_eq!(world.memory.changes[&change].state, ChangeState::Withdrawn);
    assert_eq!(world.refuses(&submitter(), Command::Withdraw { change }).0, Code::ChangeNotPending);
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    world.does(&local(), approve(change, Level::Local));
    world.does(&operator(), Command::Withdraw { change });
    assert_eq!(world.refuses(&central(), approve(change, Level::Central)).0, Code::ChangeNotPending);
}

#[test]
fn an_approval_of_another_resolutions_successor_is_stale() {
    let mut world = World::new();
    let key = world.resolve("靖远县教育局.政务", addresses(&["203.0.113.5"]));
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    // An import is the one way past a pending change.
    let line = world.import_line("靖远县教育局.政务");
    let expires = world.memory.names[&key].expires;
    world.import(vec![command_line(line, expires)]).unwrap();
    assert_eq!(world.refuses(&local(), approve(change, Level::Local)).0, Code::ChangeStale);
    world.does(&local(), reject(change, Level::Local, "stale"));
}

fn command_line(line: command::ImportName, expires: Timestamp) -> command::ImportName {
    command::ImportName { expires, ..line }
}

#[test]
fn a_hold_leaves_a_change_decidable_and_invisible() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    let reason = HoldReason::SiteReviewFailed;
    world.does(&operator(), Command::PlaceHold { target: on_unit("u1"), reason, spec: hold_spec(None, None) });
    world.does(&local(), approve(change, Level::Local));
    world.does(&central(), approve(change, Level::Central));
    assert!(!world.memory.resolves(&key));
    world.does(&operator(), Command::LiftHold { target: on_unit("u1"), reason });
    assert!(world.memory.resolves(&key));
}

#[test]
fn rules_are_checked_again_at_approval() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    world.does(&local(), approve(change, Level::Local));
    world.policy.allow_special_addresses = false;
    assert_eq!(world.refuses(&central(), approve(change, Level::Central)).0, Code::AddressInvalid);

    let mut world = World::new();
    let (a, b) = (world.register("靖远县教育局.政务"), world.register("靖远县财政局.政务"));
    let to_b = world.submit(&a, forward("http://靖远县财政局.政务/"));
    let to_a = world.submit(&b, forward("http://www.靖远县教育局.政务.cn/"));
    for change in [to_b, to_a] {
        world.does(&local(), approve(change, Level::Local));
    }
    world.does(&central(), approve(to_b, Level::Central));
    assert_eq!(world.refuses(&central(), approve(to_a, Level::Central)).0, Code::TargetLoop);
}

#[test]
fn versions_guard_decisions() {
    let mut world = World::new();
    let key = world.register("靖远县教育局.政务");
    let change = world.submit(&key, addresses(&["203.0.113.6"]));
    world.if_match = Some(world.memory.changes[&change].version + 1);
    for command in [approve(change, Level::Local), reject(change, Level::Local, "no")] {
        assert_eq!(world.refuses(&local(), command).0, Code::VersionStale);
    }
    assert_eq!(world.refuses(&submitter(), Command::Withdraw { change }).0, Code::VersionStale);
    world.if_match = Some(world.memory.changes[&change].version);
    world.does(&local(), approve(change, Level::Local));
}
