//! The store against a naive model: random transactions, stops between any two writes, redo, reopening, listings.
