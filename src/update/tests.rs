//! The store fails while running. From outside it cannot be made to, so this is tested from within.

use super::engine::{CommitError, Engine};
use super::mend::Slot;
use super::recover::Home;
use super::{Reload, Start, Submission, SystemClock, writer};
use crate::registry::command::UnitSpec;
use crate::registry::{Actor, Command, Policy, Region, Request, Role, State, UnitId, UnitKind};
use crate::telemetry;
use std::path::Path;
use std::sync::Arc;

fn prepare(directory: &Path) -> Engine {
    let policy = Policy {
        sets: Vec::new(),
        reserved_labels: Vec::new(),
        allow_special_addresses: true,
        expiry_grace_secs: 0,
        brake_percent: 5,
        brake_names_min: 20,
    };
    let start = Start {
        data_dir: directory.into(),
        reload: Reload { zones: Vec::new(), gateways: Vec::new(), policy },
        clock: Arc::new(SystemClock),
        metrics: telemetry::Writer::detached(),
    };
    writer::prepare(Home::of(directory).unwrap(), start).unwrap()
}

fn put_unit(n: u8) -> Submission {
    let spec = UnitSpec {
        name: "单位".into(),
        kind: UnitKind::Organ,
        region: Region::parse("62").unwrap(),
        admin_function_proof: None,
    };
    Submission {
        actor: Actor { principal: "operator".into(), role: Role::Operator, region: None },
        command: Command::PutUnit { id: id(n), spec },
        request: Request { operation: "unit.put".into(), target: "u".into(), note: None, key: None },
        if_match: None,
        dry_run: false,
    }
}

fn id(n: u8) -> UnitId {
    UnitId::parse(&format!("u{n}")).unwrap()
}

fn run(engine: &mut Engine, n: u8) -> Result<(), CommitError> {
    engine.run(&[put_unit(n)], |answers| assert!(answers.iter().all(Result::is_ok)))
}

fn mend(engine: &mut Engine) {
    while engine.store.ready().is_err() {
        engine.mend();
        std::thread::yield_now();
    }
}

fn asides(directory: &Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("sled.aside-")).count()
}

#[test]
fn a_store_that_fails_while_running_is_brought_back_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = prepare(directory.path());
    run(&mut engine, 1).unwrap();
    let seq = engine.journal.position().seq;
    // The first failure opens it again; the second so soon after rebuilds it.
    for (n, asides_after) in [(2, 0), (3, 1)] {
        engine.store_failed("as if", false);
        assert!(engine.status.get().store_rebuilding);
        assert!(matches!(run(&mut engine, n), Err(CommitError::Store(_))), "nothing is decided without it");
        mend(&mut engine);
        assert!(!engine.status.get().store_rebuilding);
        run(&mut engine, n).unwrap();
        assert_eq!(asides(directory.path()), asides_after);
        let store = engine.store.ready().unwrap();
        assert_eq!(store.position(), engine.journal.position());
        assert!((1..=n).all(|n| store.unit(&id(n)).unwrap().is_some()));
    }
    assert_eq!(engine.journal.position().seq, seq + 2);
}

#[test]
fn a_damaged_store_is_rebuilt_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = prepare(directory.path());
    run(&mut engine, 1).unwrap();
    engine.store_failed("as if", true);
    mend(&mut engine);
    let Slot::Ready(store) = &engine.store else { panic!("mended") };
    assert_eq!(store.position(), engine.journal.position());
    assert!(store.unit(&id(1)).unwrap().is_some(), "rebuilt from the journal");
    assert_eq!(asides(directory.path()), 1);
}
