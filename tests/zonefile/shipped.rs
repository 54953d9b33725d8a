//! The zone files that are shipped in `zones/`.

use crate::oracles::{by_named, knot_accepts, named_accepts, normal};
use std::path::{Path, PathBuf};
use zhengming::zone::{Name, Rtype};
use zhengming::zonefile::{check, load};

const SUFFIXES: [(&str, &str); 4] =
    [("xn--zfr164b", "政务"), ("xn--zfr164b.cn", "政务.cn"), ("xn--55qw42g", "公益"), ("xn--55qw42g.cn", "公益.cn")];

/// Each suffix's own zone, so that the servers that `nic` is delegated to answer for it.
#[test]
fn every_suffix_has_its_nic_zone() {
    for (ascii, unicode) in SUFFIXES {
        let (apex, path) = (Name::absolute(&format!("nic.{ascii}")).expect("a name"), path(&format!("nic.{ascii}")));
        let report = check(&path, &apex, false);
        assert!(report.errors.is_empty() && report.warnings.is_empty(), "{:?} {:?}", report.errors, report.warnings);
        assert!(named_accepts(&path, &apex) && knot_accepts(&path, &apex), "{ascii}");
        let text = std::fs::read_to_string(&path).expect("a zone file");
        assert_eq!(text.lines().next(), Some(format!("; nic.{unicode}").as_str()));
        let served: Vec<_> = report.records().into_iter().map(|located| located.record).collect();
        let suffix = check(&self::path(ascii), &Name::absolute(ascii).expect("a suffix"), true);
        // What the parent says of the child, the child says too (RFC 1034 §4.2.2).
        for parent in
            suffix.records().iter().map(|located| &located.record).filter(|record| record.owner.is_within(&apex))
        {
            assert!(served.contains(parent), "{parent:?} is not in nic.{ascii}");
        }
    }
}

fn path(ascii: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("zones/{ascii}.zone"))
}

#[test]
fn shipped_zones_are_right_for_us_and_for_peers() {
    for (ascii, unicode) in SUFFIXES {
        let (apex, path) = (Name::absolute(ascii).expect("a suffix"), path(ascii));
        let report = check(&path, &apex, true);
        assert!(report.errors.is_empty() && report.warnings.is_empty(), "{:?} {:?}", report.errors, report.warnings);
        assert!(named_accepts(&path, &apex) && knot_accepts(&path, &apex), "{ascii}");
        let text = std::fs::read_to_string(&path).expect("a zone file");
        assert_eq!(text.lines().next(), Some(format!("; {unicode}").as_str()));
        assert!(text.contains(&format!("$ORIGIN {ascii}.\n")));
        let records: Vec<_> = report.records().into_iter().map(|located| located.record).collect();
        assert_eq!(normal(&records), normal(&by_named(&path, &apex)), "{ascii}");
    }
}

#[test]
fn shipped_zones_can_be_served() {
    for (ascii, _) in SUFFIXES {
        let apex = Name::absolute(ascii).expect("a suffix");
        let (zone, digest) = load(&path(ascii), &apex, true).expect("a zone");
        assert_eq!((zone.apex(), zone.serial()), (&apex, 1));
        assert!(zone.occupies("nic"));
        let sum = std::process::Command::new("sha256sum").arg(path(ascii)).output().expect("sha256sum");
        let hex: String = digest.iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(String::from_utf8_lossy(&sum.stdout).starts_with(&hex), "{ascii}");
    }
}

/// The DNS answers for `nic.<suffix> NS` (registry rules, D.3 row 18), and the file reads well: one record a line, in
/// canonical order.
#[test]
fn shipped_zones_read_well() {
    for (ascii, _) in SUFFIXES {
        let apex = Name::absolute(ascii).expect("a suffix");
        let report = check(&path(ascii), &apex, true);
        let nic = Name::absolute(&format!("nic.{ascii}")).expect("a name");
        assert!(
            report.records().iter().any(|located| located.record.owner == nic && located.record.rtype == Rtype::NS)
        );
        let lines: Vec<u32> = report.records().iter().map(|located| located.place.line).collect();
        assert!(lines.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ascii}: {lines:?}");
        let order: Vec<Vec<Vec<u8>>> = report
            .records()
            .iter()
            .map(|located| {
                let mut labels: Vec<Vec<u8>> = located.record.owner.labels().map(<[u8]>::to_vec).collect();
                labels.reverse();
                labels
            })
            .collect();
        assert!(order.is_sorted(), "{ascii}");
    }
}
