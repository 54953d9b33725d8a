//! What all writes have in common: body, idempotency key, dry run, If-Match, receipt, and the line in the log.

use super::auth::Caller;
use super::params::Params;
use super::problem::{Edge, Problem};
use super::{Admin, BODY_LEN_MAX, LIST_LEN_MAX, json, v1};
use crate::registry::{Command, Request as Asked};
use crate::update::{Receipt, Submission, UpdateError};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The header that makes a write idempotent.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the receipt is that of an earlier request with the same key.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest idempotency key in octets; a UUID has 36.
const IDEMPOTENCY_KEY_LEN_MAX: usize = 128;

/// One write as it was asked for.
pub(super) struct Write {
    /// Who asks.
    pub(super) caller: Caller,
    body: Bytes,
    media_type: MediaType,
    key: Option<(Box<str>, [u8; 32])>,
    if_match: Option<u64>,
    dry_run: bool,
}

impl FromRequest<Admin> for Write {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        Self::read(request, admin, BODY_LEN_MAX, too_large).await
    }
}

/// A write whose body is a list, which may be longer.
pub(super) struct ListWrite(pub(super) Write);

impl FromRequest<Admin> for ListWrite {
    type Rejection = Problem;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, Problem> {
        Write::read(request, admin, LIST_LEN_MAX, list_too_large).await.map(Self)
    }
}

impl Write {
    async fn read(
        request: Request,
        admin: &Admin,
        len_max: usize,
        too_large: fn(usize) -> Problem,
    ) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, admin).await?;
        let dry_run = Params::parse(parts.uri.query(), &["dry_run"])?.flag("dry_run")?;
        let key = idempotency_key(&parts.headers)?;
        let if_match = if_match(&parts.headers)?;
        let body = read_body(body, len_max, too_large).await?;
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let key = key.map(|key| (key, digest(parts.method.as_str(), target, &body)));
        let media_type = MediaType::of(&parts.headers);
        Ok(Self { caller, body, media_type, key, if_match, dry_run })
    }
}

/// SHA-256 of what was asked. The parts are separated by an octet that none but the last can contain.
fn digest(method: &str, target: &str, body: &[u8]) -> [u8; 32] {
    let mut sha = Sha256::new();
    for part in [method.as_bytes(), b"\0", target.as_bytes(), b"\0", body] {
        sha.update(part);
    }
    sha.finalize().into()
}

async fn read_body(body: Body, len_max: usize, too_large: fn(usize) -> Problem) -> Result<Bytes, Problem> {
    let read = Limited::new(body, len_max).collect().await;
    read.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() { too_large(len_max) } else { cut_short() }
    })
}

fn too_large(len_max: usize) -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!(
            "The body is longer than {len_max} octets, and nothing that is sent here needs as many; look for the value that is \
             too long, and shorten it."
        ),
        format!("请求体超过 {len_max} 个字节，此接口的请求无需如此之长，请找出过长的值并缩短。"),
    )
}

fn list_too_large(len_max: usize) -> Problem {
    Problem::edge(
        Edge::BodyTooLarge,
        format!("The list is longer than {len_max} octets; divide it, and send one part after the other."),
        format!("名单超过 {len_max} 个字节，请分成几份依次提交。"),
    )
}

/// The client went away while sending; it will hardly read this.
pub(super) fn cut_short() -> Problem {
    Problem::edge(
        Edge::MalformedJson,
        "The body could not be read to its end; send it again.",
        "请求体未能完整读取，请重新发送。",
    )
}

/// The idempotency key, if one is given: 1 to 128 visible ASCII characters.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<Box<str>>, Problem> {
    let mut given = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let fits = (1..=IDEMPOTENCY_KEY_LEN_MAX).contains(&key.len());
    match key.to_str() {
        Ok(text) if fits && text.bytes().all(|b| b.is_ascii_graphic()) && given.next().is_none() => {
            Ok(Some(text.into()))
        }
        _ => Err(Problem::edge(
            Edge::IdempotencyKeyInvalid,
            "Idempotency-Key is not one text of 1 to 128 visible ASCII characters; send one, a UUID for example.",
            "Idempotency-Key 应为一个 1 至 128 个可见 ASCII 字符的值，请更正，例如使用 UUID。",
        )
        .field("Idempotency-Key")),
    }
}

/// The version in If-Match, if there is one: a strong entity tag as the API gave it, `"42"` (RFC 9110 §13.1.1).
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(tag) = given.next() else { return Ok(None) };
    let text = tag.to_str().ok().filter(|_| given.next().is_none());
    let digits = text.and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let digits = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    let version = digits.and_then(|digits| digits.parse().ok());
    version.map(Some).ok_or_else(|| {
        Problem::edge(
            Edge::IfMatchInvalid,
            "If-Match is not one version in quotation marks; send the ETag of the object as it is, or leave If-Match out.",
            "If-Match 应为一个带引号的版本号，请原样填写该对象的 ETag，或去掉 If-Match。",
        )
        .field("If-Match")
    })
}

/// The entity tag of a version.
pub(super) fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits and quotation marks are a header value")
}

/// A shown object with its entity tag.
pub(super) fn tagged(version: u64, object: impl serde::Serialize) -> Response {
    ([(header::ETAG, etag(version))], Json(object)).into_response()
}

impl Write {
    /// The body as `T`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        match self.media_type.essence()? {
            Some("application/json") => json::parse(&self.body),
            _ => Err(unsupported(&["application/json"])),
        }
    }

    /// What the body says it is.
    pub(super) fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The body as it came.
    pub(super) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The same as a dry run.
    pub(super) fn rehearsing(self) -> Self {
        Self { dry_run: true, ..self }
    }

    /// That no version is to be matched, where something new or many objects are written, or one without versions.
    pub(super) fn without_if_match(&self) -> Result<(), Problem> {
        if self.if_match.is_none() {
            return Ok(());
        }
        let en = "What this request writes has no version to match: it is new, many objects, or no object. Leave If-Match out.";
        let zh = "该请求新建对象，或涉及多个对象，或不涉及对象，没有可供 If-Match 比对的版本，请去掉 If-Match。";
        Err(Problem::edge(Edge::IfMatchInvalid, en, zh).field("If-Match"))
    }

    /// Whether nothing is to be changed.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// That there is no body, where none is taken.
    pub(super) fn empty(&self) -> Result<(), Problem> {
        if self.body.is_empty() {
            return Ok(());
        }
        Err(Problem::edge(
            Edge::MalformedJson,
            "This request takes no body; send it without one.",
            "该请求不应带有请求体，请去掉后重试。",
        ))
    }

    /// Hands the command to the writer and answers with its receipt.
    pub(super) async fn submit(
        self,
        admin: &Admin,
        operation: &str,
        target: String,
        note: Option<String>,
        command: Command,
    ) -> Result<Response, Problem> {
        let receipt = self.hand_in(admin, operation, target, note, command).await?;
        Ok(answer(&receipt))
    }

    /// Hands the command to the writer; its receipt.
    pub(super) async fn hand_in(
        self,
        admin: &Admin,
        operation: &str,
        target: String,
        note: Option<String>,
        command: Command,
    ) -> Result<Receipt, UpdateError> {
        let principal = self.caller.actor.principal.clone();
        let submission = Submission {
            actor: self.caller.actor,
            command,
            request: Asked {
                operation: operation.into(),
                target: target.as_str().into(),
                note: note.map(Into::into),
                key: self.key.filter(|_| !self.dry_run),
            },
            if_match: self.if_match,
            dry_run: self.dry_run,
            confirmed: self.caller.confirmed,
        };
        let result = admin.handle.submit(submission).await;
        let (status, seq, code) = match &result {
            Ok(receipt) => (status(receipt), receipt.seq, None),
            Err(error) => {
                let code = Problem::from(error.clone()).code;
                (code.status(), None, Some(code.as_str()))
            }
        };
        tracing::info!(%principal, operation, target, status = status.as_u16(), seq, code, "write");
        result
    }
}

fn status(receipt: &Receipt) -> StatusCode {
    if receipt.outcome.created && receipt.seq.is_some() { StatusCode::CREATED } else { StatusCode::OK }
}

fn answer(receipt: &Receipt) -> Response {
    let mut response = (status(receipt), Json(v1::Receipt::from(receipt))).into_response();
    if receipt.seq.is_some() {
        response.headers_mut().insert(header::ETAG, etag(receipt.outcome.version));
    }
    if receipt.replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// What a body says it is.
pub(super) enum MediaType {
    /// Nothing, or nothing that is a type.
    Unsaid,
    /// This type, in lower case, without parameters.
    One(String),
    /// Several, of which nobody can say which counts (RFC 9110 §5.3).
    Several,
}

impl MediaType {
    /// What these headers say.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut given = headers.get_all(header::CONTENT_TYPE).iter();
        let first = given.next();
        if given.next().is_some() {
            return Self::Several;
        }
        let essence = first.and_then(|value| value.to_str().ok()).and_then(|value| value.split(';').next());
        essence.map_or(Self::Unsaid, |essence| Self::One(essence.trim().to_ascii_lowercase()))
    }

    /// The one type, if one is said.
    pub(super) fn essence(&self) -> Result<Option<&str>, Problem> {
        match self {
            Self::Unsaid => Ok(None),
            Self::One(essence) => Ok(Some(essence)),
            Self::Several => Err(Problem::edge(
                Edge::UnsupportedMediaType,
                "Content-Type is given more than once, and which of them the body is of is not known; send it once.",
                "Content-Type 出现了多次，无法确定请求体的类型，请只发送一次。",
            )
            .field("Content-Type")),
        }
    }
}

/// The body is of another type than this endpoint takes.
pub(super) fn unsupported(expected: &[&str]) -> Problem {
    let (en, zh) = (expected.join(", or "), expected.join(" 或 "));
    Problem::edge(
        Edge::UnsupportedMediaType,
        format!("The body is not of a type that is taken here; send it as Content-Type: {en}."),
        format!("请求体的类型不被接受，请将其 Content-Type 设为 {zh}。"),
    )
    .field("Content-Type")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn if_match_takes_one_quoted_version() {
        let read = |values: &[&'static str]| if_match(&headers("if-match", values));
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["\"42\""]).unwrap(), Some(42));
        for bad in ["42", "\"\"", "W/\"42\"", "*", "\"42\", \"43\"", "\"-1\"", "\"+1\"", "\"99999999999999999999\""] {
            assert_eq!(read(&[bad]).unwrap_err().code.as_str(), "if_match_invalid", "{bad}");
        }
        assert!(read(&["\"1\"", "\"2\""]).is_err());
    }

    #[test]
    fn idempotency_keys_are_visible_ascii() {
        let read = |values: &[&'static str]| idempotency_key(&headers("idempotency-key", values));
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&["a-1"]).unwrap().as_deref(), Some("a-1"));
        for bad in ["", "a b", "a\tb", "x".repeat(129).leak()] {
            assert_eq!(read(&[bad]).unwrap_err().code.as_str(), "idempotency_key_invalid", "{bad}");
        }
        assert!(read(&["a", "a"]).is_err());
        assert!(read(&["x".repeat(128).leak()]).unwrap().is_some());
    }

    #[test]
    fn digests_tell_parts_apart() {
        assert_eq!(digest("PUT", "/a", b"b"), digest("PUT", "/a", b"b"));
        assert_ne!(digest("PUT", "/a", b"b"), digest("PUT", "/ab", b""));
        assert_ne!(digest("PUT", "/a", b"b"), digest("PU", "T/a", b"b"));
    }
}
