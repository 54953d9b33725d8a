//! Random master files of known records: we read the records back, and so do the peers where they can.

use crate::generator::{Dice, Style, Writer, apex, zone};
use crate::oracles::{by_domain, by_named, knot_refuses, normal};
use proptest::prelude::*;
use std::path::Path;
use zhengming::zone::Record;
use zhengming::zonefile::{Rule, check, check_octets, load, read};

/// Writes the zone below `folder`, the records from `cut` on in an included file.
fn write(folder: &Path, records: &[Record], dice: &[u8], style: Style, cut: usize) -> std::path::PathBuf {
    let mut writer = Writer::new(Dice(dice), style);
    let cut = if style == Style::Plain { records.len() } else { cut.clamp(2, records.len()) };
    let (first, rest) = records.split_at(cut);
    writer.records(first);
    if !rest.is_empty() {
        let (included, last) = rest.split_at(rest.len() / 2);
        let text = writer.include("part.inc", included);
        std::fs::write(folder.join("part.inc"), text).expect("a file");
        writer.records(last);
    }
    let path = folder.join("test.zone");
    std::fs::write(&path, &writer.text).expect("a file");
    path
}

fn records_of(path: &Path) -> Vec<Record> {
    let read = read(path, &apex());
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("the file")).into_owned();
    let located = read.unwrap_or_else(|problems| panic!("{problems:?}\n{text}"));
    located.into_iter().map(|located| located.record).collect()
}

fn dice() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..4_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_is_read_back(records in zone(), dice in dice(), cut in 0..30usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(folder.path(), &records, &dice, Style::All, cut);
        let found = records_of(&path);
        prop_assert_eq!(found, records);
    }
}

proptest! {
    // Each case starts a process.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bind_reads_the_same(records in zone(), dice in dice(), cut in 0..30usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(folder.path(), &records, &dice, Style::Bind, cut);
        prop_assert_eq!(normal(&by_named(&path, &apex())), normal(&records_of(&path)));
    }

    #[test]
    fn domain_reads_the_same_and_knot_takes_it(records in zone(), dice in dice()) {
        // RP, OPENPGPKEY, EUI48 and URI are not in it.
        let records: Vec<Record> = records.into_iter().filter(|record| ![17, 61, 108, 256].contains(&record.rtype.0)).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let path = write(folder.path(), &records, &dice, Style::Plain, 0);
        let text = std::fs::read(&path).expect("the file");
        prop_assert_eq!(normal(&by_domain(&text, &apex())), normal(&records_of(&path)));
        prop_assert_eq!(knot_refuses(&path, &apex()), None);
    }
}

#[test]
fn files_are_included_relative_to_the_file_that_names_them() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("main.zone", "$TTL 5\n@ SOA ns hm 1 2 3 4 5\n$INCLUDE sub/a.inc a\n@ NS ns\n$INCLUDE \"sub/b.inc\"\n");
    write("sub/a.inc", "@ TXT \"a\"\n$ORIGIN b\n$TTL 6\n$INCLUDE b.inc\n");
    write("sub/b.inc", "ns A 192.0.2.1\n");
    let path = folder.path().join("main.zone");
    let lines: Vec<String> =
        records_of(&path).iter().map(|record| zhengming::zonefile::Line(record).to_string()).collect();
    assert_eq!(
        lines.iter().skip(1).map(|line| line.replace('\t', " ")).collect::<Vec<_>>(),
        [
            "a.zone.example. 5 IN TXT \"a\"",
            "ns.b.a.zone.example. 6 IN A 192.0.2.1",
            "zone.example. 6 IN NS ns.zone.example.",
            "ns.zone.example. 6 IN A 192.0.2.1",
        ]
    );
    let (_, digest) = load(&path, &apex(), false).expect("a zone");
    write("sub/b.inc", "ns A 192.0.2.2\n");
    assert_ne!(load(&path, &apex(), false).expect("a zone").1, digest, "an included file counts");
}

#[test]
fn files_that_include_too_deeply_or_themselves_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    for number in 0..60 {
        write(&format!("{number}"), &format!("$INCLUDE {}\n", number + 1));
    }
    write("a", "$INCLUDE b\n");
    write("b", "; b\n$INCLUDE ../x/a\n$INCLUDE a\n$INCLUDE .\n$INCLUDE /dev/zero\n");
    let found = |name: &str| {
        let report = check(&folder.path().join(name), &apex(), false);
        let short = |problem: &zhengming::zonefile::Problem| {
            (problem.file.file_name().map(|name| name.to_string_lossy().into_owned()), problem.line, problem.rule)
        };
        report.errors.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(found("0"), [(Some("40".into()), 1, Rule::Include)]);
    let b = Some("b".to_owned());
    let unreadable = |line| (b.clone(), line, Rule::Unreadable);
    assert_eq!(found("a"), [unreadable(2), (b.clone(), 3, Rule::Include), unreadable(4), unreadable(5)]);
    assert_eq!(found("nowhere"), [(Some("nowhere".into()), 0, Rule::Unreadable)]);
}

#[test]
fn what_is_wrong_with_the_zone_is_told_beside_what_is_wrong_with_the_form() {
    let text =
        b"$TTL 5\n@ SOA a. b. 1 2 3 4 5\nb A 1.2.3\nx.other. A 192.0.2.4\nc CNAME d\nc A 192.0.2.4\nsub NS ns.sub\n";
    let report = check_octets(text, Path::new("zone"), &apex(), false);
    let found: Vec<_> = report.errors.iter().map(|problem| (problem.line, problem.rule)).collect();
    // The glue may stand in the line that could not be read, as may the NS records.
    assert_eq!(found, [(3, Rule::Rdata), (4, Rule::OutOfZone), (5, Rule::CnameAndOther)]);
}
