//! Bearer tokens: how they are made, kept (as hashes) and recognised.

use super::totp::TotpSecret;
use crate::registry::{Actor, Regions, Role, Timestamp};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::IpAddr;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// Random octets in a token: as hard to guess as the hash it is kept as.
const TOKEN_OCTETS: usize = 32;
/// What every token starts with, so that secret scanners and people recognise one.
const TOKEN_PREFIX: &str = "zmt_";
/// Longest token that is looked at; longer ones are refused unhashed.
const TOKEN_LEN_MAX: usize = 256;

/// One token as the settings have it. The token itself is known to its bearer only.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The principal's name.
    pub name: Box<str>,
    /// What it may do.
    pub role: Role,
    /// Where it may do it; everywhere if absent.
    pub region: Option<Regions>,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// From when on it is refused, if ever.
    pub expires: Option<Timestamp>,
    /// Where it may come from; anywhere if empty.
    pub networks: Vec<IpNet>,
    /// SHA-256 of the client certificate that must come with it, if one must.
    pub certificate: Option<[u8; 32]>,
    /// The secret of its second factor, if it has one.
    pub totp: Option<TotpSecret>,
}

/// A new random token. It is shown once and never stored.
///
/// # Errors
/// The operating system has no random octets to give.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut octets = [0; TOKEN_OCTETS];
    getrandom::fill(&mut octets)?;
    Ok(format!("{TOKEN_PREFIX}{}", hex(&octets)))
}

/// What the settings keep of a token.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Octets in lower-case hexadecimal digits.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The token that `presented` is, unless it has expired. Every token is compared, in constant time, whatever the result.
pub(super) fn find<'a>(tokens: &'a [Token], presented: &str, now: Timestamp) -> Option<&'a Token> {
    if presented.len() > TOKEN_LEN_MAX {
        return None;
    }
    let presented = hash(presented);
    let mut found = u32::MAX;
    for (position, token) in (0u32..).zip(tokens) {
        let same: Choice = token.hash.ct_eq(&presented);
        found.conditional_assign(&position, same);
    }
    let token = tokens.get(usize::try_from(found).ok()?)?;
    token.expires.is_none_or(|end| now < end).then_some(token)
}

impl Token {
    /// A token with nothing but what each has.
    pub fn new(name: Box<str>, role: Role, hash: [u8; 32]) -> Self {
        Self { name, role, region: None, hash, expires: None, networks: Vec::new(), certificate: None, totp: None }
    }

    /// Whether it may come from `address`. An unknown address is in no network.
    pub(super) fn may_come_from(&self, address: Option<IpAddr>) -> bool {
        let within = |address: IpAddr| self.networks.iter().any(|network| network.contains(&address.to_canonical()));
        self.networks.is_empty() || address.is_some_and(within)
    }

    /// Who a bearer of this token is.
    pub fn actor(&self) -> Actor {
        Actor { principal: self.name.clone(), role: self.role, region: self.region.clone() }
    }
}

impl fmt::Debug for Token {
    /// Without the hash: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Token");
        out.field("name", &self.name).field("role", &self.role).field("region", &self.region);
        out.field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, secret: &str, expires: Option<i64>) -> Token {
        let expires = expires.map(Timestamp);
        Token { expires, ..Token::new(name.into(), Role::Viewer, hash(secret)) }
    }

    #[test]
    fn only_the_exact_token_is_found() {
        let tokens = [token("one", "a", None), token("two", "b", None), token("three", "c", Some(100))];
        let name = |presented: &str, now| find(&tokens, presented, Timestamp(now)).map(|t| &*t.name);
        assert_eq!(name("a", 0), Some("one"));
        assert_eq!(name("b", 0), Some("two"));
        assert_eq!(name("c", 99), Some("three"));
        assert_eq!(name("c", 100), None, "expired");
        assert_eq!(name("", 0), None);
        assert_eq!(name("A", 0), None);
        assert_eq!(name(&"a".repeat(TOKEN_LEN_MAX + 1), 0), None);
        assert_eq!(find(&[], "a", Timestamp(0)), None);
    }

    #[test]
    fn tokens_are_long_printable_and_differ() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), TOKEN_PREFIX.len() + 2 * TOKEN_OCTETS);
        assert!(one.bytes().all(|b| b.is_ascii_graphic()) && one.len() <= TOKEN_LEN_MAX);
    }

    #[test]
    fn debug_output_has_no_hash() {
        let token = token("one", "a", None);
        let shown = format!("{token:?}");
        assert!(shown.contains("one") && !shown.contains("hash"), "{shown}");
    }

    #[test]
    fn a_token_comes_from_its_networks() {
        let mut token = token("one", "a", None);
        assert!(token.may_come_from(None));
        token.networks = vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let from = |address: &str| token.may_come_from(address.parse().ok());
        assert!(from("192.0.2.9") && from("::ffff:192.0.2.9") && from("2001:db8::9"));
        assert!(!from("198.51.100.9") && !token.may_come_from(None));
    }
}
