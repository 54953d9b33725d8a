//! What serde says of a body, in Chinese: the same facts, so that a person need not read the English beside it.
//!
//! serde has no kinds of error, only texts. One that is not known here is shown as it is: a fact in the wrong language is
//! better than none.

use super::super::v1::filings::YEARS_OF;
use crate::registry::policy::TERM_YEARS;

/// An empty object in the place of one whose member says what it is.
const NAMELESS: &str = "invalid type: map, expected enum";

/// What is wrong with the syntax of a body.
pub(super) fn syntax_zh(what: &str) -> String {
    let known = [
        ("EOF while parsing", "内容不完整"),
        ("trailing characters", "其后还有多余的内容"),
        ("expected value", "此处应有一个值"),
        ("expected ident", "此处应为 true、false 或 null"),
        ("key must be a string", "成员名须为带引号的字符串"),
        ("control character", "字符串中有未转义的控制字符"),
        ("invalid escape", "转义写法不正确"),
        ("invalid number", "数字的写法不正确"),
        ("number out of range", "数字超出范围"),
        ("invalid unicode code point", "字符编码不正确"),
        ("lone leading surrogate", "\\u 转义不成对"),
        ("unexpected end of hex escape", "\\u 转义不完整或不成对"),
        ("recursion limit exceeded", "嵌套过深"),
    ];
    if let Some((_, zh)) = known.iter().find(|(start, _)| what.starts_with(start)) {
        return (*zh).to_owned();
    }
    // "expected `,` or `}`"
    what.strip_prefix("expected ")
        .map_or_else(|| what.to_owned(), |wanted| format!("此处应为 {}", list_zh(wanted, " 或 ")))
}

/// What is wrong with the value of `member`, in the words of people who write JSON.
pub(super) fn mismatch(what: &str, member: &str) -> String {
    if what.starts_with("unexpected end of hex escape") {
        return "a \\u escape is incomplete, or half of a pair is missing".to_owned();
    }
    if what == NAMELESS {
        return "no member says what it is".to_owned();
    }
    let Some((found, wanted)) = what.rsplit_once(", expected ") else { return what.to_owned() };
    if let Some((least, most)) = bounds(wanted, member) {
        return format!("{found}, expected a whole number from {least} to {most}");
    }
    let largest = match wanted {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" => return format!("{found}, expected a whole number"),
        "a sequence" => return format!("{found}, expected an array"),
        wanted if wanted.starts_with("struct ") => return format!("{found}, expected an object"),
        _ => return what.to_owned(),
    };
    format!("{found}, expected a whole number from 0 to {largest}")
}

/// Between what a number has to be, where that is narrower than its type.
fn bounds(wanted: &str, member: &str) -> Option<(u32, u32)> {
    (wanted == "u32" && member == "years").then(|| (*TERM_YEARS.start(), *TERM_YEARS.end()))
}

/// The same in Chinese.
pub(super) fn mismatch_zh(what: &str, member: &str) -> String {
    if what == NAMELESS {
        return "没有说明类型的成员".to_owned();
    }
    // "unknown variant `king`, expected one of `organ`, `institution`": the value may have anything in it.
    if let Some(rest) = what.strip_prefix("unknown variant `")
        && let Some((value, known)) = rest.rsplit_once("`, expected ")
    {
        let known = known.strip_prefix("one of ").unwrap_or(known);
        return format!("“{value}”不在允许的取值之内，允许的取值为 {}", list_zh(known, "、"));
    }
    let mismatch = ["invalid type: ", "invalid value: "].iter().find_map(|start| what.strip_prefix(start));
    let Some((found, wanted)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) else {
        return syntax_zh(what);
    };
    let wanted_zh = match bounds(wanted, member) {
        Some((least, most)) => format!(" {least} 至 {most} 的整数"),
        None => wanted_zh(wanted),
    };
    match found_zh(found) {
        Some(found) => format!("应为{wanted_zh}，而不是{found}"),
        None => format!("应为{wanted_zh}，而不是 {found}"),
    }
}

/// "`a`, `b` or `c`" with this between its members.
fn list_zh(list: &str, between: &str) -> String {
    list.replace("`, `", between).replace("` or `", between).replace('`', "")
}

fn found_zh(found: &str) -> Option<String> {
    let quoted = |start: &str| found.strip_prefix(start).map(|rest| rest.trim_matches('`'));
    let number = ["integer `", "floating point `"].iter().find_map(|start| quoted(start));
    if let Some(number) = number {
        return Some(format!("数字 {number}"));
    }
    if let Some(flag) = quoted("boolean `") {
        return Some(format!(" {flag}"));
    }
    if let Some(text) = found.strip_prefix("string ") {
        return Some(format!("字符串 {text}"));
    }
    Some(match found {
        "null" => " null".into(),
        "sequence" => "数组".into(),
        "map" => "对象".into(),
        _ => return None,
    })
}

fn wanted_zh(wanted: &str) -> String {
    match wanted {
        "a string" | "string or map" | "a borrowed string" | "variant identifier" | "field identifier" => {
            "字符串".into()
        }
        "a boolean" => " true 或 false".into(),
        "a sequence" => "数组".into(),
        "a map" | "an object" => "对象".into(),
        "u8" => format!(" 0 至 {} 的整数", u8::MAX),
        "u16" => format!(" 0 至 {} 的整数", u16::MAX),
        "u32" => format!(" 0 至 {} 的整数", u32::MAX),
        "u64" => "不小于 0 的整数".into(),
        "a host name, or an object with host and glue" => "主机名，或含 host 与 glue 的对象".into(),
        wanted if wanted.starts_with("struct ") => "对象".into(),
        YEARS_OF => r#"域名与年限的数组，例如 [{"name":"教育局.政务","years":3}]"#.into(),
        wanted => format!(" {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::v1::filings::ChangeYears;
    use super::super::super::v1::{PutName, PutUnit, SubmitChange};
    use super::super::parse;
    use serde::de::DeserializeOwned;

    fn zh<T: DeserializeOwned>(body: &str) -> String {
        parse::<T>(body.as_bytes()).map(|_| ()).unwrap_err().zh
    }

    #[test]
    fn chinese_says_which_values_are_allowed() {
        let told = zh::<PutUnit>(r#"{"name":"x","kind":"king","region":"62"}"#);
        let all = "organ、institution、social_organisation";
        assert_eq!(told, format!("字段 kind 的值不正确：“king”不在允许的取值之内，允许的取值为 {all}，请更正。"));
        assert_eq!(zh::<PutUnit>(r#"{"name":7}"#), "字段 name 的值不正确：应为字符串，而不是数字 7，请更正。");
        let years = |value: &str| zh::<PutName>(&format!(r#"{{"unit":"u","years":{value}}}"#));
        assert_eq!(years("2.5"), "字段 years 的值不正确：应为 2 至 10 的整数，而不是数字 2.5，请更正。");
        assert_eq!(years("-1"), "字段 years 的值不正确：应为 2 至 10 的整数，而不是数字 -1，请更正。");
        assert_eq!(years(r#""2""#), "字段 years 的值不正确：应为 2 至 10 的整数，而不是字符串 \"2\"，请更正。");
        assert_eq!(years("[]"), "字段 years 的值不正确：应为 2 至 10 的整数，而不是数组，请更正。");
        let server = |server: &str| format!(r#"{{"name":"x","resolution":{{"type":"NS","servers":[{server}]}}}}"#);
        let told = zh::<SubmitChange>(&server("null"));
        assert!(told.contains("应为主机名，或含 host 与 glue 的对象，而不是 null"), "{told}");
        assert_eq!(zh::<PutUnit>("7"), "内容不符合要求：应为对象，而不是数字 7，请对照接口文档更正。");
    }

    /// What serde finds only where it reads a value is said in Chinese too.
    #[test]
    fn chinese_says_what_is_wrong_with_a_text_or_number() {
        let name = |value: &str| zh::<PutUnit>(&format!(r#"{{"name":{value}}}"#));
        assert_eq!(name(r#""\ud800""#), "字段 name 的值不正确：\\u 转义不完整或不成对，请更正。");
        assert_eq!(name("1e999"), "字段 name 的值不正确：数字超出范围，请更正。");
    }

    #[test]
    fn years_that_are_no_list_are_told_what_the_list_looks_like() {
        for years in ["2", r#""2""#, "{}", "null"] {
            let problem = parse::<ChangeYears>(format!(r#"{{"years":{years}}}"#).as_bytes()).map(|_| ()).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.field.as_deref()), ("wrong_type", Some("years")));
            let shape = r#"[{"name":"教育局.政务","years":3}]"#;
            assert!(problem.en.contains(shape) && problem.zh.contains(shape), "{} {}", problem.en, problem.zh);
            assert!(problem.zh.contains("应为域名与年限的数组"), "{}", problem.zh);
        }
        let one = parse::<ChangeYears>(br#"{"years":[2]}"#).map(|_| ()).unwrap_err();
        assert_eq!(one.field.as_deref(), Some("years[0]"));
        assert!(one.zh.contains("应为对象"), "{}", one.zh);
    }

    #[test]
    fn chinese_says_what_is_given_twice() {
        assert_eq!(zh::<PutUnit>(r#"{"name":"x","name":"y"}"#), "字段 name 出现了两次，请去掉其中一个。");
    }

    #[test]
    fn chinese_says_what_is_wrong_with_the_syntax() {
        let about = |body: &str, what: &str| {
            let told = zh::<PutUnit>(body);
            assert!(told.contains(what) && told.contains("请更正") && told.is_char_boundary(0), "{body}: {told}");
            let without_han: String = told.chars().filter(char::is_ascii_alphabetic).collect();
            assert_eq!(without_han.replace("JSON", "").replace("truefalsenull", "").replace('u', ""), "", "{told}");
        };
        about("", "内容不完整");
        about(r#"{"name":"x""#, "内容不完整");
        about("{}x", "其后还有多余的内容");
        about(r#"{"name":}"#, "此处应有一个值");
        about(r#"{"name" "x"}"#, "此处应为 :");
        about(r#"{"name":"x" "kind":1}"#, "此处应为 , 或 }");
        about("{name:1}", "成员名须为带引号的字符串");
        about("{\"name\":\"a\nb\"}", "字符串中有未转义的控制字符");
        about(r#"{"name":"\x"}"#, "转义写法不正确");
        about(r#"{"name":01}"#, "数字的写法不正确");
        about(r#"{"name":tru}"#, "此处应为 true、false 或 null");
    }
}
