//! Errors of the API: RFC 9457 problem documents, and the one place where codes are given HTTP statuses.

use crate::registry::{Code, Refusal, Unavailable};
use crate::update::UpdateError;
use crate::zonefile;
use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// After how many seconds a client that was told 503 should try again: the queue drains in far less.
const RETRY_AFTER_SECS: &str = "1";

/// What is wrong, as a client tells it apart: a rule of the registry, or one of the API itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// A rule of the registry.
    Registry(Code),
    /// A rule of the API.
    Edge(Edge),
}

/// What the API itself refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// No token, or none that is known.
    Unauthorized,
    /// The body is no JSON.
    MalformedJson,
    /// A member has a value of the wrong type.
    WrongType,
    /// A member is not known here.
    UnknownField,
    /// A member is missing.
    MissingField,
    /// The body, or a line of it, is too long.
    BodyTooLarge,
    /// The body is not of the type this endpoint takes.
    UnsupportedMediaType,
    /// No such endpoint.
    NotFound,
    /// The endpoint does not know this method.
    MethodNotAllowed,
    /// A parameter of path or query is not acceptable.
    InvalidParameter,
    /// The idempotency key is not 1 to 128 visible ASCII characters.
    IdempotencyKeyInvalid,
    /// The idempotency key was used with another request.
    IdempotencyKeyReused,
    /// If-Match is not one quoted version.
    IfMatchInvalid,
    /// Too many writes are waiting.
    Busy,
    /// No zone of this name is configured.
    ZoneUnknown,
    /// A zone file has errors.
    ZoneFileInvalid,
    /// A line of CSV, or its heading, is not as it should be.
    MalformedCsv,
    /// Lines of a list are bad.
    ListInvalid,
    /// Nothing can be written now.
    Unwritable,
    /// The code of the second factor confirms nothing.
    SecondFactorInvalid,
    /// The token or the address asks too often, or fails too often.
    TooManyRequests,
    /// Something that should not happen.
    Internal,
}

/// A problem document on its way out.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The stable code.
    pub code: ErrorCode,
    /// The sentence in English.
    pub en: String,
    /// The sentence in Chinese.
    pub zh: String,
    /// The member, parameter or header it is about.
    pub field: Option<String>,
    /// The line of the import it is about.
    pub line: Option<usize>,
    /// What is wrong in detail, where there is more than one thing.
    pub faults: Faults,
    /// After how many seconds it is worth trying again, if that is known.
    pub retry_after: Option<u16>,
}

/// What there was too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// Requests from one address, or tokens from there that were refused.
    FromAddress,
    /// Requests with one token.
    OfToken,
    /// Wrong codes of one token's second factor.
    WrongCodes,
}

impl TooMany {
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::FromAddress => (
                "Too many requests came from this address, or too many with tokens that are refused.",
                "来自该地址的请求过于频繁，或令牌被拒绝的次数过多。",
            ),
            Self::OfToken => ("Too many requests came with this token.", "使用该令牌的请求过于频繁。"),
            Self::WrongCodes => {
                ("Too many wrong codes of the second factor came with this token.", "该令牌的动态口令错误次数过多。")
            }
        }
    }
}

/// Everything that is wrong with files or lists.
#[derive(Clone, Debug, Default)]
pub enum Faults {
    /// The problem is all there is.
    #[default]
    None,
    /// Errors of zone files.
    Files(Box<[FileError]>),
    /// Bad lines of a list.
    Lines(Box<[BadLine]>),
}

/// A bad line of a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct BadLine {
    /// The line's number, from 1 on.
    pub line: usize,
    /// The stable code of what is wrong with it.
    pub code: String,
    /// The member or column it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what to do, in English.
    pub detail: String,
    /// 同一说明的中文。
    pub detail_zh: String,
}

/// One error of a zone file, or a warning.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FileError {
    /// The file.
    pub file: String,
    /// Its line from 1 on; 0: the file as a whole.
    pub line: u32,
    /// The rule that is broken, a stable code.
    pub rule: String,
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong and what to do, in English.
    pub detail: String,
    /// 同一说明的中文。
    pub detail_zh: String,
}

impl From<&zonefile::Problem> for FileError {
    fn from(problem: &zonefile::Problem) -> Self {
        Self {
            file: problem.file.display().to_string(),
            line: problem.line,
            rule: problem.rule.code().to_owned(),
            severity: problem.severity.as_str().to_owned(),
            detail: problem.en.clone(),
            detail_zh: problem.zh.clone(),
        }
    }
}

/// A problem document (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI of the kind of problem: `urn:zhengming:problem:` and the code.
    pub r#type: String,
    /// The kind of problem in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code; programs decide by it.
    pub code: String,
    /// What is wrong and what to do, in English.
    pub detail: String,
    /// 同一说明的中文。
    pub detail_zh: String,
    /// What of the request would have to be another: a member (`slots[0].name`), a parameter or a header; of a decision also
    /// a member of what is decided about. Absent where it is about the request as a whole, or about the object in the path:
    /// that it is not there, not within reach, or how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The line of the import it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// For `zone_file_invalid`: every error of the zone files, at most 100 of each file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FileError>,
    /// For `list_invalid`: the bad lines of the list, the first 1,000 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<BadLine>,
}

impl ErrorCode {
    /// The code as clients see it.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.entry().1).expect("the table has valid statuses")
    }

    /// The one table of codes and statuses.
    fn entry(self) -> (&'static str, u16) {
        match self {
            Self::Registry(code) => (code.as_str(), registry_status(code)),
            Self::Edge(code) => edge_entry(code),
        }
    }
}

fn edge_entry(code: Edge) -> (&'static str, u16) {
    match code {
        Edge::Unauthorized => ("unauthorized", 401),
        Edge::MalformedJson => ("malformed_json", 400),
        Edge::WrongType => ("wrong_type", 400),
        Edge::UnknownField => ("unknown_field", 400),
        Edge::MissingField => ("missing_field", 400),
        Edge::BodyTooLarge => ("body_too_large", 413),
        Edge::UnsupportedMediaType => ("unsupported_media_type", 415),
        Edge::NotFound => ("not_found", 404),
        Edge::MethodNotAllowed => ("method_not_allowed", 405),
        Edge::InvalidParameter => ("invalid_parameter", 400),
        Edge::IdempotencyKeyInvalid => ("idempotency_key_invalid", 400),
        Edge::IdempotencyKeyReused => ("idempotency_key_reused", 422),
        Edge::IfMatchInvalid => ("if_match_invalid", 400),
        Edge::ZoneUnknown => ("zone_unknown", 404),
        Edge::ZoneFileInvalid => ("zone_file_invalid", 422),
        Edge::MalformedCsv => ("malformed_csv", 400),
        Edge::ListInvalid => ("list_invalid", 422),
        Edge::Busy => ("busy", 503),
        Edge::Unwritable => ("unwritable", 503),
        Edge::SecondFactorInvalid => ("second_factor_invalid", 403),
        Edge::TooManyRequests => ("too_many_requests", 429),
        Edge::Internal => ("internal", 500),
    }
}

fn registry_status(code: Code) -> u16 {
    match code {
        Code::SamePrincipal
        | Code::ConsentRequired
        | Code::UnitBlacklisted
        | Code::RegionForeign
        | Code::RoleForbidden
        | Code::SecondFactorRequired => 403,
        Code::UnitNotFound | Code::NameNotFound | Code::ChangeNotFound | Code::HoldNotFound => 404,
        Code::ApplicationNotFound | Code::OrderNotFound | Code::RemittanceNotFound | Code::SiteReviewNotFound => 404,
        Code::MigrationNotFound => 404,
        Code::LabelOccupied
        | Code::VariantInUse
        | Code::VariantOfOwnName
        | Code::NameOfOtherUnit
        | Code::TermByRenewalOnly
        | Code::ChangePending
        | Code::ChangeNotPending
        | Code::LocalReviewFirst
        | Code::ChangeStale
        | Code::NotFrozen
        | Code::DeletionFinal
        | Code::LabelKept
        | Code::MigrationRunning
        | Code::NameRegistered
        | Code::NameClaimed
        | Code::ApplicationNotPending
        | Code::OfficeReviewFirst
        | Code::NotPayable
        | Code::RateMissing
        | Code::OrderNotPending
        | Code::OrderImpossible
        | Code::InvoiceUsed
        | Code::RemittanceNotPending
        | Code::AmountMismatch
        | Code::Brake
        | Code::PenaltyOutOfOrder
        | Code::SiteReviewPending
        | Code::SiteReviewNotPending
        | Code::SiteNameInvalid
        | Code::BrakeNotEngaged => 409,
        Code::VersionStale => 412,
        Code::UnitInvalid
        | Code::LabelInvalid
        | Code::LabelCharacter
        | Code::LabelTooLong
        | Code::DivisionAmbiguous
        | Code::DivisionReserved
        | Code::VariantInvalid
        | Code::LabelReserved
        | Code::SuffixNotAllowed
        | Code::SuffixUnknown
        | Code::TermInvalid
        | Code::KindInvalid
        | Code::Slot1Required
        | Code::Slot2Required
        | Code::SlotTermRequired
        | Code::SlotsTooMany
        | Code::SlotRepeated
        | Code::SlotBundleRepeated
        | Code::PurposeNeedsPath
        | Code::PapersIncomplete
        | Code::ConfirmationRequired
        | Code::TraditionalFormRequired
        | Code::FormByCentralApprovalOnly
        | Code::FilingInvalid
        | Code::InvoiceRequired
        | Code::InvoiceInvalid
        | Code::VoucherInvalid
        | Code::AmountInvalid
        | Code::BatchEmpty
        | Code::ItemRepeated
        | Code::AddressInvalid
        | Code::TargetInvalid
        | Code::TargetLoop
        | Code::RedirectCodeInvalid
        | Code::TtlInvalid
        | Code::ServerInvalid
        | Code::DsInvalid
        | Code::ApprovalsIncomplete
        | Code::ReasonRequired
        | Code::HoldByClockOnly
        | Code::HoldInvalid
        | Code::PenaltyInvalid
        | Code::SiteDeadlineInvalid
        | Code::MigrationInvalid
        | Code::ContactChangeInvalid
        | Code::BatchTooLarge => 422,
        Code::Unavailable => 503,
    }
}

impl Problem {
    /// A problem of the API itself.
    pub fn edge(code: Edge, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::Edge(code),
            en: en.into(),
            zh: zh.into(),
            field: None,
            line: None,
            faults: Faults::None,
            retry_after: None,
        }
    }

    /// A rule of the registry that the API can check itself.
    pub fn registry(code: Code, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::Registry(code),
            en: en.into(),
            zh: zh.into(),
            field: None,
            line: None,
            faults: Faults::None,
            retry_after: None,
        }
    }

    /// The same problem, about this member, parameter or header.
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Too many of these came; `wait` seconds from now there may be more.
    pub fn too_many(of: TooMany, wait: u16) -> Self {
        let (en, zh) = of.texts();
        let problem = Self::edge(
            Edge::TooManyRequests,
            format!("{en} Wait {wait} s (Retry-After), then send it again."),
            format!("{zh}请等待 {wait} 秒（见 Retry-After）后重试。"),
        );
        Self { retry_after: Some(wait), ..problem }
    }

    /// The same problem, in this line of the import.
    pub fn line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    /// A failure of the server that the client can do nothing about; the cause goes to the log, not to the client.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::edge(
            Edge::Internal,
            "The server failed to answer this request; its log says why. Nothing is known to have changed; tell its operators.",
            "服务器处理该请求时出错，原因见服务器日志；未确认有任何更改，请联系管理员。",
        )
    }

    /// The problem as one of several in a list.
    pub fn bad_line(&self) -> BadLine {
        BadLine {
            line: self.line.unwrap_or(0),
            code: self.code.as_str().into(),
            field: self.field.clone(),
            detail: self.en.clone(),
            detail_zh: self.zh.clone(),
        }
    }

    /// The document as it is sent.
    pub fn body(&self) -> ProblemBody {
        let code = self.code.as_str();
        let mut title = code.replace('_', " ");
        title[..1].make_ascii_uppercase();
        let (errors, lines) = match &self.faults {
            Faults::None => (Vec::new(), Vec::new()),
            Faults::Files(errors) => (errors.to_vec(), Vec::new()),
            Faults::Lines(lines) => (Vec::new(), lines.to_vec()),
        };
        ProblemBody {
            r#type: format!("urn:zhengming:problem:{code}"),
            title,
            status: self.code.status().as_u16(),
            code: code.into(),
            detail: self.en.clone(),
            detail_zh: self.zh.clone(),
            field: self.field.clone(),
            line: self.line,
            errors,
            lines,
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: ErrorCode::Registry(refusal.code),
            en: refusal.en.into(),
            zh: refusal.zh.into(),
            field: refusal.field.map(Into::into),
            line: refusal.line,
            faults: Faults::None,
            retry_after: None,
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::error!(%error, "the state cannot be read");
        Refusal::from(error).into()
    }
}

impl From<UpdateError> for Problem {
    fn from(error: UpdateError) -> Self {
        match error {
            // Only an import is refused for several reasons; it reports each itself.
            UpdateError::Refused(refusals) => refusals.first().clone().into(),
            UpdateError::KeyReused => Self::edge(
                Edge::IdempotencyKeyReused,
                "This idempotency key was used with another request; use a new key for a new request.",
                "该幂等键已用于另一请求；新请求请使用新的幂等键。",
            )
            .field("Idempotency-Key"),
            UpdateError::Busy => Self::edge(
                Edge::Busy,
                "Too many writes are waiting; try again shortly.",
                "等待处理的写入过多，请稍后再试。",
            ),
            UpdateError::Unwritable(why) => Self::edge(
                Edge::Unwritable,
                format!("Changes cannot be accepted now ({why}); what is published stays as it is. Try again later."),
                format!("暂时无法接受变更（{why}）；已发布的内容保持不变，请稍后再试。"),
            ),
        }
    }
}

/// The media type of problem documents.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        let extra: Option<(HeaderName, &'static str)> = match status {
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer realm=\"zhengming\"")),
            StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, RETRY_AFTER_SECS)),
            _ => None,
        };
        if let Some((name, value)) = extra {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(secs) = self.retry_after {
            headers.insert(header::RETRY_AFTER, secs.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_all_it_knows() {
        let problem = Problem::registry(Code::AddressInvalid, "No.", "不行。").field("addresses[0]").line(7);
        let body = serde_json::to_value(problem.body()).unwrap();
        let expected = serde_json::json!({
            "type": "urn:zhengming:problem:address_invalid", "title": "Address invalid", "status": 422,
            "code": "address_invalid", "detail": "No.", "detail_zh": "不行。", "field": "addresses[0]", "line": 7,
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn statuses_bring_their_headers() {
        let response = Problem::from(UpdateError::Busy).into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let response = Problem::edge(Edge::Unauthorized, "", "").into_response();
        assert!(response.headers().contains_key("www-authenticate"));
    }
}
