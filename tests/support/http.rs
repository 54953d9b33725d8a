//! Requests to an HTTP server, and what it answers.

use serde_json::Value;
use std::net::SocketAddr;

/// What sends requests to one HTTP server over connections that are kept open; clones share them.
#[derive(Clone)]
pub struct Caller {
    pub(super) agent: ureq::Agent,
    pub(super) server: SocketAddr,
}

/// An answer of the admin API or the gateway.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The headers' names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub text: String,
}

impl Caller {
    /// Sends a request, and reads the whole answer.
    ///
    /// # Errors
    /// That there is no answer, or not all of it.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        content_type: &str,
        body: &str,
    ) -> Result<Reply, ureq::Error> {
        let uri = format!("http://{}{path}", self.server);
        let mut request = ureq::http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if body.is_empty() {
            self.agent.run(request.body(()).expect("a request"))?
        } else {
            let request = request.header("content-type", content_type);
            self.agent.run(request.body(body.to_owned()).expect("a request"))?
        };
        let text = answer.body_mut().read_to_string()?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
        Ok(Reply { status: answer.status().as_u16(), headers: headers.collect(), text })
    }

    /// Sends JSON (or nothing) with `token`, and `key` to make it idempotent.
    ///
    /// # Errors
    /// As [`Caller::send`].
    pub fn api(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Reply, ureq::Error> {
        let token = format!("Bearer {token}");
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let body = body.map(ToString::to_string).unwrap_or_default();
        self.send(method, path, &headers, "application/json", &body)
    }
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same, unless it is not a success.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self
    }
}
