//! The life of terms: requests to unfreeze, announced moves, and what the clock will do by a date.

use super::Admin;
use super::auth::Caller;
use super::params::{At, DATE_OR_TIME, Params, cursor, invalid};
use super::problem::Problem;
use super::v1::simulation::{self, Simulation};
use super::v1::{DayEdge, Migration, Receipt, name_key, time, time_at};
use super::write::Write;
use crate::registry::{Code, Command, DueKind, NameKey, State as _, TermEnd, Timestamp, UnitId};
use crate::update::simulate::{self, Place, Settings};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use std::sync::Arc;

/// Longest time that a simulation looks ahead, in years: by then every term of today has ended.
const AHEAD_YEARS_MAX: u32 = 15;
/// Most objects of one answer; the next begins where it ended.
const OBJECTS_MAX: usize = 100_000;
/// Events that are listed if the client does not say.
const EVENTS_DEFAULT: u64 = 100;
/// Most events that are listed one by one.
const EVENTS_MAX: u64 = 10_000;

/// Asks to restore a name once its renewal is paid (解冻申请); if it is renewed already, it resolves again at once.
#[utoipa::path(
    post, path = "/v1/names/{name}/unfreeze", tag = "names",
    params(("name" = String, Path, description = "the name in U- or A-labels, percent-encoded; 。 is taken for a dot")),
    responses((status = 200, description = "Noted, or restored", body = Receipt)),
)]
pub(super) async fn unfreeze(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    write.empty()?;
    let target = key.to_string();
    write.submit(&admin, "name.unfreeze", target, None, Command::Unfreeze { key }).await
}

/// Notes since when the home page tells of the move to another name: three months later the old name can be deleted.
#[utoipa::path(
    put, path = "/v1/names/{name}/migration", tag = "names",
    params(("name" = String, Path, description = "the old name in U- or A-labels, percent-encoded")),
    request_body = Migration,
    responses((status = 200, description = "Noted", body = Receipt)),
)]
pub(super) async fn put_migration(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    let notice = time_at(Code::MigrationInvalid, "notice", &write.json::<Migration>()?.notice, DayEdge::Start)?;
    let (target, note) = (key.to_string(), format!("notice {notice}"));
    write.submit(&admin, "name.migrate", target, Some(note), Command::Migrate { key, notice: Some(notice) }).await
}

/// Takes the announced move back.
#[utoipa::path(
    delete, path = "/v1/names/{name}/migration", tag = "names",
    params(("name" = String, Path, description = "the old name in U- or A-labels, percent-encoded")),
    responses((status = 200, description = "Taken back", body = Receipt)),
)]
pub(super) async fn delete_migration(
    State(admin): State<Admin>,
    At(name): At<String>,
    write: Write,
) -> Result<Response, Problem> {
    let key = name_key(&name, &admin.policy.get(), "name")?;
    write.empty()?;
    let target = key.to_string();
    write.submit(&admin, "name.migrate", target, None, Command::Migrate { key, notice: None }).await
}

/// What the clock will do by a date if nobody does anything: notices, ends of terms and of holds, deletions. It changes
/// nothing, and changes are taken meanwhile.
#[utoipa::path(
    get, path = "/v1/simulate", tag = "names",
    params(("at" = String, Query, description = "a date or time, at most 15 years ahead; a date means the end of that day"),
           ("cursor" = Option<String>, Query, description = "`next` of the answer before"),
           ("limit" = Option<u32>, Query, description = "most events listed one by one, 0 to 10000; 100 if absent; all are counted")),
    responses((status = 200, description = "What will happen, of at most 100,000 objects", body = Simulation)),
)]
pub(super) async fn foretell(
    State(admin): State<Admin>,
    _caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Simulation>, Problem> {
    let params = Params::parse(query.as_deref(), &["at", "cursor", "limit"])?;
    let policy = admin.policy.get();
    let until = params.read("at", DATE_OR_TIME, |text| time(text, DayEdge::End))?;
    let until = until.ok_or_else(|| {
        invalid("at", "Say by when: at=2027-12-31.", "请用参数 at 指定截止日期，例如 at=2027-12-31。")
    })?;
    let limit = params.number("limit", 0..=EVENTS_MAX)?.unwrap_or(EVENTS_DEFAULT);
    let place = cursor(&params)?.map(|text| place(&text).ok_or_else(bad_cursor)).transpose()?;
    let from = admin.clock.now();
    if until < from || until > from.add_years(AHEAD_YEARS_MAX) {
        let en = format!("The date has to lie ahead, and no more than {AHEAD_YEARS_MAX} years; correct it.");
        return Err(invalid("at", en, format!("参数 at 须在现在之后、{AHEAD_YEARS_MAX} 年之内，请更正日期。")));
    }
    let (seq, noticed, totals) = admin
        .read({
            let policy = Arc::clone(&policy);
            move |store| {
                let sets = policy.sets.iter().filter_map(|set| set.suffixes.first());
                let totals = sets.map(|set| Ok((set.clone(), store.totals(set)?.names)));
                Ok((store.position().seq, store.noticed()?, totals.collect::<Result<_, _>>()?))
            }
        })
        .await?;
    let settings = Arc::new(Settings { policy: (*policy).clone(), noticed, from, until });
    let mut tally = simulation::Tally::new(&settings, totals, usize::try_from(limit).expect("the limit is small"));
    let mut place = place.unwrap_or_else(Place::first);
    let mut objects = 0;
    let next = loop {
        let (at, reading) = (place.clone(), Arc::clone(&settings));
        let (subjects, next) = admin.read(move |store| simulate::read(store, &reading, &at)).await?;
        objects += subjects.len();
        let living = Arc::clone(&settings);
        // Decided on a thread that may be busy: the writer's must not be, nor those of HTTP.
        let lived = tokio::task::spawn_blocking(move || {
            subjects.iter().map(|subject| simulate::live(&living, subject)).collect::<Result<Vec<_>, _>>()
        });
        let lived = lived.await.map_err(Problem::internal)?.map_err(Problem::internal)?;
        lived.into_iter().flatten().for_each(|foreseen| tally.add(foreseen));
        match next {
            Some(next) if objects < OBJECTS_MAX => place = next,
            next => break next,
        }
    };
    Ok(Json(tally.finish(seq, objects, next.as_ref().map(cursor_of))))
}

fn bad_cursor() -> Problem {
    invalid(
        "cursor",
        "The value is no cursor of a simulation; give `next` of the answer before, or begin anew without one.",
        "参数 cursor 不是模拟结果的游标，请原样填写前一次结果的 next，或不填 cursor 从头开始。",
    )
}

/// A cursor: the place in words, so that it survives whatever becomes of the store meanwhile.
fn cursor_of(place: &Place) -> String {
    match place {
        Place::Ends(end) => format!("e{}/{}", end.at.0, end.key.as_ref().map(NameKey::to_string).unwrap_or_default()),
        Place::Edges(None) => "d".into(),
        Place::Edges(Some(due)) => {
            let (kind, object) = match &due.kind {
                DueKind::UnitHold(id) => ('u', id.to_string()),
                DueKind::NameHold(key) => ('h', key.to_string()),
                DueKind::Expiry(key) => ('x', key.to_string()),
                DueKind::Leaving(key) => ('l', key.to_string()),
                DueKind::Reservation(key) => ('r', key.to_string()),
            };
            format!("{kind}{}/{object}", due.at.0)
        }
    }
}

fn place(text: &str) -> Option<Place> {
    if text == "d" {
        return Some(Place::Edges(None));
    }
    let kind = text.chars().next().filter(char::is_ascii)?;
    let (at, object) = text[1..].split_once('/')?;
    let at = Timestamp(at.parse().ok()?);
    let key = || NameKey::from_canonical(object);
    let kind = match kind {
        'e' if object.is_empty() => return Some(Place::Ends(TermEnd { at, key: None })),
        'e' => return Some(Place::Ends(TermEnd { at, key: Some(key()?) })),
        'u' => DueKind::UnitHold(UnitId::parse(object)?),
        'h' => DueKind::NameHold(key()?),
        'x' => DueKind::Expiry(key()?),
        'l' => DueKind::Leaving(key()?),
        'r' => DueKind::Reservation(key()?),
        _ => return None,
    };
    Some(Place::Edges(Some(crate::registry::Due { at, kind })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_written() {
        let key = NameKey::from_canonical("xn--dgt32shz8a.xn--zfr164b").expect("a name");
        let due = |kind| Place::Edges(Some(crate::registry::Due { at: Timestamp(-7), kind }));
        for place_of in [
            Place::first(),
            Place::Ends(TermEnd { at: Timestamp(9), key: Some(key.clone()) }),
            Place::Edges(None),
            due(DueKind::UnitHold(UnitId::parse("u-1").expect("an id"))),
            due(DueKind::NameHold(key.clone())),
            due(DueKind::Leaving(key.clone())),
            due(DueKind::Reservation(key)),
        ] {
            assert_eq!(place(&cursor_of(&place_of)), Some(place_of));
        }
        for text in ["", "e", "e1", "x1/", "z1/u", "政/", "e1/甲"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
