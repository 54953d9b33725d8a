//! From the text of a configuration file to its types, one function a section.

use super::interface::{self, Listener};
use super::procedure;
use super::reader::{Fault, Faults, Table, Value};
use super::syntax;
use super::{
    Admin, AdminRateLimit, Allow, Config, Data, Examined, Gateway, Idn, Log, ProfileName, RateLimit, Registry, Seals,
    Secret, SecretSource, Server, ServerTls, Statistics, Suffixes, Token, TotpSource, TsigKey, ZoneFile, terms,
};
use crate::admin::TotpSecret;
use crate::query::CookieSecret;
use crate::registry::unit::REGIONS_MAX;
use crate::registry::{Guarded, Region, Regions, Role, Timestamp, UnitKind};
use crate::server::RateLimits;
use crate::telemetry::log::Format;
use crate::tsig::Algorithm;
use crate::zone::Name;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::de::DeTable;

/// Longest name of a token; it is in every journal line the token causes.
const TOKEN_NAME_LEN_MAX: usize = 64;
/// Fewest seals that can be asked for: one for a million lines, one a week.
const SEAL_LINES_MAX: i64 = 1_000_000;
const SEAL_SECS_MAX: i64 = 7 * 86_400;
/// Longest time in days that a token is warned of before its end.
const TOKEN_WARN_DAYS_MAX: i64 = 366;
/// Most UDP threads; more than any machine has cores.
const WORKERS_MAX: i64 = 1024;
/// Most TCP connections that can be asked for; each takes a descriptor and some KiB.
const TCP_CONNECTIONS_MAX: i64 = 1_000_000;
/// Longest step of the clock that is taken for time passing, one day: beyond it the watch is of no use.
const CLOCK_STEP_SECS_MAX: i64 = 86_400;
/// Longest grace after a term, ten years: beyond it nothing would ever expire.
const EXPIRY_GRACE_SECS_MAX: i64 = 10 * 366 * 86_400;

/// Longest use of a cookie secret, 36 days (RFC 7873 §7.1).
const COOKIE_ROLL_SECS_MAX: i64 = 36 * 86_400;

/// Highest rate limit that can be asked for; more is no limit.
const RATE_MAX: i64 = 1_000_000;
/// Most entries of a rate limit's table: 256 MiB for each UDP thread.
const RATE_TABLE_SIZE_MAX: i64 = 1 << 24;

pub(super) fn examine(text: &str, base: PathBuf) -> Result<Examined, Vec<Fault>> {
    let faults = Faults::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        faults.add(
            error.span(),
            format!("not TOML: {}", syntax::en(error.message())),
            format!("不是合法的 TOML：{}", syntax::zh(error.message())),
        );
    }
    if !errors.is_empty() {
        return Err(faults.into_sorted());
    }
    let mut config = {
        let table = Table::document(&document, &faults);
        let config = document_of(&table, base);
        table.finish();
        config
    };
    empty_what_is_lost(&mut config, &faults);
    super::check::check(&config, &faults);
    let wrong = faults.wrong();
    Ok(Examined { config, faults: faults.into_sorted(), wrong })
}

/// Leaves nothing in the place of lists that could not be read: the defaults, which nobody wrote, are held against nothing.
fn empty_what_is_lost(config: &mut Config, faults: &Faults<'_>) {
    let wrong = faults.wrong();
    let listeners = [
        ("server.listen", &mut config.server.listen),
        ("admin.listen", &mut config.admin.listen),
        ("gateway.listen", &mut config.gateway.listen),
    ];
    for (option, addresses) in listeners {
        if wrong.loses(option) {
            addresses.clear();
        }
    }
    if wrong.loses("suffixes") {
        config.suffixes.clear();
    }
}

fn document_of(table: &Table<'_>, base: PathBuf) -> Config {
    let default = Config::default();
    table.require("version", version);
    Config {
        demo: table.read("demo", default.demo, Value::truth),
        server: table.section("server", default.server, server),
        rate_limit: table.section("rate_limit", default.rate_limit, rate_limit),
        admin: table.section("admin", default.admin, admin),
        gateway: table.section("gateway", default.gateway, |table, default| Gateway {
            listen: table.read("listen", default.listen, addresses),
        }),
        data: table.section("data", default.data, |table, default| Data {
            directory: table.read("directory", default.directory, path),
            seed: table.read("seed", default.seed, |value| path(value).map(Some)),
        }),
        seals: table.section("seals", default.seals, |table, default| Seals {
            key_file: table.read("key_file", default.key_file, |value| path(value).map(Some)),
            lines: table.read("lines", default.lines, |value| value.integer(1..=SEAL_LINES_MAX)),
            secs: table.read("secs", default.secs, |value| value.integer(1..=SEAL_SECS_MAX)),
            sm3: table.read("sm3", default.sm3, Value::truth),
        }),
        statistics: table.section("statistics", default.statistics, |table, default| Statistics {
            targets_file: table.read("targets_file", default.targets_file, |value| path(value).map(Some)),
        }),
        keys: table.sections("keys", default.keys, key),
        suffixes: table.sections("suffixes", default.suffixes, suffixes),
        zones: table.sections("zones", default.zones, |table| {
            let (apex, file) = (table.require("apex", Value::text), table.require("file", path));
            let allow_query = table.read("allow_query", Vec::new(), allowed);
            Some(ZoneFile { apex: apex?, file: file?, allow_query })
        }),
        registry: table.section("registry", default.registry, registry),
        profiles: table.section("profiles", default.profiles, terms::profiles),
        outbox: table.section("outbox", default.outbox, terms::outbox),
        idn: table.section("idn", default.idn, idn),
        log: table.section("log", default.log, log),
        base,
    }
}

fn version(value: &Value<'_>) -> Option<i64> {
    let (known, found) = (super::VERSION, value.integer(i64::MIN..=i64::MAX)?);
    if found != known {
        value.note(
            format!(
                "`version` is {found}, this program knows version {known} only; use the program that the file is for"
            ),
            format!("“version”为 {found}，本程序只认版本 {known}；请使用与该文件相应的程序"),
        );
    }
    Some(found)
}

fn server(table: &Table<'_>, default: Server) -> Server {
    Server {
        listen: table.read("listen", default.listen, addresses),
        workers: table.read("workers", default.workers, |value| value.integer(0..=WORKERS_MAX)),
        pin_workers: table.read("pin_workers", default.pin_workers, Value::truth),
        nsid: table.read("nsid", default.nsid, identity),
        id_server: table.read("id_server", default.id_server, identity),
        version_server: table.read("version_server", default.version_server, identity),
        rotate_rrsets: table.read("rotate_rrsets", default.rotate_rrsets, Value::truth),
        // RFC 6891 §6.2.3: 512 always fits; above 4,096 every path fragments.
        udp_size_max: table.read("udp_size_max", default.udp_size_max, |value| value.integer(512..=4096)),
        cookies: table.read("cookies", default.cookies, Value::truth),
        cookie_secrets: table.read("cookie_secrets", default.cookie_secrets, |value| {
            value.list(|item| {
                item.parsed_secret("a secret in 32 hexadecimal digits", "32 位十六进制的密钥", |text| {
                    octets_of_hex(text).map(CookieSecret)
                })
            })
        }),
        cookie_roll_secs: table
            .read("cookie_roll_secs", default.cookie_roll_secs, |value| value.integer(0..=COOKIE_ROLL_SECS_MAX)),
        cookies_required: table.read("cookies_required", default.cookies_required, Value::truth),
        tcp_connections_max: table
            .read("tcp_connections_max", default.tcp_connections_max, |value| value.integer(1..=TCP_CONNECTIONS_MAX)),
        tcp_connections_per_client_max: table.read(
            "tcp_connections_per_client_max",
            default.tcp_connections_per_client_max,
            |value| value.integer(1..=TCP_CONNECTIONS_MAX),
        ),
        tcp_idle_secs: table.read("tcp_idle_secs", default.tcp_idle_secs, |value| value.integer(1..=3600)),
        proxy_from: table.read("proxy_from", default.proxy_from, networks),
        tls: table.section("tls", default.tls, server_tls),
    }
}

fn server_tls(table: &Table<'_>, default: ServerTls) -> ServerTls {
    ServerTls {
        cert: table.read("cert", default.cert, |value| path(value).map(Some)),
        key: table.read("key", default.key, |value| path(value).map(Some)),
        dot_listen: table.read("dot_listen", default.dot_listen, addresses),
        doh_listen: table.read("doh_listen", default.doh_listen, addresses),
        doq_listen: table.read("doq_listen", default.doq_listen, addresses),
        doh3_listen: table.read("doh3_listen", default.doh3_listen, addresses),
        doh_path: table.read("doh_path", default.doh_path, |value| {
            value.parsed("a path of plain characters (/dns-query)", "由普通字符组成的路径（/dns-query）", url_path)
        }),
    }
}

fn rate_limit(table: &Table<'_>, default: RateLimit) -> RateLimit {
    let limits = default.limits;
    let rate = |value: &Value<'_>| value.integer(0..=RATE_MAX);
    RateLimit {
        enabled: table.read("enabled", default.enabled, Value::truth),
        limits: RateLimits {
            answers: table.read("answers", limits.answers, rate),
            negatives: table.read("negatives", limits.negatives, rate),
            referrals: table.read("referrals", limits.referrals, rate),
            errors: table.read("errors", limits.errors, rate),
            slip: table.read("slip", limits.slip, |value| value.integer(0..=100)),
            ipv4_prefix: table.read("ipv4_prefix", limits.ipv4_prefix, |value| value.integer(1..=32)),
            ipv6_prefix: table.read("ipv6_prefix", limits.ipv6_prefix, |value| value.integer(1..=128)),
            exempt: table.read("exempt", limits.exempt, networks),
            log_only: table.read("log_only", limits.log_only, Value::truth),
            table_size: table.read("table_size", limits.table_size, |value| value.integer(1024..=RATE_TABLE_SIZE_MAX)),
        },
    }
}

fn admin(table: &Table<'_>, default: Admin) -> Admin {
    Admin {
        listen: table.read("listen", default.listen, addresses),
        tls_cert: table.read("tls_cert", default.tls_cert, |value| path(value).map(Some)),
        tls_key: table.read("tls_key", default.tls_key, |value| path(value).map(Some)),
        tls_client_ca: table.read("tls_client_ca", default.tls_client_ca, |value| path(value).map(Some)),
        insecure: table.read("insecure", default.insecure, Value::truth),
        token_warn_days: table
            .read("token_warn_days", default.token_warn_days, |value| value.integer(0..=TOKEN_WARN_DAYS_MAX)),
        rate_limit: table.section("rate_limit", default.rate_limit, admin_rate_limit),
        tokens: table.sections("tokens", default.tokens, token),
    }
}

fn admin_rate_limit(table: &Table<'_>, default: AdminRateLimit) -> AdminRateLimit {
    let rate = |value: &Value<'_>| value.integer(0..=RATE_MAX);
    AdminRateLimit {
        per_token: table.read("per_token", default.per_token, rate),
        per_address: table.read("per_address", default.per_address, rate),
        failures: table.read("failures", default.failures, rate),
        exempt: table.read("exempt", default.exempt, networks),
    }
}

fn token(table: &Table<'_>) -> Option<Token> {
    let name = table.require("name", |value| value.parsed("a token's name", "令牌名称", token_name));
    let role = table.require("role", |value| {
        let names = Role::TOKENS.map(Role::as_str);
        let (en, zh) = (format!("one of {}", names.join(", ")), format!("以下之一：{}", names.join("、")));
        value.parsed(&en, &zh, role)
    });
    let one = table.read("region", None, |value| region(value).map(Some));
    let several = table.read("regions", None, |value| value.whole_list(region).map(Some));
    let region = regions_of(table, one, several);
    let sha256 = table.require("sha256", |value| {
        value.parsed_secret("a SHA-256 in 64 hexadecimal digits", "64 位十六进制的 SHA-256", octets_of_hex)
    });
    let expires = table.read("expires", None, |value| {
        value
            .parsed(
                "a date (2026-11-22) or time (2026-11-22T08:00:00Z)",
                "日期（2026-11-22）或时间（2026-11-22T08:00:00Z）",
                |text| Timestamp::parse_end(text).ok(),
            )
            .map(Some)
    });
    let networks = table.read("networks", Vec::new(), networks);
    let certificate = table.read("client_cert_sha256", None, |value| {
        value.parsed("a SHA-256 in 64 hexadecimal digits", "64 位十六进制的 SHA-256", octets_of_hex).map(Some)
    });
    let totp = totp(table);
    let (name, role, sha256) = (name?, role?, sha256?);
    // A wrong one has been told.
    if role.is_local() && region.is_none() && !table.has("region") && !table.has("regions") {
        let role = role.as_str();
        table.note(format!("token {name}: a {role} needs a `region`"), format!("令牌 {name}:{role} 必须填写 region"));
    }
    Some(Token { name, role, region, sha256, expires, networks, certificate, totp })
}

fn totp(table: &Table<'_>) -> Option<TotpSource> {
    let inline = table.read("totp_secret", None, |value| {
        value
            .parsed_secret(
                "a secret of 16 octets or more in Base32 (`zhengming token new --totp`)",
                "至少 16 字节的 Base32 密钥（zhengming token new --totp）",
                TotpSecret::from_base32,
            )
            .map(Some)
    });
    let file = table.read("totp_secret_file", None, |value| path(value).map(Some));
    if table.has("totp_secret") && table.has("totp_secret_file") {
        table.note(
            "a token has a `totp_secret_file` or a `totp_secret`, and not both".to_owned(),
            "令牌只能填写 totp_secret_file 与 totp_secret 之一".to_owned(),
        );
    }
    file.map(TotpSource::File).or(inline.map(TotpSource::Inline))
}

fn region(value: &Value<'_>) -> Option<Region> {
    value.parsed("a division code of 2, 4, 6, 9 or 12 digits", "2、4、6、9 或 12 位的行政区划代码", Region::parse)
}

/// Where a token acts: one region, or a list of them.
fn regions_of(table: &Table<'_>, one: Option<Region>, several: Option<Vec<Region>>) -> Option<Regions> {
    if table.has("region") && table.has("regions") {
        table.note(
            "a token has a `region` or `regions`, and not both".to_owned(),
            "令牌只能填写 region 与 regions 之一".to_owned(),
        );
    }
    if several.as_ref().is_some_and(|several| !(1..=REGIONS_MAX).contains(&several.len())) {
        table.note(
            format!("`regions` names 1 to {REGIONS_MAX} divisions; leave it out for everywhere"),
            format!("regions 应列出 1 至 {REGIONS_MAX} 个行政区划；不限地区时请省略"),
        );
    }
    one.map(Regions::from).or_else(|| Regions::of(several?))
}

fn key(table: &Table<'_>) -> Option<TsigKey> {
    let name = table.require("name", |value| {
        value.parsed("a domain name (transfer.example)", "域名（transfer.example）", |text| {
            Name::absolute(text).ok().map(|name| name.to_lowercase())
        })
    });
    let algorithm = table.require("algorithm", |value| {
        let names = Algorithm::NAMES;
        value.parsed(
            &format!(
                "one of {}, perhaps with the bits of a truncated MAC behind it (hmac-sha256-128); \
                 hmac-sha256 is what every implementation has",
                names.join(", ")
            ),
            &format!(
                "以下之一：{}，其后可加截断后的位数（hmac-sha256-128）；hmac-sha256 为各实现所共有",
                names.join("、")
            ),
            Algorithm::from_text,
        )
    });
    let inline = table.read("secret", None, |value| {
        value
            .parsed_secret(
                "a secret in Base64 (openssl rand -base64 32)",
                "Base64 编码的密钥（openssl rand -base64 32）",
                |text| Secret::from_base64(text).filter(|secret| !secret.0.is_empty()),
            )
            .map(Some)
    });
    let file = table.read("secret_file", None, |value| path(value).map(Some));
    if table.has("secret") == table.has("secret_file") {
        table.note(
            "a key needs one of `secret_file` and `secret`, and not both".to_owned(),
            "每个密钥必须且只能填写 secret_file 与 secret 之一".to_owned(),
        );
    }
    let secret = file.map(SecretSource::File).or(inline.map(SecretSource::Inline));
    Some(TsigKey { name: name?, algorithm: algorithm?, secret: secret? })
}

fn suffixes(table: &Table<'_>) -> Option<Suffixes> {
    let names = table.require("suffixes", |value| value.whole_list(Value::text));
    let files = table.require("zone_files", |value| value.whole_list(path));
    let kinds = table.require("unit_kinds", unit_kinds);
    let (names, files) = (names?, files?);
    if names.is_empty() || names.len() != files.len() {
        table.note(
            format!("{} suffixes, but {} zone files: each suffix needs one", names.len(), files.len()),
            format!("有 {} 个后缀、{} 个区文件：每个后缀需要一个区文件", names.len(), files.len()),
        );
        // Nobody knows which file is whose.
        return None;
    }
    Some(Suffixes {
        suffixes: names,
        zone_files: files,
        unit_kinds: kinds?,
        unit_kinds_with_proof: table.read("unit_kinds_with_proof", Vec::new(), unit_kinds),
        allow_query: table.read("allow_query", Vec::new(), allowed),
        profile: table.read("profile", ProfileName::National, terms::profile_name),
        gateway_v4: table.read("gateway_v4", Vec::new(), |value| {
            value.list(|item| item.parsed("an IPv4 address", "IPv4 地址", |text| text.parse().ok()))
        }),
        gateway_v6: table.read("gateway_v6", Vec::new(), |value| {
            value.list(|item| item.parsed("an IPv6 address", "IPv6 地址", |text| text.parse().ok()))
        }),
    })
}

fn registry(table: &Table<'_>, default: Registry) -> Registry {
    Registry {
        reserved_labels: table.read("reserved_labels", default.reserved_labels, texts),
        allow_special_addresses: table.read("allow_special_addresses", default.allow_special_addresses, Value::truth),
        expiry_grace_secs: table
            .read("expiry_grace_secs", default.expiry_grace_secs, |value| value.integer(0..=EXPIRY_GRACE_SECS_MAX)),
        brake_percent: table.read("brake_percent", default.brake_percent, |value| value.integer(0..=100)),
        brake_names_min: table.read("brake_names_min", default.brake_names_min, |value| value.integer(0..=i64::MAX)),
        notices_days: table.read("notices_days", default.notices_days, terms::notices_days),
        calendar: table.section("calendar", default.calendar, procedure::days),
        review: table.section("review", default.review, procedure::review),
        site_review: table.section("site_review", default.site_review, procedure::site_review),
        rates: table.sections("rates", default.rates, procedure::rate),
        poor_areas: table.sections("poor_areas", default.poor_areas, procedure::poor_area),
        protected_names: table.read("protected_names", default.protected_names, texts),
        clock_step_secs: table
            .read("clock_step_secs", default.clock_step_secs, |value| value.integer(0..=CLOCK_STEP_SECS_MAX)),
        second_factor: table.read("second_factor", default.second_factor, guarded),
    }
}

fn guarded(value: &Value<'_>) -> Option<Vec<Guarded>> {
    value.list(|item| {
        let names = Guarded::ALL.map(Guarded::as_str);
        let (en, zh) = (format!("one of {}", names.join(", ")), format!("以下之一：{}", names.join("、")));
        item.parsed(&en, &zh, Guarded::parse)
    })
}

fn idn(table: &Table<'_>, default: Idn) -> Idn {
    let file = |name, default| table.read(name, default, |value| path(value).map(Some));
    Idn {
        lgr: file("lgr", default.lgr),
        simplified: file("simplified", default.simplified),
        traditional: file("traditional", default.traditional),
        reserved: table.read("reserved", default.reserved, |value| value.list(path)),
        divisions: file("divisions", default.divisions),
        look_alikes: file("look_alikes", default.look_alikes),
    }
}

fn log(table: &Table<'_>, default: Log) -> Log {
    Log {
        level: table.read("level", default.level, Value::text),
        format: table.read("format", default.format, |value| {
            value.parsed("text or json", "text 或 json", |text| match text {
                "text" => Some(Format::Text),
                "json" => Some(Format::Json),
                _ => None,
            })
        }),
    }
}

fn addresses(value: &Value<'_>) -> Option<Vec<SocketAddr>> {
    let lists = value.list(|item| {
        let listener = item.parsed(
            "an address or interface with a port (192.0.2.1:53, [2001:db8::1]:53, eth0:53)",
            "带端口的地址或网络接口（192.0.2.1:53、[2001:db8::1]:53、eth0:53）",
            Listener::parse,
        );
        match listener? {
            Listener::Address(address) => Some(vec![address]),
            Listener::Interface(name, port) => match interface::addresses(&name, port) {
                Ok(addresses) => Some(addresses),
                Err(error) => {
                    let (en, zh) = error.text(&name);
                    item.note(format!("`{}`: {en}", item.name()), format!("“{}”：{zh}", item.name()));
                    None
                }
            },
        }
    });
    lists.map(|lists| lists.concat())
}

/// What a server says of itself: short, because it stands beside an answer.
fn identity(value: &Value<'_>) -> Option<String> {
    value.parsed("text of at most 64 octets", "不超过 64 个八位组的文本", |text| {
        (text.len() <= 64).then(|| text.to_owned())
    })
}

fn networks(value: &Value<'_>) -> Option<Vec<IpNet>> {
    value.list(|item| {
        item.parsed("a network (192.0.2.0/24, 2001:db8::/32)", "网段（192.0.2.0/24、2001:db8::/32）", |text| {
            text.parse().ok()
        })
    })
}

fn allowed(value: &Value<'_>) -> Option<Vec<Allow>> {
    value.list(|item| {
        item.parsed(
            "a network (192.0.2.0/24, 2001:db8::/32) or a key (key:transfer.example)",
            "网段（192.0.2.0/24、2001:db8::/32）或密钥（key:transfer.example）",
            |text| match text.strip_prefix("key:") {
                Some(name) => Name::absolute(name).ok().map(|name| Allow::Key(name.to_lowercase())),
                None => text.parse().ok().map(Allow::Network),
            },
        )
    })
}

pub(super) fn path(value: &Value<'_>) -> Option<PathBuf> {
    value.parsed("a path", "路径", |text| (!text.is_empty()).then(|| PathBuf::from(text)))
}

/// A path of a URL that needs no escapes.
fn url_path(text: &str) -> Option<String> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b'~' | b'/');
    (text.starts_with('/') && text.bytes().all(plain)).then(|| text.to_owned())
}

fn texts(value: &Value<'_>) -> Option<Vec<String>> {
    value.list(Value::text)
}

fn unit_kinds(value: &Value<'_>) -> Option<Vec<UnitKind>> {
    value.list(|item| {
        item.parsed(
            "organ, institution or social_organisation",
            "organ、institution 或 social_organisation",
            UnitKind::parse,
        )
    })
}

/// Principals of the program itself in the journal; a token with such a name could pass for it.
const PRINCIPALS_OF_SYSTEM: [&str; 4] = ["clock", "configuration", "rebuild", "seed"];

/// Names of tokens stand in journals, headers and logs: plain and short, and nobody else's.
pub(crate) fn token_name(text: &str) -> Option<String> {
    if PRINCIPALS_OF_SYSTEM.contains(&text) {
        return None;
    }
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
    let fits = (1..=TOKEN_NAME_LEN_MAX).contains(&text.len());
    (fits && text.bytes().all(plain)).then(|| text.to_owned())
}

/// The role of a token by its name.
pub(crate) fn role(text: &str) -> Option<Role> {
    Role::TOKENS.into_iter().find(|role| role.as_str() == text)
}

fn octets_of_hex<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    let mut octets = [0; LEN];
    if text.len() != 2 * LEN || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, at) in octets.iter_mut().zip((0..2 * LEN).step_by(2)) {
        *octet = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(octets)
}
