//! Zhengming and its peers side by side on one zone: what a query costs each, over UDP and TCP, and what a change takes.
//!
//! `benches/peers/run` installs the peers and runs this; README.md of `benches/` has the method. `--help` tells the options.
//! Without `--bench`, as `cargo test --bench peers` runs it, the echo and Zhengming are tried with a few names.

mod bytes;
mod changes;
mod check;
#[path = "../registry/clients.rs"]
#[allow(dead_code, reason = "the registry's benchmark uses all of it")]
mod clients;
#[path = "../../tests/interop/compare.rs"]
#[allow(dead_code, reason = "the tests of interoperation use all of it")]
mod compare;
mod echo;
mod estate;
mod figures;
mod generator;
#[path = "../registry/names.rs"]
#[allow(dead_code, reason = "the registry's benchmark uses all of it")]
mod names;
mod options;
#[path = "../../tests/interop/packet.rs"]
#[allow(dead_code, reason = "the tests of interoperation use all of it")]
mod packet;
mod plot;
mod process;
mod program;
mod questions;
#[path = "../../tests/interop/random.rs"]
#[allow(dead_code, reason = "the tests of interoperation use all of it")]
mod random;
mod rounds;
mod servers;
mod signed;
#[path = "../../tests/support/mod.rs"]
mod support;
mod sustained;
mod sys;
mod tcp;
#[path = "../../tests/interop/world.rs"]
#[allow(dead_code, reason = "the tests of interoperation use all of it")]
mod world;
#[path = "../../tests/interop/zones.rs"]
#[allow(dead_code, reason = "the tests of interoperation use all of it")]
mod zones;

use clap::Parser as _;
use estate::Estate;
use figures::Figures;
use options::{Options, Part};
use questions::{Questions, Scenario};
use rounds::Plan;
use servers::{Make, Ports, Server, Site};
use std::fs;
use std::io::BufWriter;
use std::time::Duration;

fn main() {
    let options = Options::parse();
    if let Some(port) = options.echo {
        echo::serve(port);
    }
    let options = options.complete();
    let about = options.about();
    println!("{about}");
    sys::pin(options.generator_core);
    let estate = Estate::generate(options.names);
    let directory = options.directory.join(options.names.to_string());
    fs::create_dir_all(&directory).expect("a writable directory");
    let site = Site { estate: &estate, directory, core: options.server_core };
    let mut figures = Figures::default();
    let mut servers = start(&site, &options, &mut figures);
    let plan = Plan {
        rounds: options.rounds,
        duration: Duration::from_secs_f64(options.seconds),
        rate: f64::from(options.rate),
    };
    for scenario in Scenario::ALL {
        let questions = Questions::of(scenario, &estate);
        let (asked, others): (Vec<Server>, Vec<Server>) =
            std::mem::take(&mut servers).into_iter().partition(|server| scenario.is_for(server.make));
        check::all_answer_equally(&asked, scenario, &questions);
        if options.has(Part::Udp) {
            println!("measuring {}", scenario.name());
            rounds::udp(&asked, scenario, &questions, &plan, &mut figures);
        }
        servers = asked.into_iter().chain(others).collect();
        if options.has(Part::Tcp) && scenario == Scenario::Positive {
            println!("measuring TCP");
            rounds::tcp(&servers, &questions, &plan, &mut figures);
        }
    }
    let ours = servers.iter().find(|server| server.make == Make::Zhengming);
    // What is measured is kept, whatever becomes of the rest.
    options.keep(&figures, &about);
    let mut unexplained = 0;
    if let (Some(count), Some(ours)) = (options.compare, ours) {
        println!("comparing {count} answers");
        unexplained = bytes::compare(&servers, &estate, check::serial(ours), count, &mut figures);
    }
    if let (true, Some(ours)) = (options.has(Part::Sustained), ours) {
        println!("measuring changes under load");
        let questions = Questions::of(Scenario::Positive, &estate);
        let length = (options.sustain_rounds, Duration::from_secs(options.sustain));
        sustained::all(ours, &estate, &questions, length, &mut figures);
    }
    if options.has(Part::Change) {
        println!("measuring one change");
        changes::all(&servers, &estate, &mut figures);
    }
    drop(servers);
    figures.print();
    options.keep(&figures, &about);
    assert_eq!(unexplained, 0, "answers differ without a reason");
}

/// Starts all servers, one after the other: each loads alone.
fn start(site: &Site<'_>, options: &Options, figures: &mut Figures) -> Vec<Server> {
    let mut ports = Ports::new();
    let mut servers: Vec<Server> = Vec::new();
    signed::file(&site.directory);
    for make in options.makes() {
        if make == Make::Zhengming {
            program::prepare(&site.directory.join("zhengming"), site.estate, site.core, &mut ports);
        }
        if !make.is_echo() && make != Make::Zhengming && !site.directory.join("zone").exists() {
            // Ours has counted on since the first import: the others have its serial.
            let serial = servers.iter().find(|server| server.make == Make::Zhengming).map_or(1, check::serial);
            let file = fs::File::create(site.directory.join("zone")).expect("a writable directory");
            site.estate.write_zone(BufWriter::new(file), serial).expect("a writable directory");
        }
        let server = Server::start(make, site, &mut ports);
        if !make.is_echo() {
            println!("{} answers after {:.2} s", make.name(), server.load.as_secs_f64());
            let mut add = |name, unit, value| figures.add(name, unit, "", make, value);
            add("start until the first right answer", "s", server.load.as_secs_f64());
            add("CPU of the start", "s", server.load_cpu.as_secs_f64());
            add("resident memory", "MiB", server.resident as f64 / f64::from(1 << 20));
            add("resident octets an owner name", "", server.resident as f64 / site.estate.owners() as f64);
        }
        servers.push(server);
    }
    let _ = fs::remove_file(site.directory.join("zone"));
    servers
}
