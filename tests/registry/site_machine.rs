//! Random histories of site reviews against a model of what the clock holds, told independently of how `decide` keeps it.

use crate::world::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use zhengming::registry::command::{Command, Verdict};
use zhengming::registry::procedure::SiteReviewCommand as Site;
use zhengming::registry::*;

const UNITS: [&str; 2] = ["u1", "u2"];
const NAMES: [[&str; 2]; 2] =
    [["靖远县教育局.政务", "靖远县财政局.政务"], ["靖远县第一中学.公益", "靖远县第二中学.公益"]];
const FOR_SITE: [HoldReason; 2] = [HoldReason::SiteNotSubmitted, HoldReason::SiteReviewFailed];

/// One step; indexes choose among what there is.
#[derive(Clone, Debug)]
enum Move {
    Open { later: i64 },
    Postpone { days: i64 },
    Cancel,
    Submit { name: usize },
    Decide { off: usize, who: usize, approve: bool },
    Place { reason: usize, end: Option<i64> },
    Lift { reason: usize },
    HoldName { name: usize, lift: bool },
    Renew { name: usize },
    Nothing,
}

fn step() -> impl Strategy<Value = (usize, i64, Move)> {
    let what = prop_oneof![
        5 => (-2..40i64).prop_map(|later| Move::Open { later }),
        1 => (-9..90i64).prop_map(|days| Move::Postpone { days }),
        1 => Just(Move::Cancel),
        8 => (0..3usize).prop_map(|name| Move::Submit { name }),
        24 => (0..12usize, 0..12usize, prop::bool::weighted(0.85))
            .prop_map(|(off, who, approve)| Move::Decide { off, who, approve }),
        1 => (0..3usize, prop::option::of(-9..90i64)).prop_map(|(reason, end)| Move::Place { reason, end }),
        2 => (0..3usize).prop_map(|reason| Move::Lift { reason }),
        1 => (0..3usize, prop::bool::weighted(0.7)).prop_map(|(name, lift)| Move::HoldName { name, lift }),
        1 => (0..3usize).prop_map(|name| Move::Renew { name }),
        1 => Just(Move::Nothing),
    ];
    let seconds = prop_oneof![6 => 0..days(3), 2 => 0..days(20), 1 => 0..days(60)];
    (0..2usize, seconds, what)
}

/// What should be, by what was granted alone.
#[derive(Clone, Debug, Default)]
struct Model {
    /// What the unit lets pass, until when, if it is the unit's turn and the clock has not acted yet.
    neglect: Option<(HoldReason, Timestamp)>,
    /// What the clock has placed for the review, and nobody taken away or over.
    placed: BTreeSet<HoldReason>,
    /// Who handed it in and approved it since.
    by: Vec<String>,
}

fn reason_of(index: usize) -> HoldReason {
    FOR_SITE.get(index).copied().unwrap_or(HoldReason::Legal)
}

fn command(world: &World, unit: usize, step: &Move) -> (Actor, Command) {
    let id = unit_id(UNITS[unit]);
    let key = |index: usize| world.key(NAMES[if index == 2 { 1 - unit } else { unit }][index % 2]);
    let site = |who: Actor, command| (who, Command::ReviewSite { unit: id.clone(), command });
    let day = |days: i64| world.now.add_days(days).end_of_day();
    match *step {
        Move::Open { later } => {
            let earliest = world.policy.calendar.deadline(world.now, 20);
            site(operator(), Site::Open { kind: SiteReviewKind::New, deadline: Some(earliest.add_days(later)) })
        }
        Move::Postpone { days } => site(operator(), Site::Postpone { deadline: day(days), reason: "later".into() }),
        Move::Cancel => site(operator(), Site::Cancel),
        Move::Submit { name } => site(submitter(), Site::Submit { name: key(name) }),
        Move::Decide { off, who, approve } => {
            let awaited = world.memory.units[&id].site_review.as_ref().and_then(|review| review.state.awaits());
            let any = [SiteStep::Local, SiteStep::Central, SiteStep::Paper][off % 3];
            let step = awaited.filter(|_| off > 0).unwrap_or(any);
            let (role, usual) = match step {
                SiteStep::Central => (Role::CentralReviewer, "central"),
                _ => (Role::LocalReviewer, "local"),
            };
            let who = ["submitter", "local", "central"].get(who).copied().unwrap_or(usual);
            let verdict = if approve { Verdict::Approve } else { Verdict::Reject { reason: "no".into() } };
            site(actor(who, role, None), Site::Decide { step, verdict, papers: Vec::new() })
        }
        Move::Place { reason, end } => {
            let (target, spec) = (on_unit(UNITS[unit]), hold_spec(None, end.map(day)));
            (operator(), Command::PlaceHold { target, reason: reason_of(reason), spec })
        }
        Move::Lift { reason } => {
            (operator(), Command::LiftHold { target: on_unit(UNITS[unit]), reason: reason_of(reason) })
        }
        Move::HoldName { name, lift } => {
            let (target, reason) = (on_name(&key(name)), HoldReason::UnitRequest);
            let place = Command::PlaceHold { target: target.clone(), reason, spec: hold_spec(None, None) };
            (operator(), if lift { Command::LiftHold { target, reason } } else { place })
        }
        Move::Renew { name } => (operator(), Command::Renew { key: key(name), years: 2 }),
        Move::Nothing => (clock(), Command::Due { limit: 1 }),
    }
}

impl Model {
    /// The deadline passes: once, and not over a hold of somebody's that reaches as far.
    fn tick(&mut self, now: Timestamp, others: &BTreeSet<HoldReason>) {
        if let Some((reason, until)) = self.neglect
            && until < now
        {
            self.neglect = None;
            if !others.contains(&reason) {
                self.placed.insert(reason);
            }
        }
    }

    fn note(&mut self, actor: &Actor, command: &Command, image: &Unit, is_organ: bool) {
        let (state, deadline) =
            image.site_review.as_ref().map_or((None, None), |review| (Some(review.state), review.deadline));
        let until = |reason: HoldReason| deadline.map(|until| (reason, until));
        let principal = actor.principal.to_string();
        let Command::ReviewSite { command, .. } = command else { return };
        match command {
            Site::Open { .. } => {
                *self = Self { neglect: until(HoldReason::SiteNotSubmitted), ..Self::default() };
            }
            Site::Cancel => *self = Self::default(),
            Site::Postpone { .. } => {
                let first = state == Some(SiteReviewState::Open);
                let reason = if first { HoldReason::SiteNotSubmitted } else { HoldReason::SiteReviewFailed };
                self.placed.remove(&reason);
                self.neglect = until(reason);
            }
            Site::Submit { .. } => (self.neglect, self.by) = (None, vec![principal]),
            Site::Decide { verdict: Verdict::Reject { .. }, .. } => {
                self.neglect = until(HoldReason::SiteReviewFailed);
            }
            Site::Decide { step, .. } => {
                assert!(!self.by[..self.by.len().min(3)].contains(&principal) || *step == SiteStep::Paper);
                self.by.push(principal);
                // R22: an organ needs one decision more.
                let is_over = self.by.len() == if is_organ { 4 } else { 3 };
                assert_eq!(state == Some(SiteReviewState::Passed), is_over, "{:?}", self.by);
                let awaits_papers = is_organ && self.by.len() == 3;
                self.neglect = if awaits_papers { until(HoldReason::SiteReviewFailed) } else { None };
                if is_over {
                    self.placed.clear();
                }
            }
        }
    }
}

/// The holds that the clock placed for the unit's review.
fn placed(unit: &Unit) -> BTreeSet<HoldReason> {
    let of_review = |hold: &Hold| unit.site_review.as_ref().is_some_and(|own| own.id.to_string() == *hold.evidence);
    let its = unit.holds.0.iter().filter(|(_, hold)| of_review(hold) && &*hold.by == "clock");
    its.map(|(reason, _)| *reason).collect()
}

/// Reasons for which others hold the unit without an end.
fn others(unit: &Unit) -> BTreeSet<HoldReason> {
    let lasting = unit.holds.0.iter().filter(|(_, hold)| hold.active && hold.end.is_none() && &*hold.by != "clock");
    lasting.map(|(reason, _)| *reason).collect()
}

fn tick(world: &mut World, models: &mut BTreeMap<UnitId, Model>) {
    for (id, model) in models.iter_mut() {
        model.tick(world.now, &others(&world.memory.units[id]));
    }
    world.tick();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_clock_holds_who_neglects_and_the_pass_lifts(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for (unit, names) in UNITS.iter().zip(NAMES) {
            for name in names {
                let key = world.key(name);
                world.does(&operator(), Command::PutName { key: key.clone(), spec: name_spec(unit, Some(10)) });
                let resolution = addresses(&["203.0.113.5"]);
                world.does(&operator(), Command::Submit { name: key, resolution, asserted: both("r-1", "r-2") });
            }
        }
        let mut models: BTreeMap<UnitId, Model> = UNITS.map(|id| (unit_id(id), Model::default())).into();
        let (founded, mut journal) = (world.memory.clone(), Vec::new());
        for (unit, seconds, step) in steps {
            world.now.0 += seconds;
            let before = world.memory.clone();
            tick(&mut world, &mut models);
            // The clock's own images are not in the journal kept here: what follows begins with them.
            journal.extend(world.memory.units.values().filter(|unit| before.units[&unit.id] != **unit).cloned().map(Event::Unit));
            let (who, command) = command(&world, unit, &step);
            let id = unit_id(UNITS[unit]);
            let before = world.memory.clone();
            match world.ask(&who, &command) {
                Err(_) => prop_assert_eq!(&world.memory, &before),
                Ok(decision) => {
                    let image = world.memory.units[&id].clone();
                    let model = models.get_mut(&id).expect("both are there");
                    if let Command::PlaceHold { reason, .. } | Command::LiftHold { reason, .. } = &command {
                        if !matches!(step, Move::HoldName { .. }) {
                            model.placed.remove(reason);
                        }
                    } else if !decision.events.is_empty() {
                        model.note(&who, &command, &image, unit == 0);
                    }
                    journal.extend(decision.events);
                }
            }
            for (id, model) in &models {
                prop_assert_eq!(&placed(&world.memory.units[id]), &model.placed, "{} after {:?}", id, step);
            }
        }
        let mut replayed = founded;
        journal.iter().for_each(|event| replayed.apply(event));
        prop_assert_eq!(&replayed.units, &world.memory.units);
    }
}
