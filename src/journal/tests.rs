//! The journal against a naive model.
