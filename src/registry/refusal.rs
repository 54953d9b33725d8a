//! Why a command is refused: a stable code, the field, and a sentence in English and in Chinese that says what to do.

use super::state::Unavailable;
use std::fmt;

/// One broken rule. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {en}", code.as_str())]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// The member of the command it is about, as the API names it (`resolution.addresses[0]`), if one is: what would have to be
    /// another one. Of the object itself, that it is not there or how it stands, it is about none.
    pub field: Option<Box<str>>,
    /// What is wrong and what to do next, in English.
    pub en: Box<str>,
    /// The same in Chinese.
    pub zh: Box<str>,
    /// Line of the import it is about.
    pub line: Option<usize>,
}

/// Why a command is refused: one broken rule, or for an import one for each bad line. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.first())]
pub struct Refusals(Box<[Refusal]>);

/// Declares the codes once: variant, text and the list of all.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// What a client can tell apart. `admin::problem` maps each to an HTTP status, once.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as clients see it; never changes.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The unit does not exist.
    UnitNotFound = "unit_not_found",
    /// The name is not registered.
    NameNotFound = "name_not_found",
    /// The change does not exist.
    ChangeNotFound = "change_not_found",
    /// The application does not exist.
    ApplicationNotFound = "application_not_found",
    /// The order does not exist.
    OrderNotFound = "order_not_found",
    /// The remittance does not exist.
    RemittanceNotFound = "remittance_not_found",
    /// The hold is not placed.
    HoldNotFound = "hold_not_found",
    /// The unit's data are not acceptable.
    UnitInvalid = "unit_invalid",
    /// The label cannot be registered: hyphens, no Chinese character, not a label at all.
    LabelInvalid = "label_invalid",
    /// A character of the label cannot be registered: the sentence says which, where and what to try.
    LabelCharacter = "label_character",
    /// The label has more than 63 octets as an A-label.
    LabelTooLong = "label_too_long",
    /// The label is reserved.
    LabelReserved = "label_reserved",
    /// The label begins with the name of a division that is found in more than one place.
    DivisionAmbiguous = "division_ambiguous",
    /// The label is a division's name, which its government alone may register.
    DivisionReserved = "division_reserved",
    /// The label is of the package of another unit's name.
    VariantInUse = "variant_in_use",
    /// The label is of the package of a name the unit has: it can be activated, not registered.
    VariantOfOwnName = "variant_of_own_name",
    /// The variant cannot be active beside the name.
    VariantInvalid = "variant_invalid",
    /// The label is occupied by a record of the zone file.
    LabelOccupied = "label_occupied",
    /// The kind of unit may not use this suffix (R1, R4).
    SuffixNotAllowed = "suffix_not_allowed",
    /// The suffix is not one of ours.
    SuffixUnknown = "suffix_unknown",
    /// The name belongs to another unit and cannot move (R5).
    NameOfOtherUnit = "name_of_other_unit",
    /// The holder changes only with the consent of the authority in charge (R6).
    ConsentRequired = "consent_required",
    /// The term is outside 2 to 10 years (R24).
    TermInvalid = "term_invalid",
    /// The term is changed by renewal only.
    TermByRenewalOnly = "term_by_renewal_only",
    /// The application slot is outside 1 to 7 (R8).
    KindInvalid = "kind_invalid",
    /// The application lacks the full name (R8).
    Slot1Required = "slot1_required",
    /// The application lacks the short name (R8).
    Slot2Required = "slot2_required",
    /// A name of the application has no term (R8).
    SlotTermRequired = "slot_term_required",
    /// The application has more than seven names (R8).
    SlotsTooMany = "slots_too_many",
    /// A slot of the application is given twice.
    SlotRepeated = "slot_repeated",
    /// Two slots of the application are variants of one another (R8).
    SlotBundleRepeated = "slot_bundle_repeated",
    /// Columns, topics and systems use paths (R12).
    PurposeNeedsPath = "purpose_needs_path",
    /// A paper of the check-list is missing or has no scan (R20).
    PapersIncomplete = "papers_incomplete",
    /// A name that has nothing of the unit's takes reviewers who say that they saw it (R7).
    ConfirmationRequired = "confirmation_required",
    /// The traditional form of a name is not certain, and its approval says nothing of it.
    TraditionalFormRequired = "traditional_form_required",
    /// Traditional forms are picked with the approval of the second review only.
    FormByCentralApprovalOnly = "form_by_central_approval_only",
    /// The unit is blacklisted (R56).
    UnitBlacklisted = "unit_blacklisted",
    /// The unit holds the name already.
    NameRegistered = "name_registered",
    /// The name is applied for, or an order for it is open.
    NameClaimed = "name_claimed",
    /// The application is not in a state that takes this.
    ApplicationNotPending = "application_not_pending",
    /// The government office approves before the reviews.
    OfficeReviewFirst = "office_review_first",
    /// Nothing is owed before both reviews passed (R26).
    NotPayable = "not_payable",
    /// There is no rate for the name on this day (R25).
    RateMissing = "rate_missing",
    /// The order is not in a state that takes this.
    OrderNotPending = "order_not_pending",
    /// What the order is for cannot happen any more; the sentence says why, and how the order is ended.
    OrderImpossible = "order_impossible",
    /// A line about an application, order or remittance does not say what its state needs, or has the id of another one.
    FilingInvalid = "filing_invalid",
    /// The remittance is not in a state that takes this.
    RemittanceNotPending = "remittance_not_pending",
    /// A fee is confirmed with the number of its invoice (R28).
    InvoiceRequired = "invoice_required",
    /// The invoice's number is not letters, digits and hyphens, or too long.
    InvoiceInvalid = "invoice_invalid",
    /// The invoice is that of another unit's order.
    InvoiceUsed = "invoice_used",
    /// The voucher's number is not 12 digits and 6 letters (R61).
    VoucherInvalid = "voucher_invalid",
    /// The amount is not yuan with two digits of fen.
    AmountInvalid = "amount_invalid",
    /// The amount is not the sum of the orders (R27).
    AmountMismatch = "amount_mismatch",
    /// The batch is empty.
    BatchEmpty = "batch_empty",
    /// Something is in the batch twice.
    ItemRepeated = "item_repeated",
    /// An address is of the wrong kind, repeated or special-purpose (R38–R40).
    AddressInvalid = "address_invalid",
    /// The forward target is not an acceptable URL.
    TargetInvalid = "target_invalid",
    /// The forward leads to a name that forwards itself.
    TargetLoop = "target_loop",
    /// The redirect code is not 301, 302, 307 or 308.
    RedirectCodeInvalid = "redirect_code_invalid",
    /// TTL out of range.
    TtlInvalid = "ttl_invalid",
    /// A name server or its glue is not acceptable.
    ServerInvalid = "server_invalid",
    /// A DS record is not acceptable.
    DsInvalid = "ds_invalid",
    /// Another change of the name is pending.
    ChangePending = "change_pending",
    /// The change is not waiting for this decision.
    ChangeNotPending = "change_not_pending",
    /// The central decision came before the local one (R17).
    LocalReviewFirst = "local_review_first",
    /// Submitter and the two approvers must be three principals (R17).
    SamePrincipal = "same_principal",
    /// Both approvals are needed, once each.
    ApprovalsIncomplete = "approvals_incomplete",
    /// A rejection needs a reason (R18).
    ReasonRequired = "reason_required",
    /// The change was written against a resolution that has changed since.
    ChangeStale = "change_stale",
    /// The unit lies outside the reviewer's region.
    RegionForeign = "region_foreign",
    /// The role may not do this.
    RoleForbidden = "role_forbidden",
    /// The act takes a second factor, and the request has none (R60).
    SecondFactorRequired = "second_factor_required",
    /// EXPIRED is set and lifted by the clock only.
    HoldByClockOnly = "hold_by_clock_only",
    /// The hold's times or evidence are not acceptable (R56: at most 90 days of penalty).
    HoldInvalid = "hold_invalid",
    /// The unit's site is not under review.
    SiteReviewNotFound = "site_review_not_found",
    /// Another review of the unit's site is under way.
    SiteReviewPending = "site_review_pending",
    /// The review of the site is not in a state that takes this.
    SiteReviewNotPending = "site_review_not_pending",
    /// The deadline of a site review is not acceptable.
    SiteDeadlineInvalid = "site_deadline_invalid",
    /// The site's name is not a registered, valid name of the unit (R23).
    SiteNameInvalid = "site_name_invalid",
    /// A step of the penalty ladder would be skipped or taken twice (R56).
    PenaltyOutOfOrder = "penalty_out_of_order",
    /// The penalty's evidence or end is not acceptable (R56).
    PenaltyInvalid = "penalty_invalid",
    /// The object has changed since the version in If-Match.
    VersionStale = "version_stale",
    /// The batch is larger than allowed.
    BatchTooLarge = "batch_too_large",
    /// The batch or clock step would suspend too many names (the brake).
    Brake = "brake",
    /// The brake is not engaged.
    BrakeNotEngaged = "brake_not_engaged",
    /// The day on which contacts changed lies ahead.
    ContactChangeInvalid = "contact_change_invalid",
    /// The name does not wait to be unfrozen.
    NotFrozen = "not_frozen",
    /// Its final notice has run out: nothing restores the name any more (R36).
    DeletionFinal = "deletion_final",
    /// The label is kept for the unit that last held it (R37).
    LabelKept = "label_kept",
    /// The home page has not told of the move for three months yet (R54).
    MigrationRunning = "migration_running",
    /// No move of the name is announced.
    MigrationNotFound = "migration_not_found",
    /// The date of the move's announcement is not acceptable.
    MigrationInvalid = "migration_invalid",
    /// The state cannot be read now.
    Unavailable = "unavailable",
}

impl Refusal {
    /// A refusal that is about no field and no line.
    pub fn new(code: Code, en: impl Into<Box<str>>, zh: impl Into<Box<str>>) -> Self {
        Self { code, field: None, en: en.into(), zh: zh.into(), line: None }
    }

    /// The same, about `field`.
    pub fn at(self, field: impl Into<Box<str>>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    /// The same, its field a member of `object`.
    pub fn within(self, object: &str) -> Self {
        Self { field: self.field.map(|field| format!("{object}.{field}").into()), ..self }
    }

    /// The same, about this line of an import.
    pub fn on_line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl Refusals {
    /// The refusals of a batch, if there are any.
    pub fn of(all: Vec<Refusal>) -> Option<Self> {
        (!all.is_empty()).then(|| Self(all.into()))
    }

    /// The first rule broken.
    pub fn first(&self) -> &Refusal {
        &self.0[0]
    }

    /// All of them, in line order.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.0.iter()
    }
}

impl From<Refusal> for Refusals {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new([refusal]))
    }
}

impl From<Unavailable> for Refusal {
    /// The reason is for the log of whoever failed, not for the client.
    fn from(_: Unavailable) -> Self {
        Self::new(
            Code::Unavailable,
            "The registry's data cannot be read at the moment. Nothing has changed; try again shortly.",
            "目前无法读取注册数据，未作任何更改，请稍后重试。",
        )
    }
}

impl From<Unavailable> for Refusals {
    fn from(error: Unavailable) -> Self {
        Refusal::from(error).into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_has_its_own_snake_case_text() {
        let texts: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            let mut snake = String::new();
            for c in format!("{code:?}").chars() {
                if c.is_ascii_uppercase() && !snake.is_empty() {
                    snake.push('_');
                }
                snake.push(c.to_ascii_lowercase());
            }
            assert_eq!(code.as_str(), snake);
        }
    }
}
