//! Zhengming (正名): the name service of `.政务` and `.公益`.
//!
//! An authoritative DNS server and, beside it in one process, the small registry control plane that decides which
//! names it may answer. One approved decision becomes one durable journal line and, in the same moment, one changed
//! DNS answer; for a forwarded name, one changed HTTP redirect.
//!
//! # Two ways through the program
//!
//! ```text
//! READ   packet ─▶ server ─▶ query (parse, look up, answer) ─▶ packet
//!                              ▲
//!                              │ snapshot: one pointer, swapped whole
//!                              │
//! WRITE  API, CLI, clock ─▶ registry (decide) ─▶ journal (durable) ─▶ store (materialise)
//!                           ─▶ publication (records) ─▶ snapshot (visible) ─▶ reply
//! ```
//!
//! Queries come by the hundred thousand, changes one at a time. So the ways meet at one place only, the snapshot, and
//! neither ever waits for the other.
//!
//! # Four invariants
//!
//! 1. The read way touches no store, no journal, no lock that a writer holds, and no socket but its own.
//! 2. Nothing is visible before it is durable, and nothing is acknowledged before it is visible.
//! 3. [`update`] is the only door for a change: the API, an import, the clock and a reload all end there.
//! 4. The journal is the truth. sled, indexes, zones and snapshots can be thrown away and built from it again.
//!
//! # Levels
//!
//! A module uses modules of lower levels only; those of one level do not see each other. `tests/architecture.rs` fails
//! on a `use` against this table, and on a crate used outside the module it is confined to.
//!
//! | level | module | what it owns |
//! |---|---|---|
//! | 0 | [`idn`] | A-labels and U-labels, input mapping, the code points that may be registered, their variants |
//! | 0 | [`zone`] | names, records, the index of one zone and the set of zones |
//! | 0 | [`tsig`] | keys, and the signatures of requests and answers |
//! | 0 | [`telemetry`] | logs, and metrics as typed handles |
//! | 0 | [`http`] | the accept loop that the two HTTP listeners share |
//! | 1 | [`registry`] | the rules: state, command and time go in, events or a refusal come out |
//! | 1 | [`zonefile`] | master files into zones, every error with its line |
//! | 1 | [`query`] | one request to one response, octets to octets |
//! | 2 | [`publication`] | what a registration puts into its zones |
//! | 3 | [`journal`] | the chain of transactions: append, fsync, verify, read |
//! | 3 | [`store`] | the state in sled, derived from the journal |
//! | 3 | [`snapshot`] | what is served now, in a read half and a write half |
//! | 4 | [`update`] | the one writer, its queue, what falls due, the brake |
//! | 5 | [`server`] | the DNS sockets, their limits and counters |
//! | 5 | [`gateway`] | redirects of forwarded names, notices of held ones |
//! | 5 | [`admin`] | the REST API, its roles and its documents |
//! | 5 | [`outbox`] | notices to units, from the journal to a file and a webhook |
//! | 6 | [`config`] | the one configuration file |
//! | 7 | [`daemon`] | start in one order, stop in the reverse, reload in between |
//! | 8 | [`cli`] | commands, exit codes, messages |
//!
//! # Where to begin
//!
//! Read `registry/mod.rs` and the types beside it for what is decided, `zone/mod.rs` for what is served. Then follow a
//! change: `admin` → `update/mod.rs` → `registry/decide.rs` → `journal` → `store` → `publication` → `snapshot`. Then
//! follow a packet: `server` → `query`. `daemon/mod.rs` shows in one function how all of it is put together.

#![deny(unsafe_code)]

#[cfg(all(feature = "test-clock", not(debug_assertions)))]
compile_error!("the test clock is never part of a release build");

pub mod admin;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod gateway;
pub mod http;
pub mod idn;
pub mod journal;
pub mod outbox;
pub mod publication;
pub mod query;
pub mod registry;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod telemetry;
pub mod tsig;
pub mod update;
pub mod zone;
pub mod zonefile;
