//! What is appended is read back, by a reopened journal, by readers, and by standard tools.

use super::{SMALL, filled, open, segments, transactions};
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use zhengming::journal::disk::Directory;
use zhengming::journal::{Journal, verify};
use zhengming::registry::{Event, Holds, Penalties, Position, Region, Transaction, Unit, UnitId, UnitKind};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_transactions_in_any_groups(
        groups in proptest::collection::vec(proptest::collection::vec(transactions::any_transaction(), 1..4), 1..6),
        reopen_after in any::<Index>(),
        applied in any::<Index>(),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let (mut journal, replayed) = open(directory.path(), Position::default()).unwrap();
        prop_assert!(replayed.is_empty());
        let mut all = Vec::new();
        let count = groups.len();
        for (number, mut group) in groups.into_iter().enumerate() {
            for (transaction, seq) in group.iter_mut().zip(journal.position().seq + 1..) {
                transaction.seq = seq;
            }
            let positions = journal.append(&group).unwrap();
            all.extend(group.into_iter().zip(positions));
            prop_assert_eq!(journal.position(), all.last().unwrap().1);
            if reopen_after.index(count) == number {
                drop(journal);
                let (again, replayed) = open(directory.path(), Position::default()).unwrap();
                prop_assert_eq!(&replayed, &all);
                journal = again;
            }
        }
        let applied = all.get(applied.index(all.len() + 1)).map_or(Position::default(), |(_, position)| *position);
        let (journal, replayed) = open(directory.path(), applied).unwrap();
        prop_assert_eq!(&replayed[..], &all[usize::try_from(applied.seq).unwrap()..]);
        prop_assert_eq!(journal.cut_off(), None);

        let reader = journal.reader();
        prop_assert_eq!(reader.last(), all.len() as u64);
        for (transaction, position) in &all {
            let read = reader.transaction(position.seq).unwrap();
            prop_assert_eq!(read.as_ref(), Some(transaction));
        }
        prop_assert_eq!(reader.transaction(0).unwrap(), None);
        prop_assert_eq!(reader.transaction(all.len() as u64 + 1).unwrap(), None);
        let mut lines = Vec::new();
        loop {
            let page = reader.lines_after(lines.len() as u64, 2).unwrap();
            prop_assert!(page.len() <= 2);
            if page.is_empty() { break }
            lines.extend(page);
        }
        let files: String = segments(directory.path()).iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        prop_assert!(files.lines().map(str::trim_end).eq(lines.iter().map(String::as_str)));
        prop_assert_eq!(reader.lines_after(1, usize::MAX).unwrap(), &lines[1..]);

        let report = verify(directory.path(), &mut |_| ()).unwrap();
        prop_assert_eq!((report.lines, report.last), (all.len() as u64, all.last().unwrap().1));
        prop_assert_eq!((report.octets, report.torn), (files.len() as u64, None));
    }
}

/// A unit without a review of its site has the octets that it had before there were reviews, so that journals from then read.
#[test]
fn units_without_a_review_are_written_as_they_were_before_there_were_any() {
    let directory = tempfile::tempdir().unwrap();
    let unit = Unit {
        id: UnitId::parse("u1").unwrap(),
        name: "某局".into(),
        kind: UnitKind::Organ,
        region: Region::parse("62").unwrap(),
        admin_function_proof: None,
        holds: Holds::default(),
        penalties: Penalties::default(),
        account: None,
        site_review: None,
        version: 1,
    };
    let transaction = Transaction { events: vec![Event::Unit(unit)], ..transactions::plain(1, 3) };
    let (mut journal, _) = open(directory.path(), Position::default()).unwrap();
    journal.append(std::slice::from_ref(&transaction)).unwrap();
    let line = std::fs::read_to_string(&segments(directory.path())[0]).unwrap();
    let unit = r#"{"unit":{"id":"u1","name":"某局","kind":"organ","region":"62","holds":{},"version":1}}"#;
    assert!(line.contains(&format!("\"events\":[{unit}]")), "{line}");
    assert_eq!(journal.reader().transaction(1).unwrap(), Some(transaction));
}

/// The lines of a document from the one that contains `first` to the one that is `last`, without prompts.
fn shell(document: &str, first: &str, last: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.contains(first));
    let mut script = String::new();
    for line in lines.by_ref() {
        script += line.strip_prefix("$ ").unwrap_or(line);
        script.push('\n');
        if line.trim() == last {
            return script;
        }
    }
    panic!("{document}: no {last:?} after {first:?}")
}

/// The checks that the documents show, with nothing but standard tools.
#[test]
fn standard_tools_check_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("config/data");
    let journal = data.join("journal");
    let last = *filled(&journal, &[1, 3, 2, 4]).last().unwrap();
    let hex: String = last.hash.iter().map(|octet| format!("{octet:02x}")).collect();
    let readme = shell("README.md", "prev=$(printf", "done | tail -1");
    let runbook = shell("deploy/README.md", "cd /var/lib/zhengming/journal", "}");
    let checks = [readme, runbook.replace("/var/lib/zhengming", &data.to_string_lossy())];
    let check = |script: &String| {
        let output = Command::new("bash").arg("-c").arg(script).current_dir(directory.path()).output().unwrap();
        assert!(output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for script in &checks {
        let said = check(script);
        assert!(said.trim_end().ends_with(&hex) && !said.contains("broken"), "{script}\n{said}");
    }

    let first = &segments(&journal)[0];
    let changed = std::fs::read_to_string(first).unwrap().replacen("正", "政", 1);
    std::fs::write(first, changed).unwrap();
    for script in &checks {
        let said = check(script);
        assert!(said.contains("broken") && !said.contains(&hex), "{script}\n{said}");
    }
}

#[test]
fn readers_see_whole_lines_while_the_writer_appends() {
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(directory.path(), Position::default()).unwrap();
    let reader = journal.reader();
    let last = 300;
    let follow = move || {
        let mut seen = 0;
        while seen < last {
            for line in reader.lines_after(seen, 50).unwrap() {
                seen += 1;
                assert!(line.starts_with(&format!("{{\"v\":1,\"seq\":{seen},")), "{line}");
                assert_eq!(reader.transaction(seen).unwrap(), Some(transactions::plain(seen, 60)));
            }
        }
    };
    let readers = [std::thread::spawn(follow.clone()), std::thread::spawn(follow)];
    while journal.position().seq < last {
        let next = journal.position().seq + 1;
        let size = next % 4 + 1;
        let group: Vec<_> = (next..=last.min(next + size)).map(|seq| transactions::plain(seq, 60)).collect();
        journal.append(&group).unwrap();
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

#[test]
fn a_line_is_found_without_reading_the_segment() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(Directory::create(directory.path()).unwrap());
    let limits = zhengming::journal::Limits { segment_octets: 1 << 20, ..SMALL };
    let mut journal = Journal::open_on(disk, limits, Position::default(), &mut |_, _| Ok(())).unwrap();
    let group: Vec<_> = (1..=1000).map(|seq| transactions::plain(seq, 60)).collect();
    journal.append(&group).unwrap();
    let [segment] = &segments(directory.path())[..] else { panic!("one segment") };
    // Damage far from a line does not touch it; damage in it is found.
    let mut octets = std::fs::read(segment).unwrap();
    let offset = octets.len() / 2;
    octets[offset] ^= 1;
    std::fs::write(segment, octets).unwrap();
    let reader = journal.reader();
    assert_eq!(reader.transaction(3).unwrap(), Some(transactions::plain(3, 60)));
    assert_eq!(reader.transaction(990).unwrap(), Some(transactions::plain(990, 60)));
    assert!((450..550).any(|seq| reader.transaction(seq).is_err()));
}
