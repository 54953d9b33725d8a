//! HTTP for forwarded names: redirects, and notices for held ones.
