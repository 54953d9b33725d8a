//! A persistent hash index of octet strings: edits copy a few small pages, older versions stay as they were.

/// One version of the index. Cloning is cheap: versions share their pages.
#[derive(Clone)]
pub struct Pages {}

/// Edits on top of one version; pages already copied by this edit are changed in place.
pub struct PagesEdit {}

impl Pages {
    /// An empty index.
    pub fn new() -> Self {
        todo!()
    }

    /// The value of `key`. No allocation; the cost does not depend on what the index holds.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let _ = key;
        todo!()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Starts an edit.
    pub fn edit(&self) -> PagesEdit {
        todo!()
    }

    /// All keys and values, in no useful order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        std::iter::empty()
    }
}

impl PagesEdit {
    /// The value of `key` as edited so far.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let _ = key;
        todo!()
    }

    /// Sets the value of `key`.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        let _ = (key, value);
        todo!()
    }

    /// Takes `key` out; whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let _ = key;
        todo!()
    }

    /// The new version.
    pub fn finish(self) -> Pages {
        todo!()
    }
}
