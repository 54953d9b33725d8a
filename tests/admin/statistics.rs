//! Coverage by division, with the figures of the notice of 2015 (R52).

use crate::server::Server;
use serde_json::{Value, json};
use zhengming::admin::Targets;
use zhengming::registry::Region;

/// A county where more have registered than there are said to be, and the rest of its prefecture.
const COUNTY: &str = "130633";
const REST: &str = "130602";

/// The lines of an import: units of a division, one name each, and a second name for some of them.
fn lines(region: &str, units: usize, second: usize) -> String {
    let mut text = String::new();
    for n in 0..units {
        let id = format!("u{region}-{n}");
        text += &format!(r#"{{"unit":{{"id":"{id}","name":"单位{n}","kind":"organ","region":"{region}"}}}}"#);
        text.push('\n');
    }
    for n in 0..units + second {
        let id = format!("u{region}-{}", n % units);
        let name = format!("局{region}-{n}.政务");
        let term = r#""registered":"2026-01-01","expires":"2028-01-01""#;
        text += &format!(r#"{{"name":{{"name":"{name}","unit":"{id}",{term}}}}}"#);
        text.push('\n');
    }
    text
}

fn coverage(server: &Server, token: &str, query: &str) -> Value {
    server.ok(token, "GET", &format!("/v1/statistics/coverage{query}"), "")
}

#[test]
fn shares_follow_from_what_is_counted_and_may_be_above_the_whole() {
    let server = Server::new();
    let targets = [(COUNTY, 543), (REST, 8187), ("130607", 0)].map(|(code, n)| (Region::parse(code).unwrap(), n));
    server.admin.targets.set(Targets::from(targets));
    for (region, units, second) in [(COUNTY, 557, 0), (REST, 4839, 46)] {
        let report = server.import(&format!("id={region}"), &lines(region, units, second));
        assert_eq!(report["refused"], 0, "{report}");
    }
    server.unit("bare", "organ");
    let all = coverage(&server, "auditor", "");
    let rows = all["items"].as_array().unwrap();
    let regions: Vec<&str> = rows.iter().map(|row| row["region"].as_str().unwrap()).collect();
    assert_eq!(regions, [REST, "130607", COUNTY, "620421"]);
    let county = json!({"region": COUNTY, "institutions": 543, "units": 557, "registered": 557, "coverage_percent": 102.6, "names": 557});
    assert_eq!(rows[2], county);
    assert_eq!((&rows[1]["coverage_percent"], &rows[1]["institutions"]), (&Value::Null, &json!(0)));
    let bare = &rows[3];
    assert_eq!((&bare["units"], &bare["registered"], &bare["institutions"]), (&json!(1), &json!(0), &Value::Null));
    let total = &all["total"];
    assert_eq!(
        (&total["institutions"], &total["registered"], &total["names"]),
        (&json!(8730), &json!(5396), &json!(5442))
    );
    assert_eq!(total["coverage_percent"], 61.8, "not the 63 that was printed");

    // A prefecture is the sum of its counties.
    let prefecture = coverage(&server, "auditor", "?digits=4&region=1306");
    assert_eq!(prefecture["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&prefecture["items"][0]["names"], &prefecture["items"][0]["coverage_percent"]),
        (&json!(5442), &json!(61.8))
    );
    // Whoever acts in a region sees that region.
    let own = coverage(&server, "local-reviewer@620421", "");
    assert_eq!((own["items"].as_array().unwrap().len(), &own["total"]["units"]), (1, &json!(1)));
    for bad in ["?digits=5", "?region=1", "?x=1"] {
        let reply = server.call("auditor", "GET", &format!("/v1/statistics/coverage{bad}"), "");
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{bad}");
    }
}
