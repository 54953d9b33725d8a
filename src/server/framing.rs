//! DNS messages in a stream of octets: two octets of length before each (RFC 1035 §4.2.2), cut anywhere.

/// Longest request taken over TCP. Queries are far shorter; a larger one would only let a client hold our memory.
pub const REQUEST_LEN_MAX: usize = 8192;
/// Octets of the length before each message.
pub const PREFIX_LEN: usize = 2;
/// First size of a connection's buffer: several queries.
const BUFFER_LEN_MIN: usize = 512;
/// Largest size: the longest request with its length.
const BUFFER_LEN_MAX: usize = PREFIX_LEN + REQUEST_LEN_MAX;

/// What has been read of a connection and not been answered yet.
#[derive(Default)]
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

/// The next message is longer than [`REQUEST_LEN_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Frames {
    /// Room for more octets, never empty after all complete messages were taken.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).clamp(BUFFER_LEN_MIN, BUFFER_LEN_MAX), 0);
        }
        &mut self.buffer[self.end..]
    }

    /// `len` octets were put into the room.
    pub fn fill(&mut self, len: usize) {
        self.end += len;
        debug_assert!(self.end <= self.buffer.len(), "more was filled than there was room");
    }

    /// The next complete message, if there is one.
    ///
    /// # Errors
    /// [`TooLong`]; the stream cannot be read on then.
    pub fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let waiting = &self.buffer[self.start..self.end];
        let [high, low, rest @ ..] = waiting else { return Ok(None) };
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        if len > REQUEST_LEN_MAX {
            return Err(TooLong);
        }
        if rest.len() < len {
            return Ok(None);
        }
        let message = self.start + PREFIX_LEN;
        self.start = message + len;
        Ok(Some(&self.buffer[message..message + len]))
    }

    /// Whether a message has begun and not ended.
    pub fn is_partial(&self) -> bool {
        self.start < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        messages.iter().flat_map(|m| (m.len() as u16).to_be_bytes().into_iter().chain(m.iter().copied())).collect()
    }

    /// Feeds `stream` in pieces of the given sizes, over and over, and returns the messages found.
    fn read(stream: &[u8], pieces: &[usize]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut frames = Frames::default();
        let mut found = Vec::new();
        let mut rest = stream;
        for piece in pieces.iter().cycle() {
            let room = frames.room();
            assert!(!room.is_empty(), "a reader without room would spin");
            let len = (*piece).min(room.len()).min(rest.len());
            room[..len].copy_from_slice(&rest[..len]);
            rest = &rest[len..];
            frames.fill(len);
            while let Some(message) = frames.next()? {
                found.push(message.to_vec());
            }
            if rest.is_empty() {
                break;
            }
        }
        assert!(frames.buffer.len() <= BUFFER_LEN_MAX);
        assert!(!frames.is_partial());
        Ok(found)
    }

    proptest! {
        #[test]
        fn segmentation_changes_nothing(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 1..20),
            pieces in prop::collection::vec(1_usize..900, 1..10),
        ) {
            prop_assert_eq!(read(&framed(&messages), &pieces), Ok(messages));
        }
    }

    #[test]
    fn the_longest_request_fits_and_one_more_does_not() {
        let longest = vec![vec![1; REQUEST_LEN_MAX], vec![2; 3]];
        assert_eq!(read(&framed(&longest), &[1000]), Ok(longest));
        assert_eq!(read(&framed(&[vec![1; REQUEST_LEN_MAX + 1]]), &[1000]), Err(TooLong));
    }
}
