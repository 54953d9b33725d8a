//! DNS over QUIC (RFC 9250): one stream per query, its own error codes, under the limits of TCP.

use super::budget::Budget;
use super::framing::{PREFIX_LEN, REQUEST_LEN_MAX};
use super::tcp::stopped;
use super::worker::{dropped, with_worker};
use super::{Serving, now};
use crate::query::{Client, Transport};
use crate::telemetry::DropReason;
use quinn::{ReadError, ReadToEndError, RecvStream, SendStream, VarInt};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// Error codes of streams and connections (RFC 9250 §8.4).
const DOQ_NO_ERROR: VarInt = VarInt::from_u32(0);
const DOQ_PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
const DOQ_REQUEST_CANCELLED: VarInt = VarInt::from_u32(3);
const DOQ_EXCESSIVE_LOAD: VarInt = VarInt::from_u32(4);

/// What a client may send on one stream: a query with its length.
pub(super) const STREAM_WINDOW_LEN: u32 = (PREFIX_LEN + REQUEST_LEN_MAX) as u32;
/// RFC 9250 §4.2 has no streams in one direction.
pub(super) const ONE_WAY_STREAMS_MAX: u32 = 0;

/// Answers queries until `end` at most; the code to close the connection with.
pub(super) async fn serve(
    connection: &quinn::Connection,
    serving: &Arc<Serving>,
    stop: &mut watch::Receiver<bool>,
    end: Instant,
) -> VarInt {
    let limits = &serving.tcp;
    let peer = connection.remote_address().ip().to_canonical();
    let mut deadline = Instant::now() + limits.idle;
    let mut served = false;
    let mut queries = JoinSet::new();
    let unsent = Budget::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(stop) => break,
            Some(ended) = queries.join_next() => match ended {
                Ok(Ok(())) => {
                    served = true;
                    deadline = Instant::now() + limits.idle;
                }
                Ok(Err(code)) => return code,
                Err(_) => tracing::error!("answering a query over QUIC panicked; only this query is lost"),
            },
            accepted = connection.accept_bi() => match accepted {
                Ok((send, receive)) => _ = queries.spawn(answer(send, receive, peer, Arc::clone(serving), unsent.clone())),
                Err(_) => return DOQ_NO_ERROR,
            },
            () = sleep_until(deadline.min(end)) => {
                if !served {
                    dropped(Transport::Quic, DropReason::TcpIdle);
                }
                break;
            }
        }
    }
    let finished = async { while queries.join_next().await.is_some() {} };
    let _ = timeout(limits.write, finished).await;
    DOQ_NO_ERROR
}

/// Answers the query of one stream; the code to close the connection with, if the client has broken the protocol.
async fn answer(
    mut send: SendStream,
    mut receive: RecvStream,
    peer: IpAddr,
    serving: Arc<Serving>,
    unsent: Budget,
) -> Result<(), VarInt> {
    let limits = &serving.tcp;
    let too_much = |reason, send: &mut SendStream, receive: &mut RecvStream| {
        dropped(Transport::Quic, reason);
        // Either fails only if the stream is gone.
        let _ = (receive.stop(DOQ_EXCESSIVE_LOAD), send.reset(DOQ_EXCESSIVE_LOAD));
    };
    let octets = match timeout(limits.idle, receive.read_to_end(PREFIX_LEN + REQUEST_LEN_MAX)).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(ReadToEndError::TooLong)) => {
            too_much(DropReason::RequestTooLong, &mut send, &mut receive);
            return Ok(());
        }
        Ok(Err(ReadToEndError::Read(ReadError::Reset(_)))) => {
            let _ = send.reset(DOQ_REQUEST_CANCELLED);
            return Ok(());
        }
        // The connection is gone.
        Ok(Err(ReadToEndError::Read(_))) => return Ok(()),
        Err(_) => {
            too_much(DropReason::TcpIdle, &mut send, &mut receive);
            return Ok(());
        }
    };
    let room = unsent.room().await;
    let client = Client { transport: Transport::Quic, address: peer, now: now() };
    let answered = only_message(&octets).and_then(|message| {
        with_worker(|worker| {
            let response = worker.answer(message, &serving, &client)?;
            let len = u16::try_from(response.len()).expect("a message has at most 65,535 octets");
            Some([&len.to_be_bytes(), response].concat())
        })
    });
    let Some(answered) = answered else {
        dropped(Transport::Quic, DropReason::Protocol);
        // Left alone, it would look finished.
        let _ = send.reset(DOQ_PROTOCOL_ERROR);
        return Err(DOQ_PROTOCOL_ERROR);
    };
    let answered = room.hold(answered);
    let sent =
        async { send.write_all(&answered).await.is_ok() && send.finish().is_ok() && send.stopped().await.is_ok() };
    // A client that wants it no more, or is gone, is none of our troubles.
    match timeout(limits.write, sent).await {
        Ok(_) => Ok(()),
        Err(_) => {
            dropped(Transport::Quic, DropReason::TcpSlowReader);
            let _ = send.reset(DOQ_EXCESSIVE_LOAD);
            Err(DOQ_EXCESSIVE_LOAD)
        }
    }
}

/// The message of a stream, if its length says that it is whole and alone (RFC 9250 §4.2, §4.3.3).
fn only_message(octets: &[u8]) -> Option<&[u8]> {
    let (len, message) = octets.split_first_chunk()?;
    (usize::from(u16::from_be_bytes(*len)) == message.len()).then_some(message)
}
