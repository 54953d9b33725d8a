//! Names for the measurement: places and organs put together from common ideographs, always the same ones.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The suffix that all of them are registered under: 政务.
pub const SUFFIX: &str = "xn--zfr164b";
/// Names of one unit, as in the registry: a full name and a short one.
const NAMES_PER_UNIT: usize = 2;

/// First and second ideographs of places, the ranks of places, and organs.
const FIRST: &str = "安白北长昌成川春大德东恩丰福甘高广贵海汉杭河和恒洪华怀淮惠吉济嘉建江金锦靖九康昆兰乐丽凉临龙陇罗洛绵南宁平蒲青清泉荣瑞三山上邵石双水松遂泰唐天铁通同万武西咸湘新信兴宣雅延阳宜益永榆玉岳云张昭镇中舟重";
const SECOND: &str = "安昌城川德定东冈关河湖化江节津口兰林岭龙门宁平泉山沙水泰田武溪阳义原远泽州";
const RANKS: [&str; 6] = ["市", "县", "区", "州", "镇", "乡"];
const ORGANS: &str = "人民政府 教育局 公安局 财政局 民政局 司法局 审计局 统计局 水务局 农业农村局 交通运输局 卫生健康委员会 应急管理局 \
档案局 人力资源和社会保障局 市场监督管理局 医疗保障局 自然资源局 生态环境局 住房和城乡建设局 商务局 文化和旅游局 退役军人事务局 信访局 \
编办 党校 总工会 人大常委会 政协 发展和改革局 林业和草原局 气象局";
/// Scatters the running number over all combinations; a prime larger than each of the lists, so no combination repeats.
const SCATTER: u64 = 2_654_435_761;
/// Longest label of the DNS in octets (RFC 1035 §2.3.4).
const LABEL_LEN_MAX: usize = 63;

/// The generated registry.
pub struct Names {
    /// A-labels, without the suffix.
    labels: Vec<String>,
    /// The day that terms are counted from, in days since 1970.
    today: i64,
}

impl Names {
    /// The first `count` names.
    pub fn generate(count: usize) -> Self {
        let parts = Parts::new();
        let labels = (0..).filter_map(|number| parts.label(number)).take(count).collect();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { labels, today: i64::try_from(now / 86_400).unwrap_or(0) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// How many units hold them.
    pub fn units(&self) -> usize {
        self.len().div_ceil(NAMES_PER_UNIT)
    }

    /// A name with its suffix, without a final dot.
    pub fn name(&self, index: usize) -> String {
        format!("{}.{SUFFIX}", self.labels[index])
    }

    /// Whether the name was imported with addresses.
    pub fn has_addresses(index: usize) -> bool {
        kind(index) == Kind::Addresses
    }

    /// The address it was imported with.
    pub fn address(index: usize) -> [u8; 4] {
        [198, 51, 100, (index % 254) as u8 + 1]
    }

    /// The day so many days after today, as an import wants it.
    pub fn day_from_now(&self, days: i64) -> String {
        date(self.today + days)
    }

    /// All units and names as lines of an import: each unit before its names.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        (0..self.len()).flat_map(|index| {
            let unit = index.is_multiple_of(NAMES_PER_UNIT).then(|| self.unit_line(index / NAMES_PER_UNIT));
            unit.into_iter().chain([self.name_line(index)])
        })
    }

    fn unit_line(&self, unit: usize) -> String {
        let name = zhengming::idn::to_unicode(&self.labels[unit * NAMES_PER_UNIT]);
        let region = format!("{:02}{:02}{:02}", 11 + unit % 55, 1 + unit % 20, 1 + unit % 30);
        format!("{{\"unit\":{{\"id\":\"u{unit}\",\"name\":\"{name}\",\"kind\":\"organ\",\"region\":\"{region}\"}}}}\n")
    }

    fn name_line(&self, index: usize) -> String {
        let (label, unit) = (&self.labels[index], index / NAMES_PER_UNIT);
        // Terms end from a month to nine years from now, so that due times spread as they do in a registry.
        let expires = self.day_from_now(30 + (index as i64 * 7919) % 3250);
        let mut line = format!(
            "{{\"name\":{{\"name\":\"{label}.{SUFFIX}\",\"unit\":\"u{unit}\",\"registered\":\"2020-01-01\",\
             \"expires\":\"{expires}\",\"kind\":1,\"primary\":{}",
            index.is_multiple_of(NAMES_PER_UNIT)
        );
        let resolution = match kind(index) {
            Kind::Addresses => {
                let [a, b, c, d] = Self::address(index);
                Some(format!("{{\"type\":\"A\",\"addresses\":[\"{a}.{b}.{c}.{d}\"],\"www\":true}}"))
            }
            Kind::Forward => {
                Some(format!("{{\"type\":\"URL\",\"target\":\"https://u{unit}.example/index\",\"code\":302}}"))
            }
            Kind::Delegation => {
                Some(format!("{{\"type\":\"NS\",\"servers\":[\"ns1.u{unit}.example\",\"ns2.u{unit}.example\"]}}"))
            }
            Kind::Nothing => None,
        };
        if let Some(resolution) = resolution {
            write!(line, ",\"resolution\":{resolution},\"basis\":\"migration\"").expect("a string takes every write");
        }
        line + "}}\n"
    }
}

/// What a name resolves to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Addresses,
    Forward,
    Delegation,
    Nothing,
}

fn kind(index: usize) -> Kind {
    match index % 20 {
        0..15 => Kind::Addresses,
        15..18 => Kind::Forward,
        18 => Kind::Delegation,
        _ => Kind::Nothing,
    }
}

/// The lists, by position.
struct Parts {
    first: Vec<char>,
    second: Vec<char>,
    organs: Vec<&'static str>,
}

impl Parts {
    fn new() -> Self {
        let (first, second) = (FIRST.chars().collect(), SECOND.chars().collect());
        Self { first, second, organs: ORGANS.split(' ').collect() }
    }

    /// The label with this number as an A-label; none if it would be too long.
    fn label(&self, number: u64) -> Option<String> {
        let lists = [self.first.len(), self.second.len(), RANKS.len()];
        let radices = [lists[0], lists[1], lists[2], lists[0], lists[1], lists[2], self.organs.len()];
        let all: u64 = radices.iter().map(|radix| *radix as u64).product();
        assert!(number < all, "there are {all} names");
        let mut rest = number * SCATTER % all;
        let digits = radices.map(|radix| {
            let digit = rest % radix as u64;
            rest /= radix as u64;
            digit as usize
        });
        let [a, b, rank, c, d, lower_rank, organ] = digits;
        let text = format!(
            "{}{}{}{}{}{}{}",
            self.first[a],
            self.second[b],
            RANKS[rank],
            self.first[c],
            self.second[d],
            RANKS[lower_rank],
            self.organs[organ]
        );
        zhengming::idn::host_to_ascii(&text).filter(|label| label.len() <= LABEL_LEN_MAX)
    }
}

/// A day since 1970 as year, month and day (the usual arithmetic on years that begin in March).
fn date(days: i64) -> String {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + i64::from(month <= 2))
}
