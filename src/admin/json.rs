//! JSON bodies into types, with errors that name the member.

mod words;

use super::problem::{Edge, Problem};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// What some editors and spreadsheets put in front of UTF-8.
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Reads `octets` as one JSON object of type `T`.
///
/// # Errors
/// `malformed_json`, `wrong_type`, `unknown_field` or `missing_field`, with the member's path.
pub(super) fn parse<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    if octets.starts_with(BYTE_ORDER_MARK.as_bytes()) {
        return Err(marked());
    }
    let text = std::str::from_utf8(octets).map_err(|error| not_utf8(&octets[..error.valid_up_to()]))?;
    // First whether it is JSON at all: what stands behind a wrong member must not decide the code.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| malformed(&error))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let read: Result<Object<T>, _> = serde_path_to_error::deserialize(&mut json);
    read.map(|Object(value)| value).map_err(|error| refusal(&error))
}

/// A `T` that is written as an object. Derived structs also take arrays, by position; a client that sends one is mistaken.
#[derive(Clone, Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<T, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

impl<T: Serialize> Serialize for Object<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let what = &text[..text.rfind(" at line ").unwrap_or(text.len())];
    let (at, at_zh) = position(error.line(), error.column());
    Problem::edge(
        Edge::MalformedJson,
        format!("This is not one JSON value: {what} ({at}). Correct it there, and send it again."),
        format!("不是合法的 JSON：{}（{at_zh}），请更正后重新发送。", words::syntax_zh(what)),
    )
}

/// JSON is UTF-8 (RFC 8259 §8.1). `before` is what stands before the first octet that is not.
fn not_utf8(before: &[u8]) -> Problem {
    let line = before.iter().filter(|&&octet| octet == b'\n').count() + 1;
    let column = before.rsplit(|&octet| octet == b'\n').next().map_or(0, <[u8]>::len) + 1;
    let (at, at_zh) = position(line, column);
    Problem::edge(
        Edge::MalformedJson,
        format!("This is not UTF-8 ({at}) but another encoding, such as GBK. Save it as UTF-8, and send it again."),
        format!("内容不是 UTF-8 编码（{at_zh}），可能是 GBK 等其他编码，请另存为 UTF-8 后重新发送。"),
    )
}

/// No editor shows the mark, and JSON has none (RFC 8259 §8.1).
fn marked() -> Problem {
    Problem::edge(
        Edge::MalformedJson,
        "This begins with a byte-order mark (U+FEFF), which JSON does not have. Save it as UTF-8 without one, and send it \
         again.",
        "内容以字节顺序标记（U+FEFF，BOM）开头，JSON 不允许；请另存为不带 BOM 的 UTF-8 后重新发送。",
    )
}

/// Where something is wrong, in English and Chinese. A line of an import is a body of its own here: which line of the file
/// it is, others say.
fn position(line: usize, column: usize) -> (String, String) {
    match line {
        0 | 1 => (format!("column {column}"), format!("第 {column} 列")),
        line => (format!("line {line}, column {column}"), format!("第 {line} 行第 {column} 列")),
    }
}

fn refusal(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let text = error.inner().to_string();
    let path = error.path().to_string();
    // serde has no kinds of error, only these texts; the test below holds them.
    if let Some(member) = named(&text, "unknown field `") {
        // The path ends in the unknown member itself where serde_json came to read its value, and in its object where not.
        let field = if last(&path) == member { path } else { join(&path, member) };
        let zh = format!("此处没有字段 {field}，请核对拼写或去掉该字段。");
        let en = format!("There is no member {field} here; check its spelling, or take it out.");
        return Problem::edge(Edge::UnknownField, en, zh).field(field);
    }
    if let Some(member) = named(&text, "missing field `") {
        let field = join(&path, member);
        let zh = format!("缺少必填字段 {field}，请补充。");
        return Problem::edge(Edge::MissingField, format!("The member {field} is missing; add it."), zh).field(field);
    }
    let what = &text[..text.rfind(" at line ").unwrap_or(text.len())];
    if let Some(member) = named(what, "duplicate field `") {
        let field = if last(&path) == member { path } else { join(&path, member) };
        let en = format!("The member {field} is given twice; take one of the two out.");
        return Problem::edge(Edge::WrongType, en, format!("字段 {field} 出现了两次，请去掉其中一个。")).field(field);
    }
    let member = last(&path);
    let (what, what_zh) = (&*words::mismatch(what, member), words::mismatch_zh(what, member));
    if path == "." {
        return Problem::edge(
            Edge::WrongType,
            format!("This is not what it should be: {what}. Send what the OpenAPI document says."),
            format!("内容不符合要求：{what_zh}，请对照接口文档更正。"),
        );
    }
    Problem::edge(
        Edge::WrongType,
        format!("The value at {path} is not what it should be: {what}. Correct it."),
        format!("字段 {path} 的值不正确：{what_zh}，请更正。"),
    )
    .field(path)
}

fn named<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.split('`').next()
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn join(path: &str, member: &str) -> String {
    if path == "." { member.to_owned() } else { format!("{path}.{member}") }
}

#[cfg(test)]
mod tests {
    use super::super::v1::{PutUnit, SubmitChange};
    use super::*;

    fn refused<T: DeserializeOwned>(body: &str) -> (&'static str, Option<String>) {
        let problem = parse::<T>(body.as_bytes()).map(|_| ()).unwrap_err();
        (problem.code.as_str(), problem.field)
    }

    #[test]
    fn errors_name_their_kind_and_member() {
        let named = |field: &str| Some(field.to_owned());
        assert_eq!(refused::<PutUnit>(""), ("malformed_json", None));
        assert_eq!(refused::<PutUnit>("{"), ("malformed_json", None));
        assert_eq!(refused::<PutUnit>("\u{feff}{}"), ("malformed_json", None));
        assert_eq!(refused::<PutUnit>(r#"{"name":"x","kind":"organ","region":"62"} x"#), ("malformed_json", None));
        assert_eq!(refused::<PutUnit>("[]"), ("wrong_type", None));
        assert_eq!(refused::<PutUnit>("7"), ("wrong_type", None));
        assert_eq!(refused::<PutUnit>(r#"{"name":7}"#), ("wrong_type", named("name")));
        assert_eq!(refused::<PutUnit>(r#"{"name":"x","kind":"king","region":"62"}"#), ("wrong_type", named("kind")));
        assert_eq!(refused::<PutUnit>(r#"{"name":"x","region":"62"}"#), ("missing_field", named("kind")));
        assert_eq!(refused::<PutUnit>(r#"{"nam":"x"}"#), ("unknown_field", named("nam")));
        assert_eq!(refused::<PutUnit>("{}x"), ("malformed_json", None));
        let twice = r#"{"name":"x","name":"y","kind":"organ","region":"62"}"#;
        assert_eq!(refused::<PutUnit>(twice), ("wrong_type", named("name")));
    }

    #[test]
    fn another_encoding_is_named() {
        let problem = |octets: &[u8]| parse::<PutUnit>(octets).map(|_| ()).unwrap_err();
        let gbk = problem(b"{\"name\":\"\xbe\xd6\"}");
        assert_eq!((gbk.code.as_str(), gbk.field), ("malformed_json", None));
        assert!(
            gbk.en.contains("is not UTF-8 (column 10)") && gbk.zh.contains("不是 UTF-8 编码（第 10 列）"),
            "{}",
            gbk.en
        );
        assert!(problem(b"{\n\"n\":\"\xbe").zh.contains("第 2 行第 6 列"));
        let marked = problem("\u{feff}{}".as_bytes());
        assert!(marked.en.contains("byte-order mark (U+FEFF)") && marked.zh.contains("字节顺序标记"), "{}", marked.en);
    }

    #[test]
    fn members_inside_members_have_paths() {
        let change = |inner: &str| format!(r#"{{"name":"x","resolution":{inner}}}"#);
        let refused = |inner: &str| refused::<SubmitChange>(&change(inner));
        let named = |field: &str| Some(field.to_owned());
        assert_eq!(refused(r#"{"type":"A","adresses":[]}"#), ("unknown_field", named("resolution.adresses")));
        assert_eq!(refused(r#"{"type":"A","addresses":["1",7]}"#), ("wrong_type", named("resolution.addresses[1]")));
        assert_eq!(refused(r#"{"type":"B"}"#), ("wrong_type", named("resolution.type")));
        assert_eq!(refused(r#"{"addresses":[]}"#), ("missing_field", named("resolution.type")));
        let server = r#"{"type":"NS","servers":["a",{"host":"b","glu":[]}]}"#;
        assert_eq!(refused(server), ("unknown_field", named("resolution.servers[1].glu")));
        assert_eq!(refused(r#"{"type":"NS","servers":["a",7]}"#), ("wrong_type", named("resolution.servers[1]")));
    }

    #[test]
    fn objects_are_not_written_as_arrays() {
        assert_eq!(refused::<PutUnit>(r#"["x","organ","62",null]"#), ("wrong_type", None));
        let approvals = r#"{"name":"x","resolution":{"type":"A"},"approvals":[["local","r-1"]]}"#;
        assert_eq!(refused::<SubmitChange>(approvals), ("wrong_type", Some("approvals[0]".into())));
        let resolution = r#"{"name":"x","resolution":["A",null,null,null,null,null,null,null,null]}"#;
        assert_eq!(refused::<SubmitChange>(resolution), ("wrong_type", Some("resolution".into())));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        let refused = |body: String| refused::<PutUnit>(&body).0;
        assert_eq!(refused(open.clone()), "malformed_json");
        assert_eq!(refused(format!(r#"{{"name":{open}{close}}}"#)), "wrong_type");
    }
}
