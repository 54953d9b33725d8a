//! What one option alone cannot show: rules that hold between options.

use super::reader::Faults;
use super::{Admin, Allow, Config, zone_apex};
use crate::idn::{self, Label};
use crate::registry::NameKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::hash::Hash;
use std::net::SocketAddr;

/// The demonstration's tokens. They are printed in the README, so nothing but the demonstration may take them.
const DEMO_TOKENS: [&str; 8] = [
    "demo-submitter",
    "demo-local",
    "demo-admin",
    "demo-central",
    "demo-finance",
    "demo-operator",
    "demo-auditor",
    "demo-viewer",
];

/// A rule between options.
type Rule = fn(&Config, &Faults<'_>);

/// The rules, each with the options that must be as they were written, or it would find what is not so. Most need none: what
/// could not be read is left out of its list or is its default, and these rules find nothing in either.
const RULES: &[(&[&str], Rule)] = &[
    // First: others take the suffixes for names.
    (&[], apexes),
    (&["server.listen"], answering),
    (&[], on_loopback),
    (&[], addresses),
    (&["server.tls.cert", "server.tls.key"], server_pair),
    (&["demo", "server.tls.cert"], server_certificate),
    (&["admin.tls_cert", "admin.tls_key"], admin_pair),
    (&["admin.tls_cert"], clients_over_tls),
    (&["admin.tls_client_ca"], clients_with_certificates),
    (&["admin.tls_cert", "admin.insecure"], in_the_clear),
    (&[], tokens),
    (&["demo"], demo_tokens),
    (&[], keys),
    (&["keys"], keys_of_lists),
    (&[], labels),
    (&[], clock_step),
    (&["suffixes"], protected_names),
    (&["profiles.icann-rgp.unpaid_days"], super::terms::interrupted),
    (&["outbox.webhook", "outbox.secret_file"], super::terms::signed_posts),
    (&[], super::procedure::days_agree),
    (&["suffixes"], super::procedure::rates_agree),
    (&["idn.simplified", "idn.traditional"], texts_of_table),
    (&[], one_table),
    (&["seals.key_file"], sealed),
    (&[], filter),
];

/// Notes what is wrong with `config` as a whole. A rule marks what others cannot build on.
pub(super) fn check(config: &Config, faults: &Faults<'_>) {
    for (options, rule) in RULES {
        let wrong = faults.wrong();
        if !options.iter().any(|option| wrong.touches(option)) {
            rule(config, faults);
        }
    }
}

fn keys(config: &Config, faults: &Faults<'_>) {
    repeats(config.keys.iter().map(|key| key.name.to_string()), "the key", "密钥", faults);
}

fn sealed(config: &Config, faults: &Faults<'_>) {
    if config.seals.sm3 && config.seals.key_file.is_none() {
        faults.add(
            None,
            "`seals.sm3` needs `seals.key_file`: without it nothing is sealed",
            "“seals.sm3”需要设置“seals.key_file”，否则不会生成任何签名检查点",
        );
    }
}

fn filter(config: &Config, faults: &Faults<'_>) {
    if let Err(error) = crate::telemetry::log::check_filter(&config.log.level) {
        faults.add(None, format!("`log.level`: {error}"), "“log.level”无法识别");
    }
}

fn answering(config: &Config, faults: &Faults<'_>) {
    if config.server.listen.is_empty() {
        faults.add(None, "`server.listen` is empty: nothing would answer", "“server.listen”为空：没有可应答的地址");
    }
}

fn on_loopback(config: &Config, faults: &Faults<'_>) {
    let http = config.admin.listen.iter().chain(&config.gateway.listen);
    let all = config.server.listen.iter().chain(http).chain(config.server.tls.addresses());
    for address in all.filter(|address| config.demo && !address.ip().is_loopback()) {
        faults.add(
            None,
            format!("`demo = true` lets published tokens in, so it listens on loopback only, not on {address}"),
            format!("“demo = true”会接受公开的令牌，因此只能监听本机回环地址，不能监听 {address}"),
        );
    }
}

fn addresses(config: &Config, faults: &Faults<'_>) {
    let (dns, tls) = (&config.server.listen, &config.server.tls);
    once(
        &[
            ("server.listen", dns),
            ("server.tls.dot_listen", &tls.dot_listen),
            ("server.tls.doh_listen", &tls.doh_listen),
            ("admin.listen", &config.admin.listen),
            ("gateway.listen", &config.gateway.listen),
        ],
        ("the address", "地址"),
        faults,
    );
    // Those given twice for UDP and TCP alike are named with those of TCP.
    let dns: Vec<_> = dns.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    once(
        &[
            ("server.listen", &dns),
            ("server.tls.doq_listen", &tls.doq_listen),
            ("server.tls.doh3_listen", &tls.doh3_listen),
        ],
        ("the UDP address", "UDP 地址"),
        faults,
    );
}

/// Notes addresses that are given twice, also by a wildcard: the kernel would refuse the second of the two. Port 0 is
/// another one each time.
fn once(lists: &[(&str, &Vec<SocketAddr>)], (en, zh): (&str, &str), faults: &Faults<'_>) {
    let all = lists.iter().flat_map(|(option, addresses)| addresses.iter().map(move |address| (*option, address)));
    let all: Vec<_> = all.filter(|(_, address)| address.port() != 0).collect();
    for (at, (option, address)) in all.iter().enumerate() {
        if let Some((other, _)) = all[..at].iter().find(|(_, other)| other == address) {
            let (of_en, of_zh) = between(other, option);
            faults.add(None, format!("{en} {address} is given twice{of_en}"), format!("{zh} {address} 重复{of_zh}"));
        }
    }
    let (wildcards, named): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, address)| address.ip().is_unspecified());
    for (option, address) in named {
        let takes = |(_, wildcard): &&(&str, &SocketAddr)| {
            wildcard.port() == address.port() && wildcard.is_ipv4() == address.is_ipv4()
        };
        if let Some((other, wildcard)) = wildcards.iter().find(takes) {
            let (of_en, of_zh) = between(other, option);
            faults.add(
                None,
                format!("the wildcard {wildcard} takes {address} too{of_en}; give one of the two"),
                format!("通配地址 {wildcard} 已包含 {address}{of_zh}；只能保留其一"),
            );
        }
    }
}

/// Says which two options it is about, if they are two.
fn between(one: &str, other: &str) -> (String, String) {
    if one == other {
        return Default::default();
    }
    (format!(", in `{one}` and in `{other}`"), format!("（见“{one}”与“{other}”）"))
}

fn server_pair(config: &Config, faults: &Faults<'_>) {
    let tls = &config.server.tls;
    if tls.cert.is_some() != tls.key.is_some() {
        faults.add(
            None,
            "`server.tls.cert` and `server.tls.key` go together: give both or none",
            "“server.tls.cert”与“server.tls.key”必须同时填写或同时省略",
        );
    }
}

fn server_certificate(config: &Config, faults: &Faults<'_>) {
    let tls = &config.server.tls;
    // The demonstration makes its own.
    if tls.cert.is_none() && tls.addresses().next().is_some() && !config.demo {
        faults.add(
            None,
            "`server.tls`: encrypted DNS needs a certificate; set `cert` and `key`",
            "“server.tls”：加密的 DNS 服务需要证书；请设置 cert 和 key",
        );
    }
}

fn admin_pair(config: &Config, faults: &Faults<'_>) {
    let admin = &config.admin;
    if admin.tls_cert.is_some() != admin.tls_key.is_some() {
        faults.add(
            None,
            "`admin.tls_cert` and `admin.tls_key` go together: give both or none",
            "“admin.tls_cert”与“admin.tls_key”必须同时填写或同时省略",
        );
    }
}

fn clients_over_tls(config: &Config, faults: &Faults<'_>) {
    let admin = &config.admin;
    if admin.tls_client_ca.is_some() && admin.tls_cert.is_none() {
        faults.add(
            None,
            "`admin.tls_client_ca` needs TLS: set `tls_cert` and `tls_key`",
            "“admin.tls_client_ca”需要启用 TLS：请设置 tls_cert 和 tls_key",
        );
    }
}

fn clients_with_certificates(config: &Config, faults: &Faults<'_>) {
    let admin = &config.admin;
    let bound = admin.tokens.iter().filter(|token| token.certificate.is_some() && admin.tls_client_ca.is_none());
    for token in bound {
        let name = &token.name;
        faults.add(
            None,
            format!("token {name}: `client_cert_sha256` needs `admin.tls_client_ca`, or nobody shows a certificate"),
            format!("令牌 {name}：client_cert_sha256 需要设置 admin.tls_client_ca,否则客户端不会出示证书"),
        );
    }
}

fn in_the_clear(config: &Config, faults: &Faults<'_>) {
    let admin = &config.admin;
    if admin.tls_cert.is_none() && !admin.insecure {
        for address in admin.bare_addresses() {
            faults.add(
                None,
                format!(
                    "`admin.listen`: {address} is not loopback, and tokens would cross the network in the clear; \
                     set `tls_cert` and `tls_key`, or `insecure = true` if something in front speaks TLS"
                ),
                format!(
                    "“admin.listen”中的 {address} 不是本机回环地址，令牌会以明文传输；\
                     请设置 tls_cert 和 tls_key,若前端已有 TLS 可设 insecure = true"
                ),
            );
        }
    }
}

impl Admin {
    /// The addresses off loopback; without TLS, tokens cross the network to them in the clear.
    pub fn bare_addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        self.listen.iter().filter(|address| !address.ip().is_loopback())
    }
}

fn tokens(config: &Config, faults: &Faults<'_>) {
    let tokens = &config.admin.tokens;
    repeats(tokens.iter().map(|token| &token.name), "the token name", "令牌名称", faults);
    // Two principals with one token would be one person with two votes (R17).
    let mut seen = BTreeSet::new();
    for token in tokens.iter().filter(|token| !seen.insert(token.sha256)) {
        faults.add(
            None,
            format!("token {}: another token has the same `sha256`", token.name),
            format!("令牌 {}：与另一令牌的 sha256 相同", token.name),
        );
    }
    // One code would confirm for both.
    let mut seen = Vec::new();
    for token in tokens.iter().filter(|token| token.totp.is_some()) {
        if seen.contains(&&token.totp) {
            faults.add(
                None,
                format!("token {}: another token has the same second factor", token.name),
                format!("令牌 {}：与另一令牌的二次验证密钥相同", token.name),
            );
        }
        seen.push(&token.totp);
    }
}

fn demo_tokens(config: &Config, faults: &Faults<'_>) {
    if config.demo {
        return;
    }
    let demo = DEMO_TOKENS.map(|token| <[u8; 32]>::from(Sha256::digest(token)));
    for token in config.admin.tokens.iter().filter(|token| demo.contains(&token.sha256)) {
        faults.add(
            None,
            format!(
                "token {} is one of the demonstration's, which everybody knows; make one with `zhengming token new`",
                token.name
            ),
            format!("令牌 {} 是公开的演示令牌；请用 zhengming token new 生成新令牌", token.name),
        );
    }
}

fn keys_of_lists(config: &Config, faults: &Faults<'_>) {
    let suffixes = config.suffixes.iter().flat_map(|set| &set.allow_query);
    let allowed = suffixes.chain(config.zones.iter().flat_map(|zone| &zone.allow_query));
    for allow in allowed {
        if let Allow::Key(name) = allow
            && !config.keys.iter().any(|key| key.name == *name)
        {
            faults.add(
                None,
                format!("`allow_query` names the key {name}, but no `[[keys]]` has it"),
                format!("“allow_query”引用了密钥 {name}，但 [[keys]] 中没有该密钥"),
            );
        }
    }
}

fn apexes(config: &Config, faults: &Faults<'_>) {
    // Names are registered below a suffix, so that is a host name; a zone that is only a file may have any.
    let host = |name: &String| idn::host_to_ascii(name).and_then(|ascii| zone_apex(&ascii));
    let suffixes = config.suffixes.iter().flat_map(|set| &set.suffixes).map(|name| (name, host(name), true));
    let zones = config.zones.iter().map(|zone| (&zone.apex, zone_apex(&zone.apex), false));
    let mut apexes = Vec::new();
    for (name, apex, is_suffix) in suffixes.chain(zones) {
        match apex {
            Some(apex) => apexes.push(apex),
            None => {
                faults.add(None, format!("`{name}` is not a domain name"), format!("“{name}”不是域名"));
                if is_suffix {
                    faults.mark("suffixes");
                }
            }
        }
    }
    repeats(&apexes, "the zone", "区", faults);
}

/// Shortest step of the clock that is told from a machine that was busy.
const CLOCK_STEP_SECS_MIN: i64 = 60;

fn labels(config: &Config, faults: &Faults<'_>) {
    for label in &config.registry.reserved_labels {
        if let Err(error) = Label::parse(label) {
            faults.add(
                None,
                format!("`registry.reserved_labels`: \"{label}\" could not be registered anyway: {}", error.en()),
                format!("“registry.reserved_labels”中的“{label}”本就不能注册：{}", error.zh()),
            );
        }
    }
}

fn clock_step(config: &Config, faults: &Faults<'_>) {
    let registry = &config.registry;
    if (1..CLOCK_STEP_SECS_MIN).contains(&registry.clock_step_secs) {
        faults.add(
            None,
            format!(
                "`registry.clock_step_secs` is 0 or at least {CLOCK_STEP_SECS_MIN}: a busy machine seems to jump, too"
            ),
            format!("“registry.clock_step_secs”应为 0 或不小于 {CLOCK_STEP_SECS_MIN}：繁忙的机器看似也会跳时"),
        );
    }
}

fn protected_names(config: &Config, faults: &Faults<'_>) {
    let policy = config.policy(crate::registry::Labels::default());
    for name in &config.registry.protected_names {
        if let Err(refusal) = NameKey::parse(name, &policy) {
            faults.add(
                None,
                format!("`registry.protected_names`: \"{name}\" is no name that could be registered: {}", refusal.en),
                format!("“registry.protected_names”中的“{name}”不是可注册的域名：{}", refusal.zh),
            );
        }
    }
}

fn texts_of_table(config: &Config, faults: &Faults<'_>) {
    let idn = &config.idn;
    if idn.simplified.is_some() != idn.traditional.is_some() {
        faults.add(
            None,
            "`idn.simplified` and `idn.traditional` go together: give both, or none",
            "“idn.simplified”与“idn.traditional”必须同时填写或同时省略",
        );
        faults.mark("idn.simplified");
    }
}

fn one_table(config: &Config, faults: &Faults<'_>) {
    let idn = &config.idn;
    if idn.lgr.is_some() && idn.simplified.is_some() {
        faults.add(
            None,
            "`idn.lgr` is a whole table, and so are `idn.simplified` and `idn.traditional`: give one of the two",
            "“idn.lgr”与“idn.simplified”“idn.traditional”各自都是完整的字表，只能选用一种",
        );
        faults.mark("idn.lgr");
    }
}

fn repeats<T: Display + Eq + Hash + Ord>(items: impl IntoIterator<Item = T>, en: &str, zh: &str, faults: &Faults<'_>) {
    let mut seen = BTreeSet::new();
    for item in items {
        if seen.contains(&item) {
            faults.add(None, format!("{en} {item} is given twice"), format!("{zh} {item} 重复"));
        }
        seen.insert(item);
    }
}
