//! Counters of the HTTP listeners: the gateway and the admin API.

use super::Exporter;
use prometheus::{IntCounterVec, Opts};

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
        Self {
            requests: exporter.register(IntCounterVec::new(requests, &["method", "endpoint", "status"])),
            auth_failures: exporter.register(IntCounterVec::new(failures, &["reason"])),
        }
    }

    /// Counts one answered request. `endpoint` is the template of the path (`/v1/names/{name}`), never the path itself:
    /// labels must stay few.
    pub fn response(&self, method: &str, endpoint: &str, status: u16) {
        self.requests.with_label_values(&[method, endpoint, status_text(status, &mut [0; 3])]).inc();
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
