//! Who is calling, and whether the table of roles lets them.

use super::problem::{Edge, Problem};
use super::roles::{Endpoint, Reach, TABLE};
use super::{Admin, token};
use crate::registry::{Actor, Code, NameKey, Region, Regions};
use crate::registry::{State as _, Unavailable};
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

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
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn check(admin: &Admin, request: &Request) -> Result<Caller, Problem> {
    let caller = identify(admin, request.headers())?;
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let mut rows = TABLE.iter().filter(|row| row.path == path && row.method == method.as_str());
    let allowed = rows.any(|row| caller.reaches(row.endpoint));
    if allowed { Ok(caller) } else { Err(forbidden()) }
}

fn identify(admin: &Admin, headers: &HeaderMap) -> Result<Caller, Problem> {
    let refuse = |reason: &str| {
        admin.metrics.auth_failure(reason);
        Problem::edge(
            Edge::Unauthorized,
            "This endpoint needs a valid token: Authorization: Bearer TOKEN.",
            "该接口需要有效的令牌：Authorization: Bearer TOKEN。",
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
    let found = token::find(&tokens, secret, admin.clock.now());
    Ok(Caller { actor: found.ok_or_else(|| refuse("token_unknown"))?.actor(), confirmed: false })
}

fn forbidden() -> Problem {
    Problem::registry(
        Code::RoleForbidden,
        "The token's role may not do this; GET /v1/roles shows which may.",
        "该令牌的角色无权执行此操作，权限表见 /v1/roles。",
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

    /// That the holder of the name, if it exists, lies within the caller's reach.
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
        region.map_or(Ok(()), |region| self.within(endpoint, &region))
    }
}

fn foreign() -> Problem {
    Problem::registry(
        Code::RegionForeign,
        "The unit lies outside the token's region.",
        "该单位不在令牌所属行政区划之内。",
    )
}

impl FromRequestParts<Admin> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, Problem> {
        // Fails closed: a handler mounted without `authorize` has no caller.
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| Problem::internal("no caller was identified"))
    }
}
