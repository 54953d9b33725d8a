//! The definitions of all commands, from which parsing, help, completions and the manual are made.

use crate::config;
use crate::daemon::Options;
#[cfg(feature = "test-clock")]
use crate::registry::Timestamp;
use crate::registry::{Region, Role};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use std::path::PathBuf;

/// Where the admin API of the demonstration and of the default configuration is.
const URL: &str = "http://127.0.0.1:8053";

const EXIT_CODES: &str = "\
Exit codes / 退出码：
  0  done / 完成
  1  a check failed, or a request was refused / 检查未通过或请求被拒绝
  2  the command line is wrong / 命令行有误
  3  a file, the network or the operating system failed / 文件、网络或系统错误";

/// Name service of .政务 and .公益: authoritative DNS and the registry behind it.
/// 政务与公益域名的权威解析与注册管理
#[derive(Debug, Parser)]
#[command(name = "zhengming", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start the server; SIGHUP re-reads the configuration, SIGTERM drains and stops / 启动服务
    Serve(Serve),
    /// Check a configuration and the zones it names, as `serve` does at its start / 检查配置文件及其区文件
    CheckConfig {
        /// The configuration file / 配置文件
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Check a master file and show every error with its line / 检查区文件
    CheckZone {
        /// Names are registered in this zone: the file may not occupy labels that could be registered / 该区用于域名注册
        #[arg(long)]
        registry: bool,
        /// The zone's apex, in Chinese characters or A-labels / 区的顶点
        apex: String,
        /// The master file / 区文件
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Import units and names (NDJSON) through the admin API; goes on where it stopped / 导入单位与域名
    Import {
        /// What `export` writes; `-` is standard input / 导入文件，“-”为标准输入
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        #[command(flatten)]
        how: ImportHow,
        #[command(flatten)]
        server: Server,
    },
    /// Export all units and names (NDJSON) from the admin API / 导出全部单位与域名
    Export {
        /// Where to; standard output if absent. Written as FILE.part first, which goes if that fails / 输出文件，未写完时为 FILE.part
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: Server,
    },
    /// Place or lift the holds of a list, or export holds / 按名单批量暂停或解除暂停，导出暂停记录
    #[command(subcommand)]
    Holds(HoldsCommand),
    /// Show every journal line of an object, with what was before and after, one JSON object a line / 查看历史
    History {
        /// A name (with a dot in it), in Chinese characters or A-labels, a unit's id, or as applications/a7, orders/o8 / 域名、单位编号，或 applications/a7 等
        object: String,
        #[command(flatten)]
        server: Server,
    },
    /// Read zone files again on a running server, through its admin API / 令运行中的服务重新读取区文件
    Reload {
        /// One zone, in Chinese characters or A-labels; all zones if absent / 区，缺省为全部
        zone: Option<String>,
        /// Only read and check the files / 仅检查，不生效
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Check every line and hash of a journal, without a running server / 校验日志链
    VerifyJournal {
        /// The data directory, or the journal directory in it / 数据目录
        #[arg(value_hint = ValueHint::DirPath)]
        directory: PathBuf,
        /// Check it against its seals too, with the key that `seal-key public` prints / 签名检查点公钥
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        public_key: Option<PathBuf>,
        /// The file of seals; the one beside the journal if absent / 签名检查点文件
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "public_key")]
        seals: Option<PathBuf>,
    },
    /// Keys of the journal's seals / 日志签名密钥
    #[command(subcommand)]
    SealKey(SealKeyCommand),
    /// Rebuild the store from the journal, while the server is stopped / 由日志重建存储
    Rebuild {
        /// The configuration file / 配置文件
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        config: PathBuf,
        /// Go on although the end of the journal is lost; serials stay above every serial the store knew / 接受日志尾部丢失
        #[arg(long)]
        accept_loss: bool,
    },
    /// Tokens of the admin API / 管理接口令牌
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the completions of a shell / 生成命令补全
    Completions {
        /// Which / 命令解释器
        shell: Shell,
    },
    /// Print the manual page, or write all of them / 生成手册页
    Man {
        /// Write zhengming.1 and a page for each command there / 输出目录
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        directory: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration file / 配置文件
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    /// Write the bound addresses there, as JSON, once everything answers / 就绪后写入实际监听地址（JSON）
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ready_file: Option<PathBuf>,
    /// Begin with a clock at this time that only the admin API moves (tests only) / 测试时钟的起点
    #[cfg(feature = "test-clock")]
    #[arg(long, value_name = "TIME", value_parser = time)]
    test_clock: Option<Timestamp>,
    /// Write each change to the store as soon as the one before is there (tests only) / 测试用：每项变更立即写入存储
    #[cfg(feature = "test-clock")]
    #[arg(long)]
    test_batches: bool,
}

impl Serve {
    /// As the daemon takes them.
    pub(super) fn into_options(self) -> Options {
        Options {
            config: self.config,
            ready_file: self.ready_file,
            #[cfg(feature = "test-clock")]
            test_clock: self.test_clock,
            #[cfg(feature = "test-clock")]
            test_batches: self.test_batches,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum HoldsCommand {
    /// Hold the units and names of a list, all or none / 按名单暂停（全部或全不）
    Place(HoldList),
    /// Lift the holds of a list, all or none / 按名单解除暂停（全部或全不）
    Lift(HoldList),
    /// Export the holds in force between two dates, those that were lifted too / 导出暂停记录（含已解除）
    Export(HoldsExport),
}

/// Which holds to export, and where to.
#[derive(Debug, Args)]
pub(super) struct HoldsExport {
    /// Units of this division; all, or the token's own, if absent / 行政区划代码
    #[arg(long, value_parser = region)]
    pub(super) region: Option<Region>,
    /// First day or time; from the beginning if absent / 起始日期
    #[arg(long, value_name = "DATE")]
    pub(super) from: Option<String>,
    /// Last day or time, included; until now if absent / 截止日期（含当日）
    #[arg(long, value_name = "DATE")]
    pub(super) to: Option<String>,
    /// Where to, a table if its name ends in .csv; NDJSON on standard output if absent. Written as FILE.part first / 输出文件，未写完时为 FILE.part
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) output: Option<PathBuf>,
    #[command(flatten)]
    pub(super) server: Server,
}

/// How a file is imported.
#[derive(Debug, Args)]
pub(super) struct ImportHow {
    /// Names the import: what was imported under it before is skipped; the file's digest if absent / 导入编号，用于续传
    #[arg(long)]
    pub(super) id: Option<String>,
    /// The current code of the token's authenticator; the file is one request then / 动态口令（整个文件作为一次请求提交）
    #[arg(long, value_name = "CODE")]
    pub(super) second_factor: Option<String>,
    /// Take an export that was cut short or lacks lines / 允许导入不完整的导出文件
    #[arg(long)]
    pub(super) partial: bool,
}

/// A list of holds, and how it is sent.
#[derive(Debug, Args)]
pub(super) struct HoldList {
    /// Lines with unit or name, reason, evidence, start, end: NDJSON, or CSV with a heading if its name ends in .csv / 名单文件
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// Tell what would stop, and whether the brake would engage, and change nothing / 仅预演，不生效
    #[arg(long)]
    pub(super) dry_run: bool,
    /// The current code of the token's authenticator / 动态口令
    #[arg(long, value_name = "CODE")]
    pub(super) second_factor: Option<String>,
    #[command(flatten)]
    pub(super) server: Server,
}

#[derive(Debug, Subcommand)]
pub(super) enum SealKeyCommand {
    /// Make a key, for its owner only, and print its public half / 生成密钥并输出公钥
    New {
        /// Where; a file that is there is not overwritten / 私钥文件
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Print the public half of a key / 输出公钥
    Public {
        /// The key / 私钥文件
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token: it is shown once; the configuration keeps its hash / 生成令牌（仅显示一次）
    New {
        /// The principal's name in the journal: a role and a place, not a person / 令牌名称
        #[arg(value_parser = token_name)]
        name: String,
        /// submitter, local-reviewer, local-admin, central-reviewer, finance, operator, auditor or viewer / 角色
        #[arg(long, value_parser = role)]
        role: Role,
        /// Division code where it may act, or several; local roles need one / 行政区划代码
        #[arg(long, value_parser = region, value_delimiter = ',')]
        region: Vec<Region>,
        /// Give it a second factor: the secret for an authenticator is shown once as well / 同时生成二次验证密钥
        #[arg(long)]
        totp: bool,
    },
}

/// Which server to talk to, and as whom.
#[derive(Debug, Args)]
pub(super) struct Server {
    /// The admin API / 管理接口地址
    #[arg(long, default_value = URL, value_hint = ValueHint::Url)]
    pub(super) url: String,
    /// File with the token; if absent, the environment's ZHENGMING_TOKEN / 令牌文件
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) token_file: Option<PathBuf>,
    /// Certificates to trust for https, PEM; the system's if absent / 受信任的证书
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) ca: Option<PathBuf>,
    /// Certificate to show, PEM, where the server asks for one / 客户端证书
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// The certificate's key, PEM / 客户端证书的私钥
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "cert")]
    pub(super) key: Option<PathBuf>,
}

fn token_name(text: &str) -> Result<String, String> {
    config::token_name(text)
        .ok_or_else(|| "1 to 64 letters, digits, `-`, `_` or `.`, and no principal of the program itself / 应为 1 至 64 个字母、数字或 -_.，且不得与程序自身的主体同名".to_owned())
}

fn role(text: &str) -> Result<Role, String> {
    config::role(text).ok_or_else(|| format!("one of / 应为以下之一：{}", Role::TOKENS.map(Role::as_str).join(", ")))
}

fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).ok_or_else(|| "2, 4, 6, 9 or 12 digits / 应为 2、4、6、9 或 12 位数字".to_owned())
}

#[cfg(feature = "test-clock")]
fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_start(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_says_what_it_does_in_both_languages() {
        let mut waiting = vec![Arguments::command()];
        while let Some(command) = waiting.pop() {
            let arguments =
                command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"));
            let texts = arguments.map(|argument| (argument.get_id().to_string(), argument.get_help()));
            for (name, text) in texts.chain([(command.get_name().to_owned(), command.get_about())]) {
                let text = text.map(ToString::to_string).unwrap_or_default();
                assert!(text.chars().any(|c| c >= '\u{4e00}'), "{} {name}: {text:?}", command.get_name());
            }
            waiting.extend(command.get_subcommands().cloned());
        }
    }
}
