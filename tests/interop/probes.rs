//! Odd and malformed packets, side by side: RCODE, flags and what is repeated, or silence.

use crate::compare::Peer;
use crate::packet::{Question, rcode_name};
use crate::packets::{Probe, all};
use crate::servers::{SERVERS, Server, Servers};
use crate::zones::Served;
use std::fmt::Write as _;
use std::time::Duration;
use zhengming::zone::{Name, Rtype};

/// What NSD counts faulty packets by, and a little more.
const A_SECOND: Duration = Duration::from_millis(1100);
/// What is written where nothing came.
pub const SILENCE: &str = "silence";

#[test]
fn odd_packets_get_the_rcode_and_flags_that_are_due() {
    let apex = Name::absolute("probe.test").expect("a name");
    let text = "probe.test. 300 IN SOA ns.probe.test. hostmaster.probe.test. 1 7200 3600 1209600 300\n\
                probe.test. 300 IN NS ns.probe.test.\nns.probe.test. 300 IN A 192.0.2.1\n";
    let zone = Served { apex: apex.clone(), text: text.into(), lines: vec![] };
    let mut servers = Servers::start(&[zone]);
    let sentinel = Question { name: apex, qtype: Rtype::NS, edns: None, tcp: false, recursion: false };
    let (mut faults, mut table) = (String::new(), String::new());
    for probe in all() {
        for tcp in [false, true] {
            let listed: Vec<Peer> = probe.differs.iter().map(|(peer, _)| *peer).collect();
            let mut ask = |server: &mut Server| {
                let answer = if tcp {
                    server.probe_tcp(&probe.packet, &sentinel)
                } else {
                    server.probe_udp(&probe.packet, &sentinel)
                };
                answer.map_or_else(|| SILENCE.to_owned(), |answer| summary(&answer, &probe.packet))
            };
            let mut seen = servers.all.each_mut().map(&mut ask);
            // NSD answers so many faulty packets a second and no more.
            if seen[1] == SILENCE && probe.due != SILENCE && !listed.contains(&Peer::Nsd) {
                std::thread::sleep(A_SECOND);
                seen[1] = ask(&mut servers.all[1]);
            }
            judge(&probe, tcp, &seen, &mut faults);
            writeln!(table, "{:32} {:3} {}", probe.name, if tcp { "TCP" } else { "UDP" }, seen.join(" | "))
                .expect("a string");
        }
    }
    println!("probe, transport, Zhengming | NSD | Knot | BIND\n{table}");
    assert!(faults.is_empty(), "{faults}");
}

fn judge(probe: &Probe, tcp: bool, seen: &[String; SERVERS], faults: &mut String) {
    let transport = if tcp { "TCP" } else { "UDP" };
    let [ours, nsd, knot, bind] = seen;
    if ours != probe.due {
        writeln!(
            faults,
            "{} over {transport}: {} is due, we give {ours} (NSD {nsd}, Knot {knot}, BIND {bind})",
            probe.name, probe.due
        )
        .expect("a string");
    }
    for (peer, theirs) in [(Peer::Nsd, nsd), (Peer::Knot, knot), (Peer::Bind, bind)] {
        let is_listed = probe.differs.iter().any(|(differs, _)| *differs == peer);
        if bare(theirs) != bare(ours) && !is_listed {
            writeln!(
                faults,
                "{} over {transport}: we give {ours}, {peer:?} {theirs}, and no reason is listed",
                probe.name
            )
            .expect("a string");
        }
    }
}

/// The summary without what no standard asks for: NSD adds its servers to positive answers, and its errors repeat no
/// question; FORMERR may come without OPT (RFC 6891 §7).
pub fn bare(summary: &str) -> String {
    let errors = ["FORMERR", "NOTIMP", "REFUSED", "NOTAUTH", "BADVERS"];
    let is_error = errors.iter().any(|error| summary.starts_with(error));
    let stays = |word: &&str| !is_error || !matches!(*word, "qd" | "opt" | "do");
    let words: Vec<&str> = summary.split(' ').filter(stays).collect();
    let has_answer = words.contains(&"an");
    words.into_iter().filter(|word| !has_answer || *word != "ns").collect::<Vec<_>>().join(" ")
}

/// RCODE, flags, and which sections are there, in one line.
pub fn summary(answer: &[u8], packet: &[u8]) -> String {
    let u16_at = |octets: &[u8], at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
    if answer.len() < 12 {
        return format!("{} octets", answer.len());
    }
    let (flags, counts) = (u16_at(answer, 2), [4, 6, 8, 10].map(|at| u16_at(answer, at)));
    // OPT is the last record, and ours and theirs have no name but the root.
    let opt = (12..answer.len().saturating_sub(10)).rev().find(|&at| answer[at..at + 3] == [0, 0, 41]);
    let opt = opt.filter(|_| counts[3] > 0);
    let rcode = flags & 0xf | opt.map_or(0, |at| u16::from(answer[at + 5]) << 4);
    let mut text = rcode_name(rcode);
    if flags & 0x8000 == 0 {
        text += " not a response";
    }
    if packet.len() > 3 && (flags >> 11 & 0xf) != (u16_at(packet, 2) >> 11 & 0xf) {
        text += " other opcode";
    }
    if answer[..2] != packet[..2] {
        text += " other id";
    }
    for (bit, name) in
        [(0x400, " aa"), (0x200, " tc"), (0x100, " rd"), (0x80, " ra"), (0x40, " z"), (0x20, " ad"), (0x10, " cd")]
    {
        text += if flags & bit != 0 { name } else { "" };
    }
    if let Some(at) = opt {
        let version = answer[at + 6];
        text += if version == 0 { " opt" } else { " opt of a later version" };
        // Z must be zero (RFC 6891 §6.1.4); DO is repeated.
        text += match u16_at(answer, at + 7) {
            0 => "",
            0x8000 => " do",
            _ => " opt-z",
        };
    }
    for (count, name) in counts.iter().zip(["qd", "an", "ns"]) {
        if *count > 0 {
            text += " ";
            text += name;
        }
    }
    text
}
