//! Batches of datagrams in one system call, threads kept on one core, and the processor time of other processes.

use std::io;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// Room for a datagram; as much as a UDP thread of the server takes.
pub const SLOT_LEN: usize = 2496;

/// Buffers for one batch. Received datagrams can be changed in place and sent back to where they came from.
pub struct Batch {
    headers: Box<[libc::mmsghdr]>,
    slices: Box<[libc::iovec]>,
    peers: Box<[libc::sockaddr_in]>,
    slots: Box<[[u8; SLOT_LEN]]>,
    lengths: Box<[usize]>,
    filled: usize,
}

impl Batch {
    /// Room for `capacity` datagrams.
    pub fn new(capacity: usize) -> Self {
        // SAFETY: all zeros is a valid value of these structures: integers and null pointers.
        let (header, slice, peer) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            headers: vec![header; capacity].into(),
            slices: vec![slice; capacity].into(),
            peers: vec![peer; capacity].into(),
            slots: vec![[0; SLOT_LEN]; capacity].into(),
            lengths: vec![0; capacity].into(),
            filled: 0,
        }
    }

    /// The `i`th datagram.
    pub fn datagram(&self, i: usize) -> &[u8] {
        &self.slots[i][..self.lengths[i]]
    }

    /// The `i`th datagram with room behind it, and its length, to change both.
    pub fn datagram_mut(&mut self, i: usize) -> (&mut [u8; SLOT_LEN], &mut usize) {
        (&mut self.slots[i], &mut self.lengths[i])
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Puts a datagram in; there must be room.
    pub fn push(&mut self, octets: &[u8]) -> &mut [u8] {
        let slot = self.filled;
        self.filled += 1;
        self.lengths[slot] = octets.len();
        self.slots[slot][..octets.len()].copy_from_slice(octets);
        &mut self.slots[slot][..octets.len()]
    }

    /// Takes what has come, at most as many as there is room for; an unconnected socket's peers are kept for the way
    /// back. With `wait`, waits for the first.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` if there is nothing.
    pub fn receive(&mut self, socket: &UdpSocket, wait: bool, connected: bool) -> io::Result<usize> {
        self.filled = 0;
        self.lay_out(self.slots.len(), connected, |_| SLOT_LEN);
        let flags = if wait { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: the headers point into buffers of this batch, which nobody else touches during the call, and there are
        // as many as told; no timeout is passed.
        let n = unsafe {
            let count = self.headers.len() as u32;
            libc::recvmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), count, flags, ptr::null_mut())
        };
        self.filled = usize::try_from(n).map_err(|_| io::Error::last_os_error())?;
        for i in 0..self.filled {
            self.lengths[i] = (self.headers[i].msg_len as usize).min(SLOT_LEN);
        }
        Ok(self.filled)
    }

    /// Sends what is in it; how many the system has taken.
    ///
    /// # Errors
    /// What the system says of the first.
    pub fn send(&mut self, socket: &UdpSocket, connected: bool) -> io::Result<usize> {
        let lengths: *const usize = self.lengths.as_ptr();
        // SAFETY: `lay_out` calls it for indices below `filled` only, and does not change the lengths.
        self.lay_out(self.filled, connected, |i| unsafe { *lengths.add(i) });
        // SAFETY: the first `filled` headers point into buffers of this batch, which nobody else touches during the call.
        let n = unsafe {
            libc::sendmmsg(socket.as_raw_fd(), self.headers.as_mut_ptr(), self.filled as u32, libc::MSG_DONTWAIT)
        };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    fn lay_out(&mut self, count: usize, connected: bool, length: impl Fn(usize) -> usize) {
        for i in 0..count {
            self.slices[i] = libc::iovec { iov_base: self.slots[i].as_mut_ptr().cast(), iov_len: length(i) };
            let header = &mut self.headers[i].msg_hdr;
            header.msg_iov = &raw mut self.slices[i];
            header.msg_iovlen = 1;
            if connected {
                (header.msg_name, header.msg_namelen) = (ptr::null_mut(), 0);
            } else {
                header.msg_name = (&raw mut self.peers[i]).cast();
                header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            }
        }
    }
}

/// Keeps the calling thread, and those that it starts, on one core.
///
/// # Panics
/// If there is no such core.
pub fn pin(core: usize) {
    // SAFETY: the set is a local value of the size told; CPU_SET stays within it, as the core was checked.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert!(core < libc::CPU_SETSIZE as usize, "no core {core}");
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    assert_eq!(result, 0, "core {core}: {}", io::Error::last_os_error());
}

/// Time on a CPU, user and system, of all threads that a process has or had; none if there is no such process.
pub fn cpu(pid: u32) -> Option<Duration> {
    let (mut clock, mut time) = (0, libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: both write to the local values that they are given.
    let found = unsafe {
        libc::clock_getcpuclockid(pid.try_into().ok()?, &raw mut clock) == 0
            && libc::clock_gettime(clock, &raw mut time) == 0
    };
    found.then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// The same of this process.
pub fn own_cpu() -> Duration {
    cpu(std::process::id()).expect("this process is there")
}
