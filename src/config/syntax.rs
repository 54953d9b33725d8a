//! What the TOML parser says of a file, in both languages: it has no kinds of error, only texts. One that is not known here is said to
//! be an error of syntax; the English beside it has the rest.

/// What it says of a text without quotes that begins as these two numbers do.
const LIKE_NUMBERS: [&str; 2] = ["invalid float, expected `inf`", "invalid float, expected `nan`"];

/// What is wrong with the syntax, in English.
pub(super) fn en(what: &str) -> &str {
    if LIKE_NUMBERS.contains(&what) { "string values must be quoted" } else { what }
}

/// The same in Chinese.
pub(super) fn zh(what: &str) -> String {
    let what = en(what);
    let (what, wanted) = what.split_once(", expected ").map_or((what, None), |(what, wanted)| (what, Some(wanted)));
    let known = [
        ("duplicate key", "键重复"),
        ("string values must be quoted", "文本值须加引号"),
        ("key with no value", "键没有值"),
        ("missing value", "缺少值"),
        ("missing assignment", "键与值之间缺少等号"),
        ("missing comma", "各项之间缺少逗号"),
        ("missing opening quote", "缺少起始引号"),
        ("missing escaped value", "转义写法不正确"),
        ("too few unicode value digits", "转义写法不正确"),
        ("extra comma", "逗号多余"),
        ("extra assignment", "等号多余"),
        ("extra `=`", "等号多余"),
        ("unexpected `=`", "等号多余"),
        ("unclosed array table", "表头的方括号未闭合"),
        ("unclosed table", "表头的方括号未闭合"),
        ("unclosed array", "数组的方括号未闭合"),
        ("unclosed inline table", "花括号未闭合"),
        ("unexpected content", "有多余的内容"),
        ("unexpected key or value", "有多余的键或值"),
        ("invalid boolean", "应为 true 或 false"),
        ("invalid date-time", "日期或时间的写法不正确"),
        ("invalid unquoted key", "键的写法不正确"),
        ("unquoted keys cannot be empty", "键不能为空"),
        ("keys cannot be multi-line", "键不能跨行"),
        ("invalid comment character", "注释中有不允许的字符"),
        ("invalid inline table element", "花括号中的内容不正确"),
        ("invalid key-value pair", "不是“键 = 值”的写法"),
        ("carriage return must be followed by newline", "回车符之后须有换行符"),
        ("cannot recurse further", "嵌套过深"),
        ("recursion limit", "嵌套过深"),
    ];
    let numbers = ["invalid integer", "invalid float", "invalid binary", "invalid octal", "invalid hexadecimal"];
    let more =
        ["invalid exponent", "invalid fraction", "invalid mantissa", "unexpected leading zero", "unexpected sign"];
    let others =
        ["redundant ", "integer number overflowed", "floating-point number overflowed", "integers with a radix"];
    let is_one_of = |starts: &[&str]| starts.iter().any(|start| what.starts_with(start));
    let said = match known.iter().find(|(start, _)| what.starts_with(start)) {
        Some((_, zh)) => zh,
        None if is_one_of(&numbers) || is_one_of(&more) || is_one_of(&others) => "数字的写法不正确",
        None if what.starts_with("invalid ") && what.ends_with(" string") => "文本的引号未闭合，或有不允许的字符",
        None if what == "invalid value" => "值的写法不正确",
        None => "语法有误",
    };
    match wanted.and_then(literals) {
        Some(literals) => format!("{said}，此处应有 {literals}"),
        None => said.to_owned(),
    }
}

/// "`]`, `,`" if all of it is what stands in the file, and not what a word describes.
fn literals(wanted: &str) -> Option<String> {
    let all: Vec<&str> =
        wanted.split(", ").map(|one| one.strip_prefix('`')?.strip_suffix('`')).collect::<Option<_>>()?;
    Some(all.join(" 或 "))
}
