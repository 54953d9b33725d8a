//! Saying that everything answers: to the log, to a file for scripts, and to systemd.

use super::Error;
use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixDatagram};
use std::path::Path;

/// What was bound; ports 0 have become real ones.
pub(super) struct Addresses<'a> {
    pub(super) dns: &'a [SocketAddr],
    pub(super) dot: &'a [SocketAddr],
    pub(super) doh: &'a [SocketAddr],
    pub(super) doq: &'a [SocketAddr],
    pub(super) doh3: &'a [SocketAddr],
    pub(super) admin: &'a [SocketAddr],
    pub(super) gateway: &'a [SocketAddr],
}

/// Says that everything answers. The file appears whole or not at all.
pub(super) fn announce(addresses: &Addresses<'_>, file: Option<&Path>) -> Result<(), Error> {
    let json = addresses.to_json();
    if let Some(path) = file {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let beside = path.with_extension("writing");
        fs::write(&beside, format!("{json}\n")).and_then(|()| fs::rename(&beside, path)).map_err(io)?;
    }
    tracing::info!(addresses = %json, "ready");
    notify("READY=1");
    Ok(())
}

/// Says that the program drains and stops.
pub(super) fn stopping() {
    notify("STOPPING=1");
}

impl Addresses<'_> {
    /// `{"dns":["127.0.0.1:53"],"dot":[],"doh":[],"doq":[],"doh3":[],"admin":[…],"gateway":[…]}`. Addresses need no escapes.
    fn to_json(&self) -> String {
        let mut json = String::from("{");
        for (at, (name, addresses)) in [
            ("dns", self.dns),
            ("dot", self.dot),
            ("doh", self.doh),
            ("doq", self.doq),
            ("doh3", self.doh3),
            ("admin", self.admin),
            ("gateway", self.gateway),
        ]
        .iter()
        .enumerate()
        {
            let list: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
            let comma = if at == 0 { "" } else { "," };
            write!(json, "{comma}\"{name}\":[{}]", list.join(",")).expect("a string takes every write");
        }
        json + "}"
    }
}

/// Tells systemd, if it started us (sd_notify(3)).
fn notify(state: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return };
    let send = || -> io::Result<()> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => UnixAddr::from_abstract_name(name)?,
            _ => UnixAddr::from_pathname(&socket)?,
        };
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
    };
    if let Err(error) = send() {
        tracing::warn!(%error, "systemd cannot be told: {state}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_is_json_and_appears_whole() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("ready");
        let dns = ["127.0.0.1:5353".parse().unwrap(), "[::1]:5353".parse().unwrap()];
        let addresses =
            Addresses { dns: &dns, dot: &[], doh: &[], doq: &[], doh3: &[], admin: &dns[..1], gateway: &[] };
        announce(&addresses, Some(&path)).expect("a writable directory");
        let expected = "{\"dns\":[\"127.0.0.1:5353\",\"[::1]:5353\"],\"dot\":[],\"doh\":[],\"doq\":[],\"doh3\":[],\"admin\":[\"127.0.0.1:5353\"],\"gateway\":[]}\n";
        assert_eq!(fs::read_to_string(&path).expect("the file"), expected);
        assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 1);
    }
}
