//! Reviews of sites in the model, and whether the store keeps and lists them alike.

use super::*;
use crate::store::SiteFilter;

/// Where a unit lies, and the review of its site.
pub(super) fn parts() -> impl Strategy<Value = (Region, Option<Box<SiteReview>>)> {
    let region = proptest::sample::select(vec!["62", "620421", "620421001", "53"]);
    let region = region.prop_map(|code| Region::parse(code).unwrap());
    (region, proptest::option::of(samples::site_review(key(1, 1)).prop_map(Box::new)))
}

/// Whether the lists show what the model has.
pub(super) fn compare(store: &Store, model: &Model) {
    for region in [None, Some("62"), Some("620421"), Some("53")] {
        let region = region.map(|code| Region::parse(code).unwrap());
        let lists = |filter: SiteFilter, shows: &dyn Fn(&Unit) -> bool| {
            let shown = all(store, &filter, region.as_ref());
            let within = |unit: &&Unit| region.as_ref().is_none_or(|own| own.contains(&unit.region)) && shows(unit);
            let mut by_id = shown.clone();
            by_id.sort_by(|a, b| a.id.cmp(&b.id));
            assert_eq!(
                by_id,
                model.units.values().filter(within).cloned().collect::<Vec<_>>(),
                "{filter:?} {region:?}"
            );
            shown
        };
        lists(SiteFilter::Reviewed(None), &|unit| unit.site_review.is_some());
        for state in SiteReviewState::ALL {
            let shown = lists(SiteFilter::Reviewed(Some(state)), &|unit| {
                unit.site_review.as_ref().is_some_and(|review| review.state == state)
            });
            assert!(shown.is_sorted_by(|a, b| (&a.region, &a.id) <= (&b.region, &b.id)));
        }
        for now in [0, 4, 9].map(Timestamp) {
            let deadline = |unit: &Unit| unit.site_review.as_ref().and_then(|review| review.deadline);
            let shown = lists(SiteFilter::Overdue(now), &|unit| deadline(unit).is_some_and(|at| at < now));
            assert!(shown.is_sorted_by_key(deadline), "in the order of deadlines");
        }
        let for_site = [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed];
        lists(SiteFilter::Held, &|unit| {
            for_site.iter().any(|reason| unit.holds.0.get(reason).is_some_and(|hold| hold.active))
        });
    }
}

/// All pages of a list.
fn all(store: &Store, filter: &SiteFilter, region: Option<&Region>) -> Vec<Unit> {
    let (mut units, mut cursor): (Vec<Unit>, Option<String>) = (Vec::new(), None);
    loop {
        let page = store.list_site_reviews(filter, region, cursor.as_deref(), 2).unwrap();
        assert!(page.items.len() <= 2);
        units.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return units,
        }
    }
}
