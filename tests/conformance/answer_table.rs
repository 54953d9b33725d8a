//! The registry's answer table, profile `flat`, row by row. `N` is `xn--live.xn--zfr164b.`.

use crate::dns::{Query, zones};

const SOA: &str = "xn--zfr164b. 300 SOA ns1.nic.xn--zfr164b. hostmaster.nic.xn--zfr164b. 7 1800 900 1209600 300";

/// `NEGATIVE` in `expected` stands for the SOA of a negative answer.
fn ask(name: &str, qtype: &str, expected: &str) {
    Query::new(name, qtype).ask(&zones()).is(&expected.replace("NEGATIVE", &format!("NS {SOA}")));
}

#[test]
fn row_1_addresses() {
    ask("xn--live.xn--zfr164b", "A", "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
    ask("xn--live.xn--zfr164b.cn", "A", "NOERROR aa\nAN xn--live.xn--zfr164b.cn. 600 A 203.0.113.5");
}

#[test]
fn row_2_www_is_a_copy() {
    ask("www.xn--live.xn--zfr164b", "A", "NOERROR aa\nAN www.xn--live.xn--zfr164b. 600 A 203.0.113.5");
    ask("www.xn--v6.xn--zfr164b", "AAAA", "NXDOMAIN aa\nNEGATIVE");
}

#[test]
fn row_3_type_absent() {
    for qtype in ["AAAA", "MX", "NS", "SOA", "CNAME", "DS", "TYPE65280"] {
        ask("xn--live.xn--zfr164b", qtype, "NOERROR aa\nNEGATIVE");
        ask("www.xn--live.xn--zfr164b", qtype, "NOERROR aa\nNEGATIVE");
    }
    ask("xn--v6.xn--zfr164b", "A", "NOERROR aa\nNEGATIVE");
}

#[test]
fn row_4_other_hosts() {
    for name in ["mail.xn--live.xn--zfr164b", "www.www.xn--live.xn--zfr164b", "a.www.xn--live.xn--zfr164b"] {
        ask(name, "A", "NXDOMAIN aa\nNEGATIVE");
    }
}

#[test]
fn row_5_forwards_answer_the_gateway() {
    for owner in ["xn--forward.xn--zfr164b", "www.xn--forward.xn--zfr164b"] {
        ask(owner, "A", &format!("NOERROR aa\nAN {owner}. 300 A 192.0.2.80"));
        ask(owner, "AAAA", &format!("NOERROR aa\nAN {owner}. 300 AAAA 2001:db8::80"));
        ask(owner, "TXT", "NOERROR aa\nNEGATIVE");
    }
    ask("mail.xn--forward.xn--zfr164b", "A", "NXDOMAIN aa\nNEGATIVE");
}

#[test]
fn row_7_8_and_11_what_is_not_published_does_not_exist() {
    let response = Query::new("xn--nobody.xn--zfr164b", "A").ask(&zones());
    response.is(&format!("NXDOMAIN aa\nNS {SOA}"));
    assert_eq!(response.extended_error(), None);
    assert!(response.opt.is_some());
    ask("deep.below.xn--nobody.xn--zfr164b", "NS", "NXDOMAIN aa\nNEGATIVE");
}

#[test]
fn row_10_held_names_and_everything_below_do_not_exist() {
    for (label, code, reason) in
        [("xn--expired", 0, "EXPIRED"), ("xn--penalty", 15, "PENALTY"), ("xn--legal", 16, "LEGAL")]
    {
        for owner in ["", "www.", "mail.", "a.b.c."] {
            for qtype in ["A", "NS", "DS", "ANY", "SOA"] {
                let owner = format!("{owner}{label}.xn--zfr164b");
                ask(&owner, qtype, &format!("NXDOMAIN aa\nNEGATIVE\nEDE {code} hold={reason}"));
            }
        }
    }
    // Without EDNS in the request there is no OPT to carry the error.
    let response = Query::plain("xn--legal.xn--zfr164b", "A").ask(&zones());
    response.is(&format!("NXDOMAIN aa\nNS {SOA}"));
    assert_eq!(response.opt, None);
}

#[test]
fn row_14_delegations_without_aa_and_with_narrow_glue() {
    let servers = "NS xn--own.xn--zfr164b. 3600 NS ns1.xn--own.xn--zfr164b.
                   NS xn--own.xn--zfr164b. 3600 NS ns.example.
                   AR ns1.xn--own.xn--zfr164b. 3600 A 198.51.100.1
                   AR ns1.xn--own.xn--zfr164b. 3600 AAAA 2001:db8::1";
    for owner in ["xn--own", "x.xn--own", "www.xn--own", "ns1.xn--own"] {
        for qtype in ["A", "NS", "SOA", "ANY"] {
            ask(&format!("{owner}.xn--zfr164b"), qtype, &format!("NOERROR\n{servers}"));
        }
    }
    // Only the cut's own DS is the parent's.
    ask("x.xn--own.xn--zfr164b", "DS", &format!("NOERROR\n{servers}"));
    // Under the other suffix the server is outside the name, and its addresses are no glue.
    ask(
        "xn--own.xn--zfr164b.cn",
        "A",
        "NOERROR
         NS xn--own.xn--zfr164b.cn. 3600 NS ns1.xn--own.xn--zfr164b.
         NS xn--own.xn--zfr164b.cn. 3600 NS ns.example.",
    );
}

#[test]
fn row_15_ds_is_the_parents() {
    ask(
        "xn--own.xn--zfr164b",
        "DS",
        "NOERROR aa
         AN xn--own.xn--zfr164b. 3600 DS 4711 13 2 0123456789012345678901234567890123456789012345678901234567890123",
    );
    ask("xn--unsigned.xn--zfr164b", "DS", "NOERROR aa\nNEGATIVE");
    ask("xn--live.xn--zfr164b", "DS", "NOERROR aa\nNEGATIVE");
}

#[test]
fn row_17_the_apex_has_no_addresses() {
    ask("xn--zfr164b", "SOA", &format!("NOERROR aa\nAN {SOA}"));
    ask("xn--zfr164b", "TXT", "NOERROR aa\nAN xn--zfr164b. 3600 TXT \"zone version 7\"");
    for qtype in ["A", "AAAA", "MX"] {
        ask("xn--zfr164b", qtype, "NOERROR aa\nNEGATIVE");
    }
    ask(
        "xn--zfr164b",
        "NS",
        "NOERROR aa
         AN xn--zfr164b. 3600 NS ns1.nic.xn--zfr164b.
         AN xn--zfr164b. 3600 NS ns.example.
         AR ns1.nic.xn--zfr164b. 3600 A 192.0.2.53
         AR ns1.nic.xn--zfr164b. 3600 AAAA 2001:db8::53",
    );
}

#[test]
fn row_18_nic_is_delegated() {
    ask(
        "nic.xn--zfr164b",
        "NS",
        "NOERROR
         NS nic.xn--zfr164b. 3600 NS ns1.nic.xn--zfr164b.
         AR ns1.nic.xn--zfr164b. 3600 A 192.0.2.53
         AR ns1.nic.xn--zfr164b. 3600 AAAA 2001:db8::53",
    );
    ask(
        "nic.xn--zfr164b",
        "DS",
        "NOERROR aa
         AN nic.xn--zfr164b. 3600 DS 12345 13 2 0123456789012345678901234567890123456789012345678901234567890123",
    );
}

#[test]
fn row_19_other_zones_are_refused() {
    for name in ["example.com", ".", "zfr164b", "cn"] {
        for qtype in ["A", "DS", "SOA", "ANY"] {
            ask(name, qtype, "REFUSED\nEDE 20");
        }
    }
    let response = Query::plain("example.com", "A").ask(&zones());
    response.is("REFUSED");
    assert_eq!(response.opt, None);
}

#[test]
fn row_20_the_case_of_the_question_is_kept() {
    let query = Query::new("wWw.XN--LiVe.xN--zFr164B", "A");
    let response = query.ask(&zones());
    response.is("NOERROR aa\nAN wWw.XN--LiVe.xN--zFr164B. 600 A 203.0.113.5");
    assert_eq!(response.question, query.question());
    let query = Query::new("XN--Nobody.xN--zFr164B", "A");
    assert_eq!(query.ask(&zones()).question, query.question());
}

#[test]
fn row_21_raw_utf8_is_never_mapped() {
    let mut query = Query::new("xn--zfr164b", "A");
    let label = "靖远县教育局".as_bytes();
    query.name = [&[label.len() as u8][..], label, &query.name].concat();
    let response = query.ask(&zones());
    response.is(&format!("NXDOMAIN aa\nNS {SOA}"));
    assert_eq!(response.question, query.question());
    // The suffix's U-label is no zone of ours.
    let suffix = "政务".as_bytes();
    query.name = [&[4][..], b"nic2", &[suffix.len() as u8], suffix, &[0]].concat();
    query.ask(&zones()).is("REFUSED\nEDE 20");
}

#[test]
fn row_22_any_is_minimal() {
    ask("xn--live.xn--zfr164b", "ANY", "NOERROR aa\nAN xn--live.xn--zfr164b. 600 A 203.0.113.5");
    ask("xn--v6.xn--zfr164b", "ANY", "NOERROR aa\nAN xn--v6.xn--zfr164b. 600 AAAA 2001:db8::5");
    ask("xn--forward.xn--zfr164b", "ANY", "NOERROR aa\nAN xn--forward.xn--zfr164b. 300 A 192.0.2.80");
}

#[test]
fn row_23_transfers_are_refused() {
    for qtype in ["AXFR", "IXFR"] {
        ask("xn--zfr164b", qtype, "REFUSED\nEDE 18");
        // Of what is no zone here it is not ours to say (RFC 5936 §2.2.1).
        ask("xn--live.xn--zfr164b", qtype, "NOTAUTH\nEDE 20");
        ask("elsewhere.test", qtype, "NOTAUTH\nEDE 20");
    }
}

#[test]
fn an_alias_may_lead_to_registered_names() {
    ask(
        "toheld.example",
        "A",
        "NXDOMAIN aa
         AN toheld.example. 3600 CNAME xn--penalty.xn--zfr164b.
         NEGATIVE
         EDE 15 hold=PENALTY",
    );
    ask(
        "xn--live.moved.example",
        "A",
        "NOERROR aa
         AN moved.example. 3600 DNAME xn--zfr164b.
         AN xn--live.moved.example. 3600 CNAME xn--live.xn--zfr164b.
         AN xn--live.xn--zfr164b. 600 A 203.0.113.5",
    );
    ask(
        "x.xn--unsigned.moved.example",
        "A",
        "NOERROR aa
         AN moved.example. 3600 DNAME xn--zfr164b.
         AN x.xn--unsigned.moved.example. 3600 CNAME x.xn--unsigned.xn--zfr164b.
         NS xn--unsigned.xn--zfr164b. 3600 NS ns.example.",
    );
}
