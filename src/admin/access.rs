//! What is remembered of those who call: how often, with what luck, and which codes were used.
//!
//! Memory is bounded: an entry for each token of the settings, and at most `ADDRESSES_MAX` for addresses.

use super::Shared;
use super::token::Token;
use super::totp::{Step, TotpSecret, step_at};
use crate::registry::Timestamp;
use crate::telemetry;
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Addresses that are remembered; beyond it the idle ones are forgotten, and then the one not seen for longest.
const ADDRESSES_MAX: usize = 4096;
/// Seconds' worth of requests that may come at once.
const BURST_SECS: f64 = 5.0;
/// Wrong codes of one token that may come at once, and seconds until another one may: over a day a guesser gets 150 of a
/// million (RFC 4226 §7.3).
const WRONG_CODES: f64 = 5.0;
const WRONG_CODE_SECS: f64 = 600.0;
/// Seconds between two lines in the log about a token that ends soon.
const WARN_AGAIN_SECS: i64 = 24 * 3600;

/// What one caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLimits {
    /// Requests a second of one token; 0: any number.
    pub per_token: u32,
    /// Requests a second of one address (IPv6: one /64); 0: any number.
    pub per_address: u32,
    /// Refused tokens a minute of one address; 0: any number.
    pub failures: u32,
    /// Addresses without these limits.
    pub exempt: Vec<IpNet>,
    /// From how many seconds before its end on a token is warned of.
    pub warn_secs: i64,
}

/// The memory.
pub struct Access {
    limits: Shared<AccessLimits>,
    metrics: telemetry::Admin,
    /// Codes of this step, and of steps before it, may have been used before the start.
    began: Step,
    tokens: Mutex<HashMap<Box<str>, TokenUse>>,
    addresses: Mutex<HashMap<u64, AddressUse>>,
}

/// Why a request waits: seconds until it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) u16);

/// Why a code confirms nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unconfirmed {
    /// The token has no second factor.
    None,
    /// It is no six digits, so nobody's: not a guess, but a slip.
    Malformed,
    /// It is not the token's.
    Wrong,
    /// It was used, or may have been before the start.
    Used,
    /// Too many wrong ones came.
    Slowed(Wait),
}

#[derive(Default)]
struct TokenUse {
    last: Option<Timestamp>,
    warned: Option<Timestamp>,
    requests: Option<Bucket>,
    codes: Option<Bucket>,
    step: Option<Step>,
}

struct AddressUse {
    requests: Bucket,
    failures: Bucket,
}

/// Fills with time, and is emptied by what is counted.
#[derive(Clone, Copy)]
struct Bucket {
    level: f64,
    at: Instant,
}

impl Access {
    /// Nothing has been seen yet.
    pub fn new(limits: AccessLimits, now: Timestamp, metrics: telemetry::Admin) -> Self {
        Self {
            limits: Shared::new(limits),
            metrics,
            // The code of the step ahead is taken too, so it may have been.
            began: step_at(now.0) + 1,
            tokens: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// Takes over the limits and tokens of new settings; what is remembered of tokens that are gone is forgotten.
    pub fn configure(&self, limits: AccessLimits, tokens: &[Token]) {
        // Buckets are as full as the limits they were made for.
        lock(&self.addresses).clear();
        self.limits.set(limits);
        let names: HashSet<&str> = tokens.iter().map(|token| &*token.name).collect();
        lock(&self.tokens).retain(|name, _| names.contains(&**name));
        self.metrics.token_expiries(tokens.iter().filter_map(|token| Some((&*token.name, token.expires?.0))));
    }

    /// Counts a request from an address that has not said yet whose it is.
    pub(super) fn address(&self, address: Option<IpAddr>) -> Result<(), Wait> {
        let limits = self.limits.get();
        let Some(address) = address.filter(|address| !is_exempt(&limits, *address)) else { return Ok(()) };
        let now = Instant::now();
        let mut addresses = lock(&self.addresses);
        let seen = entry(&mut addresses, address, &limits, now);
        let (rate, burst) = failure_pace(&limits);
        if limits.failures > 0 && seen.failures.filled(rate, burst, now) < 1.0 {
            self.metrics.limited("login");
            return Err(seen.failures.wait(rate));
        }
        let (rate, burst) = pace(limits.per_address);
        take(&mut seen.requests, limits.per_address, rate, burst, now).inspect_err(|_| self.metrics.limited("address"))
    }

    /// Counts a token that was refused.
    pub(super) fn failed(&self, address: Option<IpAddr>) {
        let limits = self.limits.get();
        let Some(address) = address.filter(|address| !is_exempt(&limits, *address)) else { return };
        let now = Instant::now();
        let (rate, burst) = failure_pace(&limits);
        let mut addresses = lock(&self.addresses);
        let seen = entry(&mut addresses, address, &limits, now);
        seen.failures.filled(rate, burst, now);
        seen.failures.level = (seen.failures.level - 1.0).max(0.0);
    }

    /// Counts a request of a token.
    pub(super) fn token(&self, token: &Token, address: Option<IpAddr>, now: Timestamp) -> Result<(), Wait> {
        let limits = self.limits.get();
        let mut tokens = lock(&self.tokens);
        let seen = tokens.entry(token.name.clone()).or_default();
        if !address.is_some_and(|address| is_exempt(&limits, address)) {
            let (rate, burst) = pace(limits.per_token);
            let at = Instant::now();
            let bucket = seen.requests.get_or_insert(Bucket { level: burst, at });
            take(bucket, limits.per_token, rate, burst, at).inspect_err(|_| self.metrics.limited("token"))?;
        }
        seen.last = Some(now);
        Ok(())
    }

    /// That `code` is the token's at this time, and none that was used. Looked at under one lock: of requests with the same
    /// code one is confirmed.
    pub(super) fn confirm(&self, token: &Token, code: &str, now: Timestamp) -> Result<(), Unconfirmed> {
        let confirmed = self.try_confirm(token, code, now);
        self.metrics.second_factor(match confirmed {
            Ok(()) => "confirmed",
            Err(Unconfirmed::None) => "none",
            Err(Unconfirmed::Malformed) => "malformed",
            Err(Unconfirmed::Wrong) => "wrong",
            Err(Unconfirmed::Used) => "used",
            Err(Unconfirmed::Slowed(_)) => "slowed",
        });
        confirmed
    }

    fn try_confirm(&self, token: &Token, code: &str, now: Timestamp) -> Result<(), Unconfirmed> {
        let secret = token.totp.as_ref().ok_or(Unconfirmed::None)?;
        if !TotpSecret::is_code(code) {
            return Err(Unconfirmed::Malformed);
        }
        let (at, rate) = (Instant::now(), 1.0 / WRONG_CODE_SECS);
        let mut tokens = lock(&self.tokens);
        let seen = tokens.entry(token.name.clone()).or_default();
        let bucket = seen.codes.get_or_insert(Bucket { level: WRONG_CODES, at });
        if bucket.filled(rate, WRONG_CODES, at) < 1.0 {
            return Err(Unconfirmed::Slowed(bucket.wait(rate)));
        }
        let Some(step) = secret.step_of(code, now.0) else {
            bucket.level -= 1.0;
            return Err(Unconfirmed::Wrong);
        };
        // An older code is refused too (RFC 6238 §5.2): whoever saw it may not use it after a newer one.
        if step <= seen.step.unwrap_or(self.began) {
            return Err(Unconfirmed::Used);
        }
        bucket.level = WRONG_CODES;
        seen.step = Some(step);
        Ok(())
    }

    /// When the token ends, if that is soon; the log hears of it once a day.
    pub(super) fn ends_soon(&self, token: &Token, now: Timestamp) -> Option<Timestamp> {
        let end = token.expires.filter(|end| end.0.saturating_sub(now.0) <= self.limits.get().warn_secs)?;
        let mut tokens = lock(&self.tokens);
        let seen = tokens.entry(token.name.clone()).or_default();
        if seen.warned.is_none_or(|warned| now.0 - warned.0 >= WARN_AGAIN_SECS) {
            seen.warned = Some(now);
            tracing::warn!(token = %token.name, end = %end, "a token ends soon; make a new one / 令牌即将到期，请更换");
        }
        Some(end)
    }

    /// When the token was last used since the start.
    pub(super) fn last_used(&self, name: &str) -> Option<Timestamp> {
        lock(&self.tokens).get(name)?.last
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_exempt(limits: &AccessLimits, address: IpAddr) -> bool {
    limits.exempt.iter().any(|network| network.contains(&address.to_canonical()))
}

fn pace(per_second: u32) -> (f64, f64) {
    let rate = f64::from(per_second);
    (rate, (rate * BURST_SECS).max(1.0))
}

fn failure_pace(limits: &AccessLimits) -> (f64, f64) {
    let failures = f64::from(limits.failures);
    (failures / 60.0, failures.max(1.0))
}

fn take(bucket: &mut Bucket, limit: u32, rate: f64, burst: f64, now: Instant) -> Result<(), Wait> {
    if limit == 0 {
        return Ok(());
    }
    if bucket.filled(rate, burst, now) < 1.0 {
        return Err(bucket.wait(rate));
    }
    bucket.level -= 1.0;
    Ok(())
}

/// What is remembered of an address; another one makes room if there are too many.
fn entry<'a>(
    addresses: &'a mut HashMap<u64, AddressUse>,
    address: IpAddr,
    limits: &AccessLimits,
    now: Instant,
) -> &'a mut AddressUse {
    let client = crate::http::accept::client_of(address);
    if addresses.len() >= ADDRESSES_MAX && !addresses.contains_key(&client) {
        make_room(addresses, limits, now);
    }
    addresses.entry(client).or_insert_with(|| AddressUse {
        requests: Bucket { level: pace(limits.per_address).1, at: now },
        failures: Bucket { level: failure_pace(limits).1, at: now },
    })
}

fn make_room(addresses: &mut HashMap<u64, AddressUse>, limits: &AccessLimits, now: Instant) {
    let ((rate, burst), (mends, failures)) = (pace(limits.per_address), failure_pace(limits));
    addresses.retain(|_, seen| {
        seen.requests.filled(rate, burst, now) < burst || seen.failures.filled(mends, failures, now) < failures
    });
    if addresses.len() >= ADDRESSES_MAX {
        let emptiest = |seen: &AddressUse| seen.failures.level / failures;
        // Those with the fewest failures go first: a guesser must not be forgotten because others came.
        let gone = addresses.iter().max_by(|a, b| emptiest(a.1).total_cmp(&emptiest(b.1))).map(|(client, _)| *client);
        gone.map(|client| addresses.remove(&client));
    }
}

impl Bucket {
    /// How full it is now.
    fn filled(&mut self, rate: f64, burst: f64, now: Instant) -> f64 {
        let secs = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + secs * rate).min(burst);
        self.at = now;
        self.level
    }

    /// Until one more fits.
    fn wait(&self, rate: f64) -> Wait {
        let secs = if rate > 0.0 { (1.0 - self.level) / rate } else { 1.0 };
        Wait(secs.ceil().clamp(1.0, 3600.0) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Role;

    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn limits() -> AccessLimits {
        AccessLimits { per_token: 2, per_address: 3, failures: 4, exempt: Vec::new(), warn_secs: 100 }
    }

    fn access(now: i64) -> Access {
        Access::new(limits(), Timestamp(now), telemetry::Telemetry::new().admin)
    }

    fn token(expires: Option<i64>) -> Token {
        let mut token = Token::new("one".into(), Role::Operator, [0; 32]);
        token.totp = TotpSecret::from_base32(SECRET);
        token.expires = expires.map(Timestamp);
        token
    }

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a_code_is_good_once_and_none_before_it_is() {
        let (access, token) = (access(0), token(None));
        let secret = token.totp.clone().unwrap();
        let confirm = |code: &str, now| access.confirm(&token, code, Timestamp(now));
        assert_eq!(confirm(&secret.code_at(0), 10), Err(Unconfirmed::Used), "it may have been used before the start");
        assert_eq!(
            confirm(&secret.code_at(30), 10),
            Err(Unconfirmed::Used),
            "so may the next, by a clock that is ahead"
        );
        let (second, third) = (secret.code_at(60), secret.code_at(90));
        assert_eq!(confirm(&second, 60), Ok(()));
        assert_eq!(confirm(&second, 61), Err(Unconfirmed::Used));
        assert_eq!(confirm(&third, 62), Ok(()), "the next one may come early");
        assert_eq!(confirm(&second, 63), Err(Unconfirmed::Used), "and the one before it is over");
        let bare = Token { totp: None, ..token.clone() };
        assert_eq!(access.confirm(&bare, &third, Timestamp(90)), Err(Unconfirmed::None));
    }

    #[test]
    fn of_requests_with_one_code_one_is_confirmed() {
        let (access, token) = (access(0), token(None));
        let code = token.totp.as_ref().unwrap().code_at(120);
        let confirmed = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| access.confirm(&token, &code, Timestamp(120)).is_ok())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|good| *good).count()
        });
        assert_eq!(confirmed, 1);
    }

    #[test]
    fn guesses_are_few() {
        let (access, token) = (access(0), token(None));
        for _ in 0..5 {
            // A slip is no guess.
            for slip in ["", "12345x", "1234567", "１２３４５６"] {
                assert_eq!(access.confirm(&token, slip, Timestamp(60)), Err(Unconfirmed::Malformed));
            }
            assert_eq!(access.confirm(&token, "000000", Timestamp(60)), Err(Unconfirmed::Wrong));
        }
        let code = token.totp.as_ref().unwrap().code_at(60);
        assert!(matches!(access.confirm(&token, &code, Timestamp(60)), Err(Unconfirmed::Slowed(Wait(1..=600)))));
    }

    #[test]
    fn addresses_and_tokens_have_their_share() {
        let access = access(0);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let granted = (0..100).filter(|_| access.address(one).is_ok()).count();
        assert!((15..100).contains(&granted), "{granted}");
        assert_eq!(access.address(one), Err(Wait(1)));
        assert_eq!(access.address(other), Ok(()));
        let token = token(None);
        let granted = (0..100).filter(|_| access.token(&token, one, Timestamp(5)).is_ok()).count();
        assert!((10..100).contains(&granted), "{granted}");
        assert_eq!(access.last_used("one"), Some(Timestamp(5)));
        assert_eq!(access.address(None), Ok(()));
    }

    #[test]
    fn who_fails_waits_and_is_not_forgotten_for_others() {
        let access = access(0);
        let guesser = address("192.0.2.1");
        (0..4).for_each(|_| access.failed(guesser));
        assert!(access.address(guesser).is_err());
        for n in 0..2 * ADDRESSES_MAX as u32 {
            let other = Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
            assert_eq!(access.address(other), Ok(()));
        }
        assert!(lock(&access.addresses).len() <= ADDRESSES_MAX);
        assert!(access.address(guesser).is_err());
        access.configure(AccessLimits { exempt: vec!["192.0.2.0/24".parse().unwrap()], ..limits() }, &[]);
        assert_eq!(access.address(guesser), Ok(()));
    }

    #[test]
    fn a_token_is_warned_of_before_its_end() {
        let access = access(0);
        let token = token(Some(1000));
        assert_eq!(access.ends_soon(&token, Timestamp(899)), None);
        assert_eq!(access.ends_soon(&token, Timestamp(900)), Some(Timestamp(1000)));
    }
}
