//! What endpoints of site reviews may answer.

use super::super::problem::Edge;
use super::super::roles::Endpoint;
use super::{BODY, GUARDED, Groups, READ, WRITE};
use crate::registry::Code;

const LIST: &[&[Edge]] = &[READ, &[Edge::InvalidParameter]];
const BODIED: &[&[Edge]] = &[WRITE, BODY];
const UNIT: &[Code] =
    &[Code::UnitInvalid, Code::UnitNotFound, Code::RegionForeign, Code::VersionStale, Code::Unavailable];
const FOUND: &[Code] = &[Code::SiteReviewNotFound, Code::SiteReviewNotPending];
const DECIDED: &[Code] = &[Code::SamePrincipal, Code::ReasonRequired];

/// None if the endpoint is another's.
pub(super) fn rules(endpoint: Endpoint) -> Option<Groups> {
    use Endpoint as E;
    Some(match endpoint {
        E::ListSiteReviews | E::ExportHeldForSites => (LIST, &[&[Code::Unavailable]]),
        E::OpenSiteReview => {
            (BODIED, &[UNIT, &[Code::UnitBlacklisted, Code::SiteReviewPending, Code::SiteDeadlineInvalid]])
        }
        E::PostponeSiteReview => (BODIED, &[UNIT, FOUND, &[Code::ReasonRequired, Code::SiteDeadlineInvalid], GUARDED]),
        E::SubmitSiteReview => (
            BODIED,
            &[
                UNIT,
                FOUND,
                &[Code::LabelInvalid, Code::LabelCharacter, Code::LabelTooLong, Code::SuffixUnknown],
                &[Code::SiteNameInvalid],
            ],
        ),
        E::ReviewSiteLocally => (BODIED, &[UNIT, FOUND, DECIDED]),
        E::ReviewSiteCentrally => (BODIED, &[UNIT, FOUND, DECIDED, &[Code::LocalReviewFirst, Code::SiteNameInvalid]]),
        E::ConfirmSitePapers => (BODIED, &[UNIT, FOUND, DECIDED, &[Code::PapersIncomplete]]),
        E::CancelSiteReview => (&[WRITE], &[UNIT, FOUND, GUARDED]),
        _ => return None,
    })
}
