//! A real server for one test: writer, journal and store in a temporary directory, the API on a socket of its own.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use zhengming::admin::{
    self, Access, AccessLimits, Admin, Read as ReadZones, Refused, Shared, Token, TotpSecret, ZoneFiles, token,
};
use zhengming::http::{self, Limits};
use zhengming::idn::Label;
use zhengming::query::{self, Client, Settings, Transport};
use zhengming::registry::{
    Area, Divisions, Guarded, Labels, LookAlikes, Policy, Profile, Rate, Rates, Region, ReviewRules, Role, SuffixSet,
    Terms, Timestamp, UnitKind,
};
use zhengming::telemetry::Telemetry;
use zhengming::update::{self, Reload, Running, Start, TestClock};
use zhengming::zone::{Gateway, Name, Record, Rtype, Zone};

/// 2026-11-22T08:00:00Z.
pub const NOW: i64 = 1_795_334_400;
/// The region most tests act in, and one outside it.
pub const HOME: &str = "620421";
pub const AWAY: &str = "532329";
/// A label that the test's zone file occupies, and one that the settings reserve.
pub const OCCUPIED: &str = "占用.政务";
pub const RESERVED: &str = "保留.政务";

pub struct Server {
    pub admin: Admin,
    pub address: SocketAddr,
    pub clock: Arc<TestClock>,
    running: Option<Running>,
    stop: watch::Sender<bool>,
    pub runtime: Runtime,
    directory: TempDir,
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

/// Roles by the names of their tokens: `ROLE`, and with a region `ROLE@REGION`.
fn tokens() -> Vec<Token> {
    let regions = [None, Some(HOME), Some(AWAY)];
    let make = |role: Role, region: Option<&str>| {
        let name = region.map_or(role.as_str().to_owned(), |region| format!("{}@{region}", role.as_str()));
        Token {
            region: region.map(|region| Region::parse(region).unwrap().into()),
            totp: Some(totp()),
            ..Token::new(name.as_str().into(), role, token::hash(&name))
        }
    };
    Role::TOKENS.into_iter().flat_map(|role| regions.map(|region| make(role, region))).collect()
}

/// The second factor of every token.
pub fn totp() -> TotpSecret {
    TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap()
}

/// No limit on how often anybody asks.
pub fn limits() -> AccessLimits {
    AccessLimits { per_token: 0, per_address: 0, failures: 0, exempt: Vec::new(), warn_secs: 30 * 86_400 }
}

fn policy() -> Policy {
    let set = |suffix: &str, unit_kinds: &[UnitKind], with_proof: &[UnitKind]| SuffixSet {
        suffixes: vec![suffix.into(), format!("{suffix}.cn").into()],
        unit_kinds: unit_kinds.to_vec(),
        unit_kinds_with_proof: with_proof.to_vec(),
    };
    let terms = Terms { profiles: vec![("xn--55qw42g".into(), Profile::ICANN_RGP)], ..Terms::default() };
    let rules = Policy {
        terms,
        reserved_labels: vec![label(RESERVED).into()],
        review: ReviewRules {
            regions: vec![(Region::parse(HOME).unwrap(), 2)],
            office_regions: vec![Region::parse(crate::filings::OFFICE).unwrap()],
            ..ReviewRules::default()
        },
        rates: Rates {
            rows: vec![rate("xn--zfr164b", Area::Ordinary, 300), rate("xn--55qw42g", Area::Poor, 100)],
            ..Rates::default()
        },
        allow_special_addresses: true,
        ..Policy::of(vec![
            set("xn--zfr164b", &[UnitKind::Organ], &[UnitKind::Institution]),
            set("xn--55qw42g", &[UnitKind::Institution, UnitKind::SocialOrganisation], &[]),
        ])
    };
    Policy { labels: labels(&rules), ..rules }
}

/// A table in which 国, 國 and 囯 are variants, 台 has two traditional forms, neither of them the usual one, and 墕 is not;
/// and a few divisions.
fn labels(rules: &Policy) -> Labels {
    let mut table = zhengming::idn::table::Builder::new();
    let table = table
        .lgr(
            "<lgr><data><char cp=\"002D\"/><range first-cp=\"0030\" last-cp=\"0039\"/><range first-cp=\"0061\" last-cp=\"007A\"/>\
             <range first-cp=\"4E00\" last-cp=\"53EF\"/><char cp=\"53F0\"><var cp=\"53F0\" type=\"r-simp\"/>\
             <var cp=\"6AAF\" type=\"trad\"/><var cp=\"98B1\" type=\"trad\"/></char><range first-cp=\"53F1\" last-cp=\"56EE\"/><char cp=\"56EF\"/><range first-cp=\"56F0\" last-cp=\"56FC\"/>\
             <char cp=\"56FD\"><var cp=\"56EF\"/><var cp=\"56FD\" type=\"r-simp\"/><var cp=\"570B\" type=\"trad\"/></char>\
             <range first-cp=\"56FE\" last-cp=\"570A\"/><char cp=\"570B\"/><range first-cp=\"570C\" last-cp=\"5894\"/>\
             <range first-cp=\"5896\" last-cp=\"9FFF\"/></data></lgr>",
        )
        .map(|_| table.finish())
        .unwrap_or_else(|faults| panic!("{faults:?}"));
    let divisions = "1\t110000\t\t北京市\n2\t320100\t\t南京市\n2\t320300\t\t徐州市\n\
                     3\t320106\t320100\t鼓楼区\n3\t320302\t320300\t鼓楼区\n";
    let divisions = Divisions::parse(divisions, &|name| name.into()).unwrap();
    let reserved: Vec<Label> = rules.reserved_labels.iter().filter_map(|label| Label::parse(label).ok()).collect();
    Labels::new(Some(Arc::new(table)), &reserved, divisions, LookAlikes::default())
}

fn rate(set: &str, area: Area, yuan: u32) -> Rate {
    Rate { set: set.into(), area, from: Timestamp(0), yuan }
}

/// The A-label of a name's first label.
pub fn label(name: &str) -> String {
    let ascii = zhengming::idn::host_to_ascii(name).unwrap();
    ascii.split('.').next().unwrap().to_owned()
}

fn zone(apex: &str, occupied: bool) -> (Zone, [u8; 32]) {
    let apex = Name::absolute(apex).unwrap();
    let host = Name::absolute("ns1.example").unwrap();
    let mut soa = [host.as_wire(), host.as_wire()].concat();
    for number in [1u32, 1800, 900, 1_209_600, 300] {
        soa.extend(number.to_be_bytes());
    }
    let record =
        |owner: &Name, rtype, rdata: &[u8]| Record { owner: owner.clone(), rtype, ttl: 300, rdata: rdata.into() };
    let mut records = vec![record(&apex, Rtype::SOA, &soa), record(&apex, Rtype::NS, host.as_wire())];
    if occupied {
        let owner = Name::parse(label(OCCUPIED).as_bytes(), &apex).unwrap();
        records.push(record(&owner, Rtype::A, &[192, 0, 2, 1]));
    }
    (Zone::build(apex, records).unwrap(), [7; 32])
}

fn reload() -> Reload {
    let apexes = ["xn--zfr164b.", "xn--zfr164b.cn.", "xn--55qw42g.", "xn--55qw42g.cn."];
    let gateway = |suffix: &str| {
        let gateway = Gateway { v4: vec![Ipv4Addr::new(192, 0, 2, 80)], v6: Vec::new() };
        (Arc::from(suffix), gateway)
    };
    Reload {
        zones: apexes.map(|apex| zone(apex, apex == "xn--zfr164b.")).into(),
        unloaded: Vec::new(),
        gateways: vec![gateway("xn--zfr164b"), gateway("xn--55qw42g")],
        policy: policy(),
        asked_by: None,
    }
}

/// The zones above, and one that has a file.
struct Files {
    path: std::path::PathBuf,
    zones: Vec<(Zone, [u8; 32])>,
}

impl ZoneFiles for Files {
    fn read(&self, zone: Option<&Name>) -> Result<ReadZones, Refused> {
        let apex = Name::absolute(FILED).unwrap();
        let known = |name: &&Name| self.zones.iter().any(|(zone, _)| zone.apex() == *name) || **name == apex;
        if zone.is_some_and(|zone| !known(&zone)) {
            return Err(Refused::UnknownZone);
        }
        let mut zones = reload().zones;
        zones.push(zhengming::zonefile::load(&self.path, &apex, false).map_err(Refused::Files)?);
        Ok(ReadZones { reload: Reload { zones, ..reload() }, found: Vec::new() })
    }

    fn served(&mut self, zones: Vec<(Zone, [u8; 32])>) {
        self.zones = zones;
    }
}

/// The zone that has a file, `filed.zone` in the server's directory.
pub const FILED: &str = "filed.example.";

impl Server {
    pub fn new() -> Self {
        Self::open(TempDir::new().unwrap(), NOW, policy())
    }

    /// One where everything that can take a second factor does.
    pub fn guarded() -> Self {
        let policy = Policy { second_factor: Guarded::ALL.to_vec(), ..policy() };
        Self::open(TempDir::new().unwrap(), NOW, policy)
    }

    fn open(directory: TempDir, now: i64, policy: Policy) -> Self {
        let telemetry = Telemetry::new();
        let clock = Arc::new(TestClock::new(Timestamp(now)));
        let running = update::start(Start {
            data_dir: directory.path().to_owned(),
            reload: Reload { policy: policy.clone(), ..reload() },
            clock: clock.clone(),
            metrics: telemetry.writer.clone(),
            checkpoints: update::Pace::default(),
            writes: update::WritePace::default(),
        })
        .unwrap_or_else(|error| panic!("{error}"));
        let admin = Admin {
            handle: running.handle.clone(),
            journal: running.journal.clone(),
            snapshots: running.snapshots.clone(),
            tokens: Shared::new(tokens()),
            // As if it had started a step of codes before.
            access: Arc::new(Access::new(limits(), Timestamp(now - 30), telemetry.admin.clone())),
            targets: Shared::new(admin::Targets::new()),
            policy: Shared::new(policy),
            exporter: telemetry.exporter,
            metrics: telemetry.admin,
            zone_files: Arc::new(tokio::sync::Mutex::new(Files {
                path: directory.path().join("filed.zone"),
                zones: reload().zones,
            })),
            clock: clock.clone(),
            test_clock: Some(clock.clone()),
        };
        let runtime = Runtime::new().unwrap();
        let listener = http::accept::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(http::serve(listener, admin::router(admin.clone()), Limits::default(), None, stopped));
        Self { admin, address, clock, running: Some(running), stop, runtime, directory }
    }

    /// The same data, served anew.
    pub fn restart(mut self) -> Self {
        let now = update::Clock::now(&*self.clock).0;
        self.end();
        let directory = std::mem::replace(&mut self.directory, TempDir::new().unwrap());
        let policy = (*self.admin.policy.get()).clone();
        Self::open(directory, now, policy)
    }

    /// Writes the file of [`FILED`].
    pub fn file(&self, lines: &str) {
        let text = format!("$TTL 300\n@ SOA ns.other. hm.other. 7 1800 900 1209600 300\n@ NS ns.other.\n{lines}");
        std::fs::write(self.directory().join("filed.zone"), text).unwrap();
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the writer; the API goes on without it.
    pub fn end_writer(&mut self) {
        assert!(self.running.take().unwrap().stop());
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    /// One request on a connection of its own. `headers` end in CRLF each.
    pub fn raw(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Reply::parse(&answer)
    }

    /// A request with a token and a JSON body, if it has one.
    pub fn call(&self, token: &str, method: &str, target: &str, body: &str) -> Reply {
        self.with(token, method, target, "", body)
    }

    /// The same with further headers.
    pub fn with(&self, token: &str, method: &str, target: &str, headers: &str, body: &str) -> Reply {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let headers = format!("Authorization: Bearer {token}\r\n{kind}{headers}");
        self.raw(method, &encode(target), &headers, body.as_bytes())
    }

    /// The same, which must succeed.
    pub fn ok(&self, token: &str, method: &str, target: &str, body: &str) -> Value {
        let reply = self.call(token, method, target, body);
        assert!((200..300).contains(&reply.status), "{method} {target}: {} {}", reply.status, reply.text());
        if reply.body.is_empty() { Value::Null } else { reply.json() }
    }

    /// A unit in [`HOME`].
    pub fn unit(&self, id: &str, kind: &str) {
        let body = format!(r#"{{"name":"单位{id}","kind":"{kind}","region":"{HOME}"}}"#);
        self.ok("operator", "PUT", &format!("/v1/units/{id}"), &body);
    }

    /// A name of a unit, for two years.
    pub fn name(&self, name: &str, unit: &str) -> Value {
        self.ok("operator", "PUT", &format!("/v1/names/{name}"), &format!(r#"{{"unit":"{unit}","years":2}}"#))
    }

    /// A change with both approvals asserted.
    pub fn resolve(&self, name: &str, resolution: &str) -> Value {
        let approvals = r#"[{"level":"local","by":"r-1"},{"level":"central","by":"r-2"}]"#;
        let body = format!(r#"{{"name":"{name}","resolution":{resolution},"approvals":{approvals}}}"#);
        self.ok("operator", "POST", "/v1/changes", &body)
    }

    pub fn import(&self, query: &str, lines: &str) -> Value {
        let reply = self.import_reply(query, lines);
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    pub fn import_reply(&self, query: &str, lines: &str) -> Reply {
        let headers = "Authorization: Bearer operator\r\nContent-Type: application/x-ndjson\r\n";
        self.raw("POST", &format!("/v1/import?{query}"), headers, lines.as_bytes())
    }

    /// The whole export.
    pub fn export(&self) -> String {
        let reply = self.call("viewer", "GET", "/v1/export", "");
        assert_eq!(reply.status, 200);
        let text = reply.text();
        assert!(text.lines().next_back().is_some_and(|line| line.starts_with(r#"{"end""#)), "cut short: {text}");
        text
    }

    /// The export, and the lists of what it does not contain.
    pub fn everything(&self) -> String {
        let list = |what: &str| self.call("viewer", "GET", &format!("/v1/{what}?limit=1000"), "").text();
        ["applications", "orders", "remittances", "units"]
            .into_iter()
            .fold(self.export(), |all, what| all + &list(what))
    }

    /// The export without its last line, which counts transactions.
    pub fn state(&self) -> String {
        let export = self.export();
        let end = export.trim_end().rfind('\n').unwrap();
        export[..=end].to_owned()
    }

    pub fn move_clock(&self, to: &str) {
        self.ok("operator", "POST", "/v1/test/clock", &format!(r#"{{"now":"{to}"}}"#));
    }

    /// What DNS answers for a name and type: RCODE, answer count, and the response.
    pub fn dns(&self, name: &str, rtype: Rtype) -> (u16, u16, Vec<u8>) {
        let name = Name::absolute(&zhengming::idn::host_to_ascii(name).unwrap()).unwrap();
        let mut request = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        request.extend_from_slice(name.as_wire());
        request.extend(rtype.0.to_be_bytes());
        request.extend([0, 1]);
        // An OPT record (RFC 6891), so that extended errors are shown.
        request.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        let mut response = vec![0; 65_535];
        let settings = Settings::default();
        let client = Client { transport: Transport::Tcp, address: Ipv4Addr::LOCALHOST.into(), now: 0 };
        let served = self.admin.snapshots.load();
        let outcome = query::respond(&served.zones, &settings, &client, &request, &mut response);
        response.truncate(outcome.len);
        (outcome.rcode, u16::from_be_bytes([response[6], response[7]]), response)
    }

    /// Whether DNS answers exactly this address.
    pub fn answers(&self, name: &str, address: [u8; 4]) -> bool {
        let (rcode, count, response) = self.dns(name, Rtype::A);
        rcode == 0 && count == 1 && response.windows(4).any(|octets| octets == address)
    }

    /// Whether DNS says that the name does not exist.
    pub fn nxdomain(&self, name: &str) -> bool {
        self.dns(name, Rtype::A).0 == 3
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Percent-encodes what a request line cannot hold.
fn encode(target: &str) -> String {
    let encode = |b: u8| match b {
        0x21..=0x7e => (b as char).to_string(),
        _ => format!("%{b:02X}"),
    };
    target.bytes().map(encode).collect()
}

impl Reply {
    fn parse(answer: &[u8]) -> Self {
        let split = answer.windows(4).position(|octets| octets == b"\r\n\r\n").expect("a response");
        let head = String::from_utf8(answer[..split].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = answer[split + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunk(&body);
        }
        Self { status, head, body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The code of a problem document.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {}", self.status, self.text());
        let body = self.json();
        assert_eq!(body["status"], self.status);
        assert!(body["detail"].as_str().is_some_and(|text| text.is_ascii() || text.chars().count() > 20));
        assert!(body["detail_zh"].as_str().is_some_and(|text| !text.is_ascii()));
        body["code"].as_str().unwrap().to_owned()
    }
}

/// The data of a chunked body (RFC 9112 §7.1); one that lacks its last chunk is a failure.
fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let end = body.windows(2).position(|octets| octets == b"\r\n").expect("a whole chunk");
        let length = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return data;
        }
        data.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}
