//! SIGHUP: what can change live is read again; what is wrong leaves all of the old in place.

use super::{Error, keys, labels, targets, tls, tokens, zones};
use crate::admin::{Access, Shared, Targets, Token};
use crate::config::{Config, Server};
use crate::registry::Policy;
use crate::server::Changeable;
use crate::snapshot;
use crate::telemetry::log;
use crate::tsig::Keys;
use crate::update::{Handle, UpdateError};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What a reload reaches.
pub(super) struct Live {
    pub(super) handle: Handle,
    pub(super) tokens: Shared<Vec<Token>>,
    pub(super) access: Arc<Access>,
    pub(super) targets: Shared<Targets>,
    pub(super) policy: Shared<Policy>,
    pub(super) certificates: tls::Certificates,
    pub(super) server: snapshot::Live<Changeable>,
    pub(super) filter: log::Filter,
    /// The configuration in force and the zones it names; locked by whoever reloads.
    pub(super) files: Arc<Mutex<zones::Files>>,
}

/// Why the old configuration stays.
#[derive(Debug, thiserror::Error)]
enum Kept {
    #[error(transparent)]
    Read(#[from] Error),
    #[error(transparent)]
    Serve(#[from] UpdateError),
    /// Its tokens are public, and the listeners are those of the start.
    #[error("`demo` changed; that takes a restart / demo 的改动需重启后生效")]
    Demo,
}

impl Live {
    /// Puts the file at `path` in the place of the configuration in force, as far as that works live.
    pub(super) async fn reload(&self, path: &Path) {
        let mut files = self.files.lock().await;
        match self.try_reload(path, &mut files).await {
            Ok(()) => tracing::info!("SIGHUP: the configuration and the zones were read again"),
            Err(kept) => tracing::error!("SIGHUP: everything stays as it was: {kept}"),
        }
    }

    async fn try_reload(&self, path: &Path, files: &mut zones::Files) -> Result<(), Kept> {
        let mut new = Config::load(path).map_err(Error::from)?;
        let old = files.config();
        if new.demo != old.demo {
            return Err(Kept::Demo);
        }
        for what in keep_until_restart(old, &mut new) {
            tracing::warn!("SIGHUP: {what} changed; that takes a restart / {what} 的改动需重启后生效");
        }
        // Everything that can fail goes before anything that shows; the writer goes last of it, because it cannot be undone.
        let certificates = tls::read(&new)?;
        let keys = keys::load(&new).map_err(Error::from)?.logged();
        let tokens = tokens::load(&new)?;
        let targets = targets::load(&new)?;
        let labels = labels::reload(&new, files.labels()).map_err(Error::from)?;
        let reload = files.load(&new, &labels).map_err(Error::from)?;
        let zones = reload.zones.clone();
        self.handle.reload(reload).await?;
        self.certificates.replace(certificates);
        self.server.set(self.changed(old, &new, keys));
        self.policy.set(new.policy(labels.clone()));
        tokens::configure(&self.access, &new, &tokens);
        self.tokens.set(tokens);
        self.targets.set(targets);
        if let Err(error) = self.filter.set(&new.log.level) {
            tracing::error!("SIGHUP: the log level stays: {error}");
        }
        files.replace(new, zones, labels);
        Ok(())
    }

    /// What the DNS sockets serve with from now on. Cookies whose options are as they were stay the same: their secret
    /// may be a random one, and every client would have to fetch a new cookie.
    fn changed(&self, old: &Config, new: &Config, keys: Keys) -> Changeable {
        let mut query = new.query_settings(keys);
        let options = |server: &Server| {
            (server.cookies, server.cookie_secrets.clone(), server.cookie_roll_secs, server.cookies_required)
        };
        if options(&old.server) == options(&new.server) {
            query.cookies.clone_from(&self.server.load().query.cookies);
        }
        Changeable { query, rate: new.rate_limits() }
    }
}

/// Carries over what only a start can change, and names what differs.
fn keep_until_restart(old: &Config, new: &mut Config) -> Vec<&'static str> {
    let mut differing = Vec::new();
    // The files of a certificate may change, but not whether there is one.
    let mut server = old.server.clone();
    // What answers say and depend on is swapped whole.
    server.nsid.clone_from(&new.server.nsid);
    server.id_server.clone_from(&new.server.id_server);
    server.version_server.clone_from(&new.server.version_server);
    server.udp_size_max = new.server.udp_size_max;
    server.rotate_rrsets = new.server.rotate_rrsets;
    server.cookies = new.server.cookies;
    server.cookie_secrets.clone_from(&new.server.cookie_secrets);
    server.cookie_roll_secs = new.server.cookie_roll_secs;
    server.cookies_required = new.server.cookies_required;
    if old.server.tls.cert.is_some() == new.server.tls.cert.is_some() {
        server.tls.cert.clone_from(&new.server.tls.cert);
        server.tls.key.clone_from(&new.server.tls.key);
    }
    let mut keep = |name, differs: bool| {
        if differs {
            differing.push(name);
        }
    };
    keep("[server]", server != new.server);
    keep("[admin] listen", old.admin.listen != new.admin.listen);
    keep("[admin] tls_cert, tls_key", old.admin.tls_cert.is_some() != new.admin.tls_cert.is_some());
    keep("[gateway]", old.gateway != new.gateway);
    keep("[outbox]", old.outbox != new.outbox);
    keep("[seals]", old.seals != new.seals);
    // The store's index of packages is made with the table as a start finds it.
    let tables = |config: &Config| {
        let idn = &config.idn;
        [&idn.lgr, &idn.simplified, &idn.traditional].map(|file| file.as_ref().map(|file| config.path(file)))
    };
    keep("[idn] lgr, simplified, traditional", tables(old) != tables(new));
    keep("[data]", old.data_dir() != new.data_dir());
    keep("[log] format", old.log.format != new.log.format);
    new.server = server;
    new.admin.listen.clone_from(&old.admin.listen);
    // Nor whether clients show certificates: listeners that began without TLS cannot ask for them.
    if old.admin.tls_cert.is_some() != new.admin.tls_cert.is_some() {
        new.admin.tls_client_ca.clone_from(&old.admin.tls_client_ca);
        new.admin.tls_cert.clone_from(&old.admin.tls_cert);
        new.admin.tls_key.clone_from(&old.admin.tls_key);
    }
    new.gateway = old.gateway.clone();
    new.data = old.data.clone();
    new.outbox = old.outbox.clone();
    new.seals = old.seals.clone();
    new.log.format = old.log.format;
    differing
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn what_only_a_start_can_change_stays_and_is_named() {
        let old = Config::default();
        let text = "version = 1\n[server]\nnsid = \"two\"\nworkers = 3\n[rate_limit]\nslip = 9\n[gateway]\nlisten = []\n[data]\ndirectory = \"elsewhere\"\n\
                    [registry]\nbrake_percent = 7\n[log]\nlevel = \"debug\"\nformat = \"json\"\n";
        let mut new = Config::parse(text, PathBuf::new()).expect("a valid configuration");
        assert_eq!(keep_until_restart(&old, &mut new), ["[server]", "[gateway]", "[data]", "[log] format"]);
        assert_eq!((new.gateway, new.data), (old.gateway, old.data));
        // What answers depend on changes.
        assert_eq!((new.server.workers, new.server.nsid.as_str(), new.rate_limit.limits.slip), (0, "two", 9));
        // Files of a certificate are read again; whether there is one is of the start.
        let tls = |files: &str| {
            let text = format!("version = 1\n[server.tls]\ndot_listen = [\"192.0.2.1:853\"]\n{files}");
            Config::parse(&text, PathBuf::new()).expect("a valid configuration")
        };
        let old = tls("cert = \"one\"\nkey = \"one\"\n");
        let mut moved = tls("cert = \"two\"\nkey = \"two\"\n");
        assert!(keep_until_restart(&old, &mut moved).is_empty());
        assert_eq!(moved.server.tls.cert, Some(PathBuf::from("two")));
        let mut without = Config::default();
        assert_eq!(keep_until_restart(&old, &mut without), ["[server]"]);
        assert_eq!(without.server, old.server);
        assert_eq!((new.registry.brake_percent, new.log.level.as_str()), (7, "debug"));
    }
}
