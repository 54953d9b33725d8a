//! The thread that seals the journal while it grows.

use super::Error;
use super::keys::{SecretFile, secret_text};
use crate::config::Config;
use crate::journal::{JournalReader, SealFinding, SealKey, SealSettings, Sealer};
use crate::telemetry;
use crate::update::Clock;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at the journal.
const TICK: Duration = Duration::from_secs(1);

/// The thread; dropping it seals what is left and ends it.
pub(super) struct Seals {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Checks the key that `config` names, for `check-config`.
///
/// # Errors
/// [`Error::Seals`] and [`Error::Io`].
pub fn check(config: &Config) -> Result<(), Error> {
    settings(config).map(drop)
}

impl Seals {
    /// Starts the thread, if the configuration names a key.
    pub(super) fn start(
        config: &Config,
        journal: JournalReader,
        clock: Arc<dyn Clock>,
        metrics: telemetry::Writer,
    ) -> Result<Option<Self>, Error> {
        let Some(settings) = settings(config)? else { return Ok(None) };
        let wrong = |what: String| Error::Seals { what };
        // A journal that is not the one that was sealed must not be served, nor sealed as if it were.
        let sealer = Sealer::open(settings, journal, &config.data_dir()).map_err(|error| wrong(error.to_string()))?;
        sealer.found().iter().for_each(log);
        metrics.sealed(sealer.sealed());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || run(sealer, &*clock, &metrics, &stopped);
        let thread = std::thread::Builder::new().name("seals".into()).spawn(work).map_err(Error::Signals)?;
        Ok(Some(Self { stop, thread: Some(thread) }))
    }
}

fn log(found: &SealFinding) {
    match found {
        SealFinding::Torn { octets, aside } => {
            let aside = aside.display();
            tracing::warn!(
                "the last seal was not written whole: its {octets} octets were cut off and are kept in {aside} \
                 / 最后一个签名检查点未写完：其 {octets} 字节已截去，另存于 {aside}"
            );
        }
        SealFinding::Doubtful(error) => tracing::error!(
            "{error}; `verify-journal --public-key` fails from here on: put the file back from a copy \
             / 此后 verify-journal --public-key 均会失败：请由副本恢复该文件"
        ),
    }
}

fn run(mut sealer: Sealer, clock: &dyn Clock, metrics: &telemetry::Writer, stopped: &AtomicBool) {
    let mut failing = false;
    while !stopped.load(Ordering::Acquire) {
        let sealed = sealer.tick(clock.now());
        // Once per failure, not once per second.
        if let Err(error) = &sealed
            && !failing
        {
            tracing::error!("the journal cannot be sealed: {error}");
        }
        failing = sealed.is_err();
        metrics.sealed(sealer.sealed());
        std::thread::park_timeout(TICK);
    }
    if let Err(error) = sealer.seal(clock.now()) {
        tracing::error!("the end of the journal cannot be sealed: {error}");
    }
}

fn settings(config: &Config) -> Result<Option<SealSettings>, Error> {
    let seals = &config.seals;
    let Some(path) = &seals.key_file else { return Ok(None) };
    let key = read_key(&config.path(path))?;
    Ok(Some(SealSettings { key, lines: seals.lines, secs: seals.secs, sm3: seals.sm3 }))
}

fn read_key(path: &Path) -> Result<SealKey, Error> {
    let shown = path.display();
    let text = secret_text(path).map_err(|error| match error {
        SecretFile::Unreadable(source) => Error::Io { path: path.to_owned(), source },
        SecretFile::Open => Error::Seals {
            what: format!(
                "{shown}: everybody on this machine may read or write it; run `chmod 600` on it, and make a new key \
                 / 本机任何人都可读写该文件；请执行 chmod 600,并更换密钥"
            ),
        },
    })?;
    SealKey::from_pem(&text).ok_or_else(|| Error::Seals {
        what: format!(
            "{shown}: no Ed25519 key in PEM; `zhengming seal-key new FILE` makes one \
             / 不是 PEM 格式的 Ed25519 密钥；请用 zhengming seal-key new 生成"
        ),
    })
}

impl Drop for Seals {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of its own has been logged.
            let _ = thread.join();
        }
    }
}
