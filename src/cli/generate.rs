//! What is made from nothing but the program itself: tokens, completions, the manual.

use super::Failure;
use super::arguments::Arguments;
use super::output::{print, say};
use crate::admin::token;
use crate::registry::{Region, Role};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::Path;

/// Prints a new token, and the lines of the configuration that let its bearer in.
pub(super) fn token(name: &str, role: Role, regions: &[Region]) -> Result<(), Failure> {
    if role.is_local() && regions.is_empty() {
        let role = role.as_str();
        return Err(Failure::usage(
            format!("a {role} acts in its own region: add --region CODE"),
            format!("{role} 只能在本辖区办理：请加上 --region 代码"),
        ));
    }
    let token = token::generate()
        .map_err(|error| Failure::system(format!("no random octets: {error}"), "系统无法提供随机数"))?;
    eprintln!("The token; it is not shown again / 令牌，仅显示一次：");
    say(&token)?;
    eprintln!("For the configuration, then SIGHUP / 请加入配置文件并发送 SIGHUP:");
    say(format!("[[admin.tokens]]\nname = \"{name}\"\nrole = \"{}\"", role.as_str()))?;
    match regions {
        [] => {}
        [region] => say(format!("region = \"{region}\""))?,
        regions => {
            let quoted: Vec<String> = regions.iter().map(|region| format!("\"{region}\"")).collect();
            say(format!("regions = [{}]", quoted.join(", ")))?;
        }
    }
    say(format!("sha256 = \"{}\"", token::hex(&token::hash(&token))))?;
    Ok(())
}

/// Prints the completions for `shell`.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "zhengming", &mut script);
    print(&script)
}

/// Prints the manual page, or writes it and one for each command into `directory`.
pub(super) fn manual(directory: Option<&Path>) -> Result<(), Failure> {
    if let Some(directory) = directory {
        return clap_mangen::generate_to(Arguments::command(), directory)
            .map_err(|error| Failure::file(directory, &error));
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(Arguments::command()).render(&mut page);
    rendered.map_err(|error| Failure::system(error, "无法生成手册页"))?;
    print(&page)
}
