//! An accept loop for HTTP/1.1 with limits on headers, time and connections, and optional TLS.
//!
//! `axum::serve` has none of these limits, and ends or spins on failing accepts; admin and gateway share this loop.
