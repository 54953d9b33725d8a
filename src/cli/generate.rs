//! What is made from nothing but the program itself: tokens, completions, the manual.

use super::Failure;
use super::arguments::Arguments;
use super::output::{print, say, tell};
use crate::admin::{TotpSecret, token};
use crate::journal::SealKey;
use crate::registry::{Region, Role};
use clap::CommandFactory;
use clap_complete::Shell;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Prints a new token, and the lines of the configuration that let its bearer in.
pub(super) fn token(name: &str, role: Role, regions: &[Region], totp: bool) -> Result<(), Failure> {
    if role.is_local() && regions.is_empty() {
        let role = role.as_str();
        return Err(Failure::usage(
            format!("a {role} acts in its own region: add --region CODE"),
            format!("{role} 只能在本辖区办理：请加上 --region 代码"),
        ));
    }
    let no_random =
        |error: getrandom::Error| Failure::system(format!("no random octets: {error}"), "系统无法提供随机数");
    let token = token::generate().map_err(no_random)?;
    let totp = totp.then(TotpSecret::generate).transpose().map_err(no_random)?;
    tell("The token; it is not shown again / 令牌，仅显示一次：");
    say(&token)?;
    if let Some(totp) = &totp {
        tell("For the authenticator, as a QR code or by hand / 请录入验证器：");
        say(totp.uri(name))?;
    }
    tell("For the configuration, then SIGHUP / 请加入配置文件并发送 SIGHUP:");
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
    if let Some(totp) = &totp {
        say(format!("totp_secret = \"{}\"", totp.to_base32()))?;
    }
    Ok(())
}

/// Writes a new key of seals where no file is, and prints its public half.
pub(super) fn seal_key(file: &Path) -> Result<(), Failure> {
    let key = SealKey::generate()
        .map_err(|error| Failure::system(format!("no random octets: {error}"), "系统无法提供随机数"))?;
    let mut options = OpenOptions::new();
    // Nobody else reads a key.
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let write = |mut out: File| out.write_all(key.to_pem().as_bytes()).and_then(|()| out.sync_all());
    opened.and_then(write).map_err(|error| Failure::file(file, &error))?;
    print(key.public().to_pem().as_bytes())
}

/// Prints the public half of a key of seals.
pub(super) fn public_key(file: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?;
    let key = SealKey::from_pem(&text).ok_or_else(|| {
        let file = file.display();
        Failure::refused(
            format!("{file}: no Ed25519 key in PEM; `zhengming seal-key new FILE` makes one"),
            format!("{file}：不是 PEM 格式的 Ed25519 密钥；请用 zhengming seal-key new 生成"),
        )
    })?;
    print(key.public().to_pem().as_bytes())
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
