//! Labels by table, and as properties.

use super::*;
use proptest::prelude::*;

fn alabel(input: &str) -> Result<String, LabelError> {
    Label::parse(input).map(|label| label.as_ascii().to_owned())
}

/// U-labels and A-labels as published by the registry, and forms that map to them.
const ACCEPTED: &[(&str, &str)] = &[
    ("中国政府网", "xn--fiqs8sirgfmhq98a"),
    ("中國政府網", "xn--fiqz9sbqgfmhg46a"),
    ("中央编办", "xn--fiq11i8xgb87b"),
    ("中央編辦", "xn--fiq11y5w3ad3o"),
    ("审核管理平台", "xn--kprv2p5nc27ozzo0xk"),
    ("网上名称管理", "xn--fhq79lut5a96e49bzzi"),
    ("标识证书管理", "xn--1jqr83djpirthx3u3a"),
    ("财政局", "xn--dgt32shz8a"),
    ("財政局", "xn--dgt32sfo8a"),
    ("国家税务总局", "xn--zfr54hw1e2pag3nj78b"),
    ("國家稅務總局", "xn--lhr90hp0e2pax40jgkf"),
    ("靖远县教育局", "xn--5nru1rvyheq2ar3pdik"),
    ("靖远县人民政府办公室", "xn--gmqp9dh0a86a2ywhoe1rocjneq2f3vp"),
    ("靖遠縣人民政府辦公室", "xn--gmqp9di3n24cy6kktkf05a2j3axmbe78a"),
    ("12345政务热线", "xn--12345-p86h552iqst1n2a"),
    ("12345政務熱線", "xn--12345-bj7h321ij2ur6y"),
    // Any width and case, compatibility forms and Kangxi radicals map at input.
    ("１２３４５政务热线", "xn--12345-p86h552iqst1n2a"),
    ("①2345政务热线", "xn--12345-p86h552iqst1n2a"),
    ("xn--dgt32shz8a", "xn--dgt32shz8a"),
    ("XN--DGT32SHZ8A", "xn--dgt32shz8a"),
    ("Xn--12345-P86H552IQST1N2A", "xn--12345-p86h552iqst1n2a"),
    ("ｘｎ－－ｄｇｔ３２ｓｈｚ８ａ", "xn--dgt32shz8a"),
];

#[test]
fn accepts_what_the_registry_publishes() {
    for (input, expected) in ACCEPTED {
        assert_eq!(alabel(input).as_deref(), Ok(*expected), "{input}");
    }
}

#[test]
fn maps_what_people_type() {
    for (input, proper) in [
        ("ＡＢＣ中心", "abc中心"),
        ("Abc中心", "abc中心"),
        ("\u{2FA6}融局", "金融局"),
        ("\u{F90A}融局", "金融局"),
        ("中心－一", "中心-一"),
        ("财\u{AD}政局", "财政局"),
    ] {
        assert_eq!(Label::parse(input), Label::parse(proper), "{input}");
        assert_eq!(Label::parse(input).map(|label| label.as_unicode()), Ok(proper.into()), "{input}");
    }
}

#[test]
fn counts_octets_of_the_a_label() {
    for (input, octets) in [
        ("中国人民政治协商会议甘肃省靖远县委员会".to_owned(), None),
        ("中国共产党靖远县委员会机构编制委员会办公室".to_owned(), Some(65)),
        ("一".repeat(57), None),
        ("一".repeat(58), Some(64)),
        ("一".repeat(200), Some(600)),
        (format!("xn--{}", "a".repeat(60)), Some(64)),
    ] {
        match octets {
            None => assert_eq!(alabel(&input).map(|a| a.len()), Ok(63), "{input}"),
            Some(octets) => assert_eq!(alabel(&input), Err(LabelError::TooLong { octets }), "{input}"),
        }
    }
}

#[test]
fn names_the_character_that_does_not_fit() {
    for (input, character, position, why) in [
        ("中国・政府", '・', 3, Unfit::MiddleDot),
        ("中国·政府", '·', 3, Unfit::MiddleDot),
        ("中国･政府", '･', 3, Unfit::MiddleDot),
        ("〇九一医院", '〇', 1, Unfit::Zero),
        ("财政局\u{200D}", '\u{200D}', 4, Unfit::Invisible),
        ("财\u{200C}政局", '\u{200C}', 2, Unfit::Invisible),
        ("财\u{202E}政局", '\u{202E}', 2, Unfit::Invisible),
        ("财政局か", 'か', 4, Unfit::Kana),
        ("財政局カ", 'カ', 4, Unfit::Kana),
        ("财政局ｶ", 'ｶ', 4, Unfit::Kana),
        ("정부机关", '정', 1, Unfit::Hangul),
        ("𠮷林局", '𠮷', 1, Unfit::RareIdeograph),
        ("㐀林局", '㐀', 1, Unfit::RareIdeograph),
        ("财政局。", '。', 4, Unfit::Dot),
        ("财政.局", '.', 3, Unfit::Dot),
        ("财政 局", ' ', 3, Unfit::Space),
        ("财政\u{3000}局", '\u{3000}', 3, Unfit::Space),
        ("财政\u{0}局", '\u{0}', 3, Unfit::Invisible),
        ("财政é局", 'é', 3, Unfit::Letter),
        ("财政я局", 'я', 3, Unfit::Letter),
        ("财政٣局", '٣', 3, Unfit::Letter),
        ("财政_局", '_', 3, Unfit::Sign),
        ("财政!局", '!', 3, Unfit::Sign),
        ("财政😀局", '😀', 3, Unfit::Sign),
        ("㈱财政局", '㈱', 1, Unfit::Sign),
        // The same inside an A-label, where the position is the decoded label's.
        ("xn--u8j563knwf766b", 'か', 4, Unfit::Kana),
        ("xn--vekv29fn7f97hysi", '・', 3, Unfit::MiddleDot),
        ("xn--uba3770bnsf97hysi", '·', 3, Unfit::MiddleDot),
        ("xn--w6j351g7ha05o441h", '〇', 1, Unfit::Zero),
        ("xn--dgtt7xzl55a", '𠮷', 1, Unfit::RareIdeograph),
    ] {
        let expected = LabelError::Character { character, position, why };
        assert_eq!(alabel(input), Err(expected), "{input}");
    }
}

#[test]
fn refuses_forms_that_are_no_label() {
    for (input, expected) in [
        ("", LabelError::Empty),
        ("\u{AD}", LabelError::Empty),
        ("-财政局", LabelError::HyphenAtEdge { position: 1 }),
        ("财政局-", LabelError::HyphenAtEdge { position: 4 }),
        ("财政局－", LabelError::HyphenAtEdge { position: 4 }),
        ("财政--局", LabelError::DoubleHyphen { position: 3 }),
        ("财政局一--一", LabelError::DoubleHyphen { position: 5 }),
        ("财政-－局", LabelError::DoubleHyphen { position: 3 }),
        ("xn--财政局", LabelError::DoubleHyphen { position: 3 }),
        ("12345", LabelError::NoIdeograph),
        ("nic", LabelError::NoIdeograph),
        ("www", LabelError::NoIdeograph),
        ("example", LabelError::NoIdeograph),
        ("ＷＷＷ", LabelError::NoIdeograph),
        ("xn--abc-", LabelError::NoIdeograph),
        ("xn--", LabelError::Empty),
        ("xn--99999999", LabelError::NoALabel),
        ("xn--0", LabelError::NoALabel),
        // Decoders that are not strict read 财政局 and -财政局 here.
        ("xn---dgt32shz8a", LabelError::NoALabel),
        ("xn----hm2bs9x766b", LabelError::HyphenAtEdge { position: 1 }),
        ("xn-----ls1dz24ayi4c", LabelError::DoubleHyphen { position: 3 }),
    ] {
        assert_eq!(alabel(input), Err(expected), "{input}");
    }
}

#[test]
fn messages_name_character_and_position() {
    let error = Label::parse("財政局か").unwrap_err();
    assert_eq!(error.en(), "“か” (U+304B), character 4 of the label, is kana; write the name in Chinese characters.");
    assert_eq!(error.zh(), "第 4 个字符“か”（U+304B）是假名，请使用汉字。");
    let unseen = Label::parse("财政局\u{200D}").unwrap_err();
    assert!(unseen.en().starts_with("U+200D, character 4"), "{}", unseen.en());
}

#[test]
fn canonical_text_comes_back_and_nothing_else_does() {
    let label = Label::parse("财政局").unwrap();
    assert_eq!(Label::from_canonical(label.as_ascii()), Some(label));
    for bad in ["", "nic", "XN--DGT32SHZ8A", "xn--a.b", "财政局", &format!("xn--{}", "a".repeat(60))] {
        assert_eq!(Label::from_canonical(bad), None, "{bad}");
    }
}

#[test]
fn names_split_at_every_dot() {
    assert_eq!(split_name("财政局。政务．cn"), ["财政局", "政务", "cn"]);
    assert_eq!(split_name("财政局｡政务."), ["财政局", "政务"]);
    assert_eq!(split_name("a..b"), ["a", "", "b"]);
}

#[test]
fn hosts_become_ascii() {
    for (host, expected) in [
        ("XN--DGT32SHZ8A.XN--ZFR164B.", Some("xn--dgt32shz8a.xn--zfr164b")),
        ("财政局.政务", Some("xn--dgt32shz8a.xn--zfr164b")),
        ("WWW.财政局。政务", Some("www.xn--dgt32shz8a.xn--zfr164b")),
        ("财政局.政务.", Some("xn--dgt32shz8a.xn--zfr164b")),
        ("localhost", Some("localhost")),
        ("", None),
        (".", None),
        ("a..b", None),
        ("a b", None),
        ("a/b", None),
        ("财政局/x.政务", None),
        ("财政局:80", None),
    ] {
        assert_eq!(host_to_ascii(host).as_deref(), expected, "{host}");
    }
    assert_eq!(host_to_ascii(&"a.".repeat(130)), None);
}

#[test]
fn names_are_shown_in_unicode() {
    assert_eq!(to_unicode("www.xn--dgt32shz8a.xn--zfr164b.cn"), "www.财政局.政务.cn");
    assert_eq!(to_unicode("xn--99999999.example."), "xn--99999999.example.");
}

proptest! {
    #[test]
    fn parsing_never_panics_and_what_it_takes_has_one_form(
        input in prop::collection::vec(
            prop_oneof![
                prop::char::range('\u{4E00}', '\u{9FFF}'),
                prop::char::range('!', '~'),
                prop::char::range('\u{FF01}', '\u{FF5E}'),
                any::<char>(),
            ],
            0..40,
        ),
        prefixed in any::<bool>(),
    ) {
        let mut text: String = input.into_iter().collect();
        if prefixed {
            text.insert_str(0, "xn--");
        }
        if let Ok(label) = Label::parse(&text) {
            prop_assert!(label.as_ascii().len() <= LABEL_LEN_MAX);
            prop_assert_eq!(Label::parse(label.as_ascii()), Ok(label.clone()));
            prop_assert_eq!(Label::parse(&label.as_unicode()), Ok(label.clone()));
            prop_assert_eq!(Label::from_canonical(label.as_ascii()), Some(label.clone()));
            prop_assert_eq!(host_to_ascii(&label.as_unicode()), Some(label.as_ascii().to_owned()));
        }
        let _ = host_to_ascii(&text);
        let _ = to_unicode(&text);
        let _ = split_name(&text);
    }

    #[test]
    fn every_permitted_label_is_accepted(text in "[\u{4E00}-\u{9FFF}a-z0-9]{1,3}[\u{4E00}-\u{9FFF}][a-z0-9]{0,3}") {
        let label = Label::parse(&text);
        prop_assert!(label.is_ok(), "{:?}", label);
        prop_assert_eq!(label.map(|l| l.as_unicode()), Ok(text));
    }
}
