//! What endpoints of applications, orders and remittances may answer.

use super::super::problem::Edge;
use super::super::roles::Endpoint;
use super::{BODY, GUARDED, Groups, READ, RESOLUTION, WRITE};
use crate::registry::Code;

const LIST: &[&[Edge]] = &[READ, &[Edge::InvalidParameter]];
const HISTORY: &[&[Edge]] = &[READ, &[Edge::InvalidParameter, Edge::Internal]];
const BODIED: &[&[Edge]] = &[WRITE, BODY];
const UNREADABLE: &[Code] = &[Code::Unavailable];
const STALE: &[Code] = &[Code::RegionForeign, Code::VersionStale, Code::Unavailable];
/// What writes no object that exists has no version that could be stale.
const NEW: &[Code] = &[Code::RegionForeign, Code::Unavailable];
const UNIT: &[Code] = &[Code::UnitInvalid, Code::UnitNotFound];
const FOUND: &[Code] = &[Code::ApplicationNotFound, Code::RegionForeign, Code::Unavailable];
/// What is wrong with the contents of an application, whenever it is looked at.
const CONTENTS: &[Code] = &[
    Code::LabelInvalid,
    Code::LabelCharacter,
    Code::LabelTooLong,
    Code::SuffixUnknown,
    Code::Slot1Required,
    Code::Slot2Required,
    Code::SlotTermRequired,
    Code::SlotsTooMany,
    Code::SlotRepeated,
    Code::SlotBundleRepeated,
    Code::KindInvalid,
    Code::TermInvalid,
    Code::PapersIncomplete,
];
/// What can keep an application from being handed in, and from its second approval.
const POSSIBLE: &[Code] = &[
    Code::UnitBlacklisted,
    Code::PurposeNeedsPath,
    Code::NameOfOtherUnit,
    Code::NameRegistered,
    Code::NameClaimed,
    Code::RateMissing,
];
/// What keeps a label from being registered, now or once it is paid.
const REGISTRABLE: &[Code] = &[
    Code::LabelCharacter,
    Code::LabelReserved,
    Code::LabelOccupied,
    Code::LabelKept,
    Code::DivisionAmbiguous,
    Code::DivisionReserved,
    Code::VariantInUse,
    Code::VariantOfOwnName,
    Code::SuffixNotAllowed,
];
const PENDING: &[Code] = &[Code::ApplicationNotFound, Code::ApplicationNotPending];
const DECIDED: &[Code] =
    &[Code::ApplicationNotFound, Code::ApplicationNotPending, Code::SamePrincipal, Code::ReasonRequired];
const RENEWED: &[Code] = &[
    Code::LabelInvalid,
    Code::LabelCharacter,
    Code::LabelTooLong,
    Code::SuffixUnknown,
    Code::NameNotFound,
    Code::NameClaimed,
    Code::TermInvalid,
    Code::DeletionFinal,
    Code::BatchEmpty,
    Code::BatchTooLarge,
    Code::ItemRepeated,
];
/// What is wrong with the forms that a decision picks.
const FORMS: &[Code] = &[Code::VariantInvalid, Code::FormByCentralApprovalOnly];
const ORDER: &[Code] = &[Code::OrderNotFound, Code::OrderNotPending];
const REMITTANCE: &[Code] = &[Code::RemittanceNotFound, Code::RemittanceNotPending];

pub(super) fn rules(endpoint: Endpoint) -> Groups {
    use Endpoint as E;
    match endpoint {
        E::ListApplications | E::ListOrders | E::ListRemittances => (LIST, &[UNREADABLE]),
        E::GetApplication => (LIST, &[FOUND]),
        E::GetFee => (LIST, &[FOUND, &[Code::NotPayable]]),
        E::CreateApplication => (BODIED, &[UNIT, CONTENTS, POSSIBLE, REGISTRABLE, RESOLUTION, NEW]),
        E::EditApplication => (BODIED, &[CONTENTS, RESOLUTION, PENDING, STALE]),
        E::SubmitApplication => (&[WRITE], &[POSSIBLE, REGISTRABLE, RESOLUTION, PENDING, STALE]),
        E::ApproveApplicationByOffice => (BODIED, &[DECIDED, FORMS, STALE]),
        E::ApproveApplicationLocally => (
            BODIED,
            &[DECIDED, FORMS, &[Code::OfficeReviewFirst, Code::PapersIncomplete, Code::ConfirmationRequired], STALE],
        ),
        E::ApproveApplicationCentrally => (
            BODIED,
            &[
                DECIDED,
                FORMS,
                &[Code::OfficeReviewFirst, Code::LocalReviewFirst, Code::ConfirmationRequired],
                &[Code::TraditionalFormRequired, Code::KindInvalid, Code::SlotRepeated],
                POSSIBLE,
                REGISTRABLE,
                RESOLUTION,
                GUARDED,
                STALE,
            ],
        ),
        E::WithdrawApplication => (&[WRITE], &[PENDING, STALE]),
        E::GetOrder => (HISTORY, &[&[Code::OrderNotFound, Code::RegionForeign, Code::Unavailable]]),
        E::OrderRenewal => (BODIED, &[UNIT, RENEWED, &[Code::NameOfOtherUnit, Code::RateMissing], NEW]),
        E::RenewNames => (BODIED, &[RENEWED, NEW]),
        E::ChangeYears => (BODIED, &[ORDER, RENEWED, STALE]),
        E::ConfirmOrder => (
            BODIED,
            &[
                ORDER,
                &[Code::InvoiceRequired, Code::InvoiceInvalid, Code::InvoiceUsed, Code::VoucherInvalid],
                &[Code::OrderImpossible],
                STALE,
            ],
        ),
        E::RefundOrder => (BODIED, &[ORDER, &[Code::ReasonRequired], STALE]),
        E::WithdrawOrder => (&[WRITE], &[ORDER, STALE]),
        E::GetRemittance => (LIST, &[&[Code::RemittanceNotFound, Code::RegionForeign, Code::Unavailable]]),
        E::Remit => (
            BODIED,
            &[
                ORDER,
                &[Code::AmountInvalid, Code::AmountMismatch, Code::BatchEmpty, Code::BatchTooLarge, Code::ItemRepeated],
                &[Code::OrderImpossible],
                NEW,
            ],
        ),
        E::Recognise => {
            (BODIED, &[REMITTANCE, &[Code::AmountInvalid, Code::AmountMismatch, Code::OrderImpossible], STALE])
        }
        E::TakeBack => (&[WRITE], &[REMITTANCE, STALE]),
        _ => (&[], &[]),
    }
}
