//! Master files (RFC 1035 §5): a streaming scanner, and the checks of a whole zone with line numbers.
