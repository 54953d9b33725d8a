//! Every changed octet is found, and its line named.

use super::{filled, open, segments};
use std::fs;
use zhengming::journal::{JournalError, verify};
use zhengming::registry::Position;

#[test]
fn every_changed_octet_is_found_in_its_line() {
    let directory = tempfile::tempdir().unwrap();
    // Two segments; the last has a group of its own before its last group of two.
    filled(directory.path(), &[2, 1, 1, 1, 2]);
    let files = segments(directory.path());
    assert_eq!(files.len(), 2, "{files:?}");
    for (number, file) in files.iter().enumerate() {
        let good = fs::read(file).unwrap();
        let lines = good.iter().filter(|octet| **octet == b'\n').count();
        let mut line = 1;
        for at in 0..good.len() {
            // Every octet in one of its bits; line ends, which hold the lines apart, in several.
            let all = [0x01, 0x20, 0x80, 0x2a];
            for change in if good[at] == b'\n' { &all[..] } else { &all[at % 3..at % 3 + 1] } {
                let mut bad = good.clone();
                bad[at] ^= change;
                fs::write(file, &bad).unwrap();
                // In the last group too: its lines have their ends, so it was written whole.
                let in_last_group = number == 1 && line > lines - 2;
                match verify(directory.path(), &mut |_| ()) {
                    Err(JournalError::Broken { segment, line: found, what, .. }) => {
                        assert_eq!((segment.as_str(), found), (file.to_str().unwrap(), line), "octet {at} ^ {change}");
                        assert_eq!(what.contains("it was altered since"), in_last_group, "octet {at} ^ {change}");
                    }
                    other => panic!("octet {at} ^ {change} of line {line}: {other:?}"),
                }
            }
            line += usize::from(good[at] == b'\n');
        }
        fs::write(file, good).unwrap();
    }
    assert_eq!(verify(directory.path(), &mut |_| ()).unwrap().torn, None);
}

#[test]
fn lines_taken_out_swapped_or_added_are_found() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), &[1, 1, 1]);
    let file = &segments(directory.path())[0];
    let good = fs::read_to_string(file).unwrap();
    let lines: Vec<_> = good.lines().collect();
    let [first, second, third] = lines[..] else { panic!("three lines") };
    let broken_at = |lines: &[&str]| {
        fs::write(file, lines.join("\n") + "\n").unwrap();
        match verify(directory.path(), &mut |_| ()) {
            Err(JournalError::Broken { line, .. }) => line,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(broken_at(&[second, third]), 1);
    assert_eq!(broken_at(&[first, third]), 2);
    assert_eq!(broken_at(&[first, third, second]), 2);
    assert_eq!(broken_at(&[first, first, second, third]), 2);
    assert_eq!(broken_at(&[first, "", second, third]), 2);
    // Forged with a right hash of its own, it still does not carry the next line.
    let forged = first.replace("held", "free");
    let body = forged.split(",\"hash\":").next().unwrap();
    let forged = format!("{body},\"hash\":\"{}\"}}", sha256_hex(body));
    assert_eq!(broken_at(&[&forged, second, third]), 2);
}

fn sha256_hex(text: &str) -> String {
    use sha2::Digest;
    to_hex(&sha2::Sha256::digest(text))
}

#[test]
fn an_end_torn_at_any_octet_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1, 2]);
    let file = &segments(directory.path())[0];
    let good = fs::read(file).unwrap();
    let ends: Vec<_> = (1..=good.len()).filter(|end| good[end - 1] == b'\n').collect();
    for end in ends[0]..good.len() {
        fs::write(file, &good[..end]).unwrap();
        let whole = ends.iter().filter(|line_end| **line_end <= end).count();
        let (mut journal, replayed) = open(directory.path(), positions[0]).unwrap();
        assert_eq!(replayed.len(), whole - 1);
        assert_eq!(journal.position(), positions[whole - 1]);
        let cut = journal.cut_off().map(|torn| torn.octets);
        assert_eq!(cut, Some((end - ends[whole - 1]) as u64).filter(|octets| *octets > 0));
        assert_eq!(fs::read(file).unwrap().len(), ends[whole - 1]);
        let next = super::transactions::plain(journal.position().seq + 1, 60);
        journal.append(&[next]).unwrap();
        assert_eq!(verify(directory.path(), &mut |_| ()).unwrap().lines, whole as u64 + 1);
    }
}

/// What a power cut leaves of a group's blocks: all that reads as zeros, or as something else, at any place.
#[test]
fn an_end_with_a_hole_is_cut_off_and_kept_aside() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1, 2]);
    let file = &segments(directory.path())[0];
    let good = fs::read(file).unwrap();
    let first = good.iter().position(|octet| *octet == b'\n').unwrap() + 1;
    let mut cuts = 0;
    for fill in [0, 0xff] {
        for (start, end) in (first..good.len()).step_by(64).flat_map(|start| [(start, start + 64), (start, good.len())])
        {
            let mut bad = good.clone();
            let end = end.min(good.len());
            bad[start..end].fill(fill);
            fs::write(file, &bad).unwrap();
            assert!(verify(directory.path(), &mut |_| ()).unwrap().torn.is_some(), "{fill} from {start} to {end}");
            let (journal, _) = open(directory.path(), positions[0]).unwrap();
            let torn = journal.cut_off().expect("something was cut off");
            let kept = fs::read(directory.path().join(torn.kept.as_ref().expect("it is kept"))).unwrap();
            let left = fs::read(file).unwrap();
            assert_eq!((left.len() as u64 + torn.octets, [left, kept].concat()), (good.len() as u64, bad));
            cuts += 1;
            if start > first && end == good.len() {
                break;
            }
        }
    }
    assert!(cuts > 4 && fs::read_dir(directory.path()).unwrap().count() == 1 + cuts, "{cuts}");
    // Garbage after the last line, with an end and without.
    for garbage in ["\n", "garbage\n", "garbage", "{}\n"] {
        fs::write(file, [&good, garbage.as_bytes()].concat()).unwrap();
        let (journal, _) = open(directory.path(), positions[0]).unwrap();
        assert_eq!((journal.position(), fs::read(file).unwrap()), (positions[2], good.clone()), "{garbage:?}");
    }
}

#[test]
fn an_altered_last_line_stops_the_start_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let positions = filled(directory.path(), &[1, 1]);
    let file = &segments(directory.path())[0];
    let good = fs::read_to_string(file).unwrap();
    let last = good.lines().last().unwrap();
    let altered = |from: &str, to: &str| good.replace(last, &last.replacen(from, to, 1));
    let prev = to_hex(&positions[0].hash);
    for bad in [
        altered("\"seq\":2", "\"seq\":3"),
        altered(&prev, &"a".repeat(64)),
        altered(&to_hex(&positions[1].hash), &"a".repeat(64)),
        altered("\"seq\":2", "'seq\":2"),
        // Without its end, and with another octet in its place.
        altered("\"seq\":2", "\"seq\":3").trim_end().to_owned(),
        good.trim_end().to_owned() + "*",
    ] {
        fs::write(file, &bad).unwrap();
        for applied in [Position::default(), positions[0], positions[1]] {
            let Err(JournalError::Broken { line: 2, what, .. }) = open(directory.path(), applied) else {
                panic!("it opened on {bad}")
            };
            assert!(what.contains("it was altered since") && what.contains("被改动"), "{what}");
        }
        assert!(matches!(verify(directory.path(), &mut |_| ()), Err(JournalError::Broken { line: 2, .. })));
        assert_eq!((fs::read_to_string(file).unwrap(), fs::read_dir(directory.path()).unwrap().count()), (bad, 1));
    }
}

fn to_hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn a_broken_middle_stops_the_start_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    filled(directory.path(), &[1, 1, 1, 1, 1, 1, 1, 1]);
    let files = segments(directory.path());
    assert!(files.len() > 1);
    for file in &files {
        let good = fs::read(file).unwrap();
        let mut bad = good.clone();
        bad[30] ^= 4;
        fs::write(file, &bad).unwrap();
        let Err(JournalError::Broken { segment, line, what, remedy }) = open(directory.path(), Position::default())
        else {
            panic!("it opened")
        };
        assert_eq!((segment.as_str(), line), (file.to_str().unwrap(), 1));
        assert!(what.contains("行内容") && remedy.contains("verify-journal"), "{what} {remedy}");
        assert_eq!(fs::read(file).unwrap(), bad);
        fs::write(file, &good).unwrap();
    }
}
