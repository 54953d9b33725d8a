//! Random octets as a master file: no panic, and what is accepted can be built and is read back from its own lines.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use zhengming::zone::{Name, Record};
use zhengming::zonefile::{Line, check_octets};

fuzz_target!(|octets: &[u8]| {
    let apex = Name::absolute("xn--zfr164b").expect("a name");
    let report = check_octets(octets, Path::new("fuzz"), &apex, true);
    if !report.errors.is_empty() {
        return;
    }
    let records: Vec<Record> = report.records.iter().map(|located| located.record.clone()).collect();
    let lines: String = records.iter().map(|record| format!("{}\n", Line(record))).collect();
    let again = check_octets(lines.as_bytes(), Path::new("again"), &apex, true);
    assert!(again.records.iter().map(|located| &located.record).eq(&records), "{lines}");
    assert!(report.into_zone(&apex).is_ok());
});
