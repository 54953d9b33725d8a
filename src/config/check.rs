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

/// The rules, each with the sections it looks at.
const RULES: &[(&[&str], Rule)] = &[
    (&["demo", "server", "admin", "gateway"], listeners),
    (&["demo", "server"], server_tls),
    (&["admin"], admin),
    (&["demo", "admin"], tokens),
    (&["keys"], keys),
    (&["keys", "suffixes", "zones"], keys_of_lists),
    (&["suffixes", "zones"], apexes),
    (&["registry"], labels),
    (&["suffixes", "registry", "profiles"], super::terms::interrupted),
    (&["outbox"], super::terms::signed_posts),
    (&["suffixes", "registry"], super::procedure::check),
    (&["suffixes", "registry", "profiles"], brake),
    (&["idn"], tables),
    (&["log"], filter),
];

/// Notes what is wrong with `config` as a whole. What one option says must be right before rules between it and others mean
/// anything: a wrong one has been read as its default.
pub(super) fn check(config: &Config, faults: &Faults<'_>) {
    let misread = faults.wrong();
    for (sections, rule) in RULES {
        if sections.iter().any(|section| misread.contains(*section)) {
            continue;
        }
        let before = faults.count();
        rule(config, faults);
        if faults.count() > before {
            sections.iter().for_each(|section| faults.mark(section));
        }
    }
}

fn keys(config: &Config, faults: &Faults<'_>) {
    repeats(config.keys.iter().map(|key| key.name.to_string()), "the key", "密钥", faults);
}

fn filter(config: &Config, faults: &Faults<'_>) {
    if let Err(error) = crate::telemetry::log::check_filter(&config.log.level) {
        faults.add(None, format!("`log.level`: {error}"), "“log.level”无法识别");
    }
}

fn listeners(config: &Config, faults: &Faults<'_>) {
    let dns = config.server.listen.iter();
    let http = config.admin.listen.iter().chain(&config.gateway.listen);
    if config.server.listen.is_empty() {
        faults.add(None, "`server.listen` is empty: nothing would answer", "“server.listen”为空：没有可应答的地址");
    }
    let encrypted = config.server.tls.addresses();
    if config.demo {
        for address in dns.clone().chain(http.clone()).chain(encrypted).filter(|address| !address.ip().is_loopback()) {
            faults.add(
                None,
                format!("`demo = true` lets published tokens in, so it listens on loopback only, not on {address}"),
                format!("“demo = true”会接受公开的令牌，因此只能监听本机回环地址，不能监听 {address}"),
            );
        }
    }
    let tls = &config.server.tls;
    // Those given twice for UDP and TCP alike are named with those of TCP.
    let both: BTreeSet<_> = dns.clone().collect();
    let udp = both.into_iter().chain(&tls.doq_listen).chain(&tls.doh3_listen);
    once(udp, "the UDP address", "UDP 地址", faults);
    once(dns.chain(&tls.dot_listen).chain(&tls.doh_listen), "the address", "地址", faults);
    once(http, "the address", "地址", faults);
}

/// Notes addresses that are given twice, also by a wildcard: the kernel would refuse the second of the two. Port 0 is
/// another one each time.
fn once<'a>(addresses: impl IntoIterator<Item = &'a SocketAddr>, en: &str, zh: &str, faults: &Faults<'_>) {
    let addresses: Vec<_> = addresses.into_iter().filter(|address| address.port() != 0).collect();
    repeats(&addresses, en, zh, faults);
    let (wildcards, named): (Vec<&SocketAddr>, Vec<_>) =
        addresses.into_iter().partition(|address| address.ip().is_unspecified());
    for address in named {
        let takes =
            |wildcard: &&&SocketAddr| wildcard.port() == address.port() && wildcard.is_ipv4() == address.is_ipv4();
        if let Some(wildcard) = wildcards.iter().find(takes) {
            faults.add(
                None,
                format!("the wildcard {wildcard} takes {address} too; give one of the two"),
                format!("通配地址 {wildcard} 已包含 {address}；只能保留其一"),
            );
        }
    }
}

fn server_tls(config: &Config, faults: &Faults<'_>) {
    let tls = &config.server.tls;
    if tls.cert.is_some() != tls.key.is_some() {
        faults.add(
            None,
            "`server.tls.cert` and `server.tls.key` go together: give both or none",
            "“server.tls.cert”与“server.tls.key”必须同时填写或同时省略",
        );
    }
    // The demonstration makes its own certificate.
    if tls.cert.is_none() && tls.addresses().next().is_some() && !config.demo {
        faults.add(
            None,
            "`server.tls`: encrypted DNS needs a certificate; set `cert` and `key`",
            "“server.tls”：加密的 DNS 服务需要证书；请设置 cert 和 key",
        );
    }
}

fn admin(config: &Config, faults: &Faults<'_>) {
    let admin = &config.admin;
    if admin.tls_cert.is_some() != admin.tls_key.is_some() {
        faults.add(
            None,
            "`admin.tls_cert` and `admin.tls_key` go together: give both or none",
            "“admin.tls_cert”与“admin.tls_key”必须同时填写或同时省略",
        );
    }
    if admin.tls_client_ca.is_some() && admin.tls_cert.is_none() {
        faults.add(
            None,
            "`admin.tls_client_ca` needs TLS: set `tls_cert` and `tls_key`",
            "“admin.tls_client_ca”需要启用 TLS：请设置 tls_cert 和 tls_key",
        );
    }
    let bound = admin.tokens.iter().filter(|token| token.certificate.is_some() && admin.tls_client_ca.is_none());
    for token in bound {
        let name = &token.name;
        faults.add(
            None,
            format!("token {name}: `client_cert_sha256` needs `admin.tls_client_ca`, or nobody shows a certificate"),
            format!("令牌 {name}：client_cert_sha256 需要设置 admin.tls_client_ca,否则客户端不会出示证书"),
        );
    }
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
    if config.demo {
        return;
    }
    let demo = DEMO_TOKENS.map(|token| <[u8; 32]>::from(Sha256::digest(token)));
    for token in tokens.iter().filter(|token| demo.contains(&token.sha256)) {
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
    let suffixes = config.suffixes.iter().flat_map(|set| &set.suffixes).map(|name| (name, host(name)));
    let zones = config.zones.iter().map(|zone| (&zone.apex, zone_apex(&zone.apex)));
    let mut apexes = Vec::new();
    for (name, apex) in suffixes.chain(zones) {
        match apex {
            Some(apex) => apexes.push(apex),
            None => faults.add(None, format!("`{name}` is not a domain name"), format!("“{name}”不是域名")),
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

fn brake(config: &Config, faults: &Faults<'_>) {
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
    let policy = config.policy(crate::registry::Labels::default());
    for name in &registry.protected_names {
        if let Err(refusal) = NameKey::parse(name, &policy) {
            faults.add(
                None,
                format!("`registry.protected_names`: \"{name}\" is no name that could be registered: {}", refusal.en),
                format!("“registry.protected_names”中的“{name}”不是可注册的域名：{}", refusal.zh),
            );
        }
    }
}

fn tables(config: &Config, faults: &Faults<'_>) {
    let idn = &config.idn;
    if idn.simplified.is_some() != idn.traditional.is_some() {
        faults.add(
            None,
            "`idn.simplified` and `idn.traditional` go together: give both, or none",
            "“idn.simplified”与“idn.traditional”必须同时填写或同时省略",
        );
    }
    if idn.lgr.is_some() && idn.simplified.is_some() {
        faults.add(
            None,
            "`idn.lgr` is a whole table, and so are `idn.simplified` and `idn.traditional`: give one of the two",
            "“idn.lgr”与“idn.simplified”“idn.traditional”各自都是完整的字表，只能选用一种",
        );
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
