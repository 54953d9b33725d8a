//! The past of one object: every line of the journal that touched it, and how it was at a time.
//!
//! Each line says which line left the object as it was before, so an object's lines are a chain: reading its past takes as many
//! reads as it has lines, however long the journal is. A name that was deleted and registered again is one object: the
//! store knows the lines that ended its registrations.

use super::Admin;
use super::auth::Caller;
use super::params::{At, Params, invalid, limit};
use super::problem::Problem;
use super::v1::requests::unit_id;
use super::v1::{DayEdge, HistoryLine, Page, name_key, time};
use crate::journal::{JournalError, JournalReader};
use crate::registry::{ApplicationId, ChangeId, OrderId, RemittanceId, SiteReviewId};
use crate::registry::{Code, Event, NameKey, Registration, State as _, Timestamp, Transaction, Unit, UnitId};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde_json::Value;

/// Most lines that are followed to find how an object was at a time: each is one read of the disk.
const STEPS_MAX: usize = 10_000;

/// An object with a past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Object {
    Unit(UnitId),
    Name(NameKey),
    Change(ChangeId),
    Application(ApplicationId),
    Order(OrderId),
    Remittance(RemittanceId),
    /// A part of its unit.
    SiteReview(UnitId, SiteReviewId),
}

/// When an object is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// After this transaction.
    Seq(u64),
    /// At this time.
    Time(Timestamp),
}

/// What each line that touched a unit changed, the newest first.
#[utoipa::path(
    get, path = "/v1/units/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the unit's id"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_unit(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let id = unit_id(&id, "id")?;
    page(&admin, Object::Unit(id), query.as_deref()).await
}

/// What each line that touched a name changed, the newest first; also of a name that is deleted.
#[utoipa::path(
    get, path = "/v1/names/{name}/history", tag = "audit",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_name(
    State(admin): State<Admin>,
    _caller: Caller,
    At(name): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    page(&admin, Object::Name(key), query.as_deref()).await
}

/// What each line that touched a change of resolution changed, the newest first.
#[utoipa::path(
    get, path = "/v1/changes/{id}/history", tag = "audit",
    params(("id" = String, Path, description = "the change's id"),
           ("before" = Option<u64>, Query, description = "lines before this `seq`: `next` of the page before"),
           ("limit" = Option<u32>, Query, description = "most lines, 1 to 1000; 100 if absent")),
    responses((status = 200, description = "Lines with what was before and after, as the journal has it", body = Page<HistoryLine>)),
)]
pub(super) async fn of_change(
    State(admin): State<Admin>,
    _caller: Caller,
    At(id): At<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let id = ChangeId::parse(&id).ok_or_else(|| Object::Change(ChangeId(0)).not_found())?;
    page(&admin, Object::Change(id), query.as_deref()).await
}

/// A page of the object's lines.
pub(super) async fn page(
    admin: &Admin,
    object: Object,
    query: Option<&str>,
) -> Result<Json<Page<HistoryLine>>, Problem> {
    let params = Params::parse(query, &["before", "limit"])?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = limit(&params)?;
    let chain = Chain::of(admin, object).await?;
    blocking(move || lines(chain, before, limit)).await.map(Json)
}

/// A page of the chain's lines, those before `before`.
fn lines(mut chain: Chain, before: u64, limit: usize) -> Result<Page<HistoryLine>, JournalError> {
    let mut items: Vec<HistoryLine> = Vec::new();
    let mut more = false;
    while let Some((transaction, index)) = chain.step()? {
        if transaction.seq >= before {
            continue;
        }
        let (hash, image) = chain.written(transaction.seq, index)?;
        if let Some(later) = items.last_mut() {
            later.before.clone_from(&image);
        }
        if chain.object.is_part() {
            // The line changed the unit, and this part of it not.
            items.pop_if(|later| later.after == image);
        }
        if items.len() == limit {
            more = true;
            break;
        }
        items.push(HistoryLine::new(&transaction, hash, image));
    }
    if chain.object.is_part() && !more {
        // Nor did those that came before there was such a part.
        while items.pop_if(|first| first.after.is_null() && first.before.is_null()).is_some() {}
    }
    let next = items.last().filter(|_| more).map(|line| line.seq.to_string());
    Ok(Page { items, next })
}

/// The image of a name, and of its holder, at a time; none if it was not registered then.
pub(super) async fn name_at(admin: &Admin, key: &NameKey, when: When) -> Result<Option<(Unit, Registration)>, Problem> {
    let seq = seq_at(admin, when).await?;
    let Some(name) = image_at(admin, Object::Name(key.clone()), seq).await? else { return Ok(None) };
    let Event::Name(name) = name else { return Ok(None) };
    let holder = image_at(admin, Object::Unit(name.unit.clone()), seq).await?;
    let Some(Event::Unit(unit)) = holder else {
        return Err(Problem::internal(format!("{key} had the holder {}, who was not there at {seq}", name.unit)));
    };
    Ok(Some((unit, name)))
}

/// What was said with the last line about the object that was written by this operation; none if there is no such line.
pub(super) async fn note_of(admin: &Admin, object: Object, operation: &'static str) -> Result<Option<String>, Problem> {
    let mut chain = Chain::of(admin, object).await?;
    blocking(move || {
        while let Some((transaction, _)) = chain.step()? {
            if *transaction.request.operation == *operation {
                return Ok(transaction.request.note.map(Into::into));
            }
        }
        Ok(None)
    })
    .await
}

/// The unit whose site the review is of: that of the line which opened it, and gave it its id.
pub(super) async fn unit_of_review(admin: &Admin, id: SiteReviewId) -> Result<Option<UnitId>, Problem> {
    let journal = admin.journal.clone();
    let opened = blocking(move || journal.transaction(id.0)).await?;
    let units = opened.into_iter().flat_map(|transaction| transaction.events).filter_map(|event| match event {
        Event::Unit(unit) => Some(unit),
        _ => None,
    });
    let of_review = |unit: &Unit| unit.site_review.as_ref().is_some_and(|review| review.id == id);
    Ok({ units }.find(of_review).map(|unit| unit.id))
}

/// The image of a unit at a time; none if it was not there then.
pub(super) async fn unit_at(admin: &Admin, id: &UnitId, when: When) -> Result<Option<Unit>, Problem> {
    let seq = seq_at(admin, when).await?;
    let image = image_at(admin, Object::Unit(id.clone()), seq).await?;
    Ok(image.and_then(|event| if let Event::Unit(unit) = event { Some(unit) } else { None }))
}

/// The parameter `at`: a sequence number, a date (its end), or a time. It has to have come: what is so today may not be so then.
pub(super) fn when(admin: &Admin, params: &Params) -> Result<Option<When>, Problem> {
    let expected = ("a sequence number of the journal, a date or a time", "日志序号、日期或时间");
    let when = params.read("at", expected, |text| {
        let seq =
            || text.bytes().all(|octet| octet.is_ascii_digit()).then(|| text.parse().ok().map(When::Seq)).flatten();
        seq().or_else(|| time(text, DayEdge::End).map(When::Time))
    })?;
    // A day has come once it has begun.
    let begin = params.get("at").filter(|_| matches!(when, Some(When::Time(_)))).and_then(|t| time(t, DayEdge::Start));
    let now = admin.clock.now();
    if begin.is_some_and(|begin| begin > now) {
        let en =
            format!("It is {now}; what will be later is not known. Give a time that has come, or see /v1/simulate.");
        let zh = format!("现在是 {now}，之后的情况尚不可知。请填写已到来的时间，或使用 /v1/simulate 推演。");
        return Err(invalid("at", en, zh));
    }
    Ok(when)
}

/// The last transaction at that time.
async fn seq_at(admin: &Admin, when: When) -> Result<u64, Problem> {
    let last = admin.journal.last();
    let time = match when {
        When::Seq(seq) if seq > last => {
            let en = format!("The journal ends at {last}; what comes after it is not known. Give a number up to that.");
            let zh = format!("日志目前止于第 {last} 号，其后的情况尚不可知，请填写不大于 {last} 的序号。");
            return Err(invalid("at", en, zh));
        }
        When::Seq(seq) => return Ok(seq),
        When::Time(time) => time,
    };
    let journal = admin.journal.clone();
    // Times never go back, so that halving finds it.
    blocking(move || {
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let after = journal.transaction(middle)?.is_none_or(|transaction| transaction.at > time);
            if after { high = middle - 1 } else { low = middle }
        }
        Ok(low)
    })
    .await
}

/// The event that left the object as it was after transaction `seq`; none if it was not there.
async fn image_at(admin: &Admin, object: Object, seq: u64) -> Result<Option<Event>, Problem> {
    let mut chain = match Chain::of(admin, object).await {
        Ok(chain) => chain,
        Err(problem) if problem.code.status() == StatusCode::NOT_FOUND => return Ok(None),
        Err(problem) => return Err(problem),
    };
    blocking(move || {
        while let Some((mut transaction, index)) = chain.step()? {
            if transaction.seq <= seq {
                let event = transaction.events.swap_remove(index);
                return Ok((!matches!(event, Event::NameRemoved { .. })).then_some(event));
            }
        }
        Ok(None)
    })
    .await
}

/// Reads the journal, which may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(read).await.map_err(Problem::internal)?.map_err(Problem::internal)
}

/// An object's lines, from the newest on.
struct Chain {
    journal: JournalReader,
    object: Object,
    /// The lines that ended it, the first one first.
    removals: Vec<u64>,
    next: Option<u64>,
    steps: usize,
}

impl Chain {
    /// The object's lines; it must be there, or have been.
    async fn of(admin: &Admin, object: Object) -> Result<Self, Problem> {
        let wanted = object.clone();
        let (newest, removals) = admin
            .read(move |store| {
                Ok(match &wanted {
                    Object::Unit(id) | Object::SiteReview(id, _) => {
                        (store.unit(id)?.map(|unit| unit.version), Vec::new())
                    }
                    Object::Name(key) => (store.name(key)?.map(|name| name.version), store.removals(key)?),
                    Object::Change(id) => (store.change(*id)?.map(|change| change.version), Vec::new()),
                    Object::Application(id) => (store.application(*id)?.map(|filed| filed.version), Vec::new()),
                    Object::Order(id) => (store.order(*id)?.map(|order| order.version), Vec::new()),
                    Object::Remittance(id) => (store.remittance(*id)?.map(|sent| sent.version), Vec::new()),
                })
            })
            .await?;
        let next = newest.or(removals.last().copied()).ok_or_else(|| object.not_found())?;
        Ok(Self { journal: admin.journal.clone(), object, removals, next: Some(next), steps: 0 })
    }

    /// The next older transaction, and which of its events is the object's.
    fn step(&mut self) -> Result<Option<(Transaction, usize)>, JournalError> {
        let Some(seq) = self.next.take() else { return Ok(None) };
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Ok(None);
        }
        let Some(transaction) = self.journal.transaction(seq)? else { return Ok(None) };
        // The last event is what the transaction left.
        let Some(index) = transaction.events.iter().rposition(|event| self.object.is_of(event)) else {
            tracing::error!(seq, object = ?self.object, "the journal's line does not have the object it should");
            return Ok(None);
        };
        let first = transaction.events.iter().position(|event| self.object.is_of(event)).unwrap_or(index);
        let replaced = transaction.before.get(first).copied().filter(|replaced| *replaced > 0);
        let removed = || self.removals.iter().rev().copied().find(|removal| *removal < seq);
        self.next = replaced.or_else(removed);
        Ok(Some((transaction, index)))
    }

    /// The line's hash, and the event's image as it is written; null for a removal.
    fn written(&self, seq: u64, index: usize) -> Result<(String, Value), JournalError> {
        let lines = self.journal.lines_after(seq - 1, 1)?;
        let mut line: Value = lines.first().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let mut image = image(line["events"][index].take());
        if let Object::SiteReview(_, id) = &self.object {
            image = image.get_mut("site_review").map(Value::take).unwrap_or_default();
            if image["id"].as_str() != Some(&*id.to_string()) {
                image = Value::Null;
            }
        }
        Ok((line["hash"].as_str().unwrap_or_default().to_owned(), image))
    }
}

/// The object in the journal's form of an event; null if the event took it away.
pub(super) fn image(event: Value) -> Value {
    match event {
        Value::Object(members) => members.into_iter().next().filter(|(kind, _)| !is_end(kind)).map(|(_, image)| image),
        _ => None,
    }
    .unwrap_or_default()
}

/// Whether an event of this kind takes its object away.
pub(super) fn is_end(kind: &str) -> bool {
    kind.ends_with("_removed") || kind.ends_with("_ended")
}

impl Object {
    /// Whether the event is the object's.
    fn is_of(&self, event: &Event) -> bool {
        match (self, event) {
            (Self::Unit(id) | Self::SiteReview(id, _), Event::Unit(unit)) => unit.id == *id,
            (Self::Name(key), Event::Name(name)) => name.key == *key,
            (Self::Name(key), Event::NameRemoved { key: removed, .. }) => removed == key,
            (Self::Change(id), Event::Change(change)) => change.id == *id,
            (Self::Application(id), Event::Application(application)) => application.id == *id,
            (Self::Order(id), Event::Order(order)) => order.id == *id,
            (Self::Remittance(id), Event::Remittance(remittance)) => remittance.id == *id,
            _ => false,
        }
    }

    /// Whether it is a part of a larger object, whose lines it shares.
    fn is_part(&self) -> bool {
        matches!(self, Self::SiteReview(..))
    }

    /// That no review of a site with this id was opened here.
    pub(super) fn no_site_review() -> Problem {
        Problem::registry(
            Code::SiteReviewNotFound,
            "No review of a site with this id was opened here; its id is s and a number. One that was imported is in the history of its unit.",
            "本注册局没有发起过该编号的网站复核，请核对编号（s 加数字）；导入的复核见其单位的历史。",
        )
    }

    /// That there never was such an object.
    pub(super) fn not_found(&self) -> Problem {
        match self {
            Self::Unit(id) => Problem::registry(
                Code::UnitNotFound,
                format!("There is no unit {id}, and there never was; check the id."),
                format!("从未有过编号为 {id} 的单位，请核对编号。"),
            ),
            Self::Name(key) => {
                let name = key.to_unicode();
                Problem::registry(
                    Code::NameNotFound,
                    format!("{name} was never registered; check the spelling."),
                    format!("{name} 从未注册，请核对写法。"),
                )
            }
            Self::SiteReview(..) => Self::no_site_review(),
            Self::Change(_) => Problem::registry(
                Code::ChangeNotFound,
                "There is no such change; its id is c and a number.",
                "没有该变更，请核对编号（c 加数字）。",
            ),
            Self::Application(_) => Problem::registry(
                Code::ApplicationNotFound,
                "There is no such application; its id is a and a number.",
                "没有该申请，请核对编号（a 加数字）。",
            ),
            Self::Order(_) => Problem::registry(
                Code::OrderNotFound,
                "There is no such order; its id is o and a number.",
                "没有该订单，请核对编号（o 加数字）。",
            ),
            Self::Remittance(_) => Problem::registry(
                Code::RemittanceNotFound,
                "There is no such remittance; its id is r and a number.",
                "没有该汇款批次，请核对编号（r 加数字）。",
            ),
        }
    }
}
