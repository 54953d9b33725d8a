//! Lists of holds and their reports: the same list places and lifts, and a report is a list.

use super::support::{REGION, TestDaemon, program};
use std::fs;
use std::process::Output;

fn holds(daemon: &TestDaemon, arguments: &[&str]) -> Output {
    let url = format!("http://{}", daemon.admin());
    let mut command = program();
    command.arg("holds").args(arguments).args(["--url", &url]).env("ZHENGMING_TOKEN", "demo-operator");
    command.output().expect("the program was built")
}

#[track_caller]
fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    said
}

/// Lines of the report about holds that are in force.
fn in_force(daemon: &TestDaemon) -> usize {
    let report = holds(daemon, &["export"]);
    done(&report);
    let lines = String::from_utf8_lossy(&report.stdout).into_owned();
    lines.lines().filter(|line| line.contains("\"lifted\":null")).count()
}

#[test]
fn a_list_lifts_what_it_placed_and_a_report_is_a_list() {
    let daemon = TestDaemon::start();
    daemon.register("u1", "organ", "教育局.政务");
    daemon.register("u2", "organ", "卫生局.政务");
    let path = |name: &str| daemon.path(name).to_string_lossy().into_owned();
    let list = path("list.csv");
    let table = "unit,name,reason,evidence,start,end\nu1,,SITE_REVIEW_FAILED,'=1+1,,\n,卫生局.政务,LEGAL,\"案, \"\"9\"\"\",,2099-01-01\n\
                 u2,,BLACKLIST,'-case,,\n";
    // Those of the first list have ended, and are on the same objects for the same reasons as those of the second.
    let first = path("first.csv");
    fs::write(&first, table.replace("=1+1", "case-1").replace("案", "文").replace("-case", "case-2")).expect("written");
    fs::write(&list, table).expect("written");
    for act in [&["place", &first][..], &["lift", &first], &["place", &list]] {
        assert!(done(&holds(&daemon, act)).contains("3 lines"));
    }
    assert_eq!(in_force(&daemon), 3);
    for report in [path("report.csv"), path("report.ndjson")] {
        done(&holds(&daemon, &["export", "--region", REGION, "-o", &report]));
        let text = fs::read_to_string(&report).expect("a report");
        assert!(text.matches("holds.lift").count() >= 3, "{text}");
        let rehearsed = done(&holds(&daemon, &["place", &report, "--dry-run"]));
        assert!(rehearsed.contains("3 lines, 0 units and names would change"), "{rehearsed}");
        assert!(done(&holds(&daemon, &["lift", &report])).contains("3 lines"));
        assert_eq!(in_force(&daemon), 0, "{text}");
        // And placed again from the report, evidence and all.
        assert!(done(&holds(&daemon, &["place", &report])).contains("3 lines"));
        assert_eq!(in_force(&daemon), 3);
        let again = holds(&daemon, &["place", &list, "--dry-run"]);
        assert!(done(&again).contains("0 units and names would change"), "{}", done(&again));
    }

    // The blacklist's report, in which `name` is what a unit is called.
    for (file, format) in [(path("black.csv"), "csv"), (path("black.ndjson"), "ndjson")] {
        let target = format!("/v1/blacklist?format={format}");
        fs::write(&file, daemon.api("GET", &target, "demo-operator", None).expect_success().text).expect("written");
        assert!(done(&holds(&daemon, &["lift", &file])).contains("1 lines"));
        assert_eq!(in_force(&daemon), 2);
        done(&holds(&daemon, &["place", &file]));
        assert_eq!(in_force(&daemon), 3);
    }

    // What is in no list and no report is still refused, and so is a line of both in a plain list.
    for (text, code) in [
        ("unit,reason,why\nu1,SITE_REVIEW_FAILED,x\n", "unknown_field"),
        ("unit,name,reason\nu2,卫生局.政务,LEGAL\n", "unknown_field"),
    ] {
        fs::write(&list, text).expect("written");
        let refused = holds(&daemon, &["lift", &list]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(1) && said.contains(code), "{said}");
    }
}

#[test]
fn a_dry_run_ends_as_the_list_would() {
    let mut daemon = TestDaemon::start();
    daemon.register("u1", "organ", "教育局.政务");
    let resolution = serde_json::json!({ "type": "A", "addresses": ["203.0.113.5"] });
    daemon.push("教育局.政务", &resolution).expect_success();
    let list = daemon.path("list.csv").to_string_lossy().into_owned();
    fs::write(&list, "name,reason,evidence\n教育局.政务,LEGAL,case-1\n").expect("written");
    done(&holds(&daemon, &["place", &list, "--dry-run"]));
    assert_eq!(daemon.stop().code(), Some(0));
    daemon.reconfigure("[registry]\n", "[registry]\nprotected_names = [\"教育局.政务\"]\n");
    daemon.restart();
    let stopped = holds(&daemon, &["place", &list, "--dry-run"]);
    let said = String::from_utf8_lossy(&stopped.stderr).into_owned();
    assert!(stopped.status.code() == Some(1) && said.contains("the brake would stop this list"), "{said}");
    assert!(said.contains("教育局.政务 is protected") && said.contains("熔断将拦截此清单"), "{said}");
    assert_eq!(in_force(&daemon), 0);
}
