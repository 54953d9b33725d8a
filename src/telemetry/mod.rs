//! Logging set-up, and one struct of typed metric handles per owner.
//!
//! Labels are plain text here: the owner of a handle says what they mean, so that nothing above this level is needed.

pub mod advice;
pub mod block;
pub mod dns;
pub mod log;
pub mod outbox;
pub mod web;
pub mod writer;

pub use dns::{Answer, Dns, DnsConnections, DnsCounter, DropReason, Limited, OpenConnection, Signed};
pub use outbox::Outbox;
pub use web::{Admin, Gateway};
pub use writer::{ChangeResult, Writer};

use prometheus::core::Collector;
use prometheus::{Encoder, IntGaugeVec, Opts, Registry, TextEncoder};

/// What `/metrics` says its body is (the Prometheus text format).
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where handles register, and from where their values are read. Clones share it.
#[derive(Clone)]
pub struct Exporter {
    registry: Registry,
}

/// The handles of all owners, registered with one exporter.
#[derive(Clone)]
pub struct Telemetry {
    /// Reads them all.
    pub exporter: Exporter,
    /// Of the DNS sockets.
    pub dns: Dns,
    /// Of the one writer.
    pub writer: Writer,
    /// Of the HTTP gateway.
    pub gateway: Gateway,
    /// Of the admin API.
    pub admin: Admin,
    /// Of the outbox.
    pub outbox: Outbox,
}

impl Telemetry {
    /// New handles, all at zero.
    pub fn new() -> Self {
        let exporter = Exporter::new();
        Self {
            dns: Dns::new(&exporter),
            writer: Writer::new(&exporter.registry),
            gateway: Gateway::new(&exporter),
            admin: Admin::new(&exporter),
            outbox: Outbox::new(&exporter),
            exporter,
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}

impl Exporter {
    /// An exporter that knows the program's version and nothing else.
    pub fn new() -> Self {
        let exporter = Self { registry: Registry::new() };
        let opts = Opts::new("zhengming_build_info", "Version of the running program; the value is always 1.");
        let build = exporter.register(IntGaugeVec::new(opts, &["version"]));
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        exporter
    }

    /// All values now, in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("a vector takes every write");
        String::from_utf8(text).expect("the text format is UTF-8")
    }

    /// Registers a collector that this module has just made under a name of its own.
    fn register<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels are constants that the format allows");
        self.registry.register(Box::new(collector.clone())).expect("each owner registers once per exporter");
        collector
    }
}

impl Default for Exporter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_owner_is_rendered() {
        let telemetry = Telemetry::new();
        telemetry.writer.queued(3);
        telemetry.gateway.response(302);
        telemetry.admin.response("POST", "/v1/changes", 201);
        telemetry.admin.auth_failure("token_unknown");
        telemetry.outbox.delivered("file", 3);
        let text = telemetry.exporter.render();
        for line in [
            concat!("zhengming_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "zhengming_writer_queue_length 3",
            "zhengming_outbox_delivered_total{sink=\"file\"} 3",
            "zhengming_gateway_responses_total{status=\"302\"} 1",
            "zhengming_admin_requests_total{endpoint=\"/v1/changes\",method=\"POST\",status=\"201\"} 1",
            "zhengming_admin_auth_failures_total{reason=\"token_unknown\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
