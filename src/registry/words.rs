//! What roles and states are called in Chinese sentences: the word people use, and behind it in brackets the identifier by
//! which callers know it.

use super::application::{ApplicationState, Step};
use super::change::ChangeState;
use super::command::Role;
use super::hold::HoldReason;
use super::order::OrderState;
use super::site_review::SiteReviewState;

/// Something that has an identifier in the API and a word in Chinese.
pub trait Named: Copy {
    /// The identifier in files and in the API.
    fn id(self) -> &'static str;
    /// The word.
    fn word(self) -> &'static str;

    /// The word, with the identifier behind it: `待缴费（awaiting_fee）`.
    fn zh(self) -> String {
        format!("{}（{}）", self.word(), self.id())
    }
}

/// Words for an enum that has `as_str`.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal,)+ })+) => {$(
        impl Named for $name {
            fn id(self) -> &'static str {
                self.as_str()
            }

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+};
}

words! {
    Role {
        Submitter = "提交人",
        LocalReviewer = "初审人",
        LocalAdmin = "编办管理员",
        CentralReviewer = "复审人",
        Finance = "财务",
        Operator = "注册局操作员",
        Auditor = "审计员",
        Viewer = "查询人",
        System = "系统",
    }
    ApplicationState {
        Draft = "草稿",
        OfficeReview = "待政府办公厅（室）审批",
        LocalReview = "待初审",
        CentralReview = "待复审",
        AwaitingFee = "待缴费",
        FeeConfirmed = "已确认收费",
        Remitted = "已汇款",
        Registered = "已注册",
        Rejected = "已驳回",
        Withdrawn = "已撤回",
    }
    OrderState {
        AwaitingFee = "待缴费",
        Confirmed = "已确认收费",
        Remitted = "已汇款",
        Consumed = "已办结",
        Withdrawn = "已撤销",
        Refunded = "已退款",
    }
    ChangeState {
        Submitted = "待初审",
        LocallyApproved = "待复审",
        Live = "已生效",
        Rejected = "已驳回",
        Withdrawn = "已撤回",
    }
    SiteReviewState {
        Open = "待提交",
        LocalReview = "待初审",
        CentralReview = "待复审",
        Paper = "待确认纸质材料",
        Rejected = "已驳回",
        Passed = "已通过",
        Cancelled = "已撤销",
    }
    HoldReason {
        Legal = "依法暂停",
        Blacklist = "列入黑名单",
        Penalty = "处罚",
        SiteReviewFailed = "网站复核未通过",
        SiteNotSubmitted = "网站复核逾期未提交",
        RegistryAdmin = "注册局决定",
        UnitRequest = "单位申请",
        Expired = "到期",
    }
    Step {
        Office = "政府办公厅（室）审批",
        Local = "初审",
        Central = "复审",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_before_its_identifier() {
        assert_eq!(OrderState::AwaitingFee.zh(), "待缴费（awaiting_fee）");
        assert_eq!(Role::LocalAdmin.zh(), "编办管理员（local-admin）");
        let words = ApplicationState::ALL.map(Named::word);
        assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_alphabetic())), "{words:?}");
    }
}
