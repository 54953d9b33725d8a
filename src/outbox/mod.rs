//! The outbox: notices to units, handed on as the journal has them, to a file and to a webhook.
//!
//! It only reads what is durable, so the writer never waits for it. Each sink goes at its own pace from its own place in
//! the journal, which it notes durably after each delivery: what was handed on stays so across restarts, and what fails is
//! tried again until it succeeds. After a crash between a delivery and its note a notice may come twice; its
//! id tells: the number of its transaction, its place in it, and the beginning of the line's hash. For after a loss that an operator
//! has accepted, or a restore from an older backup, other transactions come under numbers that were used.

mod batch;
mod file;
mod place;
mod webhook;

pub use webhook::Webhook;

use crate::journal::JournalReader;
use crate::telemetry;
use crate::update::Clock;
use batch::Batch;
use file::FileSink;
use place::Place;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use webhook::WebhookSink;

/// Pause between two looks at a journal that has not grown.
const POLL: Duration = Duration::from_millis(250);
/// Pause after the first failure in a row; each further one doubles it.
const RETRY_FIRST: Duration = Duration::from_millis(500);
/// Journal lines without notices after which the place is noted all the same: a start reads no more of them again.
const NOTED_LINES: u64 = 10_000;
/// Longest pause between two tries: a receiver that is back is found within it.
const RETRY_MAX: Duration = Duration::from_secs(300);

/// Where notices go.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the places in the journal are noted; created if absent.
    pub directory: PathBuf,
    /// A file, one JSON object a line.
    pub file: Option<PathBuf>,
    /// A receiver over HTTP.
    pub webhook: Option<Webhook>,
}

/// The running outbox; dropping it stops it without waiting.
pub struct Outbox {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Why a delivery failed. The text is for the log and has no secret in it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

/// One way out.
enum Sink {
    File(FileSink),
    Webhook(Box<WebhookSink>),
}

/// Starts the sinks that are set.
///
/// # Errors
/// What the operating system says of the directory of places.
pub fn start(
    settings: &Settings,
    journal: &JournalReader,
    clock: &Arc<dyn Clock>,
    metrics: &telemetry::Outbox,
    runtime: &Runtime,
) -> io::Result<Outbox> {
    let mut outbox = Outbox { stop: watch::Sender::new(false), tasks: Vec::new() };
    let mut sinks = Vec::new();
    if let Some(path) = &settings.file {
        sinks.push(Sink::File(FileSink::new(path.clone())));
    }
    if let Some(webhook) = &settings.webhook {
        sinks.push(Sink::Webhook(Box::new(WebhookSink::new(webhook.clone(), Arc::clone(clock)))));
    }
    for sink in sinks {
        let place = Place::open(&settings.directory, sink.name(), |at| batch::is_there(journal, at))?;
        let worker = Worker {
            sink,
            place,
            journal: journal.clone(),
            clock: Arc::clone(clock),
            metrics: metrics.clone(),
            stop: outbox.stop.subscribe(),
            failures: 0,
        };
        outbox.tasks.push(runtime.spawn(worker.run()));
    }
    Ok(outbox)
}

impl Outbox {
    /// Ends the sinks: a delivery to the file is finished, one over HTTP is dropped, and comes again after a start.
    pub fn stop(self, runtime: &Runtime) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = runtime.block_on(task) {
                tracing::error!(%error, "a sink of the outbox ended badly");
            }
        }
    }
}

impl Sink {
    /// Its name in metrics, in the log, and as the file of its place.
    fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// One sink at work.
struct Worker {
    sink: Sink,
    place: Place,
    journal: JournalReader,
    clock: Arc<dyn Clock>,
    metrics: telemetry::Outbox,
    stop: watch::Receiver<bool>,
    /// In a row.
    failures: u32,
}

impl Worker {
    async fn run(mut self) {
        loop {
            let pause = match self.step().await {
                Ok(true) if !*self.stop.borrow() => {
                    self.failures = 0;
                    continue;
                }
                Ok(_) => {
                    self.failures = 0;
                    POLL
                }
                Err(_) if *self.stop.borrow() => return,
                Err(Failed(why)) => {
                    self.metrics.failed(self.sink.name());
                    let pause = RETRY_FIRST.saturating_mul(1 << self.failures.min(20)).min(RETRY_MAX);
                    tracing::warn!(sink = self.sink.name(), retry_secs = pause.as_secs_f32(), "notices wait: {why}");
                    self.failures += 1;
                    pause
                }
            };
            // It ends, too, when whoever started it is gone.
            let stopped = timeout(pause, self.stop.wait_for(|stopping| *stopping)).await.is_ok();
            if stopped {
                return;
            }
        }
    }

    /// Delivers one batch; whether there is more in the journal.
    async fn step(&mut self) -> Result<bool, Failed> {
        let (journal, at, now) = (self.journal.clone(), self.place.at(), self.clock.now());
        let read = spawn_blocking(move || Batch::read(&journal, at, now)).await;
        let batch = read.map_err(|error| Failed(error.to_string()))??;
        let Some(batch) = batch else { return Ok(false) };
        let delivers = !batch.notices.is_empty();
        if delivers {
            match &mut self.sink {
                Sink::File(file) => file.deliver(&batch).await?,
                Sink::Webhook(webhook) => webhook.deliver(&batch, &mut self.stop).await?,
            }
            self.metrics.delivered(self.sink.name(), batch.notices.len() as u64);
        }
        // Lines without notices can be read again: they are not worth a wait for the disk each.
        if delivers || batch.next.seq - self.place.noted() >= NOTED_LINES {
            self.place.note(batch.next).await.map_err(|error| Failed(error.to_string()))?;
        } else {
            self.place.move_to(batch.next);
        }
        self.metrics.reached(self.sink.name(), batch.next.seq.saturating_sub(1));
        Ok(batch.next.seq <= self.journal.last())
    }
}
