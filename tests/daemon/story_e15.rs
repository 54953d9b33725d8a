//! Story E15: an auditor finds who did what, when, from what to what and why; proves that nothing was changed since; and holds
//! the exported zone against what DNS answers.

use crate::kit::{import, path_of, unit_line};
use crate::support::{Reply, TestDaemon, program, tree};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

fn audit(daemon: &TestDaemon, path: &str) -> Reply {
    let reply = daemon.api("GET", path, "demo-auditor", None);
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    reply
}

#[test]
fn every_change_is_one_line_with_who_what_before_after_and_why() {
    let mut daemon = TestDaemon::start();
    let name = path_of("教育局.政务");
    daemon.register("u1", "organ", "教育局.政务");
    let pushed = daemon.push("教育局.政务", &json!({ "type": "A", "addresses": ["203.0.113.5"] })).expect_success();
    let hold = format!("{name}/holds/LEGAL");
    let placed = daemon.api("PUT", &hold, "demo-operator", Some(&json!({ "evidence": "case-17" }))).expect_success();
    daemon.api("DELETE", &hold, "demo-operator", None).expect_success();
    let seq = placed.json()["seq"].as_u64().expect("a line");

    let history = audit(&daemon, &format!("{name}/history")).json();
    let line = history["items"].as_array().expect("lines").iter().find(|line| line["seq"] == seq).expect("the hold");
    assert_eq!(
        (&line["principal"], &line["role"], &line["operation"]),
        (&json!("demo-operator"), &json!("operator"), &json!("hold.place"))
    );
    assert!(line["reason"].as_str().is_some_and(|reason| reason.contains("case-17")), "{line}");
    assert_eq!(line["before"]["holds"], json!({}));
    assert_eq!(line["after"]["holds"]["LEGAL"]["evidence"], "case-17");
    let shown = |object: &str| {
        let shown = program()
            .args(["history", object, "--url", &format!("http://{}", daemon.admin())])
            .env("ZHENGMING_TOKEN", "demo-auditor")
            .output()
            .expect("the program was built");
        let lines: Vec<Value> = String::from_utf8_lossy(&shown.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect();
        (shown.status.code(), json!(lines))
    };
    assert_eq!(shown("教育局.政务"), (Some(0), history["items"].clone()));
    let change = format!("changes/{}", pushed.json()["id"].as_str().expect("an id"));
    let of_change = audit(&daemon, &format!("/v1/{change}/history")).json();
    assert_eq!(shown(&change), (Some(0), of_change["items"].clone()));
    assert_eq!(shown("letters/1").0, Some(2));

    // The holds of a region between two dates, those that were lifted too.
    let day = placed.json()["at"].as_str().map(|at| at[..10].to_owned()).expect("a time");
    let report = |range: &str| audit(&daemon, &format!("/v1/holds?region=620421&{range}")).text;
    let row: Value = serde_json::from_str(report(&format!("from={day}T00:00:00Z")).trim()).expect("one row");
    assert_eq!(
        (&row["reason"], &row["evidence"], &row["by"]),
        (&json!("LEGAL"), &json!("case-17"), &json!("demo-operator"))
    );
    assert_eq!((&row["start"], &row["lifted_with"]), (&placed.json()["at"], &json!("hold.lift")));
    assert_eq!((report("to=2020-01-01"), report("from=2100-01-01")), (String::new(), String::new()));

    let held = audit(&daemon, &format!("{name}?at={seq}")).json();
    let before = audit(&daemon, &format!("{name}?at={}", seq - 1)).json();
    assert_eq!((&held["state"], &before["state"]), (&json!("held"), &json!("active")));
    let difference = audit(&daemon, &format!("/v1/diff?from={}&to={seq}", seq - 1)).text;
    let difference: Value = serde_json::from_str(difference.trim()).expect("one object");
    assert_eq!((&difference["kind"], &difference["after"]), (&json!("name"), &line["after"]));

    // Each line names the one before by its hash, and the whole is checked by the program.
    let journal = audit(&daemon, "/v1/journal?limit=1000").text;
    let lines: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (line, earlier) in lines[1..].iter().zip(&lines) {
        assert_eq!(line["prev"], earlier["hash"]);
        assert!(line["actor"]["role"].is_string() && line["request"]["operation"].is_string(), "{line}");
    }
    assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
    let verify = || program().arg("verify-journal").arg(daemon.path("data")).output().expect("the program was built");
    let whole = verify();
    assert!(whole.status.success() && String::from_utf8_lossy(&whole.stdout).contains("unbroken"));
    // One octet is flipped: the line is named.
    let segment =
        fs::read_dir(daemon.path("data/journal")).expect("a journal").next().expect("a segment").expect("an entry");
    let text = fs::read_to_string(segment.path()).expect("lines");
    fs::write(segment.path(), text.replacen("case-17", "case-18", 1)).expect("written");
    let broken = verify();
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(broken.status.code() == Some(1) && said.contains(&format!("line {seq} ")), "{said}");
}

/// Owner, TTL, class, type and RDATA, in lower case and with single spaces.
fn normal(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

#[test]
fn an_exported_zone_is_what_dns_answers() {
    let daemon = TestDaemon::start();
    let names = fs::read_to_string(tree("config/demo-names.ndjson")).expect("the demonstration's names");
    let headers = [("authorization", "Bearer demo-operator")];
    daemon.send("POST", "/v1/import?id=demo", &headers, "application/x-ndjson", &names).expect_success();
    import(&daemon, "more", &[unit_line("extra")]);
    let held = path_of("靖远县教育局.政务") + "/holds/LEGAL";
    daemon.api("PUT", &held, "demo-operator", Some(&json!({ "evidence": "doc-1" }))).expect_success();
    for apex in ["政务", "政务.cn", "公益"] {
        let reply = audit(&daemon, &format!("/v1/zones/{}/export", crate::support::encode(apex)));
        assert_eq!(reply.header("content-type"), Some("text/dns; charset=us-ascii"));
        let lines: Vec<&str> = reply.text.lines().collect();
        for line in &lines {
            let fields: Vec<&str> = line.split('\t').collect();
            assert_eq!(fields.len(), 5, "{line}");
            assert!(fields[0].ends_with('.') && fields[2] == "in" && fields[1].parse::<u32>().is_ok(), "{line}");
            assert_eq!(fields[..4].concat(), fields[..4].concat().to_ascii_lowercase());
        }
        let soa = "\tin\tsoa\t";
        assert!(lines[0].contains(soa) && lines[0] == lines[lines.len() - 1], "the SOA record is first and last");
        assert_eq!(lines.iter().filter(|line| line.contains(soa)).count(), 2);
        // Owners come in canonical order: their labels from right to left.
        let key = |line: &&str| -> Vec<String> {
            let owner = line.split('\t').next().expect("an owner").trim_end_matches('.').to_owned();
            owner.rsplit('.').map(ToOwned::to_owned).collect()
        };
        assert!(lines[..lines.len() - 1].is_sorted_by_key(key));
        assert!(lines.len() > 20, "{apex}: {}", lines.len());

        // BIND takes it for a zone.
        let file = daemon.path("exported.zone");
        fs::write(&file, &reply.text).expect("written");
        let apex = crate::support::ascii(apex);
        let compiled = Command::new("named-compilezone")
            .args(["-q", "-k", "ignore", "-o", "/dev/null", &apex])
            .arg(&file)
            .output()
            .expect("named-compilezone is installed");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stdout));

        // Every record is asked for; what comes is what is exported, no more and no less.
        let exported: BTreeSet<String> = lines.iter().map(|line| normal(line)).collect();
        let questions: BTreeSet<String> = exported
            .iter()
            .map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                format!("{} {}\n", fields[0], fields[3])
            })
            .collect();
        let file = daemon.path("questions");
        fs::write(&file, questions.into_iter().collect::<String>()).expect("written");
        let dns = daemon.dns();
        let dig = Command::new("dig")
            .args([format!("@{}", dns.ip()), "-p".into(), dns.port().to_string()])
            .args([
                "+noall",
                "+answer",
                "+authority",
                "+additional",
                "+nocookie",
                "+noedns",
                "+nosplit",
                "+tcp",
                "+keepopen",
                "-f",
            ])
            .arg(&file)
            .output()
            .expect("dig is installed");
        let answered: BTreeSet<String> = String::from_utf8(dig.stdout)
            .expect("text")
            .lines()
            .filter(|line| !line.starts_with(';') && !line.trim().is_empty())
            .map(normal)
            .collect();
        let (missing, more): (Vec<_>, Vec<_>) =
            (exported.difference(&answered).collect(), answered.difference(&exported).collect());
        assert!(missing.is_empty() && more.is_empty(), "{apex}: not answered {missing:?}, not exported {more:?}");
        assert!(!exported.iter().any(|line| line.starts_with("xn--5nru1rvyheq2ar3pdik.")), "what is held is not there");
    }
    assert_eq!(daemon.api("GET", "/v1/zones/example/export", "demo-auditor", None).json()["code"], "zone_unknown");
}
