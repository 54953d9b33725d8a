//! What each thread of the connections' runtime has for itself: counters, and room for responses.

use super::framing::{Frames, PREFIX_LEN, TooLong};
use super::{Serving, count};
use crate::query::{self, Client, Transport};
use crate::telemetry::{Dns, DnsCounter, DropReason};
use std::cell::RefCell;
use std::time::Instant;

/// Octets of a message's header (RFC 1035 §4.1.1).
const HEADER_LEN: usize = 12;
/// Longest message.
const MESSAGE_LEN_MAX: usize = 65_535;
/// It with its length.
const FRAME_LEN_MAX: usize = PREFIX_LEN + MESSAGE_LEN_MAX;

/// The belongings of one thread.
pub(super) struct Worker {
    /// Counters by transport, of those that are served.
    counters: [Option<DnsCounter>; Transport::ALL.len()],
    /// Room for responses: for one of any length while others are already there.
    scratch: Box<[u8]>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

/// Gives this thread what it needs to serve connections of these transports; each thread of the runtime starts with it.
pub(super) fn start_thread(telemetry: &Dns, transports: &[Transport]) {
    let counter = |transport: Transport| transports.contains(&transport).then(|| telemetry.counter(transport.as_str()));
    WORKER.set(Some(Worker { counters: Transport::ALL.map(counter), scratch: vec![0; 2 * FRAME_LEN_MAX].into() }));
}

/// Lends this thread's belongings.
pub(super) fn with_worker<T>(use_it: impl FnOnce(&mut Worker) -> T) -> T {
    WORKER.with_borrow_mut(|worker| use_it(worker.as_mut().expect("every thread of the runtime starts with one")))
}

/// Counts a drop.
pub(super) fn dropped(transport: Transport, reason: DropReason) {
    with_worker(|worker| worker.counter(transport).dropped(reason));
}

/// What one filling of the scratch buffer did.
pub(super) struct Step {
    /// Requests that got a response.
    pub answered: usize,
    /// What the connection did not take at once.
    pub unsent: Vec<u8>,
    /// How it goes on.
    pub end: End,
}

/// Why a step ended.
pub(super) enum End {
    /// The buffer is full; there may be more requests.
    More,
    /// No complete request is left.
    Done,
    /// The connection is of no more use.
    Closed,
}

impl Worker {
    fn counter(&self, transport: Transport) -> &DnsCounter {
        self.counters[transport as usize].as_ref().expect("counters of what is served")
    }

    /// Answers one request; none if nothing is sent.
    pub(super) fn answer(&mut self, request: &[u8], serving: &Serving, client: &Client) -> Option<&[u8]> {
        let start = Instant::now();
        let snapshot = serving.reader.load();
        let response = &mut self.scratch[..MESSAGE_LEN_MAX];
        let changeable = serving.changeable.load();
        let outcome = query::respond(&snapshot.zones, &changeable.query, client, request, response);
        let counter = self.counter(client.transport);
        count(counter, &outcome);
        counter.latency(start.elapsed(), 1);
        (outcome.len > 0).then(|| &self.scratch[..outcome.len])
    }

    /// Answers framed requests as far as the scratch buffer reaches, and hands the responses to `write_now`, which says
    /// how many octets it took.
    pub(super) fn answer_frames(
        &mut self,
        frames: &mut Frames,
        serving: &Serving,
        client: &Client,
        write_now: impl FnOnce(&[u8]) -> std::io::Result<usize>,
    ) -> Step {
        let start = Instant::now();
        let transport = client.transport;
        let (mut len, mut requests, mut answered) = (0, 0, 0);
        let mut end = End::More;
        while len + FRAME_LEN_MAX <= self.scratch.len() {
            let request = match frames.next() {
                Ok(Some(request)) => request,
                Ok(None) => {
                    end = End::Done;
                    break;
                }
                Err(TooLong) => {
                    self.counter(transport).dropped(DropReason::RequestTooLong);
                    end = End::Closed;
                    break;
                }
            };
            let response = &mut self.scratch[len + PREFIX_LEN..len + FRAME_LEN_MAX];
            let snapshot = serving.reader.load();
            let changeable = serving.changeable.load();
            let outcome = query::respond(&snapshot.zones, &changeable.query, client, request, response);
            count(self.counter(transport), &outcome);
            requests += 1;
            // Whoever frames what is no message of DNS does not speak it; NSD, Knot and BIND close there too.
            if request.len() < HEADER_LEN {
                end = End::Closed;
                break;
            }
            if outcome.len > 0 {
                let octets = u16::try_from(outcome.len).expect("a message has at most 65,535 octets");
                self.scratch[len..len + PREFIX_LEN].copy_from_slice(&octets.to_be_bytes());
                len += PREFIX_LEN + outcome.len;
                answered += 1;
            }
        }
        let Ok(written) = (if len > 0 { write_now(&self.scratch[..len]) } else { Ok(0) }) else {
            return Step { answered, unsent: Vec::new(), end: End::Closed };
        };
        if requests > 0 {
            self.counter(transport).latency(start.elapsed(), requests);
        }
        Step { answered, unsent: self.scratch[written..len].to_vec(), end }
    }
}
