//! Orders and remittances: what is owed, what the local offices confirm and send on, and what finance recognises.
//!
//! ```text
//! order        awaiting_fee ──confirm──▶ confirmed ──in a remittance──▶ remitted ──recognised──▶ consumed
//!                   │ delete             ▲    │ operator                  │  │
//!                   └──▶ withdrawn ◀─────┼────┤                           │  │ refund
//!                                        │    └──refund──▶ refunded ◀─────┼──┘
//!                                        └────────────────────────────────┘ remittance withdrawn
//! remittance   remitted ──recognise──▶ recognised;  remitted ──▶ withdrawn
//! ```
//!
//! What an order is for may become impossible after its fee was taken: the unit is blacklisted, a name runs out. Then the
//! order is refunded, and no state of an order is without a way to an end.

use super::fee::{Fee, Money};
use super::ids::{ApplicationId, OrderId, RemittanceId};
use super::name::NameKey;
use super::time::Timestamp;
use super::unit::{Region, UnitId};

/// Most names of one renewal, as an order or at once (R33).
pub const RENEWAL_NAMES_MAX: usize = 50;
/// Most orders of one remittance, and with up to 50 lines each it still is one journal line of a few MiB at recognition.
pub const REMITTANCE_ORDERS_MAX: usize = 100;
/// Longest invoice number in octets. Electronic invoices have 20 digits, those on paper a code of 12 and a number of 8, often
/// with a hyphen between them; a number that is longer was copied with something else.
pub const INVOICE_LEN_MAX: usize = 32;
/// Longest text that was taken for one before numbers had a form; imports still bring such.
pub const INVOICE_TAKEN_LEN_MAX: usize = 64;

/// One order as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// `o` and a `seq`.
    pub id: OrderId,
    /// Who owes it.
    pub unit: UnitId,
    /// The unit's region at the last step; lists are cut by it.
    pub region: Region,
    /// What it is for.
    pub basis: OrderBasis,
    /// What is owed, line by line.
    pub lines: Vec<OrderLine>,
    /// When the amount became due: the rates are those of this day.
    pub due: Timestamp,
    /// The principal whose command made it due.
    pub by: Box<str>,
    /// Where it stands.
    pub state: OrderState,
    /// The local office's confirmation.
    pub confirmation: Option<Confirmation>,
    /// The remittance it is in.
    pub remittance: Option<RemittanceId>,
    /// Why it was refunded; none in journals from before that was noted here.
    pub reason: Option<Box<str>>,
    /// When any of this last changed; of two images the later one counts. 0 in journals from before it was noted.
    pub changed: Timestamp,
    /// `seq` of the transaction that last changed it; its ETag.
    pub version: u64,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderBasis {
    /// The names of an application.
    Application(ApplicationId),
    /// Further years of registered names (R32).
    Renewal,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// The name.
    pub name: NameKey,
    /// What the line is for (R63).
    pub fee: Fee,
    /// For how many years.
    pub years: u32,
    /// What a year costs.
    pub yearly: Money,
}

/// 收费确认: that the fee was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The local administrator.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
    /// Number of the invoice (R28).
    pub invoice: Box<str>,
    /// Who paid (R29).
    pub payer: Payer,
    /// Number of the voucher (R61), where there is one.
    pub voucher: Option<Box<str>>,
}

/// Who pays (R29).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Payer {
    /// 财政统一支付: the treasury, for all.
    Treasury,
    /// 编办经费: the local office's own means.
    Office,
    /// 单位自行支付: the unit itself.
    Unit,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderState {
    /// The amount is due.
    AwaitingFee,
    /// The local office confirmed it.
    Confirmed,
    /// It is in a remittance.
    Remitted,
    /// The remittance was recognised: what the order is for has happened.
    Consumed,
    /// Ended without a payment.
    Withdrawn,
    /// Ended after its fee was taken: what it was for does not happen, and the fee is given back. It keeps the remittance it
    /// was in, whose amount has its own in it.
    Refunded,
}

/// One remittance as it stands after the transaction `version`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remittance {
    /// `r` and a `seq`.
    pub id: RemittanceId,
    /// Its orders.
    pub orders: Vec<OrderId>,
    /// The regions of their units, in order.
    pub regions: Vec<Region>,
    /// The sum of them.
    pub amount: Money,
    /// The administrator.
    pub by: Box<str>,
    /// When it was made.
    pub at: Timestamp,
    /// Where it stands.
    pub state: RemittanceState,
    /// 认款: who recognised it, and when.
    pub recognised: Option<(Box<str>, Timestamp)>,
    /// When any of this last changed; of two images the later one counts. 0 in journals from before it was noted.
    pub changed: Timestamp,
    /// `seq` of the transaction that last changed it; its ETag.
    pub version: u64,
}

/// How far a remittance has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemittanceState {
    /// Sent on.
    Remitted,
    /// Arrived; its orders are consumed.
    Recognised,
    /// Taken back; its orders are free for another one.
    Withdrawn,
}

/// Who has a claim on a name, so that nobody else can apply for it, register it or renew it meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Claim {
    /// An application under way.
    Application(ApplicationId),
    /// An open order for further years.
    Order(OrderId),
}

impl Order {
    /// What is owed.
    pub fn amount(&self) -> Money {
        self.lines.iter().map(|line| line.yearly.times(line.years)).sum()
    }

    /// The registered names that it is open for: no second order may extend them meanwhile.
    pub fn claims(&self) -> impl Iterator<Item = &NameKey> {
        let claims = self.basis == OrderBasis::Renewal && !self.state.has_ended();
        self.lines.iter().filter(move |_| claims).map(|line| &line.name)
    }

    /// The number of its invoice, as numbers are compared. One that was ended without its fee, or whose fee was given back, has
    /// none: a number that was given for the wrong order is free again for the right one.
    pub fn invoice(&self) -> Option<Box<str>> {
        let counts = !matches!(self.state, OrderState::Withdrawn | OrderState::Refunded);
        self.confirmation.as_ref().filter(|_| counts).map(|given| invoice_key(&given.invoice))
    }

    /// The application it is for, if it is for one.
    pub fn application(&self) -> Option<ApplicationId> {
        match self.basis {
            OrderBasis::Application(id) => Some(id),
            OrderBasis::Renewal => None,
        }
    }
}

impl Claim {
    /// The first in their order.
    pub const FIRST: Self = Self::Application(ApplicationId(0));
}

impl Remittance {
    /// The digits that the codes of all its regions begin with.
    pub fn common_region(&self) -> &str {
        let first = self.regions.first().map_or("", Region::as_str);
        let shared = self.regions.iter().map(|region| {
            let digits = first.bytes().zip(region.as_str().bytes());
            digits.take_while(|(one, other)| one == other).count()
        });
        &first[..shared.min().unwrap_or(0)]
    }
}

impl OrderState {
    /// All states.
    pub const ALL: [Self; 6] =
        [Self::AwaitingFee, Self::Confirmed, Self::Remitted, Self::Consumed, Self::Withdrawn, Self::Refunded];

    /// Whether nothing comes after it.
    pub fn has_ended(self) -> bool {
        self >= Self::Consumed
    }

    /// The state's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitingFee => "awaiting_fee",
            Self::Confirmed => "confirmed",
            Self::Remitted => "remitted",
            Self::Consumed => "consumed",
            Self::Withdrawn => "withdrawn",
            Self::Refunded => "refunded",
        }
    }

    /// The state named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl RemittanceState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Remitted, Self::Recognised, Self::Withdrawn];

    /// The state's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Remitted => "remitted",
            Self::Recognised => "recognised",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl Payer {
    /// All payers.
    pub const ALL: [Self; 3] = [Self::Treasury, Self::Office, Self::Unit];

    /// The payer's name in files and in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Treasury => "treasury",
            Self::Office => "office",
            Self::Unit => "unit",
        }
    }

    /// The payer named `text`, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|payer| payer.as_str() == text)
    }
}

/// Whether `text` is the number of an invoice: letters and digits of ASCII with hyphens between them.
pub fn is_invoice(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=INVOICE_LEN_MAX).contains(&text.len())
        && text.bytes().all(plain)
        && text.split('-').all(|part| !part.is_empty())
}

/// The number as numbers of invoices are compared: letters of either case are the same.
pub fn invoice_key(number: &str) -> Box<str> {
    number.to_ascii_uppercase().into()
}

/// Whether `text` is the number of a voucher: 12 digits and 6 capital letters (R61).
pub fn is_voucher(text: &str) -> bool {
    let octets = text.as_bytes();
    octets.len() == 18 && octets[..12].iter().all(u8::is_ascii_digit) && octets[12..].iter().all(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invoices_are_letters_digits_and_hyphens() {
        for text in ["1", "24622000000012345678", "062001900111-12345678", &"9".repeat(INVOICE_LEN_MAX)] {
            assert!(is_invoice(text), "{text}");
        }
        let long = "9".repeat(INVOICE_LEN_MAX + 1);
        for text in ["", " ", "-1", "1-", "1--2", "24622000 12345678", "１２３", "发票1", "1\u{200B}", "1\n2", &long]
        {
            assert!(!is_invoice(text), "{text}");
        }
    }

    #[test]
    fn vouchers_are_twelve_digits_and_six_letters() {
        assert!(is_voucher("202311220001ABCDEF"));
        for text in [
            "",
            "202311220001ABCDE",
            "202311220001abcdef",
            "20231122000AABCDEF",
            "202311220001ABCDEFG",
            "２02311220001ABC",
        ] {
            assert!(!is_voucher(text), "{text}");
        }
    }
}
