//! What is wrong with RDATA, said in English and Chinese.

use super::Field;
use crate::zone::name::NameError;

/// RDATA that cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RdataError {
    /// Position in the text of the token that is wrong.
    pub at: usize,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with RDATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The RDATA ends before this field.
    Missing(Field),
    /// This field is not written as it must be.
    Bad(Field),
    /// A name breaks a rule.
    Name(NameError),
    /// A name holds octets outside ASCII.
    NonAscii,
    /// There is text after the last field.
    Surplus,
    /// More than 65,535 octets.
    TooLong,
    /// The type has no form but `\#` here.
    GenericOnly,
    /// `\#` is not followed by a length and as many octets in hexadecimal.
    GenericForm,
    /// The octets after `\#` are no RDATA of their type.
    GenericRdata,
    /// The text cannot be split into tokens.
    Token,
}

impl std::fmt::Display for RdataError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fault.en())
    }
}

impl std::error::Error for RdataError {}

impl Fault {
    /// What is wrong, in English.
    pub fn en(self) -> String {
        match self {
            Self::Missing(field) => format!("the record ends where {} should stand", expected(field).0),
            Self::Bad(field) => format!("expected {}", expected(field).0),
            Self::Name(error) => name_error(error).0.to_owned(),
            Self::NonAscii => "a name has octets outside ASCII; write the A-label (xn--…)".to_owned(),
            Self::Surplus => "there is more text than the type has fields; remove it or quote it".to_owned(),
            Self::TooLong => "the RDATA is longer than 65535 octets".to_owned(),
            Self::GenericOnly => "this type can only be written as \\# LENGTH HEX (RFC 3597)".to_owned(),
            Self::GenericForm => "after \\# the length and as many octets in hexadecimal must stand".to_owned(),
            Self::GenericRdata => "the octets after \\# are no RDATA of this type".to_owned(),
            Self::Token => "quotes, parentheses or backslashes are not closed or stray".to_owned(),
        }
    }

    /// What is wrong, in Chinese.
    pub fn zh(self) -> String {
        match self {
            Self::Missing(field) => format!("记录不完整，缺少{}", after_han(expected(field).1)),
            Self::Bad(field) => format!("此处应为{}", after_han(expected(field).1)),
            Self::Name(error) => name_error(error).1.to_owned(),
            Self::NonAscii => "域名含有非 ASCII 字节，请写成 A-label（xn--…）".to_owned(),
            Self::Surplus => "记录数据之后有多余的内容，请删除或加引号".to_owned(),
            Self::TooLong => "记录数据超过 65535 字节".to_owned(),
            Self::GenericOnly => "此类型只能写成 \\# 长度 十六进制（RFC 3597）".to_owned(),
            Self::GenericForm => "\\# 之后应为长度和相应字节数的十六进制".to_owned(),
            Self::GenericRdata => "\\# 之后的字节不是此类型的有效数据".to_owned(),
            Self::Token => "引号、括号或反斜杠不配对".to_owned(),
        }
    }
}

/// Which rule of names is broken, in English and Chinese.
pub fn name_error(error: NameError) -> (&'static str, &'static str) {
    match error {
        NameError::EmptyLabel => ("a name has an empty label", "域名中有空标签"),
        NameError::LabelTooLong => ("a label of the name is longer than 63 octets", "域名的标签超过 63 字节"),
        NameError::NameTooLong => ("the name is longer than 255 octets", "域名超过 255 字节"),
        NameError::BadEscape => (
            "a backslash must stand before a character or three digits up to 255",
            "反斜杠后应为一个字符或不超过 255 的三位数字",
        ),
        NameError::BadWire => ("the octets are no name", "字节不是有效域名"),
    }
}

/// As it stands after a Chinese character: with a space before Latin letters and digits.
fn after_han(text: &str) -> String {
    let space = if text.starts_with(|c: char| c.is_ascii()) { " " } else { "" };
    format!("{space}{text}")
}

fn expected(field: Field) -> (&'static str, &'static str) {
    match field {
        Field::Name(_) | Field::NameIfAny(_) => ("a name", "域名"),
        Field::U8 => ("a number from 0 to 255", "0 到 255 的数字"),
        Field::U16 => ("a number from 0 to 65535", "0 到 65535 的数字"),
        Field::U32 => ("a number from 0 to 4294967295", "0 到 4294967295 的数字"),
        Field::Period => ("a time in seconds, or with units as in 1h30m", "秒数，或带单位的时间（如 1h30m）"),
        Field::Time => ("a time as YYYYMMDDHHmmSS", "YYYYMMDDHHmmSS 形式的时间"),
        Field::Type | Field::OldType => ("an RR type", "记录类型"),
        Field::Algorithm => ("a DNSSEC algorithm by number or mnemonic", "DNSSEC 算法编号或助记符"),
        Field::CertType => ("a certificate type by number or mnemonic", "证书类型编号或助记符"),
        Field::Ipv4 => ("an IPv4 address", "IPv4 地址"),
        Field::Ipv6 => ("an IPv6 address", "IPv6 地址"),
        Field::Text | Field::Texts | Field::TextIfAny => ("text of at most 255 octets", "不超过 255 字节的文本"),
        Field::Tag => ("a tag of letters and digits", "由字母和数字组成的标记"),
        Field::Octets => ("a text, quoted if it has spaces", "文本（含空格时加引号）"),
        Field::Digits => ("four digits or more", "四位或更多的数字"),
        Field::Base64OrDash => ("Base64, or - for none", "Base64 数据，或 - 表示无"),
        Field::Scheme => ("a scheme: NOTIFY, or a number from 0 to 255", "方式：NOTIFY，或 0 到 255 的数字"),
        Field::Locator => ("four groups of hexadecimal as 2001:db8:1:2", "2001:db8:1:2 形式的四组十六进制数字"),
        Field::Prefixes => {
            ("prefixes as 1:192.0.2.0/24 or !2:2001:db8::/32", "1:192.0.2.0/24 或 !2:2001:db8::/32 形式的前缀")
        }
        Field::Nsap => ("0x and hexadecimal, two digits an octet", "0x 开头的十六进制数据（每字节两位）"),
        Field::Atma => {
            ("+ and digits, or hexadecimal, two digits an octet", "+ 开头的数字，或十六进制数据（每字节两位）")
        }
        Field::A6 => ("a prefix length up to 128 and an IPv6 address", "不超过 128 的前缀长度和 IPv6 地址"),
        Field::NxtBitmap => ("RR types below 128", "编号小于 128 的记录类型列表"),
        Field::Services => ("a protocol and ports as TCP 25 80", "协议和端口，如 TCP 25 80"),
        Field::IpsecKey => (
            "precedence, type, algorithm, gateway and key as in RFC 4025",
            "RFC 4025 形式的优先级、类型、算法、网关和密钥",
        ),
        Field::AmtRelay => {
            ("precedence, discovery, type and relay as in RFC 8777", "RFC 8777 形式的优先级、发现位、类型和中继")
        }
        Field::Hip => ("algorithm, HIT, key and servers as in RFC 8005", "RFC 8005 形式的算法、HIT、密钥和服务器"),
        Field::Base64 | Field::Base64IfAny => ("Base64", "Base64 数据"),
        Field::Hex => ("hexadecimal, two digits an octet", "十六进制数据（每字节两位）"),
        Field::Salt => ("a salt in hexadecimal, or - for none", "十六进制盐值，或 - 表示无"),
        Field::Hash => ("a hash in Base32hex", "Base32hex 哈希值"),
        Field::Bitmap => ("RR types", "记录类型列表"),
        Field::SvcParams => ("service parameters as key=value, each key once", "key=value 形式的服务参数，每个键一次"),
        Field::Eui48 => ("six octets as 00-00-5e-00-53-2a", "00-00-5e-00-53-2a 形式的六个字节"),
        Field::Eui64 => ("eight octets as 00-00-5e-ef-10-00-00-2a", "00-00-5e-ef-10-00-00-2a 形式的八个字节"),
        Field::Location => {
            ("a location as in RFC 1876: 39 54 20 N 116 23 29 E 44m", "RFC 1876 形式的位置：39 54 20 N 116 23 29 E 44m")
        }
    }
}
