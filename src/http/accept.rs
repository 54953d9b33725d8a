//! Listening sockets and the accepting of connections: no error ends it, none makes it spin.
//!
//! Shared by HTTP and by DNS over TCP.

use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections the kernel completes for us before we accept them; more than a burst needs, capped by the system anyway.
const BACKLOG: i32 = 1024;
/// First and longest pause while the system has no descriptors or memory for another connection.
const PAUSE: std::ops::RangeInclusive<Duration> = Duration::from_millis(20)..=Duration::from_secs(1);

/// A listening socket on `address`. IPv6 sockets take no IPv4: each address is configured for itself.
///
/// # Errors
/// What the system says.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the process before (TIME_WAIT).
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The next connection, however many accepts fail before it. Cancelling it loses no connection.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = *PAUSE.start();
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            // That connection is gone, and its error with it: the next one may be fine.
            Err(error) if concerns_one_connection(&error) => tracing::debug!(%error, "a connection was not accepted"),
            // Out of descriptors or memory: the connection stays in the backlog, so accepting at once would spin.
            Err(error) => {
                tracing::warn!(%error, "connections cannot be accepted now");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(*PAUSE.end());
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::ConnectionRefused
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::NetworkDown
            | Kind::Interrupted
            | Kind::PermissionDenied
    )
}

/// The connections that may be open, in all and per client. Clones share them.
#[derive(Clone)]
pub struct Slots {
    shared: Arc<Shared>,
}

/// Room for one connection, given back when dropped.
pub struct Slot {
    shared: Arc<Shared>,
    /// Whose it is; none: not known yet.
    client: Option<u64>,
}

/// Why there is no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// As many connections are open as are allowed.
    Total,
    /// This client has as many open as one client may.
    Client,
}

struct Shared {
    total_max: usize,
    per_client_max: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_client: HashMap<u64, usize>,
}

impl Slots {
    /// Room for `total_max` connections, `per_client_max` of them to one client.
    pub fn new(total_max: usize, per_client_max: usize) -> Self {
        Self { shared: Arc::new(Shared { total_max, per_client_max, open: Mutex::default() }) }
    }

    /// Takes a slot for a connection from `address`.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&self, address: IpAddr) -> Result<Slot, Full> {
        let mut slot = self.take_for_proxy()?;
        slot.give_to(address)?;
        Ok(slot)
    }

    /// Takes a slot for a connection from a proxy, which has yet to say who the client is.
    ///
    /// # Errors
    /// [`Full::Total`].
    pub fn take_for_proxy(&self) -> Result<Slot, Full> {
        let mut open = self.shared.open();
        if open.total >= self.shared.total_max {
            return Err(Full::Total);
        }
        open.total += 1;
        Ok(Slot { shared: Arc::clone(&self.shared), client: None })
    }
}

impl Slot {
    /// Counts the connection as one of `address`, instead of nobody's.
    ///
    /// # Errors
    /// [`Full::Client`]; it is nobody's then.
    pub fn give_to(&mut self, address: IpAddr) -> Result<(), Full> {
        let mut open = self.shared.open();
        open.forget(self.client.take());
        let client = client_of(address);
        let of_client = open.by_client.entry(client).or_default();
        if *of_client >= self.shared.per_client_max {
            return Err(Full::Client);
        }
        *of_client += 1;
        self.client = Some(client);
        Ok(())
    }
}

impl Open {
    /// One connection less of this client.
    fn forget(&mut self, client: Option<u64>) {
        let Some(client) = client else { return };
        if let Some(of_client) = self.by_client.get_mut(&client) {
            *of_client -= 1;
            if *of_client == 0 {
                self.by_client.remove(&client);
            }
        }
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        open.total -= 1;
        open.forget(self.client);
    }
}

/// One client: an IPv4 address, or the /64 that one IPv6 subscriber has to itself (RFC 6177, RFC 7421).
pub fn client_of(address: IpAddr) -> u64 {
    match address.to_canonical() {
        // No /64 in use begins with 32 zero bits, so the two cannot meet.
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn slots_are_bounded_and_come_back() {
        let slots = Slots::new(3, 2);
        let a = address("192.0.2.1");
        let first = slots.take(a).ok().unwrap();
        let _second = slots.take(a).ok().unwrap();
        assert_eq!(slots.take(a).err(), Some(Full::Client));
        let _third = slots.take(address("192.0.2.2")).ok().unwrap();
        assert_eq!(slots.take(address("192.0.2.3")).err(), Some(Full::Total));
        drop(first);
        assert!(slots.take(a).is_ok());
    }

    #[test]
    fn a_slot_of_a_proxy_becomes_a_clients() {
        let slots = Slots::new(3, 1);
        let (a, b) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut first = slots.take_for_proxy().ok().unwrap();
        let mut second = slots.take_for_proxy().ok().unwrap();
        let third = slots.take_for_proxy().ok().unwrap();
        assert_eq!(slots.take_for_proxy().err(), Some(Full::Total));
        assert_eq!((first.give_to(a), second.give_to(a)), (Ok(()), Err(Full::Client)));
        assert_eq!((first.give_to(b), second.give_to(a)), (Ok(()), Ok(())));
        drop((first, second, third));
        assert_eq!(slots.shared.open().total, 0);
        assert!(slots.shared.open().by_client.is_empty());
    }

    #[test]
    fn nothing_is_remembered_of_clients_that_left() {
        let slots = Slots::new(10, 10);
        drop(slots.take(address("192.0.2.1")));
        assert!(slots.shared.open().by_client.is_empty());
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64() {
        let same = |a: &str, b: &str| client_of(address(a)) == client_of(address(b));
        assert!(same("2001:db8::1", "2001:db8::ffff"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
