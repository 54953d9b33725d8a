//! Every cell of the table of roles is tried: with a token for everywhere, one for the object's region and one for another.

use crate::filings::{OFFICE, application, apply, approve, confirm, due, remit};
use crate::server::{AWAY, HOME, Reply, Server};
use crate::site_reviews::under_review;
use zhengming::admin::roles::{Endpoint, Reach, TABLE};
use zhengming::registry::Role;

/// Units, names and waiting changes for every endpoint to act on. Ids of the changes that wait, by who submitted them,
/// and of one that a local reviewer has approved.
struct Stage {
    server: Server,
    submitted: String,
    submitted_at_home: String,
    approved: String,
    /// Applications: a draft, and those that wait for the office, the first and the second review, and the fee.
    applications: [String; 5],
    /// An order whose fee is due, and one that is confirmed.
    orders: [String; 2],
    remittance: String,
    /// The review of the site of `s1`.
    site_review: String,
}

const NAME: &str = "教育局.政务";
/// A name of another unit, which nothing holds.
const UNHELD: &str = "站s1.政务";

fn stage() -> Stage {
    let server = Server::new();
    server.file("");
    server.unit("u1", "organ");
    let names = [NAME, "财政局.政务", "民政局.政务", "司法局.政务"];
    for name in names {
        server.name(name, "u1");
    }
    let hold = r#"{"evidence":"doc-1"}"#;
    server.ok("operator", "PUT", "/v1/units/u1/holds/LEGAL", hold);
    server.ok("operator", "PUT", &format!("/v1/names/{NAME}/holds/LEGAL"), hold);
    let submit = |token: &str, name: &str| {
        let body = format!(r#"{{"name":"{name}","resolution":{{"type":"A","addresses":["203.0.113.5"]}}}}"#);
        server.ok(token, "POST", "/v1/changes", &body)["id"].as_str().unwrap().to_owned()
    };
    let submitted = submit("submitter", names[1]);
    let submitted_at_home = submit("submitter@620421", names[2]);
    let approved = submit("submitter", names[3]);
    let decision = r#"{"level":"local","decision":"approve"}"#;
    server.ok("local-reviewer", "POST", &format!("/v1/changes/{approved}/decisions"), decision);
    let mut draft = application("u1", "草");
    draft["draft"] = true.into();
    let draft =
        server.ok("submitter", "POST", "/v1/applications", &draft.to_string())["id"].as_str().unwrap().to_owned();
    let town = format!(r#"{{"name":"某乡","kind":"organ","region":"{OFFICE}"}}"#);
    server.ok("operator", "PUT", "/v1/units/u3", &town);
    let (office, local, central) = (apply(&server, "u3", "镇"), apply(&server, "u1", "初"), apply(&server, "u1", "复"));
    approve(&server, "local-reviewer", &central, "local");
    let (waiting, order) = due(&server, "u1", "费");
    let (confirmed, sent) = (due(&server, "u1", "收").1, due(&server, "u1", "汇").1);
    confirm(&server, &confirmed);
    confirm(&server, &sent);
    let remittance = remit(&server, &[&sent], "1200.00");
    for (unit, state) in [("s1", "open"), ("s2", "local_review"), ("s3", "central_review"), ("s4", "paper")] {
        under_review(&server, unit, state);
    }
    let site_review = server.ok("viewer", "GET", "/v1/units/s1", "")["site_review"]["id"].as_str().unwrap().to_owned();
    let (applications, orders) = ([draft, office, local, central, waiting], [order, confirmed]);
    Stage { server, submitted, submitted_at_home, approved, applications, orders, remittance, site_review }
}

impl Stage {
    /// Asks for what the endpoint does, on an object in [`HOME`], changing nothing.
    fn ask(&self, endpoint: Endpoint, role: Role, token: &str) -> Reply {
        let resolution = r#""resolution":{"type":"A","addresses":["203.0.113.5"]}"#;
        let own = role == Role::Submitter && token.ends_with(HOME);
        let [draft, office, local, central, waiting] = &self.applications;
        let [order, confirmed] = &self.orders;
        let confirmed_by = |level: &str| format!(r#"{{"level":"{level}","decision":"approve","confirm":true}}"#);
        let decision = |level: &str| format!(r#"{{"level":"{level}","decision":"approve"}}"#);
        let (change, body): (&str, String) = match endpoint {
            Endpoint::ApproveLocally => (&self.submitted, r#"{"level":"local","decision":"approve"}"#.into()),
            Endpoint::ApproveCentrally => (&self.approved, r#"{"level":"central","decision":"approve"}"#.into()),
            // A submitter withdraws what it submitted itself.
            Endpoint::WithdrawChange if own => (&self.submitted_at_home, String::new()),
            Endpoint::PutUnit => ("", format!(r#"{{"name":"教育局","kind":"organ","region":"{HOME}"}}"#)),
            Endpoint::PutName => ("", r#"{"unit":"u1","years":2,"kind":2}"#.into()),
            Endpoint::ChangeHolder => ("", r#"{"unit":"u1","consent":"doc-1"}"#.into()),
            Endpoint::RenewName => ("", r#"{"years":2}"#.into()),
            Endpoint::ReportContacts => ("", r#"{"changed":"2026-11-02"}"#.into()),
            Endpoint::PutMigration => ("", r#"{"notice":"2026-11-23"}"#.into()),
            Endpoint::SubmitChange => ("", format!(r#"{{"name":"{NAME}",{resolution}}}"#)),
            Endpoint::SubmitApprovedChange => {
                let approvals = r#"[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]"#;
                ("", format!(r#"{{"name":"{NAME}",{resolution},"approvals":{approvals}}}"#))
            }
            Endpoint::Penalise => ("", r#"{"step":"warning","violation":"OTHER","evidence":"doc-3"}"#.into()),
            Endpoint::PlaceUnitHold | Endpoint::PlaceNameHold => ("", r#"{"evidence":"doc-2"}"#.into()),
            Endpoint::PlaceHolds => ("", r#"{"unit":"u1","reason":"REGISTRY_ADMIN","evidence":"doc-2"}"#.into()),
            Endpoint::LiftHolds => ("", r#"{"unit":"u1","reason":"LEGAL"}"#.into()),
            Endpoint::ListApplications | Endpoint::ListOrders | Endpoint::ListRemittances => ("", String::new()),
            Endpoint::CreateApplication => ("", application("u1", "新").to_string()),
            Endpoint::EditApplication => {
                let mut body = application("u1", "改");
                body.as_object_mut().unwrap().remove("unit");
                (draft, body.to_string())
            }
            Endpoint::SubmitApplication => (draft, String::new()),
            Endpoint::ApproveApplicationByOffice => (office, confirmed_by("office")),
            Endpoint::ApproveApplicationLocally => (local, confirmed_by("local")),
            Endpoint::ApproveApplicationCentrally => (central, confirmed_by("central")),
            Endpoint::ApplicationHistory => (waiting, String::new()),
            Endpoint::OrderHistory => (order, String::new()),
            Endpoint::RemittanceHistory => (&self.remittance, String::new()),
            Endpoint::SiteReviewHistory => (&self.site_review, String::new()),
            Endpoint::GetApplication | Endpoint::GetFee | Endpoint::WithdrawApplication => (waiting, String::new()),
            Endpoint::OrderRenewal => ("", format!(r#"{{"unit":"u1","names":["{NAME}"],"years":2}}"#)),
            Endpoint::RenewNames => ("", format!(r#"{{"names":["{NAME}"],"years":2}}"#)),
            Endpoint::GetOrder | Endpoint::WithdrawOrder => (order, String::new()),
            Endpoint::ChangeYears => (order, r#"{"years":[{"name":"甲费.政务","years":3}]}"#.into()),
            Endpoint::ConfirmOrder => (order, r#"{"invoice":"1","payer":"office"}"#.into()),
            Endpoint::RefundOrder => (confirmed, r#"{"reason":"重复缴费"}"#.into()),
            Endpoint::Remit => ("", format!(r#"{{"orders":["{confirmed}"],"amount":"1200.00"}}"#)),
            Endpoint::Recognise => (&self.remittance, r#"{"amount":"1200.00"}"#.into()),
            Endpoint::GetRemittance | Endpoint::TakeBack => (&self.remittance, String::new()),
            Endpoint::OpenSiteReview => ("", r#"{"kind":"new"}"#.into()),
            Endpoint::PostponeSiteReview => ("", r#"{"deadline":"2027-03-31","reason":"moves"}"#.into()),
            Endpoint::SubmitSiteReview => ("", r#"{"name":"站s1.政务"}"#.into()),
            Endpoint::ReviewSiteLocally => ("", decision("local")),
            Endpoint::ReviewSiteCentrally => ("", decision("central")),
            Endpoint::ConfirmSitePapers => ("", decision("paper")),
            Endpoint::ReleaseBrake => ("", r#"{"reason":"it is meant"}"#.into()),
            Endpoint::ReloadZones => ("", r#"{"zone":null}"#.into()),
            Endpoint::MoveTestClock => ("", r#"{"now":"2026-11-22T08:00:00Z"}"#.into()),
            _ => (&self.submitted, String::new()),
        };
        let row = endpoint.row();
        let id = match endpoint {
            Endpoint::PostponeSiteReview | Endpoint::SubmitSiteReview | Endpoint::CancelSiteReview => "s1",
            Endpoint::ReviewSiteLocally => "s2",
            Endpoint::ReviewSiteCentrally => "s3",
            Endpoint::ConfirmSitePapers => "s4",
            _ if row.path.starts_with("/v1/units") => "u1",
            _ => change,
        };
        // What an authority holds is nobody's to delete but an operator's.
        let name = if endpoint == Endpoint::DeleteName { UNHELD } else { NAME };
        let mut target =
            row.path.replace("{id}", id).replace("{name}", name).replace("{reason}", "LEGAL").replace("{apex}", "政务");
        if endpoint == Endpoint::Diff {
            target += "?from=0";
        }
        if matches!(endpoint, Endpoint::ExportHolds | Endpoint::Blacklist) {
            target += &format!("?region={HOME}");
        }
        if row.method != "GET" && endpoint != Endpoint::MoveTestClock {
            target += "?dry_run=true";
        }
        if endpoint == Endpoint::Simulate {
            target += "?at=2027-12-31";
        }
        if endpoint == Endpoint::CheckName {
            target += "?name=xn--dgt32shz8a.xn--zfr164b&unit=u1";
        }
        let lines = format!("Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n");
        match endpoint {
            Endpoint::Import => return self.server.raw(row.method, &format!("{target}&id=i1"), &lines, b""),
            Endpoint::PlaceHolds | Endpoint::LiftHolds => {
                return self.server.raw(row.method, &target, &lines, body.as_bytes());
            }
            _ => {}
        }
        self.server.call(token, row.method, &target, &body)
    }
}

#[test]
fn every_cell_of_the_table_holds() {
    let stage = stage();
    let before = stage.server.everything();
    let mut cells = 0;
    for row in TABLE {
        for (role, reach) in Role::TOKENS.into_iter().zip(row.reach) {
            let everywhere = stage.ask(row.endpoint, role, role.as_str());
            let home = stage.ask(row.endpoint, role, &format!("{}@{HOME}", role.as_str()));
            let away = stage.ask(row.endpoint, role, &format!("{}@{AWAY}", role.as_str()));
            let cell = format!("{:?} {}", row.endpoint, role.as_str());
            let list = row.method == "GET"
                && ["units", "names", "applications", "orders", "remittances", "site-reviews", "statistics/coverage"]
                    .iter()
                    .any(|list| row.path == format!("/v1/{list}"));
            match reach {
                Reach::None => {
                    for reply in [everywhere, home, away] {
                        assert_eq!((reply.status, reply.code().as_str()), (403, "role_forbidden"), "{cell}");
                    }
                }
                Reach::Whole => {
                    allowed(&everywhere, &cell);
                    for reply in [home, away] {
                        assert_eq!((reply.status, reply.code().as_str()), (403, "role_forbidden"), "{cell}");
                    }
                }
                Reach::Any => [everywhere, home, away].iter().for_each(|reply| allowed(reply, &cell)),
                Reach::Own if list => {
                    let seen = |reply: &Reply| !reply.json()["items"].as_array().unwrap().is_empty();
                    assert_eq!((seen(&everywhere), seen(&home), seen(&away)), (true, true, false), "{cell}");
                }
                Reach::Own => {
                    allowed(&everywhere, &cell);
                    allowed(&home, &cell);
                    // A list is told by its lines.
                    let listed = away.code() == "list_invalid" && away.json()["lines"][0]["code"] == "region_foreign";
                    let foreign = (away.status, away.code().as_str()) == (403, "region_foreign");
                    assert!(listed || foreign, "{cell}: {}", away.text());
                }
            }
            cells += 1;
        }
    }
    assert_eq!(cells, TABLE.len() * Role::TOKENS.len());
    assert_eq!(stage.server.everything(), before, "nothing was changed by asking");
}

/// That the request came through: the brake is not engaged, the name not frozen and its move not announced, so that what would
/// end these is refused by the registry, not by the table.
fn allowed(reply: &Reply, cell: &str) {
    let ended_already = ["brake_not_engaged", "not_frozen", "migration_not_found"];
    let came_through = (200..300).contains(&reply.status) || ended_already.contains(&reply.code().as_str());
    assert!(came_through, "{cell}: {} {}", reply.status, reply.text());
}

#[test]
fn without_a_known_token_there_is_nothing_to_see() {
    let server = Server::new();
    for row in TABLE {
        let target = row.path.replace("{id}", "u1").replace("{name}", "x").replace("{reason}", "LEGAL");
        let two = "Authorization: Bearer operator\r\nAuthorization: Bearer viewer\r\n";
        for headers in [
            "",
            "Authorization: Bearer nobody\r\n",
            "Authorization: Basic b3BlcmF0b3I6\r\n",
            "Authorization: x\r\n",
            two,
        ] {
            let reply = server.raw(row.method, &target, headers, b"");
            assert_eq!((reply.status, reply.code().as_str()), (401, "unauthorized"), "{} {target}", row.method);
            assert!(reply.header("www-authenticate").is_some());
        }
    }
    let metrics = server.call("", "GET", "/metrics", "").text();
    let unknown = format!("zhengming_admin_auth_failures_total{{reason=\"token_unknown\"}} {}", TABLE.len());
    assert!(metrics.contains(&unknown), "{metrics}");
}

#[test]
fn tokens_are_replaced_and_expire() {
    let server = Server::new();
    let get = |token: &str| server.call(token, "GET", "/v1/brake", "").status;
    assert_eq!(get("viewer"), 200);
    let mut tokens = (*server.admin.tokens.get()).clone();
    for token in &mut tokens {
        token.expires = Some(zhengming::registry::Timestamp(crate::server::NOW + 60));
    }
    tokens.retain(|token| token.role != Role::Submitter);
    server.admin.tokens.set(tokens);
    assert_eq!((get("viewer"), get("submitter")), (200, 401));
    server.clock.set(zhengming::registry::Timestamp(crate::server::NOW + 60));
    assert_eq!(get("viewer"), 401);
}
