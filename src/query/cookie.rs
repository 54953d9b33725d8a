//! DNS cookies (RFC 7873), made as RFC 9018 says, so that servers of several makes can share one address and secret.

use siphasher::sip::SipHasher24;
use siphasher::sip128;
use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// Octets of a client cookie (RFC 7873 §4).
pub(super) const CLIENT_LEN: usize = 8;
/// Octets of our server cookies (RFC 9018 §4).
const SERVER_LEN: usize = 16;
/// Octets of the option's data in a response.
pub(super) const COOKIE_LEN: usize = CLIENT_LEN + SERVER_LEN;
/// Lengths that the option's data may have with a server cookie, whoever made it (RFC 7873 §4).
const WITH_SERVER_LENS: std::ops::RangeInclusive<usize> = CLIENT_LEN + 8..=CLIENT_LEN + 32;
/// The first octet of a server cookie made so (RFC 9018 §4.1).
const VERSION: u8 = 1;
/// Octets of a server cookie in front of its hash: version, reserved, timestamp.
const HASH_AT: usize = 8;
/// Seconds after which a server cookie is no longer taken (RFC 9018 §4.3).
const AGE_MAX: u32 = 3600;
/// Seconds that a server cookie may lie in the future: another server of the address may be ahead (RFC 9018 §4.3).
const AHEAD_MAX: u32 = 300;
/// Seconds after which a client gets a new server cookie for its good one (RFC 9018 §4.3).
const RENEW_AGE: u32 = 1800;

/// Octets that only the servers of one address know.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecret(pub [u8; 16]);

/// The making and checking of server cookies.
#[derive(Clone, Debug)]
pub struct Cookies {
    secrets: Vec<CookieSecret>,
    roll_secs: u32,
    /// Whether a client that knows cookies but has no good one is sent to fetch one (BADCOOKIE, RFC 7873 §5.2.3)
    /// before it is answered over UDP.
    pub required: bool,
}

/// The cookie option of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent<'q> {
    client: &'q [u8; CLIENT_LEN],
    server: &'q [u8],
}

/// What is sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answered {
    /// The option's data.
    pub octets: [u8; COOKIE_LEN],
    /// Whether the client sent a good server cookie, and so is where it says it is.
    pub valid: bool,
}

impl<'q> Sent<'q> {
    /// Whether there is a server cookie with it.
    pub fn has_server(&self) -> bool {
        !self.server.is_empty()
    }

    /// The data of a cookie option; none if it has a length that RFC 7873 §5.2.2 forbids.
    pub fn read(data: &'q [u8]) -> Option<Self> {
        let (client, server) = data.split_first_chunk()?;
        (server.is_empty() || WITH_SERVER_LENS.contains(&data.len())).then_some(Self { client, server })
    }
}

impl Cookies {
    /// Cookies made with the first of `secrets`, and taken with any of them; without any, with a random one.
    ///
    /// Every `roll_secs` each secret is replaced by one derived from it, at the same moment on all servers that share it.
    /// That is by their clocks, so the server cookie's timestamp says which one made it, and those of the time before are
    /// good for the hour that any cookie is. With 0 the secrets are used as they are, which other makes of server do.
    pub fn new(mut secrets: Vec<CookieSecret>, roll_secs: u32) -> Self {
        if secrets.is_empty() {
            let mut secret = [0; 16];
            getrandom::fill(&mut secret).expect("the operating system gives random octets");
            secrets.push(CookieSecret(secret));
        }
        Self { secrets, roll_secs, required: false }
    }

    /// The answer to a client's cookie at `now`, in seconds since 1970.
    pub(super) fn answer(&self, sent: &Sent<'_>, client: IpAddr, now: u32) -> Answered {
        let age = self.age_of_good(sent, client, now);
        let mut octets = [0; COOKIE_LEN];
        octets[..CLIENT_LEN].copy_from_slice(sent.client);
        let server: &mut [u8] = &mut octets[CLIENT_LEN..];
        if age.is_some_and(|age| age <= RENEW_AGE) {
            server.copy_from_slice(sent.server);
        } else {
            server[0] = VERSION;
            server[4..HASH_AT].copy_from_slice(&now.to_be_bytes());
            let hash = hash(&self.secret_at(&self.secrets[0], now), sent.client, &server[..HASH_AT], client);
            server[HASH_AT..].copy_from_slice(&hash);
        }
        Answered { octets, valid: age.is_some() }
    }

    /// The age of the server cookie in seconds, if it is ours and not too old; one from the future has none yet.
    fn age_of_good(&self, sent: &Sent<'_>, client: IpAddr, now: u32) -> Option<u32> {
        let server: &[u8; SERVER_LEN] = sent.server.try_into().ok()?;
        let (said, sent_hash) = server.split_at(HASH_AT);
        if said[0] != VERSION {
            return None;
        }
        let made = u32::from_be_bytes([said[4], said[5], said[6], said[7]]);
        // Serial number arithmetic (RFC 9018 §4.3, RFC 1982), so that 2106 is like any other year.
        let age = if made.wrapping_sub(now) <= AHEAD_MAX { 0 } else { now.wrapping_sub(made) };
        let is_ours =
            |secret| bool::from(hash(&self.secret_at(secret, made), sent.client, said, client).ct_eq(sent_hash));
        (age <= AGE_MAX && self.secrets.iter().any(is_ours)).then_some(age)
    }

    /// What `secret` has become at `time`.
    fn secret_at(&self, secret: &CookieSecret, time: u32) -> [u8; 16] {
        match time.checked_div(self.roll_secs) {
            None => secret.0,
            Some(period) => {
                let mut hasher = sip128::SipHasher24::new_with_key(&secret.0);
                hasher.write(&period.to_be_bytes());
                sip128::Hasher128::finish128(&hasher).as_bytes()
            }
        }
    }
}

/// RFC 9018 §4.4.
fn hash(secret: &[u8; 16], client_cookie: &[u8; CLIENT_LEN], said: &[u8], client: IpAddr) -> [u8; 8] {
    let mut hasher = SipHasher24::new_with_key(secret);
    hasher.write(client_cookie);
    hasher.write(said);
    match client {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    // SipHash is defined over octets, and its result is written with the lowest first.
    hasher.finish().to_le_bytes()
}

/// Secrets do not show in logs.
impl fmt::Debug for CookieSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    fn secret(text: &str) -> CookieSecret {
        CookieSecret(hex(text).try_into().unwrap())
    }

    /// The answer to `cookie` as text, and whether it was good.
    fn answer(cookies: &Cookies, client: &str, cookie: &str, now: u32) -> (String, bool) {
        let cookie = hex(cookie);
        let sent = Sent::read(&cookie).expect("a cookie of a length that is allowed");
        let answered = cookies.answer(&sent, client.parse().unwrap(), now);
        (answered.octets.iter().map(|octet| format!("{octet:02x}")).collect(), answered.valid)
    }

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const CLIENT: &str = "198.51.100.100";
    const MADE: u32 = 1_559_731_985;
    const COOKIE: &str = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";

    fn fixed() -> Cookies {
        Cookies::new(vec![secret(SECRET)], 0)
    }

    #[test]
    fn rfc9018_a1_learning_a_new_server_cookie() {
        assert_eq!(answer(&fixed(), CLIENT, "2464c4abcf10c957", MADE), (COOKIE.into(), false));
    }

    #[test]
    fn rfc9018_a2_the_same_client_learning_a_renewed_server_cookie() {
        let renewed = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77";
        assert_eq!(answer(&fixed(), CLIENT, COOKIE, 1_559_734_385), (renewed.into(), true));
    }

    #[test]
    fn rfc9018_a3_another_client_learning_a_renewed_server_cookie() {
        // Its reserved octets are not zero, and are hashed as they are.
        let (client, cookie) = ("203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
        assert_eq!(answer(&fixed(), client, cookie, 1_559_727_985), (cookie.into(), true));
        // The document answers it 112 minutes later, which is later than its own §4.3 takes it; the new one is the same.
        let renewed = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e";
        assert_eq!(answer(&fixed(), client, cookie, 1_559_734_700), (renewed.into(), false));
    }

    #[test]
    fn rfc9018_a4_ipv6_query_with_rolled_over_secret() {
        let new_and_old = [secret("445536bcd2513298075a5d379663c962"), secret("dd3bdf9344b678b185a6f5cb60fca715")];
        let cookies = Cookies::new(new_and_old.to_vec(), 0);
        let (client, cookie) =
            ("2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298010000005cf7c57926556bd0934c72f8");
        let renewed = "22681ab97d52c298010000005cf7c609a6bb79d16625507a";
        let (answered, valid) = answer(&cookies, client, cookie, 1_559_741_961);
        // At 144 seconds of age we keep it; made anew with the new secret it is the document's.
        assert_eq!((answered.as_str(), valid), (cookie, true));
        assert_eq!(answer(&cookies, client, "22681ab97d52c298", 1_559_741_961), (renewed.into(), false));
    }

    #[test]
    fn a_cookie_is_good_for_an_hour_and_renewed_after_half_of_it() {
        for (now, good, kept) in [
            (MADE - 301, false, false),
            (MADE - 300, true, true),
            (MADE + 1800, true, true),
            (MADE + 1801, true, false),
            (MADE + 3600, true, false),
            (MADE + 3601, false, false),
        ] {
            let (answered, valid) = answer(&fixed(), CLIENT, COOKIE, now);
            assert_eq!((valid, answered == COOKIE), (good, kept), "at {now}");
        }
        // Over the end of 32 bits (2106) as at any other time.
        let (cookie, _) = answer(&fixed(), CLIENT, "2464c4abcf10c957", u32::MAX - 10);
        assert_eq!(answer(&fixed(), CLIENT, &cookie, 50), (cookie, true));
    }

    #[test]
    fn a_cookie_of_another_client_secret_version_or_length_is_not_good() {
        let changed = |at: usize| {
            let mut octets = hex(COOKIE);
            octets[at] ^= 1;
            octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>()
        };
        for at in 0..24 {
            assert!(!answer(&fixed(), CLIENT, &changed(at), MADE).1, "octet {at}");
        }
        assert!(!answer(&fixed(), "198.51.100.101", COOKIE, MADE).1);
        assert!(!answer(&Cookies::new(vec![], 0), CLIENT, COOKIE, MADE).1);
        for length in (32..=80).step_by(2).filter(|length| *length != 48) {
            let cookie = format!("{COOKIE}{COOKIE}")[..length].to_owned();
            assert!(!answer(&fixed(), CLIENT, &cookie, MADE).1, "{length} digits");
        }
    }

    #[test]
    fn lengths_that_are_no_cookie() {
        let octets = [0; 42];
        for length in 0..=octets.len() {
            let allowed = length == 8 || (16..=40).contains(&length);
            assert_eq!(Sent::read(&octets[..length]).is_some(), allowed, "{length}");
        }
    }

    #[test]
    fn secrets_roll_with_the_clock_and_a_cookie_outlives_it() {
        let rolling = Cookies::new(vec![secret(SECRET)], 86_400);
        // Ten seconds before a roll.
        let before = 20_000 * 86_400 - 10;
        let (cookie, _) = answer(&rolling, CLIENT, "2464c4abcf10c957", before);
        assert_eq!(answer(&rolling, CLIENT, &cookie, before + 600), (cookie.clone(), true));
        let others = Cookies::new(vec![secret(SECRET)], 86_400);
        assert!(answer(&others, CLIENT, &cookie, before + 600).1, "another server with the secret takes it");
        // The hash of one period says nothing in the next.
        let (fixed_before, fixed_after) =
            (rolling.secret_at(&secret(SECRET), before), rolling.secret_at(&secret(SECRET), before + 10));
        assert_ne!(fixed_before, fixed_after);
        assert_ne!(fixed_before, hex(SECRET)[..]);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", fixed()).contains("e5"), "{:?}", fixed());
    }
}
