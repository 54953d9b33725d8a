//! DNS sockets: UDP and TCP loops, limits, and the counting of outcomes.
