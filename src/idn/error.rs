//! Why an input is no label that may be registered, in words that help to mend it.

use super::LABEL_LEN_MAX;

/// The first rule of labels that an input breaks. Positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.en())]
pub enum LabelError {
    /// There is nothing, or nothing but what mapping removes.
    Empty,
    /// More than 63 octets as an A-label.
    TooLong {
        /// How many there would be; of an input too long to be encoded, the octets of the input.
        octets: usize,
    },
    /// A character outside the repertoire.
    Character {
        /// As it was typed.
        character: char,
        /// Where.
        position: usize,
        /// Why it does not fit.
        why: Unfit,
    },
    /// A hyphen at the beginning or the end.
    HyphenAtEdge {
        /// Where.
        position: usize,
    },
    /// Two hyphens in a row.
    DoubleHyphen {
        /// Where the first stands.
        position: usize,
    },
    /// Nothing but letters, digits and hyphens.
    NoIdeograph,
    /// It begins with `xn--` but is not what any label encodes to.
    NoALabel,
}

/// Why a character is not in the repertoire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unfit {
    /// 〇, which has no place in the unified block.
    Zero,
    /// An ideograph outside U+4E00–9FFF.
    RareIdeograph,
    /// An ideograph that the registry's table does not have.
    OutsideTable,
    /// Hiragana or katakana.
    Kana,
    /// Hangul.
    Hangul,
    /// · or ・ and their like.
    MiddleDot,
    /// A full stop of any width: it separates labels.
    Dot,
    /// A character that cannot be seen, such as a zero-width joiner.
    Invisible,
    /// A space.
    Space,
    /// A letter of another script, or with a mark.
    Letter,
    /// Anything else: punctuation, signs, pictures.
    Sign,
}

impl Unfit {
    /// Why `c`, which is not in the repertoire, is not.
    pub(super) fn of(c: char) -> Self {
        match c {
            '〇' => Self::Zero,
            '\u{30FB}' | '\u{FF65}' | '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{387}' => Self::MiddleDot,
            '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}' => Self::Kana,
            '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7FF}' => Self::Hangul,
            '.' | '。' | '．' | '｡' => Self::Dot,
            '\u{2E80}'..='\u{2FDF}' | '\u{3400}'..='\u{4DBF}' | '\u{F900}'..='\u{FAFF}' => Self::RareIdeograph,
            '\u{20000}'..='\u{3FFFF}' => Self::RareIdeograph,
            '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => Self::Invisible,
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_control() => Self::Invisible,
            _ if c.is_alphanumeric() => Self::Letter,
            _ => Self::Sign,
        }
    }

    /// What the character is and what to try, in English.
    fn en(self) -> &'static str {
        match self {
            Self::Zero => "is not a unified ideograph; write 零",
            Self::RareIdeograph => "is an ideograph outside U+4E00–9FFF; choose a short form of the name without it",
            Self::OutsideTable => {
                "is not in the registry's table of characters; choose a short form of the name without it, or an \
                 ordinary character that is used in its place"
            }
            Self::Kana => "is kana; write the name in Chinese characters",
            Self::Hangul => "is Hangul; write the name in Chinese characters",
            Self::MiddleDot => "is a middle dot; leave it out",
            Self::Dot => "separates labels; register one label under a suffix",
            Self::Invisible => "cannot be seen; delete it and type the name again",
            Self::Space => "is a space; leave it out",
            Self::Letter => "is not one of a–z and 0–9; leave marks away or write it in Chinese characters",
            Self::Sign => "is neither a Chinese character, a letter, a digit nor a hyphen; leave it out",
        }
    }

    /// The same in Chinese.
    fn zh(self) -> &'static str {
        match self {
            Self::Zero => "不在中日韩统一表意文字范围内，请改用“零”",
            Self::RareIdeograph => "是 U+4E00–9FFF 以外的汉字，请选用不含该字的规范简称",
            Self::OutsideTable => "不在本注册局的字表中，请选用不含该字的规范简称，或改用通行的代用字",
            Self::Kana => "是假名，请使用汉字",
            Self::Hangul => "是谚文，请使用汉字",
            Self::MiddleDot => "是间隔号，请去掉",
            Self::Dot => "是域名各级之间的分隔符，请在后缀之下只注册一级",
            Self::Invisible => "是不可见字符，请删除后重新输入",
            Self::Space => "是空格，请去掉",
            Self::Letter => "不是 a–z 或 0–9，请去掉附加符号或改用汉字",
            Self::Sign => "不是汉字、字母、数字或连字符，请去掉",
        }
    }
}

impl LabelError {
    /// What is wrong and what to try, in English.
    pub fn en(&self) -> String {
        match self {
            Self::Empty => "The label is empty; give the name of the unit in Chinese characters.".into(),
            Self::TooLong { octets } => {
                let over = octets.saturating_sub(LABEL_LEN_MAX);
                let octets_over = if over == 1 { "octet" } else { "octets" };
                format!(
                    "The label takes {octets} octets, {LABEL_LEN_MAX} are the most; use the short form of the name, \
                     {over} {octets_over} shorter at least."
                )
            }
            Self::Character { character, position, why } => {
                format!("{}, character {position} of the label, {}.", named(*character), why.en())
            }
            Self::HyphenAtEdge { position } => {
                format!("The hyphen (U+002D), character {position} of the label, stands at an end of it; leave it out.")
            }
            Self::DoubleHyphen { position } => {
                format!("Two hyphens (U+002D) in a row from character {position} of the label; leave one of them out.")
            }
            Self::NoIdeograph => {
                "The label has no Chinese character; at least one of U+4E00–9FFF is needed, so add one.".into()
            }
            Self::NoALabel => {
                "The label begins with xn-- but is no A-label; give the name in Chinese characters.".into()
            }
        }
    }

    /// The same in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Empty => "标签为空，请填写单位的中文名称。".into(),
            Self::TooLong { octets } => {
                let over = octets.saturating_sub(LABEL_LEN_MAX);
                format!(
                    "标签编码后为 {octets} 个字节，最多 {LABEL_LEN_MAX} 个，请改用规范简称，至少缩短 {over} 个字节。"
                )
            }
            Self::Character { character, position, why } => {
                format!("第 {position} 个字符{}{}。", named_zh(*character), why.zh())
            }
            Self::HyphenAtEdge { position } => {
                format!("第 {position} 个字符是位于首尾的连字符（U+002D），请去掉。")
            }
            Self::DoubleHyphen { position } => {
                format!("从第 {position} 个字符起有两个相连的连字符（U+002D），请去掉一个。")
            }
            Self::NoIdeograph => "标签中没有汉字，至少须有一个汉字（U+4E00–9FFF），请补上。".into(),
            Self::NoALabel => "标签以 xn-- 开头，但不是有效的 A-label，请直接填写中文名称。".into(),
        }
    }
}

/// A character as a person can find it again: itself, if it can be seen, and its number.
fn named(c: char) -> String {
    match Unfit::of(c) {
        Unfit::Invisible | Unfit::Space => format!("U+{:04X}", c as u32),
        _ => format!("“{c}” (U+{:04X})", c as u32),
    }
}

/// The same in Chinese.
fn named_zh(c: char) -> String {
    match Unfit::of(c) {
        Unfit::Invisible | Unfit::Space => format!(" U+{:04X} ", c as u32),
        _ => format!("“{c}”（U+{:04X}）", c as u32),
    }
}
