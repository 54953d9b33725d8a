//! What a registration puts into its zones: addresses, `www`, forwards, delegations, or a notice of a hold.
