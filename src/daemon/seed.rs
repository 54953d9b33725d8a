//! The first import: an export that a new registry begins with.

use super::Error;
use super::error::FAULTS_MAX;
use crate::admin::BYTE_ORDER_MARK;
use crate::admin::lines::{self, Item};
use crate::config::Config;
use crate::registry::{Actor, Command, Policy, Refusals, Request, Role};
use crate::update::{Running, Submission, UpdateError};
use std::path::Path;

/// Most lines of a seed: it is imported as one batch, so that a start that is cut off leaves all of it or nothing.
/// Larger registries begin with `zhengming import`.
const SEED_LINES_MAX: usize = 1000;
/// Who the journal says imported it.
const PRINCIPAL: &str = "seed";

/// Imports `[data] seed` if the registry has no unit yet. Nothing is served before.
pub(super) async fn plant(config: &Config, policy: &Policy, writer: &Running) -> Result<(), Error> {
    let Some(path) = config.data.seed.as_deref().map(|seed| config.path(seed)) else { return Ok(()) };
    let bad = |line, en: String, zh: String| Error::Seed { path: path.clone(), line, en, zh };
    let unreadable = |error: &dyn ToString| bad(0, error.to_string(), "存储暂不可用".into());
    let units = writer.handle.read(|store| store.list_units(None, 1)).await;
    let units = units.map_err(|error| unreadable(&error))?.map_err(|error| unreadable(&error))?;
    if !units.items.is_empty() {
        return Ok(());
    }
    let command = Command::Import { items: read(policy, &path)? };
    let submission = Submission {
        actor: Actor { principal: PRINCIPAL.into(), role: Role::Operator, region: None },
        command,
        request: Request { operation: "import".into(), target: PRINCIPAL.into(), note: None, key: None },
        if_match: None,
        dry_run: false,
        // Whoever writes the configuration is past the second factor.
        confirmed: true,
    };
    match writer.handle.submit(submission).await {
        Ok(receipt) => {
            tracing::info!(path = %path.display(), seq = receipt.seq, "the seed was imported");
            Ok(())
        }
        Err(UpdateError::Refused(refusals)) => Err(refused(&path, &refusals)),
        Err(error) => Err(bad(0, error.to_string(), "写入失败".into())),
    }
}

/// Checks the seed as far as that goes without the registry, for `check-config`.
///
/// # Errors
/// [`Error::Seed`] or [`Error::Io`].
pub fn check(config: &Config, policy: &Policy) -> Result<(), Error> {
    let Some(seed) = &config.data.seed else { return Ok(()) };
    read(policy, &config.path(seed)).map(drop)
}

fn read(policy: &Policy, path: &Path) -> Result<Vec<(usize, crate::registry::command::ImportItem)>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let (mut items, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let bad = |en, zh| Error::Seed { path: path.to_owned(), line: number, en, zh };
        if errors.len() == FAULTS_MAX {
            break;
        }
        if number > SEED_LINES_MAX {
            let en = format!("a seed has at most {SEED_LINES_MAX} lines; use `zhengming import` for more");
            errors.push(bad(en, format!("首次导入最多 {SEED_LINES_MAX} 行，更多数据请用 zhengming import")));
            break;
        }
        match lines::parse(line.as_bytes(), policy, PRINCIPAL) {
            Ok(Item::Put(item)) => items.push((number, item)),
            Ok(Item::Begin | Item::End { .. }) => {}
            Ok(Item::Remove(_)) => errors.push(bad("a seed removes nothing".into(), "首次导入不能包含删除".into())),
            Err(problem) => errors.push(bad(problem.en, problem.zh)),
        }
    }
    Error::all(errors).map(|()| items)
}

fn refused(path: &Path, refusals: &Refusals) -> Error {
    let first = refusals.first();
    let line = first.line.unwrap_or(0);
    Error::Seed { path: path.to_owned(), line, en: first.en.to_string(), zh: first.zh.to_string() }
}
