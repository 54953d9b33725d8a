//! Parameters of queries and paths.

use super::problem::{Edge, Problem};
use super::{Admin, LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX};
use crate::registry::Unavailable;
use crate::store::Page;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use std::ops::RangeInclusive;
use url::form_urlencoded;

/// Longest cursor that is looked at. A cursor names a place in an index of the store; clients take it as it is, and one that the
/// store cannot read any more (it was rebuilt in another format) is refused, so that they begin anew.
const CURSOR_LEN_MAX: usize = 512;

/// What a parameter is that says when.
pub(super) const DATE_OR_TIME: (&str, &str) = (
    "a date or time, such as 2027-12-31 or 2027-12-31T08:00:00Z",
    "日期或时间，例如 2027-12-31 或 2027-12-31T08:00:00Z",
);

/// The query's parameters, all of them known and none of them twice.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// The parameters in `query`, which may be any of `known`.
    ///
    /// # Errors
    /// `invalid_parameter` names one that is unknown or given twice.
    pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                let (list, list_zh) = match known {
                    [] => ("none".to_owned(), "无".to_owned()),
                    known => (known.join(", "), known.join("、")),
                };
                let en = format!("There is no parameter {name} here (known: {list}); correct it, or take it out.");
                let zh = format!("此处没有参数 {name}（可用的参数：{list_zh}），请更正或去掉。");
                return Err(invalid(&name, en, zh));
            }
            if params.iter().any(|(earlier, _)| *earlier == *name) {
                let zh = format!("参数 {name} 出现了两次，请只填写一次。");
                return Err(invalid(&name, format!("The parameter {name} is given twice; give it once."), zh));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// The value of `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` as `read` understands it; `expected` says what that is, in English and in Chinese.
    ///
    /// # Errors
    /// `invalid_parameter`.
    pub(super) fn read<T>(
        &self,
        name: &str,
        (expected, expected_zh): (&str, &str),
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let bad = || {
            let zh = format!("参数 {name} 的值不正确，应为{expected_zh}，请更正。");
            invalid(name, format!("The value of {name} is not {expected}; correct it."), zh)
        };
        read(text).map(Some).ok_or_else(bad)
    }

    /// The value of `name` as a number in `range`.
    ///
    /// # Errors
    /// `invalid_parameter`.
    pub(super) fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let (first, last) = (range.start(), range.end());
        let (expected, expected_zh) = if *last == u64::MAX {
            (format!("a whole number, {first} or more"), format!("不小于 {first} 的整数"))
        } else {
            (format!("a whole number from {first} to {last}"), format!(" {first} 至 {last} 的整数"))
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        self.read(name, (&expected, &expected_zh), |text| digits(text).filter(|number| range.contains(number)))
    }

    /// The value of `name` as `true` or `false`; false if absent.
    ///
    /// # Errors
    /// `invalid_parameter`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        let flag = self.read(name, ("true or false", " true 或 false"), |text| match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })?;
        Ok(flag.unwrap_or(false))
    }
}

/// A parameter of path or query that is not acceptable.
pub(super) fn invalid(name: &str, en: impl Into<String>, zh: impl Into<String>) -> Problem {
    Problem::edge(Edge::InvalidParameter, en, zh).field(name)
}

/// How many items a page shall have at most.
pub(super) fn limit(params: &Params) -> Result<usize, Problem> {
    let limit = params.number("limit", 1..=LIST_LIMIT_MAX)?.unwrap_or(LIST_LIMIT_DEFAULT);
    Ok(usize::try_from(limit).expect("the limit is small"))
}

/// Where the page begins.
pub(super) fn cursor(params: &Params) -> Result<Option<String>, Problem> {
    let expected = ("a cursor that a page before gave", "前一页给出的 next");
    params.read("cursor", expected, |text| (1..=CURSOR_LEN_MAX).contains(&text.len()).then(|| text.to_owned()))
}

/// A page read from `cursor` on, as `read` gives it. The store says only that it cannot read; that it is the cursor's fault
/// shows when it reads the first page.
pub(super) fn page<T>(
    cursor: Option<&str>,
    read: impl Fn(Option<&str>) -> Result<Page<T>, Unavailable>,
) -> Result<Result<Page<T>, Problem>, Unavailable> {
    match read(cursor) {
        Ok(page) => Ok(Ok(page)),
        Err(error) if cursor.is_none() => Err(error),
        Err(error) => match read(None) {
            Ok(_) => Ok(Err(invalid(
                "cursor",
                "The value of cursor is none of this listing; give `next` of the page before as it is, or begin anew without one.",
                "参数 cursor 不是该列表的游标，请原样填写前一页的 next，或不填 cursor 从头开始。",
            ))),
            Err(_) => Err(error),
        },
    }
}

/// The parameters of a path, percent-decoded; what is no UTF-8 is refused as a problem document.
pub(super) struct At<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Admin> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, admin).await;
        path.map(|Path(path)| Self(path)).map_err(|_| {
            invalid(
                "path",
                "The path is not percent-encoded UTF-8; encode it so.",
                "路径不是百分号编码的 UTF-8，请按此编码后重试。",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_known_once_and_decoded() {
        let params = Params::parse(Some("unit=a%20b&limit=10&dry_run=true"), &["unit", "limit", "dry_run"]).unwrap();
        assert_eq!(params.get("unit"), Some("a b"));
        assert_eq!(params.number("limit", 1..=10).unwrap(), Some(10));
        assert!(params.flag("dry_run").unwrap());
        assert_eq!(params.number("limit", 1..=9).unwrap_err().field.as_deref(), Some("limit"));
        for bad in ["x=1", "unit=1&unit=1", "unit&uni%74"] {
            let problem = Params::parse(Some(bad), &["unit"]).unwrap_err();
            assert_eq!(problem.code.as_str(), "invalid_parameter", "{bad}");
        }
    }

    #[test]
    fn numbers_are_plain_digits() {
        for bad in ["", "-1", "+1", "1.0", "１", "99999999999999999999"] {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("n", bad).finish();
            let params = Params::parse(Some(&query), &["n"]).unwrap();
            assert!(params.number("n", 0..=u64::MAX).is_err(), "{bad}");
        }
        assert!(Params::parse(Some("n=1"), &["n"]).unwrap().flag("n").is_err());
    }
}
