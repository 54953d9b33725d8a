//! Pages of 2 MiB, for the index.

/// While there is one, the system gives the process pages of 2 MiB, for which the allocator asks (`src/main.rs`); those
/// that there are stay afterwards.
///
/// They are for what a start reads, the zones and the index of their registrations (and where there is no checkpoint to read,
/// the store's cache, for some 60 MiB more). Small things of many threads would take
/// a page each, and where a changing index has given memory back, the kernel (khugepaged) would fill the gaps up again.
pub struct LargePages(());

impl LargePages {
    /// From now on, until it is dropped.
    #[must_use]
    pub fn allow() -> Self {
        set(true);
        Self(())
    }

    /// Not until somebody allows them: what a process begins with is the system's choice.
    pub fn forbid() {
        set(false);
    }
}

impl Drop for LargePages {
    fn drop(&mut self) {
        set(false);
    }
}

/// Where the system does not let programs choose, nothing is lost but speed.
fn set(allowed: bool) {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(!allowed) {
        tracing::debug!(%error, "the system does not let programs choose their pages");
    }
}
