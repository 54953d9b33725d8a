//! From a command to the snapshot: visibility, groups, idempotency, dry runs.

use crate::world::*;
use std::sync::mpsc;
use zhengming::registry::command::{HoldTarget, ImportItem};
use zhengming::registry::{Code, Command, Hold, HoldReason, Holds, Penalties, Timestamp};
use zhengming::update::UpdateError;
use zhengming::zone::Published;

fn refusal(answer: Result<zhengming::update::Receipt, UpdateError>) -> Code {
    match answer {
        Err(UpdateError::Refused(refusals)) => refusals.first().code,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn an_acknowledged_change_is_served() {
    let world = World::with_unit();
    let registered = world.submit(put_name(1)).unwrap();
    assert!(registered.serials.is_empty(), "nothing visible changes before a resolution");
    assert_eq!(world.published(&key(1)), None);
    let changed = world.submit(change(1, address(5))).unwrap();
    let addresses = vec!["203.0.113.5".parse().unwrap()];
    assert_eq!(world.published(&key(1)), Some(Published::Addresses { addresses, ttl: 600, www: true }));
    assert_eq!(changed.seq, Some(world.seq()));
    assert_eq!(changed.serials, GOV.map(|apex| (apex.into(), 8)));
    let served = world.served();
    assert_eq!(served.serials[ORG], 7, "the other set's zone is as it was");
    assert!(served.names.contains_key(&(GOV[1].into(), key(1).label.as_ascii().into())), "both suffixes publish it");
    // The same resolution again is a transaction, but nothing moves by it.
    let again = world.submit(change(1, address(5))).unwrap();
    assert_eq!((again.seq, again.serials.len()), (changed.seq.map(|seq| seq + 1), 0));
    assert_eq!(world.served(), served);
}

#[test]
fn commands_of_one_group_see_each_other_and_share_one_fsync() {
    let mut world = World::new();
    world.start();
    let groups = world.metric("zhengming_journal_group_transactions_count");
    // While the writer waits in a read, commands pile up behind it.
    let (release, released) = mpsc::channel::<()>();
    let handle = world.handle().clone();
    let answers = world.wait(async {
        let hold = handle.read(move |_| released.recv().unwrap());
        let all = [
            put_unit(),
            put_name(1),
            change(1, address(1)),
            put_name(1),
            change(2, address(2)),
            change(1, address(3)),
            hold_name(1, HoldReason::Legal, None, None),
        ];
        let mut submitted: Vec<_> = all.map(|command| Box::pin(handle.submit(submission(command)))).into();
        let mut hold = Box::pin(hold);
        // Each is handed in by its first poll, in this order.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(hold.as_mut().poll(&mut context).is_pending());
        for future in &mut submitted {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        release.send(()).unwrap();
        hold.await.unwrap();
        let mut answers = Vec::new();
        for future in submitted {
            answers.push(future.await);
        }
        answers
    });
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap();
    let unit = next().unwrap();
    let first = unit.seq.unwrap();
    assert_eq!(next().unwrap().seq, Some(first + 1), "the name found its unit");
    assert_eq!(next().unwrap().serials, GOV.map(|apex| (apex.into(), 8)));
    let again = next().unwrap();
    assert_eq!((again.seq, again.outcome.created), (Some(first + 3), false));
    assert_eq!(refusal(next()), Code::NameNotFound);
    assert_eq!(next().unwrap().serials, GOV.map(|apex| (apex.into(), 9)));
    assert_eq!(next().unwrap().serials, GOV.map(|apex| (apex.into(), 10)));
    assert!(is_held(world.published(&key(1))));
    assert_eq!(world.metric("zhengming_journal_group_transactions_count") - groups, 1.0);
    assert_eq!(world.metric("zhengming_journal_seq"), first as f64 + 5.0);
}

#[test]
fn a_known_key_is_answered_from_the_journal() {
    let mut world = World::with_unit();
    world.submit(put_name(1)).unwrap();
    let first = world.hand_in(keyed(change(1, address(1)), "k", 1)).unwrap();
    world.submit(change(1, address(2))).unwrap();
    let check = |world: &World| {
        let before = world.served();
        let again = world.hand_in(keyed(change(1, address(1)), "k", 1)).unwrap();
        assert!(again.replayed && !first.replayed);
        assert_eq!((&again.seq, &again.outcome, &again.serials), (&first.seq, &first.outcome, &first.serials));
        let other = world.hand_in(keyed(change(1, address(9)), "k", 2));
        assert_eq!(other, Err(UpdateError::KeyReused));
        assert_eq!(world.served(), before);
    };
    check(&world);
    world.restart();
    check(&world);
    // A key belongs to who used it.
    let mut foreign = keyed(change(1, address(3)), "k", 3);
    foreign.actor.principal = "operator-2".into();
    assert!(!world.hand_in(foreign).unwrap().replayed);
    // A refused command leaves no key behind.
    assert_eq!(refusal(world.hand_in(keyed(change(9, address(1)), "r", 1))), Code::NameNotFound);
    assert!(!world.hand_in(keyed(put_name(9), "r", 2)).unwrap().replayed);
}

#[test]
fn a_key_is_known_within_its_own_group() {
    let world = World::with_unit();
    let handle = world.handle();
    let (one, two, three) = world.wait(async {
        let (release, released) = mpsc::channel::<()>();
        let hold = handle.read(move |_| released.recv().unwrap());
        let first = handle.submit(keyed(put_name(1), "k", 1));
        let second = handle.submit(keyed(put_name(1), "k", 1));
        let third = handle.submit(keyed(put_name(2), "k", 2));
        let free = async { release.send(()).unwrap() };
        let (_, one, two, three, ()) = tokio::join!(hold, first, second, third, free);
        (one.unwrap(), two.unwrap(), three)
    });
    assert!(two.replayed && !one.replayed);
    assert_eq!((one.seq, &one.outcome), (two.seq, &two.outcome));
    assert_eq!(three, Err(UpdateError::KeyReused));
}

#[test]
fn a_dry_run_shows_and_changes_nothing() {
    let world = World::with_unit();
    world.submit(put_name(1)).unwrap();
    world.submit(change(1, address(1))).unwrap();
    let (before, seq) = (world.served(), world.seq());
    let mut dry = keyed(change(1, address(2)), "dry", 1);
    dry.dry_run = true;
    let shown = world.hand_in(dry).unwrap();
    assert_eq!((shown.seq, shown.serials.len()), (None, 0));
    let preview = shown.preview.unwrap();
    assert!(!preview.events.is_empty());
    let owner = format!("{}.{}", key(1).label.as_ascii(), GOV[0]);
    let expected = [
        format!("- {owner} 600 IN A 203.0.113.1"),
        format!("- www.{owner} 600 IN A 203.0.113.1"),
        format!("+ {owner} 600 IN A 203.0.113.2"),
        format!("+ www.{owner} 600 IN A 203.0.113.2"),
    ];
    assert_eq!(preview.differences[0], (GOV[0].into(), expected.to_vec()));
    assert_eq!(preview.differences.len(), 2);
    assert_eq!((world.served(), world.seq()), (before, seq));
    // Nor is its key remembered.
    assert!(!world.hand_in(keyed(change(1, address(3)), "dry", 2)).unwrap().replayed);
}

#[test]
fn a_refusal_changes_nothing() {
    let world = World::with_unit();
    world.submit(put_name(1)).unwrap();
    let (before, seq) = (world.served(), world.seq());
    assert_eq!(refusal(world.submit(change(2, address(1)))), Code::NameNotFound);
    let mut stale = submission(change(1, address(1)));
    stale.if_match = Some(1);
    assert_eq!(refusal(world.hand_in(stale)), Code::VersionStale);
    assert_eq!((world.served(), world.seq()), (before, seq));
    assert_eq!(world.running().journal.last(), seq, "no line was written");
}

#[test]
fn a_unit_comes_with_its_hold_and_its_names() {
    let mut world = World::new();
    world.start();
    let hold = Hold {
        start: Timestamp(NOW.0 - 10),
        end: None,
        active: true,
        evidence: "case-1".into(),
        by: "operator".into(),
    };
    let unit = ImportItem::Unit {
        id: unit_id(),
        spec: unit_spec(),
        holds: Holds([(HoldReason::RegistryAdmin, hold)].into()),
        penalties: Penalties::default(),
        site_review: None,
        account: None,
    };
    world.submit(Command::Import { items: vec![(0, unit.clone())] }).unwrap();
    world.submit(import(0..2, end_of_day(500))).unwrap();
    assert!([0, 1].iter().all(|n| is_held(world.published(&key(*n)))));

    // The same in one batch.
    let mut world = World::new();
    world.start();
    let Command::Import { mut items } = import(1..3, end_of_day(500)) else { panic!("it is an import") };
    items.insert(0, (0, unit));
    world.submit(Command::Import { items }).unwrap();
    assert!([1, 2].iter().all(|n| is_held(world.published(&key(*n)))));
}

#[test]
fn a_hold_takes_a_thousand_names_in_one_snapshot() {
    let world = World::with_unit();
    world.submit(import(0..1000, end_of_day(700))).unwrap();
    let snapshots = world.running().snapshots.clone();
    let (stop, stopped) = mpsc::channel::<()>();
    // It ends when the test does, whichever way.
    let watch = std::thread::spawn(move || {
        let mut seen = std::collections::BTreeSet::new();
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            let snapshot = snapshots.load();
            for zone in snapshot.zones.iter() {
                let pages = zone.registrations().unwrap();
                let held = pages.iter().filter(|stored| is_held(Some(Published::decode(stored.value)))).count();
                seen.insert((pages.len(), held));
            }
        }
        seen
    });
    for _ in 0..3 {
        let held = world.submit(hold_unit(HoldReason::UnitRequest)).unwrap();
        assert_eq!(held.serials.len(), 2, "one move of each serial");
        let target = HoldTarget::Unit(unit_id());
        let lifted = world.submit(Command::LiftHold { target, reason: HoldReason::UnitRequest }).unwrap();
        assert_eq!(lifted.serials[0].1, held.serials[0].1 + 1);
    }
    world.submit(hold_unit(HoldReason::Legal)).unwrap();
    drop(stop);
    let seen = watch.join().unwrap();
    // The zone of the other set has no names.
    assert!(seen.iter().all(|state| matches!(state, (0, 0) | (1000, 0 | 1000))), "{seen:?}");
    assert!(world.served().names.values().all(|name| is_held(Some(name.clone()))));
    assert_eq!(world.metric("zhengming_names{set=\"xn--zfr164b\",state=\"held\"}"), 1000.0);
    assert_eq!(world.metric("zhengming_names{set=\"xn--zfr164b\",state=\"active\"}"), 0.0);
    assert_eq!(world.metric("zhengming_holds{object=\"unit\",reason=\"LEGAL\"}"), 1.0);
}
