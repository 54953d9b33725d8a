//! The one configuration file: its types, its defaults, and reading it with every fault named by line.
//!
//! A configuration is complete and checked before anything starts, and never changes afterwards; a reload reads a new
//! one. Modules have settings of their own without a file format: `convert` makes those from this.

mod check;
mod convert;
mod interface;
mod parse;
mod procedure;
mod reader;
mod syntax;
mod terms;

pub use convert::zone_apex;
pub(crate) use parse::{role, token_name};
pub use procedure::{Days, RateRow};
pub use reader::Fault;

use crate::admin::TotpSecret;
use crate::query::CookieSecret;
use crate::registry::{Guarded, PoorArea, Profile, Regions, ReviewRules, Role, SiteReviewRules, Timestamp, UnitKind};
use crate::server::RateLimits;
use crate::telemetry::advice::{Advice, of_file};
use crate::telemetry::log::Format;
use crate::tsig::Algorithm;
use crate::zone::Name;
use crate::zone::rdata::encoding::Base64Digits;
use ipnet::IpNet;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// The version of the format that this program reads.
pub const VERSION: i64 = 1;

/// Everything that can be set. Paths are as written; [`Config::path`] resolves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The demonstration: its published tokens are let in, and every listener must be on loopback.
    pub demo: bool,
    /// DNS.
    pub server: Server,
    /// Response rate limiting.
    pub rate_limit: RateLimit,
    /// The admin API.
    pub admin: Admin,
    /// The HTTP gateway of forwarded names.
    pub gateway: Gateway,
    /// Where the state is kept.
    pub data: Data,
    /// Signed heads of the journal.
    pub seals: Seals,
    /// What the statistics are measured by.
    pub statistics: Statistics,
    /// Keys of transaction signatures.
    pub keys: Vec<TsigKey>,
    /// What names are registered under.
    pub suffixes: Vec<Suffixes>,
    /// Further zones that are only files.
    pub zones: Vec<ZoneFile>,
    /// The rules that are not fixed.
    pub registry: Registry,
    /// How names end, in two ways to choose from.
    pub profiles: Profiles,
    /// Where notices to units go.
    pub outbox: Outbox,
    /// What labels are held against.
    pub idn: Idn,
    /// Logs.
    pub log: Log,
    /// The directory that relative paths start from: the file's own.
    pub base: PathBuf,
}

/// `[server]`: the DNS sockets and what answers look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Addresses for UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// UDP threads; 0: one for each core.
    pub workers: usize,
    /// Whether each UDP thread stays on a core of its own.
    pub pin_workers: bool,
    /// What NSID answers (RFC 5001), as text; empty: not answered.
    pub nsid: String,
    /// What `id.server` answers in class CHAOS (RFC 4892); empty: refused.
    pub id_server: String,
    /// What `version.server` answers in class CHAOS; empty: refused.
    pub version_server: String,
    /// Whether the records of an answer's RRset take turns at its head.
    pub rotate_rrsets: bool,
    /// Largest UDP response in octets.
    pub udp_size_max: u16,
    /// Whether DNS cookies are answered (RFC 7873).
    pub cookies: bool,
    /// Secrets of the cookies, the first to make them; none: a random one.
    pub cookie_secrets: Vec<CookieSecret>,
    /// Seconds until each secret is replaced by one derived from it; 0: never.
    pub cookie_roll_secs: u32,
    /// Whether clients that know cookies are answered over UDP only with a good one.
    pub cookies_required: bool,
    /// Most TCP connections at once.
    pub tcp_connections_max: usize,
    /// Most TCP connections at once from one client: one IPv4 address, or one IPv6 /64.
    pub tcp_connections_per_client_max: usize,
    /// Seconds until an idle TCP connection is closed.
    pub tcp_idle_secs: u64,
    /// Networks of proxies, which must say with a header of the PROXY protocol for whom they ask.
    pub proxy_from: Vec<IpNet>,
    /// The encrypted transports.
    pub tls: ServerTls,
}

/// `[server.tls]`: the encrypted transports of DNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain in PEM; with it the key.
    pub cert: Option<PathBuf>,
    /// The certificate's key in PEM.
    pub key: Option<PathBuf>,
    /// Addresses for DNS over TLS.
    pub dot_listen: Vec<SocketAddr>,
    /// Addresses for DNS over HTTPS.
    pub doh_listen: Vec<SocketAddr>,
    /// Addresses for DNS over QUIC.
    pub doq_listen: Vec<SocketAddr>,
    /// Addresses for DNS over HTTPS with HTTP/3.
    pub doh3_listen: Vec<SocketAddr>,
    /// The path of DNS over HTTPS.
    pub doh_path: String,
}

/// `[rate_limit]`: what one network is sent over UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Whether there is a limit.
    pub enabled: bool,
    /// The limits.
    pub limits: RateLimits,
}

/// `[admin]`: the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Its addresses; none: there is no API.
    pub listen: Vec<SocketAddr>,
    /// The certificate chain in PEM; with it the key.
    pub tls_cert: Option<PathBuf>,
    /// The certificate's key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Certificates of the authorities, in PEM, whose client certificates are let in; none: none is asked for.
    pub tls_client_ca: Option<PathBuf>,
    /// Serve without TLS off loopback.
    pub insecure: bool,
    /// Days before its end from which on a token is warned of.
    pub token_warn_days: i64,
    /// How often one token or address may ask.
    pub rate_limit: AdminRateLimit,
    /// Who may come in.
    pub tokens: Vec<Token>,
}

/// `[admin.rate_limit]`: how often one token or address may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminRateLimit {
    /// Requests a second of one token; 0: any number.
    pub per_token: u32,
    /// Requests a second of one address; 0: any number.
    pub per_address: u32,
    /// Refused tokens a minute of one address; 0: any number.
    pub failures: u32,
    /// Networks without these limits.
    pub exempt: Vec<IpNet>,
}

/// Where the secret of a second factor is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TotpSource {
    /// In the configuration.
    Inline(TotpSecret),
    /// In a file of its own, in Base32.
    File(PathBuf),
}

/// `[[admin.tokens]]`: one bearer token, by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The principal's name in the journal.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Where; everywhere if absent.
    pub region: Option<Regions>,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// From when on it is refused, if ever.
    pub expires: Option<Timestamp>,
    /// Networks it may come from; none: any.
    pub networks: Vec<IpNet>,
    /// SHA-256 of the client certificate that must come with it.
    pub certificate: Option<[u8; 32]>,
    /// Its second factor.
    pub totp: Option<TotpSource>,
}

/// `[gateway]`: the HTTP listener of forwarded names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its addresses; none: there is no gateway.
    pub listen: Vec<SocketAddr>,
}

/// `[data]`: where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// Journal and store.
    pub directory: PathBuf,
    /// An export that is imported at a start while no unit is registered.
    pub seed: Option<PathBuf>,
}

/// `[seals]`: signed heads of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seals {
    /// The key that signs them, in PEM; none: nothing is sealed.
    pub key_file: Option<PathBuf>,
    /// After how many lines of the journal.
    pub lines: u64,
    /// After how many seconds, if there are new lines.
    pub secs: i64,
    /// Whether a chain in SM3 is kept beside SHA-256.
    pub sm3: bool,
}

/// `[statistics]`: what the statistics are measured by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How many bodies each division has, in a file of two columns.
    pub targets_file: Option<PathBuf>,
}

/// `[[keys]]`: a key of transaction signatures (RFC 8945).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TsigKey {
    /// The name that both sides know it by, in lower case.
    pub name: Name,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The secret, or where it is.
    pub secret: SecretSource,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In the configuration.
    Inline(Secret),
    /// In a file of its own, in Base64.
    File(PathBuf),
}

/// Octets that do not show in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

/// `[[suffixes]]`: suffixes that publish the same registrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffixes {
    /// The suffixes, U-labels or A-labels; the first is the primary one.
    pub suffixes: Vec<String>,
    /// The master file of each, in the same order.
    pub zone_files: Vec<PathBuf>,
    /// Kinds of unit that may register here.
    pub unit_kinds: Vec<UnitKind>,
    /// Kinds that may with proof of administrative functions.
    pub unit_kinds_with_proof: Vec<UnitKind>,
    /// IPv4 addresses of the gateway.
    pub gateway_v4: Vec<Ipv4Addr>,
    /// IPv6 addresses of the gateway.
    pub gateway_v6: Vec<Ipv6Addr>,
    /// Who may ask for the zones; none: everybody may.
    pub allow_query: Vec<Allow>,
    /// How names here end.
    pub profile: ProfileName,
}

/// `[profiles]`: how names end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profiles {
    /// By the founding notices.
    pub national: Profile,
    /// By ICANN's policies.
    pub icann_rgp: Profile,
}

/// Which profile a suffix set has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileName {
    /// `national`.
    National,
    /// `icann-rgp`.
    IcannRgp,
}

/// `[outbox]`: where notices to units go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// A file that they are appended to, one JSON object a line.
    pub file: Option<PathBuf>,
    /// A URL that they are posted to.
    pub webhook: Option<String>,
    /// The file with the secret that posts are signed with.
    pub secret_file: Option<PathBuf>,
    /// The certificates that an https receiver is trusted by; the system's if absent.
    pub ca_file: Option<PathBuf>,
}

/// `[[zones]]`: a zone without registrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneFile {
    /// Its apex: U-labels, A-labels, or any other name as in a master file.
    pub apex: String,
    /// Its master file.
    pub file: PathBuf,
    /// Who may ask for it; none: everybody may.
    pub allow_query: Vec<Allow>,
}

/// One entry of a list of who may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Clients of this network.
    Network(IpNet),
    /// Clients that sign with the key of this name, in lower case.
    Key(Name),
}

/// `[registry]`: the rules that are not fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Labels nobody may register, U-labels or A-labels.
    pub reserved_labels: Vec<String>,
    /// Whether private, loopback, link-local and documentation addresses may be resolved to.
    pub allow_special_addresses: bool,
    /// Seconds from the end of a term until the name stops resolving.
    pub expiry_grace_secs: i64,
    /// Share of a suffix set's names, in percent, that may be suspended within an hour without a release.
    pub brake_percent: u32,
    /// Number of names that may be suspended within an hour in any case.
    pub brake_names_min: u64,
    /// When units are told of the end of a term, in days from it.
    pub notices_days: Vec<i32>,
    /// Holidays, and weekend days that are worked on.
    pub calendar: Days,
    /// How applications are reviewed.
    pub review: ReviewRules,
    /// Within how many working days sites are reviewed.
    pub site_review: SiteReviewRules,
    /// What a name costs, by suffix, kind of area and day.
    pub rates: Vec<RateRow>,
    /// The poor areas, which pay less.
    pub poor_areas: Vec<PoorArea>,
    /// Names that are never suspended without a release, U-labels or A-labels.
    pub protected_names: Vec<String>,
    /// Seconds by which the clock may differ from the time that has passed; 0: by any.
    pub clock_step_secs: i64,
    /// What takes a second factor besides a token.
    pub second_factor: Vec<Guarded>,
}

/// `[idn]`: what labels are held against. Without any of it, the built-in repertoire counts and there are no variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Idn {
    /// The table, as a ruleset in XML (RFC 7940).
    pub lgr: Option<PathBuf>,
    /// The table, as two texts (RFC 3743): the one whose preferred variants are simplified,
    pub simplified: Option<PathBuf>,
    /// and the one whose preferred variants are traditional.
    pub traditional: Option<PathBuf>,
    /// Lists of reserved labels.
    pub reserved: Vec<PathBuf>,
    /// Administrative divisions.
    pub divisions: Option<PathBuf>,
    /// Characters that look alike, beside those that are built in.
    pub look_alikes: Option<PathBuf>,
}

/// `[log]`: logs on standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is shown: a level, or levels by module.
    pub level: String,
    /// Lines for people or for machines.
    pub format: Format,
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Io {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is wrong in these places.
    Faults {
        /// Which.
        path: PathBuf,
        /// All that was found, by line.
        faults: Vec<Fault>,
    },
}

/// A configuration as far as it could be read, and what is wrong with it.
pub struct Examined {
    /// What is wrong is its default here, or left out of its list.
    pub config: Config,
    /// All that was found, by line.
    pub faults: Vec<Fault>,
    wrong: reader::Wrong,
}

impl Examined {
    /// Whether these options and sections are as they were written.
    pub fn is_right(&self, options: &[&str]) -> bool {
        !options.iter().any(|option| self.wrong.touches(option))
    }
}

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let Examined { config, faults, .. } = Self::examine(path)?;
        if faults.is_empty() { Ok(config) } else { Err(ConfigError::Faults { path: path.to_owned(), faults }) }
    }

    /// Reads the file at `path` as far as it can be read, for a check of all of it.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read at all, or is no TOML.
    pub fn examine(path: &Path) -> Result<Examined, ConfigError> {
        let io = |source| ConfigError::Io { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(io)?;
        let base = path.parent().map(Path::to_owned).unwrap_or_default();
        parse::examine(&text, base).map_err(|faults| ConfigError::Faults { path: path.to_owned(), faults })
    }

    /// The configuration that `text` describes, with relative paths starting from `base`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, base: PathBuf) -> Result<Self, Vec<Fault>> {
        let Examined { config, faults, .. } = parse::examine(text, base)?;
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// Whether tokens of the admin API cross the network in the clear; allowed by `insecure` only, and warned of.
    pub fn goes_bare(&self) -> bool {
        self.admin.tls_cert.is_none() && self.admin.bare_addresses().next().is_some()
    }

    /// `path`, taken from the configuration, as the operating system can open it.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

impl Default for Config {
    fn default() -> Self {
        let kinds = |kinds: &[UnitKind]| kinds.to_vec();
        Self {
            demo: false,
            server: Server::default(),
            rate_limit: RateLimit { enabled: true, limits: RateLimits::default() },
            admin: Admin::default(),
            gateway: Gateway::default(),
            data: Data::default(),
            seals: Seals::default(),
            statistics: Statistics::default(),
            keys: Vec::new(),
            suffixes: vec![
                // R1, R2: organs here, institutions with proof of administrative functions.
                Suffixes::pair("政务", "xn--zfr164b", kinds(&[UnitKind::Organ]), kinds(&[UnitKind::Institution])),
                // R1, R4: institutions and social organisations.
                Suffixes::pair(
                    "公益",
                    "xn--55qw42g",
                    kinds(&[UnitKind::Institution, UnitKind::SocialOrganisation]),
                    Vec::new(),
                ),
            ],
            zones: Vec::new(),
            registry: Registry::default(),
            profiles: Profiles { national: Profile::NATIONAL, icann_rgp: Profile::ICANN_RGP },
            outbox: Outbox::default(),
            idn: Idn::default(),
            log: Log::default(),
            base: PathBuf::new(),
        }
    }
}

impl Suffixes {
    /// A suffix and its copy under `.cn`, with their zone files as this tree names them.
    fn pair(unicode: &str, ascii: &str, unit_kinds: Vec<UnitKind>, unit_kinds_with_proof: Vec<UnitKind>) -> Self {
        Self {
            suffixes: vec![unicode.to_owned(), format!("{unicode}.cn")],
            zone_files: vec![format!("../zones/{ascii}.zone").into(), format!("../zones/{ascii}.cn.zone").into()],
            unit_kinds,
            unit_kinds_with_proof,
            gateway_v4: Vec::new(),
            gateway_v6: Vec::new(),
            allow_query: Vec::new(),
            profile: ProfileName::National,
        }
    }
}

impl ProfileName {
    /// All names.
    pub const ALL: [Self; 2] = [Self::National, Self::IcannRgp];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::IcannRgp => "icann-rgp",
        }
    }
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![(Ipv4Addr::LOCALHOST, 53).into(), (Ipv6Addr::LOCALHOST, 53).into()],
            workers: 0,
            pin_workers: false,
            nsid: String::new(),
            id_server: String::new(),
            version_server: String::new(),
            rotate_rrsets: false,
            udp_size_max: 1232,
            cookies: true,
            cookie_secrets: Vec::new(),
            cookie_roll_secs: 86_400,
            cookies_required: false,
            tcp_connections_max: 1024,
            tcp_connections_per_client_max: 64,
            tcp_idle_secs: 10,
            proxy_from: Vec::new(),
            tls: ServerTls::default(),
        }
    }
}

impl Default for ServerTls {
    fn default() -> Self {
        Self {
            cert: None,
            key: None,
            dot_listen: Vec::new(),
            doh_listen: Vec::new(),
            doq_listen: Vec::new(),
            doh3_listen: Vec::new(),
            doh_path: "/dns-query".to_owned(),
        }
    }
}

impl ServerTls {
    /// Every address of an encrypted transport.
    pub fn addresses(&self) -> impl Iterator<Item = &SocketAddr> {
        self.dot_listen.iter().chain(&self.doh_listen).chain(&self.doq_listen).chain(&self.doh3_listen)
    }
}

impl Default for Admin {
    fn default() -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8053))];
        Self {
            listen,
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            insecure: false,
            token_warn_days: 30,
            rate_limit: AdminRateLimit::default(),
            tokens: Vec::new(),
        }
    }
}

impl Default for AdminRateLimit {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network"));
        Self { per_token: 200, per_address: 200, failures: 10, exempt: loopback.to_vec() }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self { listen: vec![any_v4(80), any_v6(80)] }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self { directory: "/var/lib/zhengming".into(), seed: None }
    }
}

impl Default for Seals {
    fn default() -> Self {
        Self { key_file: None, lines: 1000, secs: 600, sm3: false }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            // The labels that IANA reserved for tests of internationalised names (RFC 6761 has no Chinese ones).
            reserved_labels: vec!["测试".to_owned(), "測試".to_owned()],
            allow_special_addresses: false,
            expiry_grace_secs: 0,
            brake_percent: 5,
            brake_names_min: 20,
            notices_days: vec![-30, -7, 5],
            calendar: Days::default(),
            review: ReviewRules::default(),
            site_review: SiteReviewRules::default(),
            rates: procedure::default_rates(),
            poor_areas: Vec::new(),
            protected_names: Vec::new(),
            clock_step_secs: 3600,
            // R60; changes of resolution have two reviewers already.
            second_factor: vec![Guarded::UnitHold, Guarded::Deletion, Guarded::Blacklist, Guarded::BrakeRelease],
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: Format::Text }
    }
}

fn any_v4(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

fn any_v6(port: u16) -> SocketAddr {
    (Ipv6Addr::UNSPECIFIED, port).into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The octets that `text` encodes in Base64 (RFC 4648 §4); none if it is anything else.
    pub fn from_base64(text: &str) -> Option<Self> {
        let (mut digits, mut octets) = (Base64Digits::new(), Vec::new());
        digits.feed(text.as_bytes(), &mut octets)?;
        digits.finish().then_some(Self(octets))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => {
                let Advice { en, zh } = of_file(source);
                write!(f, "{}: cannot be read: {source}; {en} / 无法读取：{zh}", path.display())
            }
            Self::Faults { path, faults } => {
                for (number, fault) in faults.iter().enumerate() {
                    let end = if number + 1 < faults.len() { "\n" } else { "" };
                    write!(f, "{}: {fault}{end}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
