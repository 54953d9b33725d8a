//! The registry's rules through `decide`: by table, one file per theme, and as properties of random histories.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod brake;
mod changes;
mod due;
mod filings;
mod filings_machine;
mod holds;
mod import;
mod import_filings;
mod invoices;
mod labels;
mod machine;
mod names;
mod penalties;
mod resolutions;
mod site_machine;
mod site_reviews;
mod terms;
mod units;
mod witness;
mod world;
