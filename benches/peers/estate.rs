//! The names under measurement: as lines of an import for Zhengming, as a master file for the others.

use super::names::{self, Names};
use std::io::{self, Write};

/// The suffix that they are registered under.
pub const SUFFIX: &str = names::SUFFIX;
/// Names of the unit that is suspended; a tenth of all if there are fewer.
const LARGE_UNIT_NAMES: usize = 10_000;
/// Its id.
pub const LARGE_UNIT: &str = "large";
/// Names of other units.
const NAMES_PER_UNIT: usize = 2;
/// Days until the terms end: longer than the imported data is kept.
const TERM_DAYS: i64 = 4 * 365;

/// The apex of the suffix; the serial is put in. Its servers have addresses that are in the zone.
const APEX: &str = "$TTL 600
@ 300 IN SOA ns1.SUFFIX. hostmaster.SUFFIX. SERIAL 1800 900 1209600 300
\
    @ 3600 IN NS ns1.SUFFIX.
@ 3600 IN NS ns2.SUFFIX.
ns1 3600 IN A 192.0.2.53
ns2 3600 IN A 198.51.100.54
";

/// Registered names: one in a thousand is delegated, the others have an address, and `www` has the same.
///
/// The first seven tenths are asked for. Then come those that measurements change, and at the end those of the large unit:
/// a change that is left behind by a broken run does not disturb the next.
pub struct Estate {
    names: Names,
}

impl Estate {
    /// The first `count` names.
    pub fn generate(count: usize) -> Self {
        Self { names: Names::generate(count) }
    }

    /// How many are registered.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Owner names in the zone.
    pub fn owners(&self) -> usize {
        2 * self.len()
    }

    /// How many of them, from the first, are asked for.
    pub fn asked(&self) -> usize {
        self.len() * 7 / 10
    }

    /// How many the large unit has.
    pub fn large(&self) -> usize {
        LARGE_UNIT_NAMES.min(self.len() / 10)
    }

    /// Numbers of the names that may be changed.
    pub fn changed(&self) -> std::ops::Range<usize> {
        self.asked()..self.len() - self.large()
    }

    /// Numbers of the large unit's names.
    pub fn suspended(&self) -> std::ops::Range<usize> {
        self.len() - self.large()..self.len()
    }

    /// A name with its suffix, without a final dot.
    pub fn name(&self, index: usize) -> String {
        self.names.name(index)
    }

    /// Whether the name is delegated.
    pub fn is_delegated(index: usize) -> bool {
        index % 1000 == 999
    }

    /// The address of a name.
    pub fn address(index: usize) -> [u8; 4] {
        [198, 51, 100 + (index / 254 % 100) as u8, (index % 254) as u8 + 1]
    }

    /// The zone's static records, for Zhengming.
    pub fn apex(serial: u32) -> String {
        let records = APEX.replace("SUFFIX", SUFFIX).replace("SERIAL", &serial.to_string());
        format!("$ORIGIN {SUFFIX}.\n{records}")
    }

    /// Writes the whole zone, a record a line with all its fields.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_zone(&self, mut file: impl Write, serial: u32) -> io::Result<()> {
        file.write_all(Self::apex(serial).as_bytes())?;
        for index in 0..self.len() {
            let name = self.name(index);
            let label = name.split('.').next().expect("a label");
            if Self::is_delegated(index) {
                for (host, glue) in servers(index, &name) {
                    writeln!(file, "{label} 3600 IN NS {host}.")?;
                    if let Some(glue) = glue {
                        let host = host.strip_suffix(SUFFIX).and_then(|host| host.strip_suffix('.')).expect("inside");
                        writeln!(file, "{host} 3600 IN A {glue}")?;
                    }
                }
            } else {
                let address = dotted(Self::address(index));
                writeln!(file, "{label} 600 IN A {address}\nwww.{label} 600 IN A {address}")?;
            }
        }
        file.flush()
    }

    /// All units and names as lines of an import, each unit before its names.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let large = self.suspended();
        let unit = move |index: usize| {
            if large.contains(&index) {
                (LARGE_UNIT.to_owned(), index == large.start)
            } else {
                (format!("u{}", index / NAMES_PER_UNIT), index.is_multiple_of(NAMES_PER_UNIT))
            }
        };
        (0..self.len()).map(move |index| {
            let (unit, is_first) = unit(index);
            let text = format!(
                "{{\"unit\":{{\"id\":\"{unit}\",\"name\":\"单位{unit}\",\"kind\":\"organ\",\"region\":\"620421\"}}}}\n"
            );
            let text = if is_first { text } else { String::new() };
            text + &self.line(index, &unit, is_first, Self::address(index))
        })
    }

    /// The line of one name that is not delegated, with this address.
    pub fn changed_line(&self, index: usize, address: [u8; 4]) -> String {
        let is_first = index.is_multiple_of(NAMES_PER_UNIT);
        self.line(index, &format!("u{}", index / NAMES_PER_UNIT), is_first, address)
    }

    fn line(&self, index: usize, unit: &str, is_first: bool, address: [u8; 4]) -> String {
        let name = self.name(index);
        let resolution = if Self::is_delegated(index) {
            let servers = servers(index, &name).map(|(host, glue)| match glue {
                Some(glue) => format!("{{\"host\":\"{host}\",\"glue\":[\"{glue}\"]}}"),
                None => format!("\"{host}\""),
            });
            format!("{{\"type\":\"NS\",\"servers\":[{}]}}", servers.join(","))
        } else {
            format!("{{\"type\":\"A\",\"addresses\":[\"{}\"],\"www\":true}}", dotted(address))
        };
        let expires = self.names.day_from_now(TERM_DAYS);
        format!(
            "{{\"name\":{{\"name\":\"{name}\",\"unit\":\"{unit}\",\"registered\":\"2020-01-01\",\"expires\":\"{expires}\",\
             \"kind\":1,\"primary\":{is_first},\"resolution\":{resolution},\"basis\":\"migration\"}}}}\n"
        )
    }
}

/// The servers of a delegated name: every second time below it, with glue.
fn servers(index: usize, name: &str) -> [(String, Option<String>); 2] {
    let is_inside = index % 2000 == 1999;
    ["ns1", "ns2"].map(|host| {
        if is_inside {
            (format!("{host}.{name}"), Some(dotted(Estate::address(index))))
        } else {
            (format!("{host}.u{index}.example"), None)
        }
    })
}

/// An address as text.
pub fn dotted([a, b, c, d]: [u8; 4]) -> String {
    format!("{a}.{b}.{c}.{d}")
}
