//! The configuration: one versioned TOML file.
