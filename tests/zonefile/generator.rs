//! Known records, and master files that spell them in every way the format allows.

use proptest::prelude::*;
use std::fmt::Write as _;
use zhengming::zone::rdata::token::{Kind, Tokenizer};
use zhengming::zone::rdata::{Field, Presentation, descriptor};
use zhengming::zone::{Name, Record, Rtype};

/// The zone all files are of.
pub fn apex() -> Name {
    Name::absolute("zone.example").expect("a name")
}

/// Which liberties a writer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// All that we read.
    All,
    /// What BIND reads too: no line ends in quotes.
    Bind,
    /// One record a line with all its fields, absolute names, nothing but printable ASCII: what `domain` and Knot read.
    Plain,
}

/// A zone that every peer loads: a SOA and NS, then records whose owners are all different.
pub fn zone() -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec((label(), rdata(), 0..=i32::MAX as u32), 1..25).prop_map(|drafts| {
        let soa =
            [&b"\x02ns\x04zone\x07example\x00\x02hm\x00"[..], &[0, 0, 0, 7], &[0, 0, 0x0e, 0x10].repeat(4)].concat();
        let apex = apex();
        let mut records = vec![
            Record { owner: apex.clone(), rtype: Rtype::SOA, ttl: 300, rdata: soa.into() },
            Record { owner: apex.clone(), rtype: Rtype::NS, ttl: 300, rdata: b"\x02ns\x05other\x00"[..].into() },
        ];
        for (number, (label, (rtype, rdata), ttl)) in drafts.into_iter().enumerate() {
            // The number keeps owners apart, whatever the labels are.
            let unique = format!("n{number}");
            let label = [&[label.len() as u8], &label[..], &[unique.len() as u8], unique.as_bytes()].concat();
            let owner = Name::from_wire(&[&label, apex.as_wire()].concat()).expect("a short name").0;
            records.push(Record { owner, rtype, ttl, rdata: rdata.into() });
        }
        records
    })
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,10}".prop_map(String::into_bytes),
        // A wildcard or an odd name must not cover or hide another one, so it stands above the number.
        prop::collection::vec(any::<u8>(), 1..8),
    ]
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let labels = prop::collection::vec(label(), 0..4);
    (labels, any::<bool>()).prop_map(|(labels, inside)| {
        let mut wire: Vec<u8> = labels.iter().flat_map(|label| [&[label.len() as u8], &label[..]].concat()).collect();
        wire.extend(if inside { apex().as_wire().to_vec() } else { vec![0] });
        wire
    })
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ -~]{0,40}".prop_map(String::into_bytes),
        "[;()\"\\\\@#$ \n\t=0-9.]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..30),
    ]
    .prop_map(|text| [&[text.len() as u8], &text[..]].concat())
}

fn octets(from: usize, to: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), from..to)
}

/// RDATA in wire form, made without any parser.
fn rdata() -> impl Strategy<Value = (Rtype, Vec<u8>)> {
    let of = |number: u16, parts: BoxedStrategy<Vec<u8>>| parts.prop_map(move |rdata| (Rtype(number), rdata)).boxed();
    let texts = || prop::collection::vec(text(), 1..4).prop_map(|texts| texts.concat());
    let then = |first: BoxedStrategy<Vec<u8>>, second: BoxedStrategy<Vec<u8>>| {
        (first, second).prop_map(|(first, second)| [first, second].concat()).boxed()
    };
    let tag = "[a-z]{1,9}".prop_map(|tag| [vec![tag.len() as u8], tag.into_bytes()].concat()).boxed();
    prop_oneof![
        of(1, octets(4, 5).boxed()),
        of(28, octets(16, 17).boxed()),
        of(5, name().boxed()),
        of(12, name().boxed()),
        of(15, then(octets(2, 3).boxed(), name().boxed())),
        of(16, texts().boxed()),
        of(13, then(text().boxed(), text().boxed())),
        of(17, then(name().boxed(), name().boxed())),
        of(33, then(octets(6, 7).boxed(), name().boxed())),
        of(44, octets(3, 40).prop_map(|octets| [vec![200, 200], octets].concat()).boxed()),
        of(52, octets(4, 60).prop_map(|octets| [vec![3, 1, 200], octets].concat()).boxed()),
        of(61, octets(1, 60).boxed()),
        of(256, then(octets(4, 5).boxed(), octets(1, 60).boxed())),
        of(257, then(then(Just(vec![0]).boxed(), tag), octets(0, 60).boxed())),
        of(65280, octets(0, 60).boxed()),
        of(108, octets(6, 7).boxed()),
    ]
}

/// A stream of choices that shrinks well: out of rolls it always takes the plainest way.
pub struct Dice<'d>(pub &'d [u8]);

impl Dice<'_> {
    /// A number below `sides`.
    fn roll(&mut self, sides: u8) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first % sides
    }
}

/// Writes `records` as a master file, and a second one that the first includes where the style allows it.
pub struct Writer<'d> {
    /// The file so far.
    pub text: Vec<u8>,
    dice: Dice<'d>,
    style: Style,
    origin: Name,
    default_ttl: Option<u32>,
    last_owner: Option<Name>,
    line_end: &'static str,
}

impl<'d> Writer<'d> {
    /// An empty file.
    pub fn new(dice: Dice<'d>, style: Style) -> Self {
        let mut writer =
            Self { text: Vec::new(), dice, style, origin: apex(), default_ttl: None, last_owner: None, line_end: "\n" };
        if writer.odd(3) {
            writer.line_end = "\r\n";
        }
        writer
    }

    /// Adds an `$INCLUDE` of `file`, whose content it returns: `records`, in a scope of their own.
    pub fn include(&mut self, file: &str, records: &[Record]) -> Vec<u8> {
        let origin =
            if self.odd(2) { Name::absolute("sub.zone.example").expect("a name") } else { self.origin.clone() };
        let quoted = if self.odd(2) { format!("\"{file}\"") } else { file.to_owned() };
        self.push(&format!("$INCLUDE {quoted} "));
        self.name(&origin.clone());
        self.end_line();
        let outer_origin = std::mem::replace(&mut self.origin, origin);
        let outer = std::mem::take(&mut self.text);
        self.last_owner = None;
        self.records(records);
        self.origin = outer_origin;
        self.last_owner = None;
        std::mem::replace(&mut self.text, outer)
    }

    /// Adds records, with directives between them.
    pub fn records(&mut self, records: &[Record]) {
        for record in records {
            if self.style != Style::Plain {
                self.noise();
            }
            self.record(record);
        }
    }

    fn odd(&mut self, sides: u8) -> bool {
        self.style != Style::Plain && self.dice.roll(sides) == 1
    }

    fn push(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn end_line(&mut self) {
        match self.dice.roll(6) {
            1 => self.push(" ; 注释 \"( "),
            2 => self.push("\t ;"),
            _ => {}
        }
        let line_end = self.line_end;
        self.push(line_end);
    }

    /// Blank lines, comments and directives.
    fn noise(&mut self) {
        match self.dice.roll(10) {
            1 => self.end_line(),
            2 => {
                self.push(" \t");
                self.end_line();
            }
            3 => {
                self.push("; $ORIGIN no.");
                self.end_line();
            }
            4 | 5 => {
                let inner = ["zone.example", "n1.zone.example", ".", "example", "a\\.b.zone.example"];
                let origin = Name::absolute(inner[usize::from(self.dice.roll(5))]).expect("a name");
                let directive = if self.odd(2) { "$origin\t" } else { "$ORIGIN " };
                self.push(directive);
                self.name(&origin);
                self.origin = origin;
                self.end_line();
            }
            6 => {
                let ttl = u32::from(self.dice.roll(200)) * 1_000;
                self.push("$TTL ");
                self.ttl(ttl);
                self.default_ttl = Some(ttl);
                self.end_line();
            }
            _ => {}
        }
    }

    fn record(&mut self, record: &Record) {
        let mut depth = 0usize;
        if self.last_owner.as_ref() == Some(&record.owner) && self.odd(2) {
            self.push(" ");
        } else {
            self.name(&record.owner);
        }
        self.last_owner = Some(record.owner.clone());
        self.space(&mut depth);
        let with_ttl = self.default_ttl != Some(record.ttl) || !self.odd(2);
        let with_class = !self.odd(2);
        if with_class && self.odd(2) {
            self.class();
            self.space(&mut depth);
            if with_ttl {
                self.ttl(record.ttl);
                self.space(&mut depth);
            }
        } else {
            if with_ttl {
                self.ttl(record.ttl);
                self.space(&mut depth);
            }
            if with_class {
                self.class();
                self.space(&mut depth);
            }
        }
        let mnemonic = record.rtype.to_string();
        match self.dice.roll(8) {
            1 if self.style != Style::Plain => self.push(&format!("TYPE{}", record.rtype.0)),
            2 => self.push(&mnemonic.to_lowercase()),
            _ => self.push(&mnemonic),
        }
        self.rdata(record, &mut depth);
        if depth > 0 {
            let close = if self.dice.roll(2) == 1 { "\n)" } else { ")" };
            self.push(&close.repeat(depth));
        }
        self.end_line();
    }

    fn class(&mut self) {
        let class = ["IN", "in", "CLASS1"][usize::from(if self.style == Style::Plain { 0 } else { self.dice.roll(3) })];
        self.push(class);
    }

    fn ttl(&mut self, ttl: u32) {
        if !self.odd(3) {
            return self.push(&ttl.to_string());
        }
        let (weeks, days, hours, minutes) = (ttl / 604_800, ttl / 86_400 % 7, ttl / 3_600 % 24, ttl / 60 % 60);
        let seconds = ttl % 60;
        let mut text = format!("{weeks}w{days}D{hours}h{minutes}M{seconds}s");
        if self.odd(2) {
            text = format!("{}m{seconds}S", ttl / 60);
        }
        self.push(&text);
    }

    /// Space between tokens; now and then a parenthesis opens, and lines may end inside.
    fn space(&mut self, depth: &mut usize) {
        if self.odd(12) {
            self.push(" (");
            *depth += 1;
        }
        let spaces = [" ", "\t", "  ", " \t "];
        let space = spaces[usize::from(self.dice.roll(4))];
        self.push(space);
        if *depth > 0 && self.odd(2) {
            self.end_line();
            self.push("  ");
        }
    }

    fn rdata(&mut self, record: &Record, depth: &mut usize) {
        if self.odd(8) {
            let hex: String = record.rdata.iter().map(|octet| format!("{octet:02x}")).collect();
            self.space(depth);
            self.push(&format!("\\# {}", record.rdata.len()));
            let cut = usize::from(self.dice.roll(20)).min(hex.len() / 2) * 2;
            for part in [&hex[..cut], &hex[cut..]].into_iter().filter(|part| !part.is_empty()) {
                self.space(depth);
                self.push(part);
            }
            return;
        }
        let printed = Presentation { rtype: record.rtype, rdata: &record.rdata }.to_string();
        let mut tokenizer = Tokenizer::default();
        tokenizer.feed(printed.as_bytes(), 0).expect("what is printed can be split");
        let fields = descriptor(record.rtype).and_then(|descriptor| descriptor.fields).unwrap_or_default();
        for (position, token) in tokenizer.tokens(printed.as_bytes()).enumerate() {
            self.space(depth);
            match (fields.get(position), token.kind) {
                (Some(Field::Name(_)), _) => {
                    self.name(&Name::parse(token.text, &Name::root()).expect("a printed name"));
                }
                (_, Kind::Quoted) => {
                    let mut plain = Vec::new();
                    assert!(zhengming::zone::rdata::token::unescape(token.text, &mut plain));
                    // BIND wants the target of a URI in quotes (RFC 7553 §4.5).
                    self.string(&plain, record.rtype != Rtype(256));
                }
                _ => self.text.extend_from_slice(token.text),
            }
        }
    }

    /// A name: absolute, relative, or `@`.
    fn name(&mut self, name: &Name) {
        let relative = name.relative_to(&self.origin).filter(|_| self.style != Style::Plain);
        let relative = relative.map(|labels| Name::from_wire(&[labels, &[0]].concat()).expect("labels").0);
        match relative {
            Some(relative) if relative == Name::root() && self.odd(2) => self.push("@"),
            Some(relative) if relative != Name::root() && self.odd(2) => self.labels(&relative, false),
            _ if *name == Name::root() => self.push("."),
            _ => self.labels(name, true),
        }
    }

    fn labels(&mut self, name: &Name, absolute: bool) {
        for (position, label) in name.labels().enumerate() {
            if position > 0 {
                self.push(".");
            }
            for &octet in label {
                self.octet(octet, false);
            }
        }
        if absolute {
            self.push(".");
        }
    }

    /// A character-string, in quotes unless it can do without.
    fn string(&mut self, text: &[u8], may_be_bare: bool) {
        let bare = may_be_bare && !text.is_empty() && self.odd(3);
        if !bare {
            self.push("\"");
        }
        for &octet in text {
            self.octet(octet, !bare);
        }
        if !bare {
            self.push("\"");
        }
    }

    fn octet(&mut self, octet: u8, quoted: bool) {
        let plain = octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        let free = quoted
            && match octet {
                b'"' | b'\\' => false,
                b'\n' => self.style == Style::All,
                b'\r' | 0 => false,
                b' '..=b'~' => true,
                _ => self.style != Style::Plain,
            };
        let escape_char = (b'!'..=b'~').contains(&octet) && !octet.is_ascii_digit();
        // An unquoted `\#` would begin the generic form, and `\[` is a bit-string label to BIND (RFC 2673, historic).
        let by_char = escape_char && !matches!(octet, b'#' | b'[');
        if (plain || free) && !self.odd(12) {
            self.text.push(octet);
        } else if by_char && !self.odd(2) && (self.style != Style::Plain || !plain) {
            self.text.extend([b'\\', octet]);
        } else {
            let mut escaped = String::new();
            write!(escaped, "\\{octet:03}").expect("a String takes all");
            self.push(&escaped);
        }
    }
}
