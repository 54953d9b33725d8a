//! Sockets that systemd has opened before the start and handed over (sd_listen_fds(3)).
//!
//! Each is recognised by its address and protocol: whatever is configured to listen there takes it instead of binding
//! its own. So ports below 1024 need no privilege, and queries that come during a restart wait instead of failing.

use super::accept;
use listenfd::ListenFd;
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sockets that nobody has taken yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Inherited {
    sockets: Arc<Mutex<Vec<Socket>>>,
}

#[derive(Debug)]
enum Socket {
    Tcp(SocketAddr, TcpListener),
    Udp(SocketAddr, UdpSocket),
}

/// Why the sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InheritedError {
    /// One is no socket of UDP and no listening one of TCP.
    #[error(
        "socket {number} of those handed over (LISTEN_FDS) is neither UDP nor listening TCP: {source}\n\
         交接的第 {number} 个套接字既不是 UDP，也不是监听中的 TCP"
    )]
    Kind {
        /// Which of them, from 0.
        number: usize,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nothing is configured to listen where one is.
    #[error(
        "a {protocol} socket on {address} was handed over, but nothing is configured to listen there; make \
         zhengming.socket and the `listen` options agree\n\
         交接了 {address} 上的 {protocol} 套接字，但配置中没有此监听地址；请使 zhengming.socket 与各 listen 选项一致"
    )]
    Unknown {
        /// UDP or TCP.
        protocol: &'static str,
        /// Where it is.
        address: SocketAddr,
    },
}

impl Inherited {
    /// Those of this process. Called once, before there are threads: it takes the variables out of the environment.
    ///
    /// # Errors
    /// [`InheritedError::Kind`].
    pub fn take() -> Result<Self, InheritedError> {
        let mut handed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for number in 0..handed.len() {
            sockets.push(recognise(&mut handed, number).map_err(|source| InheritedError::Kind { number, source })?);
        }
        Ok(Self { sockets: Arc::new(Mutex::new(sockets)) })
    }

    /// Checks that each socket is where TCP or UDP is configured to listen.
    ///
    /// # Errors
    /// [`InheritedError::Unknown`] for the first that is not.
    pub fn check(&self, tcp: &[SocketAddr], udp: &[SocketAddr]) -> Result<(), InheritedError> {
        for socket in self.lock().iter() {
            let (protocol, address, known) = match socket {
                Socket::Tcp(address, _) => ("TCP", *address, tcp.contains(address)),
                Socket::Udp(address, _) => ("UDP", *address, udp.contains(address)),
            };
            if !known {
                return Err(InheritedError::Unknown { protocol, address });
            }
        }
        Ok(())
    }

    /// A socket that listens on `address`: the one handed over, or a new one.
    ///
    /// # Errors
    /// What the system says.
    pub fn tcp(&self, address: SocketAddr) -> io::Result<TcpListener> {
        let mut sockets = self.lock();
        let found = sockets.iter().position(|socket| matches!(socket, Socket::Tcp(at, _) if *at == address));
        let socket = match found.map(|at| sockets.remove(at)) {
            Some(Socket::Tcp(_, socket)) => {
                socket.set_nonblocking(true)?;
                socket
            }
            _ => accept::bind(address)?,
        };
        // Responses are written whole; waiting to fill a segment only delays them. Connections have it from the socket that accepts
        // them. Failing, they are merely slower.
        let _ = SockRef::from(&socket).set_tcp_nodelay(true);
        Ok(socket)
    }

    /// The UDP sockets on `address` that were handed over: several if systemd shares the port between them.
    pub fn udp(&self, address: SocketAddr) -> Vec<UdpSocket> {
        let is_there = |socket: &mut Socket| matches!(socket, Socket::Udp(at, _) if *at == address);
        let found = self.lock().extract_if(.., is_there).collect::<Vec<_>>();
        found
            .into_iter()
            .filter_map(|socket| if let Socket::Udp(_, socket) = socket { Some(socket) } else { None })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Socket>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn recognise(handed: &mut ListenFd, number: usize) -> io::Result<Socket> {
    // One that is of another kind stays where it is.
    if let Ok(Some(socket)) = handed.take_tcp_listener(number) {
        if !SockRef::from(&socket).is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        return Ok(Socket::Tcp(socket.local_addr()?, socket));
    }
    match handed.take_udp_socket(number)? {
        Some(socket) => Ok(Socket::Udp(socket.local_addr()?, socket)),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    #[test]
    fn what_is_accepted_does_not_wait_to_fill_segments() {
        let listener = Inherited::default().tcp((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(!client.nodelay().unwrap(), "it is not what sockets have anyway");
    }
}
