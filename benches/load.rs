//! From a master file to a zone that can be answered from: 2 M records, a name and `www` below it for each of a million.
//!
//! `NAMES` says how many names; `FILE` (with `APEX`) times a file of one's own instead.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Instant;
use zhengming::zone::{Name, Qname, Zone};
use zhengming::zonefile;

fn main() {
    let names: u32 = std::env::var("NAMES").ok().and_then(|names| names.parse().ok()).unwrap_or(1_000_000);
    let apex = std::env::var("APEX").unwrap_or_else(|_| "xn--zfr164b".to_owned());
    let apex = Name::absolute(&apex).expect("APEX is a name");
    let path = std::env::var_os("FILE").map_or_else(|| written(names), PathBuf::from);
    let octets = fs::metadata(&path).expect("the file").len();
    println!("{} octets in {}", octets, path.display());

    timed("scanned", || {
        let mut records = 0u64;
        zonefile::scan(&path, &apex, &mut |_| records += 1);
        println!("{records} records");
    });
    let before = status("VmRSS");
    let zone = timed("file to zone", || zonefile::load(&path, &apex, false).expect("a zone").0);
    let (peak, steady) = (status("VmHWM") - before, status("VmRSS") - before);
    println!("memory: {} MiB at most, {} MiB then, {:.2} times", peak >> 10, steady >> 10, peak as f64 / steady as f64);
    println!("found: {}", found(&zone, &apex));
}

/// Whether the zone answers: the node of a name server.
fn found(zone: &Zone, apex: &Name) -> bool {
    let name = Name::parse(b"ns1", apex).expect("a name");
    let qname = Qname::from_wire(name.as_wire()).expect("a name");
    matches!(zone.lookup(&qname, 4), zhengming::zone::Found::Node(_))
}

/// A file like those of a suffix: labels of about 23 octets, one address at each name and at `www` below it.
fn written(names: u32) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{names}.zone"));
    let mut file = BufWriter::new(fs::File::create(&path).expect("a file"));
    let head = "$TTL 600\n@ 300 IN SOA ns1 hostmaster 7 1800 900 1209600 300\n@ IN NS ns1\n@ IN NS ns2\n\
                ns1 IN A 192.0.2.1\nns2 IN A 192.0.2.2\n";
    file.write_all(head.as_bytes()).expect("room");
    for number in 0..names {
        // Spread, so that the file is not sorted.
        let spread = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let label = format!("xn--{:013x}{number:x}", spread >> 12);
        let [_, a, b, c] = number.to_be_bytes();
        writeln!(file, "{label} A 203.{a}.{b}.{c}\nwww.{label} A 203.{a}.{b}.{c}").expect("room");
    }
    file.flush().expect("room");
    path
}

/// Runs `work` and prints its time: CPU time is what other work on the machine disturbs least.
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (wall, user) = (Instant::now(), cpu_ticks());
    let result = work();
    let ticks = cpu_ticks() - user;
    println!("{what}: {:.2} s user, {:.2} s in all", ticks as f64 / 100.0, wall.elapsed().as_secs_f64());
    result
}

/// CPU time of the process in user mode, in hundredths of a second (proc(5): field 14 of stat).
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux");
    let rest = stat.rsplit(')').next().expect("a closing parenthesis");
    rest.split_whitespace().nth(11).and_then(|field| field.parse().ok()).expect("a number")
}

/// A line of /proc/self/status in KiB.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the line");
    line.split_whitespace().nth(1).and_then(|field| field.parse().ok()).expect("a number")
}
