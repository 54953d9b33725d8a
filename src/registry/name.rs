//! Registrations: one label under one suffix set, held by one unit for a term.

use super::hold::{HoldReason, Holds};
use super::ids::ChangeId;
use super::life::Life;
use super::policy::{Policy, SuffixSet};
use super::refusal::{Code, Refusal};
use super::resolution::Resolution;
use super::time::Timestamp;
use super::unit::{Unit, UnitId};
use crate::idn::{self, Label, LabelError};
use std::fmt;
use std::sync::Arc;

/// What names a registration: its label, and the suffix set by its primary suffix.
///
/// Its text form, `LABEL.SUFFIX` in A-labels without a final dot, is the key in the store and in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey {
    /// The registered label.
    pub label: Label,
    /// The primary suffix of the set, A-labels without a final dot (`xn--zfr164b`).
    pub set: Arc<str>,
}

/// One registration as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Label and suffix set.
    pub key: NameKey,
    /// Who holds it; changes only with the consent of the authority in charge (R5, R6).
    pub unit: UnitId,
    /// When the first term began.
    pub registered: Timestamp,
    /// When the current term ends: the last second of a day in Asia/Shanghai.
    pub expires: Timestamp,
    /// The slot of the application it came from, 1..=7 (R8).
    pub kind: u8,
    /// 主域名: the main name of its site (R9).
    pub primary: bool,
    /// What is approved and published while nothing holds it.
    pub resolution: Option<Resolution>,
    /// `seq` of the transaction that last set `resolution`; 0 while none is set. Pending changes are bound to it.
    pub resolved_by: u64,
    /// Why this name does not resolve, the unit's holds apart.
    pub holds: Holds,
    /// The change that waits for approval, if one does.
    pub pending: Option<ChangeId>,
    /// What its life has brought beside holds.
    pub life: Life,
    /// The labels that are published beside its own, with the same data and under the same holds.
    pub variants: Variants,
    /// `seq` of the transaction that last changed the registration; its ETag.
    pub version: u64,
}

/// The active variants of a name (RFC 3743 §2.1): its simplified and its traditional form, where they differ from the
/// label and are switched on. Every other label of its package is reserved to its holder, and resolves nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// 简体.
    pub simplified: Option<Label>,
    /// 繁體.
    pub traditional: Option<Label>,
}

/// What the index of a unit's names says of each: all that a hold on the unit has to know of most of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// It resolves unless its unit is held.
    Resolves,
    /// Nothing is approved for it.
    Silent,
    /// A hold of its own is in effect, or it has variants: the registration says the rest.
    More,
}

/// A registration's state as people ask for it; derived, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameState {
    /// It resolves.
    Active,
    /// Nothing is approved for it yet.
    Inactive,
    /// A hold other than EXPIRED keeps it from resolving.
    Held,
    /// Its term ended and no graver hold is on it.
    Expired,
}

impl NameKey {
    /// The name a person or client wrote: U- or A-labels, any dots, any suffix of a set (`X.政务.cn` is `X.政务`).
    ///
    /// # Errors
    /// [`Code::SuffixUnknown`], [`Code::LabelInvalid`], [`Code::LabelCharacter`] or [`Code::LabelTooLong`].
    pub fn parse(input: &str, policy: &Policy) -> Result<Self, Refusal> {
        let labels = idn::split_name(input);
        let Some((set, count)) = closest_set(&labels, policy) else {
            return Err(suffix_unknown(policy));
        };
        let label = match &labels[..labels.len() - count] {
            [label] => Label::parse_in(label, policy.labels.table()).map_err(|error| label_refusal(&error))?,
            [] => {
                return Err(label_count(
                    "The name is a suffix only; put a label before it.",
                    "只有后缀，请在其前加上标签。",
                ));
            }
            [www, _] if is_www(www) => {
                return Err(label_count(
                    "www is not registered: register the name without it and set www in its resolution.",
                    "www 不单独注册：请注册不带 www 的域名，并在解析设置中选择 www。",
                ));
            }
            _ => {
                return Err(label_count(
                    "Names are registered directly under a suffix; leave out the labels in front.",
                    "只能在后缀之下直接注册一级域名，请去掉前面的各级。",
                ));
            }
        };
        let primary = set.suffixes.first().expect("a suffix that matched is one of the set's");
        Ok(Self { label, set: Arc::clone(primary) })
    }

    /// The key of the text that its `Display` wrote; for the store and the journal.
    pub fn from_canonical(text: &str) -> Option<Self> {
        let (label, set) = text.split_once('.')?;
        (!set.is_empty()).then_some(())?;
        Some(Self { label: Label::from_canonical(label)?, set: set.into() })
    }

    /// The name for people: U-labels without a final dot.
    pub fn to_unicode(&self) -> String {
        format!("{}.{}", self.label.as_unicode(), idn::to_unicode(&self.set))
    }
}

/// The set of the longest suffix that `labels` end in, and how many labels that suffix has.
fn closest_set<'p>(labels: &[&str], policy: &'p Policy) -> Option<(&'p SuffixSet, usize)> {
    // A suffix has few labels; looking no further bounds the work on hostile input.
    let longest = policy.sets.iter().flat_map(|set| &set.suffixes).map(|suffix| suffix.split('.').count()).max()?;
    (1..=longest.min(labels.len())).rev().find_map(|count| {
        let suffix = idn::host_to_ascii(&labels[labels.len() - count..].join("."))?;
        let set = policy.sets.iter().find(|set| set.suffixes.iter().any(|known| **known == *suffix))?;
        Some((set, count))
    })
}

/// Whether `label` is `www` in any case and width.
pub(super) fn is_www(label: &str) -> bool {
    idn::host_to_ascii(label).as_deref() == Some("www")
}

/// A label that breaks a rule of form, by the kind of rule.
pub(super) fn label_refusal(error: &LabelError) -> Refusal {
    let code = match error {
        LabelError::Character { .. } => Code::LabelCharacter,
        LabelError::TooLong { .. } => Code::LabelTooLong,
        _ => Code::LabelInvalid,
    };
    Refusal::new(code, error.en(), error.zh())
}

fn label_count(en: &str, zh: &str) -> Refusal {
    Refusal::new(Code::LabelInvalid, en, zh)
}

fn suffix_unknown(policy: &Policy) -> Refusal {
    let known: Vec<String> =
        policy.sets.iter().flat_map(|set| &set.suffixes).map(|s| format!(".{}", idn::to_unicode(s))).collect();
    let known = known.join(" ");
    Refusal::new(
        Code::SuffixUnknown,
        format!("The name does not end in a suffix of this registry; use one of {known}."),
        format!("该域名的后缀不属于本注册局，请使用 {known}。"),
    )
}

impl Variants {
    /// Each of them once.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        let traditional = self.traditional.as_ref().filter(|label| self.simplified.as_ref() != Some(label));
        self.simplified.iter().chain(traditional)
    }

    /// Whether `label` is one of them.
    pub fn contains(&self, label: &Label) -> bool {
        self.iter().any(|variant| variant == label)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.simplified.is_none() && self.traditional.is_none()
    }
}

impl Registration {
    /// Every label that is published for it: its own first.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        std::iter::once(&self.key.label).chain(self.variants.iter())
    }

    /// The hold that keeps it from resolving, the unit's and its own taken together.
    pub fn effective_hold(&self, unit: &Unit) -> Option<HoldReason> {
        self.holds.effective().into_iter().chain(unit.holds.effective()).min()
    }

    /// The state as people ask for it.
    pub fn state(&self, unit: &Unit) -> NameState {
        NameState::under(self.effective_hold(unit), self.resolution.is_some())
    }

    /// What the index of its unit's names says of it.
    pub fn outline(&self) -> Outline {
        match &self.resolution {
            _ if self.holds.effective().is_some() || !self.variants.is_empty() => Outline::More,
            Some(_) => Outline::Resolves,
            None => Outline::Silent,
        }
    }
}

impl Outline {
    /// The state of the name, which is `unit`'s; none if only the registration tells it.
    pub fn state(self, unit: &Unit) -> Option<NameState> {
        (self != Self::More).then(|| NameState::under(unit.holds.effective(), self == Self::Resolves))
    }
}

impl NameState {
    /// The state under the hold that decides, if there is one, of a name for which something is approved or not.
    fn under(hold: Option<HoldReason>, approved: bool) -> Self {
        match hold {
            Some(HoldReason::Expired) => Self::Expired,
            Some(_) => Self::Held,
            None if approved => Self::Active,
            None => Self::Inactive,
        }
    }

    /// All states.
    pub const ALL: [Self; 4] = [Self::Active, Self::Inactive, Self::Held, Self::Expired];

    /// The state's name in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Held => "held",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.label.as_ascii(), self.set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        let set = |suffixes: [&str; 2]| SuffixSet {
            suffixes: suffixes.map(Arc::from).to_vec(),
            unit_kinds: Vec::new(),
            unit_kinds_with_proof: Vec::new(),
        };
        Policy::of(vec![set(["xn--zfr164b", "xn--zfr164b.cn"]), set(["xn--55qw42g", "xn--55qw42g.cn"])])
    }

    #[test]
    fn every_way_to_write_a_name_is_one_key() {
        for input in [
            "财政局.政务",
            "财政局.政务.",
            "财政局。政务",
            "财政局．政务｡cn",
            "财政局.政务.CN",
            "xn--dgt32shz8a.xn--zfr164b",
            "XN--DGT32SHZ8A.政务.cn.",
        ] {
            let key = NameKey::parse(input, &policy()).unwrap();
            assert_eq!(key.to_string(), "xn--dgt32shz8a.xn--zfr164b", "{input}");
            assert_eq!(key.to_unicode(), "财政局.政务");
            assert_eq!(NameKey::from_canonical(&key.to_string()), Some(key));
        }
    }

    #[test]
    fn other_names_are_refused_by_what_is_wrong() {
        for (input, code) in [
            ("", Code::SuffixUnknown),
            ("财政局", Code::SuffixUnknown),
            ("财政局.example", Code::SuffixUnknown),
            ("财政局.cn", Code::SuffixUnknown),
            ("财政局.政务.com", Code::SuffixUnknown),
            ("财政局..政务", Code::LabelInvalid),
            ("政务", Code::LabelInvalid),
            ("政务.cn", Code::LabelInvalid),
            ("www.财政局.政务", Code::LabelInvalid),
            ("ＷＷＷ.财政局.政务.cn", Code::LabelInvalid),
            ("mail.财政局.政务", Code::LabelInvalid),
            ("nic.政务", Code::LabelInvalid),
            ("财政局か.公益", Code::LabelCharacter),
            (&"a.".repeat(100_000), Code::SuffixUnknown),
        ] {
            assert_eq!(NameKey::parse(input, &policy()).map_err(|r| r.code), Err(code), "{input}");
        }
        assert_eq!(
            NameKey::parse("财政局.政务", &Policy { sets: Vec::new(), ..policy() }).unwrap_err().code,
            Code::SuffixUnknown
        );
    }

    #[test]
    fn canonical_text_is_checked_when_read() {
        for text in ["", "xn--dgt32shz8a", "xn--dgt32shz8a.", "www.xn--zfr164b", "财政局.xn--zfr164b"] {
            assert_eq!(NameKey::from_canonical(text), None, "{text}");
        }
    }
}
