//! The routes, and what stands before all of them.

use super::problem::{Edge, Problem};
use super::{
    Admin, applications, auth, changes, check, diff, export, filing_history, health, history, hold_export, hold_list,
    holds, import, journal, names, openapi, orders, penalties, reload, remittances, roles, site_reviews, statistics,
    terms, token, tokens, units, zone_export,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::Instrument;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Names a request in the log and in its response.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The page that shows the API.
const DOCS: &str = "/v1/docs";
/// The document it is made from.
const DOCUMENT: &str = "/v1/openapi.json";

/// The API as a service.
pub fn router(admin: Admin) -> Router {
    let guard = middleware::from_fn_with_state(admin.clone(), auth::authorize);
    let guarded: Router<Admin> = guarded().into();
    let open: Router<Admin> = open().into();
    let document = Bytes::from(openapi::document());
    let pages = Router::new()
        .route(DOCUMENT, get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }))
        .route(
            "/v1/roles",
            get(|| async { ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], roles::markdown()) }),
        );
    // All of the page's assets are in the program. "none" keeps it from asking an outside validator.
    let docs = SwaggerUi::new(DOCS).config(Config::from(DOCUMENT).validator_url("none"));
    guarded
        .route_layer(guard)
        .merge(open)
        .merge(pages)
        .merge(docs)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(admin.clone(), observe))
        .with_state(admin)
}

/// The endpoints of the table of roles.
pub(super) fn guarded() -> OpenApiRouter<Admin> {
    let routes = OpenApiRouter::default()
        .routes(routes!(units::list))
        .routes(routes!(units::get, units::put))
        .routes(routes!(units::report_contacts))
        .routes(routes!(holds::place_on_unit, holds::lift_from_unit))
        .routes(routes!(hold_export::holds, hold_list::place))
        .routes(routes!(hold_export::blacklist))
        .routes(routes!(hold_list::lift))
        .routes(routes!(check::check))
        .routes(routes!(penalties::impose))
        .routes(routes!(site_reviews::list))
        .routes(routes!(site_reviews::held))
        .routes(routes!(site_reviews::open, site_reviews::cancel))
        .routes(routes!(site_reviews::postpone))
        .routes(routes!(site_reviews::submit))
        .routes(routes!(site_reviews::decide))
        .routes(routes!(names::list))
        .routes(routes!(names::get, names::put, names::delete))
        .routes(routes!(names::change_holder))
        .routes(routes!(names::renew))
        .routes(routes!(terms::unfreeze))
        .routes(routes!(terms::put_migration, terms::delete_migration))
        .routes(routes!(terms::foretell))
        .routes(routes!(holds::place_on_name, holds::lift_from_name))
        .routes(routes!(changes::submit))
        .routes(routes!(changes::get, changes::withdraw))
        .routes(routes!(changes::decide))
        .routes(routes!(applications::list, applications::create))
        .routes(routes!(applications::get, applications::edit, applications::withdraw))
        .routes(routes!(applications::submit))
        .routes(routes!(applications::decide))
        .routes(routes!(applications::fee))
        .routes(routes!(orders::list, orders::create))
        .routes(routes!(orders::get, orders::withdraw))
        .routes(routes!(orders::change_years))
        .routes(routes!(orders::confirm))
        .routes(routes!(orders::refund))
        .routes(routes!(orders::renew))
        .routes(routes!(remittances::list, remittances::create))
        .routes(routes!(remittances::get, remittances::take_back))
        .routes(routes!(remittances::recognise))
        .routes(routes!(import::import))
        .routes(routes!(export::export))
        .routes(routes!(journal::read))
        .routes(routes!(history::of_unit))
        .routes(routes!(history::of_name))
        .routes(routes!(history::of_change))
        .routes(routes!(filing_history::of_application))
        .routes(routes!(filing_history::of_order))
        .routes(routes!(filing_history::of_remittance))
        .routes(routes!(filing_history::of_site_review))
        .routes(routes!(diff::between))
        .routes(routes!(statistics::coverage))
        .routes(routes!(zone_export::export))
        .routes(routes!(tokens::list))
        .routes(routes!(health::brake))
        .routes(routes!(health::release))
        .routes(routes!(reload::reload));
    #[cfg(feature = "test-clock")]
    let routes = routes.routes(routes!(health::move_clock));
    routes
}

/// The endpoints that take no token.
pub(super) fn open() -> OpenApiRouter<Admin> {
    OpenApiRouter::default()
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}

async fn not_found() -> Problem {
    Problem::edge(
        Edge::NotFound,
        format!("There is no such endpoint; {DOCUMENT} lists them."),
        format!("没有该接口，接口列表见 {DOCUMENT}。"),
    )
}

async fn method_not_allowed() -> Problem {
    Problem::edge(
        Edge::MethodNotAllowed,
        "This endpoint does not know this method; the header Allow lists those it knows.",
        "该接口不支持此方法，支持的方法见 Allow 头。",
    )
}

/// Names the request, counts its response, and keeps replies out of caches.
async fn observe(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let id = match request_id() {
        Ok(id) => id,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let method = method_label(request.method());
    let endpoint = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    let endpoint = endpoint.as_ref().map_or("none", MatchedPath::as_str);
    admin.metrics.response(method, endpoint, response.status().as_u16());
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(&id).expect("hexadecimal digits are a header value"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn request_id() -> Result<String, getrandom::Error> {
    Ok(token::hex(&getrandom::u64()?.to_be_bytes()))
}

/// Few labels, whatever methods a client invents.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
