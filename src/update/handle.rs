//! The door: what callers hand in, and what they get back.

use crate::registry::{Actor, Brake, Command, Event, Outcome, Refusals, Request, Suspension, Timestamp};
use crate::snapshot::{Awaited, Hope};
use crate::store::Store;
use crossbeam_channel::{Sender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Most commands waiting for the writer; beyond it callers get [`UpdateError::Busy`] at once instead of a growing queue.
pub const QUEUE_LEN_MAX: usize = 4096;

/// One command on its way to the writer.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who asks.
    pub actor: Actor,
    /// What.
    pub command: Command,
    /// How the journal names it; `request.key` makes it idempotent per principal.
    pub request: Request,
    /// The version the client saw (`If-Match`).
    pub if_match: Option<u64>,
    /// Decide and answer, but change nothing.
    pub dry_run: bool,
    /// Whether a second factor confirmed it (R60).
    pub confirmed: bool,
}

/// What happened, once it is durable and visible (or, for a dry run, what would happen).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction; absent for a dry run.
    pub seq: Option<u64>,
    /// Its time.
    pub at: Timestamp,
    /// What the client is told of the object.
    pub outcome: Outcome,
    /// The serials, after the transaction, of the zones it changed visibly, by apex (A-labels, final dot).
    pub serials: Vec<(Box<str>, u32)>,
    /// For how many seconds caches may answer what the transaction took away; 0 if they notice nothing of it.
    pub residual_ttl_secs: u32,
    /// Whether this is the answer to an earlier request with the same idempotency key.
    pub replayed: bool,
    /// For a dry run: the objects as they would be, and the record differences per zone.
    pub preview: Option<Preview>,
}

/// What a dry run shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// New images.
    pub events: Vec<Event>,
    /// Lines in presentation form, `-` for what would go and `+` for what would come, by apex.
    pub differences: Vec<(Box<str>, Vec<String>)>,
    /// The names that would stop resolving, set by set, and what the brake makes of them.
    pub suspensions: Vec<Suspension>,
}

/// Why there is no receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// The registry's rules say no.
    #[error(transparent)]
    Refused(Refusals),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// The queue is full; try again shortly.
    #[error("the writer's queue is full")]
    Busy,
    /// Nothing can be written now; the text says why (disk full, fsync failed, shutting down).
    #[error("changes cannot be accepted now: {0}")]
    Unwritable(String),
}

/// A read that runs on the writer's thread between commits; it must be bounded (one page).
pub(crate) type Read = Box<dyn FnOnce(&Store) + Send>;

/// What the writer's queue carries.
pub(crate) enum Message {
    /// A command with the way back.
    Submit(Box<Submission>, oneshot::Sender<Result<Receipt, UpdateError>>),
    /// A bounded read of the store.
    Read(Read),
    /// New zones or settings, read and checked by the caller.
    Reload(Box<super::Reload>, oneshot::Sender<Result<Receipt, UpdateError>>),
    /// Look at the clock: it has jumped.
    Wake,
    /// Finish what is queued before this, then stop.
    Stop,
}

/// A message on its way, which those who answer know of.
pub(crate) type Sent = (Hope, Message);

/// The writer's condition, for readiness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The brake: what an operator must release.
    pub brake: Brake,
    /// Why changes are not accepted, if they are not.
    pub unwritable: Option<String>,
    /// Whether the store is being opened anew or rebuilt; reads and changes wait, DNS goes on.
    pub store_rebuilding: bool,
    /// The zones that are configured and not loaded, by apex (A-labels, final dot).
    pub unloaded: Vec<Box<str>>,
    /// The first of them that registrations are published in, if there is one: changes wait for it.
    pub unloaded_suffix: Option<Box<str>>,
}

/// The condition as the writer and the handles share it.
#[derive(Clone, Default)]
pub(crate) struct SharedStatus(Arc<Mutex<Status>>);

impl SharedStatus {
    /// Changes it.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A copy of it.
    pub(crate) fn get(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The callers' half of the writer's queue; clones share it.
#[derive(Clone)]
pub struct Handle {
    pub(crate) queue: Sender<Sent>,
    pub(crate) awaited: Awaited,
    pub(crate) status: SharedStatus,
}

impl Handle {
    /// The writer's condition; does not wait for the writer.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// Hands in a command and waits until it is durable and visible.
    ///
    /// # Errors
    /// [`UpdateError`]; nothing has changed then.
    pub async fn submit(&self, submission: Submission) -> Result<Receipt, UpdateError> {
        let (reply, receipt) = oneshot::channel();
        self.send(Message::Submit(Box::new(submission), reply))?;
        receipt.await.unwrap_or_else(|_| Err(UpdateError::Unwritable("the server is stopping".into())))
    }

    /// Runs a bounded read on the store, between commits.
    ///
    /// # Errors
    /// [`UpdateError::Busy`] or [`UpdateError::Unwritable`].
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> Result<T, UpdateError> {
        let (reply, result) = oneshot::channel();
        let run = move |store: &Store| drop(reply.send(read(store)));
        self.send(Message::Read(Box::new(run)))?;
        result.await.map_err(|_| UpdateError::Unwritable("the store cannot be read now".into()))
    }

    /// Serves new zones or settings.
    ///
    /// # Errors
    /// [`UpdateError`]; the old zones are served on then.
    pub async fn reload(&self, reload: super::Reload) -> Result<Receipt, UpdateError> {
        let (reply, receipt) = oneshot::channel();
        self.send(Message::Reload(Box::new(reload), reply))?;
        receipt.await.unwrap_or_else(|_| Err(UpdateError::Unwritable("the server is stopping".into())))
    }

    fn send(&self, message: Message) -> Result<(), UpdateError> {
        self.queue.try_send((self.awaited.one_more(), message)).map_err(|error| match error {
            TrySendError::Full(_) => UpdateError::Busy,
            TrySendError::Disconnected(_) => UpdateError::Unwritable("the server is stopping".into()),
        })
    }
}
