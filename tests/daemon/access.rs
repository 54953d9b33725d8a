//! Client certificates and second factors against the running program, with curl as the client.

use crate::support::{PATIENCE, TestDaemon, program};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;
use std::time::Instant;
use zhengming::admin::TotpSecret;

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// An authority, and what it has signed.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Writes `NAME.pem` and `NAME.key`; the certificate's SHA-256.
    fn issue(&self, daemon: &TestDaemon, name: &str) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        // A subject that is its issuer's would be a certificate signed by itself.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        fs::write(daemon.path(&format!("{name}.pem")), certificate.pem()).expect("written");
        fs::write(daemon.path(&format!("{name}.key")), key.serialize_pem()).expect("written");
        Sha256::digest(certificate.der()).iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

/// The status that curl sees; 000 if it has no connection.
fn curl(daemon: &TestDaemon, certificate: Option<&str>, token: &str, arguments: &[&str], path: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "30", "--cacert"]);
    curl.arg(daemon.path("ca.pem")).args(["-H", &format!("Authorization: Bearer {token}")]).args(arguments);
    if let Some(name) = certificate {
        curl.arg("--cert").arg(daemon.path(&format!("{name}.pem")));
        curl.arg("--key").arg(daemon.path(&format!("{name}.key")));
    }
    let output = curl.arg(format!("https://{}{path}", daemon.admin())).output().expect("curl is installed");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn only_who_shows_a_certificate_of_the_authority_is_let_in_and_a_token_may_be_bound_to_one() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut daemon = TestDaemon::prepare(&[], "");
    fs::write(daemon.path("ca.pem"), &authority.1).expect("written");
    authority.issue(&daemon, "server");
    let mine = authority.issue(&daemon, "mine");
    authority.issue(&daemon, "colleague");
    stranger.issue(&daemon, "stranger");
    daemon.reconfigure(
        "[admin]\n",
        "[admin]\ntls_cert = \"server.pem\"\ntls_key = \"server.key\"\ntls_client_ca = \"ca.pem\"\n",
    );
    daemon.reconfigure("name = \"demo-viewer\"", &format!("name = \"demo-viewer\"\nclient_cert_sha256 = \"{mine}\""));
    let check = program().arg("check-config").arg(daemon.path("config.toml")).output().expect("the program was built");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    daemon.restart();
    let get = |certificate, token| curl(&daemon, certificate, token, &[], "/v1/brake");
    assert_eq!((get(None, "demo-auditor"), get(Some("stranger"), "demo-auditor")), ("000".into(), "000".into()));
    assert_eq!(
        (get(Some("mine"), "demo-auditor"), get(Some("colleague"), "demo-auditor")),
        ("200".into(), "200".into())
    );
    assert_eq!((get(Some("mine"), "demo-viewer"), get(Some("colleague"), "demo-viewer")), ("200".into(), "401".into()));
    assert!(daemon.log().contains("certificate_foreign"), "{}", daemon.log());
    assert_eq!(curl(&daemon, Some("mine"), "", &[], "/readyz"), "200");
    // The command line shows one too.
    let export = |certificate: &str| {
        let mut command = program();
        command.args(["export", "--url", &format!("https://{}", daemon.admin()), "--ca"]).arg(daemon.path("ca.pem"));
        command.arg("--cert").arg(daemon.path(&format!("{certificate}.pem")));
        command.arg("--key").arg(daemon.path(&format!("{certificate}.key")));
        command.env("ZHENGMING_TOKEN", "demo-operator").output().expect("the program was built").status.code()
    };
    assert_eq!((export("mine"), export("stranger")), (Some(0), Some(3)));
}

#[test]
fn a_second_factor_is_asked_for_where_the_configuration_says_so_and_its_secret_may_be_in_a_file() {
    let mut daemon = TestDaemon::prepare(&["--test-clock", "2026-11-22T12:00:00Z"], "");
    let file = daemon.path("operator.totp");
    fs::write(&file, format!("{SECRET}\n")).expect("written");
    daemon.reconfigure("second_factor = []\n", "");
    daemon.reconfigure("name = \"demo-operator\"", "name = \"demo-operator\"\ntotp_secret_file = \"operator.totp\"");
    assert!(daemon.try_restart().is_err(), "everybody may read the file");
    assert!(daemon.log().contains("chmod 600"), "{}", daemon.log());
    let mode = Command::new("chmod").arg("600").arg(&file).status().expect("chmod");
    assert!(mode.success());
    daemon.restart();
    daemon.register("u1", "organ", "教育局.政务");
    let now = 1_795_348_800 + 60;
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&serde_json::json!({ "now": "2026-11-22T12:01:00Z" })));
    let hold = |code: Option<&str>| {
        let mut headers = vec![("authorization", "Bearer demo-operator")];
        headers.extend(code.map(|code| ("x-second-factor", code)));
        daemon.send("PUT", "/v1/units/u1/holds/LEGAL", &headers, "application/json", r#"{"evidence":"doc-1"}"#)
    };
    let refused = hold(None);
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("second_factor_required")));
    let code = TotpSecret::from_base32(SECRET).expect("a secret").code_at(now);
    hold(Some(&code)).expect_success();
    assert_eq!(hold(Some(&code)).json()["code"], "second_factor_invalid");
    let log = daemon.log();
    assert!(!log.contains(&code) && !log.contains(SECRET), "{log}");

    // Another secret comes with a reload.
    fs::write(&file, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA\n").expect("written");
    daemon.signal(Signal::HUP);
    let until = Instant::now() + PATIENCE;
    while !daemon.log().contains("were read again") {
        assert!(Instant::now() < until, "{}", daemon.log());
        std::thread::yield_now();
    }
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&serde_json::json!({ "now": "2026-11-22T12:02:00Z" })));
    let old = TotpSecret::from_base32(SECRET).expect("a secret").code_at(now + 60);
    assert_eq!(hold(Some(&old)).json()["code"], "second_factor_invalid");
    let new = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJA").expect("a secret").code_at(now + 60);
    hold(Some(&new)).expect_success();
}

/// Holds in several batches of an import are confirmed by one code, which is good once.
#[test]
fn an_import_that_holds_units_is_confirmed_by_one_code() {
    let mut daemon = TestDaemon::prepare(&["--test-clock", "2026-11-22T12:00:00Z"], "");
    daemon.reconfigure("second_factor = []\n", "");
    daemon.reconfigure("name = \"demo-operator\"", &format!("name = \"demo-operator\"\ntotp_secret = \"{SECRET}\""));
    daemon.restart();
    daemon.api("POST", "/v1/test/clock", "demo-operator", Some(&serde_json::json!({ "now": "2026-11-22T12:01:00Z" })));
    let line = |n: usize| {
        let hold = serde_json::json!({ "reason": "UNIT_REQUEST", "start": "2026-11-01", "evidence": "letter-1" });
        let unit = serde_json::json!({ "id": format!("u{n}"), "name": "某局", "kind": "organ", "region": "620421",
                                       "holds": [hold] });
        serde_json::json!({ "unit": unit }).to_string() + "\n"
    };
    fs::write(daemon.path("units.ndjson"), (0..2100).map(line).collect::<String>()).expect("written");
    let import = |arguments: &[&str]| {
        let mut command = program();
        command.arg("import").arg(daemon.path("units.ndjson")).args(["--url", &format!("http://{}", daemon.admin())]);
        let output = command.args(arguments).env("ZHENGMING_TOKEN", "demo-operator").output();
        let output = output.expect("the program was built");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, said) = import(&[]);
    assert!(status == Some(1) && said.contains("second_factor_required") && said.contains("0 applied"), "{said}");
    assert!(said.contains("repeat the command with --second-factor CODE") && said.contains("请加上 --second-factor"));
    assert!(!said.contains("correct the lines above") && !said.contains("改正上述"), "{said}");
    let code = TotpSecret::from_base32(SECRET).expect("a secret").code_at(1_795_348_800 + 60);
    let (status, said) = import(&["--second-factor", &code]);
    assert!(status == Some(0) && said.contains("2100 applied, 0 applied before, 0 refused"), "{said}");
    let (status, said) = import(&["--second-factor", &code]);
    assert!(status == Some(1) && said.contains("second_factor_invalid"), "{said}");
    // Of what is there already a code is not needed.
    let (status, said) = import(&[]);
    assert!(status == Some(0) && said.contains("0 applied, 2100 applied before"), "{said}");
    fs::write(daemon.path("list.csv"), "unit,reason,evidence\nu1,BLACKLIST,case-1\n").expect("written");
    let mut place = program();
    place.args(["holds", "place"]).arg(daemon.path("list.csv"));
    place.args(["--url", &format!("http://{}", daemon.admin())]).env("ZHENGMING_TOKEN", "demo-operator");
    let said = String::from_utf8_lossy(&place.output().expect("the program was built").stderr).into_owned();
    assert!(said.contains("second_factor_required") && said.contains("repeat the command with --second-factor CODE"));
}
