//! A zone that is configured, but that no file has been loaded for.

use super::allowed::Allowed;
use super::name::Name;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A zone that is configured and has nothing to answer from. It stands in the set all the same: its names are never
/// answered from the zone above, where they may be a delegation or not exist. Cloning is cheap.
#[derive(Clone)]
pub struct Unloaded {
    apex: Arc<Name>,
    allowed: Option<Arc<Allowed>>,
}

impl Unloaded {
    /// The zone with this apex; everybody may ask for it.
    pub fn new(apex: Name) -> Self {
        Self { apex: Arc::new(apex), allowed: None }
    }

    /// The same, to be answered for only to clients in `networks` and to those that sign with one of `keys`.
    pub fn with_allowed(self, networks: &[IpNet], keys: &[Name]) -> Self {
        Self { allowed: Some(Arc::new(Allowed::new(networks, keys))), ..self }
    }

    /// Its apex.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Whether a client may ask for it, as [`super::Zone::allows`].
    pub fn allows(&self, address: IpAddr, key: Option<&[u8]>) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.holds(address, key))
    }
}

impl fmt::Debug for Unloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} not loaded", self.apex)
    }
}
