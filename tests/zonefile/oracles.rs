//! Other readers of master files, and the comparison with ours.

use domain::base::iana::Class;
use domain::base::name::ToName;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use std::path::Path;
use std::process::Command;
use zhengming::zone::rdata::lowercase_names;
use zhengming::zone::{Name, Record, Rtype};
use zhengming::zonefile::{Line, read};

/// Records as a set of lines: sorted, once each, names in lower case.
pub fn normal(records: &[Record]) -> Vec<String> {
    let mut lines: Vec<String> = records
        .iter()
        .map(|record| {
            let mut record = Record { owner: record.owner.to_lowercase(), ..record.clone() };
            lowercase_names(record.rtype, &mut record.rdata);
            Line(&record).to_string()
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

fn checkzone(arguments: &[&str], apex: &Name, path: &Path) -> std::process::Output {
    Command::new("named-checkzone")
        .args(["-i", "local", "-k", "ignore"])
        .args(arguments)
        .arg(apex.to_string())
        .arg(path)
        .current_dir(path.parent().expect("a folder"))
        .output()
        .expect("named-checkzone is installed (Debian: bind9-utils)")
}

/// Whether BIND would load the file.
pub fn named_accepts(path: &Path, apex: &Name) -> bool {
    checkzone(&[], apex, path).status.success()
}

/// What BIND reads in the file: its canonical dump, read by us.
pub fn by_named(path: &Path, apex: &Name) -> Vec<Record> {
    let dump = path.with_extension("dump");
    let dump_name = std::env::temp_dir().join(format!("{}-{:?}.dump", std::process::id(), std::thread::current().id()));
    let dump = if path.starts_with(env!("CARGO_MANIFEST_DIR")) { dump_name } else { dump };
    let output = checkzone(&["-i", "none", "-s", "full", "-o", &dump.display().to_string()], apex, path);
    let said = String::from_utf8_lossy(&output.stdout);
    let text = String::from_utf8_lossy(&std::fs::read(path).expect("the file")).into_owned();
    assert!(output.status.success(), "{said}\n{text}");
    let records = read(&dump, apex).expect("BIND writes what can be read");
    std::fs::remove_file(&dump).expect("the dump");
    records.into_iter().map(|located| located.record).collect()
}

/// What Knot has against the file, if it would not load it.
pub fn knot_refuses(path: &Path, apex: &Name) -> Option<String> {
    let output = Command::new("kzonecheck")
        .args(["-v", "-o"])
        .arg(apex.to_string())
        .arg(path)
        .output()
        .expect("kzonecheck is installed (Debian: knot-dnssecutils)");
    (!output.status.success()).then(|| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Whether Knot would load the file.
pub fn knot_accepts(path: &Path, apex: &Name) -> bool {
    knot_refuses(path, apex).is_none()
}

/// What the `domain` crate reads in a text of plain style.
pub fn by_domain(text: &[u8], apex: &Name) -> Vec<Record> {
    let mut file = Zonefile::load(&mut &text[..]).expect("in memory");
    file.set_origin(apex.to_string().parse().expect("a name"));
    file.set_default_class(Class::IN);
    let mut records = Vec::new();
    for entry in file {
        let Entry::Record(record) = entry.expect("plain style") else { panic!("plain style includes nothing") };
        let mut rdata = Vec::new();
        record.data().compose_rdata(&mut rdata).expect("a vector takes all");
        records.push(Record {
            owner: Name::from_wire(record.owner().to_vec().as_slice()).expect("a name").0,
            rtype: Rtype(record.rtype().to_int()),
            ttl: record.ttl().as_secs(),
            rdata: rdata.into(),
        });
    }
    records
}
