//! Options of terms, and of the notices around them.

use super::parse::path;
use super::reader::{Faults, Table, Value};
use super::{Config, Outbox, ProfileName, Profiles};
use crate::idn;
use crate::registry::life::{INTERRUPTED_DAYS_MIN, Unfreeze};
use crate::registry::time::DAY_SECS;
use crate::registry::{Profile, Terms};

/// Longest stage of a name's way to deletion in days, ten years: beyond it nothing would ever end.
const DAYS_MAX: i64 = 3660;
/// Most notices around one term.
const NOTICES_MAX: usize = 16;

/// `[profiles]`.
pub(super) fn profiles(table: &Table<'_>, default: Profiles) -> Profiles {
    Profiles {
        national: table.section("national", default.national, profile),
        icann_rgp: table.section("icann-rgp", default.icann_rgp, profile),
    }
}

fn profile(table: &Table<'_>, default: Profile) -> Profile {
    let days = |least: i64| move |value: &Value<'_>| value.integer(least..=DAYS_MAX);
    Profile {
        unpaid_days: table.read("unpaid_days", default.unpaid_days, days(1)),
        final_days: table.read("final_days", default.final_days, days(1)),
        pending_delete_days: table.read("pending_delete_days", default.pending_delete_days, days(0)),
        kept_days: table.read("kept_days", default.kept_days, days(0)),
        unfreeze: table.read("unfreeze", default.unfreeze, |value| {
            value.parsed("never, orders or always", "never、orders 或 always", |text| {
                Unfreeze::ALL.into_iter().find(|known| known.as_str() == text)
            })
        }),
    }
}

/// The profile of a suffix set.
pub(super) fn profile_name(value: &Value<'_>) -> Option<ProfileName> {
    value.parsed("national or icann-rgp", "national 或 icann-rgp", |text| {
        ProfileName::ALL.into_iter().find(|known| known.as_str() == text)
    })
}

/// Days of notices, in ascending order.
pub(super) fn notices_days(value: &Value<'_>) -> Option<Vec<i32>> {
    let days: Vec<i32> = value.list(|item| item.integer(-DAYS_MAX..=DAYS_MAX))?;
    if days.len() > NOTICES_MAX || !days.is_sorted_by(|a, b| a < b) {
        value.note(
            format!("at most {NOTICES_MAX} days, each after the one before it, as [-30, -7, 5]"),
            format!("最多 {NOTICES_MAX} 个，且须由小到大，如 [-30, -7, 5]"),
        );
        return None;
    }
    Some(days)
}

/// `[outbox]`.
pub(super) fn outbox(table: &Table<'_>, default: Outbox) -> Outbox {
    Outbox {
        file: table.read("file", default.file, |value| path(value).map(Some)),
        webhook: table.read("webhook", default.webhook, |value| {
            value
                .parsed("an http or https URL", "http 或 https 网址", |text| {
                    let url = url::Url::parse(text).ok()?;
                    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
                    (plain && url.has_host() && matches!(url.scheme(), "http" | "https")).then(|| url.to_string())
                })
                .map(Some)
        }),
        secret_file: table.read("secret_file", default.secret_file, |value| path(value).map(Some)),
        ca_file: table.read("ca_file", default.ca_file, |value| path(value).map(Some)),
    }
}

impl Config {
    /// The settings of terms.
    pub(super) fn terms(&self) -> Terms {
        let others = self.suffixes.iter().filter(|set| set.profile == ProfileName::IcannRgp);
        let others = others.filter_map(|set| set.suffixes.first()).map(|suffix| {
            let primary = idn::host_to_ascii(suffix).expect("checked when the configuration was read");
            (primary.into(), self.profiles.icann_rgp.clone())
        });
        Terms {
            notices_days: self.registry.notices_days.clone(),
            profiles: others.collect(),
            national: self.profiles.national.clone(),
        }
    }
}

/// A name of a suffix with ICANN's terms stops resolving long enough before it is deleted.
pub(super) fn interrupted(config: &Config, faults: &Faults<'_>) {
    let profile = &config.profiles.icann_rgp;
    let interrupted = profile.unpaid_days * DAY_SECS - config.registry.expiry_grace_secs;
    let used = config.suffixes.iter().any(|set| set.profile == ProfileName::IcannRgp);
    if used && interrupted < INTERRUPTED_DAYS_MIN * DAY_SECS {
        faults.add(
            None,
            format!(
                "`profiles.icann-rgp`: a name must not resolve for {INTERRUPTED_DAYS_MIN} days before it is deleted; \
                 make `registry.expiry_grace_secs` shorter, or `unpaid_days` longer"
            ),
            format!(
                "“profiles.icann-rgp”：删除前须至少停止解析 {INTERRUPTED_DAYS_MIN} 天；\
                 请缩短 registry.expiry_grace_secs 或延长 unpaid_days"
            ),
        );
    }
}

/// Posts are signed, or nobody is posted to.
pub(super) fn signed_posts(config: &Config, faults: &Faults<'_>) {
    if config.outbox.webhook.is_some() != config.outbox.secret_file.is_some() {
        faults.add(
            None,
            "`outbox.webhook` and `outbox.secret_file` go together: posts are signed, so that the receiver can trust them",
            "“outbox.webhook”与“outbox.secret_file”必须同时填写：推送须签名，以便接收方核验",
        );
    }
}
