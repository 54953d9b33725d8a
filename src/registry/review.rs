//! Who reviews applications, with which papers, and within how many working days (R17, R19, R20).

use super::unit::Region;

/// Working days for a review on-line at most; the national rule, which a region may only tighten (R19).
pub const ONLINE_DAYS_MAX: u32 = 5;
/// Working days for a review on paper at most (R19).
pub const PAPER_DAYS_MAX: u32 = 10;
/// Working days for the government office's part, where nothing else is set: its whole chain takes three.
const OFFICE_DAYS: u32 = 3;

/// How applications are reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewRules {
    /// Working days for the first review.
    pub local_days: u32,
    /// Working days for the first review where papers are asked for.
    pub paper_days: u32,
    /// Working days for the second review.
    pub central_days: u32,
    /// Working days for the government office's approval.
    pub office_days: u32,
    /// Regions that allow less for the first review; of several that contain a unit's, the smallest counts.
    pub regions: Vec<(Region, u32)>,
    /// Regions whose applications need a government office's approval before the first review.
    pub office_regions: Vec<Region>,
    /// Papers without which the first review does not pass (R20), each by an id such as `form`.
    pub papers: Vec<Box<str>>,
}

impl ReviewRules {
    /// Working days for the first review of a unit in `region`.
    pub fn local_days_in(&self, region: &Region) -> u32 {
        self.days_in(region, if self.papers.is_empty() { self.local_days } else { self.paper_days })
    }

    /// The same for a review without papers.
    pub fn online_days_in(&self, region: &Region) -> u32 {
        self.days_in(region, self.local_days)
    }

    fn days_in(&self, region: &Region, days: u32) -> u32 {
        let around = self.regions.iter().filter(|(own, _)| own.contains(region));
        around.max_by_key(|(own, _)| own.as_str().len()).map_or(days, |(_, own)| days.min(*own))
    }

    /// Whether applications of units in `region` need a government office's approval first.
    pub fn needs_office(&self, region: &Region) -> bool {
        self.office_regions.iter().any(|own| own.contains(region))
    }
}

impl Default for ReviewRules {
    fn default() -> Self {
        Self {
            local_days: ONLINE_DAYS_MAX,
            paper_days: PAPER_DAYS_MAX,
            central_days: ONLINE_DAYS_MAX,
            office_days: OFFICE_DAYS,
            regions: Vec::new(),
            office_regions: Vec::new(),
            papers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_region_around_a_unit_counts_and_never_loosens() {
        let region = |code: &str| Region::parse(code).unwrap();
        let mut rules = ReviewRules {
            regions: vec![(region("62"), 4), (region("620421"), 2), (region("53"), 9)],
            ..ReviewRules::default()
        };
        for (code, days) in [("620421", 2), ("620421001", 2), ("620422", 4), ("62", 4), ("53", 5), ("11", 5)] {
            assert_eq!(rules.local_days_in(&region(code)), days, "{code}");
        }
        rules.papers = vec!["form".into()];
        for (code, days) in [("620421", 2), ("53", 9), ("11", 10)] {
            assert_eq!(rules.local_days_in(&region(code)), days, "{code} with papers");
        }
    }
}
