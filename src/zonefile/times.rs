//! Whether the signatures of a zone hold now: a zone that was not signed again in time is bogus to every resolver that validates.

use super::check::Checks;
use super::problem::Rule;
use crate::zone::drafts::Place;
use crate::zone::rdata::print::signature_time;
use crate::zone::{Draft, Rtype};

/// How long before the end of an RRset's signatures somebody should look, three days: signers make new ones five days before and
/// more (BIND 5, Knot and OpenDNSSEC more), so what is nearer to its end was forgotten; and it takes time to mend.
const ENDS_SOON_SECS: u32 = 3 * 86_400;
/// Where RDATA of RRSIG has its end and its beginning, both in seconds since 1970 (RFC 4034 §3.1.5).
const EXPIRATION: std::ops::Range<usize> = 8..12;
const INCEPTION: std::ops::Range<usize> = 12..16;

/// What is wrong with the times of an RRset's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Expired,
    NotYet,
    EndsSoon,
}

/// RRsets with one flaw.
#[derive(Debug)]
struct Found {
    flaw: Flaw,
    count: usize,
    /// The first of them: where its signature stands, whose it is, and the time that counts.
    first: (Place, String, Rtype, u32),
}

/// The signatures of a zone against a clock.
#[derive(Debug)]
pub(super) struct Times {
    now: u32,
    found: Vec<Found>,
}

impl Times {
    /// Against a clock at these seconds since 1970: four octets that wrap, as the times of signatures do.
    pub(super) fn at(now: i64) -> Self {
        Self { now: now as u32, found: Vec::new() }
    }

    /// Takes the signatures of one RRset, of which one that holds is enough.
    pub(super) fn take<'d>(
        &mut self,
        rtype: Rtype,
        owner: impl FnOnce() -> String,
        all: impl Iterator<Item = Draft<'d>>,
    ) {
        let judged = all.filter_map(|draft| {
            let (flaw, time) = flaw_of(draft.rdata, self.now)?;
            Some((flaw, time, draft.place))
        });
        // The best one counts: without a flaw, then the one that ends last.
        let rank = |flaw: &Option<Flaw>| match flaw {
            None => 3,
            Some(Flaw::EndsSoon) => 2,
            Some(Flaw::NotYet) => 1,
            Some(Flaw::Expired) => 0,
        };
        let best = judged.max_by_key(|(flaw, time, _)| (rank(flaw), time.wrapping_sub(self.now).cast_signed()));
        let Some((Some(flaw), time, place)) = best else { return };
        let first = (place, owner(), rtype, time);
        match self.found.iter_mut().find(|found| found.flaw == flaw) {
            Some(found) => {
                found.count += 1;
                if place < found.first.0 {
                    found.first = first;
                }
            }
            None => self.found.push(Found { flaw, count: 1, first }),
        }
    }

    /// Warns once of each flaw.
    pub(super) fn report(self, checks: &mut Checks<'_>) {
        for Found { flaw, count, first: (place, owner, rtype, time) } in self.found {
            let at = signature_time(time);
            checks.warning(place, Rule::SignatureTime, || {
                let (what, zh) = match flaw {
                    Flaw::Expired => {
                        (format!("expired at {at}; sign the zone again"), format!("已于 {at} 过期，请重新签名"))
                    }
                    Flaw::NotYet => (
                        format!("is not valid before {at}; check the clock of this machine and of the signer"),
                        format!("自 {at} 起才有效，请检查本机和签名机的时钟"),
                    ),
                    Flaw::EndsSoon => (
                        format!("ends at {at}, and no other goes on; see that the zone is signed again in time"),
                        format!("将于 {at} 到期且无后续签名，请确认区会及时重新签名"),
                    ),
                };
                let (others, others_zh) = match count {
                    1 => (String::new(), String::new()),
                    count => (format!(" ({count} RRsets have this)"), format!("（共 {count} 个 RRset 如此）")),
                };
                (
                    format!("the signature of the {rtype} of {owner} {what}{others}"),
                    format!("{owner} 的 {rtype} 的签名{zh}{others_zh}"),
                )
            });
        }
    }
}

/// What is wrong with the times of a signature, if anything, and the time that tells. Times are compared in serial arithmetic
/// (RFC 4034 §3.1.5, RFC 1982). None if it has none.
fn flaw_of(rrsig: &[u8], now: u32) -> Option<(Option<Flaw>, u32)> {
    let time = |at: std::ops::Range<usize>| Some(u32::from_be_bytes(rrsig.get(at)?.try_into().ok()?));
    let (end, begin) = (time(EXPIRATION)?, time(INCEPTION)?);
    let left = end.wrapping_sub(now).cast_signed();
    Some(if left < 0 {
        (Some(Flaw::Expired), end)
    } else if begin.wrapping_sub(now).cast_signed() > 0 {
        (Some(Flaw::NotYet), begin)
    } else {
        ((left.cast_unsigned() < ENDS_SOON_SECS).then_some(Flaw::EndsSoon), end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rrsig(begin: u32, end: u32) -> Vec<u8> {
        [&[0; 8][..], &end.to_be_bytes(), &begin.to_be_bytes(), &[0; 2]].concat()
    }

    #[test]
    fn times_are_judged_in_serial_arithmetic() {
        let now = 1_800_000_000;
        let flaw = |begin: u32, end: u32| flaw_of(&rrsig(begin, end), now).expect("times").0;
        assert_eq!(flaw(now - 9, now + ENDS_SOON_SECS), None);
        assert_eq!(flaw(now, now + ENDS_SOON_SECS - 1), Some(Flaw::EndsSoon));
        assert_eq!(flaw(now - 9, now), Some(Flaw::EndsSoon));
        assert_eq!(flaw(now - 9, now - 1), Some(Flaw::Expired));
        assert_eq!(flaw(now + 1, now + 2), Some(Flaw::NotYet));
        let late = u32::MAX - 10;
        assert_eq!(flaw_of(&rrsig(late - 9, ENDS_SOON_SECS), late).expect("times").0, None, "past the year 2106");
        assert_eq!(flaw_of(&[0; 11], now), None);
    }
}
