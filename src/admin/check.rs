//! `/v1/check`: what a label comes to before anybody registers it.

use super::auth::Caller;
use super::params::{Params, invalid};
use super::problem::Problem;
use super::roles::Endpoint;
use super::v1::check::CheckView;
use super::v1::name_key;
use super::v1::requests::unit_id;
use super::{Admin, units};
use crate::registry::{
    Actor, Appraisal, Code, Context, NameKey, Policy, Refusal, Timestamp, Unavailable, Unit, appraise,
};
use crate::store::Store;
use crate::zone::{Name, ZoneSet};
use axum::Json;
use axum::extract::{RawQuery, State};
use std::sync::Arc;

/// Whether a name can be registered, by a unit or by anybody; its A-label, its forms, its package, and what a reviewer
/// should look at. A name that cannot be registered is no error here: `status` and `code` say why.
#[utoipa::path(
    get, path = "/v1/check", tag = "names",
    params(("name" = String, Query, description = "the name in U- or A-labels; 。 is taken for a dot"),
           ("unit" = Option<String>, Query, description = "the unit that would register it")),
    responses((status = 200, description = "What the name comes to", body = CheckView)),
)]
pub(super) async fn check(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<CheckView>, Problem> {
    let params = Params::parse(query.as_deref(), &["name", "unit"])?;
    let text = params
        .get("name")
        .ok_or_else(|| {
            invalid("name", "name is missing; say which name to check.", "缺少参数 name，请填写要检查的域名。")
        })?
        .to_owned();
    let unit = match params.get("unit") {
        Some(id) => Some(units::find(&admin, unit_id(id, "unit")?).await.map_err(|problem| problem.field("unit"))?),
        None => None,
    };
    if let Some(unit) = &unit {
        caller.within(Endpoint::CheckName, &unit.region).map_err(|problem| problem.field("unit"))?;
    }
    let policy = admin.policy.get();
    let key = match name_key(&text, &policy, "name") {
        Ok(key) => key,
        Err(problem) => return Ok(Json(CheckView::refused(&text, None, &problem))),
    };
    let appraiser = Appraiser::new(&admin, caller);
    let wanted = key.clone();
    let appraised = admin.read(move |store| appraiser.appraise(store, &wanted, unit.as_ref())).await?;
    Ok(Json(match appraised {
        Ok(appraisal) => CheckView::available(&key, &appraisal),
        Err(refusal) => CheckView::refused(&text, Some(&key), &refusal.into()),
    }))
}

/// What labels are judged by, as of one moment.
pub(super) struct Appraiser {
    zones: ZoneSet,
    pub(super) policy: Arc<Policy>,
    actor: Actor,
    now: Timestamp,
}

impl Appraiser {
    /// By the settings, the zones and the time of now.
    pub(super) fn new(admin: &Admin, caller: Caller) -> Self {
        let zones = admin.snapshots.load().zones.clone();
        Self { zones, policy: admin.policy.get(), actor: caller.actor, now: admin.clock.now() }
    }

    /// What the name comes to for the unit, or why it cannot be registered.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub(super) fn appraise(
        &self,
        store: &Store,
        key: &NameKey,
        unit: Option<&Unit>,
    ) -> Result<Result<Appraisal, Refusal>, Unavailable> {
        let occupied = |key: &NameKey| occupies(&self.zones, &self.policy, key);
        let context = Context {
            policy: &self.policy,
            actor: &self.actor,
            now: self.now,
            seq: 0,
            if_match: None,
            occupied: &occupied,
            confirmed: false,
        };
        match appraise(store, &context, key, unit) {
            Err(refusal) if refusal.code == Code::Unavailable => Err(Unavailable("a name".into())),
            appraised => Ok(appraised),
        }
    }
}

/// Whether a master file of the name's set has records at or below its label.
fn occupies(zones: &ZoneSet, policy: &Policy, key: &NameKey) -> bool {
    let set = policy.sets.iter().find(|set| set.suffixes.first() == Some(&key.set));
    let apexes = set.into_iter().flat_map(|set| &set.suffixes).filter_map(|suffix| Name::absolute(suffix).ok());
    apexes.filter_map(|apex| zones.get(&apex.to_lowercase())).any(|zone| zone.occupies(key.label.as_ascii()))
}
