//! Who is calling, and whether the table of roles lets them.

use super::access::{Unconfirmed, Wait};
use super::problem::{Edge, Problem, TooMany};
use super::roles::{Endpoint, Reach, TABLE};
use super::write::IDEMPOTENCY_KEY;
use super::{Admin, Token, token};
use crate::http::ClientCertificate;
use crate::registry::{Actor, Code, NameKey, Region, Regions};
use crate::registry::{State as _, Timestamp, Unavailable};
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use url::form_urlencoded;

/// Carries the code of the second factor; there is no standard one beside a bearer token.
const SECOND_FACTOR: HeaderName = HeaderName::from_static("x-second-factor");
/// Tells when the token ends, if that is soon.
const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("x-token-expires");

/// Who is calling; made by [`authorize`] only.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Who it is.
    pub(super) actor: Actor,
    /// Whether a second factor confirmed the request.
    pub(super) confirmed: bool,
}

/// Stands before every endpoint of the table: finds the token's principal and asks the table whether its role may use
/// the method and path at all. What depends on the body is asked by the handler, and so is the region of what is read; the
/// region of what is written is held by the registry's rules, on the state the write is decided on.
pub(super) async fn authorize(State(admin): State<Admin>, mut request: Request, next: Next) -> Response {
    match check(&admin, &request) {
        Ok(Admitted { caller, end, used_code }) => {
            request.extensions_mut().insert(caller);
            let mut response = next.run(request).await;
            // Only what was refused for want of a confirmation is refused because of the code.
            if let Some(problem) = used_code.filter(|_| response.status() == StatusCode::FORBIDDEN) {
                response = problem.into_response();
            }
            if let Some(end) = end.and_then(|end| HeaderValue::from_str(&end.to_string()).ok()) {
                response.headers_mut().insert(TOKEN_EXPIRES, end);
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

/// Who is let in.
struct Admitted {
    caller: Caller,
    /// When its token ends, if that is soon.
    end: Option<Timestamp>,
    /// Why its code confirms nothing, unless what is asked for was done before: who has lost the answer asks again with the same
    /// idempotency key, and the same code.
    used_code: Option<Problem>,
}

fn check(admin: &Admin, request: &Request) -> Result<Admitted, Problem> {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let wait = |of| move |Wait(secs)| Problem::too_many(of, secs);
    admin.access.address(address).map_err(wait(TooMany::FromAddress))?;
    let certificate = request.extensions().get::<ClientCertificate>();
    let token =
        identify(admin, request.headers(), address, certificate).inspect_err(|_| admin.access.failed(address))?;
    let now = admin.clock.now();
    admin.access.token(&token, address, now).map_err(wait(TooMany::OfToken))?;
    let caller = Caller { actor: token.actor(), confirmed: false };
    permit(&caller, request)?;
    let (confirmed, used_code) = match confirmed(admin, &token, request) {
        Ok(confirmed) => (confirmed, None),
        Err(Unconfirmed::Used) if request.headers().contains_key(&IDEMPOTENCY_KEY) => {
            (false, Some(unconfirmed_problem(Unconfirmed::Used)))
        }
        Err(unconfirmed) => return Err(unconfirmed_problem(unconfirmed)),
    };
    let end = admin.access.ends_soon(&token, now);
    Ok(Admitted { caller: Caller { confirmed, ..caller }, end, used_code })
}

fn permit(caller: &Caller, request: &Request) -> Result<(), Problem> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let mut rows = TABLE.iter().filter(|row| row.path == path && row.method == method.as_str());
    let allowed = rows.any(|row| caller.reaches(row.endpoint));
    if allowed { Ok(()) } else { Err(forbidden()) }
}

/// Whether a second factor confirms the request. Reads and rehearsals change nothing: they use no code up.
fn confirmed(admin: &Admin, token: &Token, request: &Request) -> Result<bool, Unconfirmed> {
    let mut given = request.headers().get_all(SECOND_FACTOR).iter();
    let Some(code) = given.next() else { return Ok(false) };
    let query = request.uri().query().unwrap_or_default();
    let rehearsal = form_urlencoded::parse(query.as_bytes()).any(|(name, value)| name == "dry_run" && value == "true");
    if rehearsal || matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(false);
    }
    let code = code.to_str().ok().filter(|_| given.next().is_none()).unwrap_or_default();
    admin.access.confirm(token, code, admin.clock.now()).map(|()| true)
}

fn unconfirmed_problem(unconfirmed: Unconfirmed) -> Problem {
    let (en, zh) = match unconfirmed {
        Unconfirmed::Slowed(Wait(secs)) => {
            return Problem::too_many(TooMany::WrongCodes, secs).field("X-Second-Factor");
        }
        Unconfirmed::None => (
            "This token has no second factor; its configuration needs a totp_secret (`zhengming token new --totp`).",
            "该令牌未设置二次验证，请在配置中为其设置 totp_secret（zhengming token new --totp）。",
        ),
        Unconfirmed::Malformed => (
            "A code has six digits; send the one that the authenticator shows.",
            "动态口令为六位数字，请填写验证器显示的口令。",
        ),
        Unconfirmed::Wrong => (
            "The code is not the token's current one; check the authenticator and the clock, and send the next code.",
            "动态口令不正确，请核对验证器与时钟后使用下一个口令。",
        ),
        Unconfirmed::Used => (
            "This code was used, or may have been used before the server started; wait for the next one.",
            "该动态口令已使用，或可能在服务启动前使用过，请等待下一个口令。",
        ),
    };
    Problem::edge(Edge::SecondFactorInvalid, en, zh).field("X-Second-Factor")
}

fn identify(
    admin: &Admin,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    certificate: Option<&ClientCertificate>,
) -> Result<Token, Problem> {
    let refuse = |reason: &str| {
        admin.metrics.auth_failure(reason);
        Problem::edge(
            Edge::Unauthorized,
            "This endpoint needs a valid token; send it as Authorization: Bearer TOKEN.",
            "该接口需要有效的令牌，请在请求头中填写 Authorization: Bearer TOKEN。",
        )
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let first = given.next().ok_or_else(|| refuse("token_missing"))?;
    // Of two, something in front of us may have looked at the other.
    let only = given.next().is_none().then_some(first).ok_or_else(|| refuse("token_malformed"))?;
    let bearer = only.to_str().ok().and_then(|text| text.split_once(' '));
    // The scheme's case does not matter (RFC 9110 §11.1).
    let secret = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret.trim());
    let secret = secret.ok_or_else(|| refuse("token_malformed"))?;
    let tokens = admin.tokens.get();
    let found = token::find(&tokens, secret, admin.clock.now()).ok_or_else(|| refuse("token_unknown"))?;
    // Whoever has only the token is told no more than that it is refused; the log says which and why.
    let misused = |reason| {
        tracing::warn!(token = %found.name, address = ?address, reason, "a token was refused / 令牌被拒绝");
        Err(refuse(reason))
    };
    if !found.may_come_from(address) {
        return misused("network_foreign");
    }
    if found.certificate.is_some_and(|wanted| certificate.is_none_or(|given| given.0 != wanted)) {
        return misused("certificate_foreign");
    }
    Ok(found.clone())
}

fn forbidden() -> Problem {
    Problem::registry(
        Code::RoleForbidden,
        "The token's role may not do this; GET /v1/roles shows which may.",
        "该令牌的角色无权执行此操作，请由有此权限的人员办理，权限表见 /v1/roles。",
    )
}

impl Caller {
    fn reaches(&self, endpoint: Endpoint) -> bool {
        match endpoint.reach(self.actor.role) {
            Reach::None => false,
            Reach::Whole => self.actor.region.is_none(),
            Reach::Own | Reach::Any => true,
        }
    }

    /// That the role may use `endpoint`: for endpoints that share a method and path.
    pub(super) fn may(&self, endpoint: Endpoint) -> Result<(), Problem> {
        if self.reaches(endpoint) { Ok(()) } else { Err(forbidden()) }
    }

    /// The regions that `endpoint` is limited to for this caller, if it is.
    pub(super) fn limit(&self, endpoint: Endpoint) -> Option<Regions> {
        match endpoint.reach(self.actor.role) {
            Reach::Own => self.actor.region.clone(),
            _ => None,
        }
    }

    /// That `region` lies within the caller's reach.
    pub(super) fn within(&self, endpoint: Endpoint, region: &Region) -> Result<(), Problem> {
        match self.limit(endpoint) {
            Some(own) if !own.contains(region) => Err(foreign()),
            _ => Ok(()),
        }
    }

    /// That the holder of the name lies within the caller's reach. Where a name that is gone belonged nobody can tell: it is
    /// for tokens without a region.
    pub(super) async fn within_name(&self, admin: &Admin, endpoint: Endpoint, key: &NameKey) -> Result<(), Problem> {
        if self.limit(endpoint).is_none() {
            return Ok(());
        }
        let key = key.clone();
        let region = admin
            .read(move |store| -> Result<Option<Region>, Unavailable> {
                let Some(name) = store.name(&key)? else { return Ok(None) };
                Ok(store.unit(&name.unit)?.map(|unit| unit.region))
            })
            .await?;
        region.map_or_else(|| Err(foreign()), |region| self.within(endpoint, &region))
    }
}

fn foreign() -> Problem {
    Problem::registry(
        Code::RegionForeign,
        "It lies outside the token's region; have whoever acts for that region do this.",
        "不在令牌所属行政区划之内，请由该区划的人员办理。",
    )
}

impl FromRequestParts<Admin> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        // Fails closed: a handler mounted without `authorize` has no caller.
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::internal("no caller was identified"))
    }
}
