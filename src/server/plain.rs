//! UDP one packet at a time, where packets need more than the loop of batches gives them: on wildcard addresses, where
//! each answer leaves from the address that was asked, and behind proxies, whose headers are taken off.
//!
//! Both keep control messages and further branches out of `udp`. Limits, counters and answers are the same.

use super::rate::Limiter;
use super::settings::Changeable;
use super::sys::{self, REQUEST_LEN_MAX, RESPONSE_LEN_MAX};
use super::udp::{self, ERROR_PAUSE, WAIT};
use super::{Serving, count, now, proxy};
use crate::query::{self, Client, Transport};
use crate::snapshot::Watch;
use crate::telemetry::{DnsCounter, DropReason};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::UdpSocket;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What the kernel hands over at most: one packet, or several of one sender and one length that came together.
const PACKETS_LEN_MAX: usize = 65_535;

/// What this loop needs for `socket`, if its packets need this loop.
pub(super) fn prepare(socket: &UdpSocket, serving: &Serving) -> io::Result<Option<UdpSocketState>> {
    let address = socket.local_addr()?;
    if serving.proxies.is_empty() && !address.ip().to_canonical().is_unspecified() {
        return Ok(None);
    }
    // Made for QUIC, it also turns waiting off and the finding of path MTUs on.
    let state = UdpSocketState::new(socket.into())?;
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(WAIT))?;
    // A response that the send buffer has no room for is worth less than the next request.
    socket.set_write_timeout(Some(ERROR_PAUSE))?;
    sys::ignore_path_mtu(socket, address.is_ipv6())?;
    Ok(Some(state))
}

/// Serves `socket` until the server stops.
pub(super) fn serve(socket: &UdpSocket, state: &UdpSocketState, serving: &Serving) {
    let counter = serving.telemetry.counter("udp");
    // As in `udp`: a panic would lose one packet and not the thread.
    while catch_unwind(AssertUnwindSafe(|| run(socket, state, serving, &counter))).is_err() {
        tracing::error!("answering a UDP request panicked; the request is lost");
    }
}

fn run(socket: &UdpSocket, state: &UdpSocketState, serving: &Serving, counter: &DnsCounter) {
    let changeable = serving.changeable.watch();
    let limiter = udp::limiter(changeable.get(), serving);
    let response = vec![0; RESPONSE_LEN_MAX].into();
    let begun = Instant::now();
    let mut plain = Plain { socket, state, serving, counter, changeable, limiter, begun, response };
    let mut packets = vec![0; PACKETS_LEN_MAX];
    while !serving.stop.load(Ordering::Relaxed) {
        let mut meta = [RecvMeta::default()];
        match plain.state.recv(socket.into(), &mut [IoSliceMut::new(&mut packets)], &mut meta) {
            Ok(_) => plain.answer_all(&packets, &meta[0]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => {
                tracing::warn!(%error, "receiving over UDP failed");
                std::thread::park_timeout(ERROR_PAUSE);
            }
        }
    }
}

/// A socket with what its thread needs.
struct Plain<'a> {
    socket: &'a UdpSocket,
    state: &'a UdpSocketState,
    serving: &'a Serving,
    counter: &'a DnsCounter,
    changeable: Watch<Changeable>,
    limiter: Option<Limiter>,
    /// The moment that the limiter's time counts from.
    begun: Instant,
    response: Box<[u8]>,
}

impl Plain<'_> {
    /// Answers all packets that were handed over together.
    fn answer_all(&mut self, packets: &[u8], meta: &RecvMeta) {
        let (packets, _) = packets.split_at(meta.len);
        if packets.is_empty() {
            return self.answer(packets, meta);
        }
        packets.chunks(meta.stride.max(1)).for_each(|packet| self.answer(packet, meta));
    }

    fn answer(&mut self, packet: &[u8], meta: &RecvMeta) {
        if meta.addr.port() == 0 {
            return self.counter.dropped(DropReason::SourcePort);
        }
        if packet.len() > REQUEST_LEN_MAX {
            return self.counter.dropped(DropReason::RequestTooLong);
        }
        let sender = meta.addr.ip().to_canonical();
        let split = match proxy::is_from(&self.serving.proxies, sender) {
            true => proxy::split(packet, sender),
            false => Ok((sender, packet)),
        };
        let Ok((address, request)) = split else { return self.counter.dropped(DropReason::ProxyHeader) };
        let start = Instant::now();
        let client = Client { transport: Transport::Udp, address, now: now() };
        let len = self.respond(request, &client, start);
        if len > 0 {
            self.send(len, meta);
        }
        self.counter.latency(start.elapsed(), 1);
    }

    /// Writes the response; its length, 0 if none is sent.
    fn respond(&mut self, request: &[u8], client: &Client, start: Instant) -> usize {
        udp::refresh(&mut self.changeable, &mut self.limiter, self.serving);
        let snapshot = self.serving.reader.load();
        let settings = &self.changeable.get().query;
        let outcome = query::respond(&snapshot.zones, settings, client, request, &mut self.response);
        count(self.counter, &outcome);
        let Some(limiter) = &mut self.limiter else { return outcome.len };
        let now = start.saturating_duration_since(self.begun).as_micros() as u64;
        let verdict = limiter.judge(now, client.address, &outcome, &self.response[..outcome.len]);
        let truncate = || query::truncate(settings, client, request, &mut self.response);
        verdict.carry_out(outcome.len, self.counter, truncate)
    }

    /// Sends the response to whoever sent the packet, from the address it was sent to, without a header.
    fn send(&self, len: usize, meta: &RecvMeta) {
        let contents = &self.response[..len];
        let response =
            Transmit { destination: meta.addr, ecn: None, contents, segment_size: None, src_ip: meta.dst_ip };
        match self.state.try_send(self.socket.into(), &response) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.counter.dropped(DropReason::SendBufferFull);
            }
            Err(_) => self.counter.dropped(DropReason::SendError),
        }
    }
}
