//! What labels are held against beside their form: the table of characters, reserved labels, divisions, look-alikes.

use super::{Divisions, LookAlikes};
use crate::idn::{Bundle, Label, Table};
use std::collections::HashSet;
use std::sync::Arc;

/// The settings that labels are judged by; cloning shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    table: Option<Arc<Table>>,
    reserved: Arc<HashSet<Bundle>>,
    divisions: Arc<Divisions>,
    look_alikes: Arc<LookAlikes>,
}

impl Labels {
    /// Labels by this table, or by the built-in repertoire and without variants; everything of the package of a `reserved`
    /// one is reserved.
    pub fn new(table: Option<Arc<Table>>, reserved: &[Label], divisions: Divisions, look_alikes: LookAlikes) -> Self {
        let mut labels =
            Self { table, divisions: Arc::new(divisions), look_alikes: Arc::new(look_alikes), ..Self::default() };
        labels.reserved = Arc::new(reserved.iter().map(|label| labels.bundle(label)).collect());
        labels
    }

    /// The table, if one is configured.
    pub fn table(&self) -> Option<&Table> {
        self.table.as_deref()
    }

    /// The same, to be shared.
    pub fn shared_table(&self) -> Option<Arc<Table>> {
        self.table.clone()
    }

    /// What all labels of the label's package have in common.
    pub fn bundle(&self, label: &Label) -> Bundle {
        self.table.as_ref().map_or_else(|| Bundle::of_itself(label), |table| table.bundle(label))
    }

    /// Whether a reserved label is in the bundle.
    pub fn is_reserved(&self, bundle: &Bundle) -> bool {
        self.reserved.contains(bundle)
    }

    /// The administrative divisions.
    pub fn divisions(&self) -> &Divisions {
        &self.divisions
    }

    /// The characters that look alike.
    pub fn look_alikes(&self) -> &LookAlikes {
        &self.look_alikes
    }

    /// A text as it is compared: variants of a character are the same.
    pub fn spelling(&self, text: &str) -> Box<str> {
        self.table.as_ref().map_or_else(|| text.into(), |table| table.bundle_of_text(text).as_str().into())
    }
}
