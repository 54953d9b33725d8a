//! Checks that start nothing: a configuration, a zone, a journal.

use super::Failure;
use super::output::{say, tell};
use crate::config::{self, Config, ConfigError, Examined};
use crate::daemon::{self, Error};
use crate::journal::{self, JournalError, SEALS_FILE, SealError, SealPublicKey};
use crate::registry::Timestamp;
use crate::update::{Clock as _, SystemClock};
use crate::zonefile;
use std::path::Path;

/// Reads everything that a start reads, and starts nothing; tells all that is wrong. What a wrong option or entry names, or
/// what it takes to understand a file, is left for the next time.
pub(super) fn config(file: &Path) -> Result<(), Failure> {
    let examined = Config::examine(file).map_err(Error::from)?;
    let warnings = files(&examined).map_err(|mut errors| {
        if !examined.faults.is_empty() {
            let faults = ConfigError::Faults { path: file.to_owned(), faults: examined.faults.clone() };
            errors.insert(0, faults.into());
        }
        Failure::from(Error::Several(errors))
    })?;
    let config = &examined.config;
    let (zones, tokens) = (config.zone_files().len(), config.admin.tokens.len());
    say(format!("{}: valid, {zones} zones, {tokens} tokens / 有效，{zones} 个区，{tokens} 个令牌", file.display()))?;
    if config.goes_bare() {
        tell("warning: the admin API leaves loopback without TLS / 警告：管理接口在非回环地址上未使用 TLS");
    }
    for warning in warnings {
        tell(warning);
    }
    Ok(())
}

/// Reads the files that a configuration names, and then whether it is right itself; what is only warned of.
fn files(examined: &Examined) -> Result<Vec<String>, Vec<Error>> {
    let config = &examined.config;
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let mut note = |checked: Result<(), Error>| errors.extend(checked.err());
    let checked = daemon::labels::check(config, examined.is_right(&["idn.lgr", "idn.simplified", "idn.traditional"]));
    let table = checked.has_table.then(|| checked.labels.clone());
    note(checked.whole().map(drop).map_err(Error::from));
    match daemon::zones::check(config) {
        Ok(found) => warnings.extend(found.iter().map(ToString::to_string)),
        Err(error) => note(Err(error.into())),
    }
    note(daemon::tls::check(config));
    note(daemon::tokens::load(config).map(drop));
    note(daemon::seals::check(config));
    note(daemon::targets::load(config).map(drop));
    match daemon::keys::load(config) {
        Ok(loaded) => {
            let warning = |warning: &daemon::keys::Warning| format!("warning: {} / 警告：{}", warning.en, warning.zh);
            warnings.extend(loaded.warnings.iter().map(warning));
        }
        Err(error) => note(Err(error.into())),
    }
    note(daemon::outbox::settings(config).map(drop));
    // Its names are read by the table, below the suffixes.
    if let Some(labels) = table
        && examined.is_right(&["suffixes"])
    {
        note(daemon::seed::check(config, &config.policy(labels)));
    }
    if errors.is_empty() && examined.faults.is_empty() { Ok(warnings) } else { Err(errors) }
}

/// Reads one master file and shows everything that is wrong with it.
pub(super) fn zone(apex: &str, file: &Path, registry: bool) -> Result<(), Failure> {
    let name = config::zone_apex(apex)
        .ok_or_else(|| Failure::usage(format!("{apex} is not a domain name"), format!("{apex} 不是域名")))?;
    let report = zonefile::check_signed(file, &name, registry, SystemClock.now().0);
    for problem in report.errors.iter().chain(&report.warnings) {
        tell(problem);
    }
    let (errors, warnings, records) = (report.errors.len(), report.warnings.len(), report.count());
    // Of more than these nobody reads on.
    let (least, least_zh) = if errors < zonefile::PROBLEMS_MAX { ("", "") } else { ("at least ", "至少 ") };
    let is_served = !report.errors.iter().any(|error| error.rule.keeps_from_serving());
    if report.errors.iter().any(|error| error.rule == zonefile::Rule::Unreadable) {
        return Err(Failure::system(format!("{}: cannot be read", file.display()), "区文件无法读取"));
    }
    match report.into_zone() {
        Ok((zone, _)) => {
            let serial = zone.serial();
            say(format!(
                "{name} {records} records, serial {serial}, {warnings} warnings / {records} 条记录，{warnings} 个警告"
            ))?;
            Ok(())
        }
        Err(_) if is_served => Err(Failure::refused(
            format!("{}: {least}{errors} errors; the server serves the zone all the same; mend them", file.display()),
            format!("{least_zh}{errors} 个错误；服务器仍会提供该区，请予更正"),
        )),
        Err(_) => Err(Failure::refused(
            format!("{}: {least}{errors} errors; the zone cannot be served", file.display()),
            format!("{least_zh}{errors} 个错误，该区无法提供服务"),
        )),
    }
}

/// Follows the chain of a journal from its first line to its last.
pub(super) fn journal(directory: &Path, public_key: Option<&Path>, seals: Option<&Path>) -> Result<(), Failure> {
    let inside = directory.join("journal");
    let directory = if inside.is_dir() { &inside } else { directory };
    let report = journal::verify(directory, &mut |_| {}).map_err(|error| match error {
        JournalError::Io { .. } => Failure::system(error, "日志无法读取"),
        _ => Failure::refused_text(error),
    })?;
    let (lines, segments, last) = (report.lines, report.segments, report.last);
    // Nothing at all is no whole journal: a start writes its first line.
    if segments == 0 {
        let directory = directory.display();
        return Err(Failure::refused(format!("{directory}: there is no journal"), format!("{directory}：没有日志")));
    }
    let at = report.at.as_ref().map(Timestamp::to_string).unwrap_or_default();
    say(format!("{lines} lines in {segments} segments, unbroken / {lines} 行，{segments} 段，链完整"))?;
    say(format!("seq {} {at}", last.seq))?;
    say(format!("hash {}", crate::admin::token::hex(&last.hash)))?;
    if let Some(torn) = report.torn {
        say(format!(
            "{}, line {}: {} octets of an unfinished line, which a start cuts off and keeps aside if the store has not applied it \
             / 末尾有未写完的一行；若存储尚未应用，启动时会截去并另存",
            torn.segment, torn.line, torn.octets
        ))?;
    }
    public_key.map_or(Ok(()), |key| check_seals(directory, key, seals))
}

/// Holds the journal against what was sealed of it.
fn check_seals(directory: &Path, key: &Path, seals: Option<&Path>) -> Result<(), Failure> {
    let text = std::fs::read_to_string(key).map_err(|error| Failure::file(key, &error))?;
    let key = SealPublicKey::from_pem(&text).ok_or_else(|| {
        let key = key.display();
        Failure::refused(
            format!("{key}: no public Ed25519 key in PEM; `zhengming seal-key public FILE` prints one"),
            format!("{key}：不是 PEM 格式的 Ed25519 公钥；请用 zhengming seal-key public 输出"),
        )
    })?;
    let beside = directory.parent().unwrap_or(Path::new(".")).join(SEALS_FILE);
    let file = seals.unwrap_or(&beside);
    let report = journal::check_seals(directory, file, &key).map_err(|error| match error {
        SealError::Io { .. } => Failure::system(error, "签名检查点无法读取"),
        _ => Failure::refused_text(error),
    })?;
    if report.seals == 0 {
        let file = file.display();
        // Whoever wrote the journal anew would empty this file too.
        return Err(Failure::refused(
            format!(
                "{file}: there is no seal, so nothing vouches for the journal; compare it with a copy kept elsewhere"
            ),
            format!("{file}：没有签名检查点，无法证明日志未被改写；请与另行保存的副本核对"),
        ));
    }
    let (seals, seq, at, unsealed) = (report.seals, report.seq, report.at, report.unsealed);
    say(format!(
        "{seals} seals, the last of line {seq} at {at}; {unsealed} lines after it are not sealed yet / {seals} 个签名检查点均相符，\
         其后 {unsealed} 行尚未签名"
    ))
}
