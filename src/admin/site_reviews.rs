//! Reviews of units' sites: `/v1/units/{id}/site-review` and `/v1/site-reviews`.

use super::Admin;
use super::auth::Caller;
use super::filings;
use super::params::{At, Params, cursor, limit, page};
use super::problem::Problem;
use super::roles::Endpoint;
use super::rows::{Format, Rows, rows};
use super::stream::Stop;
use super::v1::requests::{Verdict, remark, unit_id};
use super::v1::site_reviews::{
    HeldForSite, OpenSiteReview, PostponeSiteReview, ReviewedUnit, SiteDecision, SiteLevel, SubmitSiteReview,
};
use super::v1::{Page, Receipt, readable};
use super::write::Write;
use crate::registry::procedure::SiteReviewCommand;
use crate::registry::{Command, Region, Registration, SiteReviewState, UnitId};
use crate::store::{NameFilter, SiteFilter};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;

/// Objects read at once on the writer's thread: about a millisecond.
const SLICE_LEN: usize = 256;

/// Units with a review of their site, by region; overdue ones by their deadlines.
#[utoipa::path(
    get, path = "/v1/site-reviews", tag = "sites",
    params(("state" = Option<String>, Query, description = "those in this state"),
           ("region" = Option<String>, Query, description = "those in this region, with all that lies inside it"),
           ("overdue" = Option<bool>, Query, description = "true: those where the unit, or a reviewer, should have acted by now"),
           ("cursor" = Option<String>, Query, description = "`next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most items, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "A page; regional tokens see the units of their regions", body = Page<ReviewedUnit>)),
)]
pub(super) async fn list(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<ReviewedUnit>>, Problem> {
    let params = Params::parse(query.as_deref(), &["state", "region", "overdue", "cursor", "limit"])?;
    let now = admin.clock.now();
    let (asked, own) =
        filings::filter(&params, &caller, Endpoint::ListSiteReviews, &SiteReviewState::ALL, SiteReviewState::as_str)?;
    let filter = match params.flag("overdue")? {
        true => SiteFilter::Overdue(now),
        false => SiteFilter::Reviewed(asked.state),
    };
    let (from, limit, region, state) = (cursor(&params)?, limit(&params)?, asked.region, asked.state);
    let found = admin
        .read(move |store| page(from.as_deref(), |from| store.list_site_reviews(&filter, region.as_ref(), from, limit)))
        .await??;
    let in_state = |review: SiteReviewState| state.is_none_or(|state| state == review);
    let shown = found.items.iter().filter(|unit| {
        own.as_ref().is_none_or(|own| own.contains(&unit.region))
            && unit.site_review.as_ref().is_some_and(|review| in_state(review.state))
    });
    Ok(Json(Page { items: shown.map(|unit| ReviewedUnit::new(unit, now)).collect(), next: found.next }))
}

/// The names that do not resolve because of their units' sites, for those who stop the English names (CNNIC): lines of JSON,
/// or a table. The last line of JSON is `end`; without it the export was cut short.
#[utoipa::path(
    get, path = "/v1/site-reviews/held", tag = "sites",
    params(("region" = Option<String>, Query, description = "those of units in this region, with all that lies inside it"),
           ("format" = Option<String>, Query, description = "`ndjson`, or `csv`, in which a cell that a spreadsheet would take for a formula has a `'` in front; `ndjson` if absent")),
    responses((status = 200, description = "A line for each name, by region and unit; one for a unit without names",
               content((HeldForSite = "application/x-ndjson"), (String = "text/csv")))),
)]
pub(super) async fn held(
    State(admin): State<Admin>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(query.as_deref(), &["region", "format"])?;
    let region = params.read(
        "region",
        ("a division code of 2, 4, 6, 9 or 12 digits", " 2、4、6、9 或 12 位的行政区划代码"),
        Region::parse,
    )?;
    let format = Format::of(&params)?;
    // Read before the first octet is sent: what fails here is still answered with a problem document.
    let seq = admin.read(|store| Ok(store.position().seq)).await?;
    tracing::info!(principal = %caller.actor.principal, seq, "export of what is held for its site");
    let (rows, response) = rows(format);
    tokio::spawn(async move {
        let list = Listing { admin, rows, region, lines: 0 };
        list.write(seq).await;
    });
    Ok(response)
}

/// A list on its way out.
struct Listing {
    admin: Admin,
    rows: Rows<HeldForSite>,
    region: Option<Region>,
    lines: u64,
}

impl Listing {
    async fn write(mut self, seq: u64) {
        match self.write_all(seq).await {
            Ok(()) | Err(Stop::Gone) => {}
            Err(Stop::Failed) => self.rows.fail().await,
        }
    }

    async fn write_all(&mut self, seq: u64) -> Result<(), Stop> {
        self.rows.begin().await?;
        let mut cursor: Option<String> = None;
        loop {
            let region = self.region.clone();
            let read = self.admin.read(move |store| {
                store.list_site_reviews(&SiteFilter::Held, region.as_ref(), cursor.as_deref(), SLICE_LEN)
            });
            let found = read.await?;
            for unit in &found.items {
                if let Some(line) = HeldForSite::of(unit) {
                    self.write_unit(unit.id.clone(), line).await?;
                }
            }
            cursor = found.next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(self.rows.end(seq, self.lines).await?)
    }

    /// A line for each name of the unit; one without a name if there is none.
    async fn write_unit(&mut self, unit: UnitId, line: HeldForSite) -> Result<(), Stop> {
        let (mut cursor, begun): (Option<String>, u64) = (None, self.lines);
        loop {
            let filter = NameFilter { unit: Some(unit.clone()), ..NameFilter::default() };
            let page = self.admin.read(move |store| store.list_names(&filter, cursor.as_deref(), SLICE_LEN)).await?;
            let of_name = |name: &Registration| HeldForSite {
                name: readable(&name.key),
                ascii: name.key.to_string(),
                ..line.clone()
            };
            let mut lines: Vec<HeldForSite> = page.items.iter().map(of_name).collect();
            cursor = page.next;
            if cursor.is_none() && lines.is_empty() && self.lines == begun {
                lines.push(line.clone());
            }
            self.lines += lines.len() as u64;
            self.rows.send(&lines).await?;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}

/// Opens the review of a unit's site, with a deadline for handing it in.
#[utoipa::path(
    post, path = "/v1/units/{id}/site-review", tag = "sites",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = OpenSiteReview,
    responses((status = 201, description = "Opened", body = Receipt)),
)]
pub(super) async fn open(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let command = write.json::<OpenSiteReview>()?.into_registry()?;
    submit_command(admin, id, write, "site_review.open", None, command).await
}

/// Gives a unit more time; the hold that its old deadline brought is lifted.
#[utoipa::path(
    put, path = "/v1/units/{id}/site-review/deadline", tag = "sites",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = PostponeSiteReview,
    responses((status = 200, description = "Postponed", body = Receipt)),
)]
pub(super) async fn postpone(
    State(admin): State<Admin>,
    At(id): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let body = write.json::<PostponeSiteReview>()?;
    let note = Some(body.reason.clone());
    let command = body.into_registry()?;
    submit_command(admin, id, write, "site_review.postpone", note, command).await
}

/// Hands a site in for review, or hands it in again after a rejection; late as well.
#[utoipa::path(
    post, path = "/v1/units/{id}/site-review/submission", tag = "sites",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = SubmitSiteReview,
    responses((status = 200, description = "Handed in", body = Receipt)),
)]
pub(super) async fn submit(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let command = write.json::<SubmitSiteReview>()?.into_registry(&admin.policy.get())?;
    submit_command(admin, id, write, "site_review.submit", None, command).await
}

/// Approves or rejects a site at one level; nobody decides at two, and no submitter decides. The pass lifts the holds that
/// the review's deadlines brought.
#[utoipa::path(
    post, path = "/v1/units/{id}/site-review/decisions", tag = "sites",
    params(("id" = String, Path, description = "the unit's id")),
    request_body = SiteDecision,
    responses((status = 200, description = "Decided; `state` says how the review stands", body = Receipt)),
)]
pub(super) async fn decide(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    let body = write.json::<SiteDecision>()?;
    write.caller.may(match body.level {
        SiteLevel::Local => Endpoint::ReviewSiteLocally,
        SiteLevel::Central => Endpoint::ReviewSiteCentrally,
        SiteLevel::Paper => Endpoint::ConfirmSitePapers,
    })?;
    let (operation, note) = match body.decision {
        Verdict::Approve => ("site_review.approve", remark(body.reason.clone())?),
        Verdict::Reject => ("site_review.reject", body.reason.clone()),
    };
    submit_command(admin, id, write, operation, note, body.into_registry()).await
}

/// Takes a review back that should not have been opened, with the holds that its deadlines brought.
#[utoipa::path(
    delete, path = "/v1/units/{id}/site-review", tag = "sites",
    params(("id" = String, Path, description = "the unit's id")),
    responses((status = 200, description = "Taken back", body = Receipt)),
)]
pub(super) async fn cancel(State(admin): State<Admin>, At(id): At<String>, write: Write) -> Result<Response, Problem> {
    write.empty()?;
    submit_command(admin, id, write, "site_review.cancel", None, SiteReviewCommand::Cancel).await
}

async fn submit_command(
    admin: Admin,
    id: String,
    write: Write,
    operation: &str,
    note: Option<String>,
    command: SiteReviewCommand,
) -> Result<Response, Problem> {
    let unit = unit_id(&id, "id")?;
    write.submit(&admin, operation, id, note, Command::ReviewSite { unit, command }).await
}
