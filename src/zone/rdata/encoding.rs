//! Hexadecimal, Base64 and Base32hex (RFC 4648), read over several tokens and written.

/// Collects octets from digits of `BITS` bits each; with five bits Base32hex without padding, as NSEC3 has it.
pub struct Digits<const BITS: u32> {
    value: u32,
    held_bits: u32,
    digits: usize,
    padding: usize,
}

/// Hexadecimal digits.
pub type HexDigits = Digits<4>;
/// Base64 digits, padded to groups of four.
pub type Base64Digits = Digits<6>;

impl<const BITS: u32> Digits<BITS> {
    /// No digits yet.
    #[allow(clippy::new_without_default, reason = "an empty decoder is no value of its own")]
    pub fn new() -> Self {
        Self { value: 0, held_bits: 0, digits: 0, padding: 0 }
    }

    /// Appends the octets that `text` completes; none if it has anything but digits.
    pub fn feed(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        for &octet in text {
            if BITS == 6 && octet == b'=' {
                self.padding += 1;
                continue;
            }
            if self.padding > 0 {
                return None;
            }
            self.value = (self.value << BITS) | digit(BITS, octet)?;
            self.held_bits += BITS;
            self.digits += 1;
            if self.held_bits >= 8 {
                self.held_bits -= 8;
                out.push((self.value >> self.held_bits) as u8);
                self.value &= (1 << self.held_bits) - 1;
            }
        }
        Some(())
    }

    /// Whether the digits end at an octet: nothing but zero bits left over (RFC 4648 §3.5), padding as it must be.
    pub fn finish(self) -> bool {
        let padded = if BITS == 6 { (self.digits + self.padding).is_multiple_of(4) && self.padding < 3 } else { true };
        padded && self.value == 0 && self.held_bits < BITS
    }
}

fn digit(bits: u32, octet: u8) -> Option<u32> {
    let value = match (bits, octet) {
        (4 | 5, b'0'..=b'9') => octet - b'0',
        (4, b'a'..=b'f') | (5, b'a'..=b'v') => octet - b'a' + 10,
        (4, b'A'..=b'F') | (5, b'A'..=b'V') => octet - b'A' + 10,
        (6, b'A'..=b'Z') => octet - b'A',
        (6, b'a'..=b'z') => octet - b'a' + 26,
        (6, b'0'..=b'9') => octet - b'0' + 52,
        (6, b'+') => 62,
        (6, b'/') => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// Appends `octets` in upper-case hexadecimal.
pub fn hex(octets: &[u8], out: &mut String) {
    write(4, b"0123456789ABCDEF", octets, out);
}

/// Appends `octets` in Base32hex without padding, in upper case.
pub fn base32(octets: &[u8], out: &mut String) {
    write(5, b"0123456789ABCDEFGHIJKLMNOPQRSTUV", octets, out);
}

/// Appends `octets` in Base64.
pub fn base64(octets: &[u8], out: &mut String) {
    write(6, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", octets, out);
    for _ in 0..(3 - octets.len() % 3) % 3 {
        out.push('=');
    }
}

fn write(bits: u32, alphabet: &[u8], octets: &[u8], out: &mut String) {
    let mask = (1 << bits) - 1;
    let (mut value, mut held_bits) = (0u32, 0);
    for &octet in octets {
        value = (value << 8) | u32::from(octet);
        held_bits += 8;
        while held_bits >= bits {
            held_bits -= bits;
            out.push(alphabet[((value >> held_bits) & mask) as usize] as char);
        }
        value &= (1 << held_bits) - 1;
    }
    if held_bits > 0 {
        out.push(alphabet[((value << (bits - held_bits)) & mask) as usize] as char);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode<const BITS: u32>(text: &str) -> Option<Vec<u8>> {
        let (mut digits, mut out) = (Digits::<BITS>::new(), Vec::new());
        digits.feed(text.as_bytes(), &mut out)?;
        digits.finish().then_some(out)
    }

    #[test]
    fn rfc4648_section_10_vectors() {
        let vectors = [
            ("", "", "", ""),
            ("f", "Zg==", "CO", "66"),
            ("fo", "Zm8=", "CPNG", "666F"),
            ("foo", "Zm9v", "CPNMU", "666F6F"),
            ("foob", "Zm9vYg==", "CPNMUOG", "666F6F62"),
            ("fooba", "Zm9vYmE=", "CPNMUOJ1", "666F6F6261"),
            ("foobar", "Zm9vYmFy", "CPNMUOJ1E8", "666F6F626172"),
        ];
        for (plain, in64, in32, in16) in vectors {
            let mut written = [String::new(), String::new(), String::new()];
            base64(plain.as_bytes(), &mut written[0]);
            base32(plain.as_bytes(), &mut written[1]);
            hex(plain.as_bytes(), &mut written[2]);
            assert_eq!(written, [in64, in32, in16]);
            assert_eq!(decode::<6>(in64).as_deref(), Some(plain.as_bytes()));
            assert_eq!(decode::<5>(in32).as_deref(), Some(plain.as_bytes()));
            assert_eq!(decode::<4>(&in16.to_lowercase()).as_deref(), Some(plain.as_bytes()));
        }
    }

    #[test]
    fn stray_bits_and_padding_are_refused() {
        for text in ["Zg", "Zg=", "Zh==", "Z===", "Zg==Zg==", "====", "Zm9v!"] {
            assert_eq!(decode::<6>(text), None, "{text}");
        }
        for text in ["C", "CP1", "CW"] {
            assert_eq!(decode::<5>(text), None, "{text}");
        }
        assert_eq!(decode::<4>("abc"), None);
    }
}
