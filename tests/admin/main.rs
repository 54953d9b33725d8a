//! The admin API over a real socket, with the real writer, journal and store behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod bulk;
mod codes;
mod fields;
mod filing_codes;
mod filings;
mod flows;
mod forms;
mod fuzz;
mod history;
mod hold_lists;
mod hold_reports;
mod pages;
mod reload;
mod roles;
mod server;
mod site_reviews;
mod statistics;
mod writes;
