//! Labels by table (registry-rules.md E8), packages, variants, and that no history gives one package two holders.

use crate::world::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use zhengming::idn::table::Builder;
use zhengming::idn::{Label, Table};
use zhengming::registry::command::{Command, ImportName, NameSpec, UnitSpec};
use zhengming::registry::procedure::ApplicationCommand;
use zhengming::registry::*;

/// The table, the divisions and the reserved labels that come with the program.
static TABLE: LazyLock<Arc<Table>> = LazyLock::new(|| {
    let mut builder = Builder::new();
    builder.lgr(include_str!("../../config/idn-zh.xml")).unwrap();
    Arc::new(builder.finish())
});
const DIVISIONS: &str = include_str!("../../config/demo-divisions.tsv");
const COUNTRIES: &str = include_str!("../../config/countries.txt");

pub fn labels() -> Labels {
    static LABELS: LazyLock<Labels> = LazyLock::new(|| {
        let spelling = |text: &str| -> Box<str> { TABLE.bundle_of_text(text).as_str().into() };
        let divisions = Divisions::parse(DIVISIONS, &spelling).unwrap();
        let lines = COUNTRIES.lines().filter(|line| !line.starts_with('#'));
        let reserved: Vec<Label> = lines.chain(["测试"]).map(|line| Label::parse(line).unwrap()).collect();
        Labels::new(Some(TABLE.clone()), &reserved, divisions, LookAlikes::default())
    });
    LABELS.clone()
}

fn world() -> World {
    let mut world = World::new();
    world.policy.labels = labels();
    world.memory.labels = labels();
    world
}

fn unit(world: &mut World, id: &str, name: &str, region: &str) {
    let spec = UnitSpec { name: name.into(), region: Region::parse(region).unwrap(), ..unit_spec(UnitKind::Organ) };
    world.does(&operator(), Command::PutUnit { id: unit_id(id), spec });
}

/// What registering the label under `.政务` for the unit would come to, without registering it.
fn appraised(world: &World, label: &str, unit: &str) -> Result<(NameKey, Appraisal), Refusal> {
    let key = NameKey::parse(&format!("{label}.政务"), &world.policy)?;
    let actor = operator();
    let context = Context {
        policy: &world.policy,
        actor: &actor,
        now: world.now,
        seq: 0,
        if_match: None,
        confirmed: false,
        occupied: &|_| false,
    };
    let unit = world.memory.units.get(&unit_id(unit));
    appraise(&world.memory, &context, &key, unit).map(|appraisal| (key, appraisal))
}

/// Labels that the unit 靖远县教育局 may register.
const TAKEN: &[&str] = &[
    "靖远县教育局",
    "靖遠縣教育局",
    "12345政务热线",
    "１２３４５政务热线",
    "①2345政务热线",
    "ＡＢＣ中心",
    "abc中心",
    "A中心",
    "中心-一",
    "中心－一",
    "南京市鼓楼区人民政府",
    "江苏省南京市鼓楼区人民政府",
    "南京市鼓樓區人民政府",
    "开封市鼓楼区教育局",
    "北京大学",
    "北京市人民政府",
    "中国人民政治协商会议甘肃省靖远县委员会",
    "xn--5nru1rvyheq2ar3pdik",
    "XN--5NRU1RVYHEQ2AR3PDIK",
    "财\u{AD}政局",
    "\u{2FA6}融局",
    "国家税务总局",
    "國家稅務總局",
    "三",
    "一二三",
];

/// Labels that are refused, with the code and what the sentence must say.
const REFUSED: &[(&str, Code, &str)] = &[
    ("", Code::LabelInvalid, "empty"),
    ("12345", Code::LabelInvalid, "no Chinese character"),
    ("１２３４５", Code::LabelInvalid, "no Chinese character"),
    ("nic", Code::LabelInvalid, "no Chinese character"),
    ("www", Code::LabelInvalid, "no Chinese character"),
    ("ＷＷＷ", Code::LabelInvalid, "no Chinese character"),
    ("example", Code::LabelInvalid, "no Chinese character"),
    ("-财政局", Code::LabelInvalid, "character 1"),
    ("财政局-", Code::LabelInvalid, "character 4"),
    ("财政--局", Code::LabelInvalid, "from character 3"),
    ("xn--99999999", Code::LabelInvalid, "no A-label"),
    ("xn--abc-", Code::LabelInvalid, "no Chinese character"),
    ("中国・政府", Code::LabelCharacter, "(U+30FB), character 3 of the label, is a middle dot"),
    ("中国·政府", Code::LabelCharacter, "(U+00B7), character 3 of the label, is a middle dot"),
    ("〇九一医院", Code::LabelCharacter, "(U+3007), character 1 of the label, is not a unified ideograph; write 零"),
    ("财政局\u{200D}", Code::LabelCharacter, "U+200D, character 4"),
    ("财\u{200C}政局", Code::LabelCharacter, "U+200C, character 2"),
    ("财政局か", Code::LabelCharacter, "(U+304B), character 4 of the label, is kana"),
    ("財政局カ", Code::LabelCharacter, "is kana"),
    ("정부机关", Code::LabelCharacter, "is Hangul"),
    ("𠮷林局", Code::LabelCharacter, "(U+20BB7)"),
    ("㐀林局", Code::LabelCharacter, "(U+3400)"),
    ("财政 局", Code::LabelCharacter, "U+0020"),
    ("财政\u{3000}局", Code::LabelCharacter, "U+3000"),
    ("财政_局", Code::LabelCharacter, "(U+005F), character 3"),
    ("财政!局", Code::LabelCharacter, "character 3"),
    ("财政é局", Code::LabelCharacter, "(U+00E9)"),
    ("财政я局", Code::LabelCharacter, "(U+044F)"),
    ("财政😀局", Code::LabelCharacter, "(U+1F600)"),
    ("定仙墕镇人民政府", Code::LabelCharacter, "(U+5895), character 3 of the label, is not in the registry's table"),
    ("xn--u8j563knwf766b", Code::LabelCharacter, "(U+304B), character 4"),
    (
        "中国共产党靖远县委员会机构编制委员会办公室",
        Code::LabelTooLong,
        "65 octets, 63 are the most; use the short form of the name, 2 octets",
    ),
    ("北京市", Code::DivisionReserved, "北京市人民政府"),
    ("北京", Code::DivisionReserved, "北京市人民政府"),
    ("江苏省", Code::DivisionReserved, "江苏省人民政府"),
    ("江蘇省", Code::DivisionReserved, "江苏省人民政府"),
    ("南京市鼓楼区", Code::DivisionReserved, "鼓楼区人民政府"),
    ("靖远县", Code::DivisionReserved, "靖远县人民政府"),
    ("鼓楼区人民政府", Code::DivisionAmbiguous, "福州市/开封市 + 鼓楼区人民政府"),
    ("鼓樓區人民政府", Code::DivisionAmbiguous, "南京市/徐州市"),
    ("江苏省鼓楼区人民政府", Code::DivisionAmbiguous, "南京市/徐州市"),
    ("鼓楼区", Code::DivisionAmbiguous, "4 places"),
    ("法国", Code::LabelReserved, "reserved"),
    ("法國", Code::LabelReserved, "reserved"),
    ("法囯", Code::LabelReserved, "reserved"),
    ("测试", Code::LabelReserved, "reserved"),
    ("測試", Code::LabelReserved, "reserved"),
    ("财政局.示例", Code::LabelInvalid, "directly under a suffix"),
    ("www.财政局", Code::LabelInvalid, "www is not registered"),
];

#[test]
fn labels_are_judged_by_table() {
    let world = world();
    assert!(TAKEN.len() + REFUSED.len() >= 60);
    for label in TAKEN {
        let (key, _) = appraised(&world, label, "u1").unwrap_or_else(|refusal| panic!("{label}: {refusal}"));
        assert!(key.label.as_ascii().len() <= 63);
    }
    for (label, code, part) in REFUSED {
        let refusal = appraised(&world, label, "u1").expect_err(label);
        assert_eq!(refusal.code, *code, "{label}: {refusal}");
        assert!(refusal.en.contains(part), "{label}: {refusal}");
        assert!(refusal.en.ends_with('.') && refusal.zh.ends_with('。'), "{label}: {refusal} {}", refusal.zh);
    }
    let long = |count: usize| appraised(&world, &"一".repeat(count), "u1").map_err(|refusal| refusal.code);
    assert_eq!(long(57).map(|(key, _)| key.label.as_ascii().len()), Ok(63));
    assert_eq!(long(58).map(drop), Err(Code::LabelTooLong));
}

#[test]
fn a_division_is_named_by_its_government_alone() {
    let mut world = world();
    unit(&mut world, "beijing", "北京市人民政府", "110000");
    unit(&mut world, "drum", "南京市鼓楼区人民政府", "320106");
    assert!(appraised(&world, "北京市", "beijing").is_ok() && appraised(&world, "北京", "beijing").is_ok());
    assert_eq!(appraised(&world, "江苏省", "beijing").unwrap_err().code, Code::DivisionReserved);
    assert!(appraised(&world, "南京市鼓楼区", "drum").is_ok());
    let refusal = appraised(&world, "鼓楼区人民政府", "drum").unwrap_err();
    assert!(refusal.en.contains("For this unit: 南京市鼓楼区人民政府."), "{refusal}");
}

fn put(key: &NameKey, unit: &str, variants: Option<Variants>) -> Command {
    Command::PutName { key: key.clone(), spec: NameSpec { variants, ..name_spec(unit, Some(2)) } }
}

fn label(text: &str) -> Option<Label> {
    Some(Label::parse(text).unwrap())
}

#[test]
fn a_registration_takes_its_package_and_activates_its_forms() {
    let mut world = world();
    unit(&mut world, "tax", "国家税务总局", "110000");
    let key = world.key("国家税务总局.政务");
    world.does(&operator(), put(&key, "tax", None));
    let expected = Variants { simplified: None, traditional: label("國家稅務總局") };
    assert_eq!(world.memory.names[&key].variants, expected);
    // Everything else of the package is its own, and stays so.
    for other in ["國家稅務總局.政务", "国傢税务总局.政务", "囯家税务总侷.政务"] {
        let other = world.key(other);
        assert_eq!(world.refuses(&operator(), put(&other, "u1", None)).0, Code::VariantInUse);
        assert_eq!(world.refuses(&operator(), put(&other, "tax", None)).0, Code::VariantOfOwnName);
        let line = ImportName { key: other, ..world.import_line("教育局.政务") };
        assert_eq!(world.import(vec![line]).unwrap_err().first().code, Code::VariantInUse);
    }
    let refusal = appraised(&world, "国傢税务总局", "u1").unwrap_err();
    assert!(refusal.en.contains("in use (variant of 国家税务总局.政务)"), "{refusal}");
    // A package belongs to one set: the other suffix is another matter.
    world.does(&operator(), put(&world.key("國家稅務總局.公益"), "u2", None));
    // What is active changes by hand, within the table.
    let given = |traditional: &str| Some(Variants { simplified: None, traditional: label(traditional) });
    for bad in ["国家税务总局", "国傢税务总局", "国家税务局"] {
        let refused = world.refuses(&operator(), put(&key, "tax", given(bad)));
        assert_eq!(refused, (Code::VariantInvalid, "variants.traditional".into()), "{bad}");
    }
    let decision = world.does(&operator(), put(&key, "tax", given("國家稅務總侷")));
    let ended = Event::VariantsEnded { key: key.clone(), labels: vec![Label::parse("國家稅務總局").unwrap()] };
    assert!(decision.events.contains(&ended), "{:?}", decision.events);
    assert!(world.does(&operator(), put(&key, "tax", None)).events.is_empty());
    world.does(&operator(), put(&key, "tax", Some(Variants::default())));
    assert!(world.memory.names[&key].variants.is_empty());
    // Gone, it is free with all of its package.
    world.does(&operator(), Command::DeleteName { key: key.clone() });
    world.does(&operator(), put(&world.key("國家稅務總局.政务"), "u1", None));
}

#[test]
fn claims_and_kept_labels_are_of_the_whole_package() {
    let mut world = world();
    world.policy.rates = crate::filings::rates();
    let slot = |world: &World, kind, name: &str| SlotSpec { kind, name: world.key(name), years: Some(2) };
    let spec = |world: &World, full: &str, short: &str| ApplicationSpec {
        purpose: Purpose::Site,
        slots: vec![slot(world, 1, full), slot(world, 2, short)],
        resolution: addresses(&["203.0.113.5"]),
        papers: Vec::new(),
    };
    let apply =
        |unit: &str, spec| Command::Apply(ApplicationCommand::Create { unit: unit_id(unit), spec, submit: true });
    let first = spec(&world, "国家税务总局.政务", "国税总局.政务");
    world.does(&submitter(), apply("u1", first));
    world.put_unit("u3", UnitKind::Organ);
    // A variant is the same name to whoever comes later, in an application or not; under the other suffix it is not.
    let variant = spec(&world, "另一个单位.政务", "國税總局.政务");
    assert_eq!(world.refuses(&submitter(), apply("u3", variant)), (Code::NameClaimed, "slots[1].name".into()));
    assert_eq!(world.refuses(&operator(), put(&world.key("國家稅務總局.政务"), "u3", None)).0, Code::NameClaimed);
    // Kept, it is kept with its variants for its last holder.
    let kept = world.key("审计平台.政务");
    let until = world.now.add_days(9);
    world.memory.kept.insert(kept.clone(), Reservation { key: kept.clone(), unit: unit_id("u1"), until });
    let variant = world.key("審計平台.政务");
    assert_eq!(world.refuses(&operator(), put(&variant, "u3", None)).0, Code::LabelKept);
    world.does(&operator(), put(&variant, "u1", None));
}

#[test]
fn forms_in_doubt_wait_for_a_person() {
    let mut world = world();
    let (_, appraisal) = appraised(&world, "审核管理平台", "u1").unwrap();
    let traditional = appraisal.traditional.unwrap();
    assert_eq!((&*traditional.text, traditional.settled), ("審核管理平臺", false));
    let codes: Vec<_> = appraisal.warnings.iter().map(|warning| (warning.code, warning.confirm)).collect();
    assert_eq!(codes, [("traditional_form_uncertain", false), ("unrelated", true)]);
    let key = world.register("审核管理平台.政务");
    assert!(world.memory.names[&key].variants.is_empty());
    let picked = Variants { simplified: None, traditional: label("審核管理平臺") };
    world.does(&operator(), put(&key, "u1", Some(picked.clone())));
    assert_eq!(world.memory.names[&key].variants, picked);
}

/// What is picked is held against the table when it is picked, and again when it would take effect.
#[test]
fn a_picked_form_that_the_table_no_longer_permits_is_left_out() {
    use crate::filings::{admin, confirm, finance, review};
    use zhengming::registry::command::Verdict;
    use zhengming::registry::procedure::OrderCommand;
    let mut world = world();
    world.policy.rates = crate::filings::rates();
    unit(&mut world, "u7", "审核管理平台中心", "620421");
    let slot = |world: &World, kind, name: &str| SlotSpec { kind, name: world.key(name), years: Some(2) };
    let slots = vec![slot(&world, 1, "审核管理平台.政务"), slot(&world, 2, "审管平台.政务")];
    let (purpose, resolution) = (Purpose::Site, addresses(&["203.0.113.5"]));
    let spec = ApplicationSpec { purpose, slots, resolution, papers: Vec::new() };
    let create = Command::Apply(ApplicationCommand::Create { unit: unit_id("u7"), spec, submit: true });
    let application = ApplicationId::parse(&world.does(&submitter(), create).outcome.id).unwrap();
    world.does(&local(), review(application, Step::Local, Verdict::Approve));
    let approve = |picks: &[(u8, &str)]| {
        let form = |text: &str| label(text).map_or(PickedForm::Nothing, PickedForm::Label);
        let forms = picks.iter().map(|(kind, text)| FormPick { kind: *kind, form: form(text) }).collect();
        let (step, verdict, papers) = (Step::Central, Verdict::Approve, Vec::new());
        Command::Apply(ApplicationCommand::Review { application, step, verdict, papers, forms, confirm: false })
    };
    let yes = review(application, Step::Central, Verdict::Approve);
    assert_eq!(world.refuses(&central(), yes), (Code::TraditionalFormRequired, "traditional".into()));
    let odd = approve(&[(1, "審核管理平地"), (2, "審管平臺")]);
    assert_eq!(world.refuses(&central(), odd), (Code::VariantInvalid, "traditional[0].form".into()));
    world.does(&central(), approve(&[(1, "審核管理平颱"), (2, "審管平臺")]));

    let order = world.memory.applications[&application].order.unwrap();
    world.does(&admin(), confirm(order));
    let amount = Money::from_yuan(1200);
    let remitted = world.does(&admin(), Command::Charge(OrderCommand::Remit { orders: vec![order], amount }));
    let remittance = RemittanceId::parse(&remitted.outcome.id).unwrap();
    let recognise = || Command::Charge(OrderCommand::Recognise { remittance, amount });
    let mut without = world.clone();
    (without.policy.labels, without.memory.labels) = (Labels::default(), Labels::default());
    world.does(&finance(), recognise());
    let of = |world: &World, name: &str| world.memory.names[&world.key(name)].variants.clone();
    let picked = |text: &str| Variants { simplified: None, traditional: label(text) };
    assert_eq!(of(&world, "审核管理平台.政务"), picked("審核管理平颱"));
    assert_eq!(of(&world, "审管平台.政务"), picked("審管平臺"));
    assert_eq!(world.memory.applications[&application].unresolved, None);
    // The names are paid for all the same; the application tells what they lack.
    without.does(&finance(), recognise());
    let key = without.key("审核管理平台.政务");
    assert!(without.memory.names[&key].variants.is_empty() && without.memory.resolves(&key));
    let told = without.memory.applications[&application].unresolved.clone().unwrap();
    assert!(told.starts_with("variant_invalid: "), "{told}");
}

#[test]
fn without_a_table_there_are_no_variants() {
    let mut world = World::new();
    let key = world.register("国家税务总局.政务");
    world.register("國家稅務總局.政务");
    assert!(world.memory.names[&key].variants.is_empty());
    let given = Some(Variants { simplified: None, traditional: label("國家稅務總局") });
    assert_eq!(world.refuses(&operator(), put(&key, "u1", given)).0, Code::VariantInvalid);
}

#[test]
fn what_looks_alike_is_shown_to_reviewers() {
    let mut world = world();
    unit(&mut world, "land", "靖远县土地局", "620421");
    world.does(&operator(), put(&world.key("靖远县土地局.政务"), "land", None));
    let codes = |label: &str, unit: &str| {
        let (_, appraisal) = appraised(&world, label, unit).unwrap();
        appraisal.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>()
    };
    assert_eq!(codes("靖远县士地局", "u1"), ["look_alike", "resembles"]);
    assert_eq!(codes("靖远县土地分局", "land"), [] as [&str; 0]);
    assert_eq!(codes("靖远县土地分局", "u1"), ["look_alike"]);
    assert_eq!(codes("博物馆", "u1"), ["look_alike", "unrelated"]);
}

#[test]
fn a_forward_does_not_lead_to_a_variant_of_a_forward() {
    let mut world = world();
    world.resolve("国家税务总局.政务", forward("https://www.example/"));
    let key = world.register("教育局.政务");
    let host = world.key("國家稅務總局.政务");
    let command =
        Command::Submit { name: key, resolution: forward(&format!("https://{host}/")), asserted: both("r-1", "r-2") };
    assert_eq!(world.refuses(&operator(), command).0, Code::TargetLoop);
}

/// Characters of three classes and of none.
const FEW: [&str; 9] = ["国", "國", "囯", "发", "發", "髮", "局", "侷", "山"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_package_has_two_holders(
        steps in proptest::collection::vec((0..4u8, 0..2usize, proptest::collection::vec(0..FEW.len(), 1..3)), 1..40),
    ) {
        let mut world = world();
        unit(&mut world, "u9", "财政部", "110000");
        for (act, unit, characters) in steps {
            let text: String = characters.iter().map(|index| FEW[*index]).collect();
            let key = world.key(&format!("{text}.政务"));
            let command = match act {
                0 => Command::DeleteName { key },
                1 => put(&key, ["u1", "u9"][unit], Some(Variants::default())),
                _ => put(&key, ["u1", "u9"][unit], None),
            };
            drop(world.ask(&operator(), &command));
            let mut holders = BTreeMap::new();
            let mut owners = BTreeMap::new();
            for name in world.memory.names.values() {
                let before = holders.insert(TABLE.bundle(&name.key.label), name.key.clone());
                prop_assert!(before.is_none(), "{} and {before:?}", name.key);
                for label in name.labels() {
                    prop_assert_eq!(TABLE.bundle(label), TABLE.bundle(&name.key.label));
                    prop_assert!(owners.insert(label.clone(), name.key.clone()).is_none());
                }
            }
        }
    }
}
