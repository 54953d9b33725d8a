//! Reading single objects, what falls due, and everything at start.

use super::layers::Layers;
use super::totals::{HoldCounts, move_holds};
use super::trees::Tree;
use super::{ANSWERED_SECS, Answered, Entry, Store, StoreError, ZoneMark, damaged, filings, keys, merged, v1};
use crate::idn::{Bundle, Label};
use crate::registry::life::Ends;
use crate::registry::{
    Account, Application, ApplicationId, Brake, Change, ChangeId, Claim, Due, NameKey, Order, OrderId, Registration,
    Remittance, RemittanceId, Reservation, SetTotals, State, TermEnd, Timestamp, Unavailable, Unit, UnitId, VisitName,
};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Store {
    /// The last SOA serial and the digest of the file of each zone, by apex (A-labels, final dot).
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn zones(&self) -> Result<Vec<ZoneMark>, Unavailable> {
        let read = |entry: Entry| {
            let (key, value) = entry?;
            let apex = std::str::from_utf8(&key).map_err(|_| undecodable("a zone"))?.into();
            let zone: v1::ZoneV1 = v1::read(&value).ok_or_else(|| undecodable("a zone"))?;
            Ok(ZoneMark { apex, serial: zone.serial, digest: zone.digest })
        };
        self.trees[Tree::Zones].iter().map(read).collect()
    }

    /// The answer already given to this principal's idempotency key, unless it is older than seven days.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn answered(&self, principal: &str, key: &str, now: Timestamp) -> Result<Option<Answered>, Unavailable> {
        let found = self.trees[Tree::Idempotency].get(&keys::answered(principal, key))?;
        let Some(octets) = found else { return Ok(None) };
        let answered: v1::AnsweredV1 = v1::read(&octets).ok_or_else(|| undecodable("an idempotency key"))?;
        let fresh = now.0.saturating_sub(answered.at) <= ANSWERED_SECS;
        Ok(fresh.then_some(Answered { seq: answered.seq, digest: answered.digest }))
    }

    /// What is due after `after` and no later than `until` beside the ends of terms, earliest first, at most `limit`.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn edges_after(&self, after: Option<&Due>, until: Timestamp, limit: usize) -> Result<Vec<Due>, Unavailable> {
        let from = after.map_or_else(Vec::new, |due| [&keys::due(due)[..], &[0]].concat());
        let mut found = Vec::new();
        for entry in self.trees[Tree::Due].range(&from, None).take(limit) {
            let due = keys::read_due(&entry?.0, &|set| self.intern(set));
            let due = due.ok_or_else(|| undecodable("a due time"))?;
            if due.at > until {
                break;
            }
            found.push(due);
        }
        Ok(found)
    }

    /// The transactions that ended registrations of the name, the first one first.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub fn removals(&self, key: &NameKey) -> Result<Vec<u64>, Unavailable> {
        let seq = |entry: Entry| keys::read_removal(&entry?.0).ok_or_else(|| undecodable("the end of a registration"));
        self.trees[Tree::Removals].prefix(&keys::removal_prefix(key)).map(seq).collect()
    }

    /// How many names, and how many units, have each active hold.
    pub fn hold_counts(&self) -> &HoldCounts {
        &self.totals.holds
    }

    /// Hands every registration to `visit`, set by set and in label order, until it answers false.
    ///
    /// For the start, when everything is read once. If all are read, they are checked against the totals.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn for_each_name(&self, visit: &mut dyn FnMut(Registration) -> bool) -> Result<(), StoreError> {
        let mut seen = BTreeMap::<Arc<str>, SetTotals>::new();
        let mut holds = BTreeMap::new();
        for entry in self.trees[Tree::Names].iter() {
            let name = entry.and_then(|(key, value)| self.read_name(&key, &value)).map_err(|error| damaged(error.0))?;
            seen.entry(Arc::clone(&name.key.set)).or_default().names += 1;
            move_holds(&mut holds, None, Some(&name.holds));
            if !visit(name) {
                return Ok(());
            }
        }
        let counted = self.totals.sets.iter().filter(|(_, totals)| totals.names > 0);
        if counted.eq(seen.iter()) && holds == self.totals.holds.names {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("it has names {seen:?} with holds {holds:?}, but counts {:?}", self.totals)))
    }

    /// Hands every unit to `visit`, in order of their ids, until it answers false. If all are read, their holds are
    /// checked against the totals.
    ///
    /// # Errors
    /// [`StoreError::Damaged`].
    pub fn for_each_unit(&self, visit: &mut dyn FnMut(Unit) -> bool) -> Result<(), StoreError> {
        let mut holds = BTreeMap::new();
        for entry in self.trees[Tree::Units].iter() {
            let unit = entry.and_then(|(key, value)| read_unit(&key, &value)).map_err(|error| damaged(error.0))?;
            move_holds(&mut holds, None, Some(&unit.holds));
            if !visit(unit) {
                return Ok(());
            }
        }
        if holds == self.totals.holds.units {
            return Ok(());
        }
        Err(StoreError::Damaged(format!("its units have holds {holds:?}, but it counts {:?}", self.totals.holds.units)))
    }

    /// The object with this id, as `read` makes it of its value.
    fn by_id<V: serde::de::DeserializeOwned, T>(
        &self,
        tree: &Layers,
        id: u64,
        what: &str,
        read: impl FnOnce(V) -> Option<T>,
    ) -> Result<Option<T>, Unavailable> {
        let found = tree.get(&id.to_be_bytes())?;
        found.map(|octets| v1::read(&octets).and_then(read).ok_or_else(|| undecodable(what))).transpose()
    }

    /// The registration stored as `value` under `key`.
    pub(super) fn read_name(&self, key: &[u8], value: &[u8]) -> Result<Registration, Unavailable> {
        let key = keys::read_name(key, &|set| self.intern(set));
        let name = key.and_then(|key| v1::read::<v1::NameV1>(value)?.into_name(key));
        name.ok_or_else(|| undecodable("a registration"))
    }
}

/// The unit stored as `value` under `key`.
pub(super) fn read_unit(key: &[u8], value: &[u8]) -> Result<Unit, Unavailable> {
    let id = std::str::from_utf8(key).ok().and_then(UnitId::parse);
    let unit = id.and_then(|id| v1::read::<v1::UnitV1>(value)?.into_unit(id));
    unit.ok_or_else(|| undecodable("a unit"))
}

pub(super) fn undecodable(what: &str) -> Unavailable {
    Unavailable(format!("the store is damaged: {what} does not decode"))
}

impl State for Store {
    fn unit(&self, id: &UnitId) -> Result<Option<Unit>, Unavailable> {
        let found = self.trees[Tree::Units].get(id.as_str().as_bytes())?;
        found.map(|octets| read_unit(id.as_str().as_bytes(), &octets)).transpose()
    }

    fn name(&self, key: &NameKey) -> Result<Option<Registration>, Unavailable> {
        let key = keys::name(key);
        let found = self.trees[Tree::Names].get(&key)?;
        found.map(|octets| self.read_name(&key, &octets)).transpose()
    }

    fn change(&self, id: ChangeId) -> Result<Option<Change>, Unavailable> {
        let found = self.trees[Tree::Changes].get(&keys::change(id))?;
        let read = |octets: Vec<u8>| {
            let change = v1::read::<v1::ChangeV1>(&octets).and_then(|change| change.into_change(id));
            change.ok_or_else(|| undecodable("a change"))
        };
        found.map(read).transpose()
    }

    fn application(&self, id: ApplicationId) -> Result<Option<Application>, Unavailable> {
        let read = |value: filings::ApplicationV1| value.into_application(id);
        self.by_id(&self.trees[Tree::Applications], id.0, "an application", read)
    }

    fn order(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.by_id(&self.trees[Tree::Orders], id.0, "an order", |value: filings::OrderV1| value.into_order(id))
    }

    fn remittance(&self, id: RemittanceId) -> Result<Option<Remittance>, Unavailable> {
        let read = |value: filings::RemittanceV1| value.into_remittance(id);
        self.by_id(&self.trees[Tree::Remittances], id.0, "a remittance", read)
    }

    fn last_filing(&self) -> Result<u64, Unavailable> {
        let mut last = 0;
        for tree in [&self.trees[Tree::Applications], &self.trees[Tree::Orders], &self.trees[Tree::Remittances]] {
            let found = tree.last_key()?;
            let id = found.map(|key| filings::id_of(&key).ok_or_else(|| undecodable("an id"))).transpose()?;
            last = last.max(id.unwrap_or(0));
        }
        Ok(last)
    }

    fn claim(&self, name: &NameKey) -> Result<Option<Claim>, Unavailable> {
        if !self.used.claims {
            return Ok(None);
        }
        let first = self.trees[Tree::Claims]
            .prefix(&filings::claims_on(name, &|label| self.bundle(label)))
            .next()
            .transpose()?;
        first.map(|(key, _)| filings::read_claim(&key).ok_or_else(|| undecodable("a claim"))).transpose()
    }

    fn account(&self, account: Account) -> Result<Option<UnitId>, Unavailable> {
        let first = self.trees[Tree::Accounts].prefix(&filings::account(account, None)).next().transpose()?;
        first.map(|(key, _)| filings::read_account(&key).ok_or_else(|| undecodable("an account"))).transpose()
    }

    fn invoiced(&self, invoice: &str, visit: &mut dyn FnMut(OrderId) -> bool) -> Result<(), Unavailable> {
        for entry in self.trees[Tree::Filings].prefix(&filings::by_invoice(invoice, None)) {
            if !visit(OrderId(filings::id_of(&entry?.0).ok_or_else(|| undecodable("an invoice"))?)) {
                break;
            }
        }
        Ok(())
    }

    fn names_of(&self, unit: &UnitId, visit: &mut VisitName<'_>) -> Result<(), Unavailable> {
        for entry in self.trees[Tree::NamesByUnit].prefix(&keys::unit_prefix(unit)) {
            let (key, value) = entry?;
            let key = keys::read_name_by_unit(&key, &|set| self.intern(set));
            let (key, outline) = key.zip(v1::read_outline(&value)).ok_or_else(|| undecodable("a name of a unit"))?;
            if !visit(&key, outline) {
                break;
            }
        }
        Ok(())
    }

    fn bundle_of(&self, label: &Label) -> Bundle {
        self.bundle(label)
    }

    fn same_bundle(&self, key: &NameKey, visit: &mut dyn FnMut(&NameKey) -> bool) -> Result<(), Unavailable> {
        self.visit_bundle(key, visit)
    }

    fn due(&self, now: Timestamp, visit: &mut dyn FnMut(&Due) -> bool) -> Result<(), Unavailable> {
        for entry in merged(vec![self.trees[Tree::Due].iter(), self.trees[Tree::Expiring].iter()]) {
            let due = keys::read_due(&entry?.0, &|set| self.intern(set));
            let due = due.ok_or_else(|| undecodable("a due time"))?;
            if due.at > now || !visit(&due) {
                break;
            }
        }
        Ok(())
    }

    fn ends(
        &self,
        which: Ends,
        after: &TermEnd,
        until: Timestamp,
        visit: &mut dyn FnMut(&TermEnd) -> bool,
    ) -> Result<(), Unavailable> {
        let trees = match which {
            Ends::All => vec![&self.trees[Tree::Expiring], &self.trees[Tree::Expired], &self.trees[Tree::Leaving]],
            Ends::Expired => vec![&self.trees[Tree::Expired]],
        };
        let from = keys::after_end(after);
        for entry in merged(trees.into_iter().map(|tree| tree.range(&from, None)).collect()) {
            let end = keys::read_end(&entry?.0, &|set| self.intern(set));
            let end = end.ok_or_else(|| undecodable("the end of a term"))?;
            if end.at > until || !visit(&end) {
                break;
            }
        }
        Ok(())
    }

    fn reservation(&self, key: &NameKey) -> Result<Option<Reservation>, Unavailable> {
        if !self.used.reservations {
            return Ok(None);
        }
        let found = self.trees[Tree::Reservations].get(&keys::name(key))?;
        let read = |octets: Vec<u8>| {
            let kept = v1::read::<v1::ReservationV1>(&octets).and_then(|kept| kept.into_reservation(key.clone()));
            kept.ok_or_else(|| undecodable("a kept label"))
        };
        found.map(read).transpose()
    }

    fn kept_in_bundle(&self, key: &NameKey) -> Result<Vec<Reservation>, Unavailable> {
        if !self.used.reservations {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for entry in self.trees[Tree::KeptBundles].prefix(&keys::bundle_prefix(&self.bundle(&key.label), &key.set)) {
            let kept = keys::read_bundle(&entry?.0, &|set| self.intern(set));
            let kept = kept.ok_or_else(|| undecodable("an entry of a kept package"))?;
            all.extend(self.reservation(&kept)?);
        }
        Ok(all)
    }

    fn noticed(&self) -> Result<BTreeMap<i32, TermEnd>, Unavailable> {
        Ok(self.noticed.clone())
    }

    fn totals(&self, set: &Arc<str>) -> Result<SetTotals, Unavailable> {
        Ok(self.totals.sets.get(set).copied().unwrap_or_default())
    }

    fn brake(&self) -> Result<Brake, Unavailable> {
        Ok(self.brake.clone())
    }

    fn filings_of(&self, unit: &UnitId, visit: &mut dyn FnMut(Claim) -> bool) -> Result<(), Unavailable> {
        for letter in [filings::APPLICATION, filings::ORDER] {
            for entry in self.trees[Tree::Filings].prefix(&filings::by_unit(letter, unit, None)) {
                let id = filings::id_of(&entry?.0).ok_or_else(|| undecodable("an index"))?;
                let is_order = letter == filings::ORDER;
                if !visit(if is_order { Claim::Order(OrderId(id)) } else { Claim::Application(ApplicationId(id)) }) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
