//! What a decision changes, and the transaction it becomes.

use super::application::Application;
use super::brake::Brake;
use super::change::Change;
use super::command::Actor;
use super::life::{Notice, Noticed, Reservation};
use super::name::{NameKey, Registration, Variants};
use super::order::{Order, Remittance};
use super::refusal::Refusal;
use super::site_review::SiteNotice;
use super::state::{State, Unavailable};
use super::time::Timestamp;
use super::unit::{Unit, UnitId};
use crate::idn::Label;

/// The new image of one object. Applying an event is idempotent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence tells of its fields")]
pub enum Event {
    /// A unit as it now is.
    Unit(Unit),
    /// A registration as it now is.
    Name(Registration),
    /// A registration that is no more, with the variants it had.
    NameRemoved { key: NameKey, unit: UnitId, variants: Variants },
    /// Labels that were active variants of a name and are no longer; its new image stands beside this.
    VariantsEnded { key: NameKey, labels: Vec<Label> },
    /// A change as it now is.
    Change(Change),
    /// An application as it now is.
    Application(Application),
    /// An order as it now is.
    Order(Order),
    /// A remittance as it now is.
    Remittance(Remittance),
    /// The brake as it now is.
    Brake(Brake),
    /// The zone with this apex (A-labels, final dot) was read from a file or from settings with this SHA-256.
    ZoneLoaded { apex: Box<str>, digest: [u8; 32] },
    /// A label as it is kept now.
    Reserved(Reservation),
    /// A label that is kept no longer.
    ReservationEnded { key: NameKey },
    /// Something a unit is to be told; no image.
    Notice(Notice),
    /// How far a notice has been given.
    Noticed(Noticed),
    /// Something a unit is to be told of its site; no image.
    SiteNotice(SiteNotice),
}

impl Event {
    /// The version of the object in `state`, which the event replaces; 0 if there is none, or the object has no versions.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn replaced(&self, state: &dyn State) -> Result<u64, Unavailable> {
        let version = match self {
            Self::Unit(unit) => state.unit(&unit.id)?.map(|unit| unit.version),
            Self::Name(Registration { key, .. }) | Self::NameRemoved { key, .. } => {
                state.name(key)?.map(|name| name.version)
            }
            Self::Change(change) => state.change(change.id)?.map(|change| change.version),
            Self::Application(new) => state.application(new.id)?.map(|old| old.version),
            Self::Order(new) => state.order(new.id)?.map(|old| old.version),
            Self::Remittance(new) => state.remittance(new.id)?.map(|old| old.version),
            Self::VariantsEnded { .. }
            | Self::Brake(_)
            | Self::ZoneLoaded { .. }
            | Self::Reserved(_)
            | Self::ReservationEnded { .. }
            | Self::Notice(_)
            | Self::Noticed(_)
            | Self::SiteNotice(_) => None,
        };
        Ok(version.unwrap_or(0))
    }
}

/// What the client is told, apart from `seq` and serials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The object's id: unit id, name (A-labels), change id, or import id.
    pub id: Box<str>,
    /// Its state in one word.
    pub state: Box<str>,
    /// Its version after the transaction: the ETag.
    pub version: u64,
    /// Whether the command created it (201, not 200).
    pub created: bool,
}

/// A command's whole effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// New images, in order; empty if the command changes nothing.
    pub events: Vec<Event>,
    /// What the client is told.
    pub outcome: Outcome,
    /// Why the command is refused although its decision has events: the brake has stopped it, and remembers that.
    pub stopped: Option<Refusal>,
}

/// Where a transaction came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The command in one word, as the API names it (`change.submit`, `hold.place`, `due`).
    pub operation: Box<str>,
    /// What it was on, in the same form as [`Outcome::id`].
    pub target: Box<str>,
    /// The reason or approvals as given, for the auditor.
    pub note: Option<Box<str>>,
    /// Idempotency key, and SHA-256 of method, path and body it came with.
    pub key: Option<(Box<str>, [u8; 32])>,
}

/// One durable transaction: one line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Number in the journal, from 1, without gaps.
    pub seq: u64,
    /// When; never before the transaction before it.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What was asked.
    pub request: Request,
    /// What the client was told.
    pub outcome: Outcome,
    /// Whether a second factor confirmed it (R60).
    pub confirmed: bool,
    /// What changed.
    pub events: Vec<Event>,
    /// For each event the transaction that left its object as it was before, 0 where there was none; empty if all are 0.
    /// So each line says what it changed from, and the lines of one object are a chain.
    pub before: Vec<u64>,
    /// The SOA serial after it of each zone it changed visibly, by apex (A-labels, final dot).
    pub serials: Vec<(Box<str>, u32)>,
    /// For how many seconds from then on caches may answer what it took away (its residual TTL): the greatest TTL of the
    /// records it withdrew or replaced, and that of the denials where it published new ones; 0 if they notice nothing.
    pub residual_ttl_secs: u32,
}

/// SHA-256 of a journal line; the next line names it as `prev`.
pub type Hash = [u8; 32];

/// A place in the chain of transactions: the last one known, and its line's hash. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The transaction's `seq`; 0 before the first.
    pub seq: u64,
    /// Its line's hash; zeros before the first.
    pub hash: Hash,
}
