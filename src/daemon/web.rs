//! One HTTP service on its listeners: bound before it is served, drained before it ends.

use super::Error;
use crate::http::inherited::Inherited;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A service at work; dropping it stops it without waiting.
pub(super) struct Web {
    runtime: Handle,
    inherited: Inherited,
    stop: watch::Sender<bool>,
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
}

impl Web {
    /// A service without listeners, which takes sockets that are there already.
    pub(super) fn new(runtime: &Runtime, inherited: &Inherited) -> Self {
        Self {
            runtime: runtime.handle().clone(),
            inherited: inherited.clone(),
            stop: watch::Sender::new(false),
            addresses: Vec::new(),
            tasks: Vec::new(),
        }
    }

    /// Binds `address` and serves it with `serve`.
    pub(super) fn listen<F>(
        &mut self,
        address: SocketAddr,
        serve: impl FnOnce(TcpListener, watch::Receiver<bool>) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let failed = |source| Error::Listen { address, source };
        let listener = self.inherited.tcp(address).map_err(failed)?;
        self.addresses.push(listener.local_addr().map_err(failed)?);
        self.tasks.push(self.runtime.spawn(serve(listener, self.stop.subscribe())));
        Ok(())
    }

    /// The addresses as bound.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Takes no more connections and waits until those in work are done, within their limit.
    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            match self.runtime.block_on(task) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "a listener failed"),
                Err(error) => tracing::error!(%error, "a listener ended badly"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default gateway listens on both wildcards with one port; IPv6 must leave IPv4 to the other socket.
    #[test]
    fn both_wildcards_share_a_port() {
        let runtime = Runtime::new().expect("a runtime");
        let mut web = Web::new(&runtime, &Inherited::default());
        let serve = |_, _| std::future::ready(Ok(()));
        web.listen("0.0.0.0:0".parse().expect("an address"), serve).expect("IPv4");
        let port = web.addresses()[0].port();
        web.listen(SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port), serve).expect("IPv6 beside it");
        web.stop();
    }
}
