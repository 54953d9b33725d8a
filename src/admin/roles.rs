//! Who may do what: one table of endpoints, roles and regions. The router asks it, the OpenAPI document and the table
//! for people are written from it, and a test tries each of its cells.

use crate::registry::Role;

/// How far a role reaches at one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    None,
    /// What lies in the token's region; everything, for a token without a region.
    Own,
    /// The registry as a whole: only a token without a region.
    Whole,
    /// Everything, whatever the token's region.
    Any,
}

/// What can be done over the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table below says what each is")]
pub enum Endpoint {
    ListUnits,
    GetUnit,
    PutUnit,
    CheckName,
    ReportContacts,
    ListNames,
    GetName,
    PutName,
    DeleteName,
    ChangeHolder,
    RenewName,
    UnfreezeName,
    PutMigration,
    DeleteMigration,
    Simulate,
    SubmitChange,
    SubmitApprovedChange,
    GetChange,
    ApproveLocally,
    ApproveCentrally,
    WithdrawChange,
    ListApplications,
    GetApplication,
    GetFee,
    CreateApplication,
    EditApplication,
    SubmitApplication,
    ApproveApplicationByOffice,
    ApproveApplicationLocally,
    ApproveApplicationCentrally,
    WithdrawApplication,
    ListOrders,
    GetOrder,
    OrderRenewal,
    ChangeYears,
    ConfirmOrder,
    WithdrawOrder,
    RefundOrder,
    RenewNames,
    ListRemittances,
    GetRemittance,
    Remit,
    Recognise,
    TakeBack,
    Penalise,
    ListSiteReviews,
    ExportHeldForSites,
    OpenSiteReview,
    PostponeSiteReview,
    SubmitSiteReview,
    ReviewSiteLocally,
    ReviewSiteCentrally,
    ConfirmSitePapers,
    CancelSiteReview,
    PlaceUnitHold,
    LiftUnitHold,
    PlaceNameHold,
    LiftNameHold,
    PlaceHolds,
    LiftHolds,
    ExportHolds,
    Blacklist,
    Import,
    Export,
    ReadJournal,
    UnitHistory,
    NameHistory,
    ChangeHistory,
    ApplicationHistory,
    OrderHistory,
    RemittanceHistory,
    SiteReviewHistory,
    Diff,
    Coverage,
    ExportZone,
    ListTokens,
    GetBrake,
    ReleaseBrake,
    ReloadZones,
    MoveTestClock,
}

/// One row of the table.
pub struct Row {
    /// What is done.
    pub endpoint: Endpoint,
    /// HTTP method.
    pub method: &'static str,
    /// Path, with its parameters in braces.
    pub path: &'static str,
    /// What is done, in English and in Chinese.
    pub what: (&'static str, &'static str),
    /// How far each role of [`Role::TOKENS`] reaches, in that order.
    pub reach: [Reach; 8],
}

use Endpoint as E;
use Reach::{Any, None as No, Own, Whole};

const fn row(
    endpoint: Endpoint,
    method: &'static str,
    path: &'static str,
    what: (&'static str, &'static str),
    reach: [Reach; 8],
) -> Row {
    Row { endpoint, method, path, what, reach }
}

/// The table. Columns: submitter, local-reviewer, local-admin, central-reviewer, finance, operator, auditor, viewer.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    row(E::ListUnits, "GET", "/v1/units", ("list units", "列出单位"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetUnit, "GET", "/v1/units/{id}", ("read a unit", "查看单位"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::PutUnit, "PUT", "/v1/units/{id}", ("create or edit a unit", "新建或修改单位"), [No, No, Own, No, No, Own, No, No]),
    row(E::CheckName, "GET", "/v1/check", ("check a name before registering it", "注册前检查域名"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::ReportContacts, "POST", "/v1/units/{id}/contact-changes", ("report changed contacts", "报告联系人变更"), [Own, No, Own, No, No, Own, No, No]),
    row(E::ListNames, "GET", "/v1/names", ("list names", "列出域名"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetName, "GET", "/v1/names/{name}", ("read a name", "查看域名"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::PutName, "PUT", "/v1/names/{name}", ("register or edit a name", "注册或修改域名"), [No, No, No, No, No, Own, No, No]),
    row(E::DeleteName, "DELETE", "/v1/names/{name}", ("delete a name", "注销域名"), [No, No, Own, No, No, Own, No, No]),
    row(E::ChangeHolder, "PUT", "/v1/names/{name}/holder", ("give a name to another unit, with consent", "经同意变更持有单位"), [No, No, No, No, No, Own, No, No]),
    row(E::RenewName, "POST", "/v1/names/{name}/renewals", ("renew a name", "域名续期"), [No, No, No, No, No, Own, No, No]),
    row(E::UnfreezeName, "POST", "/v1/names/{name}/unfreeze", ("ask to unfreeze a name", "申请解冻"), [Own, No, Own, No, No, Own, No, No]),
    row(E::PutMigration, "PUT", "/v1/names/{name}/migration", ("note an announced move", "登记迁移公告"), [No, No, Own, No, No, Own, No, No]),
    row(E::DeleteMigration, "DELETE", "/v1/names/{name}/migration", ("take an announced move back", "撤销迁移公告"), [No, No, Own, No, No, Own, No, No]),
    row(E::Simulate, "GET", "/v1/simulate", ("see what the clock will do", "推演到期事项"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::SubmitChange, "POST", "/v1/changes", ("submit a change", "提交解析变更"), [Own, No, No, No, No, Own, No, No]),
    row(E::SubmitApprovedChange, "POST", "/v1/changes", ("push a change with both approvals", "推送已两级审核的变更"), [No, No, No, No, No, Own, No, No]),
    row(E::GetChange, "GET", "/v1/changes/{id}", ("read a change", "查看变更"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::ApproveLocally, "POST", "/v1/changes/{id}/decisions", ("decide at the local level", "初审"), [No, Own, No, No, No, No, No, No]),
    row(E::ApproveCentrally, "POST", "/v1/changes/{id}/decisions", ("decide at the central level", "复审"), [No, No, No, Own, No, No, No, No]),
    row(E::WithdrawChange, "DELETE", "/v1/changes/{id}", ("withdraw a change (a submitter: its own)", "撤回变更（提交人限本人）"), [Own, No, No, No, No, Own, No, No]),
    row(E::ListApplications, "GET", "/v1/applications", ("list applications", "列出申请"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetApplication, "GET", "/v1/applications/{id}", ("read an application", "查看申请"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetFee, "GET", "/v1/applications/{id}/fee", ("see what an application costs", "查看应缴费用"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::CreateApplication, "POST", "/v1/applications", ("apply for names", "申请域名"), [Own, No, No, No, No, Own, No, No]),
    row(E::EditApplication, "PUT", "/v1/applications/{id}", ("edit a draft or a rejected application", "修改申请"), [Own, No, No, No, No, Own, No, No]),
    row(E::SubmitApplication, "POST", "/v1/applications/{id}/submission", ("hand an application in (again)", "提交申请"), [Own, No, No, No, No, Own, No, No]),
    row(E::ApproveApplicationByOffice, "POST", "/v1/applications/{id}/decisions", ("decide an application as the government office", "政府办公厅（室）审批"), [No, Own, No, No, No, No, No, No]),
    row(E::ApproveApplicationLocally, "POST", "/v1/applications/{id}/decisions", ("decide an application at the local level", "申请初审"), [No, Own, No, No, No, No, No, No]),
    row(E::ApproveApplicationCentrally, "POST", "/v1/applications/{id}/decisions", ("decide an application at the central level", "申请复审"), [No, No, No, Own, No, No, No, No]),
    row(E::WithdrawApplication, "DELETE", "/v1/applications/{id}", ("withdraw an application", "撤回申请"), [Own, No, Own, No, No, Own, No, No]),
    row(E::ListOrders, "GET", "/v1/orders", ("list orders", "列出订单"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetOrder, "GET", "/v1/orders/{id}", ("read an order", "查看订单"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::OrderRenewal, "POST", "/v1/orders", ("order further years for up to 50 names", "续费订单（最多 50 个域名）"), [Own, No, Own, No, No, Own, No, No]),
    row(E::ChangeYears, "PUT", "/v1/orders/{id}/years", ("change the years of an order", "修改年限"), [No, No, Own, No, No, No, No, No]),
    row(E::ConfirmOrder, "POST", "/v1/orders/{id}/confirmation", ("confirm that the fee was taken", "收费确认"), [No, No, Own, No, No, No, No, No]),
    row(E::WithdrawOrder, "DELETE", "/v1/orders/{id}", ("withdraw an order", "撤销订单"), [Own, No, Own, No, No, Own, No, No]),
    row(E::RefundOrder, "POST", "/v1/orders/{id}/refund", ("refund an order whose fee was taken", "退款并终止已收费的订单"), [No, No, No, No, Own, Own, No, No]),
    row(E::RenewNames, "POST", "/v1/renewals", ("renew up to 50 names at once", "批量续期（最多 50 个域名）"), [No, No, No, No, No, Own, No, No]),
    row(E::ListRemittances, "GET", "/v1/remittances", ("list remittances", "列出汇款批次"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::GetRemittance, "GET", "/v1/remittances/{id}", ("read a remittance", "查看汇款批次"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::Remit, "POST", "/v1/remittances", ("send confirmed orders on", "汇缴"), [No, No, Own, No, No, No, No, No]),
    row(E::Recognise, "POST", "/v1/remittances/{id}/recognition", ("recognise a remittance", "认款"), [No, No, No, No, Own, No, No, No]),
    row(E::TakeBack, "DELETE", "/v1/remittances/{id}", ("take a remittance back", "撤回汇款批次"), [No, No, Own, No, No, No, No, No]),
    row(E::Penalise, "POST", "/v1/units/{id}/penalties", ("impose a unit's next penalty", "对单位实施下一级处罚"), [No, No, No, No, No, Own, No, No]),
    row(E::ListSiteReviews, "GET", "/v1/site-reviews", ("list reviews of sites", "列出网站复核"), [Own, Own, Own, Own, Own, Own, Own, Own]),
    row(E::ExportHeldForSites, "GET", "/v1/site-reviews/held", ("export names held for their sites", "导出因网站复核暂停的域名"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::OpenSiteReview, "POST", "/v1/units/{id}/site-review", ("open the review of a site", "发起网站复核"), [No, No, Own, No, No, Own, No, No]),
    row(E::PostponeSiteReview, "PUT", "/v1/units/{id}/site-review/deadline", ("postpone the deadline of a site review", "延长网站复核期限"), [No, No, No, No, No, Own, No, No]),
    row(E::SubmitSiteReview, "POST", "/v1/units/{id}/site-review/submission", ("hand a site in for review (again)", "提交网站复核"), [Own, No, No, No, No, Own, No, No]),
    row(E::ReviewSiteLocally, "POST", "/v1/units/{id}/site-review/decisions", ("decide a site review at the local level", "网站复核初审"), [No, Own, No, No, No, No, No, No]),
    row(E::ReviewSiteCentrally, "POST", "/v1/units/{id}/site-review/decisions", ("decide a site review at the central level", "网站复核复审"), [No, No, No, Own, No, No, No, No]),
    row(E::ConfirmSitePapers, "POST", "/v1/units/{id}/site-review/decisions", ("confirm an organ's papers", "确认党政机关纸质材料"), [No, Own, No, No, No, No, No, No]),
    row(E::CancelSiteReview, "DELETE", "/v1/units/{id}/site-review", ("take back the review of a site", "撤销网站复核"), [No, No, No, No, No, Own, No, No]),
    row(E::PlaceUnitHold, "PUT", "/v1/units/{id}/holds/{reason}", ("hold a unit", "暂停单位"), [No, No, No, No, No, Own, No, No]),
    row(E::LiftUnitHold, "DELETE", "/v1/units/{id}/holds/{reason}", ("lift a unit's hold", "解除单位暂停"), [No, No, No, No, No, Own, No, No]),
    row(E::PlaceNameHold, "PUT", "/v1/names/{name}/holds/{reason}", ("hold a name", "暂停域名"), [No, No, No, No, No, Own, No, No]),
    row(E::LiftNameHold, "DELETE", "/v1/names/{name}/holds/{reason}", ("lift a name's hold", "解除域名暂停"), [No, No, No, No, No, Own, No, No]),
    row(E::PlaceHolds, "POST", "/v1/holds", ("hold the units and names of a list", "按名单批量暂停"), [No, No, No, No, No, Own, No, No]),
    row(E::LiftHolds, "POST", "/v1/holds/lifts", ("lift the holds of a list", "按名单批量解除暂停"), [No, No, No, No, No, Own, No, No]),
    row(E::ExportHolds, "GET", "/v1/holds", ("export holds, past ones too", "导出暂停记录（含已解除）"), [No, Own, Own, Own, Own, Own, Own, Own]),
    row(E::Blacklist, "GET", "/v1/blacklist", ("export the blacklist", "导出黑名单"), [No, Own, Own, Own, Own, Own, Own, Own]),
    row(E::Import, "POST", "/v1/import", ("import units and names", "批量导入"), [No, No, No, No, No, Whole, No, No]),
    row(E::Export, "GET", "/v1/export", ("export units and names", "全量导出"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::ReadJournal, "GET", "/v1/journal", ("read the journal", "查看流水"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::UnitHistory, "GET", "/v1/units/{id}/history", ("read the history of a unit", "查看单位历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::NameHistory, "GET", "/v1/names/{name}/history", ("read the history of a name", "查看域名历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::ChangeHistory, "GET", "/v1/changes/{id}/history", ("read the history of a change", "查看变更历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::ApplicationHistory, "GET", "/v1/applications/{id}/history", ("read the history of an application", "查看申请历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::OrderHistory, "GET", "/v1/orders/{id}/history", ("read the history of an order", "查看订单历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::RemittanceHistory, "GET", "/v1/remittances/{id}/history", ("read the history of a remittance", "查看汇款批次历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::SiteReviewHistory, "GET", "/v1/site-reviews/{id}/history", ("read the history of a site review", "查看网站复核历史"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::Diff, "GET", "/v1/diff", ("see what changed between two lines of the journal", "查看两行流水之间的差异"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::Coverage, "GET", "/v1/statistics/coverage", ("see how many bodies have registered", "查看注册覆盖率"), [No, Own, Own, Own, Own, Own, Own, Own]),
    row(E::ExportZone, "GET", "/v1/zones/{apex}/export", ("export a zone", "导出区数据"), [No, No, No, No, No, Whole, Whole, Whole]),
    row(E::ListTokens, "GET", "/v1/tokens", ("list tokens, without secrets", "列出令牌（不含密钥）"), [No, No, No, No, No, Whole, Whole, No]),
    row(E::GetBrake, "GET", "/v1/brake", ("see whether the brake is engaged", "查看熔断状态"), [Any, Any, Any, Any, Any, Any, Any, Any]),
    row(E::ReleaseBrake, "POST", "/v1/brake/release", ("release the brake", "解除熔断"), [No, No, No, No, No, Whole, No, No]),
    row(E::ReloadZones, "POST", "/v1/zones/reload", ("read zone files again", "重新读取区文件"), [No, No, No, No, No, Whole, No, No]),
    row(E::MoveTestClock, "POST", "/v1/test/clock", ("move the clock (test builds only)", "拨动时钟（仅测试版）"), [No, No, No, No, No, Whole, No, No]),
];

impl Endpoint {
    /// The endpoint's row.
    pub fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.endpoint == self).expect("the table has a row for each endpoint")
    }

    /// How far `role` reaches here.
    pub fn reach(self, role: Role) -> Reach {
        let column = Role::TOKENS.iter().position(|column| *column == role);
        column.map_or(Reach::None, |column| self.row().reach[column])
    }
}

impl Reach {
    /// The rule's name in the table for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "–",
            Self::Own => "own region",
            Self::Whole => "yes, without a region",
            Self::Any => "yes",
        }
    }
}

/// The table in Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| what | 操作 | endpoint |");
    for role in Role::TOKENS {
        text += &format!(" {} |", role.as_str());
    }
    text += "\n|---|---|---|";
    text += &"---|".repeat(Role::TOKENS.len());
    for row in TABLE {
        text += &format!("\n| {} | {} | `{} {}` |", row.what.0, row.what.1, row.method, row.path);
        for reach in row.reach {
            text += &format!(" {} |", reach.as_str());
        }
    }
    text + "\n\n“own region”: a token with a region acts on what lies inside it; one without a region acts everywhere.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_has_one_row() {
        for (position, row) in TABLE.iter().enumerate() {
            assert!(TABLE[..position].iter().all(|earlier| earlier.endpoint != row.endpoint), "{:?}", row.endpoint);
            assert_eq!(row.endpoint.row().path, row.path);
        }
    }

    #[test]
    fn nobody_decides_at_both_levels_and_submitters_decide_nothing() {
        for role in Role::TOKENS {
            let local = E::ApproveLocally.reach(role) != Reach::None;
            let central = E::ApproveCentrally.reach(role) != Reach::None;
            let submits = E::SubmitChange.reach(role) != Reach::None;
            assert!(u8::from(local) + u8::from(central) + u8::from(submits) <= 1, "{role:?}");
        }
        assert_eq!(E::PutName.reach(Role::System), Reach::None);
    }

    #[test]
    fn the_table_for_people_has_a_line_for_each_row() {
        let text = markdown();
        assert_eq!(text.lines().filter(|line| line.contains("| `")).count(), TABLE.len());
        assert!(text.contains(
            "| decide at the local level | 初审 | `POST /v1/changes/{id}/decisions` | – | own region | – | – | – | – | – | – |"
        ));
    }
}
