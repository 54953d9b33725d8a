//! One request to one response, octets to octets (RFC 1034 §4.3.2).
