//! A client that shares no code with us: dnspython over QUIC and HTTP/3, many queries on a connection.

use crate::kit::{HOST, LARGE, NAME, expect, run, start};
use std::path::Path;
use std::process::Command;
use zhengming::server::TcpLimits;

#[test]
fn dnspython_is_served_over_quic_and_http3() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/dnspython/bin/python");
    if !python.exists() {
        return eprintln!("NOT TESTED: tests/run could not install dnspython");
    }
    let server = start(TcpLimits::default());
    let directory = tempfile::tempdir().unwrap();
    let [der, certificate] = ["der", "pem"].map(|name| directory.path().join(name).to_string_lossy().into_owned());
    std::fs::write(&der, &server.trusts).unwrap();
    run("openssl", &["x509", "-inform", "DER", "-in", &der, "-out", &certificate]);
    let ports = [server.running.addresses()[0], server.doq(), server.doh3()].map(|address| address.port().to_string());
    let mut client = Command::new(python);
    client.arg(root.join("tests/transports/foreign.py")).arg(certificate).arg(HOST).args(ports);
    let output = client.args([NAME, LARGE, &format!("nothing.{NAME}"), "xn--zfr164b", "example"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    expect(&text, &["QUIC: 300 answers, up to 200 records", "HTTP/3: 300 answers, up to 200 records"]);
}
