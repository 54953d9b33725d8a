//! Holds, resolutions and their lines, by table.

use super::*;
use crate::idn::Label;
use crate::registry::{Hold, Holds, Life, NameKey, Region, Timestamp, UnitId, UnitKind, Variants};
use crate::zone::Gateway;

fn holds(reasons: &[(HoldReason, bool)]) -> Holds {
    let hold =
        |active| Hold { start: Timestamp(0), end: None, active, evidence: "case-1".into(), by: "operator".into() };
    Holds(reasons.iter().map(|(reason, active)| (*reason, hold(*active))).collect())
}

fn unit(reasons: &[(HoldReason, bool)]) -> Unit {
    Unit {
        id: UnitId::parse("u1").unwrap(),
        name: "财政局".into(),
        kind: UnitKind::Organ,
        region: Region::parse("620421").unwrap(),
        admin_function_proof: None,
        holds: holds(reasons),
        penalties: crate::registry::Penalties::default(),
        site_review: None,
        account: None,
        version: 1,
    }
}

fn name(resolution: Option<Resolution>, reasons: &[(HoldReason, bool)]) -> Registration {
    Registration {
        key: NameKey { label: Label::parse("财政局").unwrap(), set: "xn--zfr164b".into() },
        unit: UnitId::parse("u1").unwrap(),
        registered: Timestamp(0),
        expires: Timestamp(1),
        kind: 1,
        primary: true,
        resolved_by: u64::from(resolution.is_some()),
        resolution,
        holds: holds(reasons),
        pending: None,
        life: Life::default(),
        variants: Variants::default(),
        version: 1,
    }
}

fn addresses() -> Resolution {
    let addresses = vec!["203.0.113.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    Resolution::Addresses { addresses, ttl: 600, www: true }
}

fn delegation() -> Resolution {
    let server = |host: &str, glue: &[&str]| NameServer {
        host: host.into(),
        glue: glue.iter().map(|address| address.parse().unwrap()).collect(),
    };
    Resolution::Delegation {
        servers: vec![
            server("ns1.xn--dgt32shz8a.xn--zfr164b", &["203.0.113.53", "2001:db8::53"]),
            server("ns.example", &[]),
        ],
        ds: vec![DelegationSigner { key_tag: 0x1234, algorithm: 13, digest_type: 2, digest: vec![0xAB; 32] }],
        ttl: 3600,
    }
}

#[test]
fn the_gravest_active_hold_decides() {
    use HoldReason::*;
    for (on_unit, on_name, expected) in [
        (&[][..], &[(Expired, true)][..], (0, "hold=EXPIRED", 403)),
        (&[(Penalty, true)], &[(Expired, true)], (15, "hold=PENALTY", 403)),
        (&[(Expired, true)], &[(Legal, true), (Blacklist, true)], (16, "hold=LEGAL", 451)),
        (&[(Legal, false)], &[(Blacklist, true)], (15, "hold=BLACKLIST", 403)),
        (&[(SiteReviewFailed, true)], &[], (15, "hold=SITE_REVIEW_FAILED", 403)),
        (&[(SiteNotSubmitted, true)], &[], (15, "hold=SITE_NOT_SUBMITTED", 403)),
        (&[(RegistryAdmin, true)], &[], (15, "hold=REGISTRY_ADMIN", 403)),
        (&[(UnitRequest, true)], &[], (15, "hold=UNIT_REQUEST", 403)),
    ] {
        for resolution in [None, Some(addresses())] {
            let (info_code, text, status) = expected;
            let held = Published::Held { info_code, extra_text: text.into(), status };
            assert!(text.len() <= 40);
            assert_eq!(published(&unit(on_unit), &name(resolution, on_name)), Some(held));
        }
    }
}

#[test]
fn a_scheduled_hold_hides_nothing_yet() {
    let reasons = [(HoldReason::Legal, false)];
    assert_eq!(published(&unit(&reasons), &name(None, &reasons)), None);
    let Resolution::Addresses { addresses: list, ttl, www } = addresses() else { unreachable!() };
    let expected = Published::Addresses { addresses: list, ttl, www };
    assert_eq!(published(&unit(&reasons), &name(Some(addresses()), &reasons)), Some(expected));
}

#[test]
fn nothing_approved_is_nothing_published() {
    assert_eq!(published(&unit(&[]), &name(None, &[])), None);
}

#[test]
fn a_delegation_is_published_in_wire_form() {
    let mut rdata = vec![0x12, 0x34, 13, 2];
    rdata.extend([0xAB; 32]);
    let servers = vec![
        (
            Name::absolute("ns1.xn--dgt32shz8a.xn--zfr164b.").unwrap(),
            vec!["203.0.113.53".parse().unwrap(), "2001:db8::53".parse().unwrap()],
        ),
        (Name::absolute("ns.example.").unwrap(), Vec::new()),
    ];
    let expected = Published::Delegation { servers, ds: vec![rdata.into()], ttl: 3600 };
    assert_eq!(published(&unit(&[]), &name(Some(delegation()), &[])), Some(expected));
}

fn lines(resolution: Resolution, apex: &str) -> Vec<String> {
    let gateway = Gateway { v4: vec!["192.0.2.1".parse().unwrap()], v6: vec!["2001:db8::1".parse().unwrap()] };
    let data = published(&unit(&[]), &name(Some(resolution), &[])).unwrap();
    presentation(&data, "xn--dgt32shz8a", &Name::absolute(apex).unwrap(), &gateway)
}

#[test]
fn lines_of_addresses() {
    let expected = [
        "xn--dgt32shz8a.xn--zfr164b.cn. 600 IN A 203.0.113.5",
        "xn--dgt32shz8a.xn--zfr164b.cn. 600 IN AAAA 2001:db8::5",
        "www.xn--dgt32shz8a.xn--zfr164b.cn. 600 IN A 203.0.113.5",
        "www.xn--dgt32shz8a.xn--zfr164b.cn. 600 IN AAAA 2001:db8::5",
    ];
    assert_eq!(lines(addresses(), "xn--zfr164b.cn."), expected);
}

#[test]
fn lines_of_a_forward_show_its_target() {
    let target = "https://www.example/".into();
    let forward = Resolution::Forward { target, code: 302, keep_path: true, ttl: 300, www: false };
    let expected = [
        "xn--dgt32shz8a.xn--zfr164b. 300 IN A 192.0.2.1",
        "xn--dgt32shz8a.xn--zfr164b. 300 IN AAAA 2001:db8::1",
        "; xn--dgt32shz8a.xn--zfr164b. HTTP 302 https://www.example/ keep_path",
    ];
    assert_eq!(lines(forward, "xn--zfr164b."), expected);
}

#[test]
fn lines_of_a_delegation_have_narrow_glue() {
    let cut = "xn--dgt32shz8a.xn--zfr164b.";
    let ds = format!("{cut} 3600 IN DS 4660 13 2 {}", "AB".repeat(32));
    let mut expected = vec![
        format!("{cut} 3600 IN NS ns1.{cut}"),
        format!("{cut} 3600 IN NS ns.example."),
        ds.clone(),
        format!("ns1.{cut} 3600 IN A 203.0.113.53"),
        format!("ns1.{cut} 3600 IN AAAA 2001:db8::53"),
    ];
    assert_eq!(lines(delegation(), "xn--zfr164b."), expected);
    // Under the other suffix the same host lies outside the cut: no glue there.
    expected.truncate(3);
    let expected: Vec<String> =
        expected.iter().map(|line| line.replacen(cut, "xn--dgt32shz8a.xn--zfr164b.cn.", 1)).collect();
    assert_eq!(lines(delegation(), "xn--zfr164b.cn."), expected);
}

#[test]
fn lines_of_a_hold_are_a_comment() {
    let data = published(&unit(&[(HoldReason::Legal, true)]), &name(None, &[])).unwrap();
    let apex = Name::absolute("xn--zfr164b.").unwrap();
    let lines = presentation(&data, "xn--dgt32shz8a", &apex, &Gateway::default());
    assert_eq!(lines, ["; xn--dgt32shz8a.xn--zfr164b. NXDOMAIN EDE 16 \"hold=LEGAL\" HTTP 451"]);
}
