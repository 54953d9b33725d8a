//! Questions of class CHAOS that ask about the server itself: who and what it is (RFC 4892).

use super::question::Question;
use super::reply::{NOERROR, REFUSED, Reply};
use super::{Kind, Settings};
use crate::zone::Rtype;
use crate::zone::record::CLASS_CH;

/// Names that ask which of several servers this is, in wire form.
const WHO: [&[u8]; 2] = [b"\x02id\x06server\0", b"\x08hostname\x04bind\0"];
/// Names that ask what program it is.
const WHAT: [&[u8]; 2] = [b"\x07version\x06server\0", b"\x07version\x04bind\0"];

/// Answers `question`, if the settings have an answer to it.
pub(super) fn answer(settings: &Settings, question: &Question<'_>, reply: &mut Reply<'_, '_>) {
    let asks = |names: [&[u8]; 2]| names.iter().any(|name| question.name.as_wire().eq_ignore_ascii_case(name));
    let text = match () {
        () if asks(WHO) => settings.id_server.as_bytes(),
        () if asks(WHAT) => settings.version_server.as_bytes(),
        () => &[],
    };
    if text.is_empty() || !matches!(question.qtype, Rtype::TXT | Rtype::ANY) {
        return reply.fail(REFUSED, Kind::Refused);
    }
    reply.fail(NOERROR, Kind::Answer);
    let written = reply.message.text(CLASS_CH, text);
    reply.require(written);
}
