//! The running program: start in one order, stop in the reverse, reload in between.

mod error;
pub mod keys;
pub mod labels;
pub mod outbox;
pub mod pem;
mod ready;
mod reload;
pub mod seals;
pub mod seed;
pub mod targets;
pub mod tls;
pub mod tokens;
mod web;
pub mod zones;

pub use error::Error;

use crate::admin::{self, Admin, Shared};
use crate::config::Config;
use crate::gateway;
use crate::http::inherited::Inherited;
use crate::server::Server;
use crate::telemetry::{Telemetry, log};
use crate::update::{self, Clock, LargePages, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;
use web::Web;

/// Longest request of the admin API: an import of a whole registry. Bodies that stall are cut off much earlier.
const ADMIN_REQUEST: Duration = Duration::from_secs(3600);

/// What the command line says of a run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; re-read on SIGHUP.
    pub config: PathBuf,
    /// Where the bound addresses are written once everything answers.
    pub ready_file: Option<PathBuf>,
    /// Where a clock that only a test moves begins; the system's clock if absent.
    #[cfg(feature = "test-clock")]
    pub test_clock: Option<crate::registry::Timestamp>,
    /// Each change is written to the store by itself.
    #[cfg(feature = "test-clock")]
    pub test_batches: bool,
}

impl Options {
    /// How much the store writes at once.
    fn writes(&self) -> update::WritePace {
        let writes = update::WritePace::default();
        #[cfg(feature = "test-clock")]
        let writes = if self.test_batches { update::WritePace { batch_octets: 1, ..writes } } else { writes };
        writes
    }
}

/// Serves until SIGTERM or SIGINT, then drains and stops.
///
/// # Errors
/// [`Error`] if it cannot start; whatever had started has stopped again then. Nothing that happens later ends it.
pub fn run(options: &Options) -> Result<(), Error> {
    // First, while there is only this thread.
    let inherited = Inherited::take()?;
    LargePages::forbid();
    let config = Config::load(&options.config)?;
    let (tcp, udp) = config.listeners();
    inherited.check(&tcp, &udp)?;
    let filter = log::init(config.log.format, &config.log.level)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), config = %options.config.display(), "starting");
    if config.goes_bare() {
        tracing::warn!("the admin API leaves loopback without TLS / 管理接口在非回环地址上未使用 TLS");
    }
    if config.demo {
        tracing::warn!("this is the demonstration: its tokens are public / 演示配置，令牌是公开的");
    }
    let notices = outbox::settings(&config)?;
    let telemetry = Telemetry::new();
    let labels = labels::load(&config)?;
    let clock = Clocks::new(options);
    let pages = LargePages::allow();
    let reload = zones::load(&config, &labels);
    drop(pages);
    let zones = reload.zones.clone();

    let writer = update::start(update::Start {
        data_dir: config.data_dir(),
        reload,
        clock: Arc::clone(&clock.clock),
        metrics: telemetry.writer.clone(),
        checkpoints: update::Pace::default(),
        writes: options.writes(),
    })?;
    // From here on what was started stops in reverse, whatever happens.
    let runtime = runtime();
    let served = runtime.and_then(|runtime| {
        let io = |source| Error::Io { path: notices.directory.clone(), source };
        let outbox = crate::outbox::start(&notices, &writer.journal, &clock.clock, &telemetry.outbox, &runtime);
        let outbox = outbox.map_err(io)?;
        let files = zones::Files::new(config, zones, labels, writer.snapshots.clone(), telemetry.dns.clone());
        let served = serve(options, files, &telemetry, &clock, &writer, &runtime, Begun { filter, inherited });
        outbox.stop(&runtime);
        drop(runtime);
        served
    });
    writer.stop();
    tracing::info!("stopped");
    served
}

/// What was begun before anything else.
struct Begun {
    filter: log::Filter,
    inherited: Inherited,
}

/// Everything after the writer: seed, server, gateway, admin, then signals; and all of it back again.
fn serve(
    options: &Options,
    files: zones::Files,
    telemetry: &Telemetry,
    clock: &Clocks,
    writer: &update::Running,
    runtime: &Runtime,
    begun: Begun,
) -> Result<(), Error> {
    let Begun { filter, inherited } = begun;
    // What only a start can change is the same in every configuration to come.
    let config = files.config().clone();
    let policy = config.policy(files.labels().clone());
    let files = Arc::new(Mutex::new(files));
    let mut signals = runtime.block_on(async { Signals::new() })?;
    runtime.block_on(seed::plant(&config, &policy, writer))?;

    // Dropped at the end of this function: what came to the last is sealed too.
    let _seals =
        seals::Seals::start(&config, writer.journal.clone(), Arc::clone(&clock.clock), telemetry.writer.clone())?;
    let certificates = tls::Certificates::load(&config)?;
    let keys = keys::load(&config)?.logged();
    let (settings, query) =
        (config.server_settings(certificates.server(), inherited.clone()), config.query_settings(keys));
    let server = Server::start(&settings, writer.snapshots.clone(), query, telemetry.dns.clone())?;

    let forwards = gateway::router(writer.snapshots.clone(), telemetry.gateway.clone());
    let mut gateway = Web::new(runtime, &inherited);
    for address in &config.gateway.listen {
        gateway.listen(*address, |listener, stop| {
            crate::http::serve(listener, forwards.clone(), gateway::limits(), None, stop)
        })?;
    }

    let tokens = tokens::load(&config)?;
    let access = admin::Access::new(config.access_limits(), clock.clock.now(), telemetry.admin.clone());
    tokens::configure(&access, &config, &tokens);
    let api = Admin {
        handle: writer.handle.clone(),
        journal: writer.journal.clone(),
        snapshots: writer.snapshots.clone(),
        tokens: Shared::new(tokens),
        targets: Shared::new(targets::load(&config)?),
        access: Arc::new(access),
        policy: Shared::new(policy),
        zone_files: Arc::clone(&files) as Arc<Mutex<dyn admin::ZoneFiles>>,
        exporter: telemetry.exporter.clone(),
        metrics: telemetry.admin.clone(),
        clock: Arc::clone(&clock.clock),
        #[cfg(feature = "test-clock")]
        test_clock: clock.test.clone(),
    };
    let mut admin = Web::new(runtime, &inherited);
    for address in &config.admin.listen {
        let (routes, tls) = (admin::router(api.clone()), certificates.admin());
        admin.listen(*address, |listener, stop| {
            let limits = crate::http::Limits { request: ADMIN_REQUEST, ..Default::default() };
            crate::http::serve(listener, routes, limits, tls, stop)
        })?;
    }

    let bound = ready::Addresses {
        dns: server.addresses(),
        dot: &server.encrypted().tls,
        doh: &server.encrypted().https,
        doq: &server.encrypted().quic,
        doh3: &server.encrypted().http3,
        admin: admin.addresses(),
        gateway: gateway.addresses(),
    };
    ready::announce(&bound, options.ready_file.as_deref())?;
    let live = reload::Live {
        handle: writer.handle.clone(),
        tokens: api.tokens,
        access: api.access,
        targets: api.targets,
        policy: api.policy,
        certificates,
        server: server.changeable(),
        filter,
        files,
    };
    runtime.block_on(signals.serve(options, &live));

    ready::stopping();
    admin.stop();
    gateway.stop();
    server.stop();
    Ok(())
}

/// The signals that are listened to.
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(Error::Signals);
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Reloads on SIGHUP, until SIGTERM or SIGINT.
    async fn serve(&mut self, options: &Options, live: &reload::Live) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => live.reload(&options.config).await,
                _ = self.terminate.recv() => return tracing::info!("SIGTERM: draining"),
                _ = self.interrupt.recv() => return tracing::info!("SIGINT: draining"),
            }
        }
    }
}

/// The clock, and the same one for a test that moves it.
struct Clocks {
    clock: Arc<dyn Clock>,
    #[cfg(feature = "test-clock")]
    test: Option<Arc<update::TestClock>>,
}

impl Clocks {
    #[cfg(not(feature = "test-clock"))]
    fn new(_: &Options) -> Self {
        Self { clock: Arc::new(SystemClock) }
    }

    #[cfg(feature = "test-clock")]
    fn new(options: &Options) -> Self {
        match options.test_clock.map(|now| Arc::new(update::TestClock::new(now))) {
            Some(test) => Self { clock: Arc::clone(&test) as Arc<dyn Clock>, test: Some(test) },
            None => Self { clock: Arc::new(SystemClock), test: None },
        }
    }
}

/// The runtime of HTTP and signals, which stands back like the writer behind it; DNS has threads of its own.
fn runtime() -> Result<Runtime, Error> {
    let mut builder = Builder::new_multi_thread();
    builder.thread_name("http").on_thread_start(update::behind_answers()).enable_all();
    builder.build().map_err(Error::Signals)
}
