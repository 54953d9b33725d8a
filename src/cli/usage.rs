//! What is wrong with a command line, in Chinese: the texts of its parser are in English.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The fault, and where to read on; none if `answer` is no fault.
pub(super) fn fault(answer: &clap::Error) -> Option<String> {
    let of = |kind| match answer.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join("、"),
        _ => String::new(),
    };
    let argument = of(ContextKind::InvalidArg);
    let what = match answer.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return None;
        }
        ErrorKind::InvalidSubcommand => format!("没有“{}”这个命令", of(ContextKind::InvalidSubcommand)),
        ErrorKind::MissingSubcommand => "缺少子命令".into(),
        ErrorKind::UnknownArgument => format!("无法识别的参数“{argument}”"),
        ErrorKind::MissingRequiredArgument => format!("缺少必需的参数 {argument}"),
        ErrorKind::ArgumentConflict => format!("参数 {argument} 重复，或不能与其他参数同时使用"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match of(ContextKind::InvalidValue) {
            value if value.is_empty() => format!("参数 {argument} 缺少值"),
            value => format!("参数 {argument} 的值“{value}”无效"),
        },
        ErrorKind::InvalidUtf8 => "参数不是 UTF-8 文本".into(),
        _ => "命令行有误".into(),
    };
    Some(format!("{what}；各命令及参数的说明见 zhengming --help 与 zhengming 命令 --help"))
}
