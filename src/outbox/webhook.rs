//! The webhook: notices are posted as JSON, signed, until the receiver says 2xx.
//!
//! `X-Zhengming-Signature: t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA256 (RFC 2104) of `SECONDS.BODY` with the shared
//! secret: a receiver checks who posts, and that the post is not an old one sent again.

use super::Failed;
use super::batch::{Batch, NoticeV1};
use crate::http::client::{Lost, Target};
use crate::update::Clock;
use hmac::{Hmac, KeyInit, Mac as _};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use serde::Serialize;
use sha2::Sha256;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Longest wait for a receiver, connection and answer together.
const WAIT: Duration = Duration::from_secs(30);
/// Most octets of an answer's body that are read; nothing in it matters.
const ANSWER_LEN_MAX: usize = 64 * 1024;
/// The header with time and signature.
const SIGNATURE: &str = "x-zhengming-signature";

/// A receiver.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is.
    pub target: Target,
    /// What posts are signed with.
    pub secret: Vec<u8>,
}

/// Posts to one receiver, over one connection as long as it lasts.
pub(super) struct WebhookSink {
    webhook: Webhook,
    clock: Arc<dyn Clock>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// The body of a post.
#[derive(Serialize)]
struct Body<'a> {
    notices: &'a [NoticeV1],
}

impl WebhookSink {
    /// Nothing is connected yet.
    pub(super) fn new(webhook: Webhook, clock: Arc<dyn Clock>) -> Self {
        Self { webhook, clock, sender: None }
    }

    /// Posts the notices.
    ///
    /// # Errors
    /// [`Failed`] unless the receiver says 2xx in time, or if the program stops.
    pub(super) async fn deliver(&mut self, batch: &Batch, stop: &mut watch::Receiver<bool>) -> Result<(), Failed> {
        let body = serde_json::to_vec(&Body { notices: &batch.notices }).expect("notices are plain data");
        let mut stop = stop.clone();
        let posted = async {
            tokio::select! {
                posted = timeout(WAIT, self.post(body)) => posted,
                _ = stop.wait_for(|stopping| *stopping) => Ok(Err("the program stops".into())),
            }
        };
        match posted.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(Failed(format!("the webhook: {why}"))),
            Err(_) => Err(Failed(format!("the webhook does not answer within {} s", WAIT.as_secs()))),
        }
    }

    async fn post(&mut self, body: Vec<u8>) -> Result<(), Lost> {
        let target = &self.webhook.target;
        let signature = signature(&self.webhook.secret, self.clock.now().0, &body);
        let request = Request::post(target.path())
            .header(HOST, target.authority())
            .header(USER_AGENT, concat!("zhengming/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, signature)
            .body(Full::new(body.into()))?;
        // Taken, and put back only after a whole answer: a connection that something went wrong on is not used again.
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => target.connect().await?,
        };
        sender.ready().await?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let whole = Limited::new(answer.into_body(), ANSWER_LEN_MAX).collect().await.is_ok();
        if !status.is_success() {
            return Err(format!("it answers {status}").into());
        }
        self.sender = Some(sender).filter(|_| whole);
        Ok(())
    }
}

/// The value of the header.
fn signature(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut text = format!("t={seconds},v1=");
    for octet in mac.finalize().into_bytes() {
        write!(text, "{octet:02x}").expect("a string takes every write");
    }
    text
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("target", &self.target).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The octets of RFC 4231 §4.3 (test case 2), with the time and the dot as their beginning: the key "Jefe" over
    /// "what do ya want for nothing?" has a known code, so that it is checked that nothing else is signed.
    #[test]
    fn the_signature_is_hmac_sha256_of_time_and_body() {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").expect("any key");
        mac.update(b"1795334400.{}");
        let expected: String = mac.finalize().into_bytes().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(signature(b"Jefe", 1_795_334_400, b"{}"), format!("t=1795334400,v1={expected}"));
        assert_ne!(signature(b"Jefe", 1_795_334_401, b"{}"), signature(b"Jefe", 1_795_334_400, b"{}"));
    }
}
