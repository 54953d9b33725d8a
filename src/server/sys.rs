//! The system calls of the UDP loop: batches in, batches out. The only unsafe code of the library.

#![allow(unsafe_code, reason = "the standard library has no recvmmsg and sendmmsg")]

use std::alloc::{self, Layout};
use std::io;
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull, addr_of, addr_of_mut};

/// Most packets of one system call. More costs latency and cache, and saves no further time.
pub const BATCH_LEN: usize = 64;
/// Longest request taken over UDP: twice what we advertise in EDNS.
pub const REQUEST_LEN_MAX: usize = 2464;
/// Longest response over UDP; what EDNS allows in practice (RFC 6891 §6.2.5), and not a multiple of a page, so that the
/// places do not compete for the same cache sets.
pub const RESPONSE_LEN_MAX: usize = 4160;

/// Where a request came from: an address of either family, as the kernel writes it.
#[repr(transparent)]
pub struct Peer(libc::sockaddr_in6);

/// Octets of the room for an address.
const PEER_LEN: u32 = size_of::<Peer>() as u32;

/// A request behind the address it came from: 39 lines of the cache, an odd number, so that the slots do not compete for
/// the same sets.
#[repr(C, align(32))]
struct Slot {
    peer: Peer,
    /// So that the request is aligned too.
    _free: [u8; 4],
    request: [u8; REQUEST_LEN_MAX],
}

/// Buffers and headers for one batch. They never move, so the pointers between them are set once. Requests are received
/// and answers sent with the same headers: what the kernel has written about a request's sender is true of its answer's
/// receiver.
#[repr(C, align(64))]
struct Arena {
    headers: [libc::mmsghdr; BATCH_LEN],
    iov: [libc::iovec; BATCH_LEN],
    slots: [Slot; BATCH_LEN],
    responses: [[u8; RESPONSE_LEN_MAX]; BATCH_LEN],
}

/// One batch of requests, and the responses to them.
pub struct Batch {
    /// Owned; only ever read and written through this pointer, so no reference outlives a method.
    arena: NonNull<Arena>,
    received: usize,
    /// The exchanges whose responses are to be sent, a bit each.
    queued: u64,
}

// SAFETY: the arena is owned by the batch alone, and all pointers in it point into it.
unsafe impl Send for Batch {}

/// One request, and room for its response.
pub struct Exchange<'a> {
    /// The request's octets and all the room behind them: the response may be written in their place.
    pub request: &'a mut [u8; REQUEST_LEN_MAX],
    /// How many of them are the request.
    pub request_len: usize,
    /// Other room for the response.
    pub response: &'a mut [u8; RESPONSE_LEN_MAX],
    /// Where it came from.
    pub peer: &'a Peer,
    /// Whether it was longer than [`REQUEST_LEN_MAX`] and has been cut.
    pub cut: bool,
}

/// Where a response was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Over the request.
    Request,
    /// Into the room for responses.
    Response,
}

/// What became of the queued responses that were not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent {
    /// The send buffer was full.
    pub full: usize,
    /// The system refused them for another reason (no route, a firewall).
    pub failed: usize,
}

impl Batch {
    /// Empty buffers.
    pub fn new() -> Self {
        let layout = Layout::new::<Arena>();
        // SAFETY: the layout is not of size zero.
        let raw = unsafe { alloc::alloc_zeroed(layout) }.cast::<Arena>();
        // All zeros is a valid value of every field: integers, null pointers and octets.
        let arena = NonNull::new(raw).unwrap_or_else(|| alloc::handle_alloc_error(layout));
        for i in 0..BATCH_LEN {
            // SAFETY: `i` is within the arrays, the arena is ours, and no reference into it exists.
            unsafe {
                let header = addr_of_mut!((*raw).headers[i].msg_hdr);
                (*header).msg_name = addr_of_mut!((*raw).slots[i].peer).cast();
                (*header).msg_iov = addr_of_mut!((*raw).iov[i]);
                (*header).msg_iovlen = 1;
            }
        }
        // The first call of `receive` makes all of them ready to receive.
        Self { arena, received: BATCH_LEN, queued: 0 }
    }

    /// Waits for a request (as long as the socket's receive timeout says), and takes it with all that came with it.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` when the time is over.
    pub fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let arena = self.arena.as_ptr();
        for i in 0..self.received {
            // SAFETY: `received` is at most BATCH_LEN. The kernel shortened the length of the address it wrote, and `queue`
            // told it where the response is.
            unsafe {
                (*at(addr_of_mut!((*arena).headers), i)).msg_hdr.msg_namelen = PEER_LEN;
                let iov_base = addr_of_mut!((*at(addr_of_mut!((*arena).slots), i)).request).cast();
                *at(addr_of_mut!((*arena).iov), i) = libc::iovec { iov_base, iov_len: REQUEST_LEN_MAX };
            }
        }
        self.received = 0;
        self.queued = 0;
        let flags = libc::MSG_WAITFORONE;
        // SAFETY: the headers, and all they point to, live in the arena, which nobody else touches during the call;
        // there are BATCH_LEN of them; no timeout is passed.
        let n = unsafe {
            let headers = addr_of_mut!((*arena).headers).cast();
            libc::recvmmsg(socket.as_raw_fd(), headers, BATCH_LEN as u32, flags, ptr::null_mut())
        };
        self.received = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// The `i`th request of those received.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline(always)]
    pub fn exchange(&mut self, i: usize) -> Exchange<'_> {
        assert!(i < self.received, "there is no such request");
        let arena = self.arena.as_ptr();
        // SAFETY: `i` is within the arrays; request, response and peer are different fields, borrowed as long as `self` is.
        unsafe {
            let header = at(addr_of_mut!((*arena).headers), i);
            let slot = at(addr_of_mut!((*arena).slots), i);
            let request = &mut *addr_of_mut!((*slot).request);
            let response = &mut *at(addr_of_mut!((*arena).responses), i);
            let cut = (*header).msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            let request_len = (*header).msg_len as usize;
            Exchange { request, request_len, response, peer: &*addr_of!((*slot).peer), cut }
        }
    }

    /// The room of the `i`th request of those received, and how many octets of it are the request; none if it came from a
    /// port that nothing can be sent to.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline(always)]
    pub fn request(&self, i: usize) -> Option<(&[u8; REQUEST_LEN_MAX], usize)> {
        assert!(i < self.received, "there is no such request");
        let arena = self.arena.as_ptr();
        // SAFETY: as in `exchange`; nothing is written as long as `self` is borrowed.
        unsafe {
            let slot = &*at(addr_of_mut!((*arena).slots), i);
            let request_len = (*at(addr_of_mut!((*arena).headers), i)).msg_len as usize;
            slot.peer.has_port().then_some((&slot.request, request_len))
        }
    }

    /// Marks the first `len` octets at this place of the `i`th exchange to be sent to where its request came from.
    ///
    /// # Panics
    /// If there is no such request, or no so long response.
    #[inline(always)]
    pub fn queue(&mut self, i: usize, len: usize, place: Place) {
        let len_max = if place == Place::Request { REQUEST_LEN_MAX } else { RESPONSE_LEN_MAX };
        assert!(i < self.received && len <= len_max, "no such response");
        let arena = self.arena.as_ptr();
        // SAFETY: `i` is within the arrays, and no reference into the arena exists.
        unsafe {
            let iov = at(addr_of_mut!((*arena).iov), i);
            (*iov).iov_len = len;
            if place == Place::Response {
                (*iov).iov_base = at(addr_of_mut!((*arena).responses), i).cast();
            }
        }
        self.queued |= 1 << i;
    }

    /// Sends what is queued, without waiting: a response that the send buffer has no room for is worth less than the
    /// next request.
    pub fn send(&mut self, socket: &UdpSocket) -> Unsent {
        let mut unsent = Unsent::default();
        // Those that follow each other go in one call: all of them, unless a request between was dropped.
        while self.queued != 0 {
            let first = self.queued.trailing_zeros();
            let run = (self.queued >> first).trailing_ones();
            // SAFETY: all bits are of headers within the array, which were filled by the kernel and by `queue`; all they
            // point to lives in the arena, which nobody else touches during the call.
            let n = unsafe {
                let headers = addr_of_mut!((*self.arena.as_ptr()).headers).cast::<libc::mmsghdr>().add(first as usize);
                libc::sendmmsg(socket.as_raw_fd(), headers, run, libc::MSG_DONTWAIT)
            };
            let done = match u32::try_from(n) {
                Ok(sent) => sent,
                Err(_) => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => 0,
                    io::ErrorKind::WouldBlock => {
                        unsent.full = self.queued.count_ones() as usize;
                        break;
                    }
                    // The error is that of the first message; the others may have better luck.
                    _ => {
                        unsent.failed += 1;
                        1
                    }
                },
            };
            for _ in 0..done {
                // The lowest bit.
                self.queued &= self.queued - 1;
            }
        }
        self.queued = 0;
        unsent
    }
}

/// The `i`th element, without the comparison that the callers have made.
///
/// # Safety
/// `array` points to a live array, and `i` is below `LEN`.
#[inline(always)]
unsafe fn at<T, const LEN: usize>(array: *mut [T; LEN], i: usize) -> *mut T {
    debug_assert!(i < LEN);
    // SAFETY: the caller says so.
    unsafe { array.cast::<T>().add(i) }
}

impl Peer {
    /// Whether something can be sent there: port 0 is none.
    #[inline(always)]
    pub fn has_port(&self) -> bool {
        // Addresses of IPv4 have their port at the same place.
        self.0.sin6_port != 0
    }

    /// The address that the kernel wrote, which is of one of two families: sockets of no other are used.
    #[inline]
    pub fn address(&self) -> SocketAddr {
        let peer = &self.0;
        if i32::from(peer.sin6_family) == libc::AF_INET6 {
            let port = u16::from_be(peer.sin6_port);
            return SocketAddrV6::new(peer.sin6_addr.s6_addr.into(), port, peer.sin6_flowinfo, peer.sin6_scope_id)
                .into();
        }
        // SAFETY: one is larger than the other and aligned like it, and all octets are a valid value of its integers.
        let peer = unsafe { &*ptr::from_ref(peer).cast::<libc::sockaddr_in>() };
        SocketAddrV4::new(peer.sin_addr.s_addr.to_ne_bytes().into(), u16::from_be(peer.sin_port)).into()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, and not used after.
        unsafe { alloc::dealloc(self.arena.as_ptr().cast(), Layout::new::<Arena>()) };
    }
}

/// Makes the socket ignore path-MTU messages, which anyone can forge to have answers fragmented (RFC 9715 §3.1).
///
/// # Errors
/// What the system says.
pub fn ignore_path_mtu(socket: &UdpSocket, ipv6: bool) -> io::Result<()> {
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)?;
        // What is longer than the link's MTU after all is cut by the sender: in IPv6 nobody else may.
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_DONTFRAG, 0)
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT)
    }
}

/// Sets an option of a socket.
fn set(socket: &UdpSocket, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the value is a c_int that lives through the call, and its size is given.
    let done = unsafe {
        let length = size_of::<libc::c_int>() as u32;
        libc::setsockopt(socket.as_raw_fd(), level, option, addr_of!(value).cast(), length)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps the calling thread on the `number`th of the cores it may run on; if these are fewer, it begins anew with them.
///
/// # Errors
/// What the system says.
pub fn stay_on_core(number: usize) -> io::Result<()> {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: all zeros is a set without members; the call writes no more than the size given, into a set that lives on.
    let (done, allowed) = unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        (libc::sched_getaffinity(0, size, addr_of_mut!(allowed)), allowed)
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the numbers are below the size of a set.
    let cores = (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &allowed) });
    let cores: Vec<usize> = cores.collect();
    let core = *cores.get(number % cores.len().max(1)).ok_or(io::ErrorKind::NotFound)?;
    // SAFETY: `core` is below the size of a set; the call only reads the set.
    let done = unsafe {
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut one);
        libc::sched_setaffinity(0, size, addr_of!(one))
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn pair() -> (UdpSocket, UdpSocket) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client.connect(server.local_addr().unwrap()).unwrap();
        (server, client)
    }

    /// Receives `n` packets, however they fall into batches, and answers each with `answer`; none for an empty one.
    fn serve(server: &UdpSocket, n: usize, answer: impl Fn(&[u8], &mut [u8]) -> usize) {
        let mut places = [Place::Request, Place::Response].into_iter().cycle();
        let mut batch = Batch::new();
        let mut seen = 0;
        while seen < n {
            let received = batch.receive(server).unwrap();
            for i in 0..received {
                let exchange = batch.exchange(i);
                let len = answer(&exchange.request[..exchange.request_len], exchange.response);
                let place = places.next().expect("it has no end");
                if len > 0 {
                    exchange.request[..len].copy_from_slice(&exchange.response[..len]);
                    batch.queue(i, len, place);
                }
            }
            assert_eq!(batch.send(server), Unsent::default());
            seen += received;
        }
    }

    #[test]
    fn every_request_gets_its_own_answer() {
        let (server, client) = pair();
        // More than one batch, of different lengths; every third one is not answered.
        let requests: Vec<Vec<u8>> = (0..150_u8).map(|n| vec![n; 1 + usize::from(n)]).collect();
        for request in &requests {
            client.send(request).unwrap();
        }
        serve(&server, requests.len(), |request, response| {
            response[..request.len()].copy_from_slice(request);
            response[request.len()] = 0xff;
            if request[0] % 3 == 0 { 0 } else { request.len() + 1 }
        });
        for request in requests.iter().filter(|request| request[0] % 3 != 0) {
            let mut answer = [0; 512];
            let len = client.recv(&mut answer).unwrap();
            assert_eq!(answer[..len - 1], request[..]);
            assert_eq!(answer[len - 1], 0xff);
        }
    }

    #[test]
    fn answers_go_where_the_requests_came_from() {
        let (server, first) = pair();
        let second = UdpSocket::bind("127.0.0.1:0").unwrap();
        second.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        second.connect(server.local_addr().unwrap()).unwrap();
        for n in 0..10_u8 {
            first.send(&[1, n]).unwrap();
            second.send(&[2, n]).unwrap();
        }
        serve(&server, 20, |request, response| {
            response[..2].copy_from_slice(request);
            2
        });
        for (socket, mark) in [(&first, 1), (&second, 2)] {
            for n in 0..10 {
                let mut answer = [0; 16];
                assert_eq!(socket.recv(&mut answer).unwrap(), 2);
                assert_eq!(answer[..2], [mark, n]);
            }
        }
    }

    #[test]
    fn a_request_too_long_is_marked() {
        let (server, client) = pair();
        client.send(&[7; REQUEST_LEN_MAX + 1]).unwrap();
        client.send(&[8; REQUEST_LEN_MAX]).unwrap();
        client.send(&[]).unwrap();
        let mut batch = Batch::new();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            for i in 0..batch.receive(&server).unwrap() {
                let exchange = batch.exchange(i);
                seen.push((exchange.request_len, exchange.cut));
                assert_eq!(exchange.peer.address(), client.local_addr().unwrap());
            }
        }
        assert_eq!(seen, [(REQUEST_LEN_MAX, true), (REQUEST_LEN_MAX, false), (0, false)]);
    }

    #[test]
    fn one_response_that_cannot_be_sent_does_not_take_the_others_with_it() {
        let (server, client) = pair();
        for n in 0..3_u8 {
            client.send(&[n]).unwrap();
        }
        let mut batch = Batch::new();
        while batch.receive(&server).unwrap() < 3 {}
        for i in 0..3 {
            batch.exchange(i).response[0] = i as u8;
            batch.queue(i, 1, Place::Response);
        }
        // Port 0 takes no packets: the second response fails.
        // SAFETY: the arena is the batch's; index 1 was received.
        unsafe { (*addr_of_mut!((*batch.arena.as_ptr()).slots[1].peer)).0.sin6_port = 0 };
        assert_eq!(batch.send(&server), Unsent { full: 0, failed: 1 });
        let mut answer = [0; 16];
        assert_eq!((client.recv(&mut answer).unwrap(), answer[0]), (1, 0));
        assert_eq!((client.recv(&mut answer).unwrap(), answer[0]), (1, 2));
    }

    #[test]
    fn path_mtu_can_be_ignored_on_both_families() {
        ignore_path_mtu(&UdpSocket::bind("127.0.0.1:0").unwrap(), false).unwrap();
        ignore_path_mtu(&UdpSocket::bind("[::1]:0").unwrap(), true).unwrap();
    }

    #[test]
    fn a_thread_stays_on_the_core_it_is_given() {
        let cores = std::thread::available_parallelism().unwrap().get();
        for number in 0..2 * cores {
            let on_its_own = std::thread::spawn(move || {
                stay_on_core(number).unwrap();
                // What may run on one core counts one.
                std::thread::available_parallelism().unwrap().get()
            });
            assert_eq!(on_its_own.join().unwrap(), 1);
        }
    }
}
