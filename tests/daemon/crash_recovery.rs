//! Two hundred times SIGKILL at a random moment under write load: what was acknowledged is there, and nothing is half there.

use crate::estate::{ARGUMENTS, Estate, Request, Step};
use crate::kit::{Asker, Random, SUFFIXES, import, is_at_least, path_of, seed, seen, serial_of, version_of};
use crate::support::{Caller, PATIENCE, Reply, TestDaemon, program};
use hickory_proto::rr::RecordType;
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: usize = 200;
const CLIENTS: usize = 4;
/// Most acknowledgements before a kill; few, because a start reads the whole last segment of the journal.
const ACKNOWLEDGED_MAX: usize = 40;
/// Most microseconds from there to the kill: longer than a write takes.
const DELAY_MAX_MICROS: usize = 4000;
/// Every so many rounds the journal is verified as well.
const VERIFY_EVERY: usize = 20;
/// Versions of one client begin here, those of the next that much higher.
const VERSIONS: u32 = 1_000_000;

/// One client between two kills.
struct Client {
    number: usize,
    random: Random,
    /// The number of its next resolution, and of its next request.
    next: u32,
    /// What it was told of.
    acknowledged: Estate,
    /// The id of the change that waits, if one does.
    change: String,
    /// What it asked for and was not told of.
    flying: Option<Step>,
}

/// The highest serial that was seen of each suffix, in answers or receipts.
type Serials = [u32; SUFFIXES.len()];

fn raise(serials: &mut Serials, seen: [Option<u32>; SUFFIXES.len()]) {
    for (serial, seen) in serials.iter_mut().zip(seen) {
        *serial = seen.filter(|seen| is_at_least(*seen, *serial)).unwrap_or(*serial);
    }
}

impl Client {
    fn key(&self) -> String {
        format!("c{}-{}", self.number, self.next)
    }

    fn request(&self, step: Step) -> Request {
        self.acknowledged.request(step, &self.change, &self.key())
    }

    fn send(&self, caller: &Caller, request: &Request) -> Result<Reply, ureq::Error> {
        let (token, key) = (format!("Bearer {}", request.token), self.key());
        let mut headers = vec![("authorization", token.as_str())];
        // An import is made idempotent by its id.
        if !request.path.starts_with("/v1/import") {
            headers.push(("idempotency-key", key.as_str()));
        }
        caller.send(request.method, &request.path, &headers, request.content_type, &request.body)
    }

    /// Takes note of an acknowledgement.
    fn take(&mut self, step: Step, reply: Reply) -> Value {
        let receipt = reply.expect_success().json();
        assert!(receipt["refused"].is_null() || receipt["refused"] == 0, "{step:?}: {receipt}");
        self.acknowledged = self.acknowledged.after(step);
        if let Step::Submit(_) = step {
            self.change = receipt["id"].as_str().expect("an id").to_owned();
        }
        receipt
    }

    /// Writes until the program is gone; counts what is acknowledged.
    fn work(&mut self, caller: &Caller, count: &AtomicUsize) -> Serials {
        let mut serials = [0; SUFFIXES.len()];
        loop {
            self.next += 1;
            let step = self.acknowledged.choose(&mut self.random, self.next);
            let request = self.request(step);
            let Ok(reply) = self.send(caller, &request) else {
                self.flying = Some(step);
                return serials;
            };
            let receipt = self.take(step, reply);
            count.fetch_add(1, Ordering::SeqCst);
            let serial = |suffix: &str| receipt["serials"][format!("{suffix}.")].as_u64();
            raise(&mut serials, SUFFIXES.map(|suffix| serial(suffix).and_then(|serial| u32::try_from(serial).ok())));
        }
    }

    /// Holds what is there after a restart against what was acknowledged, and what was asked for beyond that. Then asks for
    /// the latter again, sometimes, with the same key.
    fn settle(&mut self, daemon: &TestDaemon, export: &[Value], log: &mut Tally) {
        let name = daemon.api("GET", &path_of(&self.acknowledged.reviewed()), "demo-viewer", None).expect_success();
        let pending = name.json()["pending"].as_str().map(|id| {
            let change = daemon.api("GET", &format!("/v1/changes/{id}"), "demo-viewer", None).expect_success().json();
            self.change = id.to_owned();
            (version_of(&change["resolution"]), change["state"] == "locally_approved")
        });
        let found = self.acknowledged.read(export, pending);
        let step = self.flying.take();
        let then = step.map(|step| self.acknowledged.after(step));
        let happened = then.as_ref() == Some(&found);
        assert!(
            happened || found == self.acknowledged,
            "client {} finds\n{found:?}\nbut was told of\n{:?}\nand asked for {step:?}",
            self.number,
            self.acknowledged,
        );
        log.happened += usize::from(happened);
        match step {
            Some(step) if self.random.below(2) == 0 => {
                let request = self.request(step);
                let reply = self.send(&daemon.caller(), &request).expect("an answer");
                let replayed = reply.header("idempotency-replayed") == Some("true");
                let receipt = self.take(step, reply);
                assert_eq!(replayed || receipt["replayed"].as_u64() > Some(0), happened, "{step:?}: {receipt}");
                log.repeated += 1;
            }
            _ => self.acknowledged = found,
        }
    }
}

/// What the rounds did, so that it is known that they did something.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: usize,
    happened: usize,
    repeated: usize,
    cut_starts: usize,
}

#[test]
fn two_hundred_kills_under_load_lose_nothing_and_leave_nothing_half_done() {
    let mut random = Random(seed("crash_recovery"));
    let mut daemon = TestDaemon::prepare(&ARGUMENTS, "");
    // Its few names are suspended and deleted all the time: no matter for the brake.
    let allowed = "allow_special_addresses = true";
    daemon.reconfigure(allowed, &format!("{allowed}\nbrake_names_min = 1000000"));
    daemon.restart();
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| Client {
            number,
            random: Random(random.next()),
            next: VERSIONS * u32::try_from(number + 1).expect("a few"),
            acknowledged: Estate::new(number),
            change: String::new(),
            flying: None,
        })
        .collect();
    let lines: Vec<Value> = clients.iter().flat_map(|client| client.acknowledged.lines()).collect();
    import(&daemon, "estates", &lines);

    let mut serials = [1; SUFFIXES.len()];
    let mut tally = Tally::default();
    for round in 1..=ROUNDS {
        load_and_kill(&mut daemon, &mut clients, &mut random, &mut serials, &mut tally);
        if random.below(5) == 0 {
            // The start itself is cut off.
            daemon.launch();
            thread::sleep(Duration::from_micros(random.below(100_000) as u64));
            daemon.kill();
            tally.cut_starts += 1;
        }
        daemon.restart();
        check(&daemon, &mut clients, &mut serials, &mut tally);
        if round % VERIFY_EVERY == 0 {
            verify_journal(&daemon);
        }
    }
    println!("{tally:?}");
    assert!(
        tally.acknowledged > ROUNDS * ACKNOWLEDGED_MAX / 4 && tally.happened > 0 && tally.repeated > 0,
        "{tally:?}"
    );
    assert_eq!(daemon.stop().code(), Some(0));
    verify_journal(&daemon);
    // The journal alone says the same.
    daemon.restart();
    let before = export(&daemon);
    daemon.stop();
    fs::remove_dir_all(daemon.path("data/sled")).expect("the store");
    daemon.restart();
    assert_eq!(export(&daemon), before);
    let log = daemon.log();
    // sled may find its own file damaged after a kill: then the journal, which is the truth, makes it anew.
    let is_fault = |line: &&str| line.contains("ERROR") && !line.contains("the store is rebuilt from the journal");
    let faults: Vec<&str> = log.lines().filter(is_fault).collect();
    assert!(faults.is_empty() && !log.contains("panicked"), "{faults:#?}");
    // Many a kill fell into a batch being written.
    assert!(log.contains("a batch, which is taken up again"), "no kill fell into a batch");
}

/// Lets all clients write until some number of acknowledgements, and kills the program a random moment later.
fn load_and_kill(
    daemon: &mut TestDaemon,
    clients: &mut [Client],
    random: &mut Random,
    serials: &mut Serials,
    tally: &mut Tally,
) {
    let (caller, dns) = (daemon.caller(), daemon.dns());
    let (count, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
    let enough = random.below(ACKNOWLEDGED_MAX);
    let delay = Duration::from_micros(random.below(DELAY_MAX_MICROS) as u64);
    let mut is_stuck = false;
    thread::scope(|scope| {
        let poller = scope.spawn(|| poll(dns, &gone));
        let working: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| client.work(&caller, &count))).collect();
        let start = Instant::now();
        while count.load(Ordering::SeqCst) < enough && !working.iter().any(thread::ScopedJoinHandle::is_finished) {
            // Said only after the kill: the others go on until then.
            is_stuck = start.elapsed() >= PATIENCE;
            if is_stuck {
                break;
            }
            thread::sleep(Duration::from_micros(200));
        }
        let reached = Instant::now();
        while reached.elapsed() < delay {
            std::hint::spin_loop();
        }
        daemon.kill();
        gone.store(true, Ordering::SeqCst);
        for client in working {
            raise(serials, client.join().expect("a client failed").map(Some));
        }
        raise(serials, poller.join().expect("the poller failed").map(Some));
    });
    assert!(
        !is_stuck,
        "fewer than {enough} writes are acknowledged in {PATIENCE:?}; is the disk busy with something else?"
    );
    tally.acknowledged += count.into_inner();
}

/// Asks for the serials until the program is gone: what was seen once is never taken back.
fn poll(dns: SocketAddr, gone: &AtomicBool) -> Serials {
    let asker = Asker::new(dns, Duration::from_millis(100));
    let mut serials = [0; SUFFIXES.len()];
    while !gone.load(Ordering::SeqCst) {
        for (position, suffix) in SUFFIXES.iter().enumerate() {
            // The program may take a question with it.
            let Ok(answer) = asker.ask(suffix, RecordType::SOA) else { break };
            let serial = serial_of(&answer);
            assert!(is_at_least(serial, serials[position]), "the serial went back while running");
            serials[position] = serial;
        }
    }
    serials
}

/// After a restart: the registry is what was acknowledged, DNS shows it under every suffix, and no serial went back.
fn check(daemon: &TestDaemon, clients: &mut [Client], serials: &mut Serials, tally: &mut Tally) {
    let asker = Asker::new(daemon.dns(), PATIENCE);
    let now = SUFFIXES.map(|suffix| serial_of(&asker.ask(suffix, RecordType::SOA).expect("an answer")));
    for (now, seen) in now.iter().zip(&*serials) {
        assert!(is_at_least(*now, *seen), "the serial is {now}, but {seen} was seen");
    }
    raise(serials, now.map(Some));
    let export = export(daemon);
    for client in clients {
        client.settle(daemon, &export, tally);
        for (owner, expected) in client.acknowledged.shown() {
            let shows = seen(&asker.ask(&owner, RecordType::AAAA).expect("an answer"));
            assert_eq!(shows, expected, "{owner}; {:?}", client.acknowledged);
        }
    }
}

/// All units and names; the last line, which tells how far the journal goes, left out.
fn export(daemon: &TestDaemon) -> Vec<Value> {
    let text = daemon.api("GET", "/v1/export", "demo-viewer", None).expect_success().text;
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.pop().is_some_and(|line| line.get("end").is_some()), "a whole export");
    lines
}

fn verify_journal(daemon: &TestDaemon) {
    let output = program().arg("verify-journal").arg(daemon.path("data")).output().expect("the program was built");
    assert!(output.status.success(), "{output:?}");
}
