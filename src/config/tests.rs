//! What a configuration file may be, and what is said of one that is wrong.

use super::*;

/// The smallest file.
const MINIMAL: &str = "version = 1\n";

fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    Config::parse(text, PathBuf::new())
}

/// The faults of `text`, as `line: English`.
fn faults(text: &str) -> Vec<String> {
    let faults = parse(text).expect_err("a file with faults");
    for fault in &faults {
        assert!(fault.zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "no Chinese in {fault:?}");
    }
    faults.iter().map(|fault| format!("{}: {}", fault.line.unwrap_or(0), fault.en)).collect()
}

#[test]
fn the_template_shows_the_defaults() {
    let template = include_str!("../../config/zhengming.toml");
    assert_eq!(parse(template).expect("a valid template"), Config::default());
    assert_eq!(parse(MINIMAL).expect("a valid file"), Config::default());
}

/// A template that shows the defaults could still leave an option out.
#[test]
fn the_template_names_every_option() {
    let template = include_str!("../../config/zhengming.toml");
    let parser = concat!(include_str!("parse.rs"), include_str!("procedure.rs"));
    let mut options = 0;
    for call in [".read(", ".require(", ".section(", ".sections("] {
        for (at, _) in parser.match_indices(call) {
            let rest = parser[at + call.len()..].trim_start();
            let Some(option) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
            let shown = template.lines().any(|line| {
                let line = line.trim_start_matches("# ").trim_start_matches('[');
                line.strip_prefix(option).is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
                    || ["admin.", "server.", "registry.", "registry.review."]
                        .iter()
                        .any(|section| line.strip_prefix(section).is_some_and(|line| line.starts_with(option)))
            });
            assert!(shown, "config/zhengming.toml says nothing of `{option}`");
            options += 1;
        }
    }
    assert!(options > 30, "only {options} options found in the parser");
}

#[test]
fn who_may_ask_is_said_for_each_zone() {
    let text = "version = 1\n[[zones]]\napex = \"Open.example\"\nfile = \"a\"\n\
                [[zones]]\napex = \"closed.example\"\nfile = \"b\"\nallow_query = [\"192.0.2.0/24\", \"2001:db8::/32\"]\n";
    let config = parse(text).expect("a valid file");
    let allowed = |apex: &str| config.allow_query(&Name::absolute(apex).expect("a name")).0.len();
    assert_eq!((allowed("open.example"), allowed("closed.example"), allowed("xn--zfr164b")), (0, 2, 0));
    let found = faults("version = 1\n[[zones]]\napex = \"a\"\nfile = \"a\"\nallow_query = [\"192.0.2.1\"]\n");
    assert_eq!(
        found,
        ["5: `zones[0].allow_query[0]`: \"192.0.2.1\" is not a network (192.0.2.0/24, 2001:db8::/32) or a key \
          (key:transfer.example)"]
    );
}

#[test]
fn keys_are_read_and_what_is_wrong_with_them_is_said_without_the_secret() {
    let text = "version = 1\n[[keys]]\nname = \"Transfer.Example\"\nalgorithm = \"hmac-sha256\"\nsecret = \"c2VjcmV0\"\n\
                [[keys]]\nname = \"other.example.\"\nalgorithm = \"hmac-sha256-128\"\nsecret_file = \"other\"\n\
                [[zones]]\napex = \"a\"\nfile = \"a\"\nallow_query = [\"key:TRANSFER.example\", \"192.0.2.0/24\"]\n";
    let config = parse(text).expect("a valid file");
    assert_eq!(config.keys[0].name, config.allow_query(&Name::absolute("a").expect("a name")).1[0]);
    assert_eq!(config.keys[0].secret, SecretSource::Inline(Secret(b"secret".to_vec())));
    assert_eq!(config.keys[1].secret, SecretSource::File("other".into()));
    let shown = format!("{config:?}");
    assert!(!shown.contains("c2Vj") && !shown.contains("115, 101"), "{shown}");

    let key = |lines: &str| format!("version = 1\n[[keys]]\n{lines}");
    let algorithm = "algorithm = \"hmac-sha256\"";
    for (text, words) in [
        (
            key(&format!("name = \"k\"\n{algorithm}\nsecret = \"not base64 hidden\"\n")),
            "`keys[0].secret` is not a secret in",
        ),
        (key(&format!("name = \"k\"\n{algorithm}\nsecret = \"\"\n")), "`keys[0].secret` is not a secret in Base64"),
        (key(&format!("name = \"k\"\n{algorithm}\nsecret = \"AAA\"\n")), "openssl rand -base64 32"),
        (key(&format!("name = \"a..b\"\n{algorithm}\nsecret = \"AAAA\"\n")), "\"a..b\" is not a domain name"),
        (key("name = \"k\"\nalgorithm = \"hmac-md5\"\nsecret = \"AAAA\"\n"), "\"hmac-md5\" is not one of hmac-sha1, "),
        (key(&format!("name = \"k\"\n{algorithm}\n")), "a key needs one of `secret_file` and `secret`"),
        (key(&format!("name = \"k\"\n{algorithm}\nsecret = \"AAAA\"\nsecret_file = \"f\"\n")), "and not both"),
        (
            key(&format!(
                "name = \"k\"\n{algorithm}\nsecret = \"AAAA\"\n[[keys]]\nname = \"K.\"\n{algorithm}\nsecret_file = \"f\"\n"
            )),
            "the key k. is given twice",
        ),
        (
            "version = 1\n[[zones]]\napex = \"a\"\nfile = \"a\"\nallow_query = [\"key:k\"]\n".to_owned(),
            "`allow_query` names the key k., but no `[[keys]]` has it",
        ),
    ] {
        let found = faults(&text);
        assert!(found.iter().any(|fault| fault.contains(words)), "{words}: {found:?}");
        assert!(!found.concat().contains("hidden"), "{found:?}");
    }
}

#[test]
fn a_zone_of_no_registrations_may_have_any_name() {
    let apexes = ["政务.Example", "Www.*.Example.", "0/25.2.0.192.in-addr.arpa", "a\\\\.b.\\\\000", "."];
    let zones = apexes.map(|apex| format!("[[zones]]\napex = \"{apex}\"\nfile = \"a\"\n")).concat();
    let config = parse(&format!("version = 1\n{zones}")).expect("a valid file");
    let read: Vec<String> = config.zone_files().iter().skip(4).map(|(apex, ..)| apex.to_string()).collect();
    let expected = ["xn--zfr164b.example.", "www.*.example.", "0/25.2.0.192.in-addr.arpa.", "a\\.b.\\000.", "."];
    assert_eq!(read, expected);
    for apex in ["", "a..b", "@", "a b。", "..", "\\\\25", &"a".repeat(64)] {
        let found = faults(&format!("version = 1\n[[zones]]\napex = \"{apex}\"\nfile = \"a\"\n"));
        assert!(found.len() == 1 && found[0].contains("is not a domain name"), "{apex}: {found:?}");
    }
    let found = faults("version = 1\n[[zones]]\napex = \"A\"\nfile = \"a\"\n[[zones]]\napex = \"a.\"\nfile = \"a\"\n");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn the_demonstration_is_valid_and_on_loopback() {
    let demo = parse(include_str!("../../config/demo.toml")).expect("a valid demonstration");
    assert!(demo.demo);
    assert_eq!(demo.admin.tokens.len(), Role::TOKENS.len());
    assert_eq!(demo.data.directory, Path::new("data"));
}

#[test]
fn every_fault_is_named_with_its_line() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["0: `version` is missing"]),
        (
            "version = 2\n",
            &["1: `version` is 2, this program knows version 1 only; use the program that the file is for"],
        ),
        ("version = 1\n[server]\nlistne = []\n", &["3: unknown key `server.listne`; did you mean `listen`?"]),
        ("version = 1\nsrever = 1\n", &["2: unknown key `srever`; did you mean `server`?"]),
        (
            "version = 1\n[gateway]\nzzz = 1\n[log]\nlevl = \"info\"\n",
            &[
                "3: unknown key `gateway.zzz`; known here are listen",
                "5: unknown key `log.levl`; did you mean `level`?",
            ],
        ),
        (
            "version = 1\n\n[server]\nlisten = [\"192.0.2.1\", 5]\nworkers = \"two\"\n",
            &[
                "4: `server.listen[0]`: \"192.0.2.1\" is not an address or interface with a port (192.0.2.1:53, [2001:db8::1]:53, eth0:53)",
                "4: `server.listen[1]` should be text, but is an integer",
                "5: `server.workers` should be an integer, but is text",
            ],
        ),
        ("version = 1\nserver = 3\n", &["2: `server` should be a table, but is an integer"]),
        ("version = 1\n[server]\nudp_size_max = 100\n", &["3: `server.udp_size_max`: 100 is not between 512 and 4096"]),
        (
            "version = 1\n[server]\ncookie_secrets = [\"5a\"]\ncookie_roll_secs = 9999999\n",
            &[
                "3: `server.cookie_secrets[0]` is not a secret in 32 hexadecimal digits",
                "4: `server.cookie_roll_secs`: 9999999 is not between 0 and 3110400",
            ],
        ),
        (
            "version = 1\n[[admin.tokens]]\nname = \"a b\"\nrole = \"root\"\n",
            &[
                "2: `admin.tokens[0].sha256` is missing",
                "3: `admin.tokens[0].name`: \"a b\" is not a token's name",
                "4: `admin.tokens[0].role`: \"root\" is not one of submitter, local-reviewer, local-admin, \
                 central-reviewer, finance, operator, auditor, viewer",
            ],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(faults(text), *expected, "in\n{text}");
    }
}

/// What one option says is held against the others as far as these are right: a fault hides no other, and brings none.
#[test]
fn a_fault_hides_no_other() {
    let cases: &[(&str, &[&str])] = &[
        (
            "[registry]\nsecond_factor = [\"unit_hold\"]\nbrake_percent = 500\nprotected_names = [\"x.com\"]\n\
             notices_days = [5, -7]\nclock_step_secs = 5\nreserved_labels = [\"-a-\"]\n",
            &[
                "0: `registry.reserved_labels`: \"-a-\" could",
                "0: `registry.clock_step_secs` is 0 or",
                "0: `registry.protected_names`: \"x.com\" is no name",
                "3: `registry.second_factor[0]`",
                "4: `registry.brake_percent`",
                "6: at most 16 days",
            ],
        ),
        (
            "[server]\nlistne = []\n[server.tls]\ncert = \"c\"\n[admin]\nlisten = [\"x\"]\ntls_client_ca = \"a\"\n\
             [[admin.tokens]]\nname = \"t\"\n[gateway]\nlisten = [\"0.0.0.0:1\", \"0.0.0.0:1\"]\n",
            &[
                "0: the address 0.0.0.0:1 is given twice",
                "0: `server.tls.cert` and `server.tls.key` go together",
                "0: `admin.tls_client_ca` needs TLS",
                "3: unknown key `server.listne`",
                "7: `admin.listen[0]`",
                "9: `admin.tokens[0].role` is missing",
                "9: `admin.tokens[0].sha256` is missing",
            ],
        ),
        (
            "[[suffixes]]\nsuffixes = [1, \"公益\"]\nzone_files = [\"a\", \"b\"]\nunit_kinds = []\n\
             [[zones]]\napex = \"a..b\"\nfile = \"a\"\n[[zones]]\napex = \"政务\"\nfile = \"a\"\n\
             [registry]\nprotected_names = [\"财政局.公益\"]\n",
            &["0: `a..b` is not a domain name", "3: `suffixes[0].suffixes[0]` should be text"],
        ),
        // What nobody wrote, the default, is not held against the rest.
        ("suffixes = 1\n[[zones]]\napex = \"政务\"\nfile = \"a\"\n", &["2: `suffixes` should be an array"]),
        ("demo = true\n[gateway]\nlisten = 1\n", &["4: `gateway.listen` should be an array"]),
        ("demo = 1\n[server.tls]\ndot_listen = [\"[::1]:853\"]\n", &["2: `demo` should be true"]),
        (
            "[[registry.rates]]\nsuffix = \"政务\"\nfrom = \"2026-01-01\"\nyuan = 260\narea = 1\n\
             [[registry.rates]]\nsuffix = \"政务\"\nfrom = \"2026-01-01\"\nyuan = 260\n",
            &["6: `registry.rates[0].area` should be text"],
        ),
        (
            "[[keys]]\nname = \"k\"\nalgorithm = \"x\"\nsecret = \"AAAA\"\n\
             [[zones]]\napex = \"a\"\nfile = \"a\"\nallow_query = [\"key:k\"]\n",
            &["4: `keys[0].algorithm`"],
        ),
    ];
    for (text, expected) in cases {
        let found = faults(&format!("{MINIMAL}{text}"));
        let all =
            found.len() == expected.len() && found.iter().zip(*expected).all(|(one, words)| one.starts_with(words));
        assert!(all, "in\n{text}\n{found:#?}");
    }
    let region = format!("{MINIMAL}{}region = \"62042\"\n", token_of("local-reviewer", "0"));
    assert!(faults(&region)[0].contains("\"62042\" is not a division code"), "{:?}", faults(&region));
    assert_eq!(faults(&region).len(), 1, "there is a region: {:?}", faults(&region));
    let regions = region.replace("region = \"62042\"", "regions = [\"62042\"]");
    assert_eq!(faults(&regions).len(), 1, "{:?}", faults(&regions));
}

#[test]
fn what_is_no_toml_is_named_with_its_line() {
    let found = faults("version = 1\n[server\nlisten = []\n");
    assert!(found[0].starts_with("2: not TOML: "), "{found:?}");
    for (text, zh) in [
        ("demo = flase\n", "应为 true 或 false，此处应有 false"),
        ("[server\n", "表头的方括号未闭合，此处应有 ]"),
        ("[log]\nlevel = info\n", "文本值须加引号"),
        ("demo = true\ndemo = true\n", "键重复"),
        ("[server]\nworkers = 01\n", "数字的写法不正确"),
        ("[server]\nlisten = [\"a\" \"b\"]\n", "各项之间缺少逗号"),
        ("[server]\nnsid = \"a\n", "文本的引号未闭合"),
    ] {
        let found = parse(&format!("{MINIMAL}{text}")).expect_err("no TOML");
        assert!(found[0].zh.starts_with(&format!("不是合法的 TOML：{zh}")), "{text}: {found:?}");
    }
}

#[test]
fn a_second_chain_without_seals_is_told() {
    let found = faults(&format!("{MINIMAL}[seals]\nsm3 = true\n"));
    assert_eq!(found, ["0: `seals.sm3` needs `seals.key_file`: without it nothing is sealed"]);
    parse(&format!("{MINIMAL}[seals]\nsm3 = true\nkey_file = \"k\"\n")).expect("with a key it is valid");
}

#[test]
fn a_local_reviewer_has_a_region() {
    let token = token_of("local-reviewer", "0");
    let found = faults(&format!("{MINIMAL}{token}"));
    assert_eq!(found, ["2: token local-reviewer: a local-reviewer needs a `region`"]);
    parse(&format!("{MINIMAL}{token}region = \"620421\"\n")).expect("with a region it is valid");
    let several = parse(&format!("{MINIMAL}{token}regions = [\"620421\", \"6205\"]\n")).expect("or with several");
    let regions = several.admin.tokens[0].region.clone().expect("regions");
    for (code, own) in [("620421", true), ("620421001", true), ("620502", true), ("620422", false), ("62", false)] {
        assert_eq!(regions.contains(&crate::registry::Region::parse(code).expect("a region")), own, "{code}");
    }
    let both = format!("{MINIMAL}{token}region = \"620421\"\nregions = [\"6205\"]\n");
    assert_eq!(faults(&both), ["2: a token has a `region` or `regions`, and not both"]);
    assert!(faults(&format!("{MINIMAL}{token}regions = []\n"))[0].contains("names 1 to 40 divisions"));
    assert!(
        faults(&format!("{MINIMAL}{}", token_of("local-admin", "0")))[0].contains("a local-admin needs a `region`")
    );
}

#[test]
fn what_a_token_is_bound_to_is_read_and_kept_out_of_what_is_shown() {
    let token = token_of("operator", "0");
    let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let bound = format!(
        "{MINIMAL}[admin]\ntls_cert = \"c\"\ntls_key = \"k\"\ntls_client_ca = \"ca\"\n{token}networks = [\"192.0.2.0/24\"]\n\
         client_cert_sha256 = \"{}\"\ntotp_secret = \"{secret}\"\n",
        "5a".repeat(32)
    );
    let config = parse(&bound).expect("a valid file");
    let read = &config.admin.tokens[0];
    assert_eq!((read.networks.len(), read.certificate, read.totp.is_some()), (1, Some([0x5a; 32]), true));
    let shown = format!("{config:?}");
    assert!(!shown.contains("GEZD") && !shown.contains("49, 50"), "{shown}");
    assert!(faults(&bound.replace("tls_client_ca = \"ca\"\n", ""))[0].contains("needs `admin.tls_client_ca`"));
    let bare = bound.replace("tls_cert = \"c\"\ntls_key = \"k\"\n", "");
    assert!(faults(&bare)[0].contains("`admin.tls_client_ca` needs TLS"));
    let found = faults(&bound.replace(secret, "not base32 hidden"));
    assert!(found[0].contains("is not a secret of 16 octets") && !found[0].contains("hidden"), "{found:?}");
    let two = format!("{bound}{}totp_secret = \"{secret}\"\n", token_of("viewer", "1"));
    assert_eq!(faults(&two), ["0: token viewer: another token has the same second factor"]);
    let both = format!("{bound}totp_secret_file = \"f\"\n");
    assert!(faults(&both)[0].contains("and not both"), "{:?}", faults(&both));
    let guarded = "[registry]\nsecond_factor = [\"deletion\", \"everything\"]\n";
    let found = faults(&format!("{MINIMAL}{guarded}"));
    assert!(
        found[0].contains("\"everything\" is not one of unit-hold, deletion, blacklist, brake-release, dns-change")
    );
}

#[test]
fn the_admin_api_leaves_loopback_only_with_tls_or_on_purpose() {
    let open = format!("{MINIMAL}[admin]\nlisten = [\"192.0.2.1:8053\"]\n");
    assert!(faults(&open)[0].contains("tokens would cross the network in the clear"));
    parse(&format!("{open}insecure = true\n")).expect("on purpose it is valid");
    parse(&format!("{open}tls_cert = \"cert.pem\"\ntls_key = \"key.pem\"\n")).expect("with TLS it is valid");
    assert!(faults(&format!("{MINIMAL}[admin]\ntls_cert = \"cert.pem\"\n"))[0].contains("go together"));
}

#[test]
fn encrypted_dns_has_a_certificate() {
    let dot = format!("{MINIMAL}[server.tls]\ndot_listen = [\"192.0.2.1:853\"]\n");
    assert!(faults(&dot)[0].contains("needs a certificate"));
    assert!(faults(&format!("{dot}cert = \"cert.pem\"\n"))[0].contains("go together"));
    parse(&format!("{dot}cert = \"cert.pem\"\nkey = \"key.pem\"\n")).expect("with both it is valid");
    let same = format!("{MINIMAL}[server.tls]\ndot_listen = [\"[::1]:53\"]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n");
    assert!(faults(&same)[0].contains("[::1]:53 is given twice"));
    let shared = format!("{MINIMAL}[server.tls]\ndot_listen = [\"[::1]:853\"]\ndoq_listen = [\"[::1]:853\"]\n");
    parse(&format!("{shared}cert = \"cert.pem\"\nkey = \"key.pem\"\n")).expect("one is TCP, the other UDP");
    let same = same.replace("dot_listen", "doq_listen");
    assert!(faults(&same)[0].contains("the UDP address [::1]:53 is given twice"));
    for path in ["dns-query", "/dns?query", "/dns query", "/%64ns-query", ""] {
        let found = faults(&format!("{MINIMAL}[server.tls]\ndoh_path = \"{path}\"\n"));
        assert!(found[0].contains("is not a path"), "{found:?}");
    }
}

#[test]
fn a_wildcard_stands_alone_on_its_port() {
    let listen = |addresses: &str| format!("{MINIMAL}[server]\nlisten = [{addresses}]\n");
    parse(&listen("\"0.0.0.0:53\", \"[::]:53\"")).expect("one of each family");
    parse(&listen("\"0.0.0.0:53\", \"[::1]:53\", \"127.0.0.1:54\"")).expect("another family, another port");
    let found = faults(&listen("\"0.0.0.0:53\", \"192.0.2.1:53\""));
    assert_eq!(found, ["0: the wildcard 0.0.0.0:53 takes 192.0.2.1:53 too; give one of the two"]);
    assert!(faults(&listen("\"[2001:db8::1]:53\", \"[::]:53\""))[0].contains("[::]:53 takes [2001:db8::1]:53"));
    let quic = "[server.tls]\ndoq_listen = [\"192.0.2.1:53\"]\ncert = \"a\"\nkey = \"b\"\n";
    assert!(faults(&(listen("\"0.0.0.0:53\"") + quic))[0].contains("0.0.0.0:53 takes 192.0.2.1:53"));
}

#[test]
fn proxies_are_networks() {
    let proxies = |text: &str| format!("{MINIMAL}[server]\nproxy_from = [{text}]\n");
    let config = parse(&proxies("\"192.0.2.0/24\", \"2001:db8::53/128\"")).expect("a valid file");
    assert_eq!(config.server_settings(None, Default::default()).proxies.len(), 2);
    assert_eq!(
        faults(&proxies("\"192.0.2.1\"")),
        ["3: `server.proxy_from[0]`: \"192.0.2.1\" is not a network (192.0.2.0/24, 2001:db8::/32)"]
    );
}

#[test]
fn demo_tokens_are_taken_by_the_demonstration_only() {
    // As `printf demo-operator | sha256sum` has it.
    let digits = "9437e87fae95c03d3778f2575bb18ce30e647e51d86a8c37963364e1fc4f374e";
    let token = format!("[[admin.tokens]]\nname = \"x\"\nrole = \"operator\"\nsha256 = \"{digits}\"\n");
    assert!(faults(&format!("{MINIMAL}{token}"))[0].contains("one of the demonstration's"));
    let listen = "[server]\nlisten = [\"127.0.0.1:0\"]\n[gateway]\nlisten = [\"[::1]:0\"]\n";
    parse(&format!("{MINIMAL}demo = true\n{token}{listen}")).expect("the demonstration takes it");
    let found = faults(&format!("{MINIMAL}demo = true\n{token}"));
    assert!(found.iter().any(|fault| fault.contains("loopback only, not on 0.0.0.0:80")), "{found:?}");
}

#[test]
fn nothing_is_given_twice() {
    let two = format!("{MINIMAL}{}{}", token_of("viewer", "0"), token_of("viewer", "0"));
    let found = faults(&two);
    assert!(found.iter().any(|fault| fault.contains("the token name viewer is given twice")), "{found:?}");
    assert!(found.iter().any(|fault| fault.contains("the same `sha256`")), "{found:?}");
    let zone = "[[zones]]\napex = \"政务\"\nfile = \"a.zone\"\n";
    assert!(faults(&format!("{MINIMAL}{zone}"))[0].contains("the zone xn--zfr164b. is given twice"));
    let listen = "[gateway]\nlisten = [\"127.0.0.1:8053\"]\n";
    assert!(faults(&format!("{MINIMAL}{listen}"))[0].contains("the address 127.0.0.1:8053 is given twice"));
}

#[test]
fn no_two_sections_listen_on_one_address() {
    let at = |rest: &str| faults(&format!("{MINIMAL}[server]\nlisten = [\"127.0.0.1:21400\"]\n{rest}"));
    let both =
        |option: &str| format!("0: the address 127.0.0.1:21400 is given twice, in `server.listen` and in `{option}`");
    for section in ["admin", "gateway"] {
        let found = at(&format!("[{section}]\nlisten = [\"127.0.0.1:21400\"]\n"));
        assert_eq!(found, [both(&format!("{section}.listen"))]);
    }
    let tls = "[server.tls]\ncert = \"c\"\nkey = \"k\"\n";
    let found = at(&format!("[admin]\nlisten = [\"[::1]:443\"]\n{tls}doh_listen = [\"[::]:443\"]\n"));
    let wildcard = "0: the wildcard [::]:443 takes [::1]:443 too, in `server.tls.doh_listen` and in `admin.listen`";
    assert_eq!(found, [format!("{wildcard}; give one of the two")]);
    // The API speaks TCP, QUIC runs over UDP.
    let quic = format!("{MINIMAL}[admin]\nlisten = [\"[::1]:443\"]\n{tls}doq_listen = [\"[::1]:443\"]\n");
    parse(&quic).expect("they do not clash");
}

#[test]
fn paths_start_from_the_file() {
    let config = Config::parse(MINIMAL, PathBuf::from("/etc/zhengming")).expect("a valid file");
    assert_eq!(config.data_dir(), Path::new("/var/lib/zhengming"));
    let (apex, file, registry) = config.zone_files().into_iter().next().expect("a zone");
    assert_eq!(apex.to_string(), "xn--zfr164b.");
    assert_eq!(file, Path::new("/etc/zhengming/../zones/xn--zfr164b.zone"));
    assert!(registry);
}

fn token_of(role: &str, digit: &str) -> String {
    format!("[[admin.tokens]]\nname = \"{role}\"\nrole = \"{role}\"\nsha256 = \"{}\"\n", digit.repeat(64))
}

#[test]
fn the_programs_own_principals_are_nobodys_tokens() {
    for name in ["clock", "configuration", "rebuild", "seed", "", "a b"] {
        assert_eq!(token_name(name), None, "{name}");
    }
    assert_eq!(token_name("clock-2").as_deref(), Some("clock-2"));
}

#[test]
fn rates_and_days_are_read_and_slips_named() {
    let text = "version = 1\n[registry.calendar]\nholidays = [\"2026-10-01/2026-10-07\"]\nworking_weekends = [\"2026-10-10\"]\n\
                [registry.review]\nlocal_days = 3\n[[registry.review.regions]]\nregion = \"620421\"\ndays = 2\n\
                [[registry.rates]]\nsuffix = \"政务.cn\"\nfrom = \"2026-01-01\"\nyuan = 260\n\
                [[registry.poor_areas]]\nregion = \"620421\"\nfrom = \"2015-01-01\"\nuntil = \"2020-12-31\"\n";
    let policy = parse(text).expect("a valid file").policy(crate::registry::Labels::default());
    let (day, region) = (
        Timestamp::parse_start("2026-09-30").expect("a date"),
        crate::registry::Region::parse("620421").expect("a code"),
    );
    let until = policy.calendar.deadline(day, policy.review.local_days_in(&region));
    assert_eq!(until, Timestamp::parse_end("2026-10-09").expect("a date"));
    let yearly = policy.rates.yearly("xn--zfr164b", &region, day).map(|rate| rate.to_string());
    assert_eq!(yearly.as_deref(), Some("260.00"));
    assert_eq!(policy.rates.yearly("xn--55qw42g", &region, day), None, "given rates take the place of the defaults");

    let rate = |rows: &str| format!("version = 1\n[[registry.rates]]\n{rows}");
    let good = "suffix = \"政务\"\nfrom = \"2026-01-01\"\nyuan = 260\n";
    for (text, words) in [
        (rate(&good.replace("260", "99")), "99 is not between 100 and 30000"),
        (rate(&good.replace("政务", "example")), "`example` is not a suffix"),
        (rate(&good.replace("2026-01-01", "soon")), "\"soon\" is not a date"),
        (rate(&format!("{good}[[registry.rates]]\n{}", good.replace("政务", "政务.cn"))), "begin on the same day"),
        ("version = 1\n[registry.review]\nlocal_days = 6\n".into(), "6 is not between 1 and 5"),
        ("version = 1\n[registry.review]\npapers = [\"a form\"]\n".into(), "\"a form\" is not the id of a paper"),
        ("version = 1\n[registry.calendar]\nholidays = [\"2026-10-07/2026-10-01\"]\n".into(), "is not a day"),
        (
            "version = 1\n[registry.calendar]\nholidays = [\"2026-10-10\"]\nworking_weekends = [\"2026-10-10\"]\n"
                .into(),
            "2026-10-10 is both a holiday and a working day",
        ),
    ] {
        let found = faults(&text);
        assert!(found.iter().any(|fault| fault.contains(words)), "{words}: {found:?}");
    }
}
