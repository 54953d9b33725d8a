//! HTTP for forwarded names: redirects, and notices for held ones.
//!
//! Answers from the same snapshot as DNS, so a change or a hold takes effect here in the same moment. Nothing of a request
//! is logged but the registered name it was for and the status it got.

mod host;
mod location;
mod page;

use crate::http::Limits;
use crate::snapshot::Reader;
use crate::telemetry;
use crate::zone::published::PublishedRef;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use page::Page;
use std::time::Duration;

/// How long a redirect may be kept: as long as the address of the gateway in DNS, so that a hold is complete then.
const REDIRECT_CACHE: HeaderValue = HeaderValue::from_static("max-age=300");
/// Notices and errors are about this moment.
const PAGE_CACHE: HeaderValue = HeaderValue::from_static("no-store");
/// Every response is what its Content-Type says.
const NOSNIFF: (HeaderName, HeaderValue) = (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

#[derive(Clone)]
struct Gateway {
    reader: Reader,
    telemetry: telemetry::Gateway,
}

/// What a request is answered.
enum Answer {
    Redirect { code: u16, location: HeaderValue },
    Page { status: StatusCode, page: Page },
}

/// The routes of the gateway: one handler for every path and method, because a forward concerns the whole name.
pub fn router(reader: Reader, telemetry: telemetry::Gateway) -> Router {
    Router::new().fallback(serve).with_state(Gateway { reader, telemetry })
}

/// The limits that suit it: small requests from many clients, answered at once.
pub fn limits() -> Limits {
    Limits {
        request: Duration::from_secs(5),
        // Browsers come back for the next page only after 300 seconds; an idle connection is of no use to them.
        header: Duration::from_secs(10),
        connections: 2048,
        drain: Duration::from_secs(3),
        ..Limits::default()
    }
}

async fn serve(State(gateway): State<Gateway>, request: Request) -> Response {
    let answer = gateway.answer(&request);
    let response = respond(answer);
    gateway.telemetry.response(response.status().as_u16());
    response
}

impl Gateway {
    fn answer(&self, request: &Request) -> Answer {
        // A tunnel is nothing a gateway of names has (RFC 9110 §9.3.6).
        let host = if *request.method() == Method::CONNECT { Err(host::BadHost) } else { host::of(request) };
        let Ok(host) = host else {
            return Answer::Page { status: StatusCode::BAD_REQUEST, page: Page::bad_request() };
        };
        let snapshot = self.reader.load();
        let published = host.as_deref().and_then(|host| Some((host, snapshot.zones.published_at(host)?)));
        let answer = match published {
            Some((_, PublishedRef::Forward { target, code, keep_path, .. })) => {
                redirect(target.as_str(), code, keep_path, request)
            }
            Some((host, PublishedRef::Held { extra_text, status, .. })) => Answer::Page {
                status: StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN),
                page: Page::notice(host, extra_text.as_str(), status),
            },
            // A name that resolves elsewhere has no business here.
            Some((_, PublishedRef::Addresses { .. } | PublishedRef::Delegation(_))) | None => not_found(),
        };
        if let Some((name, _)) = published {
            tracing::debug!(name, status = answer.status(), "gateway");
        }
        answer
    }
}

fn redirect(target: &str, code: u16, keep_path: bool, request: &Request) -> Answer {
    let uri = request.uri();
    let location = if keep_path { location::join(target, uri.path(), uri.query()) } else { target.into() };
    match HeaderValue::from_str(&location) {
        Ok(location) => Answer::Redirect { code, location },
        Err(_) => not_found(),
    }
}

fn not_found() -> Answer {
    Answer::Page { status: StatusCode::NOT_FOUND, page: Page::not_found() }
}

impl Answer {
    fn status(&self) -> u16 {
        match self {
            Self::Redirect { code, .. } => *code,
            Self::Page { status, .. } => status.as_u16(),
        }
    }
}

fn respond(answer: Answer) -> Response {
    let (nosniff, yes) = NOSNIFF;
    match answer {
        Answer::Redirect { code, location } => Response::builder()
            .status(code)
            .header(LOCATION, location)
            .header(CACHE_CONTROL, REDIRECT_CACHE)
            .header(nosniff, yes)
            .body(Body::empty())
            .expect("codes are checked before they are approved"),
        Answer::Page { status, page } => {
            let mut response = page.into_response(status);
            response.headers_mut().insert(CACHE_CONTROL, PAGE_CACHE);
            response.headers_mut().insert(nosniff, yes);
            response
        }
    }
}
