//! `$GENERATE`, as BIND defines it (BIND 9 Administrator Reference Manual, "BIND Primary File Extension"): records that
//! differ in a running number.
//!
//! ```text
//! $GENERATE start-stop[/step] owner [TTL] [class] type rdata
//! ```
//!
//! In owner and RDATA `$` is the number, `${offset,width,base}` the number plus an offset, filled up with zeros, in base
//! d, o, x, X, or as nibbles n, N; `$$` and `\$` are a dollar sign. RDATA of several words stands in quotes, which are
//! not part of it.

use super::Place;
use super::directive::{end, missing};
use super::problem::Rule;
use super::scan::{Scanner, State, Wrong, non_ascii, show, ttl_class_type, unsplit};
use crate::zone::name;
use crate::zone::rdata::error::name_error;
use crate::zone::rdata::mnemonic::number;
use crate::zone::rdata::token::{Kind, Tokenizer, Tokens};
use std::io::Write as _;

/// How many records all `$GENERATE` of a zone may make. A reverse zone of IPv4 takes 65,536 a /16; a line of thirty
/// octets must not fill the memory.
const GENERATED_MAX: u32 = 1 << 20;
/// Widest number: no label is longer, and nibbles of more are no address.
const WIDTH_MAX: u32 = 255;
/// The largest number: one with a sign must take it (as in BIND).
const NUMBER_MAX: u32 = i32::MAX as u32;

/// The numbers that `$` stands for.
#[derive(Clone, Copy)]
struct Range {
    start: u32,
    stop: u32,
    step: u32,
}

/// What stands between `${` and `}`.
struct Modifier {
    offset: i32,
    width: u32,
    base: u8,
}

/// Carries out the directive whose name was taken from `tokens`.
pub(super) fn run(
    scanner: &mut Scanner<'_>,
    tokens: &mut Tokens<'_>,
    state: &State,
    place: Place,
) -> Result<(), Wrong> {
    let range = tokens.next().ok_or_else(|| missing(tokens, "a range", "范围"))?;
    let at = tokens.last_start();
    let range = Range::parse(range.text).ok_or_else(|| {
        let shown = show(range.text);
        let zh = format!("{shown} 不是范围：应为 起始-结束 或 起始-结束/步长，不超过 2147483647");
        let en = format!("{shown} is no range: write START-STOP or START-STOP/STEP, numbers up to 2147483647");
        Wrong::new(Rule::Generate, at, en, zh)
    })?;
    scanner.generated = scanner.generated.saturating_add(range.count());
    if scanner.generated > GENERATED_MAX {
        let en = format!("$GENERATE makes more than {GENERATED_MAX} records in this zone; write them out");
        let zh = format!("$GENERATE 在本区生成的记录超过 {GENERATED_MAX} 条，请逐条写出");
        return Err(Wrong::new(Rule::Generate, at, en, zh));
    }
    let owner = tokens.next().filter(|token| token.kind == Kind::Plain);
    let owner = owner.ok_or_else(|| missing(tokens, "an owner name", "域名"))?.text;
    let owner_at = tokens.last_start();
    if !owner.is_ascii() {
        return Err(non_ascii(owner, owner_at));
    }
    let (stated, rtype) = ttl_class_type(tokens)?;
    let ttl = scanner.ttl(stated, tokens.last_start(), place)?;
    let rdata = tokens.next().ok_or_else(|| missing(tokens, "RDATA", "记录数据"))?.text;
    let rdata_at = tokens.last_start();
    end(tokens)?;

    let (mut text, mut owner_wire, mut tokenizer) = (Vec::new(), Vec::new(), Tokenizer::default());
    for number in (range.start..=range.stop).step_by(range.step as usize) {
        expand(owner, number, &mut text).ok_or_else(|| bad_modifier(owner, number, owner_at))?;
        owner_wire.clear();
        name::parse_into(&text, state.origin.as_wire(), &mut owner_wire).map_err(|error| {
            let (shown, (en, zh)) = (show(&text), name_error(error));
            Wrong::new(Rule::Owner, owner_at, format!("{shown}: {en}"), format!("{shown}：{zh}"))
        })?;
        expand(rdata, number, &mut text).ok_or_else(|| bad_modifier(rdata, number, rdata_at))?;
        tokenizer.clear();
        let split = tokenizer.feed(&text, 0);
        let made = split.map_err(|(_, error)| unsplit(rdata_at, error)).and_then(|()| {
            if tokenizer.open().is_some() {
                let (en, zh) = ("a parenthesis or quote in it is never closed", "其中的括号或引号没有闭合");
                return Err(Wrong::new(Rule::Punctuation, rdata_at, en, zh));
            }
            scanner.hand_over(&owner_wire, (rtype, ttl), &mut tokenizer.tokens(&text), &state.origin, place)
        });
        made.map_err(|wrong| Wrong {
            at: rdata_at,
            en: format!("with $ = {number}: {}", wrong.en),
            zh: format!("当 $ = {number} 时：{}", wrong.zh),
            ..wrong
        })?;
    }
    Ok(())
}

fn bad_modifier(text: &[u8], number: u32, at: usize) -> Wrong {
    let shown = show(text);
    let zh = format!(
        "{shown} 中的 $ 无法展开（$ = {number}）：应为 $ 或 ${{偏移,宽度,进制}}，进制为 d o x X n N，宽度不超过 {WIDTH_MAX}"
    );
    let en = format!(
        "{shown}: this $ means nothing with $ = {number}; write $ or ${{OFFSET,WIDTH,BASE}} with d o x X n N and widths up to {WIDTH_MAX}"
    );
    Wrong::new(Rule::Generate, at, en, zh)
}

impl Range {
    fn parse(text: &[u8]) -> Option<Self> {
        let (range, step) = match text.iter().position(|&octet| octet == b'/') {
            Some(at) => (&text[..at], number(&text[at + 1..])?),
            None => (text, 1),
        };
        let dash = range.iter().position(|&octet| octet == b'-')?;
        let (start, stop) = (number(&range[..dash])?, number(&range[dash + 1..])?);
        let fits = start <= stop && stop <= NUMBER_MAX && (1..=NUMBER_MAX).contains(&step);
        fits.then_some(Self { start, stop, step })
    }

    fn count(self) -> u32 {
        (self.stop - self.start) / self.step + 1
    }
}

/// Writes `text` into `out` with every `$` replaced; none if one is malformed or its number too large.
fn expand(text: &[u8], number: u32, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = after;
        match (octet, rest.first()) {
            // An escape stays one; that of a dollar sign is undone where names and texts undo all of them.
            (b'\\', Some(&escaped)) => {
                out.extend([octet, escaped]);
                rest = &rest[1..];
            }
            (b'$', Some(b'$')) => {
                out.push(b'$');
                rest = &rest[1..];
            }
            (b'$', Some(b'{')) => {
                let close = rest.iter().position(|&octet| octet == b'}')?;
                Modifier::parse(&rest[1..close])?.write(number, out)?;
                rest = &rest[close + 1..];
            }
            (b'$', _) => write!(out, "{number}").expect("a vector takes all"),
            _ => out.push(octet),
        }
    }
    Some(())
}

impl Modifier {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut parts = text.split(|&octet| octet == b',');
        let offset = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let width = parts.next().map_or(Some(0), number).filter(|&width| width <= WIDTH_MAX)?;
        let base = parts.next().map_or(Some(b'd'), |base| match base {
            [base @ (b'd' | b'o' | b'x' | b'X' | b'n' | b'N')] => Some(*base),
            _ => None,
        })?;
        parts.next().is_none().then_some(Self { offset, width, base })
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) -> Option<()> {
        let value = i32::try_from(number).ok()?.checked_add(self.offset)?;
        let width = self.width as usize;
        match self.base {
            b'o' => write!(out, "{value:0width$o}"),
            b'x' => write!(out, "{value:0width$x}"),
            b'X' => write!(out, "{value:0width$X}"),
            b'n' => return nibbles(value as u32, self.width, b"0123456789abcdef", out),
            b'N' => return nibbles(value as u32, self.width, b"0123456789ABCDEF", out),
            _ => write!(out, "{value:0width$}"),
        }
        .ok()
    }
}

/// Appends the nibbles of `value`, the lowest first, with dots between them; `width` counts the dots too, so that an even
/// one ends with a dot.
fn nibbles(mut value: u32, mut width: u32, digits: &[u8; 16], out: &mut Vec<u8>) -> Option<()> {
    loop {
        out.push(digits[(value & 15) as usize]);
        value >>= 4;
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return Some(());
        }
        out.push(b'.');
        width = width.saturating_sub(1);
        if value == 0 && width == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, number: u32, expected: Option<&str>) {
        let mut out = Vec::new();
        let done = expand(text.as_bytes(), number, &mut out);
        assert_eq!(done.map(|()| String::from_utf8_lossy(&out).into_owned()).as_deref(), expected, "{text}");
    }

    #[test]
    fn numbers_are_written_as_the_modifier_says() {
        check("a$b$$c\\$d\\065$", 7, Some("a7b$c\\$d\\0657"));
        check("${-1,3,d}-${2}", 0, Some("-01-2"));
        check("${0,3,o} ${0,4,x} ${0,4,X}", 171, Some("253 00ab 00AB"));
        check("${-1,0,x}", 0, Some("ffffffff"));
        check("${0,1,n} ${0,4,n} ${0,7,N}", 10, Some("a a.0. A.0.0.0"));
        check("${0,1,n}", 256, Some("0.0.1"));
        check("$", i32::MAX as u32, Some("2147483647"));
        for text in
            ["${", "${}", "${x}", "${0,}", "${0,1,z}", "${0,1,dd}", "${0,1,d,}", "${0,256}", "${ 1}", "${2147483647}"]
        {
            check(text, 1, None);
        }
    }

    #[test]
    fn ranges_rise_and_end() {
        let count = |text: &str| Range::parse(text.as_bytes()).map(Range::count);
        assert_eq!(count("1-3"), Some(3));
        assert_eq!(count("0-4/2"), Some(3));
        assert_eq!(count("0-2147483647/2147483647"), Some(2));
        assert_eq!(count("007-7/9"), Some(1));
        for text in ["", "1", "1-", "-1-3", "2-1", "1-3/0", "1-3/", "1-2x", "0-2147483648", "1--2", "+1-2", "1-2-3"] {
            assert_eq!(count(text), None, "{text}");
        }
    }
}
