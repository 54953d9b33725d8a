//! Directives of master files: `$ORIGIN`, `$TTL`, `$INCLUDE`; `$GENERATE` has a file of its own.

use super::Place;
use super::generate;
use super::problem::Rule;
use super::scan::{Owner, Scanner, State, Wrong, non_ascii, parse_ttl, show};
use crate::zone::Name;
use crate::zone::rdata::error::name_error;
use crate::zone::rdata::token::{Kind, Token, Tokens, unescape};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// How deep files may include each other; real zones need two. NSD takes 10; BIND and Knot took these 40.
const INCLUDE_DEPTH_MAX: usize = 40;
/// How many files one zone may have, so that files which include each other cannot multiply.
const FILES_MAX: usize = 4_096;

/// Carries out the directive that `tokens` begin with.
pub(super) fn run(
    scanner: &mut Scanner<'_>,
    tokens: &mut Tokens<'_>,
    state: &mut State,
    place: Place,
) -> Result<(), Wrong> {
    let Some(directive) = tokens.next() else { return Ok(()) };
    let at = tokens.last_start();
    match directive.text.to_ascii_uppercase().as_slice() {
        b"$ORIGIN" => {
            // Whatever follows would be misread under the wrong origin, but its form can still be looked at.
            state.origin = name(tokens, &state.origin)?;
            end(tokens)
        }
        b"$TTL" => {
            let token = word(tokens, "a time", "时间")?;
            let ttl = parse_ttl(token.text, tokens.last_start())?;
            scanner.default_ttl = Some(scanner.bounded_ttl(ttl, place));
            end(tokens)
        }
        b"$INCLUDE" => include(scanner, tokens, state, place),
        b"$GENERATE" => generate::run(scanner, tokens, state, place),
        _ => {
            let shown = show(directive.text);
            let zh = format!("未知指令 {shown}；可用 $ORIGIN、$TTL、$INCLUDE、$GENERATE，以 $ 开头的域名请写成 \\$");
            let en = format!(
                "{shown} is no directive; there are $ORIGIN, $TTL, $INCLUDE, $GENERATE, and a name begins with \\$"
            );
            state.owner = Owner::Wrong;
            Err(Wrong::new(Rule::Directive, at, en, zh))
        }
    }
}

fn include(scanner: &mut Scanner<'_>, tokens: &mut Tokens<'_>, state: &State, place: Place) -> Result<(), Wrong> {
    let token = tokens.next().ok_or_else(|| missing(tokens, "a file", "文件名"))?;
    let at = tokens.last_start();
    let mut file = Vec::new();
    if token.kind == Kind::Pair || !unescape(token.text, &mut file) {
        let (en, zh) = (format!("{} is no file name", show(token.text)), format!("{} 不是文件名", show(token.text)));
        return Err(Wrong::new(Rule::Directive, at, en, zh));
    }
    let origin = if tokens.peek().is_some() { name(tokens, &state.origin)? } else { state.origin.clone() };
    end(tokens)?;
    let refused = |en: &str, zh: &str| Err(Wrong::new(Rule::Include, at, en, zh));
    if scanner.open_files.is_empty() {
        return refused("a text that is no file cannot include files", "此文本不是文件，不能使用 $INCLUDE");
    }
    if scanner.open_files.len() > INCLUDE_DEPTH_MAX {
        let (en, zh) = (
            format!("files are included more than {INCLUDE_DEPTH_MAX} deep"),
            format!("$INCLUDE 嵌套超过 {INCLUDE_DEPTH_MAX} 层"),
        );
        return refused(&en, &zh);
    }
    if scanner.file_count() >= FILES_MAX {
        return refused(
            &format!("more than {FILES_MAX} files are included"),
            &format!("$INCLUDE 超过 {FILES_MAX} 个文件"),
        );
    }
    let from = scanner.path(state);
    let path = from.parent().map(PathBuf::from).unwrap_or_default().join(OsString::from_vec(file));
    if path.canonicalize().is_ok_and(|path| scanner.open_files.contains(&path)) {
        return refused("the file includes itself", "文件包含了自身");
    }
    scanner.read_file(&path, origin, Some(place));
    Ok(())
}

fn name(tokens: &mut Tokens<'_>, origin: &Name) -> Result<Name, Wrong> {
    let token = word(tokens, "a name", "域名")?;
    let at = tokens.last_start();
    if !token.text.is_ascii() {
        return Err(non_ascii(token.text, at));
    }
    Name::parse(token.text, origin).map_err(|error| {
        let (en, zh) = name_error(error);
        let shown = show(token.text);
        Wrong::new(Rule::Directive, at, format!("{shown}: {en}"), format!("{shown}：{zh}"))
    })
}

fn word<'a>(tokens: &mut Tokens<'a>, en: &str, zh: &str) -> Result<Token<'a>, Wrong> {
    tokens.next().filter(|token| token.kind == Kind::Plain).ok_or_else(|| missing(tokens, en, zh))
}

pub(super) fn missing(tokens: &Tokens<'_>, en: &str, zh: &str) -> Wrong {
    let (en, zh) = (format!("the directive needs {en}"), format!("指令缺少{zh}"));
    Wrong::new(Rule::Directive, tokens.last_start(), en, zh)
}

pub(super) fn end(tokens: &mut Tokens<'_>) -> Result<(), Wrong> {
    match tokens.next() {
        None => Ok(()),
        Some(token) => {
            let shown = show(token.text);
            let (en, zh) =
                (format!("{shown} stands after the end of the directive"), format!("指令之后有多余的 {shown}"));
            Err(Wrong::new(Rule::Directive, tokens.last_start(), en, zh))
        }
    }
}
