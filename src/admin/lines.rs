//! The lines of an import and an export: one JSON object a line, with one member that says what it is.
//!
//! ```text
//! {"begin":{"format":1}}
//! {"unit":{"id":"u1","name":"…","kind":"organ","region":"620421","account":"20458813","holds":[…],"penalties":[…],
//!          "site_review":{…}}}
//! {"name":{"name":"xn--….xn--zfr164b","unit":"u1","registered":"…","expires":"…","kind":1,"primary":true,
//!          "resolution":{"type":"A",…},"holds":[…],"basis":"migration",
//!          "variants":{"traditional":"xn--…"},"leaving":{"stage":"final_notice","until":"…"}}}
//! {"kept":{"name":"xn--….xn--zfr164b","unit":"u1","until":"…"}}
//! {"application":{"id":"a42","unit":"u1","purpose":"site","slots":[…],"resolution":{…},"state":"awaiting_fee",…}}
//! {"order":{"id":"o57","unit":"u1","application":"a42","lines":[…],"state":"confirmed",…}}
//! {"remittance":{"id":"r60","orders":["o57"],"amount":"1200.00","state":"remitted",…}}
//! {"removed":{"name":"xn--….xn--zfr164b"}}
//! {"end":{"seq":4711,"lines":12}}
//! ```
//!
//! A later line about an object brings it up to date. An import lifts no hold that a line does not name, so a hold that was
//! lifted while its object was exported is written once more with its end. `removed` is written when a name was deleted
//! meanwhile. Without `end`, an export was cut short; `end` says how many lines stand between `begin` and it, and nothing stands
//! after it.

mod filings;

use super::json::{self, Object};
use super::problem::{Edge, Problem};
use super::v1::objects::{HoldView, LeavingView, PenaltyView};
use super::v1::requests::{AssertedApproval, UnitKind, VariantsInput, not_of_penalty, region, unit_id};
use super::v1::site_reviews::SiteReviewView;
use super::v1::{DayEdge, Resolution, ResolutionInput, name_key, objects, time_at};
use crate::registry::command::{ImportBasis, ImportItem, ImportName, UnitSpec};
use crate::registry::{
    Account, Application, Code, Hold, HoldReason, Holds, Leaving, Life, NameKey, Order, Penalties, Penalty,
    PenaltyStep, Policy, Registration, Remittance, Reservation, Stage, Unit, Violation,
};
use filings::{ApplicationLine, OrderLine, RemittanceLine};
use serde::{Deserialize, Serialize};

/// The format's version.
pub const FORMAT: u32 = 1;
/// Longest line in octets; the largest name (a target of 2 KiB, all holds) has under 6 KiB, the largest application (16 papers,
/// 13 servers with glue, a reason) under 20.
pub const LINE_LEN_MAX: usize = 24 * 1024;

/// What a line asks for.
#[derive(Debug)]
pub enum Item {
    /// A unit or a name to put into the registry as it is.
    Put(ImportItem),
    /// A name to delete, if it is there.
    Remove(NameKey),
    /// Nothing: an export begins here.
    Begin,
    /// Nothing: an export ends here.
    End {
        /// It contains every transaction up to this one.
        seq: u64,
        /// How many lines it has between its beginning and here; older ones do not say.
        lines: Option<u64>,
    },
}

/// A line as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LineInput {
    Begin(Object<Begin>),
    Unit(Object<UnitInput>),
    Name(Box<Object<NameInput>>),
    Kept(Object<Kept>),
    Application(Box<Object<ApplicationLine<Object<ResolutionInput>>>>),
    Order(Box<Object<OrderLine>>),
    Remittance(Box<Object<RemittanceLine>>),
    Removed(Object<Removed>),
    End(Object<End>),
}

/// A line as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum LineOutput {
    Begin(Begin),
    Unit(UnitOutput),
    Name(Box<NameOutput>),
    Kept(Kept),
    Application(Box<ApplicationLine<Resolution>>),
    Order(Box<OrderLine>),
    Remittance(Box<RemittanceLine>),
    Removed(Removed),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    format: u32,
}

/// A label that is kept for the unit that last held it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    name: String,
    unit: String,
    until: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    name: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnitInput {
    id: String,
    name: String,
    kind: UnitKind,
    region: String,
    #[serde(default)]
    admin_function_proof: Option<String>,
    /// For units that had one in the system before; others are assigned one.
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    holds: Vec<Object<HoldInput>>,
    #[serde(default)]
    penalties: Vec<Object<PenaltyView>>,
    #[serde(default)]
    site_review: Option<Box<Object<SiteReviewView>>>,
}

#[derive(Debug, Serialize)]
struct UnitOutput {
    id: String,
    name: String,
    kind: UnitKind,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_function_proof: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    holds: Vec<HoldView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    penalties: Vec<PenaltyView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    site_review: Option<Box<SiteReviewView>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameInput {
    name: String,
    unit: String,
    registered: String,
    expires: String,
    #[serde(default = "first_kind")]
    kind: u8,
    #[serde(default)]
    primary: bool,
    #[serde(default)]
    resolution: Option<Object<ResolutionInput>>,
    #[serde(default)]
    holds: Vec<Object<HoldInput>>,
    #[serde(default)]
    basis: Option<Basis>,
    #[serde(default)]
    approvals: Option<Vec<Object<AssertedApproval>>>,
    #[serde(default)]
    variants: Option<Object<VariantsInput>>,
    #[serde(default)]
    leaving: Option<Object<LeavingView>>,
    #[serde(default)]
    unfreeze: Option<String>,
    #[serde(default)]
    migration: Option<String>,
}

fn first_kind() -> u8 {
    1
}

#[derive(Debug, Serialize)]
struct NameOutput {
    name: String,
    unit: String,
    registered: String,
    expires: String,
    kind: u8,
    primary: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    holds: Vec<HoldView>,
    basis: Basis,
    #[serde(skip_serializing_if = "Option::is_none")]
    variants: Option<VariantsInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaving: Option<LeavingView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfreeze: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<String>,
}

/// Why a resolution counts as approved, where no approvals are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Basis {
    Migration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldInput {
    reason: String,
    start: String,
    #[serde(default)]
    end: Option<String>,
    /// Follows from start and end; an export writes it for readers.
    #[serde(default)]
    active: bool,
    evidence: String,
    /// The importing principal if absent.
    #[serde(default)]
    by: Option<String>,
}

/// Reads one line. `principal` placed the holds that do not say who did.
///
/// # Errors
/// What is wrong with the line, with the path of the member.
pub fn parse(line: &[u8], policy: &Policy, principal: &str) -> Result<Item, Problem> {
    match json::parse::<LineInput>(line)? {
        LineInput::Begin(Object(begin)) if begin.format == FORMAT => Ok(Item::Begin),
        LineInput::Begin(_) => Err(Problem::edge(
            Edge::WrongType,
            format!(
                "This program reads format {FORMAT} only; import with the version that wrote the file, or export anew."
            ),
            format!("本程序只能读取格式 {FORMAT} 的文件，请用写出该文件的版本导入，或重新导出。"),
        )
        .field("begin.format")),
        LineInput::End(Object(End { seq, lines })) => Ok(Item::End { seq, lines }),
        LineInput::Unit(Object(unit)) => unit.into_item(policy, principal),
        LineInput::Name(name) => name.0.into_item(policy, principal),
        LineInput::Kept(Object(kept)) => kept.into_item(policy),
        LineInput::Application(line) => line.0.read(policy).map(Box::new).map(ImportItem::Application).map(Item::Put),
        LineInput::Order(line) => line.0.read(policy).map(Box::new).map(ImportItem::Order).map(Item::Put),
        LineInput::Remittance(line) => line.0.read().map(Box::new).map(ImportItem::Remittance).map(Item::Put),
        LineInput::Removed(Object(removed)) => Ok(Item::Remove(name_key(&removed.name, policy, "removed.name")?)),
    }
}

impl UnitInput {
    fn into_item(self, policy: &Policy, principal: &str) -> Result<Item, Problem> {
        let review = self.site_review.map(|given| given.0.into_registry(policy, "unit.site_review"));
        Ok(Item::Put(ImportItem::Unit {
            id: unit_id(&self.id, "unit.id")?,
            spec: UnitSpec {
                name: self.name.into(),
                kind: self.kind.into(),
                region: region(&self.region).map_err(|problem| problem.field("unit.region"))?,
                admin_function_proof: self.admin_function_proof.map(Into::into),
            },
            holds: holds(self.holds, "unit.holds", principal)?,
            penalties: penalties(self.penalties)?,
            site_review: review.transpose()?.map(Box::new),
            account: self.account.as_deref().map(account).transpose()?,
        }))
    }
}

fn account(text: &str) -> Result<Account, Problem> {
    Account::parse(text).ok_or_else(|| {
        let en = "An account number has eight digits; correct it, or leave it out to have one assigned.";
        Problem::registry(Code::UnitInvalid, en, "账号 account 为八位数字，请更正；不填则由系统分配。")
            .field("unit.account")
    })
}

impl NameInput {
    fn into_item(self, policy: &Policy, principal: &str) -> Result<Item, Problem> {
        let basis = basis(self.basis, self.approvals, self.resolution.is_some())?;
        let variants = self.variants.map(|Object(given)| given.into_registry(policy, "name.variants")).transpose()?;
        let leaving = self.leaving.map(|Object(leaving)| leaving);
        let life = life(leaving, self.unfreeze.as_deref(), self.migration.as_deref())?;
        let resolution = self.resolution.map(|Object(given)| given.into_registry("name.resolution")).transpose()?;
        Ok(Item::Put(ImportItem::Name(Box::new(ImportName {
            key: name_key(&self.name, policy, "name.name")?,
            unit: unit_id(&self.unit, "name.unit")?,
            registered: time_at(Code::TermInvalid, "name.registered", &self.registered, DayEdge::Start)?,
            expires: time_at(Code::TermInvalid, "name.expires", &self.expires, DayEdge::End)?,
            kind: self.kind,
            primary: self.primary,
            resolution,
            holds: holds(self.holds, "name.holds", principal)?,
            basis,
            variants,
            life,
        }))))
    }
}

impl Kept {
    fn into_item(self, policy: &Policy) -> Result<Item, Problem> {
        Ok(Item::Put(ImportItem::Kept(Reservation {
            key: name_key(&self.name, policy, "kept.name")?,
            unit: unit_id(&self.unit, "kept.unit")?,
            until: time_at(Code::TermInvalid, "kept.until", &self.until, DayEdge::End)?,
        })))
    }
}

/// The record of a unit.
fn penalties(given: Vec<Object<PenaltyView>>) -> Result<Penalties, Problem> {
    let read = |(position, Object(penalty)): (usize, Object<PenaltyView>)| {
        let at = format!("unit.penalties[{position}]");
        let unknown = |member: &str| not_of_penalty(member).field(format!("{at}.{member}"));
        let time =
            |member: &str, text: &str| time_at(Code::PenaltyInvalid, &format!("{at}.{member}"), text, DayEdge::Start);
        Ok(Penalty {
            step: PenaltyStep::parse(&penalty.step).ok_or_else(|| unknown("step"))?,
            violation: Violation::parse(&penalty.violation).ok_or_else(|| unknown("violation"))?,
            at: time("at", &penalty.at)?,
            end: penalty.end.as_deref().map(|end| time("end", end)).transpose()?,
            evidence: penalty.evidence.into(),
            by: penalty.by.into(),
        })
    };
    given.into_iter().enumerate().map(read).collect::<Result<_, Problem>>().map(Penalties)
}

/// How far a name is in its life.
fn life(leaving: Option<LeavingView>, unfreeze: Option<&str>, migration: Option<&str>) -> Result<Life, Problem> {
    let time = |member: &str, text: &str| time_at(Code::TermInvalid, &format!("name.{member}"), text, DayEdge::Start);
    let leaving = leaving.map(|leaving| {
        let stage = Stage::parse(&leaving.stage).ok_or_else(|| {
            let en = "A stage is final_notice or pending_delete; correct it.";
            Problem::registry(Code::TermInvalid, en, "stage 应为 final_notice 或 pending_delete，请更正。")
                .field("name.leaving.stage")
        })?;
        Ok::<_, Problem>(Leaving { stage, until: time("leaving.until", &leaving.until)? })
    });
    Ok(Life {
        leaving: leaving.transpose()?,
        unfreeze: unfreeze.map(|at| time("unfreeze", at)).transpose()?,
        migration: migration.map(|at| time("migration", at)).transpose()?,
    })
}

fn basis(
    basis: Option<Basis>,
    approvals: Option<Vec<Object<AssertedApproval>>>,
    resolves: bool,
) -> Result<ImportBasis, Problem> {
    match (basis, approvals) {
        (Some(Basis::Migration), None) => Ok(ImportBasis::Migration),
        (None, Some(given)) => {
            let convert = |Object(approval): Object<AssertedApproval>| (approval.level.into(), approval.by.into());
            Ok(ImportBasis::Approvals(given.into_iter().map(convert).collect()))
        }
        (None, None) if !resolves => Ok(ImportBasis::Migration),
        (None, None) => Err(Problem::edge(
            Edge::MissingField,
            "A resolution needs \"basis\":\"migration\" or its approvals; add one of the two.",
            "有解析的域名须注明 \"basis\":\"migration\" 或两级审核意见 approvals，请补充其中一项。",
        )
        .field("name.basis")),
        (Some(_), Some(_)) => Err(Problem::edge(
            Edge::UnknownField,
            "Give basis or approvals, not both; take one out.",
            "basis 与 approvals 只能填写一项，请去掉其中一项。",
        )
        .field("name.approvals")),
    }
}

fn holds(given: Vec<Object<HoldInput>>, at: &str, principal: &str) -> Result<Holds, Problem> {
    let mut holds = Holds::default();
    for (position, Object(hold)) in given.into_iter().enumerate() {
        let at = format!("{at}[{position}]");
        let Some(reason) = HoldReason::parse(&hold.reason) else {
            let known = HoldReason::ALL.map(HoldReason::as_str);
            let en = format!("There is no such reason for a hold; use one of: {}.", known.join(", "));
            let zh = format!("没有该暂停原因，请使用以下原因之一：{}。", known.join("、"));
            return Err(bad_hold(&en, &zh, &at, "reason"));
        };
        let end = hold.end.map(|end| time_at(Code::HoldInvalid, &format!("{at}.end"), &end, DayEdge::End));
        let read = Hold {
            start: time_at(Code::HoldInvalid, &format!("{at}.start"), &hold.start, DayEdge::Start)?,
            end: end.transpose()?,
            active: hold.active,
            evidence: hold.evidence.into(),
            by: hold.by.as_deref().unwrap_or(principal).into(),
        };
        if holds.0.insert(reason, read).is_some() {
            return Err(bad_hold(
                "This reason is given twice, and an object has one hold of a reason; put the two together.",
                "同一暂停原因出现了两次，每种原因只能有一条，请合并。",
                &at,
                "reason",
            ));
        }
    }
    Ok(holds)
}

fn bad_hold(en: &str, zh: &str, at: &str, member: &str) -> Problem {
    Problem::registry(Code::HoldInvalid, en, zh).field(format!("{at}.{member}"))
}

/// The first line of an export.
pub fn begin() -> String {
    text(&LineOutput::Begin(Begin { format: FORMAT }))
}

/// The last line of an export: it contains every transaction up to `seq`, in so many lines between its first and this one.
pub fn end(seq: u64, lines: u64) -> String {
    text(&LineOutput::End(End { seq, lines: Some(lines) }))
}

/// The line of a unit.
pub fn unit(unit: &Unit) -> String {
    text(&LineOutput::Unit(UnitOutput {
        id: unit.id.to_string(),
        name: unit.name.to_string(),
        kind: unit.kind.into(),
        region: unit.region.to_string(),
        admin_function_proof: unit.admin_function_proof.as_deref().map(Into::into),
        account: unit.account.map(|account| account.to_string()),
        holds: objects::holds(&unit.holds),
        penalties: unit.penalties.0.iter().map(PenaltyView::from).collect(),
        site_review: unit.site_review.as_deref().map(|review| Box::new(review.into())),
    }))
}

/// The line of a name.
pub fn name(name: &Registration) -> String {
    text(&LineOutput::Name(Box::new(NameOutput {
        name: name.key.to_string(),
        unit: name.unit.to_string(),
        registered: name.registered.to_string(),
        expires: name.expires.to_string(),
        kind: name.kind,
        primary: name.primary,
        resolution: name.resolution.as_ref().map(Resolution::from),
        holds: objects::holds(&name.holds),
        basis: Basis::Migration,
        variants: (!name.variants.is_empty()).then(|| (&name.variants).into()),
        leaving: name.life.leaving.map(LeavingView::from),
        unfreeze: name.life.unfreeze.map(|at| at.to_string()),
        migration: name.life.migration.map(|at| at.to_string()),
    })))
}

/// The line of a kept label.
pub fn kept(kept: &Reservation) -> String {
    let (name, unit, until) = (kept.key.to_string(), kept.unit.to_string(), kept.until.to_string());
    text(&LineOutput::Kept(Kept { name, unit, until }))
}

/// The line of an application.
pub fn application(application: &Application) -> String {
    text(&LineOutput::Application(Box::new(application.into())))
}

/// The line of an order.
pub fn order(order: &Order) -> String {
    text(&LineOutput::Order(Box::new(order.into())))
}

/// The line of a remittance.
pub fn remittance(remittance: &Remittance) -> String {
    text(&LineOutput::Remittance(Box::new(remittance.into())))
}

/// The line of a name that is gone.
pub fn removed(key: &NameKey) -> String {
    text(&LineOutput::Removed(Removed { name: key.to_string() }))
}

fn text(line: &LineOutput) -> String {
    let mut text = serde_json::to_string(line).expect("lines have string keys and finite numbers");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
