//! Ed25519 keys (RFC 8032) of the journal's seals, in the PEM files that OpenSSL reads and writes (RFC 8410).

use super::line::to_hex;
use crate::zone::rdata::encoding::{Base64Digits, base64};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Octets of a seed, of a public key.
const KEY_LEN: usize = 32;
/// What a seed follows in PKCS #8 (RFC 8410 §7), and a public key in SubjectPublicKeyInfo (RFC 8410 §4): DER has one form.
const PRIVATE_START: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const PUBLIC_START: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// Octets of a key's id: enough to tell a registry's keys apart.
const ID_LEN: usize = 8;
/// Characters of a line of PEM (RFC 7468 §2).
const PEM_LINE: usize = 64;

/// A key that seals.
pub struct SealKey {
    pair: Ed25519KeyPair,
    seed: [u8; KEY_LEN],
}

/// What tells a seal to be of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealPublicKey([u8; KEY_LEN]);

impl SealKey {
    /// A new random key.
    ///
    /// # Errors
    /// The operating system has no random octets to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut seed = [0; KEY_LEN];
        getrandom::fill(&mut seed)?;
        Ok(Self::of(seed))
    }

    /// The key of a PEM file, as `openssl genpkey -algorithm ed25519` makes one too; none if it is anything else.
    pub fn from_pem(text: &str) -> Option<Self> {
        let der = read_pem(text, "PRIVATE KEY")?;
        Some(Self::of(der.strip_prefix(&PRIVATE_START)?.try_into().ok()?))
    }

    fn of(seed: [u8; KEY_LEN]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 octets are a seed");
        Self { pair, seed }
    }

    /// The key's PEM file. It is a secret.
    pub fn to_pem(&self) -> String {
        write_pem(&[&PRIVATE_START[..], &self.seed].concat(), "PRIVATE KEY")
    }

    /// Its public half.
    pub fn public(&self) -> SealPublicKey {
        SealPublicKey(self.pair.public_key().as_ref().try_into().expect("a public key has 32 octets"))
    }

    /// The signature of `octets`.
    pub(super) fn sign(&self, octets: &[u8]) -> Vec<u8> {
        self.pair.sign(octets).as_ref().to_vec()
    }
}

impl SealPublicKey {
    /// The key of a PEM file, as `openssl pkey -pubout` writes one; none if it is anything else.
    pub fn from_pem(text: &str) -> Option<Self> {
        let der = read_pem(text, "PUBLIC KEY")?;
        Some(Self(der.strip_prefix(&PUBLIC_START)?.try_into().ok()?))
    }

    /// The key's PEM file.
    pub fn to_pem(&self) -> String {
        write_pem(&[&PUBLIC_START[..], &self.0].concat(), "PUBLIC KEY")
    }

    /// What it is called in seals: the first octets of its SHA-256.
    pub fn id(&self) -> String {
        to_hex(&Sha256::digest(self.0)[..ID_LEN])
    }

    /// Whether `signature` is this key's, of `octets`.
    pub(super) fn signed(&self, octets: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(octets, signature).is_ok()
    }
}

impl fmt::Debug for SealKey {
    /// Without the secret half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SealKey").field(&self.public().id()).finish()
    }
}

fn read_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let (mut digits, mut octets) = (Base64Digits::new(), Vec::new());
    let body: String = body.split_ascii_whitespace().collect();
    digits.feed(body.as_bytes(), &mut octets)?;
    digits.finish().then_some(octets)
}

fn write_pem(octets: &[u8], label: &str) -> String {
    let mut body = String::new();
    base64(octets, &mut body);
    let lines: Vec<&str> =
        body.as_bytes().chunks(PEM_LINE).map(|line| std::str::from_utf8(line).expect("Base64 is ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8410, §10.
    #[test]
    fn keys_are_those_of_rfc8410() {
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                       -----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                      -----END PUBLIC KEY-----\n";
        let key = SealKey::from_pem(private).unwrap();
        assert_eq!((key.to_pem().as_str(), key.public().to_pem().as_str()), (private, public));
        assert_eq!(SealPublicKey::from_pem(public), Some(key.public()));
        assert!(SealKey::from_pem(public).is_none() && SealPublicKey::from_pem(private).is_none());
        assert!(SealKey::from_pem(&private.replace("MC4C", "MC5C")).is_none());
        assert!(!format!("{key:?}").contains("seed"));
    }

    #[test]
    fn a_signature_is_of_one_key_and_one_text() {
        let (one, other) = (SealKey::generate().unwrap(), SealKey::generate().unwrap());
        let signature = one.sign(b"text");
        assert!(one.public().signed(b"text", &signature));
        assert!(!one.public().signed(b"texu", &signature));
        assert!(!other.public().signed(b"text", &signature));
        assert_ne!(one.public().id(), other.public().id());
    }
}
