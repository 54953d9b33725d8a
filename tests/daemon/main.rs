//! The running program, seen from outside: real process, real packets, real HTTP.
