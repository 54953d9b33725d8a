//! Listeners that name an interface: all its addresses are served, and what does not exist is said by line.

use crate::support::{TestDaemon, program, tree};
use hickory_proto::rr::RecordType;
use std::fs;

#[test]
fn an_interface_stands_for_its_addresses() {
    let mut daemon = TestDaemon::prepare(&[], "");
    daemon.reconfigure("listen = [\"127.0.0.1:0\", \"[::1]:0\"]", "listen = [\"lo:0\"]");
    daemon.restart();
    let ready = fs::read_to_string(daemon.path("ready.json")).expect("the ready file");
    let ready: serde_json::Value = serde_json::from_str(&ready).expect("JSON");
    let addresses: Vec<String> =
        ready["dns"].as_array().expect("addresses").iter().map(|one| one.as_str().expect("text").to_owned()).collect();
    let v4 = addresses.iter().find(|address| address.starts_with("127.0.0.1:"));
    assert!(v4.is_some(), "{addresses:?}");
    for address in &addresses {
        let answer = crate::support::ask(address.parse().expect("an address"), "政务", RecordType::SOA);
        assert_eq!(answer.answers.len(), 1, "{address}");
    }
}

#[test]
fn an_unknown_interface_is_an_error_with_its_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("config.toml");
    let text = fs::read_to_string(tree("config/demo.toml")).expect("the demonstration");
    let start = text.find("listen = ").expect("listeners");
    let text = format!("{}listen = [\"nowhere9:53\"] #{}", &text[..start], &text[start..]);
    let line = text[..start].lines().count() + 1;
    fs::write(&path, text).expect("a writable directory");
    let output = program().arg("check-config").arg(&path).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    let expected = format!("{line}: `server.listen[0]`: there is no network interface nowhere9; this machine has ");
    assert!(said.contains(&expected), "{said}");
}
