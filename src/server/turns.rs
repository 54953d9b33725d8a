//! The work of one UDP thread, a batch at a time.

use super::Serving;
use super::settings::{Changeable, Settings};
use super::udp::{self, Worker};
use crate::query;
use crate::snapshot::{Live, Reader};
use crate::telemetry::Dns;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::AtomicBool;

/// What a UDP thread does, done when it is told to: measurements count what a batch costs, without a thread whose
/// batches are as long as they happen to be.
pub struct UdpTurns {
    socket: UdpSocket,
    serving: Serving,
    worker: Worker,
}

impl UdpTurns {
    /// Binds `address` as [`super::Server`] does.
    ///
    /// # Errors
    /// What the system says.
    pub fn bind(
        address: SocketAddr,
        settings: &Settings,
        reader: Reader,
        query: query::Settings,
        telemetry: Dns,
    ) -> io::Result<Self> {
        let socket = udp::bind(address, &Settings { workers: 1, ..settings.clone() })?.remove(0);
        let changeable = Live::new(Changeable { query, rate: settings.rate.clone() });
        let (tcp, stop) = (settings.tcp.clone(), AtomicBool::new(false));
        let serving = Serving { reader, changeable, tcp, proxies: Vec::new(), threads: 1, pin: false, telemetry, stop };
        let worker = Worker::new(&serving);
        Ok(Self { socket, serving, worker })
    }

    /// The address as bound.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for requests and answers one batch; how many they were.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` if none came for a while.
    pub fn turn(&mut self) -> io::Result<usize> {
        self.worker.turn(&self.socket, &self.serving)
    }
}
