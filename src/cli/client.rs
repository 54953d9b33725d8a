//! The HTTP client of the commands that talk to a running server: one connection, opened anew when it is lost.

use super::Failure;
use super::arguments::Server;
pub(super) use crate::http::client::Lost;
use crate::http::client::{Target, TargetError};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use std::time::Duration;
use tokio::time::timeout;

/// Where a token comes from if no file is named.
const TOKEN_VARIABLE: &str = "ZHENGMING_TOKEN";
/// Carries the code of the second factor.
const SECOND_FACTOR: &str = "x-second-factor";
/// Longest wait for a connection, and for the head of a response; the server itself gives up after 30 seconds.
const WAIT: Duration = Duration::from_secs(60);

/// A client of one server, with one token.
pub(super) struct Client {
    target: Target,
    token: HeaderValue,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    /// A client of the server that the command line names; nothing is sent yet.
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        let target =
            Target::showing(&server.url, server.ca.as_deref(), server.cert.as_deref().zip(server.key.as_deref()))
                .map_err(|error| match error {
                    TargetError::Url => {
                        let url = &server.url;
                        Failure::usage(
                            format!("{url} is no http or https URL"),
                            format!("{url} 不是 http 或 https 地址"),
                        )
                    }
                    TargetError::Certificates { path, why } => {
                        let path = path.display();
                        Failure::system(format!("{path}: {why}"), format!("{path}：证书无法使用，请用 --ca 指定"))
                    }
                })?;
        let token = HeaderValue::from_str(&format!("Bearer {}", token(server)?));
        let mut token = token.map_err(|_| Failure::usage("the token has odd characters", "令牌含有非法字符"))?;
        token.set_sensitive(true);
        Ok(Self { target, token, sender: None })
    }

    /// Sends one request with lines as its body and waits for the head of its response.
    pub(super) async fn send(&mut self, method: Method, path: &str, body: Bytes) -> Result<Response<Incoming>, Lost> {
        self.send_as("application/x-ndjson", None, method, path, body).await
    }

    /// The same with JSON.
    pub(super) async fn send_json(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Lost> {
        self.send_as("application/json", None, method, path, body).await
    }

    /// The same with any type of body, and the code of the second factor if there is one.
    pub(super) async fn send_as(
        &mut self,
        content_type: &'static str,
        second_factor: Option<&HeaderValue>,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Lost> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.target.authority())
            .header(AUTHORIZATION, &self.token)
            .header(CONTENT_TYPE, content_type);
        if let Some(code) = second_factor {
            request = request.header(SECOND_FACTOR, code);
        }
        let request = request.body(Full::new(body))?;
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => timeout(WAIT, self.target.connect()).await??,
        };
        sender.ready().await?;
        let response = timeout(WAIT, sender.send_request(request)).await??;
        self.sender = Some(sender);
        Ok(response)
    }
}

/// Reads a whole body, which must be text.
pub(super) async fn text(response: Response<Incoming>) -> Result<String, Lost> {
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?)
}

fn token(server: &Server) -> Result<String, Failure> {
    let text = match &server.token_file {
        Some(path) => std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?,
        None => std::env::var(TOKEN_VARIABLE).map_err(|_| {
            Failure::usage(
                format!("no token: name a file with --token-file, or set {TOKEN_VARIABLE}"),
                format!("缺少令牌：请用 --token-file 指定文件，或设置环境变量 {TOKEN_VARIABLE}"),
            )
        })?,
    };
    Ok(text.trim().to_owned())
}
