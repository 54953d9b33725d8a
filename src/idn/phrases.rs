//! Traditional forms by phrases, which know what a single character does not.

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use std::sync::OnceLock;

/// The dictionaries, some MiB, read once; none if they are damaged, which a test excludes.
static PHRASES: OnceLock<Option<OpenCC>> = OnceLock::new();

/// The traditional form of `text` as OpenCC's phrases have it, or `text`.
pub(super) fn to_traditional(text: &str) -> String {
    ready().map_or_else(|| text.to_owned(), |phrases| phrases.convert(text))
}

/// Reads the dictionaries, so that the first conversion need not.
pub(super) fn ready() -> Option<&'static OpenCC> {
    PHRASES.get_or_init(|| OpenCC::from_config(BuiltinConfig::S2t).ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_decide() {
        assert!(ready().is_some());
        assert_eq!(to_traditional("国家税务总局"), "國家稅務總局");
        assert_eq!(to_traditional("财政局"), "財政局");
        assert_eq!(to_traditional("面粉面积"), "麪粉面積");
    }
}
