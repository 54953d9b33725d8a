//! Time-based one-time passwords (RFC 6238): six digits, HMAC-SHA-1, steps of 30 seconds, as all authenticators have them.

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use std::fmt;
use subtle::ConstantTimeEq as _;

/// Seconds of one step (RFC 6238 §5.2).
const STEP_SECS: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Octets of a new secret: the length of the hash (RFC 4226 §4, R6).
const SECRET_OCTETS: usize = 20;
/// Fewest octets of a secret: 128 bits (RFC 4226 §4, R6).
const SECRET_OCTETS_MIN: usize = 16;
/// The digits of Base32 (RFC 4648 §6), in which authenticators take secrets.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A number of 30 seconds since 1970.
pub(super) type Step = i64;

/// What a server and an authenticator share.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Box<[u8]>);

impl TotpSecret {
    /// A new random secret.
    ///
    /// # Errors
    /// The operating system has no random octets to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut octets = [0; SECRET_OCTETS];
        getrandom::fill(&mut octets)?;
        Ok(Self(octets.into()))
    }

    /// The secret that `text` is in Base32, with or without padding, in either case; none if it is anything else, or
    /// shorter than 16 octets.
    pub fn from_base32(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches('=');
        let (mut octets, mut value, mut bits) = (Vec::new(), 0u32, 0);
        for digit in digits.bytes() {
            let digit = BASE32.iter().position(|known| *known == digit.to_ascii_uppercase())?;
            value = value << 5 | u32::try_from(digit).ok()?;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                octets.push(u8::try_from(value >> bits & 0xff).ok()?);
            }
        }
        // Bits that make no octet are zero, and fewer than one digit has.
        let whole = bits < 5 && value & ((1 << bits) - 1) == 0;
        (whole && octets.len() >= SECRET_OCTETS_MIN).then(|| Self(octets.into()))
    }

    /// The secret in Base32, without padding.
    pub fn to_base32(&self) -> String {
        let (mut text, mut value, mut bits) = (String::new(), 0u32, 0);
        for octet in &self.0 {
            value = value << 8 | u32::from(*octet);
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                text.push(char::from(BASE32[(value >> bits & 31) as usize]));
            }
        }
        if bits > 0 {
            text.push(char::from(BASE32[(value << (5 - bits) & 31) as usize]));
        }
        text
    }

    /// What an authenticator scans or is given: `name` is shown beside the code.
    pub fn uri(&self, name: &str) -> String {
        format!("otpauth://totp/Zhengming:{name}?secret={}&issuer=Zhengming", self.to_base32())
    }

    /// The code at `now`, in seconds since 1970.
    pub fn code_at(&self, now: i64) -> String {
        self.code(step_at(now))
    }

    /// Whether this can be a code: six digits.
    pub fn is_code(presented: &str) -> bool {
        presented.len() == DIGITS && presented.bytes().all(|octet| octet.is_ascii_digit())
    }

    /// The step whose code `presented` is, if it is that of `now` or of the one before or after (RFC 6238 §5.2): clocks
    /// differ, and people type slowly. All three are compared, in constant time.
    pub(super) fn step_of(&self, presented: &str, now: i64) -> Option<Step> {
        let now = step_at(now);
        let mut found = None;
        for step in [now - 1, now, now + 1] {
            if self.code(step).as_bytes().ct_eq(presented.as_bytes()).into() {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step (RFC 4226 §5.3).
    fn code(&self, step: Step) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let offset = usize::from(hash[hash.len() - 1] & 0xf);
        let four = [hash[offset] & 0x7f, hash[offset + 1], hash[offset + 2], hash[offset + 3]];
        format!("{:06}", u32::from_be_bytes(four) % 1_000_000)
    }
}

/// The step at `now`.
pub(super) fn step_at(now: i64) -> Step {
    now.div_euclid(STEP_SECS)
}

impl fmt::Debug for TotpSecret {
    /// Without the secret: it must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret() -> TotpSecret {
        TotpSecret(b"12345678901234567890".as_slice().into())
    }

    /// The vectors of RFC 6238, appendix B (their last six digits), and of RFC 4226, appendix D.
    #[test]
    fn codes_are_those_of_the_rfcs() {
        for (now, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().code_at(now), code, "{now}");
        }
        let counted =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (step, code) in (0..).zip(counted) {
            assert_eq!(secret().code(step), code, "{step}");
        }
    }

    #[test]
    fn a_code_holds_one_step_to_either_side() {
        let code = secret().code_at(59);
        let held = |now| secret().step_of(&code, now);
        assert_eq!((held(0), held(29), held(30), held(89), held(90)), (Some(1), Some(1), Some(1), Some(1), None));
        assert_eq!(held(-1), None);
        for wrong in ["", "28708", "2870820", "287083", "２８７０８２"] {
            assert_eq!(secret().step_of(wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_base32() {
        assert_eq!(secret().to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(TotpSecret::from_base32("gezdgnbvgy3tqojqgezdgnbvgy3tqojq"), Some(secret()));
        for wrong in ["", "GEZDGNBVGY3TQOJQ", "GEZDGNBVGY3TQOJQGEZDGNBVG1", "GEZDGNBVGY3TQOJQGEZDGNBVGZ"] {
            assert_eq!(TotpSecret::from_base32(wrong), None, "{wrong}");
        }
        assert!(!format!("{:?}", secret()).contains("49"));
    }

    proptest! {
        #[test]
        fn secrets_are_read_back(octets in proptest::collection::vec(any::<u8>(), SECRET_OCTETS_MIN..40)) {
            let secret = TotpSecret(octets.into());
            prop_assert_eq!(TotpSecret::from_base32(&secret.to_base32()), Some(secret));
        }
    }
}
