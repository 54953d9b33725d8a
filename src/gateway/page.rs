//! The pages of the gateway: plain, in Chinese and in English, with nothing of the request in them but the name.

use crate::idn;
use crate::registry::HoldReason;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY};
use axum::response::Response;
use std::fmt::Write as _;

/// The pages load nothing, send nothing, and show in no frame.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// A page of a title and paragraphs, each in both languages.
pub struct Page {
    title: [&'static str; 2],
    /// The registered name it is about, as people read it.
    name: Option<String>,
    paragraphs: Vec<[&'static str; 2]>,
}

impl Page {
    /// The request names no host: 400.
    pub fn bad_request() -> Self {
        Self {
            title: ["请求无效", "Bad request"],
            name: None,
            paragraphs: vec![[
                "请求未指明唯一、有效的主机名（Host）。",
                "The request does not name exactly one valid host (the Host header field).",
            ]],
        }
    }

    /// Nothing is forwarded from this host: 404.
    pub fn not_found() -> Self {
        Self {
            title: ["未找到", "Not found"],
            name: None,
            paragraphs: vec![[
                "本服务没有转发此网址。请检查域名是否输入正确。",
                "No forward is registered for this address. Please check that the name is typed correctly.",
            ]],
        }
    }

    /// The name is held: 403, or 451 for an order of an authority. `reason` is what DNS answers as EXTRA-TEXT.
    pub fn notice(host: &str, reason: &str, status: u16) -> Self {
        let reason = reason.strip_prefix("hold=").and_then(HoldReason::parse);
        let legal = status == 451;
        Self {
            title: if legal {
                ["因法律原因停止访问", "Unavailable for legal reasons"]
            } else {
                ["域名已暂停解析", "This name is suspended"]
            },
            name: Some(idn::to_unicode(host)),
            paragraphs: vec![
                reason.map_or(["该域名目前暂停解析。", "The name does not resolve at present."], why),
                [
                    "如果您是该域名的注册单位，请联系受理注册的机构编制部门。",
                    "If you are the holder of this name, please contact the office that registered it.",
                ],
            ],
        }
    }

    /// The response with this page.
    pub fn into_response(self, status: StatusCode) -> Response {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, "text/html; charset=utf-8")
            .header(CONTENT_SECURITY_POLICY, POLICY)
            .header(REFERRER_POLICY, "no-referrer")
            .body(Body::from(self.html()))
            .expect("constant headers are valid")
    }

    fn html(&self) -> String {
        let [zh, en] = self.title;
        let mut html = format!(
            "<!doctype html>\n<html lang=\"zh-Hans\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{zh} · {en}</title>\n\
             <h1>{zh} <span lang=\"en\">{en}</span></h1>\n"
        );
        if let Some(name) = &self.name {
            // Writing to a string cannot fail.
            let _ = writeln!(html, "<p><strong>{}</strong></p>", escaped(name));
        }
        for [zh, en] in &self.paragraphs {
            let _ = writeln!(html, "<p>{zh}</p>\n<p lang=\"en\">{en}</p>");
        }
        html
    }
}

/// What a reason means to a visitor; no more than is public.
fn why(reason: HoldReason) -> [&'static str; 2] {
    match reason {
        HoldReason::Legal => [
            "根据法院或主管机关的要求，该域名停止解析。",
            "The name was suspended by order of a court or an authority.",
        ],
        HoldReason::Blacklist => {
            ["该域名的注册单位目前不得使用域名。", "The holder of this name may not use names at present."]
        }
        HoldReason::Penalty => {
            ["该域名因违反管理规定被暂停。", "The name was suspended for a breach of the registration rules."]
        }
        HoldReason::SiteReviewFailed => {
            ["该网站未通过开办审核。", "The site behind this name did not pass its review."]
        }
        HoldReason::SiteNotSubmitted => [
            "该网站未在期限内提交开办审核。",
            "The site behind this name was not submitted for review by its deadline.",
        ],
        HoldReason::RegistryAdmin => ["该域名由注册管理机构暂停。", "The name was suspended by the registry."],
        HoldReason::UnitRequest => {
            ["该域名应注册单位的申请暂停。", "The name was suspended at the request of its holder."]
        }
        HoldReason::Expired => {
            ["该域名注册已到期，尚未续费。", "The registration of this name has expired and was not renewed."]
        }
    }
}

/// `text` as HTML shows it. Names hold none of these characters; this does not rely on it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_name_and_reason_in_both_languages() {
        let html = Page::notice("xn--fiq228c.xn--zfr164b", "hold=EXPIRED", 403).html();
        for text in ["中文.政务", "已到期", "has expired"] {
            assert!(html.contains(text), "{text} is missing in\n{html}");
        }
        assert!(Page::notice("a.example", "hold=LEGAL", 451).html().contains("Unavailable for legal reasons"));
    }

    #[test]
    fn every_reason_has_its_own_text() {
        let texts: std::collections::BTreeSet<_> = HoldReason::ALL.into_iter().map(why).collect();
        assert_eq!(texts.len(), HoldReason::ALL.len());
    }

    #[test]
    fn nothing_of_a_name_becomes_markup() {
        let html = Page::notice("<b>&\"x", "hold=PENALTY", 403).html();
        assert!(html.contains("&lt;b&gt;&amp;&quot;x") && !html.contains("<b>"), "{html}");
    }
}
