//! What the lists of applications, orders and remittances have in common.

use super::auth::Caller;
use super::params::Params;
use super::problem::Problem;
use super::roles::Endpoint;
use crate::registry::{Region, Regions, UnitId};
use crate::store::FilingFilter;

/// The parameters of these lists.
pub(super) const KNOWN: [&str; 6] = ["unit", "state", "region", "overdue", "cursor", "limit"];

/// What a list shows: what was asked for, narrowed to the token's region if it has one only; the token's regions are held
/// against each item in any case.
pub(super) fn filter<S: Copy>(
    params: &Params,
    caller: &Caller,
    endpoint: Endpoint,
    states: &[S],
    name: impl Fn(S) -> &'static str,
) -> Result<(FilingFilter<S>, Option<Regions>), Problem> {
    let limit = caller.limit(endpoint);
    let only = limit.as_ref().and_then(|regions| {
        let mut all = regions.iter();
        all.next().filter(|_| all.next().is_none()).cloned()
    });
    let asked = params.read(
        "region",
        ("a division code of 2, 4, 6, 9 or 12 digits", " 2、4、6、9 或 12 位的行政区划代码"),
        Region::parse,
    )?;
    let region = match (asked, only) {
        // Of the two the inner one; if neither is inside the other, nothing is shown.
        (Some(asked), Some(own)) if asked.contains(&own) => Some(own),
        (Some(asked), _) => Some(asked),
        (None, own) => own,
    };
    let known: Vec<&str> = states.iter().map(|state| name(*state)).collect();
    let expected = (format!("a state of these: {}", known.join(", ")), format!("以下状态之一：{}", known.join("、")));
    let filter = FilingFilter {
        unit: params.read("unit", ("a unit id", "单位编号（1 至 64 个字母、数字和连字符）"), UnitId::parse)?,
        state: params
            .read("state", (&expected.0, &expected.1), |text| states.iter().copied().find(|s| name(*s) == text))?,
        region,
        overdue_at: None,
    };
    Ok((filter, limit))
}
