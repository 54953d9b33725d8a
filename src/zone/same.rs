//! Comparison of short octet strings without a call.

/// Whether both are the same: names and labels are mostly from 8 to 32 octets long, which two overlapping pieces cover.
#[inline]
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if let (Some(a_first), Some(b_first)) = (a.first_chunk::<16>(), b.first_chunk::<16>())
        && let (Some(a_last), Some(b_last)) = (a.last_chunk::<16>(), b.last_chunk::<16>())
    {
        if a.len() > 32 {
            return a == b;
        }
        let differing = (u128::from_le_bytes(*a_first) ^ u128::from_le_bytes(*b_first))
            | (u128::from_le_bytes(*a_last) ^ u128::from_le_bytes(*b_last));
        return differing == 0;
    }
    if let (Some(a_first), Some(b_first)) = (a.first_chunk::<8>(), b.first_chunk::<8>())
        && let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>())
    {
        let differing = (u64::from_le_bytes(*a_first) ^ u64::from_le_bytes(*b_first))
            | (u64::from_le_bytes(*a_last) ^ u64::from_le_bytes(*b_last));
        return differing == 0;
    }
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_every_octet_counts() {
        let octets: Vec<u8> = (0..100).collect();
        for len in 0..octets.len() {
            let copy = octets[..len].to_vec();
            assert!(is_same(&octets[..len], &copy));
            assert!(!is_same(&octets[..len], &octets[..len + 1]));
            for at in 0..len {
                let mut other = octets[..len].to_vec();
                other[at] ^= 0x80;
                assert!(!is_same(&octets[..len], &other), "octet {at} of {len}");
            }
        }
    }
}
