//! Why a command is refused: a stable code, the field, and a sentence in English and in Chinese that says what to do.

/// A refusal. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {en}")]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The field of the command it is about, as the API names it (`resolution.addresses[0]`), if one is.
    pub field: Option<Box<str>>,
    /// What is wrong and what to do next, in English.
    pub en: Box<str>,
    /// The same in Chinese.
    pub zh: Box<str>,
    /// Line of the import it is about.
    pub line: Option<usize>,
}

/// What a client can tell apart. `admin::problem` maps each to an HTTP status, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The unit does not exist.
    UnitNotFound,
    /// The name is not registered.
    NameNotFound,
    /// The change does not exist.
    ChangeNotFound,
    /// The hold is not placed.
    HoldNotFound,
    /// The unit's data are not acceptable.
    UnitInvalid,
    /// The label cannot be registered: character, length, hyphen (field says which).
    LabelInvalid,
    /// The label is reserved.
    LabelReserved,
    /// The label is occupied by a record of the zone file.
    LabelOccupied,
    /// The kind of unit may not use this suffix (R1, R4).
    SuffixNotAllowed,
    /// The suffix is not one of ours.
    SuffixUnknown,
    /// The name belongs to another unit and cannot move (R5).
    NameOfOtherUnit,
    /// The term is outside 2 to 10 years (R24).
    TermInvalid,
    /// The term is changed by renewal only.
    TermByRenewalOnly,
    /// The application slot is outside 1 to 7 (R8).
    KindInvalid,
    /// An address is of the wrong kind, repeated or special-purpose (R38–R40).
    AddressInvalid,
    /// The forward target is not an acceptable URL.
    TargetInvalid,
    /// The forward leads to a name that forwards itself.
    TargetLoop,
    /// The redirect code is not 301, 302, 307 or 308.
    RedirectCodeInvalid,
    /// TTL out of range.
    TtlInvalid,
    /// A name server or its glue is not acceptable.
    ServerInvalid,
    /// A DS record is not acceptable.
    DsInvalid,
    /// Another change of the name is pending.
    ChangePending,
    /// The change is not waiting for this decision.
    ChangeNotPending,
    /// The central decision came before the local one (R17).
    LocalReviewFirst,
    /// Submitter and the two approvers must be three principals (R17).
    SamePrincipal,
    /// Both approvals are needed, once each.
    ApprovalsIncomplete,
    /// A rejection needs a reason (R18).
    ReasonRequired,
    /// The change was written against a resolution that has changed since.
    ChangeStale,
    /// The unit lies outside the reviewer's region.
    RegionForeign,
    /// The role may not do this.
    RoleForbidden,
    /// EXPIRED is set and lifted by the clock only.
    HoldByClockOnly,
    /// The hold's times or evidence are not acceptable (R56: at most 90 days of penalty).
    HoldInvalid,
    /// The object has changed since the version in If-Match.
    VersionStale,
    /// The batch is larger than allowed.
    BatchTooLarge,
    /// The batch or clock step would suspend too many names (the brake).
    Brake,
    /// The brake is not engaged.
    BrakeNotEngaged,
    /// The state cannot be read now.
    Unavailable,
}
