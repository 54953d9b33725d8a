//! What a name may resolve to: addresses, forwards, delegations (R38–R42).

use crate::world::*;
use zhengming::registry::command::Command;
use zhengming::registry::resolution::{ADDRESSES_MAX, DS_MAX, SERVERS_MAX, TARGET_LEN_MAX};
use zhengming::registry::*;

/// What a world with one name says to a resolution: its normal form, or code and field.
fn tried(world: &World, resolution: Resolution) -> Result<Resolution, (Code, String)> {
    let mut world = world.clone();
    let name = world.key("靖远县教育局.政务");
    let command = Command::Submit { name: name.clone(), resolution, asserted: both("a", "b") };
    match world.ask(&operator(), &command) {
        Ok(_) => Ok(world.memory.names[&name].resolution.clone().unwrap()),
        Err(refusals) => {
            let first = refusals.first();
            Err((first.code, first.field.as_deref().unwrap_or_default().into()))
        }
    }
}

fn world(allow_special_addresses: bool) -> World {
    let mut world = World::new();
    world.policy.allow_special_addresses = allow_special_addresses;
    world.register("靖远县教育局.政务");
    world
}

#[test]
fn addresses_are_public_few_and_different() {
    let refused = |index: usize| Err((Code::AddressInvalid, format!("resolution.addresses[{index}]")));
    for (list, open, closed) in [
        (&["8.8.8.8", "2400:3200::1"][..], Ok(()), Ok(())),
        (&["203.0.113.5"], Ok(()), refused(0)),
        (&["8.8.8.8", "10.0.0.1"], Ok(()), refused(1)),
        (&["8.8.8.8", "fe80::1"], Ok(()), refused(1)),
        (&["127.0.0.1"], Ok(()), refused(0)),
        (&["8.8.8.8", "8.8.8.8"], refused(1), refused(1)),
        (&["0.0.0.0"], refused(0), refused(0)),
        (&["::"], refused(0), refused(0)),
        (&["224.0.0.1"], refused(0), refused(0)),
        (&["ff02::1"], refused(0), refused(0)),
        (&["255.255.255.255"], refused(0), refused(0)),
        (&["::ffff:8.8.8.8"], refused(0), refused(0)),
    ] {
        for (allow, expected) in [(true, open), (false, closed)] {
            assert_eq!(tried(&world(allow), addresses(list)).map(drop), expected, "{list:?} {allow}");
        }
    }
    let many = |count: usize| {
        let addresses = (1..=count).map(|n| std::net::Ipv4Addr::new(8, 8, 8, n as u8).into()).collect();
        Resolution::Addresses { addresses, ttl: 60, www: false }
    };
    for (count, fits) in [(0, false), (1, true), (ADDRESSES_MAX, true), (ADDRESSES_MAX + 1, false)] {
        assert_eq!(tried(&world(false), many(count)).is_ok(), fits, "{count}");
    }
}

#[test]
fn times_to_live_have_bounds() {
    let world = world(true);
    for (ttl, fits) in [(0, false), (59, false), (60, true), (600, true), (601, false), (u32::MAX, false)] {
        let Resolution::Addresses { addresses, www, .. } = addresses(&["8.8.8.8"]) else { unreachable!() };
        let Resolution::Forward { target, code, keep_path, .. } = forward("https://www.example/") else {
            unreachable!()
        };
        for resolution in
            [Resolution::Addresses { addresses, ttl, www }, Resolution::Forward { target, code, keep_path, ttl, www }]
        {
            let expected = if fits { Ok(()) } else { Err((Code::TtlInvalid, "resolution.ttl".into())) };
            assert_eq!(tried(&world, resolution).map(drop), expected, "{ttl}");
        }
    }
    for (ttl, fits) in [(3600, true), (600, false)] {
        let resolution = Resolution::Delegation { servers: vec![server("ns.example.net", &[])], ds: Vec::new(), ttl };
        assert_eq!(tried(&world, resolution).is_ok(), fits, "{ttl}");
    }
}

#[test]
fn targets_are_stored_as_browsers_read_them() {
    for (target, expected) in [
        ("http://www.example", "http://www.example/"),
        ("HTTPS://WWW.Example:443/A?b=c", "https://www.example/A?b=c"),
        ("https://www.example:8443/教育/../局", "https://www.example:8443/%E5%B1%80"),
        ("https://财政局.例子.example/", "https://xn--dgt32shz8a.xn--fsqu00a.example/"),
        ("https://www.example/#top", "https://www.example/#top"),
    ] {
        let Ok(Resolution::Forward { target: found, .. }) = tried(&world(false), forward(target)) else {
            panic!("{target} was refused")
        };
        assert_eq!(&*found, expected);
    }
}

#[test]
fn other_targets_are_refused() {
    let long = format!("https://www.example/{}", "x".repeat(TARGET_LEN_MAX));
    // Not too long as written, but as encoded.
    let grown = format!("https://www.example/{}", "教".repeat(500));
    for target in [
        "",
        "203.0.113.5",
        "www.example",
        "//www.example/",
        "ftp://www.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://",
        "http:///path",
        "http://user@www.example/",
        "http://user:secret@www.example/",
        "http://:secret@www.example/",
        "https://www.example/a b",
        " https://www.example/",
        "https://www.example/\n",
        "http://www.exa\tmple/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://intranet/",
        "http://www..example/",
        "http://0.0.0.0/",
        "http://[ff02::1]/",
        "http://[::ffff:127.0.0.1]/",
        &long,
        &grown,
    ] {
        for allow in [true, false] {
            let found = tried(&world(allow), forward(target)).map(drop);
            assert_eq!(found, Err((Code::TargetInvalid, "resolution.target".into())), "{target} {allow}");
        }
    }
    // Addresses in every spelling that browsers understand.
    for target in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://8.8.8.8/",
    ] {
        assert!(tried(&world(true), forward(target)).is_ok(), "{target}");
        assert_eq!(tried(&world(false), forward(target)).map(drop).unwrap_err().0, Code::TargetInvalid, "{target}");
    }
}

#[test]
fn redirect_codes_are_four() {
    for code in [200, 300, 301, 302, 303, 304, 307, 308, 404] {
        let Resolution::Forward { target, keep_path, ttl, www, .. } = forward("https://www.example/") else {
            unreachable!()
        };
        let found = tried(&world(true), Resolution::Forward { target, code, keep_path, ttl, www }).map(drop);
        let expected = match code {
            301 | 302 | 307 | 308 => Ok(()),
            _ => Err((Code::RedirectCodeInvalid, "resolution.code".into())),
        };
        assert_eq!(found, expected, "{code}");
    }
}

#[test]
fn a_forward_never_leads_to_a_forward() {
    let mut world = world(true);
    world.resolve("靖远县财政局.政务", addresses(&["203.0.113.5"]));
    let forwarded = world.resolve("靖远县民政局.政务", forward("https://www.example/"));
    world.register("靖远县水务局.政务");
    let hold =
        Command::PlaceHold { target: on_name(&forwarded), reason: HoldReason::Legal, spec: hold_spec(None, None) };
    for held in [false, true] {
        if held {
            world.does(&operator(), hold.clone());
        }
        for (host, fits) in [
            ("靖远县教育局.政务", false),
            ("靖远县教育局.政务.", false),
            ("www.靖远县教育局.政务", false),
            ("WWW.XN--5NRU1RVYHEQ2AR3PDIK.XN--ZFR164B:8080", false),
            ("靖远县教育局。政务。cn", false),
            ("靖远县民政局.政务", false),
            ("www.靖远县民政局.政务.cn", false),
            ("靖远县财政局.政务", true),
            ("靖远县水务局.政务", true),
            ("靖远县档案局.政务", true),
            ("靖远县教育局.公益", true),
            ("靖远县教育局.example", true),
            ("nic.政务", true),
        ] {
            let found = tried(&world, forward(&format!("https://{host}/"))).map(drop);
            let expected = if fits { Ok(()) } else { Err((Code::TargetLoop, "resolution.target".into())) };
            assert_eq!(found, expected, "{host}");
        }
    }
}

fn server(host: &str, glue: &[&str]) -> NameServer {
    NameServer { host: host.into(), glue: glue.iter().map(|address| address.parse().unwrap()).collect() }
}

fn delegation(servers: Vec<NameServer>) -> Resolution {
    Resolution::Delegation { servers, ds: Vec::new(), ttl: 3600 }
}

#[test]
fn glue_is_given_inside_the_name_and_nowhere_else() {
    let name = "xn--5nru1rvyheq2ar3pdik.xn--zfr164b";
    let inside = [
        name.to_owned(),
        format!("ns1.{name}"),
        format!("NS1.{name}.cn."),
        "ns1.靖远县教育局.政务".into(),
        "a.b.靖远县教育局。政务。cn".into(),
    ];
    let field = || "resolution.servers[0].glue".to_owned();
    for host in &inside {
        assert_eq!(tried(&world(true), delegation(vec![server(host, &[])])), Err((Code::ServerInvalid, field())));
        for glue in [&["203.0.113.53"][..], &["203.0.113.53", "2001:db8::53"]] {
            assert!(tried(&world(true), delegation(vec![server(host, glue)])).is_ok(), "{host}");
        }
        let many = ["8.8.8.1", "8.8.8.2", "8.8.8.3", "8.8.8.4", "8.8.8.5"];
        assert_eq!(tried(&world(true), delegation(vec![server(host, &many)])), Err((Code::ServerInvalid, field())));
        for glue in [&["224.0.0.1"][..], &["203.0.113.53", "203.0.113.53"]] {
            let index = glue.len() - 1;
            let expected = Err((Code::ServerInvalid, format!("{}[{index}]", field())));
            assert_eq!(tried(&world(true), delegation(vec![server(host, glue)])), expected);
        }
        let found = tried(&world(false), delegation(vec![server(host, &["203.0.113.53"])]));
        assert_eq!(found, Err((Code::ServerInvalid, format!("{}[0]", field()))));
    }
    for host in ["ns.example.net", "ns1.靖远县财政局.政务", &format!("x{name}"), "ns1.靖远县教育局.公益"]
    {
        assert!(tried(&world(true), delegation(vec![server(host, &[])])).is_ok(), "{host}");
        let found = tried(&world(true), delegation(vec![server(host, &["203.0.113.53"])]));
        assert_eq!(found, Err((Code::ServerInvalid, field())), "{host}");
    }
}

#[test]
fn servers_are_hosts_few_and_different() {
    let normal =
        tried(&world(true), delegation(vec![server("NS.Example.NET.", &[]), server("ns.财政局.例子.net", &[])]));
    let expected = delegation(vec![server("ns.example.net", &[]), server("ns.xn--dgt32shz8a.xn--fsqu00a.net", &[])]);
    assert_eq!(normal, Ok(expected));
    for host in [
        "",
        ".",
        "net",
        "a..net",
        "a b.net",
        "ns_1.example.net",
        "-a.net",
        "a-.net",
        "203.0.113.5",
        "2001:db8::1",
        "a.9",
        "a/b.net",
    ] {
        let found = tried(&world(true), delegation(vec![server("ns.example.net", &[]), server(host, &[])]));
        assert_eq!(found, Err((Code::ServerInvalid, "resolution.servers[1].host".into())), "{host}");
    }
    let twice = delegation(vec![server("ns.example.net", &[]), server("NS.example.net.", &[])]);
    assert_eq!(tried(&world(true), twice), Err((Code::ServerInvalid, "resolution.servers[1].host".into())));
    for (count, fits) in [(0, false), (1, true), (SERVERS_MAX, true), (SERVERS_MAX + 1, false)] {
        let servers = (0..count).map(|n| server(&format!("ns{n}.example.net"), &[])).collect();
        assert_eq!(tried(&world(true), delegation(servers)).is_ok(), fits, "{count}");
    }
}

#[test]
fn delegation_signers_have_modern_digests_and_algorithms() {
    let signer = |algorithm, digest_type, length| DelegationSigner {
        key_tag: 1,
        algorithm,
        digest_type,
        digest: vec![7; length],
    };
    let with = |ds: Vec<DelegationSigner>| Resolution::Delegation {
        servers: vec![server("ns.example.net", &[])],
        ds,
        ttl: 3600,
    };
    for (algorithm, digest_type, length, field) in [
        (13, 2, 32, None),
        (8, 4, 48, None),
        (17, 2, 32, None),
        (13, 1, 20, Some("digest_type")),
        (13, 12, 32, Some("digest_type")),
        (13, 3, 32, Some("digest_type")),
        (13, 0, 1, Some("digest_type")),
        (13, 2, 31, Some("digest")),
        (13, 2, 48, Some("digest")),
        (13, 4, 32, Some("digest")),
        (13, 2, 0, Some("digest")),
        (5, 2, 32, Some("algorithm")),
        (7, 2, 32, Some("algorithm")),
        (12, 2, 32, Some("algorithm")),
        (0, 2, 32, Some("algorithm")),
        (253, 2, 32, Some("algorithm")),
    ] {
        let found = tried(&world(true), with(vec![signer(algorithm, digest_type, length)])).map(drop);
        let expected = field.map_or(Ok(()), |field| Err((Code::DsInvalid, format!("resolution.ds[0].{field}"))));
        assert_eq!(found, expected, "{algorithm} {digest_type} {length}");
    }
    let twice = with(vec![signer(13, 2, 32), signer(13, 2, 32)]);
    assert_eq!(tried(&world(true), twice).map(drop), Err((Code::DsInvalid, "resolution.ds[1]".into())));
    let many = |count: usize| (0..count).map(|n| DelegationSigner { key_tag: n as u16, ..signer(13, 2, 32) }).collect();
    assert!(tried(&world(true), with(many(DS_MAX))).is_ok());
    assert_eq!(tried(&world(true), with(many(DS_MAX + 1))).map(drop), Err((Code::DsInvalid, "resolution.ds".into())));
}
