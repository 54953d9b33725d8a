//! What is wrong with a PEM file (RFC 7468), in words that help to mend it.

use crate::http::client::Unusable;
use crate::telemetry::advice::of_file;
use rustls::pki_types::pem::Error;

/// What is looked for in files.
pub(super) const CERTIFICATE: (&str, &str) = ("certificate", "证书");
pub(super) const PRIVATE_KEY: (&str, &str) = ("private key", "私钥");

/// What is wrong, in English and Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// In English.
    pub en: String,
    /// The same in Chinese.
    pub zh: String,
}

impl Fault {
    /// What is wrong and what to do.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }

    /// Of a file for a connection.
    pub fn of_connection(why: &Unusable) -> Self {
        match why {
            Unusable::Certificates(error) => Self::of(error, CERTIFICATE),
            Unusable::Key(error) => Self::of(error, PRIVATE_KEY),
            Unusable::Pair(error) => Self::new(
                format!("the certificate cannot be shown with this key ({error})"),
                "证书无法使用，或与私钥不配对",
            ),
        }
    }

    /// Of a file in which `wanted` was looked for.
    pub(super) fn of(error: &Error, (wanted, wanted_zh): (&str, &str)) -> Self {
        let shown = |line: &[u8]| String::from_utf8_lossy(line).trim().chars().filter(|c| !c.is_control()).collect();
        match error {
            Error::MissingSectionEnd { end_marker } => {
                let marker: String = shown(end_marker);
                let marker = marker.trim_matches('-').trim_start_matches("END ");
                Self::new(
                    format!("the file is cut short: the line -----END {marker}----- is missing; put it back whole"),
                    format!("文件不完整：缺少 -----END {marker}----- 一行；请换成完整的文件"),
                )
            }
            Error::IllegalSectionStart { line } => {
                let line: String = shown(line);
                Self::new(
                    format!("the line {line:?} begins no section of PEM; put the file back whole"),
                    format!("“{line}”一行不是 PEM 的起始行；请换成完整的文件"),
                )
            }
            Error::Base64Decode(_) => Self::new(
                "what stands between the BEGIN and END lines is no Base64: the file is damaged; put it back whole",
                "BEGIN 与 END 两行之间的内容不是 Base64，文件已损坏；请换成完整的文件",
            ),
            Error::Io(error) => {
                let advice = of_file(error);
                Self::new(format!("{error}; {}", advice.en), advice.zh)
            }
            Error::NoItemsFound => Self::new(
                format!("there is no {wanted} in PEM in it; name the file that has it"),
                format!("文件中没有 PEM 格式的{wanted_zh}；请指定正确的文件"),
            ),
            error => Self::new(
                format!("no {wanted} can be read from it ({error}); name the file that has it"),
                format!("无法从中读取{wanted_zh}；请指定正确的文件"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_file_is_told_in_letters() {
        let fault =
            Fault::of(&Error::MissingSectionEnd { end_marker: b"CERTIFICATE".to_vec() }, ("certificate", "证书"));
        assert!(fault.en.contains("-----END CERTIFICATE-----") && fault.zh.contains("-----END CERTIFICATE-----"));
    }
}
