//! The scanner: entries of master files into records, one after the other.

use super::problem::{Problem, Problems, Rule, Severity};
use super::source::{self, Source};
use super::{Located, directive};
use crate::telemetry::advice::{Advice, of_file};
use crate::zone::drafts::Place;
use crate::zone::rdata::token::{Kind, Open, Token, TokenError, Tokenizer, Tokens};
use crate::zone::rdata::{self, Fault, RdataError, mnemonic};
use crate::zone::{Name, Record, Rtype, name};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest entry in octets, comments and all its lines included: four times what the longest RDATA takes as `\DDD`, so
/// that only a missing `)` or `"` reaches it.
const ENTRY_LEN_MAX: usize = 1 << 20;
/// Longest TTL (RFC 2181 §8).
const TTL_MAX: u32 = i32::MAX as u32;
/// Most octets of a wrong token that are shown.
const SHOWN_LEN_MAX: usize = 40;

/// One record as the scanner found it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Owner name in wire form, in the case it was written in.
    pub owner: &'a [u8],
    /// Type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// RDATA in uncompressed wire form.
    pub rdata: &'a [u8],
    /// Where it was written.
    pub place: Place,
}

impl Entry<'_> {
    /// The record, owned.
    pub fn to_located(&self) -> Located {
        let owner = Name::from_wire(self.owner).expect("the scanner hands over names").0;
        let record = Record { owner, rtype: self.rtype, ttl: self.ttl, rdata: self.rdata.into() };
        Located { record, place: self.place }
    }
}

/// What is left to say after all records were handed over.
#[derive(Debug)]
pub struct Scanned {
    pub(super) problems: Problems,
    /// The files in the order they were opened.
    pub files: Vec<Arc<Path>>,
    /// As [`super::Report::digest`].
    pub digest: [u8; 32],
}

impl Scanned {
    /// What is wrong with the form, by file and line.
    pub fn into_errors(self) -> Vec<Problem> {
        self.problems.finish().0
    }
}

/// Reads the file at `path` and hands every record to `sink`; memory does not grow with the file.
pub fn scan(path: &Path, apex: &Name, sink: &mut dyn FnMut(Entry<'_>)) -> Scanned {
    let mut scanner = Scanner::new(sink);
    scanner.read_file(path, apex.clone(), None);
    scanner.finish()
}

/// Reads a text in memory, which cannot include files; `name` stands for its file in problems.
pub fn scan_octets(octets: &[u8], name: &Path, apex: &Name, sink: &mut dyn FnMut(Entry<'_>)) -> Scanned {
    let mut scanner = Scanner::new(sink);
    let file = scanner.add_file(name);
    scanner.read_source(octets, State::new(file, apex.clone()));
    scanner.finish()
}

/// What all files of a zone share while they are scanned.
pub(super) struct Scanner<'s> {
    sink: &'s mut dyn FnMut(Entry<'_>),
    problems: Problems,
    files: Vec<Arc<Path>>,
    digests: Vec<[u8; 32]>,
    /// The files now being read, canonical, to find a file that includes itself.
    pub(super) open_files: Vec<PathBuf>,
    /// From `$TTL`.
    pub(super) default_ttl: Option<u32>,
    /// Of the last record.
    last_ttl: Option<u32>,
    /// Records that `$GENERATE` has made.
    pub(super) generated: u32,
    rdata: Vec<u8>,
}

/// What ends with one file.
pub(super) struct State {
    pub(super) file: u16,
    pub(super) origin: Name,
    pub(super) owner: Owner,
    owner_wire: Vec<u8>,
}

/// The owner that a record without one takes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    None,
    Known,
    /// It was wrong and reported; records that would take it over are passed over in silence.
    Wrong,
}

impl State {
    pub(super) fn new(file: u16, origin: Name) -> Self {
        Self { file, origin, owner: Owner::None, owner_wire: Vec::new() }
    }
}

/// An error with its place, on its way to the list.
pub(super) struct Wrong {
    pub(super) rule: Rule,
    /// Position in the entry.
    pub(super) at: usize,
    pub(super) en: String,
    pub(super) zh: String,
}

impl Wrong {
    pub(super) fn new(rule: Rule, at: usize, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { rule, at, en: en.into(), zh: zh.into() }
    }
}

impl<'s> Scanner<'s> {
    fn new(sink: &'s mut dyn FnMut(Entry<'_>)) -> Self {
        Self {
            sink,
            problems: Problems::default(),
            files: Vec::new(),
            digests: Vec::new(),
            open_files: Vec::new(),
            default_ttl: None,
            last_ttl: None,
            generated: 0,
            rdata: Vec::new(),
        }
    }

    fn finish(self) -> Scanned {
        Scanned { problems: self.problems, files: self.files, digest: source::combine(&self.digests) }
    }

    fn add_file(&mut self, path: &Path) -> u16 {
        self.files.push(path.into());
        self.digests.push([0; 32]);
        u16::try_from(self.files.len() - 1).expect("`$INCLUDE` opens some thousands of files at most")
    }

    pub(super) fn path(&self, state: &State) -> Arc<Path> {
        Arc::clone(&self.files[usize::from(state.file)])
    }

    pub(super) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Reads a file to its end; `from` is the place of the `$INCLUDE` that names it.
    pub(super) fn read_file(&mut self, path: &Path, origin: Name, from: Option<Place>) {
        let opened = source::open(path, from.is_some()).and_then(|file| Ok((file, path.canonicalize()?)));
        let (file, canonical) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let place = from.unwrap_or_else(|| Place { file: self.add_file(path), line: 0 });
                return self.unreadable(place, path, &error);
            }
        };
        let number = self.add_file(path);
        self.open_files.push(canonical);
        self.read_source(file, State::new(number, origin));
        self.open_files.pop();
    }

    fn unreadable(&mut self, place: Place, path: &Path, error: &io::Error) {
        let path = path.display();
        let Advice { en, zh } = of_file(error);
        let (en, zh) = (format!("cannot read {path}: {error}; {en}"), format!("无法读取 {path}：{zh}"));
        self.report(place, Rule::Unreadable, en, zh);
    }

    fn report(&mut self, place: Place, rule: Rule, en: String, zh: String) {
        self.report_as(Severity::Error, place, rule, en, zh);
    }

    fn report_as(&mut self, severity: Severity, place: Place, rule: Rule, en: String, zh: String) {
        let file = Arc::clone(&self.files[usize::from(place.file)]);
        self.problems.add(Problem { severity, rule, file, line: place.line, en, zh });
    }

    fn read_source(&mut self, source: impl Read, mut state: State) {
        let mut reader = Source::new(source);
        if let Err(error) = self.read_entries(&mut reader, &mut state) {
            let path = self.path(&state);
            self.unreadable(Place { file: state.file, line: 0 }, &path, &error);
        }
        self.digests[usize::from(state.file)] = BufReader::into_inner(reader).digest();
    }

    fn read_entries(&mut self, reader: &mut impl BufRead, state: &mut State) -> io::Result<()> {
        let mut text = Vec::new();
        let mut tokenizer = Tokenizer::default();
        let mut lines_before = 0;
        // After an error inside parentheses: lines that go on with the entry would only be misread.
        let mut skip_indented = false;
        while !self.problems.is_full() {
            text.clear();
            tokenizer.clear();
            let first_line = lines_before + 1;
            let place = Place { file: state.file, line: first_line };
            let split = read_entry(reader, &mut text, &mut tokenizer, &mut lines_before)?;
            if text.is_empty() {
                break;
            }
            if skip_indented && (text[0].is_ascii_whitespace() || text[0] == b')') {
                continue;
            }
            skip_indented = false;
            if first_line == 1 && text.starts_with("\u{feff}".as_bytes()) {
                let zh = "文件以字节顺序标记（BOM）开头，请以无 BOM 的格式保存".to_owned();
                let en = "the file begins with a byte order mark; save it without".to_owned();
                self.report(place, Rule::ByteOrderMark, en, zh);
                continue;
            }
            let done = match split {
                Split::Entry => self.entry(&text, &mut tokenizer.tokens(&text), state, place),
                Split::Wrong(at, error) => {
                    skip_indented = tokenizer.open().is_some();
                    state.owner = Owner::Wrong;
                    Err(unsplit(at, error))
                }
                Split::Open(open) => Err(unclosed(open)),
            };
            if let Err(wrong) = done {
                // A record that could not be read might have had the TTL; that is no second error.
                self.last_ttl.get_or_insert(0);
                let line = first_line + text[..wrong.at.min(text.len())].iter().filter(|&&o| o == b'\n').count() as u32;
                self.report(Place { line, ..place }, wrong.rule, wrong.en, wrong.zh);
            }
            if matches!(split, Split::Open(_)) {
                break;
            }
        }
        // What is left of a file with errors is not read: its digest is of no use, and a device might have no end.
        Ok(())
    }

    fn entry(&mut self, text: &[u8], tokens: &mut Tokens<'_>, state: &mut State, place: Place) -> Result<(), Wrong> {
        let Some(first) = tokens.peek() else { return Ok(()) };
        let owner_omitted = matches!(text[0], b' ' | b'\t');
        if first.kind == Kind::Plain && first.text[0] == b'$' {
            if owner_omitted {
                let (en, zh) = ("a directive begins in the first column", "指令必须从行首开始");
                return Err(Wrong::new(Rule::Directive, 0, en, zh));
            }
            return directive::run(self, tokens, state, place);
        }
        if !owner_omitted {
            state.owner = Owner::Wrong;
            tokens.next();
            owner(first, state, tokens.last_start())?;
            state.owner = Owner::Known;
        }
        match state.owner {
            Owner::Known => self.record(tokens, state, place),
            Owner::Wrong => Ok(()),
            Owner::None => {
                let zh = "行首为空白，但此前没有可沿用的域名，请写明域名";
                let en = "the line begins with a blank, but there is no record before it whose name it could take over";
                Err(Wrong::new(Rule::Owner, 0, en, zh))
            }
        }
    }

    fn record(&mut self, tokens: &mut Tokens<'_>, state: &State, place: Place) -> Result<(), Wrong> {
        let (stated, rtype) = ttl_class_type(tokens)?;
        if rtype == Rtype::SOA && stated.or(self.default_ttl).or(self.last_ttl).is_none() {
            self.read_rdata(rtype, tokens, &state.origin)?;
            let ttl = self.ttl_from_soa(place);
            (self.sink)(Entry { owner: &state.owner_wire, rtype, ttl, rdata: &self.rdata, place });
            return Ok(());
        }
        let ttl = self.ttl(stated, tokens.last_start(), place)?;
        self.hand_over(&state.owner_wire, (rtype, ttl), tokens, &state.origin, place)
    }

    /// The TTL of a SOA that has none to take over, from its RDATA, and of the records after it, as BIND has it.
    fn ttl_from_soa(&mut self, place: Place) -> u32 {
        let minimum = self.rdata.last_chunk().map_or(0, |minimum| u32::from_be_bytes(*minimum));
        let ttl = self.bounded_ttl(minimum, place);
        (self.default_ttl, self.last_ttl) = (Some(ttl), Some(ttl));
        let en =
            format!("the file has no $TTL and its SOA no TTL: the SOA's MINIMUM, {ttl}, is taken; begin it with $TTL");
        let zh = format!("文件没有 $TTL，SOA 也没有 TTL：以 SOA 的 MINIMUM {ttl} 代替；请在文件开头加上 $TTL");
        self.report_as(Severity::Warning, place, Rule::TtlMissing, en, zh);
        ttl
    }

    /// The TTL of a record: the stated one, or the one it takes over.
    pub(super) fn ttl(&mut self, stated: Option<u32>, at: usize, place: Place) -> Result<u32, Wrong> {
        let Some(ttl) = stated.map(|ttl| self.bounded_ttl(ttl, place)).or(self.default_ttl).or(self.last_ttl) else {
            let zh = "记录没有 TTL，且此前没有 $TTL，请在文件开头加上 $TTL";
            let en = "the record has no TTL and there is none to take over; begin the file with $TTL";
            return Err(Wrong::new(Rule::TtlMissing, at, en, zh));
        };
        self.last_ttl = Some(ttl);
        Ok(ttl)
    }

    /// A TTL as it counts: with the highest bit set as 0 (RFC 2181 §8).
    pub(super) fn bounded_ttl(&mut self, ttl: u32, place: Place) -> u32 {
        if ttl <= TTL_MAX {
            return ttl;
        }
        let en = format!("the TTL {ttl} is over {TTL_MAX} and counts as 0 (RFC 2181 §8); write what is meant");
        let zh = format!("TTL {ttl} 超过 {TTL_MAX}，按 0 处理（RFC 2181 §8），请改为实际所需的值");
        self.report_as(Severity::Warning, place, Rule::Ttl, en, zh);
        0
    }

    /// Hands over the record whose RDATA is the rest of `tokens`.
    pub(super) fn hand_over(
        &mut self,
        owner: &[u8],
        (rtype, ttl): (Rtype, u32),
        tokens: &mut Tokens<'_>,
        origin: &Name,
        place: Place,
    ) -> Result<(), Wrong> {
        self.read_rdata(rtype, tokens, origin)?;
        (self.sink)(Entry { owner, rtype, ttl, rdata: &self.rdata, place });
        Ok(())
    }

    fn read_rdata(&mut self, rtype: Rtype, tokens: &mut Tokens<'_>, origin: &Name) -> Result<(), Wrong> {
        self.rdata.clear();
        rdata::parse(rtype, tokens, origin, &mut self.rdata)
            .map_err(|error| wrong_rdata(rtype, error, tokens.last_taken()))
    }
}

/// How reading one entry ended.
enum Split {
    Entry,
    Wrong(usize, TokenError),
    Open(Open),
}

/// Reads lines until they make a whole entry.
fn read_entry(
    reader: &mut impl BufRead,
    text: &mut Vec<u8>,
    tokenizer: &mut Tokenizer,
    lines_before: &mut u32,
) -> io::Result<Split> {
    loop {
        let from = text.len();
        let length = source::read_line(reader, ENTRY_LEN_MAX - from, text)?;
        if length > 0 {
            *lines_before += 1;
            if let Err((at, error)) = tokenizer.feed(text, from) {
                return Ok(Split::Wrong(at, error));
            }
        }
        match tokenizer.open() {
            None if text.len() == ENTRY_LEN_MAX && !text.ends_with(b"\n") => {
                return Ok(Split::Open(Open::Parenthesis(0)));
            }
            None => return Ok(Split::Entry),
            Some(open) if length == 0 => return Ok(Split::Open(open)),
            Some(_) => {}
        }
    }
}

pub(super) fn unsplit(at: usize, error: TokenError) -> Wrong {
    let (en, zh) = match error {
        TokenError::Control(octet) => {
            let en = format!("the control character \\{octet:03} stands outside quotes; remove it or write it so");
            let zh = format!("引号之外有控制字符 \\{octet:03}，请删除或写成转义形式");
            return Wrong::new(Rule::ControlCharacter, at, en, zh);
        }
        TokenError::StrayParenthesis => ("there is a ) without a (", "有 ) 而没有 ("),
        TokenError::QuoteInside => (
            "there is a quote in the middle of a word; quote all of it, or write \\\"",
            "词的中间有引号，请把整个词加引号，或写成 \\\"",
        ),
        TokenError::BareBackslash => ("there is a backslash at the end of the line", "行末有多余的反斜杠"),
    };
    Wrong::new(Rule::Punctuation, at, en, zh)
}

fn unclosed(open: Open) -> Wrong {
    match open {
        Open::Parenthesis(at) => Wrong::new(
            Rule::Unclosed,
            at,
            "the entry that begins here has no end; is a ) missing?",
            "从此处开始的记录没有结束，是否缺少 )？",
        ),
        Open::Quote(at) => {
            Wrong::new(Rule::Unclosed, at, "the quote that opens here is never closed", "此处的引号没有闭合")
        }
    }
}

fn owner(token: Token<'_>, state: &mut State, at: usize) -> Result<(), Wrong> {
    if token.kind != Kind::Plain {
        let shown = show(token.text);
        let (en, zh) = (format!("the name {shown} stands in quotes"), format!("域名 {shown} 不应加引号"));
        return Err(Wrong::new(Rule::Owner, at, en, zh));
    }
    if !token.text.is_ascii() {
        return Err(non_ascii(token.text, at));
    }
    state.owner_wire.clear();
    name::parse_into(token.text, state.origin.as_wire(), &mut state.owner_wire).map_err(|error| {
        let (shown, (en, zh)) = (show(token.text), rdata::error::name_error(error));
        Wrong::new(Rule::Owner, at, format!("{shown}: {en}"), format!("{shown}：{zh}"))
    })
}

/// TTL and class stand before the type, in either order, each at will (RFC 1035 §5.1).
pub(super) fn ttl_class_type(tokens: &mut Tokens<'_>) -> Result<(Option<u32>, Rtype), Wrong> {
    let (mut ttl, mut class) = (None, false);
    loop {
        let Some(token) = tokens.next() else {
            let (en, zh) = ("the record ends before its type", "记录不完整，缺少类型");
            return Err(Wrong::new(Rule::Type, tokens.last_start(), en, zh));
        };
        let (text, at) = (token.text, tokens.last_start());
        if ttl.is_none() && token.kind == Kind::Plain && text[0].is_ascii_digit() {
            ttl = Some(parse_ttl(text, at)?);
        } else if !class && token.kind == Kind::Plain && is_class(text) {
            if !text.eq_ignore_ascii_case(b"IN") && !text.eq_ignore_ascii_case(b"CLASS1") {
                let (en, zh) = (format!("the class is {}; only IN is served", show(text)), "只支持 IN 类");
                return Err(Wrong::new(Rule::Class, at, en, zh));
            }
            class = true;
        } else {
            return parse_type(token, at).map(|rtype| (ttl, rtype));
        }
    }
}

pub(super) fn parse_ttl(text: &[u8], at: usize) -> Result<u32, Wrong> {
    mnemonic::period(text).ok_or_else(|| {
        let shown = show(text);
        let zh = format!("{shown} 不是有效的 TTL：应为不超过 2147483647 的秒数，或如 1h30m");
        let en = format!("{shown} is no TTL: write seconds up to 2147483647, or units as in 1h30m");
        Wrong::new(Rule::Ttl, at, en, zh)
    })
}

fn is_class(text: &[u8]) -> bool {
    let known: [&[u8]; 6] = [b"IN", b"CH", b"HS", b"CS", b"NONE", b"ANY"];
    // ANY is a type too, but as neither can it stand in a zone.
    known.iter().any(|class| class.eq_ignore_ascii_case(text))
        || text.split_at_checked(5).is_some_and(|(prefix, digits)| {
            prefix.eq_ignore_ascii_case(b"CLASS") && mnemonic::number::<u16>(digits).is_some()
        })
}

fn parse_type(token: Token<'_>, at: usize) -> Result<Rtype, Wrong> {
    let found = (token.kind == Kind::Plain).then(|| Rtype::from_mnemonic(token.text)).flatten();
    match found {
        Some(rtype) if rtype.is_data() => Ok(rtype),
        Some(rtype) => {
            let zh = format!("{rtype} 只用于报文，不能写入区文件");
            Err(Wrong::new(Rule::Type, at, format!("{rtype} is for messages and never stands in a zone"), zh))
        }
        None => {
            let shown = show(token.text);
            let zh = format!("{shown} 不是已知的记录类型；其他类型请写成 TYPE编号 \\# 长度 十六进制");
            let en = format!("{shown} is no known type; write others as TYPEnnn \\# LENGTH HEX");
            Err(Wrong::new(Rule::Type, at, en, zh))
        }
    }
}

fn wrong_rdata(rtype: Rtype, error: RdataError, last: Option<Token<'_>>) -> Wrong {
    let shown = last.map(|token| show(token.text)).unwrap_or_default();
    if let (Fault::NonAscii, Some(token)) = (error.fault, last) {
        return non_ascii(token.text, error.at);
    }
    let (mut en, mut zh) = (format!("{rtype}: {}", error.fault.en()), format!("{rtype}：{}", error.fault.zh()));
    if matches!(error.fault, Fault::Bad(_) | Fault::Name(_) | Fault::Surplus) {
        en = format!("{en}, found {shown}");
        zh = format!("{zh}，现为 {shown}");
    }
    Wrong::new(Rule::Rdata, error.at, en, zh)
}

pub(super) fn non_ascii(text: &[u8], at: usize) -> Wrong {
    let shown = show(text);
    let zh = format!("域名 {shown} 含有非 ASCII 字节，请写成 A-label（xn--…），中文只可写在注释中");
    let en = format!("the name {shown} has octets outside ASCII; write A-labels (xn--…), and others only in comments");
    Wrong::new(Rule::NonAsciiName, at, en, zh)
}

/// A token for a person to read.
pub(super) fn show(text: &[u8]) -> String {
    let cut = &text[..text.len().min(SHOWN_LEN_MAX)];
    let more = if cut.len() < text.len() { "…" } else { "" };
    // Control characters could write over the terminal that shows them.
    let clean: String =
        String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    format!("`{clean}{more}`")
}
