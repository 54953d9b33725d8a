//! `/v1/statistics/coverage`: how many bodies of each division have registered, of how many (R3, R52).
//!
//! Shares are computed from what is counted, never taken over from anywhere, and never cut off at 100 %: where more units have
//! registered than the target says there are, the target is out of date, and the figure shows it.

use super::Admin;
use super::auth::Caller;
use super::params::Params;
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::{Coverage, CoverageRow};
use crate::registry::{Region, State as _, Unavailable};
use crate::store::Store;
use axum::Json;
use axum::extract::{RawQuery, State};
use std::collections::BTreeMap;

/// Units that are looked at with one read: it holds the writer up.
const SLICE_LEN: usize = 200;
/// Digits of the divisions that are told apart, if the client says nothing: counties.
const DIGITS: u64 = 6;

/// How many bodies each division has, by its code; none: nobody has said.
pub type Targets = BTreeMap<Region, u64>;

/// What is counted of a division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    target: Option<u64>,
    units: u64,
    registered: u64,
    names: u64,
}

/// How many bodies of each division have registered names.
#[utoipa::path(
    get, path = "/v1/statistics/coverage", tag = "audit",
    params(("digits" = Option<u32>, Query, description = "digits of the divisions' codes to tell apart: 2 provinces, 4 prefectures, 6 counties; 6 if absent"),
           ("region" = Option<String>, Query, description = "only what lies in this division")),
    responses((status = 200, description = "A row for each division with units or a target; regional tokens see their own", body = Coverage)),
)]
pub(super) async fn coverage(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Coverage>, Problem> {
    let params = Params::parse(query.as_deref(), &["digits", "region"])?;
    let digits = params.read("digits", ("2, 4 or 6", " 2、4 或 6"), |text| {
        ["2", "4", "6"].contains(&text).then(|| text.parse().ok()).flatten()
    })?;
    let digits = usize::try_from(digits.unwrap_or(DIGITS)).unwrap_or(6);
    let wanted = params.read(
        "region",
        ("a division code of 2, 4, 6, 9 or 12 digits", " 2、4、6、9 或 12 位的行政区划代码"),
        Region::parse,
    )?;
    let own = caller.limit(Endpoint::Coverage);
    let visible = |region: &Region| {
        wanted.as_ref().is_none_or(|wanted| wanted.contains(region))
            && own.as_ref().is_none_or(|own| own.contains(region))
    };
    let mut rows: BTreeMap<String, Count> = BTreeMap::new();
    for (region, target) in admin.targets.get().iter().filter(|(region, _)| visible(region)) {
        let row = rows.entry(division(region, digits)).or_default();
        row.target = Some(row.target.unwrap_or(0) + target);
    }
    let mut cursor: Option<String> = None;
    loop {
        let from = cursor.take();
        let Slice { units, next } = admin.read(move |store| slice(store, from.as_deref())).await?;
        for (region, names) in units.iter().filter(|(region, _)| visible(region)) {
            let row = rows.entry(division(region, digits)).or_default();
            row.units += 1;
            row.registered += u64::from(*names > 0);
            row.names += names;
        }
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    let mut total = Count::default();
    for row in rows.values() {
        total.target = total.target.map_or(row.target, |sum| Some(sum + row.target.unwrap_or(0)));
        total.units += row.units;
        total.registered += row.registered;
        total.names += row.names;
    }
    let row = |region: &str, count: &Count| CoverageRow {
        region: region.to_owned(),
        institutions: count.target,
        units: count.units,
        registered: count.registered,
        coverage_percent: count.target.and_then(|target| percent(count.registered, target)),
        names: count.names,
    };
    let items = rows.iter().map(|(region, count)| row(region, count)).collect();
    Ok(Json(Coverage { items, total: row("", &total) }))
}

/// Some units, and where to go on.
struct Slice {
    /// The region of each, and how many names it has.
    units: Vec<(Region, u64)>,
    next: Option<String>,
}

fn slice(store: &Store, cursor: Option<&str>) -> Result<Slice, Unavailable> {
    let page = store.list_units(cursor, SLICE_LEN)?;
    let mut units = Vec::with_capacity(page.items.len());
    for unit in page.items {
        let mut names = 0;
        store.names_of(&unit.id, &mut |_, _| {
            names += 1;
            true
        })?;
        units.push((unit.region, names));
    }
    Ok(Slice { units, next: page.next })
}

/// The code of the division that a region lies in, as far as it says.
fn division(region: &Region, digits: usize) -> String {
    region.as_str().chars().take(digits).collect()
}

/// The share in percent, to one decimal, half up; none of nothing.
fn percent(part: u64, whole: u64) -> Option<f64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let tenths = (part * 2000 + whole).checked_div(2 * whole)?;
    Some(tenths as f64 / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures of the notice of 2015: its printed total of 63 % is wrong, its 103 % is right.
    #[test]
    fn shares_are_computed_and_not_cut_off() {
        assert_eq!(percent(5396, 8730), Some(61.8));
        assert_eq!(percent(557, 543), Some(102.6));
        assert_eq!((percent(0, 5), percent(5, 5), percent(1, 0)), (Some(0.0), Some(100.0), None));
        assert_eq!((percent(1, 3), percent(2, 3), percent(1, 2000)), (Some(33.3), Some(66.7), Some(0.1)));
    }
}
