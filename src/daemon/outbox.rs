//! The outbox's settings, with the secret that is in a file of its own.

use super::pem::Fault;
use super::{Error, keys};
use crate::config::Config;
use crate::http::client::{Target, TargetError};
use crate::outbox::{Settings, Webhook};

/// Where the outbox notes how far it is, in the data directory.
const DIRECTORY: &str = "outbox";

/// What the configuration says, and its files.
///
/// # Errors
/// [`Error`] if the secret or the certificates cannot be used.
pub fn settings(config: &Config) -> Result<Settings, Error> {
    let outbox = &config.outbox;
    let webhook = match (&outbox.webhook, &outbox.secret_file) {
        (Some(url), Some(secret)) => {
            let ca = outbox.ca_file.as_ref().map(|path| config.path(path));
            let target = Target::new(url, ca.as_deref()).map_err(|error| match error {
                TargetError::Certificates { path, why } => {
                    Error::Certificate { path, what: Fault::of_connection(&why) }
                }
                TargetError::Url => unreachable!("the URL was checked when the configuration was read"),
            });
            let secret = keys::read_secret(&config.path(secret), "of outbox.webhook").map_err(Error::from);
            let (target, secret) = Error::both(target, secret)?;
            Some(Webhook { target, secret: secret.0 })
        }
        _ => None,
    };
    let file = outbox.file.as_ref().map(|path| config.path(path));
    Ok(Settings { directory: config.data_dir().join(DIRECTORY), file, webhook })
}
