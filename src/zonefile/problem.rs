//! What is wrong with a master file: rule, place and what to do, in English and Chinese.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// How many problems of one severity are kept; a file with more is wrong as a whole, and nobody reads further.
pub const PROBLEMS_MAX: usize = 100;

/// Whether the zone can be served all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but somebody should look.
    Warning,
}

impl Severity {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// The rule that is broken.
    pub rule: Rule,
    /// The file.
    pub file: Arc<Path>,
    /// The line from 1 on; 0 if the file as a whole is meant.
    pub line: u32,
    /// What is wrong and what to do, in English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

impl Problem {
    /// What problems are told in the order of.
    fn key(&self) -> (&Path, u32, Rule, &str) {
        (&self.file, self.line, self.rule, &self.en)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        write!(f, "{}:", self.file.display())?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        write!(f, " {severity}[{}]: {} / {}", self.rule, self.en, self.zh)
    }
}

/// Defines [`Rule`] with the code of each rule, which scripts may rely on.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// A rule of master files and zones. `tests/data/bad-zones` has one file for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code of the rule, which never changes.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

rules! {
    /// A file that cannot be read.
    Unreadable = "unreadable",
    /// A byte order mark.
    ByteOrderMark = "byte-order-mark",
    /// A control character outside quotes.
    ControlCharacter = "control-character",
    /// Quotes, parentheses or backslashes that do not fit together.
    Punctuation = "punctuation",
    /// A parenthesis or quote that is never closed, or far too late.
    Unclosed = "unclosed",
    /// A directive that does not exist or is not understood.
    Directive = "directive",
    /// `$GENERATE`.
    Generate = "generate",
    /// A file included too deeply, too often or from itself.
    Include = "include",
    /// An owner name that is missing or no name.
    Owner = "owner",
    /// A TTL that is no time; a warning for one that is too long and counts as 0.
    Ttl = "ttl",
    /// A record without a TTL, with none to take over; a warning for a SOA whose MINIMUM can stand for it.
    TtlMissing = "ttl-missing",
    /// A class other than IN.
    Class = "class",
    /// A type that is missing, unknown or never stands in a zone.
    Type = "type",
    /// RDATA that does not fit its type.
    Rdata = "rdata",
    /// A name with octets outside ASCII.
    NonAsciiName = "non-ascii-name",
    /// A record outside the zone.
    OutOfZone = "out-of-zone",
    /// No SOA at the apex.
    SoaMissing = "soa-missing",
    /// More than one SOA, or one below the apex.
    SoaExtra = "soa-extra",
    /// No NS at the apex.
    NsMissing = "ns-missing",
    /// A CNAME beside other data.
    CnameAndOther = "cname-and-other",
    /// More than one CNAME or DNAME at a name.
    AliasRepeated = "alias-repeated",
    /// A name server inside the zone without an address.
    GlueMissing = "glue-missing",
    /// An NS, MX or SRV record that leads to a CNAME.
    TargetIsAlias = "target-is-alias",
    /// An MX or SRV record that leads to a name without an address.
    TargetWithoutAddress = "target-without-address",
    /// Different TTLs in one RRset.
    TtlConflict = "ttl-conflict",
    /// An RRset that fits no message.
    RrsetTooLarge = "rrset-too-large",
    /// The same record twice.
    Duplicate = "duplicate",
    /// A digest of DS whose length is not that of its type.
    DsDigest = "ds-digest",
    /// Data that a delegation hides.
    Occluded = "occluded",
    /// Data below a DNAME.
    BelowDname = "below-dname",
    /// In a suffix of ours, data that a registration could take.
    RegistryLabel = "registry-label",
    /// In a suffix of ours, a wildcard directly below the apex.
    RegistryWildcard = "registry-wildcard",
    /// In a suffix of ours, a SOA whose TTL or MINIMUM is not 300.
    RegistrySoa = "registry-soa",
    /// In a suffix of ours, a record that signs or denies.
    RegistrySigned = "registry-signed",
    /// NSEC3 with so many iterations that resolvers do without the proofs, or without the zone.
    Nsec3Iterations = "nsec3-iterations",
    /// In a signed zone, an RRset that none of the zone's keys has signed; a warning for keys in a zone without signatures.
    SignatureMissing = "signature-missing",
    /// In a signed zone, an RRset whose signatures have expired, are not valid yet, or end soon.
    SignatureTime = "signature-time",
    /// In a signed zone, a name without NSEC or NSEC3.
    DenialMissing = "denial-missing",
    /// An NSEC or NSEC3 that does not lead to the next.
    DenialChain = "denial-chain",
    /// An NSEC or NSEC3 with other types than its name has, or an NSEC3 of no name.
    DenialTypes = "denial-types",
}

impl Rule {
    /// Whether it asks for records that are not there.
    pub(super) fn is_about_missing(self) -> bool {
        matches!(self, Self::SoaMissing | Self::NsMissing | Self::GlueMissing | Self::TargetWithoutAddress)
    }

    /// Whether a zone with such an error is not served. With the others NSD and Knot serve it too: what is wrong is what
    /// its answers lead to, not the answers.
    pub fn keeps_from_serving(self) -> bool {
        !matches!(
            self,
            Self::NsMissing
                | Self::GlueMissing
                | Self::TargetIsAlias
                | Self::TtlConflict
                | Self::DsDigest
                | Self::SignatureMissing
                | Self::DenialMissing
                | Self::DenialChain
                | Self::DenialTypes
        )
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Problems found so far, of each severity a bounded number, which are those that stand first.
#[derive(Debug, Default)]
pub(super) struct Problems {
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Problems {
    pub(super) fn add(&mut self, problem: Problem) {
        if !self.admits(problem.severity, &problem.file, problem.line) {
            return;
        }
        let list = self.list(problem.severity);
        if list.len() == PROBLEMS_MAX {
            list.pop();
        }
        let at = list.partition_point(|known| known.key() <= problem.key());
        list.insert(at, problem);
    }

    /// Whether a problem in this line would be kept.
    pub(super) fn admits(&self, severity: Severity, file: &Path, line: u32) -> bool {
        let list = match severity {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        list.len() < PROBLEMS_MAX || list.last().is_some_and(|last| (file, line) < (&*last.file, last.line))
    }

    fn list(&mut self, severity: Severity) -> &mut Vec<Problem> {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        }
    }

    /// Makes errors of the warnings that break this rule.
    pub(super) fn harden(&mut self, rule: Rule) {
        let hardened: Vec<Problem> = self.warnings.extract_if(.., |warning| warning.rule == rule).collect();
        for warning in hardened {
            self.add(Problem { severity: Severity::Error, ..warning });
        }
    }

    /// Whether there are too many errors to go on.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() == PROBLEMS_MAX
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Errors and warnings, each by file and line.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.errors, self.warnings)
    }
}
