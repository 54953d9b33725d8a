//! Requests that an independent implementation signs are good, and it takes our answers for good.

use crate::dns::{Query, client, name, settings, zones};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::{Message, MessageBuilder, Name, Rtype};
use domain::rdata::tsig::Time48;
use domain::tsig::{self, ClientTransaction, KeyName, ValidationError};
use proptest::prelude::*;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use zhengming::query::{self, Client, Settings, Transport};
use zhengming::tsig::{Algorithm, Key, Keys};
use zhengming::zone::ZoneSet;

static ZONES: LazyLock<ZoneSet> = LazyLock::new(zones);

/// What both have, with octets of the whole MAC.
const ALGORITHMS: [(&str, tsig::Algorithm, usize); 4] = [
    ("hmac-sha1", tsig::Algorithm::Sha1, 20),
    ("hmac-sha256", tsig::Algorithm::Sha256, 32),
    ("hmac-sha384", tsig::Algorithm::Sha384, 48),
    ("hmac-sha512", tsig::Algorithm::Sha512, 64),
];

#[derive(Clone, Debug)]
struct Case {
    asked: &'static str,
    key: String,
    algorithm: usize,
    /// Octets that the MAC is short of the whole one.
    cut: usize,
    secret: Vec<u8>,
    now: u64,
    skew: i64,
}

fn cases() -> impl Strategy<Value = Case> {
    let asked = prop::sample::select(vec![
        "xn--live.xn--zfr164b",
        "www.xn--forward.xn--zfr164b",
        "x.xn--own.xn--zfr164b",
        "xn--legal.xn--zfr164b",
        "toheld.example",
        "example.com",
    ]);
    let secret = prop::collection::vec(any::<u8>(), 1..200);
    let key = "[a-zA-Z0-9_-]{1,20}(\\.[a-zA-Z0-9]{1,20}){0,3}";
    (asked, key, 0..ALGORITHMS.len(), 0..33usize, secret, 1_000_000..(1u64 << 47), -300..=300i64).prop_map(
        |(asked, key, algorithm, cut, secret, now, skew)| Case { asked, key, algorithm, cut, secret, now, skew },
    )
}

impl Case {
    fn mac_len(&self) -> usize {
        let whole = ALGORITHMS[self.algorithm].2;
        whole - self.cut.min(whole - (whole / 2).max(10))
    }

    fn settings(&self) -> Settings {
        let text = format!("{}-{}", ALGORITHMS[self.algorithm].0, 8 * self.mac_len());
        let algorithm = Algorithm::from_text(&text).expect("an algorithm");
        let key = Key::new(name(&self.key).as_wire(), algorithm, &self.secret).expect("a key");
        Settings { keys: Keys::new(vec![key]), ..settings() }
    }

    /// The request, and who looks at the answer.
    fn signed(&self, secret: &[u8]) -> (Vec<u8>, ClientTransaction<Arc<tsig::Key>>) {
        let (algorithm, mac_len) = (ALGORITHMS[self.algorithm].1, Some(self.mac_len()));
        let key_name = KeyName::from_str(&self.key).expect("a name");
        let key = tsig::Key::new(algorithm, secret, key_name, mac_len, mac_len).expect("a key");
        let mut builder = MessageBuilder::new_vec().question();
        let asked: Name<Vec<u8>> = Name::from_str(self.asked).expect("a name");
        builder.push((asked, Rtype::A)).expect("room");
        let mut builder: AdditionalBuilder<Vec<u8>> = builder.additional();
        let time = Time48::from_u64(self.now.checked_add_signed(self.skew).expect("a time"));
        let transaction = ClientTransaction::request(Arc::new(key), &mut builder, time).expect("room");
        (builder.finish(), transaction)
    }

    fn ask(&self, request: &[u8]) -> (u16, Message<Vec<u8>>) {
        let mut response = vec![0; 65_535];
        let client = Client { now: self.now, ..client(Transport::Tcp) };
        let outcome = query::respond(&ZONES, &self.settings(), &client, request, &mut response);
        response.truncate(outcome.len);
        (outcome.rcode, Message::from_octets(response).expect("a message"))
    }
}

proptest! {
    #[test]
    fn an_independent_client_gets_good_answers(case in cases()) {
        let (request, transaction) = case.signed(&case.secret);
        let (rcode, mut answer) = case.ask(&request);
        prop_assert!(rcode != 9, "NOTAUTH");
        let taken = transaction.answer(&mut answer, Time48::from_u64(case.now));
        prop_assert!(taken.is_ok(), "{taken:?}");
        // What is left is what an unsigned request gets.
        let plain = Query { id: answer.header().id(), ..Query::plain(case.asked, "A") }.to_wire();
        let (_, plain) = case.ask(&plain);
        prop_assert_eq!(&answer.as_slice()[12..plain.as_slice().len()], &plain.as_slice()[12..]);
    }

    #[test]
    fn an_independent_client_understands_every_refusal(case in cases(), flip in any::<prop::sample::Index>()) {
        let (request, transaction) = case.signed(b"not the secret that the server has, whatever it is");
        let (rcode, mut answer) = case.ask(&request);
        let now = Time48::from_u64(case.now);
        let result = transaction.answer(&mut answer, now);
        prop_assert!(rcode == 9 && matches!(result, Err(ValidationError::ServerBadSig)), "{result:?}");

        let late = Case { skew: case.skew.signum() * 301 + case.skew, ..case.clone() };
        if late.skew != 0 {
            let (request, transaction) = late.signed(&late.secret);
            let (rcode, mut answer) = late.ask(&request);
            // It digests the server's time in 64 bits instead of 48, and so takes no BADTIME for good; kdig
            // does (tests/server/signed.rs).
            let result = transaction.answer(&mut answer, now);
            prop_assert!(rcode == 9 && matches!(result, Err(ValidationError::BadSig)), "{result:?}");
        }

        // An answer that was changed anywhere is not taken.
        let (request, transaction) = case.signed(&case.secret);
        let (_, answer) = case.ask(&request);
        let mut octets = answer.into_octets();
        // The ID is not signed: the original one is.
        let at = 2 + flip.index(octets.len() - 2);
        octets[at] ^= 1;
        let rdata_len = ALGORITHMS[case.algorithm].0.len() + 2 + 16 + case.mac_len();
        let fixed_at = octets.len() - rdata_len - 10;
        // Class and TTL of the TSIG are digested as what they always are, and this client does not look at them.
        let is_constant = (fixed_at + 2..fixed_at + 8).contains(&at);
        if let Ok(mut changed) = Message::from_octets(octets)
            && !is_constant
        {
            let taken = transaction.answer(&mut changed, now).is_ok();
            prop_assert!(!taken, "octet {at}");
        }
    }
}
