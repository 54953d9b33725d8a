//! Applications, orders and remittances over the wire.

use super::super::json::Object;
use super::super::problem::Problem;
use super::requests::{Verdict, unit_id};
use super::slots::{FormPickInput, SlotView};
use super::{Resolution, ResolutionInput, name_key, readable};
use crate::registry::procedure::ApplicationCommand;
use crate::registry::{
    self, Application, ApplicationSpec, Code, Money, NameKey, Order, OrderId, OrderLine, Policy, Remittance, SlotSpec,
    Step, Timestamp, command,
};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// The currency of all amounts (ISO 4217).
const CURRENCY: &str = "CNY";

/// An application. It is handed in at once unless it is a draft.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApplication {
    /// The id of the unit that shall hold the names.
    pub unit: String,
    /// Whether it is kept to be edited, and handed in later; not if absent.
    #[serde(default)]
    pub draft: bool,
    /// What the names are for; columns, topics and systems are refused, they take a path.
    pub purpose: Purpose,
    /// The names, one of each kind, at most 7; 1 (full name) and 2 (short name) are required.
    #[schema(value_type = Vec<SlotInput>)]
    pub slots: Vec<Object<SlotInput>>,
    /// What all of them shall resolve to.
    #[schema(value_type = Resolution)]
    pub resolution: Object<ResolutionInput>,
    /// Papers that come with it.
    #[serde(default)]
    #[schema(value_type = Vec<Paper>)]
    pub papers: Vec<Object<Paper>>,
}

/// New contents of a draft or a rejected application.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditApplication {
    /// What the names are for.
    pub purpose: Purpose,
    /// The names.
    #[schema(value_type = Vec<SlotInput>)]
    pub slots: Vec<Object<SlotInput>>,
    /// What all of them shall resolve to.
    #[schema(value_type = Resolution)]
    pub resolution: Object<ResolutionInput>,
    /// Papers that come with it.
    #[serde(default)]
    #[schema(value_type = Vec<Paper>)]
    pub papers: Vec<Object<Paper>>,
}

/// What names are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// 网站.
    #[serde(alias = "网站")]
    Site,
    /// 名称, with or without a site.
    #[serde(alias = "名称")]
    Name,
    /// 栏目.
    #[serde(alias = "栏目")]
    Column,
    /// 专题.
    #[serde(alias = "专题")]
    Topic,
    /// 业务系统.
    #[serde(alias = "业务系统")]
    System,
}

/// One name of an application.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlotInput {
    /// 1 full name, 2 short name, 3–4 usual short names, 5 site's full name, 6–7 its short names.
    #[schema(example = 1)]
    pub kind: u8,
    /// The name, in U- or A-labels.
    #[schema(example = "靖远县教育局.政务")]
    pub name: String,
    /// Its term in years, 2 to 10.
    #[serde(default)]
    #[schema(required = true, example = 2)]
    pub years: Option<u32>,
}

/// A paper and its scan, each by an id.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    /// Which paper, as the check-list names it.
    #[schema(example = "form")]
    pub paper: String,
    /// Id of its scan.
    pub scan: String,
}

/// A decision about an application.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationDecision {
    /// At which level.
    pub level: ApplicationLevel,
    /// Yes or no.
    pub decision: Verdict,
    /// Why; a rejection needs it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Papers that the first review ticks.
    #[serde(default)]
    #[schema(value_type = Vec<Paper>)]
    pub papers: Vec<Object<Paper>>,
    /// Traditional forms that the second review picks with its approval; it has to where one is not certain.
    #[serde(default)]
    #[schema(value_type = Vec<FormPickInput>)]
    pub traditional: Vec<Object<FormPickInput>>,
    /// That a name which has no character in common with the unit's, or looks like one of another unit's, was seen and is
    /// right.
    #[serde(default)]
    pub confirm: bool,
}

/// The level of a review of applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationLevel {
    /// The government office, where the configuration asks for it.
    Office,
    /// 初审, the reviewer of the unit's region.
    Local,
    /// 复审, the registry's reviewer.
    Central,
}

/// Further years for names of one unit, up to 50.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderRenewal {
    /// The unit that holds them.
    pub unit: String,
    /// The names, in U- or A-labels.
    pub names: Vec<String>,
    /// Years from the old ends of their terms.
    #[schema(example = 2)]
    pub years: u32,
}

/// Further years for names, up to 50, without an order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewNames {
    /// The names, in U- or A-labels.
    pub names: Vec<String>,
    /// Years from the old ends of their terms.
    #[schema(example = 2)]
    pub years: u32,
}

/// Other years for names of an order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeYears {
    /// The names that change.
    #[serde(deserialize_with = "years_of")]
    #[schema(value_type = Vec<YearsOf>)]
    pub years: Vec<Object<YearsOf>>,
}

/// A list of names with their years. Where a number stands in its place, that is not told as a matter of JSON alone.
fn years_of<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Object<YearsOf>>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Object<YearsOf>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(YEARS_OF)
        }

        fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Self::Value, S::Error> {
            let mut all = Vec::new();
            while let Some(one) = list.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_seq(List)
}

/// What the years of an order look like.
pub const YEARS_OF: &str = r#"an array of names with their years, as [{"name":"教育局.政务","years":3}]"#;

/// The years of one name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YearsOf {
    /// The name, in U- or A-labels.
    pub name: String,
    /// Its years, 2 to 10.
    pub years: u32,
}

/// That the fee of an order was taken.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmOrder {
    /// Number of the invoice: at most 32 letters, digits and hyphens.
    #[serde(default)]
    #[schema(required = true, example = "24622000000012345678")]
    pub invoice: String,
    /// Who paid.
    pub payer: Payer,
    /// Number of the voucher, 12 digits and 6 capital letters, where there is one.
    #[serde(default)]
    #[schema(example = "202311220001ABCDEF")]
    pub voucher: Option<String>,
}

/// That the fee of an order is given back.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// Why.
    pub reason: String,
}

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Payer {
    /// 财政统一支付.
    Treasury,
    /// 编办经费.
    Office,
    /// 单位自行支付.
    Unit,
}

/// Confirmed orders that are sent on together.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remit {
    /// Their ids.
    #[schema(example = json!(["o42"]))]
    pub orders: Vec<String>,
    /// Their sum in yuan, with two digits of fen.
    #[schema(example = "1200.00")]
    pub amount: String,
}

/// What arrived of a remittance.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// The amount in yuan, with two digits of fen.
    #[schema(example = "1200.00")]
    pub amount: String,
}

/// An application.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ApplicationView {
    /// Its id.
    #[schema(example = "a42")]
    pub id: String,
    /// The unit that shall hold the names.
    pub unit: String,
    /// The unit's region.
    pub region: String,
    /// What the names are for.
    pub purpose: Purpose,
    /// The names, in the order of their kinds.
    pub slots: Vec<SlotView>,
    /// What all of them shall resolve to.
    pub resolution: Resolution,
    /// The papers that came with it, or were ticked.
    pub papers: Vec<Paper>,
    /// `draft`, `office_review`, `local_review`, `central_review`, `awaiting_fee`, `fee_confirmed`, `remitted`,
    /// `registered`, `rejected` or `withdrawn`.
    pub state: String,
    /// Who submitted it last.
    pub submitter: String,
    /// When.
    pub submitted: Option<String>,
    /// Until when the review that it waits for should be done.
    pub deadline: Option<String>,
    /// Whether that has passed.
    pub overdue: bool,
    /// The approvals so far.
    pub approvals: Vec<ApplicationApproval>,
    /// Why it was rejected, or ended by others than its unit.
    pub reason: Option<String>,
    /// The order for its fee.
    pub order: Option<String>,
    /// Why the names were registered without the plan, or without a traditional form that was picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unresolved: Option<String>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

/// An approval of an application.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationApproval {
    /// Its level.
    pub level: ApplicationLevel,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: String,
}

/// What an application costs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeeView {
    /// The order.
    pub order: String,
    /// All that is owed, in yuan.
    #[schema(example = "1200.00")]
    pub amount: String,
    /// `CNY`.
    pub currency: String,
    /// Line by line.
    pub lines: Vec<LineView>,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LineView {
    /// The name in U-labels.
    pub name: String,
    /// The same in A-labels.
    pub ascii: String,
    /// What the line is for: `registration`, `renewal`, `management` or `security`.
    pub fee: String,
    /// For how many years.
    pub years: u32,
    /// What a year costs, in yuan.
    #[schema(example = "300.00")]
    pub yearly: String,
    /// What the line costs, in yuan.
    #[schema(example = "600.00")]
    pub amount: String,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OrderView {
    /// Its id.
    #[schema(example = "o42")]
    pub id: String,
    /// The unit that owes it.
    pub unit: String,
    /// The unit's region.
    pub region: String,
    /// The application it is for; null for a renewal.
    pub application: Option<String>,
    /// `awaiting_fee`, `confirmed`, `remitted`, `consumed`, `withdrawn` or `refunded`.
    pub state: String,
    /// All that is owed, in yuan.
    pub amount: String,
    /// `CNY`.
    pub currency: String,
    /// Line by line.
    pub lines: Vec<LineView>,
    /// When it became due; the rates are those of that day.
    pub due: String,
    /// Whose request made it due.
    pub by: String,
    /// That the fee was taken.
    pub confirmation: Option<ConfirmationView>,
    /// The remittance it is in.
    pub remittance: Option<String>,
    /// Why it was refunded. Of orders refunded before lists had it, a single order alone shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

/// That a fee was taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConfirmationView {
    /// The local administrator.
    pub by: String,
    /// When.
    pub at: String,
    /// Number of the invoice.
    pub invoice: String,
    /// Who paid.
    pub payer: Payer,
    /// Number of the voucher.
    pub voucher: Option<String>,
}

/// A remittance.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RemittanceView {
    /// Its id.
    #[schema(example = "r42")]
    pub id: String,
    /// Its orders.
    pub orders: Vec<String>,
    /// The regions of their units.
    pub regions: Vec<String>,
    /// Their sum in yuan.
    pub amount: String,
    /// `CNY`.
    pub currency: String,
    /// `remitted`, `recognised` or `withdrawn`.
    pub state: String,
    /// Who made it.
    pub by: String,
    /// When.
    pub at: String,
    /// Who recognised it.
    pub recognised_by: Option<String>,
    /// When.
    pub recognised_at: Option<String>,
    /// Its version, as in `ETag`.
    pub version: u64,
}

impl CreateApplication {
    /// The registry's form.
    ///
    /// # Errors
    /// What is wrong with the unit's id, a name, or the resolution.
    pub fn into_registry(self, policy: &Policy) -> Result<ApplicationCommand, Problem> {
        let Self { unit, draft, purpose, slots, resolution, papers } = self;
        let unit = unit_id(&unit, "unit")?;
        let spec = EditApplication { purpose, slots, resolution, papers }.into_registry(policy)?;
        Ok(ApplicationCommand::Create { unit, spec, submit: !draft })
    }
}

impl EditApplication {
    /// The registry's form.
    ///
    /// # Errors
    /// What is wrong with a name or the resolution.
    pub fn into_registry(self, policy: &Policy) -> Result<ApplicationSpec, Problem> {
        let slot = |(index, Object(slot)): (usize, Object<SlotInput>)| {
            let name = name_key(&slot.name, policy, &format!("slots[{index}].name"))?;
            Ok(SlotSpec { kind: slot.kind, name, years: slot.years })
        };
        Ok(ApplicationSpec {
            purpose: self.purpose.into(),
            slots: self.slots.into_iter().enumerate().map(slot).collect::<Result<_, Problem>>()?,
            resolution: self.resolution.0.into_registry("resolution")?,
            papers: papers(self.papers),
        })
    }
}

/// Papers as the registry takes them.
pub fn papers(given: Vec<Object<Paper>>) -> Vec<registry::Paper> {
    given.into_iter().map(|Object(p)| registry::Paper { paper: p.paper.into(), scan: p.scan.into() }).collect()
}

impl ApplicationDecision {
    /// The reviewer's verdict.
    pub fn verdict(&self) -> command::Verdict {
        match self.decision {
            Verdict::Approve => command::Verdict::Approve,
            Verdict::Reject => command::Verdict::Reject { reason: self.reason.as_deref().unwrap_or_default().into() },
        }
    }
}

/// The keys of names, with `names[i]` where one is wrong.
///
/// # Errors
/// What is wrong with a name.
pub fn name_keys(names: &[String], policy: &Policy) -> Result<Vec<NameKey>, Problem> {
    names.iter().enumerate().map(|(index, name)| name_key(name, policy, &format!("names[{index}]"))).collect()
}

/// The amount of `text`.
///
/// # Errors
/// `amount_invalid`.
pub fn amount(text: &str) -> Result<Money, Problem> {
    Money::parse(text).ok_or_else(|| {
        let en = "amount is not yuan with two digits of fen, as in 1200.00; write it so.";
        let zh = "amount 应为以元为单位、保留两位小数的金额，例如 1200.00。";
        Problem::registry(Code::AmountInvalid, en, zh).field("amount")
    })
}

/// The ids of orders.
///
/// # Errors
/// `order_not_found`.
pub fn order_ids(ids: &[String]) -> Result<Vec<OrderId>, Problem> {
    let read = |(index, text): (usize, &String)| {
        OrderId::parse(text).ok_or_else(|| {
            let en = format!("There is no order {text}; use the id that an order shows.");
            let zh = format!("订单 {text} 不存在，请使用订单所示的编号。");
            Problem::registry(Code::OrderNotFound, en, zh).field(format!("orders[{index}]"))
        })
    };
    ids.iter().enumerate().map(read).collect()
}

impl ApplicationView {
    /// An application as of `now`.
    pub fn new(application: &Application, now: Option<Timestamp>) -> Self {
        let approvals = [
            (ApplicationLevel::Office, &application.office),
            (ApplicationLevel::Local, &application.local),
            (ApplicationLevel::Central, &application.central),
        ];
        let approval = |(level, approval): (ApplicationLevel, &Option<registry::Approval>)| {
            approval.as_ref().map(|given| ApplicationApproval {
                level,
                by: given.by.to_string(),
                at: given.at.to_string(),
            })
        };
        let text = |text: &Option<Box<str>>| text.as_deref().map(ToOwned::to_owned);
        Self {
            id: application.id.to_string(),
            unit: application.unit.to_string(),
            region: application.region.to_string(),
            purpose: application.purpose.into(),
            slots: application.slots.iter().map(SlotView::from).collect(),
            resolution: (&application.resolution).into(),
            papers: application.papers.iter().map(Paper::from).collect(),
            state: application.state.as_str().into(),
            submitter: application.submitter.to_string(),
            submitted: application.submitted.map(|at| at.to_string()),
            deadline: application.deadline.map(|at| at.to_string()),
            overdue: application.deadline.zip(now).is_some_and(|(deadline, now)| deadline < now),
            approvals: approvals.into_iter().filter_map(approval).collect(),
            reason: text(&application.reason),
            order: application.order.map(|id| id.to_string()),
            unresolved: text(&application.unresolved),
            version: application.version,
        }
    }
}

impl From<&registry::Paper> for Paper {
    fn from(paper: &registry::Paper) -> Self {
        Self { paper: paper.paper.to_string(), scan: paper.scan.to_string() }
    }
}

impl From<&OrderLine> for LineView {
    fn from(line: &OrderLine) -> Self {
        Self {
            name: readable(&line.name),
            ascii: line.name.to_string(),
            fee: line.fee.as_str().into(),
            years: line.years,
            yearly: line.yearly.to_string(),
            amount: line.yearly.times(line.years).to_string(),
        }
    }
}

impl From<&Order> for FeeView {
    fn from(order: &Order) -> Self {
        Self {
            order: order.id.to_string(),
            amount: order.amount().to_string(),
            currency: CURRENCY.into(),
            lines: order.lines.iter().map(Into::into).collect(),
        }
    }
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        let confirmation = |given: &registry::Confirmation| ConfirmationView {
            by: given.by.to_string(),
            at: given.at.to_string(),
            invoice: given.invoice.to_string(),
            payer: given.payer.into(),
            voucher: given.voucher.as_deref().map(ToOwned::to_owned),
        };
        let fee = FeeView::from(order);
        Self {
            id: fee.order,
            unit: order.unit.to_string(),
            region: order.region.to_string(),
            application: order.application().map(|id| id.to_string()),
            state: order.state.as_str().into(),
            amount: fee.amount,
            currency: fee.currency,
            lines: fee.lines,
            due: order.due.to_string(),
            by: order.by.to_string(),
            confirmation: order.confirmation.as_ref().map(confirmation),
            remittance: order.remittance.map(|id| id.to_string()),
            reason: order.reason.as_deref().map(ToOwned::to_owned),
            version: order.version,
        }
    }
}

impl From<&Remittance> for RemittanceView {
    fn from(remittance: &Remittance) -> Self {
        Self {
            id: remittance.id.to_string(),
            orders: remittance.orders.iter().map(ToString::to_string).collect(),
            regions: remittance.regions.iter().map(ToString::to_string).collect(),
            amount: remittance.amount.to_string(),
            currency: CURRENCY.into(),
            state: remittance.state.as_str().into(),
            by: remittance.by.to_string(),
            at: remittance.at.to_string(),
            recognised_by: remittance.recognised.as_ref().map(|(by, _)| by.to_string()),
            recognised_at: remittance.recognised.as_ref().map(|(_, at)| at.to_string()),
            version: remittance.version,
        }
    }
}

impl From<ApplicationLevel> for Step {
    fn from(level: ApplicationLevel) -> Self {
        match level {
            ApplicationLevel::Office => Self::Office,
            ApplicationLevel::Local => Self::Local,
            ApplicationLevel::Central => Self::Central,
        }
    }
}

/// Two enums with the same variants, one into the other and back.
macro_rules! same {
    ($($name:ident { $($variant:ident),+ })+) => {$(
        impl From<$name> for registry::$name {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)+ }
            }
        }

        impl From<registry::$name> for $name {
            fn from(value: registry::$name) -> Self {
                match value { $(registry::$name::$variant => Self::$variant,)+ }
            }
        }
    )+};
}

same! {
    Purpose { Site, Name, Column, Topic, System }
    Payer { Treasury, Office, Unit }
}
