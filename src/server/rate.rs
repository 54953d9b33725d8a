//! Response rate limiting over UDP: what one network is sent of one kind of answer in a second.
//!
//! A forged request makes the server send its answer to a victim. Nobody needs the same answer hundreds of times in a
//! second, so beyond a limit most are dropped, and the others truncated: a real client that is hit comes back over TCP, or
//! with the cookie that was in the truncated answer, which proves where it is.
//!
//! Each UDP thread has a table of its own, made once: nothing is allocated or locked for a packet, and however many
//! networks there are, it does not grow. An old entry that nobody has used gives way to a new one.

use crate::query::{Kind, Outcome};
use crate::telemetry::{DnsCounter, Limited};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use ipnet::IpNet;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::OnceLock;

/// Entries that a key may be at: they are one cache line.
const WAYS: usize = 4;
/// Microseconds in a second: as much of its rate as a network may use at once.
const SECOND: u64 = 1_000_000;
/// Microseconds between two lines of the log.
const LOG_PAUSE: u64 = 10 * SECOND;
/// Octets of a message's header.
const HEADER_LEN: usize = 12;
/// Longest name.
const NAME_LEN_MAX: usize = 255;

/// Settings of the rate limit. A rate of 0 is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Answers a second for one name (those made from a wildcard or a DNAME: of one zone).
    pub answers: u32,
    /// Negative answers a second from one zone.
    pub negatives: u32,
    /// Referrals a second to one delegation.
    pub referrals: u32,
    /// Errors and refusals a second.
    pub errors: u32,
    /// Of so many answers beyond the limit one is sent truncated; 0: none.
    pub slip: u32,
    /// Bits of an IPv4 address that make the network.
    pub ipv4_prefix: u8,
    /// Bits of an IPv6 address that make the network.
    pub ipv6_prefix: u8,
    /// Networks that are not limited.
    pub exempt: Vec<IpNet>,
    /// Whether what is beyond the limit is only counted and logged, and sent all the same.
    pub log_only: bool,
    /// Entries of each UDP thread's table, 16 octets each.
    pub table_size: usize,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            // What NSD takes; a resolver asks for a name once in its TTL, and a /24 of them some times.
            answers: 200,
            negatives: 200,
            referrals: 200,
            errors: 200,
            slip: 2,
            ipv4_prefix: 24,
            // What one customer gets at most; a victim has no use for a finer one.
            ipv6_prefix: 56,
            // Nobody forges these from outside.
            exempt: ["127.0.0.0/8", "::1/128"].map(|net| net.parse().expect("a network")).to_vec(),
            log_only: false,
            table_size: 1 << 16,
        }
    }
}

/// What shall be done with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is sent.
    Send,
    /// It would have been limited, but is sent.
    Log,
    /// It is not sent.
    Drop,
    /// It is sent truncated.
    Slip,
}

impl Verdict {
    /// Counts what becomes of a response of `len` octets, and truncates it if it is to be; its length then, 0 if it is not
    /// sent.
    #[inline]
    pub fn carry_out(self, len: usize, counter: &DnsCounter, truncate: impl FnOnce() -> usize) -> usize {
        let limited = match self {
            Self::Send => return len,
            Self::Log => Limited::Logged,
            Self::Drop => Limited::Dropped,
            Self::Slip => Limited::Slipped,
        };
        counter.limited(limited);
        match limited {
            Limited::Logged => len,
            Limited::Dropped => 0,
            Limited::Slipped => truncate(),
        }
    }
}

/// The limiter of one thread.
pub(super) struct Limiter {
    limits: RateLimits,
    /// Microseconds that one response uses up, by class.
    costs: [u64; 4],
    /// Names and networks are chosen by strangers; whom they share an entry with must not be.
    seed: (u64, &'static SharedSeed),
    table: Box<[[Entry; WAYS]]>,
    may_log_at: u64,
}

/// What one network has been sent of one kind.
#[derive(Clone, Copy, Default)]
struct Entry {
    tag: u32,
    /// Responses beyond the limit.
    beyond: u32,
    /// When all that it was sent is used up (the generic cell rate algorithm, in microseconds of this thread).
    used_until: u64,
}

/// Kinds of answer with a limit of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Answer,
    Negative,
    Referral,
    Error,
}

impl Limiter {
    /// The limiter of one of `threads` threads, over which a client's requests spread evenly by its ports.
    pub fn new(limits: RateLimits, threads: usize) -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        let random = || getrandom::u64().expect("the operating system gives random octets");
        let seed = (random(), SHARED.get_or_init(|| SharedSeed::from_u64(random())));
        let rates = [limits.answers, limits.negatives, limits.referrals, limits.errors];
        let costs = rates.map(|rate| (threads as u64 * SECOND).checked_div(u64::from(rate)).unwrap_or(0));
        let sets = (limits.table_size / WAYS).next_power_of_two();
        let table = vec![[Entry::default(); WAYS]; sets].into();
        Self { limits, costs, seed, table, may_log_at: 0 }
    }

    /// What shall be done with `response` to `address` at `now`, in microseconds since some moment.
    #[inline]
    pub fn judge(&mut self, now: u64, address: IpAddr, outcome: &Outcome, response: &[u8]) -> Verdict {
        let class = match outcome.kind {
            Kind::Answer => Class::Answer,
            Kind::Nodata | Kind::Nxdomain | Kind::Held => Class::Negative,
            Kind::Referral => Class::Referral,
            Kind::Refused | Kind::Error => Class::Error,
            Kind::Dropped => return Verdict::Send,
        };
        let cost = self.costs[class as usize];
        // A good cookie shows that the address is not forged.
        if cost == 0 || outcome.cookie {
            return Verdict::Send;
        }
        let hash = self.hash(address, class, outcome, response);
        let sets = self.table.len();
        let entry = Self::entry(&mut self.table[hash as usize & (sets - 1)], (hash >> 32) as u32);
        let used_until = entry.used_until.max(now) + cost;
        if used_until - now <= SECOND.max(cost) {
            entry.used_until = used_until;
            entry.beyond = 0;
            return Verdict::Send;
        }
        entry.beyond = entry.beyond.wrapping_add(1);
        let slips = self.limits.slip != 0 && entry.beyond.is_multiple_of(self.limits.slip);
        if self.limits.exempt.iter().any(|net| net.contains(&address)) {
            return Verdict::Send;
        }
        self.log(now, address, class);
        match (self.limits.log_only, slips, class) {
            (true, ..) => Verdict::Log,
            (false, false, _) => Verdict::Drop,
            // It is longer than the request by an OPT at most, and TC means nothing in it.
            (false, true, Class::Error) => Verdict::Send,
            (false, true, _) => Verdict::Slip,
        }
    }

    /// The entry for `tag`; if there is none, the one that was used up first gives way.
    fn entry(set: &mut [Entry; WAYS], tag: u32) -> &mut Entry {
        let found = set.iter().position(|entry| entry.tag == tag && entry.used_until > 0);
        let at = found.unwrap_or_else(|| {
            let idlest = (0..WAYS).min_by_key(|at| set[*at].used_until).expect("a set has entries");
            set[idlest] = Entry { tag, ..Entry::default() };
            idlest
        });
        &mut set[at]
    }

    /// Whole words only, which the hash takes without buffering.
    #[inline]
    fn hash(&self, address: IpAddr, class: Class, outcome: &Outcome, response: &[u8]) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.seed.0, self.seed.1);
        let class_word = (class as u64) << 32;
        match address {
            IpAddr::V4(address) => {
                let shift = 32 - u32::from(self.limits.ipv4_prefix.min(32));
                hasher.write_u64(class_word | u64::from(u32::from(address)).wrapping_shr(shift));
            }
            IpAddr::V6(address) => {
                let shift = 128 - u32::from(self.limits.ipv6_prefix.min(128));
                let network = u128::from(address).checked_shr(shift).unwrap_or(0);
                // A word more than an IPv4 address has.
                for word in [class_word, network as u64, (network >> 64) as u64] {
                    hasher.write_u64(word);
                }
            }
        }
        let name = match class {
            Class::Answer if !outcome.synthesised => name_at(response, HEADER_LEN),
            Class::Referral => first_owner(response),
            _ => None,
        };
        match (name, class) {
            (Some(name), _) => write_name(name, &mut hasher),
            (None, Class::Error) => {}
            (None, _) => hasher.write_u64(outcome.zone.map_or(u64::MAX, |zone| zone as u64)),
        }
        hasher.finish()
    }

    /// Says now and then who is limited: the counters do not know it.
    fn log(&mut self, now: u64, address: IpAddr, class: Class) {
        if now < self.may_log_at {
            return;
        }
        self.may_log_at = now + LOG_PAUSE;
        let bits = if address.is_ipv4() { self.limits.ipv4_prefix } else { self.limits.ipv6_prefix };
        let network = IpNet::new(address, bits).map(|net| net.trunc());
        let network = network.unwrap_or_else(|_| address.into());
        tracing::warn!(%network, ?class, log_only = self.limits.log_only, "responses beyond the rate limit");
    }
}

/// Hashes a name whatever the case of its letters. What else the bit of case makes the same are octets that hosts' names
/// do not have: their limit is one.
#[inline]
fn write_name(name: &[u8], hasher: &mut FoldHasher<'_>) {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        hasher.write_u64(u64::from_le_bytes(*word) | CASE);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hasher.write_u64(u64::from_le_bytes(last) | CASE);
}

/// The uncompressed name at `start` of `message`.
fn name_at(message: &[u8], start: usize) -> Option<&[u8]> {
    let mut at = start;
    loop {
        let length = usize::from(*message.get(at)?);
        if length > 63 {
            return None;
        }
        at += 1 + length;
        if length == 0 {
            return message.get(start..at).filter(|name| name.len() <= NAME_LEN_MAX);
        }
    }
}

/// The owner of the first record, which in a referral is the delegation's and in the question too.
fn first_owner(response: &[u8]) -> Option<&[u8]> {
    let at = HEADER_LEN + name_at(response, HEADER_LEN)?.len() + 4;
    match response.get(at..at + 2)? {
        [high, low] if *high >= 0xc0 => name_at(response, usize::from(high & 0x3f) << 8 | usize::from(*low)),
        _ => name_at(response, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn limits() -> RateLimits {
        let rates = RateLimits { answers: 10, negatives: 20, referrals: 5, errors: 2, ..RateLimits::default() };
        RateLimits { slip: 0, table_size: 1024, ..rates }
    }

    fn outcome(kind: Kind) -> Outcome {
        Outcome {
            len: 100,
            rcode: 0,
            kind,
            zone: Some(1),
            truncated: false,
            cookie: false,
            synthesised: false,
            tsig: None,
        }
    }

    /// A response that echoes a question for this name; a referral's NS belong to what begins at `cut` of it.
    fn response(name: &str, cut: usize) -> Vec<u8> {
        let mut octets = vec![0; HEADER_LEN];
        for label in name.split('.') {
            octets.push(label.len() as u8);
            octets.extend_from_slice(label.as_bytes());
        }
        octets.extend_from_slice(&[0, 0, 1, 0, 1, 0xc0, (HEADER_LEN + cut) as u8]);
        octets
    }

    /// How many of `tries` responses at `now` are sent.
    fn sent(limiter: &mut Limiter, now: u64, tries: usize, address: IpAddr, outcome: &Outcome, name: &str) -> usize {
        let response = response(name, 0);
        (0..tries).filter(|_| limiter.judge(now, address, outcome, &response) == Verdict::Send).count()
    }

    #[test]
    fn each_kind_has_its_rate_in_each_second() {
        for (kind, rate) in [
            (Kind::Answer, 10),
            (Kind::Nodata, 20),
            (Kind::Nxdomain, 20),
            (Kind::Held, 20),
            (Kind::Referral, 5),
            (Kind::Refused, 2),
            (Kind::Error, 2),
        ] {
            let mut limiter = Limiter::new(limits(), 1);
            for second in 5..10 {
                assert_eq!(
                    sent(&mut limiter, second * SECOND, 100, ONE, &outcome(kind), "a.example"),
                    rate,
                    "{kind:?}"
                );
            }
            // Half a second gives half of it.
            let half = sent(&mut limiter, 9 * SECOND + SECOND / 2, 100, ONE, &outcome(kind), "a.example");
            assert_eq!(half, rate / 2, "{kind:?}");
            assert_eq!(sent(&mut limiter, 99 * SECOND, 100, ONE, &outcome(kind), "a.example"), rate, "{kind:?}");
        }
    }

    #[test]
    fn a_slow_client_is_never_limited() {
        let mut limiter = Limiter::new(limits(), 1);
        for n in 0..1000 {
            assert_eq!(sent(&mut limiter, n * SECOND / 10, 1, ONE, &outcome(Kind::Answer), "a.example"), 1);
        }
    }

    #[test]
    fn the_threads_share_a_rate() {
        let mut limiter = Limiter::new(limits(), 2);
        assert_eq!(sent(&mut limiter, SECOND, 100, ONE, &outcome(Kind::Answer), "a.example"), 5);
        // Even where it is less than one a second for each of them.
        let mut limiter = Limiter::new(limits(), 8);
        let seconds = (1..=40).map(|second| sent(&mut limiter, second * SECOND, 100, ONE, &outcome(Kind::Error), "a"));
        assert_eq!(seconds.sum::<usize>(), 10);
    }

    #[test]
    fn what_counts_together() {
        let (answer, nxdomain, referral) = (outcome(Kind::Answer), outcome(Kind::Nxdomain), outcome(Kind::Referral));
        let exhausted = || {
            let mut limiter = Limiter::new(limits(), 1);
            for (outcome, rate) in [(&answer, 10), (&nxdomain, 20), (&referral, 5)] {
                assert_eq!(sent(&mut limiter, SECOND, 99, ONE, outcome, "a.example"), rate);
            }
            limiter
        };
        let one = |address: &str, outcome: &Outcome, name: &str| {
            sent(&mut exhausted(), SECOND, 1, address.parse().unwrap(), outcome, name) == 1
        };
        // The same network, the same name in any case.
        assert!(!one("192.0.2.1", &answer, "a.example") && !one("192.0.2.255", &answer, "A.EXAMPLE"));
        assert!(one("192.0.3.1", &answer, "a.example") && one("2001:db8::1", &answer, "a.example"));
        // Other names are other answers, but not where they do not exist.
        assert!(one("192.0.2.1", &answer, "b.example") && !one("192.0.2.1", &nxdomain, "b.example"));
        assert!(one("192.0.2.1", &Outcome { zone: Some(2), ..nxdomain }, "a.example"));
        assert!(one("192.0.2.1", &referral, "b.example"));
        let mut limiter = exhausted();
        assert_eq!(limiter.judge(SECOND, ONE, &referral, &response("x.a.example", 2)), Verdict::Drop, "the same cut");
        // A wildcard makes as many names as one likes.
        let mut limiter = Limiter::new(limits(), 1);
        let made = Outcome { synthesised: true, ..answer };
        let names: Vec<String> = (0..50).map(|n| format!("n{n}.example")).collect();
        let total: usize = names.iter().map(|name| sent(&mut limiter, SECOND, 1, ONE, &made, name)).sum();
        assert_eq!(total, 10);
    }

    #[test]
    fn ipv6_networks_are_as_long_as_is_said() {
        let mut limiter = Limiter::new(limits(), 1);
        let answer = outcome(Kind::Answer);
        let mut one =
            |address: &str, tries| sent(&mut limiter, SECOND, tries, address.parse().unwrap(), &answer, "a.b");
        assert_eq!(one("2001:db8:0:ff::1", 99), 10);
        assert_eq!(one("2001:db8::2", 1), 0);
        assert_eq!(one("2001:db8:0:100::1", 1), 1);
        for (ipv4_prefix, ipv6_prefix) in [(0, 0), (32, 128)] {
            let mut limiter = Limiter::new(RateLimits { ipv4_prefix, ipv6_prefix, ..limits() }, 1);
            for (first, second) in [("192.0.2.1", "198.51.100.1"), ("2001:db8::1", "2001:db8:1::")] {
                assert_eq!(sent(&mut limiter, SECOND, 99, first.parse().unwrap(), &answer, "a.b"), 10);
                let second = sent(&mut limiter, SECOND, 99, second.parse().unwrap(), &answer, "a.b");
                assert_eq!(second, if ipv4_prefix == 0 { 0 } else { 10 });
            }
        }
    }

    #[test]
    fn of_what_is_beyond_every_nth_slips_and_errors_go_as_they_are() {
        for slip in [0, 1, 2, 5] {
            let mut limiter = Limiter::new(RateLimits { slip, ..limits() }, 1);
            let response = response("a.example", 0);
            sent(&mut limiter, SECOND, 10, ONE, &outcome(Kind::Answer), "a.example");
            let verdicts = (0..100).map(|_| limiter.judge(SECOND, ONE, &outcome(Kind::Answer), &response));
            let slipped = verdicts.filter(|verdict| *verdict == Verdict::Slip).count();
            assert_eq!(slipped as u32, 100_u32.checked_div(slip).unwrap_or(0));
        }
        let mut limiter = Limiter::new(RateLimits { slip: 2, ..limits() }, 1);
        assert_eq!(sent(&mut limiter, SECOND, 102, ONE, &outcome(Kind::Error), "a.example"), 2 + 50);
    }

    #[test]
    fn who_is_not_limited() {
        let response = response("a.example", 0);
        let mut limiter = Limiter::new(limits(), 1);
        let home = IpAddr::from([127, 0, 0, 9]);
        assert_eq!(sent(&mut limiter, SECOND, 99, home, &outcome(Kind::Answer), "a.example"), 99);
        let proven = Outcome { cookie: true, ..outcome(Kind::Answer) };
        assert_eq!(sent(&mut limiter, SECOND, 99, ONE, &proven, "a.example"), 99);
        // Nor did those use anything up for the others of the network.
        assert_eq!(sent(&mut limiter, SECOND, 99, ONE, &outcome(Kind::Answer), "a.example"), 10);
        let mut unlimited = Limiter::new(RateLimits { answers: 0, ..limits() }, 1);
        assert_eq!(sent(&mut unlimited, SECOND, 999, ONE, &outcome(Kind::Answer), "a.example"), 999);
        let mut log_only = Limiter::new(RateLimits { log_only: true, ..limits() }, 1);
        sent(&mut log_only, SECOND, 10, ONE, &outcome(Kind::Answer), "a.example");
        assert_eq!(log_only.judge(SECOND, ONE, &outcome(Kind::Answer), &response), Verdict::Log);
    }

    #[test]
    fn a_full_table_forgets_the_idlest_and_still_limits_the_busiest() {
        let mut limiter = Limiter::new(RateLimits { table_size: 16, ..limits() }, 1);
        let mut busiest = 0;
        for n in 0..5000_u32 {
            let other = IpAddr::from((0x0a00_0000 | n << 8).to_be_bytes());
            sent(&mut limiter, SECOND + u64::from(n), 1, other, &outcome(Kind::Answer), "a.example");
            busiest += sent(&mut limiter, SECOND + u64::from(n), 3, ONE, &outcome(Kind::Answer), "a.example");
        }
        assert!(busiest <= 20, "{busiest} of 15,000");
    }

    #[test]
    fn responses_without_a_readable_name_are_counted_all_the_same() {
        let mut limiter = Limiter::new(limits(), 1);
        for octets in [&[][..], &[0; 12], &[0xff; 40], &[63; 400]] {
            for kind in [Kind::Answer, Kind::Referral, Kind::Error] {
                limiter.judge(SECOND, ONE, &outcome(kind), octets);
            }
        }
    }
}
