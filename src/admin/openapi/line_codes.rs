//! What can be wrong with a line of an import: told in its report, not by the response's status.

use super::super::problem::{Edge, ErrorCode};
use crate::registry::Code;

/// What can be wrong with a line before the registry has seen it.
const EDGE: [Edge; 6] = [
    Edge::MalformedJson,
    Edge::WrongType,
    Edge::UnknownField,
    Edge::MissingField,
    Edge::BodyTooLarge,
    Edge::IdempotencyKeyReused,
];

/// All codes of lines.
pub(super) fn all() -> Vec<ErrorCode> {
    let registry = Code::ALL.iter().copied().filter(|code| is_of_registry(*code)).map(ErrorCode::Registry);
    EDGE.into_iter().map(ErrorCode::Edge).chain(registry).collect()
}

/// Whether a line can be refused with this code; an import holds its report against it.
pub(in super::super) fn is_of_line(code: ErrorCode) -> bool {
    match code {
        ErrorCode::Edge(edge) => EDGE.contains(&edge),
        ErrorCode::Registry(code) => is_of_registry(code),
    }
}

/// Every code is here, so that none that comes is forgotten.
fn is_of_registry(code: Code) -> bool {
    use Code as C;
    match code {
        // Units, their holds and their records.
        C::UnitInvalid | C::UnitNotFound | C::UnitBlacklisted | C::PenaltyInvalid => true,
        C::HoldByClockOnly | C::HoldInvalid | C::SecondFactorRequired | C::Brake => true,
        // Labels and their packages.
        C::LabelInvalid | C::LabelCharacter | C::LabelTooLong | C::LabelReserved | C::LabelOccupied => true,
        C::LabelKept | C::DivisionAmbiguous | C::DivisionReserved | C::SuffixUnknown | C::SuffixNotAllowed => true,
        C::VariantInUse | C::VariantOfOwnName | C::VariantInvalid | C::NameOfOtherUnit | C::NameClaimed => true,
        // Terms, and their ends; a line may also delete a name.
        C::KindInvalid | C::TermInvalid | C::TermByRenewalOnly | C::DeletionFinal | C::MigrationRunning => true,
        // Applications, orders and remittances.
        C::FilingInvalid | C::ApplicationNotFound | C::OrderNotFound | C::NameRegistered | C::InvoiceUsed => true,
        // Resolutions.
        C::AddressInvalid | C::TargetInvalid | C::TargetLoop | C::RedirectCodeInvalid | C::TtlInvalid => true,
        C::ServerInvalid | C::DsInvalid | C::ApprovalsIncomplete | C::SamePrincipal => true,
        // Of a deletion that has happened already there is nothing to tell.
        C::NameNotFound => false,
        // Imports are for operators without a region, and their batches are cut here; what cannot be read ends them.
        C::RoleForbidden | C::RegionForeign | C::BatchTooLarge | C::BatchEmpty | C::VersionStale | C::Unavailable => {
            false
        }
        C::ChangeNotFound | C::RemittanceNotFound | C::HoldNotFound => false,
        C::ConsentRequired | C::Slot1Required | C::Slot2Required | C::SlotTermRequired | C::SlotsTooMany => false,
        C::SlotRepeated | C::SlotBundleRepeated | C::PurposeNeedsPath | C::PapersIncomplete => false,
        C::TraditionalFormRequired | C::FormByCentralApprovalOnly => false,
        C::ConfirmationRequired | C::ApplicationNotPending | C::OfficeReviewFirst => false,
        C::NotPayable | C::RateMissing | C::OrderNotPending | C::RemittanceNotPending | C::InvoiceRequired => false,
        C::VoucherInvalid | C::AmountInvalid | C::AmountMismatch | C::ItemRepeated | C::ChangePending => false,
        C::ChangeNotPending | C::LocalReviewFirst | C::ReasonRequired | C::ChangeStale => false,
        C::SiteReviewNotFound | C::SiteReviewPending | C::SiteReviewNotPending | C::SiteDeadlineInvalid => false,
        C::SiteNameInvalid | C::PenaltyOutOfOrder | C::BrakeNotEngaged | C::ContactChangeInvalid => false,
        C::NotFrozen | C::MigrationInvalid | C::MigrationNotFound | C::OrderImpossible | C::InvoiceInvalid => false,
    }
}
