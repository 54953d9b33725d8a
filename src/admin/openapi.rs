//! The OpenAPI 3.1 document: paths and schemas come from the handlers, roles from their table, and errors from here.

mod filings;
mod line_codes;
mod site_reviews;

pub(super) use line_codes::is_of_line;

use super::problem::{Edge, ErrorCode, ProblemBody};
use super::roles::{Endpoint, Reach, Row, TABLE};
use super::router;
use crate::registry::{Code, Role};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemBody)))]
struct Schemas;

/// What the document says of itself.
const DESCRIPTION: &str = "\
Registry control plane of .政务 and .公益. Every write takes `Idempotency-Key` and `?dry_run=true`, and answers \
once it is durable and visible in DNS. Writes of one existing object take `If-Match`; the others refuse it with \
`if_match_invalid`. Errors are problem documents (RFC 9457); programs decide by their `code`. \
Who may do what is in the description of each operation and in `/v1/roles`. `not_found` and `method_not_allowed` can be \
answered for any path.";

/// The document as JSON.
pub fn document() -> String {
    let mut api = router::guarded().into_openapi();
    api.merge(router::open().into_openapi());
    api.merge(Schemas::openapi());
    let mut document = serde_json::to_value(&api).expect("the document is plain data");
    document["info"] = json!({"title": "Zhengming", "version": env!("CARGO_PKG_VERSION"), "description": DESCRIPTION});
    document["components"]["securitySchemes"] = json!({"token": {"type": "http", "scheme": "bearer"}});
    let mut all = vec![ErrorCode::Edge(Edge::NotFound), ErrorCode::Edge(Edge::MethodNotAllowed)];
    for row in TABLE {
        let methods = document["paths"].get_mut(row.path);
        let Some(operation) = methods.and_then(|methods| methods.get_mut(row.method.to_lowercase())) else {
            continue; // the test clock, in a build without it
        };
        let codes = operation_codes(row);
        describe(operation, row, &codes);
        all.extend(codes);
    }
    let mut lines = line_codes::all();
    document["paths"]["/v1/import"]["post"]["responses"]["200"]["x-line-codes"] = texts(&mut lines);
    all.extend(lines);
    for path in ["/v1/holds", "/v1/holds/lifts"] {
        let mut lines = hold_line_codes();
        document["paths"][path]["post"]["responses"]["422"]["x-line-codes"] = texts(&mut lines);
        all.extend(lines);
    }
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = texts(&mut all);
    serde_json::to_string_pretty(&document).expect("the document is plain data")
}

/// What can be wrong with a line of a list of holds.
fn hold_line_codes() -> Vec<ErrorCode> {
    let edge = [Edge::MalformedJson, Edge::MalformedCsv, Edge::WrongType, Edge::UnknownField, Edge::MissingField];
    let edge = edge.into_iter().chain([Edge::BodyTooLarge]).map(ErrorCode::Edge);
    let groups: [&[Code]; 3] = [
        &[Code::UnitInvalid, Code::UnitNotFound, Code::RegionForeign, Code::ItemRepeated],
        &[Code::HoldInvalid, Code::HoldByClockOnly, Code::HoldNotFound],
        NAME,
    ];
    edge.chain(groups.into_iter().flatten().copied().map(ErrorCode::Registry)).collect()
}

/// What one method of a path may answer: all rows of the table that share it.
fn operation_codes(row: &Row) -> Vec<ErrorCode> {
    let same = TABLE.iter().filter(|other| other.method == row.method && other.path == row.path);
    let mut codes: Vec<ErrorCode> = same.flat_map(codes).collect();
    sort(&mut codes);
    codes
}

fn sort(codes: &mut Vec<ErrorCode>) {
    codes.sort_by_key(|code| (code.status(), code.as_str()));
    codes.dedup();
}

fn texts(codes: &mut Vec<ErrorCode>) -> Value {
    codes.sort_by_key(|code| code.as_str());
    codes.dedup();
    codes.iter().map(|code| code.as_str()).collect()
}

fn describe(operation: &mut Value, row: &Row, codes: &[ErrorCode]) {
    operation["security"] = json!([{"token": []}]);
    operation["x-roles"] = roles(row);
    // A reload has its own parameters: it is done again without harm, and on no object with a version.
    if row.method != "GET" && !matches!(row.endpoint, Endpoint::Import | Endpoint::ReloadZones) {
        // Only what has a version can be stale.
        add_parameters(operation, codes.contains(&ErrorCode::Registry(Code::VersionStale)));
    }
    if row.endpoint == Endpoint::Import {
        add_import_parameters(operation);
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_u16()).or_default().push(code.as_str());
    }
    for (status, codes) in by_status {
        operation["responses"][status.to_string()] = json!({
            "description": codes.join(", "),
            "x-codes": codes,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        });
    }
}

/// For each role that may, how far it reaches.
fn roles(row: &Row) -> Value {
    let same = TABLE.iter().filter(|other| other.method == row.method && other.path == row.path);
    let mut roles = Map::new();
    for row in same {
        for (role, reach) in Role::TOKENS.iter().zip(row.reach) {
            if reach != Reach::None {
                roles.insert(role.as_str().into(), reach.as_str().into());
            }
        }
    }
    Value::Object(roles)
}

fn add_parameters(operation: &mut Value, has_version: bool) {
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if parameters.iter().any(|parameter| parameter["name"] == "dry_run") {
        return; // another row of the same operation came before
    }
    parameters.extend([
        second_factor_parameter(),
        dry_run_parameter(),
        json!({"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 128},
               "description": "asked again within seven days, the write is answered as before and not done again"}),
    ]);
    if has_version {
        parameters.push(json!({"name": "If-Match", "in": "header", "schema": {"type": "string"},
            "description": "the `ETag` last seen; refused with 412 if the object has changed since"}));
    }
    operation["parameters"] = Value::Array(parameters);
}

/// What is the same in all writes that a code can confirm.
fn second_factor_parameter() -> Value {
    json!({"name": "X-Second-Factor", "in": "header", "schema": {"type": "string", "pattern": "^[0-9]{6}$"},
           "description": "the current code of the token's authenticator, for what is answered with \
                           `second_factor_required`; each code is good once"})
}

/// An import has its own parameters, but for the code and the dry run.
fn add_import_parameters(operation: &mut Value) {
    let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.push(second_factor_parameter());
    parameters.push(dry_run_parameter());
    operation["parameters"] = Value::Array(parameters);
}

fn dry_run_parameter() -> Value {
    json!({"name": "dry_run", "in": "query", "schema": {"type": "boolean"},
           "description": "answer what would happen, and change nothing"})
}

const READ: &[Edge] = &[Edge::Busy];
const WRITE: &[Edge] = &[
    Edge::MalformedJson,
    Edge::BodyTooLarge,
    Edge::InvalidParameter,
    Edge::IdempotencyKeyInvalid,
    Edge::IdempotencyKeyReused,
    Edge::IfMatchInvalid,
    Edge::Busy,
    Edge::Unwritable,
];
const BODY: &[Edge] = &[Edge::WrongType, Edge::UnknownField, Edge::MissingField, Edge::UnsupportedMediaType];
const LABEL: &[Code] = &[Code::LabelInvalid, Code::LabelCharacter, Code::LabelTooLong, Code::SuffixUnknown];
const NAME: &[Code] =
    &[Code::LabelInvalid, Code::LabelCharacter, Code::LabelTooLong, Code::SuffixUnknown, Code::NameNotFound];
const HOLD: &[Code] = &[Code::HoldInvalid, Code::HoldByClockOnly, Code::SecondFactorRequired, Code::Brake];
const LISTED: &[Edge] = &[Edge::UnsupportedMediaType, Edge::ListInvalid, Edge::Internal];
const LISTED_HOLDS: &[Code] = &[Code::BatchEmpty, Code::BatchTooLarge, Code::SecondFactorRequired, Code::Unavailable];
const GUARDED: &[Code] = &[Code::SecondFactorRequired];
const RESOLUTION: &[Code] = &[
    Code::AddressInvalid,
    Code::TargetInvalid,
    Code::TargetLoop,
    Code::RedirectCodeInvalid,
    Code::TtlInvalid,
    Code::ServerInvalid,
    Code::DsInvalid,
];

/// What one row's endpoint may answer.
fn codes(row: &Row) -> Vec<ErrorCode> {
    let (edge, registry) = rules(row.endpoint);
    let mut codes = vec![ErrorCode::Edge(Edge::Unauthorized), ErrorCode::Edge(Edge::TooManyRequests)];
    if row.method != "GET" {
        codes.push(ErrorCode::Edge(Edge::SecondFactorInvalid));
    }
    codes.extend(edge.iter().flat_map(|group| group.iter().copied()).map(ErrorCode::Edge));
    codes.extend(registry.iter().flat_map(|group| group.iter().copied()).map(ErrorCode::Registry));
    if row.reach.iter().any(|reach| matches!(reach, Reach::None | Reach::Whole)) {
        codes.push(ErrorCode::Registry(Code::RoleForbidden));
    }
    codes
}

type Groups = (&'static [&'static [Edge]], &'static [&'static [Code]]);

fn rules(endpoint: Endpoint) -> Groups {
    use Endpoint as E;
    const LIST: &[&[Edge]] = &[READ, &[Edge::InvalidParameter]];
    const BODIED: &[&[Edge]] = &[WRITE, BODY];
    const HISTORY: &[&[Edge]] = &[READ, &[Edge::InvalidParameter, Edge::Internal]];
    const FOREIGN: &[Code] = &[Code::RegionForeign];
    const STALE: &[Code] = &[Code::VersionStale, Code::Unavailable];
    match endpoint {
        E::ListUnits | E::ListNames | E::GetBrake => (LIST, &[&[Code::Unavailable]]),
        E::GetUnit => (HISTORY, &[&[Code::UnitInvalid, Code::UnitNotFound, Code::Unavailable], FOREIGN]),
        E::ReportContacts => {
            (BODIED, &[&[Code::UnitInvalid, Code::UnitNotFound, Code::ContactChangeInvalid], FOREIGN, STALE])
        }
        E::PutUnit => (BODIED, &[&[Code::UnitInvalid, Code::SuffixNotAllowed], FOREIGN, STALE]),
        E::CheckName => (LIST, &[&[Code::UnitInvalid, Code::UnitNotFound, Code::Unavailable], FOREIGN]),
        E::GetName => (HISTORY, &[NAME, FOREIGN, &[Code::Unavailable]]),
        E::PutName => (
            BODIED,
            &[
                &[Code::NameClaimed, Code::UnitBlacklisted],
                LABEL,
                &[Code::LabelReserved, Code::LabelOccupied, Code::DivisionAmbiguous, Code::DivisionReserved],
                &[Code::VariantInUse, Code::VariantOfOwnName, Code::VariantInvalid],
                &[Code::SuffixNotAllowed, Code::UnitInvalid, Code::UnitNotFound, Code::NameOfOtherUnit],
                &[Code::TermInvalid, Code::TermByRenewalOnly, Code::KindInvalid, Code::LabelKept],
                FOREIGN,
                STALE,
            ],
        ),
        E::DeleteName => (
            &[WRITE],
            &[
                NAME,
                GUARDED,
                &[Code::NameClaimed, Code::MigrationRunning, Code::DeletionFinal, Code::Brake],
                FOREIGN,
                STALE,
            ],
        ),
        E::ChangeHolder => (
            BODIED,
            &[
                NAME,
                &[Code::ConsentRequired, Code::SuffixNotAllowed, Code::UnitInvalid, Code::UnitNotFound],
                &[
                    Code::UnitBlacklisted,
                    Code::DeletionFinal,
                    Code::NameClaimed,
                    Code::SecondFactorRequired,
                    Code::Brake,
                ],
                FOREIGN,
                STALE,
            ],
        ),
        E::RenewName => (BODIED, &[NAME, &[Code::TermInvalid, Code::DeletionFinal, Code::NameClaimed], FOREIGN, STALE]),
        E::UnfreezeName => (&[WRITE], &[NAME, &[Code::NotFrozen, Code::DeletionFinal], FOREIGN, STALE]),
        E::PutMigration => (BODIED, &[NAME, &[Code::MigrationInvalid], FOREIGN, STALE]),
        E::DeleteMigration => (&[WRITE], &[NAME, &[Code::MigrationNotFound], FOREIGN, STALE]),
        E::Simulate => (&[READ, &[Edge::InvalidParameter, Edge::Internal]], &[&[Code::Unavailable]]),
        E::SubmitChange => (BODIED, &[NAME, RESOLUTION, &[Code::ChangePending, Code::DeletionFinal], FOREIGN, STALE]),
        E::SubmitApprovedChange => (
            BODIED,
            &[
                NAME,
                RESOLUTION,
                &[Code::ChangePending, Code::DeletionFinal, Code::ApprovalsIncomplete, Code::SamePrincipal],
                GUARDED,
                FOREIGN,
                STALE,
            ],
        ),
        E::GetChange => (LIST, &[&[Code::ChangeNotFound, Code::Unavailable], FOREIGN]),
        E::ApproveLocally => (
            BODIED,
            &[
                &[Code::ChangeNotFound, Code::ChangeNotPending, Code::ChangeStale, Code::SamePrincipal],
                &[Code::ReasonRequired, Code::TargetLoop, Code::DeletionFinal],
                FOREIGN,
                STALE,
            ],
        ),
        E::ApproveCentrally => (
            BODIED,
            &[
                &[Code::ChangeNotFound, Code::ChangeNotPending, Code::ChangeStale, Code::SamePrincipal],
                &[Code::LocalReviewFirst, Code::ReasonRequired, Code::TargetLoop, Code::DeletionFinal],
                GUARDED,
                FOREIGN,
                STALE,
            ],
        ),
        E::WithdrawChange => (&[WRITE], &[&[Code::ChangeNotFound, Code::ChangeNotPending], FOREIGN, STALE]),
        E::Penalise => (
            BODIED,
            &[
                &[Code::UnitInvalid, Code::UnitNotFound, Code::UnitBlacklisted],
                &[Code::PenaltyInvalid, Code::PenaltyOutOfOrder, Code::SecondFactorRequired, Code::Brake],
                FOREIGN,
                STALE,
            ],
        ),
        E::PlaceUnitHold => (BODIED, &[HOLD, &[Code::UnitInvalid, Code::UnitNotFound], FOREIGN, STALE]),
        E::LiftUnitHold => (
            &[WRITE],
            &[
                &[Code::HoldByClockOnly, Code::HoldNotFound, Code::UnitInvalid, Code::UnitNotFound],
                GUARDED,
                FOREIGN,
                STALE,
            ],
        ),
        E::PlaceNameHold => (BODIED, &[HOLD, NAME, FOREIGN, STALE]),
        E::LiftNameHold => (&[WRITE], &[&[Code::HoldByClockOnly, Code::HoldNotFound], GUARDED, NAME, FOREIGN, STALE]),
        E::PlaceHolds => (&[WRITE, LISTED], &[LISTED_HOLDS, &[Code::Brake]]),
        E::LiftHolds => (&[WRITE, LISTED], &[LISTED_HOLDS]),
        E::ExportHolds | E::Blacklist => (LIST, &[&[Code::Unavailable], FOREIGN]),
        E::Import => (
            &[&[
                Edge::UnsupportedMediaType,
                Edge::InvalidParameter,
                Edge::IdempotencyKeyInvalid,
                Edge::IfMatchInvalid,
                Edge::Busy,
                Edge::Unwritable,
            ]],
            &[&[Code::Unavailable]],
        ),
        E::Export => (LIST, &[&[Code::Unavailable]]),
        E::UnitHistory => (HISTORY, &[&[Code::UnitInvalid, Code::UnitNotFound, Code::Unavailable]]),
        E::NameHistory => (HISTORY, &[NAME, &[Code::Unavailable]]),
        E::ChangeHistory => (HISTORY, &[&[Code::ChangeNotFound, Code::Unavailable]]),
        E::ApplicationHistory => (HISTORY, &[&[Code::ApplicationNotFound, Code::Unavailable]]),
        E::OrderHistory => (HISTORY, &[&[Code::OrderNotFound, Code::Unavailable]]),
        E::RemittanceHistory => (HISTORY, &[&[Code::RemittanceNotFound, Code::Unavailable]]),
        E::SiteReviewHistory => (HISTORY, &[&[Code::SiteReviewNotFound, Code::Unavailable]]),
        E::Diff => (&[&[Edge::InvalidParameter, Edge::Internal]], &[]),
        E::Coverage => (LIST, &[&[Code::Unavailable]]),
        E::ExportZone => (&[&[Edge::InvalidParameter, Edge::ZoneUnknown]], &[]),
        E::ListTokens => (&[&[Edge::InvalidParameter]], &[]),
        E::ReadJournal => (&[&[Edge::InvalidParameter, Edge::Internal]], &[]),
        E::ReleaseBrake => {
            (BODIED, &[&[Code::BrakeNotEngaged, Code::ReasonRequired, Code::SecondFactorRequired, Code::Unavailable]])
        }
        E::ReloadZones => (
            &[
                &[Edge::MalformedJson, Edge::BodyTooLarge, Edge::InvalidParameter, Edge::ZoneUnknown],
                &[
                    Edge::ZoneFileInvalid,
                    Edge::IdempotencyKeyInvalid,
                    Edge::IfMatchInvalid,
                    Edge::Busy,
                    Edge::Unwritable,
                ],
                BODY,
            ],
            &[],
        ),
        E::MoveTestClock => (&[&[Edge::MalformedJson, Edge::InvalidParameter], BODY], &[]),
        other => site_reviews::rules(other).unwrap_or_else(|| filings::rules(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Map<String, Value> {
        let document: Value = serde_json::from_str(&document()).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        document["paths"].as_object().unwrap().clone()
    }

    #[test]
    fn the_table_of_roles_and_the_routes_are_the_same_set() {
        let paths = paths();
        let open = ["/healthz", "/readyz", "/metrics"];
        for (path, methods) in &paths {
            for method in methods.as_object().unwrap().keys() {
                let in_table = TABLE.iter().any(|row| row.path == path && row.method.to_lowercase() == *method);
                assert_eq!(in_table, !open.contains(&path.as_str()), "{method} {path}");
            }
        }
        for row in TABLE.iter().filter(|row| cfg!(feature = "test-clock") || row.endpoint != Endpoint::MoveTestClock) {
            let operation = &paths[row.path][row.method.to_lowercase()];
            assert!(operation["responses"]["401"]["x-codes"].is_array(), "{} {}", row.method, row.path);
        }
    }

    #[test]
    fn references_lead_somewhere() {
        let text = document();
        let document: Value = serde_json::from_str(&text).unwrap();
        let mut references = 0;
        for part in text.split("\"#/").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(&format!("/{pointer}")).is_some(), "{pointer}");
            references += 1;
        }
        assert!(references > 50);
    }
}
