//! Deciding one group: each command on the state that the ones before it in the group will have left.

use super::differences::differences;
use super::handle::{Preview, Receipt, Submission, UpdateError};
use super::overlay::Overlay;
use super::publish::{Draft, Moved, Suffixes};
use super::schedule::{self, DUE_LIMIT};
use super::tally::Tally;
use crate::journal::JournalReader;
use crate::registry::{Brake, Code, Command, Context, Decision, Event, NameKey, Policy, Position, Refusals, Role};
use crate::registry::{Suspension, Timestamp, Transaction, Unavailable, decide, rehearse};
use crate::store::Store;
use crate::zone::ZoneSet;
use std::collections::HashMap;

/// What a group is decided on. Nothing of it changes by deciding.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The state after everything durable.
    pub store: &'a Store,
    /// Where answers to known idempotency keys are read.
    pub journal: &'a JournalReader,
    /// What is served.
    pub zones: &'a ZoneSet,
    /// Which zones belong to which set.
    pub suffixes: &'a Suffixes,
    /// The registry's rules.
    pub policy: &'a Policy,
    /// The last durable transaction.
    pub position: Position,
    /// The time of every transaction of the group.
    pub at: Timestamp,
}

/// A decided group, not durable yet.
pub struct Decided {
    /// What goes into the journal, numbered on from the ground's position.
    pub transactions: Vec<Transaction>,
    /// The answer to each command, in order, once the transactions are durable.
    pub answers: Vec<Result<Receipt, UpdateError>>,
    /// The zones after the group, if it changes them.
    pub zones: Option<ZoneSet>,
    /// How the counts of names and holds move.
    pub tally: Tally,
    /// The earliest that anything the group has changed falls due.
    pub next_due: Option<Timestamp>,
    /// The brake, if the group changes it.
    pub brake: Option<Brake>,
}

/// Decides `submissions` in order.
///
/// # Errors
/// [`Unavailable`] if the store fails; nothing of the group is decided then.
pub fn decide_group(ground: Ground<'_>, submissions: &[Submission]) -> Result<Decided, Unavailable> {
    let mut group = Group {
        ground,
        overlay: Overlay::new(ground.store),
        draft: Draft::new(ground.zones, ground.suffixes),
        transactions: Vec::new(),
        keys: HashMap::new(),
    };
    let mut answers = Vec::with_capacity(submissions.len());
    for submission in submissions {
        answers.push(match group.answered(submission)? {
            Some(answer) => answer,
            None => group.decide(submission)?,
        });
    }
    let Group { overlay, draft, transactions, .. } = group;
    let mut brakes = transactions.iter().flat_map(|t| &t.events).filter_map(|event| match event {
        Event::Brake(brake) => Some(brake.clone()),
        _ => None,
    });
    let brake = brakes.next_back();
    let (zones, tally) = draft.finish();
    Ok(Decided { transactions, answers, zones, tally, next_due: overlay.next_due(), brake })
}

struct Group<'a> {
    ground: Ground<'a>,
    overlay: Overlay<'a>,
    draft: Draft<'a>,
    transactions: Vec<Transaction>,
    /// The transactions of this group by principal and idempotency key.
    keys: HashMap<(Box<str>, Box<str>), usize>,
}

impl Group<'_> {
    /// The answer that the submission's idempotency key already has.
    fn answered(&self, submission: &Submission) -> Result<Option<Result<Receipt, UpdateError>>, Unavailable> {
        let Some((key, digest)) = &submission.request.key else { return Ok(None) };
        if submission.dry_run {
            return Ok(None);
        }
        let principal = &submission.actor.principal;
        if let Some(index) = self.keys.get(&(principal.clone(), key.clone())) {
            let earlier = &self.transactions[*index];
            let same = earlier.request.key.as_ref().is_some_and(|(_, d)| d == digest);
            return Ok(Some(if same { Ok(replay(earlier)) } else { Err(UpdateError::KeyReused) }));
        }
        let Some(answered) = self.ground.store.answered(principal, key, self.ground.at)? else { return Ok(None) };
        if answered.digest != *digest {
            return Ok(Some(Err(UpdateError::KeyReused)));
        }
        Ok(Some(match self.ground.journal.transaction(answered.seq) {
            Ok(Some(earlier)) => Ok(replay(&earlier)),
            Ok(None) => Err(UpdateError::Unwritable(format!("transaction {} is not in the journal", answered.seq))),
            Err(error) => Err(UpdateError::Unwritable(error.to_string())),
        }))
    }

    fn decide(&mut self, submission: &Submission) -> Result<Result<Receipt, UpdateError>, Unavailable> {
        if submission.actor.role != Role::System
            && let Some(apex) = self.ground.suffixes.unloaded_in(self.ground.zones)
        {
            // Its file says which labels are taken, and a change would be acknowledged that nobody can see.
            let why = format!("the zone {} is not loaded; mend its file and reload", apex.text);
            return Ok(Err(UpdateError::Unwritable(why)));
        }
        let seq = self.ground.position.seq + self.transactions.len() as u64 + 1;
        let occupied = |key: &NameKey| self.ground.occupies(key);
        let context = Context {
            policy: self.ground.policy,
            actor: &submission.actor,
            now: self.ground.at,
            seq,
            if_match: submission.if_match,
            // A dry run changes nothing, and must not use up a code.
            confirmed: submission.confirmed || submission.dry_run,
            occupied: &occupied,
        };
        // An import's rehearsal is stopped where the import would be; others show by how much.
        let imports = matches!(submission.command, Command::Import { .. } | Command::RemoveImported { .. });
        if submission.dry_run && !imports {
            return match self.rehearse(&context, &submission.command) {
                Ok((decision, suspensions)) => self.preview(decision, suspensions).map(Ok),
                Err(refusals) => refused(refusals),
            };
        }
        match decide(&self.overlay, &context, &submission.command) {
            Err(refusals) => refused(refusals),
            Ok(Decision { stopped: Some(refusal), .. }) if submission.dry_run => {
                Ok(Err(UpdateError::Refused(refusal.into())))
            }
            Ok(decision) if submission.dry_run => self.preview(decision, Vec::new()).map(Ok),
            Ok(decision) => {
                let stopped = decision.stopped.clone();
                let receipt = self.take(seq, submission, decision)?;
                Ok(stopped.map_or(Ok(receipt), |refusal| Err(UpdateError::Refused(refusal.into()))))
            }
        }
    }

    /// What the command would do. To a release of the brake belongs what takes effect right behind it, as far as the first step
    /// goes: it has no other effect.
    fn rehearse(&self, context: &Context<'_>, command: &Command) -> Result<(Decision, Vec<Suspension>), Refusals> {
        let (mut decision, suspensions) = rehearse(&self.overlay, context, command)?;
        if !matches!(command, Command::ReleaseBrake { .. }) {
            return Ok((decision, suspensions));
        }
        let Submission { actor, command, .. } = schedule::due(DUE_LIMIT);
        let mut released = Overlay::new(&self.overlay);
        decision.events.iter().try_for_each(|event| released.apply(event)).map_err(Refusals::from)?;
        let (due, suspensions) = rehearse(&released, &Context { actor: &actor, if_match: None, ..*context }, &command)?;
        decision.events.extend(due.events);
        Ok((decision, suspensions))
    }

    /// Makes the decision a transaction of the group. A command that changes nothing leaves its line too, for the
    /// auditor and for its idempotency key; but the program itself leaves none.
    fn take(&mut self, seq: u64, submission: &Submission, decision: Decision) -> Result<Receipt, Unavailable> {
        let Decision { events, outcome, stopped } = decision;
        let at = self.ground.at;
        if events.is_empty() && submission.actor.role == Role::System {
            return Ok(Receipt {
                seq: None,
                at,
                outcome,
                serials: Vec::new(),
                residual_ttl_secs: 0,
                replayed: false,
                preview: None,
            });
        }
        let before = self.replaced(&events)?;
        let Moved { serials, residual_ttl_secs } = self.draft.apply(&mut self.overlay, &events)?;
        let receipt = Receipt {
            seq: Some(seq),
            at,
            outcome: outcome.clone(),
            serials: serials.clone(),
            residual_ttl_secs,
            replayed: false,
            preview: None,
        };
        let (actor, mut request) = (submission.actor.clone(), submission.request.clone());
        if stopped.is_some() {
            // Handed in again after the release, it is to be done.
            request.key = None;
        }
        if let Some((key, _)) = &request.key {
            self.keys.insert((actor.principal.clone(), key.clone()), self.transactions.len());
        }
        let confirmed = submission.confirmed;
        self.transactions.push(Transaction {
            seq,
            at,
            actor,
            request,
            outcome,
            confirmed,
            events,
            before,
            serials,
            residual_ttl_secs,
        });
        Ok(receipt)
    }

    /// The versions that the events replace; none if all are new.
    fn replaced(&self, events: &[Event]) -> Result<Vec<u64>, Unavailable> {
        let before: Vec<u64> = events.iter().map(|event| event.replaced(&self.overlay)).collect::<Result<_, _>>()?;
        Ok(if before.iter().all(|version| *version == 0) { Vec::new() } else { before })
    }

    /// What the decision would do.
    fn preview(&self, decision: Decision, suspensions: Vec<Suspension>) -> Result<Receipt, Unavailable> {
        let Decision { events, outcome, .. } = decision;
        let mut after = Overlay::new(&self.overlay);
        let Ground { zones, suffixes, .. } = self.ground;
        // Dropped again: a rehearsal publishes nothing.
        let Moved { residual_ttl_secs, .. } = Draft::new(zones, suffixes).apply(&mut after, &events)?;
        let differences = differences(zones, suffixes, &self.overlay, &after, &events)?;
        Ok(Receipt {
            seq: None,
            at: self.ground.at,
            outcome,
            serials: Vec::new(),
            residual_ttl_secs,
            replayed: false,
            preview: Some(Preview { events, differences, suspensions }),
        })
    }
}

/// The answer to a refused command; that the store cannot be read is no answer to it.
fn refused(refusals: Refusals) -> Result<Result<Receipt, UpdateError>, Unavailable> {
    if refusals.first().code == Code::Unavailable {
        return Err(Unavailable("a decision could not read the store".into()));
    }
    Ok(Err(UpdateError::Refused(refusals)))
}

impl Ground<'_> {
    /// Whether a master file of the set has records at or below the label.
    fn occupies(&self, key: &NameKey) -> bool {
        let zones = self.suffixes.apexes(&key.set).iter().filter_map(|apex| self.zones.get(&apex.name));
        zones.into_iter().any(|zone| zone.occupies(key.label.as_ascii()))
    }
}

fn replay(earlier: &Transaction) -> Receipt {
    Receipt {
        seq: Some(earlier.seq),
        at: earlier.at,
        outcome: earlier.outcome.clone(),
        serials: earlier.serials.clone(),
        residual_ttl_secs: earlier.residual_ttl_secs,
        replayed: true,
        preview: None,
    }
}
