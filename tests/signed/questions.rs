//! What is asked about every zone.

use crate::signing::Signed;
use std::fs;

/// Names below the apex and types.
const QUESTIONS: &[(&str, &str)] = &[
    ("", "SOA NS MX DNSKEY NSEC NSEC3PARAM RRSIG DS A TYPE65280"),
    ("www", "A AAAA MX RRSIG NSEC NSEC3 DNSKEY DS"),
    ("WwW", "A TXT"),
    ("mail", "A AAAA"),
    ("_tcp", "A"),
    ("_sip._tcp", "SRV A"),
    ("nothing", "A DS NSEC RRSIG"),
    ("nothing.at.all", "A"),
    ("below.www", "A"),
    ("\\000", "A"),
    ("zzzz", "A"),
    ("zzz", "MX"),
    ("ent", "A DS NSEC RRSIG"),
    ("b.ent", "A"),
    ("a.b.ent", "TXT A"),
    ("x.ent", "A"),
    ("x.b.ent", "A"),
    ("wild", "A"),
    ("*.wild", "A MX NSEC"),
    ("x.wild", "A TXT MX RRSIG NSEC DS"),
    ("x.y.z.wild", "A MX"),
    ("x.*.wild", "A"),
    ("there.wild", "A TXT"),
    ("x.there.wild", "A"),
    ("x.toalias", "A AAAA MX CNAME"),
    ("y.x.toalias", "A"),
    ("x.tonothing", "A"),
    ("x.towild", "A MX TXT"),
    ("odd", "A"),
    ("*.odd", "A"),
    ("x.odd", "A"),
    ("a.*.odd", "A MX"),
    ("x.*.odd", "A"),
    ("x.y.odd", "A"),
    ("\\000.odd", "A MX"),
    ("\\001.odd", "A"),
    ("\\001\\002.odd", "A MX"),
    ("\\001\\001.odd", "A"),
    ("\\000\\000.odd", "A"),
    ("alias", "A CNAME MX NSEC"),
    ("dangling", "A"),
    ("toent", "A"),
    ("tomail", "MX"),
    ("chain", "A MX"),
    ("away", "A"),
    ("moved", "A DNAME"),
    ("b.moved", "A"),
    ("a.b.moved", "TXT A"),
    ("x.moved", "A CNAME"),
    ("tomoved", "TXT A"),
    ("secure", "A NS DS"),
    ("x.secure", "A DS"),
    ("ns1.secure", "A"),
    ("insecure", "A NS DS"),
    ("x.y.insecure", "A DS"),
    ("ns1.insecure", "A"),
    ("opted", "A DS"),
    ("d.opted", "A DS NS"),
    ("x.d.opted", "A"),
    ("e.opted", "A"),
    ("x.e.opted", "A DS"),
    ("y.e.opted", "A"),
    ("x.opted", "A DS"),
    ("mixed", "A"),
    ("d.mixed", "A DS"),
    ("w.mixed", "A"),
    ("x.w.mixed", "A MX"),
    ("x.mixed", "A"),
];

/// All questions about a zone: name and type.
pub fn about(zone: &Signed) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, types) in QUESTIONS {
        let name = if name.is_empty() { zone.apex.clone() } else { format!("{name}.{}", zone.apex) };
        all.extend(types.split(' ').map(|rtype| (name.clone(), rtype.to_owned())));
    }
    // Owners of NSEC3 records are no names (RFC 5155 §7.2.8), nor is anything below them.
    let text = fs::read_to_string(&zone.file).unwrap();
    let lines = text.lines().filter(|line| line.split_whitespace().any(|field| field == "NSEC3"));
    let owners = lines.filter_map(|line| line.split_whitespace().next());
    for owner in owners.filter(|owner| owner.len() > 32 && owner.ends_with(&zone.apex)).take(3) {
        for rtype in ["A", "NSEC3", "RRSIG"] {
            all.push((owner.to_owned(), rtype.to_owned()));
        }
        all.push((format!("x.{owner}"), "A".to_owned()));
    }
    all
}
