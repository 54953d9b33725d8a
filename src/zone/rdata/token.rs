//! Splits the text of master files into tokens (RFC 1035 §5.1): comments, parentheses, quotes and escapes.

/// How a token was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without quotes; escapes are still in it.
    Plain,
    /// Between quotes, which are left out; escapes are still in it.
    Quoted,
    /// `key="value"` as SvcParams have it (RFC 9460 §2.1); the quotes are still in it.
    Pair,
}

/// Where a token stands in the text it was found in.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: u32,
    end: u32,
    kind: Kind,
}

/// Text that cannot be split into tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// `)` without `(`.
    StrayParenthesis,
    /// A quote in the middle of a word, which peers read in different ways.
    QuoteInside,
    /// A backslash with nothing after it.
    BareBackslash,
    /// A control character outside quotes.
    Control(u8),
}

/// Splits one entry, which may come line by line. Spans are kept between entries, so that they cost no allocation.
#[derive(Debug, Default)]
pub struct Tokenizer {
    spans: Vec<Span>,
    parentheses: Vec<u32>,
    quote: Option<(u32, Kind)>,
}

/// What is missing at the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// The `)` of the parenthesis at this position.
    Parenthesis(usize),
    /// The closing one of the quote at this position.
    Quote(usize),
}

impl Tokenizer {
    /// Forgets the last entry.
    pub fn clear(&mut self) {
        self.spans.clear();
        self.parentheses.clear();
        self.quote = None;
    }

    /// Takes the lines of `text` from position `from` on; what stands before was taken already.
    ///
    /// # Errors
    /// What cannot be split, and where. The tokenizer must be cleared then.
    pub fn feed(&mut self, text: &[u8], from: usize) -> Result<(), (usize, TokenError)> {
        let mut at = from;
        if let Some((start, kind)) = self.quote {
            at = self.quoted(text, at, start, kind)?;
        }
        while let Some(&octet) = text.get(at) {
            match CLASSES[octet as usize] {
                Class::Space => at += 1,
                Class::Control if octet == b'\r' && matches!(text.get(at + 1), None | Some(b'\n')) => at += 1,
                Class::Control => return Err((at, TokenError::Control(octet))),
                Class::Comment => at += text[at..].iter().take_while(|&&octet| octet != b'\n').count(),
                Class::Open => {
                    self.parentheses.push(at as u32);
                    at += 1;
                }
                Class::Close => {
                    self.parentheses.pop().ok_or((at, TokenError::StrayParenthesis))?;
                    at += 1;
                }
                Class::Quote => at = self.quoted(text, at + 1, at as u32 + 1, Kind::Quoted)?,
                Class::Ordinary | Class::Escape => at = self.plain(text, at)?,
            }
        }
        Ok(())
    }

    /// What must still be closed before the entry is complete.
    pub fn open(&self) -> Option<Open> {
        match (self.quote, self.parentheses.first()) {
            (Some((start, _)), _) => Some(Open::Quote(start as usize)),
            (None, Some(&start)) => Some(Open::Parenthesis(start as usize)),
            (None, None) => None,
        }
    }

    /// The tokens found in `text`.
    pub fn tokens<'a>(&'a self, text: &'a [u8]) -> Tokens<'a> {
        Tokens { text, spans: &self.spans, next: 0 }
    }

    fn plain(&mut self, text: &[u8], start: usize) -> Result<usize, (usize, TokenError)> {
        let mut at = start;
        while let Some(&octet) = text.get(at) {
            match CLASSES[octet as usize] {
                Class::Ordinary => at += 1,
                Class::Escape if matches!(text.get(at + 1), None | Some(b'\n' | b'\r')) => {
                    return Err((at, TokenError::BareBackslash));
                }
                Class::Escape => at += 2,
                // `key="` may only be recognised where the `=` is not itself escaped.
                Class::Quote if at > start && text[at - 1] == b'=' && !text[start..at].contains(&b'\\') => {
                    return self.quoted(text, at + 1, start as u32, Kind::Pair);
                }
                Class::Quote => return Err((at, TokenError::QuoteInside)),
                Class::Control if octet == b'\r' && matches!(text.get(at + 1), None | Some(b'\n')) => break,
                Class::Control => return Err((at, TokenError::Control(octet))),
                Class::Space | Class::Comment | Class::Open | Class::Close => break,
            }
        }
        self.spans.push(Span { start: start as u32, end: at as u32, kind: Kind::Plain });
        Ok(at)
    }

    /// Goes on inside quotes at `at`; the token began at `start`.
    fn quoted(&mut self, text: &[u8], mut at: usize, start: u32, kind: Kind) -> Result<usize, (usize, TokenError)> {
        self.quote = Some((start, kind));
        while let Some(&octet) = text.get(at) {
            match octet {
                b'\\' if matches!(text.get(at + 1), None | Some(b'\n' | b'\r')) => {
                    return Err((at, TokenError::BareBackslash));
                }
                b'\\' => at += 2,
                b'"' => {
                    let end = if kind == Kind::Pair { at + 1 } else { at };
                    if kind == Kind::Pair && text.get(at + 1).is_some_and(|&next| !ends_token(next)) {
                        return Err((at, TokenError::QuoteInside));
                    }
                    self.spans.push(Span { start, end: end as u32, kind });
                    self.quote = None;
                    return Ok(at + 1);
                }
                _ => at += 1,
            }
        }
        Ok(at)
    }
}

/// The tokens of one entry, taken from left to right.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    text: &'a [u8],
    spans: &'a [Span],
    next: usize,
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub struct Token<'a> {
    /// Its text, escapes not resolved.
    pub text: &'a [u8],
    /// How it was written.
    pub kind: Kind,
}

impl<'a> Tokens<'a> {
    /// The next token, which stays.
    pub fn peek(&self) -> Option<Token<'a>> {
        self.at(self.next)
    }

    /// Where the token last taken begins in the text; the last token's start if none was left.
    pub fn last_start(&self) -> usize {
        let last = self.spans.get(self.next.saturating_sub(1)).or(self.spans.last());
        last.map_or(0, |span| span.start as usize)
    }
}

impl<'a> Tokens<'a> {
    /// The token last taken.
    pub fn last_taken(&self) -> Option<Token<'a>> {
        self.at(self.next.checked_sub(1)?)
    }

    fn at(&self, position: usize) -> Option<Token<'a>> {
        let span = self.spans.get(position)?;
        Some(Token { text: &self.text[span.start as usize..span.end as usize], kind: span.kind })
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek()?;
        self.next += 1;
        Some(token)
    }
}

/// Appends `text` with its escapes resolved (`\X`, `\DDD`); false if a backslash stands before a number over 255 or
/// fewer than three digits.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&octet| octet == b'\\') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match *rest {
            [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ..] => {
                let value = u32::from(a - b'0') * 100 + u32::from(b - b'0') * 10 + u32::from(c - b'0');
                let Ok(octet) = u8::try_from(value) else { return false };
                out.push(octet);
                rest = &rest[3..];
            }
            [b'0'..=b'9', ..] | [] => return false,
            [octet, ..] => {
                out.push(octet);
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    true
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Ordinary,
    Space,
    Comment,
    Open,
    Close,
    Quote,
    Escape,
    Control,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Ordinary; 256];
    let mut octet = 0;
    while octet < 0x20 {
        classes[octet] = Class::Control;
        octet += 1;
    }
    classes[0x7f] = Class::Control;
    classes[b' ' as usize] = Class::Space;
    classes[b'\t' as usize] = Class::Space;
    classes[b'\n' as usize] = Class::Space;
    classes[b';' as usize] = Class::Comment;
    classes[b'(' as usize] = Class::Open;
    classes[b')' as usize] = Class::Close;
    classes[b'"' as usize] = Class::Quote;
    classes[b'\\' as usize] = Class::Escape;
    classes
}

fn ends_token(octet: u8) -> bool {
    matches!(CLASSES[octet as usize], Class::Space | Class::Comment | Class::Open | Class::Close) || octet == b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<(String, Kind)>, (usize, TokenError)> {
        let mut tokenizer = Tokenizer::default();
        tokenizer.feed(text.as_bytes(), 0)?;
        assert_eq!(tokenizer.open(), None, "{text}");
        let tokens = tokenizer.tokens(text.as_bytes());
        Ok(tokens.map(|token| (String::from_utf8_lossy(token.text).into_owned(), token.kind)).collect())
    }

    #[test]
    fn tokens_are_split_where_the_rfc_says() {
        let plain = |text: &str| (text.to_owned(), Kind::Plain);
        let quoted = |text: &str| (text.to_owned(), Kind::Quoted);
        assert_eq!(split("a\tb ;c d\r\n").unwrap(), [plain("a"), plain("b")]);
        assert_eq!(split("a(b\n;c\n)d").unwrap(), [plain("a"), plain("b"), plain("d")]);
        assert_eq!(split(r#""a ;(b\" " ""c"#).unwrap(), [quoted(r#"a ;(b\" "#), quoted(""), plain("c")]);
        assert_eq!(split(r"a\;b\ c\(d\\ e").unwrap(), [plain(r"a\;b\ c\(d\\"), plain("e")]);
        assert_eq!(split(r#"alpn="h2, h3" x"#).unwrap(), [(r#"alpn="h2, h3""#.into(), Kind::Pair), plain("x")]);
        assert_eq!(split("\"a\nb\"").unwrap(), [quoted("a\nb")]);
    }

    #[test]
    fn what_cannot_be_split_says_where() {
        assert_eq!(split("a )"), Err((2, TokenError::StrayParenthesis)));
        assert_eq!(split("a\"b\""), Err((1, TokenError::QuoteInside)));
        assert_eq!(split("a \\\n"), Err((2, TokenError::BareBackslash)));
        assert_eq!(split("a\rb"), Err((1, TokenError::Control(b'\r'))));
        assert_eq!(split("a=\"b\"c"), Err((4, TokenError::QuoteInside)));
        let mut tokenizer = Tokenizer::default();
        tokenizer.feed(b"a ( \"b", 0).unwrap();
        assert_eq!(tokenizer.open(), Some(Open::Quote(5)));
        tokenizer.feed(b"a ( \"b\"", 6).unwrap();
        assert_eq!(tokenizer.open(), Some(Open::Parenthesis(2)));
    }
}
