//! What `rebuild` makes of a store whose index of packages is by a table of labels.

use super::support::{TestDaemon, encode, program, tree};

/// What a store says that was made with another table, or with none.
const ANOTHER: &str = "the table of labels is another one";

#[test]
fn a_rebuilt_store_is_made_with_the_configured_table() {
    let table = tree("config").join("idn-zh.xml").display().to_string();
    let mut daemon = TestDaemon::start_with(&[], &format!("[idn]\nlgr = \"{table}\"\n"));
    daemon.register("tax", "organ", "国家税务总局.政务");
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());

    let rebuilt =
        program().args(["rebuild", "--config"]).arg(daemon.path("config.toml")).output().expect("it was built");
    let said = String::from_utf8_lossy(&rebuilt.stdout) + String::from_utf8_lossy(&rebuilt.stderr);
    assert_eq!(rebuilt.status.code(), Some(0), "{said}");
    assert!(!said.contains(ANOTHER), "the old store was made with it: {said}");

    let before = daemon.log().len();
    daemon.restart();
    assert!(!daemon.log()[before..].contains(ANOTHER), "the new one, too: {}", &daemon.log()[before..]);
    let target = format!("/v1/check?name={}", encode("国傢税务总局.政务"));
    let checked = daemon.api("GET", &target, "demo-viewer", None).expect_success().json();
    assert_eq!(checked["code"], "variant_in_use", "{checked}");
}

#[test]
fn a_table_that_cannot_be_read_stops_a_rebuild_before_it_touches_anything() {
    let mut daemon = TestDaemon::start();
    daemon.register("u1", "organ", "教育局.政务");
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    let config = daemon.path("config.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration") + "[idn]\nlgr = \"no-such-table.xml\"\n";
    std::fs::write(&config, text).expect("a writable directory");

    let rebuilt = program().args(["rebuild", "--config"]).arg(&config).output().expect("it was built");
    let said = String::from_utf8_lossy(&rebuilt.stderr);
    assert_eq!(rebuilt.status.code(), Some(3), "{said}");
    assert!(said.contains("no-such-table.xml"), "{said}");
    let entries = std::fs::read_dir(daemon.path("data")).expect("the data");
    let asides = entries
        .filter(|entry| entry.as_ref().expect("an entry").file_name().to_string_lossy().starts_with("sled.aside-"));
    assert_eq!(asides.count(), 0);
}
