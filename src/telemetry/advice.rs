//! What to do about what the operating system says, in English and Chinese: its own texts are in English and end there.

use std::fmt;
use std::io::{Error, ErrorKind};

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// In English.
    pub en: &'static str,
    /// In Chinese.
    pub zh: &'static str,
}

/// What to do about a file or directory that cannot be used.
pub fn of_file(error: &Error) -> Advice {
    let (en, zh) = match error.kind() {
        ErrorKind::NotFound => ("check the path", "文件或目录不存在，请检查路径"),
        ErrorKind::PermissionDenied => ("give the user that runs this the right to it", "没有权限，请为运行用户授权"),
        ErrorKind::AlreadyExists => (
            "it is there already and is not overwritten; name another file, or move that one away first",
            "文件已存在，不会被覆盖；请另选文件名，或先移走该文件",
        ),
        ErrorKind::IsADirectory => ("it is a directory; name a file", "这是目录，请指定文件"),
        ErrorKind::NotADirectory => {
            ("it, or what the path leads through, is no directory; check the path", "路径中有一级不是目录，请检查路径")
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ("make room on the disk", "磁盘空间不足，请先清理"),
        ErrorKind::ReadOnlyFilesystem => {
            ("the file system is mounted read-only; name another place", "文件系统为只读，请另选位置")
        }
        ErrorKind::FileTooLarge => ("check that this is the right file", "文件过大，请确认文件无误"),
        ErrorKind::InvalidData => {
            ("it should be text in UTF-8; check that this is the right file", "不是 UTF-8 文本，请确认文件无误")
        }
        _ => ("check the file and its disk", "无法使用，请检查该文件及其所在磁盘"),
    };
    Advice { en, zh }
}

/// What to do about an address that cannot be listened on.
pub fn of_listener(error: &Error) -> Advice {
    let (en, zh) = match error.kind() {
        ErrorKind::AddrInUse => (
            "another process listens there: stop it (`ss -lntup` shows which), or configure another address",
            "该地址已被其他进程占用：请停止该进程（可用 ss -lntup 查看），或在配置中改用其他地址",
        ),
        ErrorKind::AddrNotAvailable => {
            ("this machine has no such address; correct the configuration", "本机没有该地址，请更正配置")
        }
        ErrorKind::PermissionDenied => (
            "ports below 1024 need root or CAP_NET_BIND_SERVICE (see deploy/); give it, or configure another port",
            "1024 以下的端口需要 root 或 CAP_NET_BIND_SERVICE 权限（见 deploy/）：请授权，或在配置中改用其他端口",
        ),
        _ => ("correct the configuration", "请更正配置"),
    };
    Advice { en, zh }
}

impl fmt::Display for Advice {
    /// Both, as on one line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.en, self.zh)
    }
}
