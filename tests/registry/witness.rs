//! What a random history of the registry has told, and what must hold of its state after every step.

use crate::world::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use zhengming::idn::{Bundle, Label};
use zhengming::registry::command::*;
use zhengming::registry::life::Unfreeze;
use zhengming::registry::procedure::{ApplicationCommand as Apply, OrderCommand as Charge, SiteReviewCommand as Site};
use zhengming::registry::*;

/// What the history has told so far, by what was granted alone.
#[derive(Default)]
pub struct Witness {
    /// Submitter and approvers so far of each change.
    took_part: BTreeMap<ChangeId, Vec<String>>,
    /// Who stands behind what each name resolves to: three principals, or a migration.
    behind: BTreeMap<NameKey, Vec<String>>,
    /// Submitter and approvers of each application since its last submission.
    applied: BTreeMap<ApplicationId, Vec<String>>,
    /// Which notices were given, of which term, and of which registration of the name.
    told: BTreeSet<(NameKey, String, Timestamp, usize)>,
    /// How often each name has been deleted.
    deleted: BTreeMap<NameKey, usize>,
    /// Who handed in and approved each unit's site since its last submission, and at which step.
    sites: BTreeMap<UnitId, Vec<(Option<SiteStep>, String)>>,
    /// The former names of blacklisted units, until they are deleted.
    withheld: BTreeSet<NameKey>,
    /// Everything that happened.
    pub journal: Vec<Event>,
}

impl Witness {
    /// Takes note of a granted command.
    pub fn note(&mut self, actor: &Actor, command: &Command, decision: &Decision) {
        let principal = actor.principal.to_string();
        self.journal.extend(decision.events.iter().cloned());
        // A notice of the deletion follows the deletion, but is of the registration before it.
        for notice in notices_of(decision) {
            let count = self.deleted.get(&notice.name).copied().unwrap_or(0);
            let first = self.told.insert((notice.name.clone(), notice.kind.to_string(), notice.expires, count));
            assert!(first, "{notice:?} twice");
        }
        for event in &decision.events {
            if let Event::NameRemoved { key, .. } = event {
                self.behind.remove(key);
                self.withheld.remove(key);
                *self.deleted.entry(key.clone()).or_default() += 1;
            }
        }
        match command {
            Command::Submit { name, asserted, .. } => {
                let mut by = vec![principal];
                by.extend(asserted.iter().map(|(_, by)| by.to_string()));
                if matches!(&*decision.outcome.state, "live" | "held") {
                    self.behind.insert(name.clone(), by.clone());
                }
                self.took_part.insert(ChangeId::parse(&decision.outcome.id).unwrap(), by);
            }
            Command::Review { change, .. } => {
                let by = self.took_part.get_mut(change).expect("only what was submitted is reviewed");
                by.push(principal);
                let live = decision.events.iter().find_map(|event| match event {
                    Event::Name(name) if matches!(&*decision.outcome.state, "live" | "held") => Some(name.key.clone()),
                    _ => None,
                });
                if let Some(key) = live {
                    self.behind.insert(key, by.clone());
                }
            }
            Command::Import { items } => {
                let changed = |key: &NameKey| {
                    decision.events.iter().any(|event| matches!(event, Event::Name(name) if name.key == *key))
                };
                for (_, item) in items {
                    if let ImportItem::Name(line) = item
                        && line.resolution.is_some()
                        && changed(&line.key)
                    {
                        self.behind.insert(line.key.clone(), vec!["migration".into()]);
                    }
                }
            }
            Command::Apply(command) => self.note_application(principal, command, decision),
            Command::Charge(Charge::Recognise { .. }) => self.note_registered(decision),
            Command::ReviewSite { unit, command } => self.note_site(principal, unit, command, decision),
            Command::Penalise { step: PenaltyStep::Deletion, .. } => {
                let names = decision.events.iter().filter_map(|event| match event {
                    Event::Name(name) => Some(name.key.clone()),
                    _ => None,
                });
                self.withheld.extend(names);
            }
            _ => {}
        }
    }

    /// An application passes by two reviewers who have not handed it in (R17).
    fn note_application(&mut self, principal: String, command: &Apply, decision: &Decision) {
        let id = ApplicationId::parse(&decision.outcome.id).unwrap();
        match command {
            Apply::Create { .. } | Apply::Submit { .. } => drop(self.applied.insert(id, vec![principal])),
            Apply::Review { verdict: Verdict::Approve, .. } => {
                self.applied.get_mut(&id).expect("only what was handed in is reviewed").push(principal);
            }
            _ => {}
        }
    }

    /// Behind a new name's plan stand those who are behind its application.
    fn note_registered(&mut self, decision: &Decision) {
        let applications = decision.events.iter().filter_map(|event| match event {
            Event::Application(application) => Some(application),
            _ => None,
        });
        let by = |key: &NameKey| {
            let of = applications.clone().find(|application| application.slots.iter().any(|slot| slot.name == *key));
            self.applied[&of.expect("a new name is somebody's slot").id].clone()
        };
        let registered = decision.events.iter().filter_map(|event| match event {
            Event::Name(name) if name.resolution.is_some() => Some((name.key.clone(), by(&name.key))),
            _ => None,
        });
        let registered: Vec<_> = registered.collect();
        self.behind.extend(registered);
    }

    /// A site passes by two reviewers who have not handed it in; with papers if its unit is an organ (R17, R22).
    fn note_site(&mut self, principal: String, unit: &UnitId, command: &Site, decision: &Decision) {
        let state = &*decision.outcome.state;
        let image = decision.events.iter().find_map(|event| match event {
            Event::Unit(unit) => Some(unit),
            _ => None,
        });
        let is_organ = image.is_some_and(|unit| unit.kind == UnitKind::Organ);
        match command {
            Site::Submit { .. } => drop(self.sites.insert(unit.clone(), vec![(None, principal)])),
            Site::Decide { step, verdict: Verdict::Approve, .. } => {
                let by = self.sites.get_mut(unit).expect("only what was handed in is decided");
                by.push((Some(*step), principal));
                assert!(*step != SiteStep::Central || (state == "paper") == is_organ, "{state}");
                let steps: Vec<_> = by.iter().map(|(step, _)| *step).collect();
                let order = [None, Some(SiteStep::Local), Some(SiteStep::Central), Some(SiteStep::Paper)];
                assert!(order.starts_with(&steps), "{steps:?}");
                let first: BTreeSet<&String> = by.iter().take(3).map(|(_, by)| by).collect();
                assert!(first.len() == by.len().min(3), "{by:?}");
                assert_eq!(state == "passed", by.len() == 4 || (by.len() == 3 && state != "paper"), "{by:?}");
            }
            _ => {}
        }
    }
}

/// What must hold of a unit.
fn check_unit(world: &World, unit: &Unit) -> Result<(), TestCaseError> {
    let steps: Vec<PenaltyStep> = unit.penalties.0.iter().map(|penalty| penalty.step).collect();
    for (index, step) in steps.iter().enumerate() {
        prop_assert_eq!(*step, PenaltyStep::ALL[index % 3], "no step is skipped");
    }
    for reason in [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed] {
        let of_review = |hold: &&Hold| SiteReviewId::parse(&hold.evidence).is_some();
        let Some(hold) = unit.holds.0.get(&reason).filter(of_review) else { continue };
        let review = unit.site_review.as_ref().expect("the clock holds for a review that is there");
        prop_assert!(
            &*hold.by == "clock" && *hold.evidence == *review.id.to_string() && review.state != SiteReviewState::Passed
        );
        prop_assert!(hold.active && hold.end.is_none() && hold.start <= world.now);
    }
    Ok(())
}

/// What must hold after every step.
pub fn check(world: &World, witness: &Witness) -> Result<(), TestCaseError> {
    for (key, name) in &world.memory.names {
        let unit = &world.memory.units[&name.unit];
        let held = name.holds.0.values().chain(unit.holds.0.values()).any(|hold| hold.active);
        prop_assert_eq!(world.memory.resolves(key), name.resolution.is_some() && !held);
        if name.resolution.is_some() {
            let by = &witness.behind[key];
            let distinct: BTreeSet<&String> = by.iter().collect();
            prop_assert!(by == &["migration"] || (by.len() == 3 && distinct.len() == 3), "{key}: {by:?}");
        }
        prop_assert_eq!(name.resolution.is_some(), name.resolved_by > 0);
        prop_assert!(name.version < world.seq && name.resolved_by <= name.version);
        prop_assert!(name.expires == name.expires.end_of_day() && name.registered < name.expires);
        let suffix = world.policy.sets.iter().find(|set| set.suffixes[0] == key.set).unwrap();
        prop_assert!(suffix.unit_kinds.contains(&unit.kind));
        prop_assert!(name.resolution.is_none() || !witness.withheld.contains(key), "{key} is withheld");
        if let Some(pending) = name.pending {
            let change = &world.memory.changes[&pending];
            prop_assert!(change.state.is_pending() && change.name == *key);
        }
        prop_assert!(!leads_back(world, key), "{key} is forwarded to itself");
    }
    for unit in world.memory.units.values() {
        check_unit(world, unit)?;
    }
    check_packages(world)?;
    check_invoices(world)?;
    for change in world.memory.changes.values() {
        let pending = world.memory.names.get(&change.name).and_then(|name| name.pending) == Some(change.id);
        prop_assert_eq!(change.state.is_pending(), pending);
        prop_assert_eq!(change.state == ChangeState::Live, change.central.is_some());
        prop_assert!(change.central.is_none() || change.local.is_some());
    }
    let penalties = world.memory.units.values().map(|unit| &unit.holds);
    let penalties = penalties.chain(world.memory.names.values().map(|name| &name.holds));
    for hold in penalties.filter_map(|holds| holds.0.get(&HoldReason::Penalty)) {
        prop_assert!(hold.end.is_some_and(|end| end.0 - hold.start.0 <= days(90)));
    }
    Ok(())
}

/// Every invoice that a unit paid is that unit's alone.
fn check_invoices(world: &World) -> Result<(), TestCaseError> {
    let mut payers = BTreeMap::new();
    for order in world.memory.orders.values() {
        let Some(invoice) = order.invoice() else { continue };
        let payer = payers.entry(invoice).or_insert(&order.unit);
        prop_assert_eq!(*payer, &order.unit, "{}", order.id);
    }
    Ok(())
}

/// What a name has in common with its package.
fn package(world: &World, key: &NameKey) -> (Arc<str>, Bundle) {
    (Arc::clone(&key.set), world.memory.bundle_of(&key.label))
}

/// Every package has one holder, one applicant or one unit that it is kept for; every label one publisher.
fn check_packages(world: &World) -> Result<(), TestCaseError> {
    let Memory { names, kept, applications, orders, .. } = &world.memory;
    let mut holders = BTreeMap::new();
    let mut publishers = BTreeMap::new();
    for name in names.values() {
        let before = holders.insert(package(world, &name.key), &name.unit);
        prop_assert!(before.is_none(), "{} has two holders", name.key);
        for label in name.labels() {
            let key = NameKey { label: label.clone(), set: Arc::clone(&name.key.set) };
            prop_assert_eq!(package(world, &key), package(world, &name.key));
            prop_assert!(publishers.insert(key, &name.key).is_none(), "{label:?} has two publishers");
        }
    }
    let mut units = BTreeMap::new();
    for kept in kept.values() {
        let package = package(world, &kept.key);
        prop_assert!(!holders.contains_key(&package), "{kept:?} is held");
        let before = units.insert(package, &kept.unit);
        prop_assert!(before.is_none_or(|unit| *unit == kept.unit), "{kept:?} is kept for two");
    }
    let mut claims = BTreeSet::new();
    for claim in applications.values().flat_map(Application::claims).chain(orders.values().flat_map(Order::claims)) {
        prop_assert!(claims.insert(package(world, claim)), "{claim} is claimed twice");
    }
    for claim in applications.values().flat_map(Application::claims) {
        prop_assert!(!holders.contains_key(&package(world, claim)), "{claim} is claimed and held");
    }
    Ok(())
}

/// What is published no more is told, label by label: what is served, and checkpoints, are brought up to date by that.
pub fn check_ended(before: &Memory, after: &Memory, events: &[Event]) -> Result<(), TestCaseError> {
    let labels = |memory: &Memory| -> BTreeSet<(Arc<str>, Label)> {
        let of = |name: &Registration| {
            name.labels().map(|label| (Arc::clone(&name.key.set), label.clone())).collect::<Vec<_>>()
        };
        memory.names.values().flat_map(of).collect()
    };
    let told: BTreeSet<(Arc<str>, Label)> = events
        .iter()
        .flat_map(|event| match event {
            Event::NameRemoved { key, variants, .. } => {
                let labels = std::iter::once(&key.label).chain(variants.iter());
                labels.map(|label| (Arc::clone(&key.set), label.clone())).collect()
            }
            Event::VariantsEnded { key, labels } => {
                labels.iter().map(|label| (Arc::clone(&key.set), label.clone())).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    let ended: Vec<_> = labels(before).difference(&labels(after)).cloned().collect();
    prop_assert!(ended.iter().all(|label| told.contains(label)), "{ended:?} were not all told");
    Ok(())
}

/// The name that publishes what `key` names: its own label, or an active variant.
fn publisher<'w>(world: &'w World, key: &NameKey) -> Option<&'w Registration> {
    let is_variant = |name: &&Registration| name.key.set == key.set && name.variants.contains(&key.label);
    world.memory.names.get(key).or_else(|| world.memory.names.values().find(is_variant))
}

/// Whether following forwards from `key` comes back to it.
fn leads_back(world: &World, key: &NameKey) -> bool {
    let mut at = key.clone();
    for _ in 0..world.memory.names.len() {
        let resolution = publisher(world, &at).and_then(|name| name.resolution.as_ref());
        let Some(Resolution::Forward { target, .. }) = resolution else { return false };
        let host = target.trim_start_matches("https://").trim_end_matches('/');
        let Ok(next) = NameKey::parse(host, &world.policy) else { return false };
        if publisher(world, &next).is_some_and(|name| name.key == *key) {
            return true;
        }
        at = next;
    }
    false
}

/// Once the clock has done its work, nothing due is left, and doing it again changes nothing.
pub fn check_settled(world: &mut World, witness: &Witness) -> Result<(), TestCaseError> {
    world.tick();
    let before = world.memory.clone();
    prop_assert_eq!(world.tick(), 0);
    prop_assert_eq!(&world.memory, &before);
    let told = world.notify();
    prop_assert_eq!(world.notify(), []);
    for notice in &told {
        let reached =
            if let NoticeKind::Term(days) = notice.kind { notice.expires.add_days(days.into()) } else { world.now };
        prop_assert!(reached <= world.now, "{notice:?} too early");
    }
    let unfreeze = world.policy.terms.national.unfreeze;
    prop_assert!(world.memory.schedule().iter().all(|due| due.at > world.now), "nothing due is left undone");
    for name in world.memory.names.values() {
        let expired = name.holds.0.contains_key(&HoldReason::Expired);
        // Renewed and not unfrozen, it stays where it is.
        prop_assert!(expired == (name.expires <= world.now) || (expired && unfreeze == Unfreeze::Always));
        let unpaid = name.expires.add_days(world.policy.terms.profile(&name.key.set).unpaid_days) <= world.now;
        let withheld = witness.withheld.contains(&name.key);
        prop_assert_eq!(name.life.leaving.is_some(), (unpaid && expired) || withheld);
    }
    for review in world.memory.units.values().filter_map(|unit| unit.site_review.as_ref()) {
        use SiteReviewState::{Open, Paper, Rejected};
        let for_unit = matches!(review.state, Open | Rejected | Paper);
        prop_assert_eq!(review.missed, for_unit && review.deadline.is_some_and(|until| until < world.now));
    }
    Ok(())
}
