//! Headless Chromium: it follows a forward, reads a notice, and shows the API's page from this program alone.

use crate::kit::{import, name_line, unit_line};
use crate::support::{TestDaemon, ascii};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// What the browser made of a page.
struct Shown {
    /// The document after its scripts have run.
    dom: String,
    /// Every URL that the page asked for, of whomever; its own first.
    urls: Vec<String>,
}

/// Opens `url`; `hosts` says where names lead, everything else leads nowhere.
fn browse(url: &str, hosts: &[(&str, SocketAddr)]) -> Shown {
    let profile = tempfile::tempdir().expect("a temporary directory");
    let log = profile.path().join("net.json");
    let maps = hosts.iter().map(|(host, address)| format!("MAP {host} {address},"));
    let rules = maps.collect::<String>() + "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"])
        .args(["--disable-features=HttpsUpgrades,OptimizationHints", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("--host-resolver-rules={rules}"))
        .args(["--dump-dom", url])
        .output()
        .expect("chromium is installed");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && !dom.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let log: Value = serde_json::from_slice(&fs::read(log).expect("a log")).expect("JSON");
    let start = &log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"];
    let events = log["events"].as_array().expect("events").iter().filter(|event| event["type"] == *start);
    // What the browser asks for by itself (its updates, say) has no page that initiated it.
    let by_page = |event: &&Value| {
        let initiator = event["params"]["initiator"].as_str().is_some_and(|origin| origin.starts_with("http"));
        initiator || event["params"]["request_type"] == "main frame"
    };
    let urls: Vec<String> =
        events.filter(by_page).filter_map(|event| event["params"]["url"].as_str()).map(String::from).collect();
    assert!(!urls.is_empty(), "the log knows nothing");
    Shown { dom, urls }
}

/// A web server with one page; the heads of the requests it gets come through the channel.
fn site(page: &'static str) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let (heads, received) = mpsc::channel();
    // It ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let heads = heads.clone();
            thread::spawn(move || {
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                if head.is_empty() {
                    return;
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{page}",
                    page.len()
                );
                // Nobody may be listening any more, on either side.
                drop((&stream).write_all(answer.as_bytes()));
                drop(heads.send(head.join("\n")));
            });
        }
    });
    (address, received)
}

fn daemon() -> TestDaemon {
    let daemon = TestDaemon::start();
    let names = ["靖远县教育局.政务", "暂停.政务", "依法.政务"].map(|name| name_line(name, "u1", "2030-01-01", None));
    import(&daemon, "names", &[&[unit_line("u1")][..], &names].concat());
    for name in ["靖远县教育局.政务", "暂停.政务", "依法.政务"] {
        let forward = json!({ "type": "URL", "target": "http://portal.example/welcome", "keep_path": true });
        daemon.push(name, &forward).expect_success();
    }
    for (name, reason) in [("暂停.政务", "SITE_NOT_SUBMITTED"), ("依法.政务", "LEGAL")] {
        let path = format!("{}/holds/{reason}", crate::kit::path_of(name));
        daemon.api("PUT", &path, "demo-operator", Some(&json!({ "evidence": "doc-1" }))).expect_success();
    }
    daemon
}

#[test]
fn a_browser_follows_a_forward_and_reads_the_notice_of_a_held_name() {
    let daemon = daemon();
    let (portal, requests) = site("<!doctype html><title>教育局</title><p>这是教育局的网站</p>");
    let hosts =
        [("portal.example", portal), ("*.xn--zfr164b", daemon.gateway()), ("*.xn--zfr164b.cn", daemon.gateway())];
    for url in ["http://靖远县教育局.政务/通知?页=2", "http://www.靖远县教育局.政务.cn/"] {
        let shown = browse(url, &hosts);
        assert!(shown.dom.contains("<p>这是教育局的网站</p>"), "{}", shown.dom);
        let head = requests.try_iter().find(|head| head.starts_with("GET /welcome")).expect("it was asked");
        assert!(head.contains("Host: portal.example"), "{head}");
        assert_eq!(head.contains("%E9%80%9A%E7%9F%A5?"), url.contains("通知"), "path and query are kept: {head}");
    }
    // Its icon, perhaps.
    requests.try_iter().for_each(drop);
    for (name, said) in [("暂停.政务", "解析"), ("依法.政务", "法律")] {
        let shown = browse(&format!("http://{name}/"), &hosts);
        assert!(shown.dom.contains(said) && shown.dom.contains("suspended"), "no {said}: {}", shown.dom);
        let asked = ascii(name);
        let asked = asked.trim_end_matches('.');
        assert!(shown.urls.iter().all(|url| url.contains(asked)), "the notice brings nothing else: {:?}", shown.urls);
    }
    assert!(requests.try_iter().next().is_none(), "held names lead nowhere");
}

#[test]
fn the_page_of_the_api_is_complete_and_from_this_program_alone() {
    let daemon = daemon();
    let shown = browse(&format!("http://{}/v1/docs/", daemon.admin()), &[]);
    for part in ["/v1/changes/{id}/decisions", "/v1/units/{id}/holds/{reason}", "/v1/import", "opblock"] {
        assert!(shown.dom.contains(part), "no {part:?} in the page; asked for {:?}", shown.urls);
    }
    let home = format!("http://{}/", daemon.admin());
    assert!(shown.urls.iter().all(|url| url.starts_with(&home)), "{:?}", shown.urls);
    for part in ["openapi.json", ".js", ".css"] {
        assert!(shown.urls.iter().any(|url| url.ends_with(part)), "{part}: {:?}", shown.urls);
    }
}
