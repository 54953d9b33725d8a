//! Counters of the HTTP listeners: the gateway and the admin API.

use super::Exporter;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

/// Handles of the gateway.
#[derive(Clone)]
pub struct Gateway {
    responses: IntCounterVec,
}

/// Handles of the admin API.
#[derive(Clone)]
pub struct Admin {
    requests: IntCounterVec,
    auth_failures: IntCounterVec,
    second_factors: IntCounterVec,
    limited: IntCounterVec,
    token_expiries: IntGaugeVec,
}

impl Gateway {
    /// Registers the handles.
    pub fn new(exporter: &Exporter) -> Self {
        let opts = Opts::new("zhengming_gateway_responses_total", "Responses of the gateway by HTTP status.");
        Self { responses: exporter.register(IntCounterVec::new(opts, &["status"])) }
    }

    /// Counts one response.
    pub fn response(&self, status: u16) {
        self.responses.with_label_values(&[status_text(status, &mut [0; 3])]).inc();
    }
}

impl Admin {
    /// Registers the handles.
    pub fn new(exporter: &Exporter) -> Self {
        let requests =
            Opts::new("zhengming_admin_requests_total", "Requests of the admin API by method, endpoint and status.");
        let failures = Opts::new("zhengming_admin_auth_failures_total", "Requests refused for their token, by reason.");
        let codes = Opts::new("zhengming_admin_second_factors_total", "Codes of second factors, by what came of them.");
        let limited = Opts::new("zhengming_admin_limited_total", "Requests told to wait, by the limit they met.");
        let expiries =
            Opts::new("zhengming_admin_token_expiry_timestamp_seconds", "When a token ends, for tokens that do.");
        Self {
            requests: exporter.register(IntCounterVec::new(requests, &["method", "endpoint", "status"])),
            auth_failures: exporter.register(IntCounterVec::new(failures, &["reason"])),
            second_factors: exporter.register(IntCounterVec::new(codes, &["result"])),
            limited: exporter.register(IntCounterVec::new(limited, &["limit"])),
            token_expiries: exporter.register(IntGaugeVec::new(expiries, &["token"])),
        }
    }

    /// Counts one answered request. `endpoint` is the template of the path (`/v1/names/{name}`), never the path itself:
    /// labels must stay few.
    pub fn response(&self, method: &str, endpoint: &str, status: u16) {
        self.requests.with_label_values(&[method, endpoint, status_text(status, &mut [0; 3])]).inc();
    }

    /// Counts one code of a second factor; `result` is one of a few constants.
    pub fn second_factor(&self, result: &str) {
        self.second_factors.with_label_values(&[result]).inc();
    }

    /// Counts one request that was told to wait; `limit` is one of a few constants.
    pub fn limited(&self, limit: &str) {
        self.limited.with_label_values(&[limit]).inc();
    }

    /// Shows when tokens end, instead of those shown before. There are as many labels as tokens in the configuration.
    pub fn token_expiries<'a>(&self, ends: impl Iterator<Item = (&'a str, i64)>) {
        self.token_expiries.reset();
        for (token, end) in ends {
            self.token_expiries.with_label_values(&[token]).set(end);
        }
    }

    /// Counts one request refused for its token; `reason` is one of a few constants.
    pub fn auth_failure(&self, reason: &str) {
        self.auth_failures.with_label_values(&[reason]).inc();
    }
}

/// The three digits of an HTTP status.
fn status_text(status: u16, digits: &mut [u8; 3]) -> &str {
    let status = status.min(999);
    *digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
    std::str::from_utf8(digits).expect("digits are ASCII")
}
