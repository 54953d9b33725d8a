//! Lines are read back as they were written, and bad ones name the member.

use super::*;
use crate::registry::{SuffixSet, Timestamp, UnitId, UnitKind, Variants};

fn policy() -> Policy {
    let set = SuffixSet {
        suffixes: vec!["xn--zfr164b".into(), "xn--zfr164b.cn".into()],
        unit_kinds: vec![UnitKind::Organ],
        unit_kinds_with_proof: Vec::new(),
    };
    Policy { allow_special_addresses: true, ..Policy::of(vec![set]) }
}

fn put(line: &str) -> ImportItem {
    match parse(line.as_bytes(), &policy(), "importer").unwrap() {
        Item::Put(item) => item,
        other => panic!("{other:?}"),
    }
}

fn refused(line: &str) -> (&'static str, Option<String>) {
    let problem = parse(line.as_bytes(), &policy(), "importer").unwrap_err();
    (problem.code.as_str(), problem.field)
}

fn some_holds() -> Holds {
    let hold = |end, active, by: &str| Hold {
        start: Timestamp(1_700_000_000),
        end,
        active,
        evidence: "doc-1".into(),
        by: by.into(),
    };
    Holds(
        [
            (HoldReason::Legal, hold(None, true, "ops")),
            (HoldReason::Penalty, hold(Some(Timestamp(1_700_086_399)), false, "clock")),
        ]
        .into(),
    )
}

#[test]
fn a_unit_is_read_back_as_written() {
    let id = UnitId::parse("u-1").unwrap();
    let spec = UnitSpec {
        name: "靖远县教育局".into(),
        kind: UnitKind::Institution,
        region: crate::registry::Region::parse("620421").unwrap(),
        admin_function_proof: Some("doc-7".into()),
    };
    let written = unit(&Unit {
        id: id.clone(),
        name: spec.name.clone(),
        kind: spec.kind,
        region: spec.region.clone(),
        admin_function_proof: spec.admin_function_proof.clone(),
        penalties: Penalties::default(),
        site_review: None,
        holds: some_holds(),
        account: Account::parse("20458813"),
        version: 7,
    });
    assert!(written.ends_with("}\n") && written.matches('\n').count() == 1);
    assert_eq!(
        put(&written),
        ImportItem::Unit {
            id,
            spec,
            holds: some_holds(),
            penalties: Penalties::default(),
            site_review: None,
            account: Some(Account(20_458_813))
        }
    );
}

#[test]
fn a_name_is_read_back_as_written() {
    let addresses = vec!["203.0.113.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    let resolution = crate::registry::Resolution::Addresses { addresses, ttl: 60, www: false };
    let registered = Registration {
        key: name_key("靖远县教育局.政务", &policy(), "name").unwrap(),
        unit: UnitId::parse("u-1").unwrap(),
        registered: Timestamp(1_600_000_000),
        expires: Timestamp(1_800_000_000),
        kind: 2,
        primary: true,
        resolution: Some(resolution),
        resolved_by: 4,
        holds: some_holds(),
        pending: None,
        life: Life::default(),
        variants: Variants::default(),
        version: 9,
    };
    let ImportItem::Name(read) = put(&name(&registered)) else { panic!("no name") };
    let expected = ImportName {
        key: registered.key.clone(),
        unit: registered.unit.clone(),
        registered: registered.registered,
        expires: registered.expires,
        kind: 2,
        primary: true,
        resolution: registered.resolution.clone(),
        holds: some_holds(),
        basis: ImportBasis::Migration,
        variants: None,
        life: Life::default(),
    };
    assert_eq!(*read, expected);
    let removed = parse(removed(&registered.key).as_bytes(), &policy(), "x").unwrap();
    assert!(matches!(removed, Item::Remove(key) if key == registered.key));
}

#[test]
fn marks_are_known_by_their_version() {
    assert!(matches!(parse(begin().as_bytes(), &policy(), "x"), Ok(Item::Begin)));
    let read = parse(end(42, 7).as_bytes(), &policy(), "x");
    assert!(matches!(read, Ok(Item::End { seq: 42, lines: Some(7) })));
    // As earlier versions wrote it.
    let read = parse(br#"{"end":{"seq":42}}"#, &policy(), "x");
    assert!(matches!(read, Ok(Item::End { seq: 42, lines: None })));
    assert_eq!(refused(r#"{"begin":{"format":2}}"#), ("wrong_type", Some("begin.format".into())));
}

#[test]
fn bad_lines_name_the_member() {
    let name = |rest: &str| {
        format!(
            r#"{{"name":{{"name":"教育局.政务","unit":"u1","registered":"2020-01-01","expires":"2030-01-01"{rest}}}}}"#
        )
    };
    let at = |field: &str| Some(field.to_owned());
    let resolution = r#","resolution":{"type":"A","addresses":["203.0.113.5"]}"#;
    assert_eq!(refused(&name(resolution)), ("missing_field", at("name.basis")));
    let both = format!(r#"{resolution},"basis":"migration","approvals":[]"#);
    assert_eq!(refused(&name(&both)), ("unknown_field", at("name.approvals")));
    assert_eq!(refused(&name(r#","holds":[{"reason":"X","start":"2020-01-01","evidence":"e"}]"#)).0, "hold_invalid");
    let hold = r#"{"reason":"LEGAL","start":"2020-01-01","evidence":"e"}"#;
    let twice = name(&format!(r#","holds":[{hold},{hold}]"#));
    assert_eq!(refused(&twice), ("hold_invalid", at("name.holds[1].reason")));
    assert_eq!(
        refused(r#"{"unit":{"id":"u 1","name":"n","kind":"organ","region":"62"}}"#),
        ("unit_invalid", at("unit.id"))
    );
    assert_eq!(
        refused(r#"{"unit":{"id":"u1","name":"n","kind":"organ","region":"6"}}"#),
        ("unit_invalid", at("unit.region"))
    );
    assert_eq!(refused(r#"{"thing":{}}"#).0, "wrong_type");
    assert_eq!(refused(r#"{"removed":{"name":"x.example"}}"#), ("suffix_unknown", at("removed.name")));
    let ImportItem::Name(read) = put(&name(&format!(r#","holds":[{hold}]"#))) else { panic!("no name") };
    assert_eq!(&*read.holds.0[&HoldReason::Legal].by, "importer");
    assert_eq!(read.expires.to_string(), "2030-01-01T15:59:59Z", "the last second of the day in Asia/Shanghai");
}
