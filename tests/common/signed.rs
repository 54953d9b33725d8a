//! Requests signed field by field, right or wrong, and the check of signed answers: RFC 8945 once more, for one algorithm.

#![allow(dead_code, reason = "each test program uses its part of this")]

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that both sides of the tests know.
pub const SECRET: &[u8] = b"the secret of the tests, 32 octet";
/// What it is, and what the tests ask with where they do not say otherwise.
pub const ALGORITHM: &[u8] = b"\x0bhmac-sha256\0";

/// What a TSIG record is made from.
#[derive(Clone)]
pub struct Signer {
    /// Owner name as it is sent, uncompressed.
    pub name: Vec<u8>,
    /// Algorithm's name as it is sent.
    pub algorithm: Vec<u8>,
    pub secret: Vec<u8>,
    pub class: u16,
    pub ttl: u32,
    pub time: u64,
    pub fudge: u16,
    /// Octets of the MAC that are sent; beyond its 32 they are zero.
    pub mac_len: usize,
    /// The original ID, if it is not the message's.
    pub original_id: Option<u16>,
    pub error: u16,
    pub other: Vec<u8>,
}

/// A TSIG record taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tsig {
    pub name: Vec<u8>,
    /// Whether its class is ANY and its TTL 0.
    pub is_constant: bool,
    pub algorithm: Vec<u8>,
    pub time: u64,
    pub fudge: u16,
    pub mac: Vec<u8>,
    pub original_id: u16,
    pub error: u16,
    pub other: Vec<u8>,
}

impl Signer {
    /// A good one for the key of this name in wire form.
    pub fn new(name: &[u8], now: u64) -> Self {
        Self {
            name: name.to_vec(),
            algorithm: ALGORITHM.to_vec(),
            secret: SECRET.to_vec(),
            class: 255,
            ttl: 0,
            time: now,
            fudge: 300,
            mac_len: 32,
            original_id: None,
            error: 0,
            other: Vec::new(),
        }
    }

    /// `message` with its TSIG record as the last, counted.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        let record = self.record(&message);
        let count = u16::from_be_bytes([message[10], message[11]]) + 1;
        message[10..12].copy_from_slice(&count.to_be_bytes());
        message.extend_from_slice(&record);
        message
    }

    /// The record that signs `message`, which does not count it yet.
    pub fn record(&self, message: &[u8]) -> Vec<u8> {
        let original_id = self.original_id.map_or([message[0], message[1]], u16::to_be_bytes);
        self.record_with(&self.mac_of(message), original_id)
    }

    /// The MAC that is sent with `message`.
    pub fn mac_of(&self, message: &[u8]) -> Vec<u8> {
        let original_id = self.original_id.map_or([message[0], message[1]], u16::to_be_bytes);
        let mac = mac(
            &self.secret,
            &[
                &original_id,
                &message[2..],
                &self.name.to_ascii_lowercase(),
                &self.class.to_be_bytes(),
                &self.ttl.to_be_bytes(),
                &self.algorithm.to_ascii_lowercase(),
                &self.time.to_be_bytes()[2..],
                &self.fudge.to_be_bytes(),
                &self.error.to_be_bytes(),
                &(self.other.len() as u16).to_be_bytes(),
                &self.other,
            ],
        );
        let mut sent = mac.to_vec();
        sent.resize(self.mac_len, 0);
        sent
    }

    /// The record with a MAC of one's own.
    pub fn record_with(&self, mac: &[u8], original_id: [u8; 2]) -> Vec<u8> {
        let rdata = [
            &self.algorithm,
            &self.time.to_be_bytes()[2..],
            &self.fudge.to_be_bytes(),
            &(mac.len() as u16).to_be_bytes(),
            mac,
            &original_id,
            &self.error.to_be_bytes(),
            &(self.other.len() as u16).to_be_bytes(),
            &self.other,
        ]
        .concat();
        let fixed = [250u16.to_be_bytes(), self.class.to_be_bytes()].concat();
        let len = (rdata.len() as u16).to_be_bytes();
        [&self.name[..], &fixed, &self.ttl.to_be_bytes(), &len, &rdata].concat()
    }

    /// The TSIG of `answer` to `request`, which this signed, if its MAC is right.
    pub fn verify(&self, request: &[u8], answer: &[u8]) -> Option<Tsig> {
        self.verify_by(&Tsig::last_of(request)?.1.mac, answer)
    }

    /// The same for a request with this MAC.
    pub fn verify_by(&self, sent_mac: &[u8], answer: &[u8]) -> Option<Tsig> {
        let (start, tsig) = Tsig::last_of(answer)?;
        let mut header = answer[..12].to_vec();
        header[..2].copy_from_slice(&tsig.original_id.to_be_bytes());
        let count = u16::from_be_bytes([header[10], header[11]]) - 1;
        header[10..12].copy_from_slice(&count.to_be_bytes());
        let expected = mac(
            &self.secret,
            &[
                &(sent_mac.len() as u16).to_be_bytes(),
                sent_mac,
                &header,
                &answer[12..start],
                &tsig.name.to_ascii_lowercase(),
                &[0, 255, 0, 0, 0, 0],
                &tsig.algorithm.to_ascii_lowercase(),
                &tsig.time.to_be_bytes()[2..],
                &tsig.fudge.to_be_bytes(),
                &tsig.error.to_be_bytes(),
                &(tsig.other.len() as u16).to_be_bytes(),
                &tsig.other,
            ],
        );
        (tsig.is_constant && !tsig.mac.is_empty() && expected.starts_with(&tsig.mac)).then_some(tsig)
    }
}

impl Tsig {
    /// The TSIG record that `message` ends with, and where it begins.
    pub fn last_of(message: &[u8]) -> Option<(usize, Self)> {
        let count = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
        let mut at = 12;
        for _ in 0..count(4) {
            at = name_end(message, at) + 4;
        }
        let records = count(6) + count(8) + count(10);
        let mut start = at;
        for _ in 0..records {
            start = at;
            let fixed = name_end(message, at);
            at = fixed + 10 + count(fixed + 8);
        }
        assert_eq!(at, message.len(), "octets behind the last record");
        if records == 0 {
            return None;
        }
        let fixed = name_end(message, start);
        if message[fixed..fixed + 2] != [0, 250] {
            return None;
        }
        let is_constant = message[fixed + 2..fixed + 8] == [0, 255, 0, 0, 0, 0];
        let rdata = &message[fixed + 10..];
        let (algorithm, rest) = rdata.split_at(name_end(rdata, 0));
        let number = |octets: &[u8]| octets.iter().fold(0u64, |value, octet| value << 8 | u64::from(*octet));
        let (mac, rest_at) = (&rest[10..10 + number(&rest[8..10]) as usize], 10 + number(&rest[8..10]) as usize);
        let tail = &rest[rest_at..];
        assert_eq!(tail.len(), 6 + number(&tail[4..6]) as usize);
        let tsig = Self {
            name: message[start..fixed].to_vec(),
            is_constant,
            algorithm: algorithm.to_vec(),
            time: number(&rest[..6]),
            fudge: number(&rest[6..8]) as u16,
            mac: mac.to_vec(),
            original_id: number(&tail[..2]) as u16,
            error: number(&tail[2..4]) as u16,
            other: tail[6..].to_vec(),
        };
        Some((start, tsig))
    }
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).expect("a secret of any length");
    parts.iter().for_each(|part| hmac.update(part));
    hmac.finalize().into_bytes().into()
}

/// The octet behind the name at `at`.
fn name_end(octets: &[u8], mut at: usize) -> usize {
    loop {
        match octets[at] {
            0 => return at + 1,
            0xc0.. => return at + 2,
            length => at += 1 + usize::from(length),
        }
    }
}
