//! The next notices of the journal, as receivers see them.

use super::Failed;
use super::place::{At, Digits};
use crate::journal::{JournalReader, written_hash};
use crate::registry::{
    Event, HoldReason, Notice, Penalty, PenaltyStep, SiteNotice, SiteNoticeKind, Timestamp, Transaction, Unit,
};
use serde::Serialize;

/// Most notices of one delivery: some 30 KiB.
const NOTICES_MAX: usize = 100;
/// Journal lines looked at for one delivery; most have no notices.
const LINES_MAX: usize = 1000;
/// Where an outbox has never been before, it begins with the notices of so many days: older ones are no news.
const FRESH_DAYS: i64 = 30;
/// What a journal line with a notice contains; inside a JSON string the quotes would be escaped.
const MARKS: [&str; 3] = ["\"notice\":{", "\"site_notice\":{", "\"operation\":\"unit.penalise\""];
/// What is asked where a penalty is imposed; an import brings the records of penalties that were told elsewhere.
const PENALISE: &str = "unit.penalise";

/// Notices to deliver at once, and where to go on after them.
#[derive(Debug)]
pub(super) struct Batch {
    /// In the order of the journal.
    pub(super) notices: Vec<NoticeV1>,
    /// What comes after them.
    pub(super) next: At,
}

/// A notice, version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct NoticeV1 {
    /// `n`, the transaction, the notice's place in it, and the beginning of the hash of its line: `n4711.3-0c41d2e9`.
    pub(super) id: String,
    /// The transaction; its line in the journal proves it.
    seq: u64,
    /// When it was given.
    at: String,
    /// Of a name `expiring`, `expired`, `final` or `deleted`; of a site `site_review_asked`, `site_review_due`,
    /// `site_review_lapsed` or `site_review_cancelled`; of a unit `penalty_warning`, `penalty_suspension` or
    /// `penalty_deletion`.
    kind: &'static str,
    /// Days from the end of the term, or from the deadline, to the notice, as configured, for `expiring`, `expired` and
    /// `site_review_due`.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<i32>,
    /// The name in U-labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The same in A-labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    ascii: Option<String>,
    /// Who is to be told.
    unit: String,
    /// When the term ends, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// When the name will be deleted, until when the label of a deleted one is kept, or when a suspension ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// The review of the unit's site.
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<String>,
    /// What it waits for: `open` to be handed in, `rejected` to be corrected, `paper` for an organ's papers.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    /// The last second in which that is, or was, in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    deadline: Option<String>,
    /// The hold that missing it brings, or has brought; or the one that a penalty is.
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'static str>,
    /// What a penalty is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    violation: Option<&'static str>,
    /// The document or case behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
}

impl Batch {
    /// What comes next from `at` on; none if the journal has no more.
    ///
    /// # Errors
    /// [`Failed`] if the journal cannot be read.
    pub(super) fn read(journal: &JournalReader, at: At, now: Timestamp) -> Result<Option<Self>, Failed> {
        // Lines that are no longer kept are behind everybody.
        let kept = journal.first();
        let first = if at.seq < kept { At { seq: kept, index: 0, ..at } } else { at };
        let last = journal.last();
        if first.seq > last {
            return Ok(None);
        }
        let failed = |error: crate::journal::JournalError| Failed(error.to_string());
        let lines = journal.lines_after(first.seq - 1, LINES_MAX).map_err(failed)?;
        let mut batch = Self { notices: Vec::new(), next: first };
        if lines.is_empty() {
            return Ok(None);
        }
        for (seq, line) in (first.seq..).zip(lines) {
            let digits = digits(&line).ok_or_else(|| Failed("a line of the journal has no hash".into()))?;
            if MARKS.iter().any(|mark| line.contains(mark))
                && let Some(transaction) = journal.transaction(seq).map_err(failed)?
                && !(batch.next.is_new && transaction.at < now.add_days(-FRESH_DAYS))
                && batch.take(&transaction, digits)
            {
                return Ok(Some(batch));
            }
            batch.next = At { seq: seq + 1, index: 0, line: Some(digits), ..batch.next };
        }
        // From here on nothing is old: what waits long, waits for the receiver.
        batch.next.is_new &= batch.next.seq <= last;
        Ok(Some(batch))
    }

    /// Takes the notices of a transaction, whose line's hash begins so, that come next; whether the batch is full before the last.
    fn take(&mut self, transaction: &Transaction, digits: Digits) -> bool {
        let hash = String::from_utf8_lossy(&digits);
        let begin = self.next.index;
        for (index, event) in transaction.events.iter().enumerate().skip(begin) {
            if let Some(notice) = NoticeV1::of(transaction, &hash, index, event) {
                if self.notices.len() == NOTICES_MAX {
                    let line = if index > 0 { Some(digits) } else { self.next.line };
                    self.next = At { seq: transaction.seq, index, is_new: false, line };
                    return true;
                }
                self.next.is_new = false;
                self.notices.push(notice);
            }
        }
        false
    }
}

impl NoticeV1 {
    /// The notice that the event at this place of the transaction is, if it is one.
    fn of(transaction: &Transaction, hash: &str, index: usize, event: &Event) -> Option<Self> {
        let (kind, days, unit) = match event {
            Event::Notice(notice) => (notice.kind.class(), notice.kind.days(), &notice.unit),
            Event::SiteNotice(notice) => (notice.kind.class(), notice.kind.days(), &notice.unit),
            Event::Unit(unit) => (penalty(transaction, unit)?.step.notice(), None, &unit.id),
            _ => return None,
        };
        let notice = Self {
            id: format!("n{}.{index}-{hash}", transaction.seq),
            seq: transaction.seq,
            at: transaction.at.to_string(),
            kind,
            days,
            name: None,
            ascii: None,
            unit: unit.to_string(),
            expires: None,
            until: None,
            review: None,
            state: None,
            deadline: None,
            hold: None,
            violation: None,
            evidence: None,
        };
        Some(match event {
            Event::Notice(of_name) => notice.with_name(of_name),
            Event::SiteNotice(of_site) => notice.with_site(of_site),
            Event::Unit(unit) => notice.with_penalty(penalty(transaction, unit)?),
            _ => notice,
        })
    }

    fn with_name(self, notice: &Notice) -> Self {
        Self {
            name: Some(notice.name.to_unicode()),
            ascii: Some(notice.name.to_string()),
            expires: Some(notice.expires.to_string()),
            until: notice.until.map(|until| until.to_string()),
            ..self
        }
    }

    fn with_site(self, notice: &SiteNotice) -> Self {
        Self {
            review: Some(notice.review.to_string()),
            state: Some(notice.state.as_str()),
            deadline: Some(notice.deadline.to_string()),
            hold: notice.state.neglect().filter(|_| notice.kind != SiteNoticeKind::Cancelled).map(HoldReason::as_str),
            ..self
        }
    }

    fn with_penalty(self, penalty: &Penalty) -> Self {
        let hold = match penalty.step {
            PenaltyStep::Warning => None,
            PenaltyStep::Suspension => Some(HoldReason::Penalty),
            PenaltyStep::Deletion => Some(HoldReason::Blacklist),
        };
        Self {
            until: penalty.end.map(|end| end.to_string()),
            hold: hold.map(HoldReason::as_str),
            violation: Some(penalty.violation.as_str()),
            evidence: Some(penalty.evidence.to_string()),
            ..self
        }
    }
}

/// Whether the journal has this place: its last line is there with the hash it had. Lines that are no longer kept were there.
pub(super) fn is_there(journal: &JournalReader, at: &At) -> bool {
    let last = at.last_line();
    if last < journal.first() {
        return true;
    }
    // What cannot be read now will be told when it is delivered from.
    journal.lines_after(last - 1, 1).map_or(true, |lines| lines.first().and_then(|line| digits(line)) == at.line)
}

/// The beginning of a line's hash: what comes under a number that was used differs in it.
fn digits(line: &str) -> Option<Digits> {
    written_hash(line)?.as_bytes().first_chunk().copied()
}

/// The penalty that the transaction has imposed on the unit, if it has.
fn penalty<'a>(transaction: &Transaction, unit: &'a Unit) -> Option<&'a Penalty> {
    let imposes = *transaction.request.operation == *PENALISE && *transaction.request.target == *unit.id.as_str();
    unit.penalties.0.last().filter(|_| imposes)
}
