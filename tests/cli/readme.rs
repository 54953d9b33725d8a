//! The README says what the code does.

use super::support::tree;
use std::fs;

/// What stands between the marks of `name` in the README.
fn section(name: &str) -> String {
    let readme = fs::read_to_string(tree("README.md")).expect("the README");
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = readme.find(&begin).unwrap_or_else(|| panic!("no {begin}")) + begin.len();
    let to = readme[from..].find(&end).unwrap_or_else(|| panic!("no {end}"));
    readme[from..from + to].trim().to_owned()
}

#[test]
fn the_table_of_roles_is_the_codes() {
    let table = zhengming::admin::roles::markdown();
    assert_eq!(section("roles"), table.trim(), "put this between the marks in README.md:\n{table}");
}
