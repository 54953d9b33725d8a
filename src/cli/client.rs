//! The HTTP client of the commands that talk to a running server: one connection, opened anew when it is lost.

use super::Failure;
use super::arguments::Server;
use super::lost::Unanswered;
use crate::admin::TotpSecret;
use crate::daemon::pem::Fault;
pub(super) use crate::http::client::Lost;
use crate::http::client::{Target, TargetError};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Where a token comes from if no file is named.
const TOKEN_VARIABLE: &str = "ZHENGMING_TOKEN";
/// Carries the code of the second factor.
const SECOND_FACTOR: &str = "x-second-factor";
/// Longest wait for a connection, and for the head of a response; the server itself gives up after 30 seconds.
const WAIT: Duration = Duration::from_secs(60);

/// Longest wait for the head of the response to a body that is read while it is sent: the server takes no longer.
const WAIT_PIPED: Duration = Duration::from_secs(3600);

/// A body: whole, or read while it is sent.
type Payload = Either<Full<Bytes>, Piped>;

/// A body that another thread reads.
pub(super) struct Piped(pub(super) mpsc::Receiver<io::Result<Bytes>>);

impl Body for Piped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// A client of one server, with one token.
pub(super) struct Client {
    url: String,
    target: Target,
    token: HeaderValue,
    sender: Option<SendRequest<Payload>>,
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
                            format!("{url} is no http or https URL; one is http://127.0.0.1:8053"),
                            format!("{url} 不是 http 或 https 地址；例如 http://127.0.0.1:8053"),
                        )
                    }
                    TargetError::Certificates { path, why } => {
                        let (path, Fault { en, zh }) = (path.display(), Fault::of_connection(&why));
                        Failure::system(
                            format!("{path}: {en} (--ca, --cert or --key)"),
                            format!("{path}：{zh}（--ca、--cert 或 --key）"),
                        )
                    }
                })?;
        let token = HeaderValue::from_str(&format!("Bearer {}", token(server)?));
        let mut token = token.map_err(|_| {
            Failure::usage(
                "the token has characters that none has; name its file with --token-file",
                "令牌含有非法字符；请用 --token-file 指定令牌文件",
            )
        })?;
        token.set_sensitive(true);
        Ok(Self { url: server.url.clone(), target, token, sender: None })
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
        let body = Either::Left(Full::new(body));
        self.send_payload((content_type, second_factor), method, path, body, WAIT).await
    }

    /// Sends lines that are read meanwhile, with the code of the second factor, by one request.
    pub(super) async fn send_piped(
        &mut self,
        second_factor: &HeaderValue,
        path: &str,
        body: Piped,
    ) -> Result<Response<Incoming>, Lost> {
        let headers = ("application/x-ndjson", Some(second_factor));
        self.send_payload(headers, Method::POST, path, Either::Right(body), WAIT_PIPED).await
    }

    async fn send_payload(
        &mut self,
        headers: (&'static str, Option<&HeaderValue>),
        method: Method,
        path: &str,
        body: Payload,
        wait: Duration,
    ) -> Result<Response<Incoming>, Lost> {
        let sent = self.try_send(headers, method, path, body, wait).await;
        sent.map_err(|why| Unanswered { url: self.url.clone(), why }.into())
    }

    async fn try_send(
        &mut self,
        (content_type, second_factor): (&'static str, Option<&HeaderValue>),
        method: Method,
        path: &str,
        body: Payload,
        wait: Duration,
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
        let request = request.body(body)?;
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => timeout(WAIT, self.target.connect()).await??,
        };
        sender.ready().await?;
        let response = timeout(wait, sender.send_request(request)).await??;
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

/// The code of a second factor, as a header.
pub(super) fn second_factor(code: Option<&str>) -> Result<Option<HeaderValue>, Failure> {
    // What cannot be a code would count as a wrong guess, and a few of those lock the token.
    let header = |code: &str| HeaderValue::from_str(code).ok().filter(|_| TotpSecret::is_code(code));
    let wrong = || {
        Failure::usage(
            "the code of an authenticator is 6 digits; nothing was sent",
            "动态口令为 6 位数字；未发送任何内容",
        )
    };
    code.map(|code| header(code).ok_or_else(wrong)).transpose()
}
