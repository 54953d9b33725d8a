//! What the units are called: the organs of real divisions where a list of them is given, else of made-up places.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use zhengming::idn::{Bundle, Label, Table};

/// Organs of a division; the last word of a unit's name.
const ORGANS: &str = "人民政府 教育局 公安局 财政局 民政局 司法局 审计局 统计局 水务局 农业农村局 交通运输局 卫生健康委员会 应急管理局 \
档案局 人力资源和社会保障局 市场监督管理局 医疗保障局 自然资源局 生态环境局 住房和城乡建设局 商务局 文化和旅游局 退役军人事务局 信访局 \
人民法院 人民检察院 编办 党校 总工会";
/// Parts of made-up places.
const FIRST: &str =
    "安白北长昌成川春大德东恩丰福甘高广贵海汉杭河和恒洪华怀淮惠吉济嘉建江金锦靖九康昆兰乐丽凉临龙陇罗洛绵南宁平蒲";
const SECOND: &str = "安昌城川德定东冈关河湖化江节津口兰林岭龙门宁平泉山沙水泰田武溪阳义原远泽州";
const RANKS: &str = "市县区镇乡";
/// What every fourth unit registers besides its name.
const SITE: &str = "网站";

/// A unit to be: its division's code, and its labels with their A-labels.
pub struct UnitNames {
    /// Division code, 2 to 12 digits.
    pub region: String,
    /// 单位全称.
    pub name: String,
    /// Its names; the first is `name`.
    pub labels: Vec<NameLabels>,
}

/// The labels of one name.
pub struct NameLabels {
    /// Its A-label.
    pub label: String,
    /// The A-labels of its simplified and of its traditional form, where they are others, and the table leaves no doubt.
    pub forms: [Option<String>; 2],
    /// Whether it leaves no doubt about either; else a reviewer has to pick.
    pub is_settled: bool,
}

/// All units, until so many names are reached.
pub struct Labels(pub Vec<UnitNames>);

impl Labels {
    /// Units with `count` names in all, each in a package of its own.
    pub fn read(count: usize, table: &Table) -> Self {
        let divisions = match env::var("DIVISIONS") {
            Ok(path) => divisions(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))),
            Err(_) => places(count),
        };
        let mut seen = HashSet::new();
        let (mut units, mut names) = (Vec::new(), 0);
        // Organ by organ, so that any number of names spreads over the whole country.
        for organ in ORGANS.split_whitespace() {
            for (region, place) in &divisions {
                if names >= count {
                    return Self(units);
                }
                let name = format!("{place}{organ}");
                let Some(label) = labels_of(&name, table, &mut seen) else { continue };
                let mut labels = vec![label];
                if units.len() % 4 == 0 && names + 1 < count {
                    labels.extend(labels_of(&format!("{name}{SITE}"), table, &mut seen));
                }
                names += labels.len();
                units.push(UnitNames { region: region.clone(), name, labels });
            }
        }
        assert!(names >= count, "there are {names} names only");
        Self(units)
    }
}

/// The labels of a name that may be registered, and whose package was not seen before.
fn labels_of(name: &str, table: &Table, seen: &mut HashSet<Bundle>) -> Option<NameLabels> {
    let label = Label::parse_in(name, Some(table)).ok()?;
    table.check(&label).ok()?;
    seen.insert(table.bundle(&label)).then_some(())?;
    let forms = [table.simplified(&label), table.traditional(&label)];
    let is_settled = forms.iter().flatten().all(|form| form.settled);
    let forms = forms.map(|form| {
        let label = form.filter(|form| form.settled)?.label?;
        Some(label.as_ascii().to_owned())
    });
    Some(NameLabels { label: label.as_ascii().to_owned(), forms, is_settled })
}

/// Codes and names, a division below a district with the name of what it is in before its own.
fn divisions(text: &str) -> Vec<(String, String)> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split('\t').collect()).collect();
    let names: HashMap<&str, &str> = rows.iter().filter_map(|row| Some((*row.get(1)?, *row.get(3)?))).collect();
    let division = |row: &Vec<&str>| {
        let [level, code, parent, name] = row[..] else { return None };
        let above = if level >= "3" { names.get(parent).copied().unwrap_or("") } else { "" };
        Some((code.to_owned(), format!("{above}{name}")))
    };
    rows.iter().filter_map(division).collect()
}

/// Made-up places, for runs without a list.
fn places(count: usize) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for rank in RANKS.chars() {
        for first in FIRST.chars() {
            for second in SECOND.chars() {
                let code =
                    format!("{:02}{:02}{:02}", 11 + places.len() % 55, places.len() / 55 % 90, places.len() % 90);
                places.push((code, format!("{first}{second}{rank}")));
            }
        }
    }
    // Few names shall still come from many organs.
    places.truncate((count / 8).clamp(20, places.len()));
    places
}
