//! What a refusal names: the member, parameter or header that would have to be another; nothing where it is about the request as
//! a whole, or about the object in the path.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The fields that came with each code.
pub type Fields = BTreeMap<String, BTreeSet<String>>;

/// Codes that are never about a part of the request: it cannot be done as a whole, by this caller, now, or to the object in its
/// path.
const ABOUT_NO_PART: &[&str] = &[
    "application_not_found",
    "body_too_large",
    "brake_not_engaged",
    "busy",
    "change_not_found",
    "change_not_pending",
    "change_stale",
    "hold_not_found",
    "internal",
    "list_invalid",
    "local_review_first",
    "malformed_json",
    "method_not_allowed",
    "migration_not_found",
    "migration_running",
    "not_found",
    "not_frozen",
    "not_payable",
    "office_review_first",
    "remittance_not_found",
    "remittance_not_pending",
    "role_forbidden",
    "second_factor_required",
    "site_review_not_found",
    "site_review_not_pending",
    "site_review_pending",
    "unauthorized",
    "unavailable",
    "unwritable",
    "version_stale",
    "zone_file_invalid",
];
/// Headers that every write has.
const HEADERS: [&str; 4] = ["Content-Type", "Idempotency-Key", "If-Match", "X-Second-Factor"];

/// That every code that can be about a part of a request names one.
pub fn are_named(fields: &Fields) {
    let has_part =
        |(code, fields): (&String, &BTreeSet<String>)| fields.iter().any(|f| !f.is_empty()).then(|| code.clone());
    let named: BTreeSet<String> = fields.iter().filter_map(has_part).collect();
    let about_none = |code: &&String| ABOUT_NO_PART.contains(&code.as_str());
    let unexpected: Vec<&String> = named.iter().filter(about_none).collect();
    assert!(unexpected.is_empty(), "about no part of a request, and yet they name one: {unexpected:?}");
    let silent: Vec<&String> = fields.keys().filter(|code| !named.contains(*code) && !about_none(code)).collect();
    assert!(silent.is_empty(), "they never say which member they are about: {silent:?}");
}

/// That the operation takes what the field names.
pub fn is_taken(document: &Value, (template, method): (&str, &str), field: &str) {
    let root = field.split(['.', '[']).next().unwrap();
    let operation = &document["paths"][template][method.to_lowercase()];
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let name = schema.as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let members = document["components"]["schemas"][name]["properties"].as_object();
    // A decision is about an object that was handed in before, and says what is wrong with that.
    let decided: &[&str] = match template.rsplit('/').next().unwrap() {
        "decisions" | "submission" => &["unit", "purpose", "slots", "resolution", "name"],
        "recognition" => &["orders"],
        _ => &[],
    };
    let is_taken = parameters.iter().any(|parameter| parameter["name"] == root)
        || members.is_some_and(|members| members.contains_key(root))
        || HEADERS.contains(&root)
        || decided.contains(&root);
    assert!(is_taken, "{method} {template} takes no {field}");
}
