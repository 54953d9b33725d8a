//! Commands that take the data directory: serving, and rebuilding the store.

use super::Failure;
use super::output::say;
use crate::config::Config;
use crate::daemon::{self, Error, Options};
use crate::telemetry::log;
use crate::update;
use std::path::Path;

/// Serves until it is told to stop.
pub(super) fn serve(options: &Options) -> Result<(), Failure> {
    daemon::run(options).map_err(Failure::from)
}

/// Rebuilds the store from the journal.
pub(super) fn rebuild(config: &Path, accept_loss: bool) -> Result<(), Failure> {
    let config = Config::load(config).map_err(|error| Failure::from(Error::from(error)))?;
    // What is cut off, and how far it has come, is told as a start tells it.
    log::init(config.log.format, &config.log.level).map_err(|error| Failure::from(Error::from(error)))?;
    let labels = daemon::labels::load(&config).map_err(|error| Failure::from(Error::from(error)))?;
    let rebuilt = update::rebuild(&config.data_dir(), labels.shared_table(), accept_loss)
        .map_err(|error| Failure::from(Error::from(error)))?;
    say(format!("rebuilt up to transaction {seq} / 已重建至第 {seq} 号事务", seq = rebuilt.seq))?;
    if let Some(aside) = rebuilt.aside {
        say(format!("the old store is now {path} / 旧存储已移至 {path}", path = aside.display()))?;
    }
    if rebuilt.lost > 0 {
        say(format!("{lost} acknowledged transactions are lost / 已丢失 {lost} 个已确认的事务", lost = rebuilt.lost))?;
    }
    Ok(())
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if error.is_check() { Self::refused_text(error) } else { Self::system_text(error) }
    }
}
